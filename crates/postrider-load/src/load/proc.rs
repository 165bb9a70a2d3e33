//! What the kernel counts for a process: processor time and memory, from `/proc/PID`.

use std::path::PathBuf;

/// What a process has used until now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Usage {
    /// Processor time in user and kernel mode, microseconds; the kernel counts in 10,000.
    pub(crate) cpu_us: u64,
    /// Resident memory now.
    pub(crate) rss_bytes: u64,
    /// Most resident memory ever.
    pub(crate) rss_bytes_max: u64,
}

impl Usage {
    /// The usage of a process that runs; nothing when it is gone.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        let read = |name: &str| {
            let path: PathBuf = ["/proc", &pid.to_string(), name].iter().collect();
            std::fs::read_to_string(path).ok()
        };
        let cpu_us = cpu_us(&read("stat")?, tick_us())?;
        let status = read("status")?;
        Some(Self {
            cpu_us,
            rss_bytes: kibibytes(&status, "VmRSS:").unwrap_or(0),
            rss_bytes_max: kibibytes(&status, "VmHWM:").unwrap_or(0),
        })
    }

    /// The usage of a process and of those that it has started. Of the ones that have ended only
    /// the time counts.
    pub(crate) fn of_family(pid: u32) -> Option<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let mut sum = Self {
            cpu_us: ticks(&stat, 4)? * tick_us(),
            ..Self::of(pid)?
        };
        for child in children(pid).into_iter().filter_map(Self::of) {
            sum.cpu_us += child.cpu_us;
            sum.rss_bytes += child.rss_bytes;
            sum.rss_bytes_max += child.rss_bytes_max;
        }
        Some(sum)
    }

    /// The usage of two lives of one service: times add up, memory does not.
    pub(crate) fn and(self, next: Self) -> Self {
        Self {
            cpu_us: self.cpu_us + next.cpu_us,
            rss_bytes: next.rss_bytes,
            rss_bytes_max: self.rss_bytes_max.max(next.rss_bytes_max),
        }
    }
}

/// The processes that a process has started and that live, in order.
pub(crate) fn children(pid: u32) -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let is_child = |child: &u32| {
        let stat = std::fs::read_to_string(format!("/proc/{child}/stat"));
        stat.is_ok_and(|stat| parent_of(&stat) == Some(pid))
    };
    let mut children: Vec<_> = pids.filter(is_child).collect();
    children.sort_unstable();
    children
}

/// The parent of a process that has not ended, by its `stat`.
fn parent_of(stat: &str) -> Option<u32> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace();
    let is_alive = fields.next()? != "Z";
    let parent = fields.next()?.parse().ok()?;
    is_alive.then_some(parent)
}

/// Processor time of this process and of its children that have ended, microseconds; 0 where the
/// kernel does not say.
pub(crate) fn own_cpu_us() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    ticks(&stat, 4).unwrap_or(0) * tick_us()
}

/// Processor time that all processes of the machine have used since it started, microseconds; 0
/// where the kernel does not say.
pub(crate) fn machine_cpu_us() -> u64 {
    let stat = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    busy_ticks(&stat).unwrap_or(0) * tick_us()
}

/// The first line but for its idle fields, which are the fourth and the fifth.
fn busy_ticks(stat: &str) -> Option<u64> {
    let fields = stat
        .lines()
        .next()?
        .strip_prefix("cpu ")?
        .split_whitespace();
    let fields: Vec<u64> = fields.map_while(|field| field.parse().ok()).collect();
    let idle: u64 = fields.iter().skip(3).take(2).sum();
    // Time of guests, from the ninth on, is in the first two already.
    let all: u64 = fields.iter().take(8).sum();
    (fields.len() >= 5).then(|| all - idle)
}

/// Microseconds of a tick.
fn tick_us() -> u64 {
    1_000_000 / rustix::param::clock_ticks_per_second().max(1)
}

/// The time in user and in kernel mode.
fn cpu_us(stat: &str, tick_us: u64) -> Option<u64> {
    Some(ticks(stat, 2)? * tick_us)
}

/// The sum of so many fields of `stat` from the 14th on, counted from behind the name, which may
/// hold anything: own time in user and kernel mode, then that of children that were waited for.
fn ticks(stat: &str, count: usize) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let fields = fields.split_whitespace().skip(11).take(count);
    let ticks: Vec<u64> = fields.map_while(|field| field.parse().ok()).collect();
    (ticks.len() == count).then(|| ticks.iter().sum())
}

fn kibibytes(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let number: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(number * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_found_behind_any_name() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 9 0 0 0 150 50 0 0 20 0 4 0 99";
        assert_eq!(cpu_us(stat, 10_000), Some(2_000_000));
        assert_eq!(cpu_us("", 10_000), None);
        let stat = "7 (a) S 1 7 7 0 -1 4194560 9 0 0 0 150 50 20 5 20 0 4 0 99";
        assert_eq!(
            ticks(stat, 4),
            Some(225),
            "children that have ended count too"
        );
    }

    #[test]
    fn the_machine_is_busy_with_what_is_not_idle() {
        let stat = "cpu  10 1 5 900 80 2 3 4 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n";
        assert_eq!(busy_ticks(stat), Some(25));
        assert_eq!(busy_ticks(""), None);
        assert!(machine_cpu_us() > 0);
    }

    #[test]
    fn a_parent_is_found_behind_any_name_and_the_dead_have_none() {
        assert_eq!(parent_of("7 (a) b) S 12 7 7 0"), Some(12));
        assert_eq!(parent_of("7 (a) Z 12 7 7 0"), None);
        assert_eq!(parent_of(""), None);
    }

    #[test]
    fn a_family_uses_what_its_members_use() {
        let mut child = std::process::Command::new("sleep")
            .arg("60")
            .spawn()
            .unwrap();
        let own = std::process::id();
        let is_seen = children(own).contains(&child.id());
        let (alone, family) = (Usage::of(own).unwrap(), Usage::of_family(own).unwrap());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(is_seen);
        assert!(family.rss_bytes > alone.rss_bytes / 2);
        assert!(!children(own).contains(&child.id()));
    }

    #[test]
    fn memory_is_read_in_kibibytes() {
        let status = "Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n";
        assert_eq!(kibibytes(status, "VmHWM:"), Some(2 << 20));
        assert_eq!(kibibytes(status, "VmSwap:"), None);
    }

    #[test]
    fn this_process_has_used_memory_and_a_process_that_is_gone_has_no_usage() {
        let own = Usage::of(std::process::id()).unwrap();
        assert!(own.rss_bytes > 0 && own.rss_bytes_max >= own.rss_bytes);
        assert_eq!(Usage::of(u32::MAX), None);
    }

    #[test]
    fn the_times_of_two_lives_add_up_and_their_memory_does_not() {
        let life = |cpu_us, rss_bytes_max| Usage {
            cpu_us,
            rss_bytes: 1,
            rss_bytes_max,
        };
        assert_eq!(life(10, 500).and(life(20, 300)), life(30, 500));
    }
}
