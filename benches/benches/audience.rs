//! What a line of a list costs until it is in a chunk, as lines per second.
//!
//! `read` takes lines apart: CSV or JSON, the address, its domain, the variables. `batch` puts
//! what was read into chunks by lane. De-duplication and the store come after it.

use std::collections::HashSet;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use postrider_benches::START;
use postrider_pipeline::audience::{Format, ListReader, Parsed};
use postrider_pipeline::batcher::Batcher;

fn main() {
    divan::main();
}

const LINES: usize = 10_000;

/// How a list is written, for the name of the benchmark.
const FORMATS: [&str; 2] = ["csv", "ndjson"];

#[divan::bench(args = FORMATS)]
fn read(bencher: Bencher<'_, '_>, format: &str) {
    let list = list(format);
    let bencher = bencher.counter(ItemsCount::new(LINES));
    bencher.bench(|| parsed(format, black_box(&list)));
}

#[divan::bench]
fn batch(bencher: Bencher<'_, '_>) {
    let lines = parsed("csv", &list("csv"));
    bencher
        .counter(ItemsCount::new(LINES))
        .with_inputs(|| lines.clone())
        .bench_values(|lines| {
            let mut batcher: Batcher<u8> = Batcher::new(HashSet::new());
            let mut ready = Vec::new();
            for Parsed { address, variables } in lines {
                batcher.push((address, variables), 0, &mut ready, START);
            }
            ready.extend(batcher.take_all());
            ready
        });
}

/// Ten thousand people over a hundred domains.
fn list(format: &str) -> String {
    let line = |n: usize| {
        let domain = n % 100;
        match format {
            "csv" => format!("first.last{n}@example{domain}.test,First Last {n},Anywhere\n"),
            _ => format!(
                "{{\"email\":\"first.last{n}@example{domain}.test\",\"name\":\"First Last {n}\",\
                 \"city\":\"Anywhere\"}}\n"
            ),
        }
    };
    let header = if format == "csv" {
        "email,name,city\n"
    } else {
        ""
    };
    let lines: String = (0..LINES).map(line).collect();
    format!("{header}{lines}")
}

fn parsed(format: &str, list: &str) -> Vec<Parsed> {
    let format = match format {
        "csv" => Format::Csv,
        _ => Format::Ndjson,
    };
    let mut reader = ListReader::new(format);
    let mut lines = Vec::with_capacity(LINES);
    reader.read(list.as_bytes(), &mut lines).expect("a list");
    reader.finish(&mut lines).expect("a list");
    let lines: Result<Vec<_>, _> = lines.into_iter().collect();
    lines.expect("every line is good")
}
