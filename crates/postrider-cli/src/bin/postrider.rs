//! The command `postrider`.

/// Less memory and time than the system's allocator with many small messages on many threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    postrider_cli::main()
}
