//! Reference software that others wrote, with which tests check what the host sends: fetched once
//! into the target directory. `python` and `node` are the two places that it comes from.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Runs a program to its end on `input`; on failure returns what it printed.
pub(crate) fn feed(command: &mut Command, input: &str) -> Result<(), String> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a program that was fetched");
    let mut stdin = child.stdin.take().expect("standard input is piped");
    stdin.write_all(input.as_bytes()).expect("it reads its input");
    drop(stdin);
    let ended = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&[ended.stdout, ended.stderr].concat()).into_owned();
    if ended.status.success() { Ok(()) } else { Err(said) }
}

/// The target directory.
pub(crate) fn target() -> PathBuf {
    let host = crate::guests::host_binary();
    host.ancestors().nth(2).expect("target/debug/moothall").to_owned()
}
