//! Native code on disk: one file for each content and engine.
//!
//! What serves is kept. What does not is kept while there is room, so that a file that comes back, and an earlier
//! version, need no compilation.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs::File;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::fs::{Timespec, Timestamps, UTIME_NOW, UTIME_OMIT, futimens};
use sha2::{Digest as _, Sha256};
use wasmtime::Engine;

use super::relink;
use crate::plugins::mark;

/// SHA-256 in hex.
pub fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing to a string does not fail.
        let _infallible = write!(hex, "{byte:02x}");
        hex
    })
}

/// The native code of one engine, in a directory of its own.
pub struct Cache {
    directory: PathBuf,
    /// What native code depends on besides the component: the engine's version, its settings and the CPU, and how
    /// core modules are linked.
    compatibility: String,
}

/// Native code that nothing uses.
struct Unused {
    file: PathBuf,
    digest: String,
    bytes: u64,
    since: SystemTime,
}

impl Cache {
    pub fn new(directory: PathBuf, engine: &Engine) -> Self {
        let mut hasher = std::hash::DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        relink::VERSION.hash(&mut hasher);
        Self { directory, compatibility: format!("{:016x}", hasher.finish()) }
    }

    pub fn directory(&self) -> &Path {
        &self.directory
    }

    pub fn compatibility(&self) -> &str {
        &self.compatibility
    }

    /// Where the native code of this content is.
    pub fn file(&self, digest: &str) -> PathBuf {
        self.directory.join(format!("{digest}-{}.cwasm", self.compatibility))
    }

    /// Notes that this content is used no more from now on: what was used last is kept longest.
    pub fn release(&self, digest: &str) {
        let omit = Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT };
        let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
        let times = Timestamps { last_access: omit, last_modification: now };
        let touched = File::open(self.file(digest)).and_then(|file| Ok(futimens(&file, &times)?));
        if let Err(error) = touched {
            tracing::debug!(%error, digest, "native code that is used no more keeps its age");
        }
    }

    /// Removes what no content of this engine needs: of the code that is not in use, the longest unused beyond
    /// `unused_bytes`. Returns the contents whose code is left.
    pub fn prune(
        &self,
        used: &BTreeSet<String>,
        unused_bytes: u64,
    ) -> std::io::Result<BTreeSet<String>> {
        let mut unused = Vec::new();
        for entry in std::fs::read_dir(&self.directory)? {
            let path = entry?.path();
            let of_engine = self.digest_of(&path);
            let is_used = |digest: &str| used.contains(digest);
            match extension(&path) {
                "cwasm" | "partial" if of_engine.is_some_and(is_used) => {}
                mark::EXTENSION if stem(&path).is_some_and(is_used) => {}
                "cwasm" if let Some(digest) = of_engine => unused.push(Unused::new(&path, digest)?),
                "cwasm" | "partial" | mark::EXTENSION => std::fs::remove_file(&path)?,
                _ => {}
            }
        }
        Ok(used.iter().cloned().chain(keep_latest(unused, unused_bytes)?).collect())
    }

    /// The content of which a file has the native code, whole or in part; none if it is no such file, or another engine's.
    fn digest_of<'a>(&self, path: &'a Path) -> Option<&'a str> {
        let (digest, engine) = stem(path)?.split_once('-')?;
        (engine == self.compatibility).then_some(digest)
    }
}

impl Unused {
    fn new(file: &Path, digest: &str) -> std::io::Result<Self> {
        let metadata = file.metadata()?;
        Ok(Self {
            file: file.to_owned(),
            digest: digest.to_owned(),
            bytes: metadata.len(),
            since: metadata.modified()?,
        })
    }
}

fn stem(path: &Path) -> Option<&str> {
    path.file_stem()?.to_str()
}

fn extension(path: &Path) -> &str {
    path.extension().and_then(|kind| kind.to_str()).unwrap_or_default()
}

/// Keeps what was used last, up to so many bytes, and removes the rest.
fn keep_latest(mut unused: Vec<Unused>, bytes: u64) -> std::io::Result<Vec<String>> {
    unused.sort_by_key(|one| std::cmp::Reverse(one.since));
    let (mut room, mut kept) = (Some(bytes), Vec::new());
    for one in unused {
        // After the first that does not fit, none is kept: what is older has been unused for longer.
        room = room.and_then(|room| room.checked_sub(one.bytes));
        match room {
            Some(_) => kept.push(one.digest),
            None => std::fs::remove_file(&one.file)?,
        }
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::time::Duration;

    use super::*;

    fn put(cache: &Cache, digest: &str, age: u64) {
        let mut file = File::create(cache.file(digest)).unwrap();
        file.write_all(&[0; 100]).unwrap();
        let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000 - age);
        file.set_modified(then).unwrap();
    }

    fn left(cache: &Cache) -> Vec<String> {
        let files = std::fs::read_dir(&cache.directory).unwrap();
        let mut names: Vec<_> =
            files.map(|one| one.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn the_longest_unused_code_is_removed_first_and_what_is_used_never() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache { directory: directory.path().into(), compatibility: "e1".into() };
        put(&cache, "used", 900);
        put(&cache, "old", 300);
        put(&cache, "middle", 200);
        put(&cache, "new", 100);
        let used = BTreeSet::from(["used".to_owned()]);
        let kept = cache.prune(&used, 250).unwrap();
        assert_eq!(kept, ["middle", "new", "used"].map(String::from).into());
        assert_eq!(left(&cache), ["middle-e1.cwasm", "new-e1.cwasm", "used-e1.cwasm"]);
        // What was used last has the latest time.
        cache.release("middle");
        assert_eq!(cache.prune(&used, 100).unwrap(), ["middle", "used"].map(String::from).into());
        assert_eq!(cache.prune(&used, 0).unwrap(), used);
        assert_eq!(left(&cache), ["used-e1.cwasm"]);
    }

    #[test]
    fn what_nothing_can_use_is_removed() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache { directory: directory.path().into(), compatibility: "e2".into() };
        for name in ["a-e1.cwasm", "a-e1.partial", "b-e2.partial", "b.mark", "a.mark", "other"] {
            std::fs::write(directory.path().join(name), "").unwrap();
        }
        std::fs::write(directory.path().join("a-e2.partial"), "").unwrap();
        let used = BTreeSet::from(["a".to_owned()]);
        assert_eq!(cache.prune(&used, u64::MAX).unwrap(), used);
        assert_eq!(left(&cache), ["a-e2.partial", "a.mark", "other"]);
    }
}
