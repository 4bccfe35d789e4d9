//! The machine as this process may use it: memory, descriptors and cores. Settings that the operator does not
//! set are derived from it.

use std::path::{Path, PathBuf};

use rustix::process::{Resource, getrlimit};

/// The assumed memory if nothing says how much there is, in bytes.
const UNKNOWN_MEMORY_BYTES: u64 = 8 << 30;
/// The most descriptors that the host counts on, even if there may be more.
const MOST_DESCRIPTORS: u64 = 1 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine {
    /// The machine's, or the limit of a control group.
    pub memory_bytes: u64,
    /// The hard limit: the host raises its soft one to it.
    pub descriptors: u64,
    pub cores: usize,
}

impl Machine {
    pub fn here() -> Self {
        let hard = getrlimit(Resource::Nofile).maximum.unwrap_or(MOST_DESCRIPTORS);
        Self {
            memory_bytes: memory_bytes(),
            descriptors: hard.min(MOST_DESCRIPTORS),
            cores: cores(),
        }
    }
}

pub fn cores() -> usize {
    // This considers control groups and affinities. If it is unknown, one core is assumed.
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Memory in bytes.
pub fn memory_bytes() -> u64 {
    memory_under(Path::new("/")).unwrap_or(UNKNOWN_MEMORY_BYTES)
}

/// The smallest memory that the machine or a control group of this process names; `root` is `/` except in
/// tests.
fn memory_under(root: &Path) -> Option<u64> {
    let read = |path: &str| std::fs::read_to_string(root.join(path)).unwrap_or_default();
    let of_groups = groups(&read("proc/self/cgroup"));
    let limits = of_groups.iter().filter_map(|file| read(file.to_str()?).trim().parse().ok());
    limits.chain(of_machine(&read("proc/meminfo"))).min()
}

fn of_machine(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1 << 10)
}

/// The files with the memory limits of this process's control group and of those above it, for version 2 and
/// version 1. A container may see its own group as the root.
fn groups(memberships: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for line in memberships.lines() {
        let mut parts = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(group)) = (parts.next(), parts.next(), parts.next())
        else {
            continue;
        };
        let (mount, names): (_, &[&str]) = match controllers {
            "" => ("sys/fs/cgroup", &["memory.max", "memory.high"]),
            list if list.split(',').any(|one| one == "memory") => {
                ("sys/fs/cgroup/memory", &["memory.limit_in_bytes"])
            }
            _ => continue,
        };
        let group = Path::new(mount).join(group.trim_start_matches('/'));
        let above = group.ancestors().take_while(|one| one.starts_with(mount));
        files.extend(above.flat_map(|one| names.iter().map(move |name| one.join(name))));
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    /// A machine of 8 GiB with these files.
    fn memory(files: &[(&str, &str)]) -> Option<u64> {
        let root = tempfile::tempdir().unwrap();
        let machine = ("proc/meminfo", "MemTotal:        8388608 kB\nMemFree:  1 kB\n");
        for (path, text) in files.iter().chain([&machine]) {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        memory_under(root.path())
    }

    #[test]
    fn without_a_group_s_limit_it_is_the_machine_s() {
        assert_eq!(memory(&[]), Some(8 * GIB));
        let group = ("proc/self/cgroup", "0::/a\n");
        assert_eq!(memory(&[group, ("sys/fs/cgroup/a/memory.max", "max\n")]), Some(8 * GIB));
        let more = ("sys/fs/cgroup/a/memory.max", "99999999999999\n");
        assert_eq!(memory(&[group, more]), Some(8 * GIB));
    }

    #[test]
    fn the_least_of_a_group_and_those_above_it_counts() {
        let group = ("proc/self/cgroup", "0::/system.slice/moothall.service\n");
        let own = ("sys/fs/cgroup/system.slice/moothall.service/memory.max", "2147483648\n");
        let above = ("sys/fs/cgroup/system.slice/memory.high", "1073741824\n");
        assert_eq!(memory(&[group, own]), Some(2 * GIB));
        assert_eq!(memory(&[group, own, above]), Some(GIB));
    }

    #[test]
    fn a_container_sees_its_own_group_as_the_root() {
        let limit = ("sys/fs/cgroup/memory.max", "536870912\n");
        assert_eq!(memory(&[("proc/self/cgroup", "0::/\n"), limit]), Some(GIB / 2));
        let outside = ("proc/self/cgroup", "0::/docker/4f5a\n");
        assert_eq!(memory(&[outside, limit]), Some(GIB / 2));
    }

    #[test]
    fn version_1_of_control_groups_is_understood() {
        let group = ("proc/self/cgroup", "5:cpu,cpuacct:/x\n4:memory:/docker/4f5a\n");
        let limit = ("sys/fs/cgroup/memory/docker/4f5a/memory.limit_in_bytes", "268435456\n");
        assert_eq!(memory(&[group, limit]), Some(GIB / 4));
    }

    #[test]
    fn this_machine_has_something_of_each() {
        let here = Machine::here();
        assert!(here.memory_bytes > 0 && here.descriptors > 0 && here.cores > 0, "{here:?}");
    }
}
