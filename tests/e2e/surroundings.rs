//! The host's surroundings: a full standard output, Unix sockets, volumes that somebody else made.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use moothall_tests::command_line::command;
use moothall_tests::{guests, start_in, until};
use rustix::process::{Pid, Signal, kill_process};

/// A host with this standard output; its log is `host.log`.
fn serve_into(directory: &Path, stdout: impl Into<Stdio>, arguments: &[&str]) -> Child {
    let log = OpenOptions::new().create(true).append(true).open(directory.join("host.log"));
    let mut command = Command::new(guests::host_binary());
    command.env_clear().current_dir(directory).args(arguments).stdin(Stdio::null());
    command.stdout(stdout).stderr(log.expect("a log file")).spawn().expect("a host")
}

fn log(directory: &Path) -> String {
    fs::read_to_string(directory.join("host.log")).unwrap_or_default()
}

/// The first line of the socket's answer; none if nobody listens.
fn over_socket(socket: &Path, path: &str) -> Option<String> {
    let mut stream = UnixStream::connect(socket).ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer.lines().next().map(str::to_owned)
}

fn terminate(child: &mut Child) -> i32 {
    kill_process(Pid::from_child(child), Signal::TERM).expect("a host that runs");
    child.wait().expect("a host that ends").code().unwrap_or(-1)
}

const FINE: &str = "HTTP/1.1 200 OK";

#[tokio::test]
async fn a_full_standard_output_is_told_and_stops_nobody() {
    let directory = tempfile::tempdir().expect("a directory");
    let full = || OpenOptions::new().write(true).open("/dev/full").expect("a full device");
    let arguments = ["serve", "--listen", "unix:moothall.sock"];
    let mut host = serve_into(directory.path(), full(), &arguments);
    let socket = directory.path().join("moothall.sock");
    until("it serves", async || {
        (over_socket(&socket, "/healthz").as_deref() == Some(FINE)).then_some(())
    })
    .await;
    assert_eq!(terminate(&mut host), 0);
    let said = log(directory.path());
    assert!(
        said.contains("standard output cannot be written") && !said.contains("panicked"),
        "{said}"
    );

    // If nobody can see the new key, the command fails and says what to do.
    let mut create = serve_into(directory.path(), full(), &["key", "create", "driver"]);
    assert_eq!(create.wait().expect("it ends").code(), Some(1));
    let said = log(directory.path());
    assert!(said.contains("moothall key revoke") && !said.contains("panicked"), "{said}");
}

#[test]
fn a_full_standard_error_changes_no_exit_code() {
    let directory = tempfile::tempdir().expect("a directory");
    let full = OpenOptions::new().write(true).open("/dev/full").expect("a full device");
    let mut command = Command::new(guests::host_binary());
    command.env_clear().current_dir(directory.path()).args(["serve", "--config", "nothing.toml"]);
    let ended = command.stderr(full).stdout(Stdio::null()).status().expect("it ends");
    assert_eq!(ended.code(), Some(1));
}

#[tokio::test]
async fn a_unix_socket_is_listened_on_and_its_peer_is_this_machine() {
    let directory = tempfile::tempdir().expect("a directory");
    let socket = directory.path().join("moothall.sock");
    let arguments = ["serve", "--listen", "unix:moothall.sock"];
    let mut host = start_in(directory.path(), &arguments);
    assert_eq!(host.url, "unix:moothall.sock");
    assert_eq!(over_socket(&socket, "/api/internal/community").as_deref(), Some(FINE));
    let mode = fs::metadata(&socket).expect("a socket").permissions().mode() & 0o777;
    assert_eq!(mode, 0o660, "{mode:o}");
    let other = ["serve", "--listen", "unix:moothall.sock", "--data", "other"];
    let said = command(directory.path(), &other).failed_with(1);
    assert!(said.contains("moothall.sock") && said.contains("another process"), "{said}");

    // The socket file of a killed host is no obstacle; a clean end leaves none.
    host.kill();
    assert!(socket.exists());
    let mut host = start_in(directory.path(), &arguments);
    assert_eq!(over_socket(&socket, "/healthz").as_deref(), Some(FINE));
    host.signal(Signal::TERM);
    assert_eq!(host.ended().code(), Some(0));
    assert!(!socket.exists());

    File::create(&socket).expect("a file").write_all(b"precious").expect("written");
    let said = command(directory.path(), &arguments).failed_with(1);
    assert!(said.contains("moothall.sock") && said.contains("no socket"), "{said}");
    assert_eq!(fs::read(&socket).expect("the file"), b"precious");
}

/// A user without a name, as in containers.
const STRANGER: u32 = 65_534;

#[tokio::test]
async fn a_volume_of_somebody_else_serves_if_it_is_not_everybody_s() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("only root can make a volume that is somebody else's");
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    fs::set_permissions(directory.path(), Permissions::from_mode(0o777)).expect("ours");
    let volume = directory.path().join("volume");
    fs::create_dir(&volume).expect("a volume");
    chown(&volume, Some(0), Some(STRANGER)).expect("root may");
    // A copy, because only root may be able to read the folder of the built one.
    let binary = directory.path().join("moothall");
    fs::copy(guests::host_binary(), &binary).expect("a copy");
    let serve = || {
        let log =
            OpenOptions::new().create(true).append(true).open(directory.path().join("host.log"));
        let mut command = Command::new(&binary);
        command.env_clear().current_dir(directory.path()).uid(STRANGER).gid(STRANGER);
        command.args(["serve", "--listen", "unix:moothall.sock", "--data", "volume"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log.expect("a log file"));
        command.spawn().expect("a host")
    };
    fs::set_permissions(&volume, Permissions::from_mode(0o2770)).expect("ours");
    let socket = directory.path().join("moothall.sock");
    for _ in 0..2 {
        let mut host = serve();
        until("it serves", async || {
            (over_socket(&socket, "/healthz").as_deref() == Some(FINE)).then_some(())
        })
        .await;
        assert_eq!(terminate(&mut host), 0);
        // When a volume is mounted again, its group gets access to all files.
        let key = volume.join("secret.key");
        fs::set_permissions(&key, Permissions::from_mode(0o660)).expect("root may");
    }
    fs::set_permissions(&volume, Permissions::from_mode(0o2775)).expect("ours");
    assert_eq!(serve().wait().expect("it ends").code(), Some(1));
    let said = log(directory.path());
    assert!(said.contains("open to everybody") && said.contains("chmod o-rwx"), "{said}");
}
