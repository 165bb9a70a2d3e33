//! Benchmarks live beside this file; see `benches/*.rs`.
