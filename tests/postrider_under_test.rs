//! The command `postrider` for the tests, allocator included, and with fail points.

/// The plan of the fail points: what the process does where, as `postrider_failpoint::plan` says.
const PLAN: &str = "FAILPOINTS";

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    if let Some(plan) = std::env::var_os(PLAN) {
        let plan = plan.into_string().expect("a plan is UTF-8");
        postrider_failpoint::arm(&plan).expect("a plan that can be read");
    }
    postrider_cli::main()
}
