//! A data directory in which every guest is compiled already. It is made once for each build of
//! host and guests, and every test copies it. Must never be served itself.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use reqwest::Method;

use crate::guests;
use crate::process::{HostProcess, moothall};
use crate::{Driver, until_within};
use std::time::Duration;

const DOCUMENT: &str = "openapi.json";
/// The longest wait: some guests take seconds to compile, more on a busy machine.
const COMPILING: Duration = Duration::from_secs(300);

/// Fills a new data directory.
pub async fn copy_to(data: &Path) {
    copy(&folder().await.join("data"), data).expect("the prepared data directory can be copied");
}

/// The OpenAPI document of a host with every guest.
pub fn document() -> String {
    // On a thread of its own, because the caller may be within a runtime.
    let preparing = std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(folder())
    });
    let folder = preparing.join().expect("the data directory can be prepared");
    fs::read_to_string(folder.join(DOCUMENT)).expect("the prepared document")
}

/// The prepared directory; makes it if needed.
async fn folder() -> PathBuf {
    let folder = guests::host_binary().with_file_name("e2e-prepared");
    fs::create_dir_all(&folder).expect("the target directory can be written");
    // If test processes start together, one prepares it.
    let lock = File::create(folder.join("lock")).expect("a lock file");
    lock.lock().expect("the lock is released by whoever holds it");
    if fs::read_to_string(folder.join("stamp")).unwrap_or_default() != stamp() {
        prepare(&folder).await;
    }
    drop(lock);
    folder
}

async fn prepare(folder: &Path) {
    let data = folder.join("data");
    // It does not exist at first.
    drop(fs::remove_dir_all(&data));
    fs::create_dir_all(data.join("plugins")).expect("a data directory");
    for guest in guests::all() {
        put(guest, &data.join("plugins"));
    }
    let mut command = moothall(folder);
    command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(&data);
    let mut host = HostProcess::start(command, &folder.join("host.log"));
    let driver = Driver::new(host.url.clone());
    // Answers are not checked before the document exists.
    let get =
        async |path| driver.request(Method::GET, path).send().await.expect("the host answers");
    until_within(COMPILING, "every guest is compiled", async || {
        (get("/readyz").await.status() == 200).then_some(())
    })
    .await;
    let document = get("/openapi.json").await.text().await.expect("the whole document");
    fs::write(folder.join(DOCUMENT), document).expect("the target directory can be written");
    host.signal(rustix::process::Signal::TERM);
    assert!(host.ended().success(), "the host ends well, see {}", folder.display());
    fs::remove_dir_all(data.join("plugins")).expect("tests put in the guests they need");
    let database = rusqlite::Connection::open(data.join("moothall.db")).expect("a database");
    // Deletes the stored time: a copy may be made much later, and must not see that as a jump of
    // the clock.
    database.execute("DELETE FROM clock", ()).expect("the table of the trusted time");
    drop(database);
    fs::write(folder.join("stamp"), stamp()).expect("the target directory can be written");
}

/// Copies a guest's component into a plugin directory.
pub fn put(guest: &str, plugins: &Path) {
    let to = plugins.join(guest).with_extension("wasm");
    fs::copy(guests::file(guest), to).expect("the plugin directory can be written");
}

/// A name that changes with each build of what the directory depends on.
fn stamp() -> String {
    let files = guests::all().map(guests::file);
    let stamps = files.chain([guests::host_binary()]).map(|file: PathBuf| {
        let metadata = fs::metadata(&file).expect("a built file");
        let modified =
            metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        format!("{} {} {:?}", file.display(), metadata.len(), modified)
    });
    stamps.collect::<Vec<_>>().join("\n")
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            copy(&from, &to)?;
        } else {
            fs::copy(from, to)?;
        }
    }
    Ok(())
}
