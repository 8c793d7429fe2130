//! What the figures were measured on, as far as the system says.

use std::fmt;
use std::fs;
use std::path::Path;

use serde::Serialize;

/// A machine.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Machine {
    cores: usize,
    processor: String,
    memory_bytes: u64,
    system: String,
    /// That of the folder in which everything is measured.
    file_system: String,
}

const UNKNOWN: &str = "unknown";

impl Machine {
    /// Looks at this machine, with the file system of a folder.
    pub(super) fn look(folder: &Path) -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let kernel = read("/proc/sys/kernel/osrelease");
        let memory_kib = field(&read("/proc/meminfo"), "MemTotal").and_then(|size| {
            let number = size.split_whitespace().next()?;
            number.parse::<u64>().ok()
        });
        Self {
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get),
            processor: field(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| UNKNOWN.to_owned()),
            memory_bytes: memory_kib.unwrap_or(0) << 10,
            system: format!("{} {}", std::env::consts::OS, kernel.trim()).trim().to_owned(),
            file_system: file_system(&read("/proc/mounts"), folder).unwrap_or_else(|| UNKNOWN.to_owned()),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cores, processor, memory_bytes, system, file_system } = self;
        let memory_gib = *memory_bytes as f64 / f64::from(1 << 30);
        write!(formatter, "{cores} cores ({processor}), {memory_gib:.0} GiB, {system}, {file_system}")
    }
}

/// The value of a line `name : value`.
pub(super) fn field(text: &str, name: &str) -> Option<String> {
    let mut lines = text.lines().filter_map(|line| line.split_once(':'));
    lines.find(|(known, _)| known.trim() == name).map(|(_, value)| value.trim().to_owned())
}

/// The type of the file system in which a folder lies: that of the longest place above it.
fn file_system(mounts: &str, folder: &Path) -> Option<String> {
    let mounts = mounts.lines().filter_map(|line| {
        let mut words = line.split_whitespace().skip(1);
        Some((words.next()?, words.next()?))
    });
    let above = mounts.filter(|(place, _)| folder.starts_with(place));
    above.max_by_key(|(place, _)| place.len()).map(|(_, kind)| kind.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_lies_in_the_file_system_mounted_nearest_above_it() {
        let mounts = "/dev/a / ext4 rw 0 0\ntmpfs /tmp tmpfs rw 0 0\n/dev/b /tmpx xfs rw 0 0\n";
        let kind = |folder: &str| file_system(mounts, Path::new(folder));
        assert_eq!((kind("/tmp/x").as_deref(), kind("/var").as_deref()), (Some("tmpfs"), Some("ext4")));
    }
}
