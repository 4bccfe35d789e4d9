//! Who else may use a file or directory of ours: nobody, where that is ours to say.
//!
//! On a volume that somebody else made for this process (an owner `root`, a group of ours) the group is as the owner
//! wants it; everybody is too many wherever it is.

use std::fs::Permissions;
use std::io::Result;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

const GROUP_AND_OTHERS: u32 = 0o077;
const OTHERS: u32 = 0o007;

/// Whether everybody may use it, after what can be done about it has been.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Nobody but us, or on somebody else's volume our group.
    Ours,
    /// Its mode, and the user whom it belongs to.
    OpenToAll { mode: u32, owner: u32 },
}

/// Whether a mode lets everybody in.
pub fn is_open_to_all(mode: u32) -> bool {
    mode & OTHERS != 0
}

/// Takes away what others may do with it; says if that is not allowed.
pub fn tighten(path: &Path) -> Result<Access> {
    let found = std::fs::metadata(path)?;
    let (mode, owner) = (found.mode() & 0o7777, found.uid());
    let is_ours = owner == rustix::process::geteuid().as_raw();
    let excess = mode & if is_ours { GROUP_AND_OTHERS } else { OTHERS };
    if excess == 0 || std::fs::set_permissions(path, Permissions::from_mode(mode & !excess)).is_ok()
    {
        return Ok(Access::Ours);
    }
    Ok(if is_open_to_all(mode) { Access::OpenToAll { mode, owner } } else { Access::Ours })
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
            assert_eq!(tighten(path).unwrap(), Access::Ours);
            assert_eq!(std::fs::metadata(path).unwrap().mode() & 0o777, 0o700, "{mode:o}");
        }
    }
}
