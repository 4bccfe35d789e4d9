//! Where the built guests and the host's binary are.

use std::path::PathBuf;

/// Every guest that `cargo xtask guests` builds and the tests enable.
pub const ALL: &[&str] = &[
    "backstage",
    "consent",
    "discord",
    "discourse",
    "event-sender",
    "fetcher",
    "github",
    "loomio",
    "misbehaving",
    "opencollective",
    "platform",
    "points-batcher",
    "probe",
    "randomness",
    "raw",
    "redis-client",
    "registration-guard",
    "resident",
    "revshare",
    "signed",
    "slack",
    "sourcecred",
    "subscriptions",
    "tutorial",
    "versions",
];

/// The plugins in other languages, which `cargo xtask test --languages` builds.
pub const LANGUAGES: &[&str] =
    if cfg!(feature = "languages") { &["hello-js", "hello-python"] } else { &[] };

/// Every guest that there is.
pub fn all() -> impl Iterator<Item = &'static str> {
    ALL.iter().chain(LANGUAGES).copied()
}

/// Everything that `backstage` asks for, granted: a table of `moothall.toml`, to which more can be added.
pub const BACKSTAGE_GRANTS: &str = "[plugins.backstage]
grants = { hooks = [\"action.requested\"], events = [\"driver:*\", \"api.change\", \"sending_event\"] }
";

/// The component of an example plugin or a fixture.
pub fn file(name: &str) -> PathBuf {
    let target = profile_folder().with_file_name("");
    let folders = ["plugins", "fixtures", "languages"].map(|folder| target.join(folder));
    let mut files = folders.iter().map(|folder| folder.join(name).with_extension("wasm"));
    files
        .find(|file| file.is_file())
        .unwrap_or_else(|| panic!("the guest '{name}' is not built: run cargo xtask test"))
}

pub fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(file(name)).expect("a built guest can be read")
}

/// The same guest as another file: with a custom section, which changes nothing but the digest.
pub fn with_another_digest(name: &str, mark: u8) -> Vec<u8> {
    let mut component = bytes(name);
    component.extend([0, 6, 4, b'm', b'a', b'r', b'k', mark]);
    component
}

/// The host, built beside the tests.
pub fn host_binary() -> PathBuf {
    let binary = profile_folder().join("moothall");
    assert!(binary.is_file(), "the host is not built: run cargo build -p moothall");
    binary
}

/// `target/<profile>`: two folders above this test's own file.
fn profile_folder() -> PathBuf {
    let test = std::env::current_exe().expect("a running test has a file");
    test.ancestors().nth(2).expect("tests lie in target/<profile>/deps").to_owned()
}
