//! A real Redis, from Debian's packages: fetched once into `target/redis` and unpacked there, so that nothing
//! is installed and nobody needs to be root.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::until;

/// The packages with the server (`redis-check-rdb` is the same program under another name), and
/// with the libraries that a small machine lacks.
const PACKAGES: [&str; 8] = [
    "redis-tools",
    "libatomic1",
    "libhiredis0.14",
    "libjemalloc2",
    "liblua5.1-0",
    "liblzf1",
    "lua-bitop",
    "lua-cjson",
];
const LIBRARIES: &str = "root/usr/lib/x86_64-linux-gnu";
const NEED: &str = "this test needs apt-get, dpkg and Debian's package archive";
/// Two tests must not fetch at once.
static FETCHING: Mutex<()> = Mutex::new(());

/// A server that ends with its test.
pub struct Redis {
    child: Child,
    _data: TempDir,
}

impl Redis {
    pub async fn start(port: u16) -> Self {
        let folder = unpacked();
        let data = tempfile::tempdir().expect("a temporary directory");
        let child = Command::new(folder.join("root/usr/bin/redis-server"))
            .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--dir"])
            .arg(data.path())
            .env("LD_LIBRARY_PATH", folder.join(LIBRARIES))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("Redis starts");
        until("Redis listens", async || TcpStream::connect(("127.0.0.1", port)).await.ok()).await;
        Self { child, _data: data }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The path of the server; fetches it if needed.
fn unpacked() -> PathBuf {
    let _one = FETCHING.lock();
    let target = crate::guests::host_binary();
    let target = target.ancestors().nth(2).expect("target/debug/moothall").to_owned();
    let (folder, done) = (target.join("redis"), target.join("redis/unpacked"));
    if done.exists() {
        return folder;
    }
    std::fs::create_dir_all(&folder).expect("the target directory can be written");
    if !is_fetched(&folder) {
        // A fresh machine has no lists of packages yet.
        drop(Command::new("apt-get").args(["update", "--quiet"]).stdout(Stdio::null()).status());
        assert!(is_fetched(&folder), "{NEED}");
    }
    for file in std::fs::read_dir(&folder).expect("what was fetched").flatten() {
        if file.path().extension().is_some_and(|kind| kind == "deb") {
            let mut unpack = Command::new("dpkg");
            let unpack = unpack.arg("-x").arg(file.path()).arg(folder.join("root"));
            assert!(unpack.status().is_ok_and(|status| status.success()), "{NEED}");
        }
    }
    let bin = folder.join("root/usr/bin");
    std::fs::copy(bin.join("redis-check-rdb"), bin.join("redis-server")).expect("the server");
    std::fs::write(done, PACKAGES.join(" ")).expect("a note that it is unpacked");
    folder
}

fn is_fetched(folder: &Path) -> bool {
    let mut fetch = Command::new("apt-get");
    let fetch = fetch.arg("download").args(PACKAGES).current_dir(folder);
    let fetch = fetch.stdout(Stdio::null()).stderr(Stdio::null());
    fetch.status().is_ok_and(|status| status.success())
}
