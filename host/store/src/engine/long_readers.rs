//! Finds the processes that read an old state of the database, and so prevent the write-ahead log from starting again, by
//! their locks in `/proc/locks`. On Linux alone.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The bytes of the log's index that readers lock (`WAL_READ_LOCK`).
const READ_LOCKS: std::ops::RangeInclusive<u64> = 123..=127;
/// Longest command line that is shown, in bytes.
const COMMAND_BYTES: usize = 200;

/// Other processes that read now, each with its command line.
pub fn others(index: &Path) -> Vec<String> {
    let Ok(inode) = std::fs::metadata(index).map(|found| found.ino()) else { return Vec::new() };
    let locks = std::fs::read_to_string("/proc/locks").unwrap_or_default();
    let mut readers = readers(&locks, inode);
    readers.retain(|process| *process != std::process::id());
    readers.into_iter().map(named).collect()
}

fn readers(locks: &str, inode: u64) -> Vec<u32> {
    let mut found: Vec<u32> = locks.lines().filter_map(|line| reader(line, inode)).collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// `7: POSIX  ADVISORY  READ 4711 08:02:131 123 123`
fn reader(line: &str, inode: u64) -> Option<u32> {
    let mut words = line.split_whitespace().skip_while(|word| *word != "READ").skip(1);
    let process = words.next()?.parse().ok()?;
    let file = words.next()?.rsplit(':').next()?;
    let first = words.next()?.parse().ok()?;
    (file.parse() == Ok(inode) && READ_LOCKS.contains(&first)).then_some(process)
}

fn named(process: u32) -> String {
    let command = std::fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
    let command = String::from_utf8_lossy(&command).replace('\0', " ");
    let command = command.trim();
    let shown = command.floor_char_boundary(COMMAND_BYTES);
    format!("process {process} ({})", &command[..shown])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_are_known_by_their_locks() {
        let locks = "1: POSIX  ADVISORY  READ 10 08:02:131 123 123\n\
                     1: -> POSIX  ADVISORY  READ 16 08:02:131 127 127\n\
                     2: POSIX  ADVISORY  WRITE 11 08:02:131 120 120\n\
                     3: POSIX  ADVISORY  READ 12 08:02:131 128 128\n\
                     4: POSIX  ADVISORY  READ 13 08:02:132 123 123\n\
                     5: FLOCK  ADVISORY  WRITE 14 08:02:131 0 EOF\n\
                     6: POSIX  ADVISORY  READ 15 08:02:131 124 124\n\
                     what this kernel does not say";
        assert_eq!(readers(locks, 131), [10, 15, 16]);
    }
}
