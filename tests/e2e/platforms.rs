//! The ports of Metagov's plugins, each with a stand-in of its platform. The tables of `host/docs/compatibility.md` name
//! these tests.

mod discord;
mod discourse;
mod github;
mod loomio;
mod moving_from_metagov;
mod one_driver;
mod opencollective;
mod revshare;
mod slack;
mod sourcecred;

use moothall_tests::guests;

/// The ports, and what a component of each may have.
const PORTS: &[&str] =
    &["discord", "discourse", "github", "loomio", "revshare", "slack", "sourcecred", "tutorial"];
const KIB: usize = 450;
/// `github` signs with RSA, and the crates for that are 130 KiB of it.
const KIB_WITH_RSA: usize = 600;

/// Mend it in the SDK: `host/docs/performance.md` says what the bytes are.
#[test]
fn a_port_s_component_stays_small() {
    for port in PORTS {
        let most = if *port == "github" { KIB_WITH_RSA } else { KIB };
        let has = guests::bytes(port).len().div_ceil(1024);
        assert!(has <= most, "{port}.wasm has {has} KiB, and may have {most}");
    }
}
