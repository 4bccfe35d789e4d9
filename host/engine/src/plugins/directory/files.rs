//! Lists the files of the plugin directory, with their stamps, and reads them.

use std::collections::BTreeMap;
use std::fs::{FileType, Metadata};
use std::io::{Error, ErrorKind, Read};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::iter;
use tokio::time::Instant;

use super::file_system::{Asked, Blocked, FileSystem};
use super::stamp::FileStamp;
use crate::plugins::file_name::is_plugin_file;
use crate::plugins::report::{LoadError, UNREADABLE};
use moothall_core::config::DirectoryConfig;

/// How many files are read at once, and so are in memory at most. They come in the order of their names.
const AT_ONCE: usize = 4;
/// How many times `read_ms` the second reading of a file may take.
const SECOND_READING: u32 = 15;

/// What a name in the directory stands for.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    File(FileStamp),
    /// A symbolic link, with its own stamp.
    Link(FileStamp),
    /// The file system did not answer in time.
    Blocked(String),
    /// Nothing that can be a plugin.
    Not(LoadError),
}

/// Reads one directory without hanging on its file system.
pub struct Files {
    path: PathBuf,
    most: usize,
    file_system: FileSystem,
    read_ms: u64,
}

impl Files {
    pub fn new(path: PathBuf, config: &DirectoryConfig) -> Self {
        let file_system = FileSystem::new(config);
        Self { path, most: config.files, file_system, read_ms: config.read_ms }
    }

    /// Until when a question to the file system that is asked now is waited for.
    pub fn end(&self) -> Instant {
        self.file_system.end()
    }

    /// Runs work on the directory itself.
    pub async fn with_directory<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Path) -> T + Send + 'static,
    ) -> Result<T, String> {
        let path = self.path.clone();
        let asked = self.file_system.ask(Asked::Once, self.end(), move || work(&path));
        asked.await.map_err(|blocked| self.reason(blocked))
    }

    /// Lists the plugin files by name. `until` bounds the whole listing.
    pub async fn list(&self, until: Option<Instant>) -> Result<BTreeMap<String, Found>, Listing> {
        let (path, most) = (self.path.clone(), self.most);
        let until_then = until.unwrap_or_else(|| self.end());
        let names = self.file_system.ask(Asked::List, until_then, move || names(&path, most));
        let names = names.await.map_err(|blocked| Listing::Blocked(self.reason(blocked)))?;
        let names = names.map_err(Listing::Failed)?;
        self.file_system.forget(|file| !names.contains_key(file));
        let stamps = iter(names).map(|(name, found)| async move {
            match found {
                Found::Link(stamp) => (name.clone(), self.follow(name, stamp, until).await),
                found => (name, found),
            }
        });
        Ok(stamps.buffered(AT_ONCE).collect().await)
    }

    async fn follow(&self, name: String, link: FileStamp, until: Option<Instant>) -> Found {
        let path = self.path.join(&name);
        let (asked, until) = (Asked::Follow(name, link), until.unwrap_or_else(|| self.end()));
        match self.file_system.ask(asked, until, move || std::fs::metadata(path)).await {
            Err(blocked) => Found::Blocked(self.reason(blocked)),
            Ok(Ok(metadata)) if metadata.is_file() => Found::File(FileStamp::of(&metadata)),
            Ok(Ok(metadata)) => Found::Not(no_file(metadata.file_type())),
            Ok(Err(cause)) => {
                let message = format!("it is a link that leads to no file: {cause}");
                Found::Not(LoadError { code: UNREADABLE, message })
            }
        }
    }

    /// Reads these files, in their order.
    pub fn read_all(
        self: &Arc<Self>,
        files: Vec<(String, FileStamp)>,
        limit: u64,
        until: Option<Instant>,
    ) -> impl futures_util::Stream<Item = (String, FileStamp, Result<Vec<u8>, Unread>)> + use<>
    {
        let this = self.clone();
        let read = move |(file, stamp): (String, FileStamp)| {
            let this = this.clone();
            async move {
                let read = this.read(&file, &stamp, limit, until).await;
                (file, stamp, read)
            }
        };
        iter(files).map(read).buffered(AT_ONCE)
    }

    async fn read(
        &self,
        file: &str,
        stamp: &FileStamp,
        limit: u64,
        until: Option<Instant>,
    ) -> Result<Vec<u8>, Unread> {
        let until = until.unwrap_or_else(|| self.end());
        self.ask(Asked::Read(file.to_owned(), stamp.clone()), file, limit, until).await
    }

    /// Reads a file for the second time, more patiently, because it answered before.
    pub async fn read_again(&self, file: &str, limit: u64) -> Result<Vec<u8>, Unread> {
        let until = Instant::now() + Duration::from_millis(self.read_ms) * SECOND_READING;
        self.ask(Asked::Once, file, limit, until).await
    }

    async fn ask(
        &self,
        asked: Asked,
        file: &str,
        limit: u64,
        until: Instant,
    ) -> Result<Vec<u8>, Unread> {
        let path = self.path.join(file);
        match self.file_system.ask(asked, until, move || read(&path, limit)).await {
            Ok(read) => read.map_err(Unread::Failed),
            Err(blocked) => Err(Unread::Blocked(self.reason(blocked))),
        }
    }

    fn reason(&self, blocked: Blocked) -> String {
        match blocked {
            Blocked::Slow => format!(
                "it cannot be read: nothing came of it within {} ms (directory.read_ms), as where the file system \
                 that it is on does not answer; it is looked at again",
                self.read_ms
            ),
            Blocked::Others => {
                "it cannot be read: as many other files block as may (directory.blocked_reads); \
                 see that their file systems answer"
                    .to_owned()
            }
        }
    }
}

/// Why the directory could not be listed.
#[derive(Debug)]
pub enum Listing {
    Blocked(String),
    Failed(Error),
}

/// Why a file could not be read.
#[derive(Debug)]
pub enum Unread {
    Blocked(String),
    Failed(Error),
}

/// Reads a file up to `limit`, because it may have grown since its size was taken.
fn read(path: &Path, limit: u64) -> Result<Vec<u8>, Error> {
    let (mut read, mut file) = (Vec::new(), std::fs::File::open(path)?.take(limit + 1));
    file.read_to_end(&mut read)?;
    if read.len() as u64 > limit {
        return Err(Error::new(ErrorKind::FileTooLarge, "it goes on after plugin_file_bytes"));
    }
    Ok(read)
}

/// The files with the extension of plugin files, at most `limit`; links are not followed.
fn names(directory: &Path, limit: usize) -> Result<BTreeMap<String, Found>, Error> {
    let mut names = BTreeMap::new();
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        // The file may be gone again.
        if is_plugin_file(&name.to_string_lossy())
            && let Ok(metadata) = entry.metadata()
        {
            let found = if name.to_str().is_some() { found(&metadata) } else { misnamed() };
            names.insert(name.to_string_lossy().into_owned(), found);
        }
    }
    if names.len() > limit {
        tracing::warn!(
            files = names.len(),
            limit,
            "more plugin files than are looked at; the last by name are left out"
        );
    }
    Ok(names.into_iter().take(limit).collect())
}

fn found(metadata: &Metadata) -> Found {
    match metadata.file_type() {
        kind if kind.is_file() => Found::File(FileStamp::of(metadata)),
        kind if kind.is_symlink() => Found::Link(FileStamp::of(metadata)),
        kind => Found::Not(no_file(kind)),
    }
}

fn misnamed() -> Found {
    let message = "its name is not UTF-8; give it another one".to_owned();
    Found::Not(LoadError { code: NOT_A_FILE, message })
}

const NOT_A_FILE: &str = "not_a_file";

fn no_file(kind: FileType) -> LoadError {
    let what = match kind {
        kind if kind.is_dir() => "a directory",
        kind if kind.is_fifo() => "a named pipe",
        kind if kind.is_socket() => "a socket",
        _ => "a device",
    };
    LoadError { code: NOT_A_FILE, message: format!("it is {what}, not a file") }
}
