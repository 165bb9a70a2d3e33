//! Where a run takes place, as the machine says it itself; what it does not say is `unknown`.

use std::path::Path;

use tokio::process::Command;

use crate::run::Machine;

/// This machine.
pub(crate) fn here() -> Machine {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let kernel = format!(
        "{} {}",
        read("/proc/sys/kernel/ostype").trim(),
        read("/proc/sys/kernel/osrelease").trim()
    );
    let cores = std::thread::available_parallelism();
    Machine {
        cores: cores.map_or(1, usize::from),
        kernel: or_unknown(&kernel),
        cpu: or_unknown(&field(&read("/proc/cpuinfo"), "model name")),
        memory_bytes: memory_bytes(&read("/proc/meminfo")),
    }
}

/// What was run: `git describe` where the executable lies in a repository, else the version.
pub(crate) async fn commit(executable: &Path) -> String {
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let Some(folder) = executable.parent() else {
        return version;
    };
    let mut command = Command::new("git");
    command
        .args(["describe", "--always", "--dirty", "--tags"])
        .current_dir(folder)
        .kill_on_drop(true);
    match command.output().await {
        Ok(output) if output.status.success() => {
            let described = String::from_utf8_lossy(&output.stdout);
            format!("{version} ({})", described.trim())
        }
        _ => version,
    }
}

fn or_unknown(text: &str) -> String {
    let text = text.trim();
    if text.is_empty() { "unknown" } else { text }.to_owned()
}

/// The value of the first line with this name before its colon.
fn field(text: &str, name: &str) -> String {
    let found = text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim().to_owned())
    });
    found.unwrap_or_default()
}

fn memory_bytes(meminfo: &str) -> u64 {
    let total = field(meminfo, "MemTotal");
    let kibibytes = total.split_whitespace().next().unwrap_or_default();
    kibibytes.parse().map_or(0, |number: u64| number * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_that_says_nothing_is_unknown() {
        assert_eq!(or_unknown(" \n"), "unknown");
        assert_eq!(memory_bytes(""), 0);
    }

    #[test]
    fn processor_and_memory_are_read() {
        let text = "processor\t: 0\nmodel name\t: Fast 9\n\nmodel name\t: Other\n";
        assert_eq!(field(text, "model name"), "Fast 9");
        assert_eq!(memory_bytes("MemTotal:  1024 kB\n"), 1 << 20);
        assert!(here().cores >= 1);
    }
}
