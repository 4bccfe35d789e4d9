//! Who else may use the host's files and directories: nobody, if the host may decide that.
//!
//! On a volume that somebody else made for this process (owned by `root`, with one of this process's groups)
//! the group keeps what the owner gave it. Access for everybody is always too much.

use std::fs::Permissions;
use std::io::Result;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

const GROUP_AND_OTHERS: u32 = 0o077;
const OTHERS: u32 = 0o007;

/// Whether everybody may use it, after the host restricted what it could.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileAccess {
    /// Only this process's user, or on somebody else's volume its group.
    Ours,
    /// Its mode, and the user who owns it.
    OpenToAll { mode: u32, owner: u32 },
}

/// Whether a mode gives access to everybody.
pub fn is_open_to_all(mode: u32) -> bool {
    mode & OTHERS != 0
}

/// Removes others' access; says if that is not allowed.
pub fn tighten(path: &Path) -> Result<FileAccess> {
    let found = std::fs::metadata(path)?;
    let (mode, owner) = (found.mode() & 0o7777, found.uid());
    let is_ours = owner == rustix::process::geteuid().as_raw();
    let excess = mode & if is_ours { GROUP_AND_OTHERS } else { OTHERS };
    if excess == 0 || std::fs::set_permissions(path, Permissions::from_mode(mode & !excess)).is_ok()
    {
        return Ok(FileAccess::Ours);
    }
    Ok(if is_open_to_all(mode) { FileAccess::OpenToAll { mode, owner } } else { FileAccess::Ours })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ours_is_ours_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        for mode in [0o755, 0o777, 0o750, 0o700, 0o2770] {
            std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
            assert_eq!(tighten(path).unwrap(), FileAccess::Ours);
            assert_eq!(std::fs::metadata(path).unwrap().mode() & 0o777, 0o700, "{mode:o}");
        }
    }
}
