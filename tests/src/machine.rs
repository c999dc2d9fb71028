//! What machine figures were measured on.

use std::fs;
use std::thread;

/// One line that says where the figures were measured.
pub fn description() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| {
        text.lines()
            .find(|line| line.starts_with(name))
            .and_then(|line| line.split_once(':'))
            .map_or_else(
                || "unknown".to_owned(),
                |(_, value)| value.trim().to_owned(),
            )
    };
    let memory_kb: u64 = field(&read("/proc/meminfo"), "MemTotal")
        .trim_end_matches(" kB")
        .parse()
        .unwrap_or(0);
    format!(
        "{} × {}, {} GB of memory, Linux {}",
        thread::available_parallelism().map_or(1, usize::from),
        field(&read("/proc/cpuinfo"), "model name"),
        (memory_kb + (1 << 19)) >> 20,
        read("/proc/sys/kernel/osrelease").trim(),
    )
}
