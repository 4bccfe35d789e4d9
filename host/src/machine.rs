//! What the machine has that this process may use: the container's share where there is one.

use std::path::Path;

/// Where version 2 of control groups says how much memory this process's group may use.
const CGROUP_MEMORY: &str = "/sys/fs/cgroup/memory.max";

pub fn cores() -> usize {
    // Unknown is as good as one.
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Memory in bytes.
pub fn memory_bytes() -> u64 {
    let info = rustix::system::sysinfo();
    let all = info.totalram.saturating_mul(u64::from(info.mem_unit.max(1)));
    bound(Path::new(CGROUP_MEMORY)).map_or(all, |bound| all.min(bound))
}

/// None where the file is not there or says `max`.
fn bound(file: &Path) -> Option<u64> {
    std::fs::read_to_string(file).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_a_container_is_what_there_is() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("memory.max");
        std::fs::write(&file, "1073741824\n").unwrap();
        assert_eq!(bound(&file), Some(1 << 30));
        std::fs::write(&file, "max\n").unwrap();
        assert_eq!(bound(&file), None);
        assert!(memory_bytes() > 0 && cores() > 0);
    }
}
