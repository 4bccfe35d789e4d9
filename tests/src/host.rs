//! `TestHost`: a host on a data directory of its own, on port 0, which ends with the test.
//!
//! At its end it checks that the host wrote nothing to stdout but where it listens, and that no
//! thread of it panicked.

use std::fs;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::command_line::{Ended, command};
use crate::prepared;
use crate::process::{HostProcess, moothall, moothall_after};
use crate::{Driver, guests, until};

/// How much of the log a failed test shows, in bytes.
const SHOWN: usize = 20_000;

/// The file that sets the host's clock.
const CLOCK_FILE: &str = "clock";

/// How a host is started.
#[derive(Clone, Debug)]
pub struct Setup {
    plugins: Vec<String>,
    toml: String,
    environment: Vec<(String, String)>,
    listen: String,
    /// A shell command that runs before the shell becomes the host.
    before: Option<String>,
}

impl Setup {
    /// Adds to the configuration file.
    pub fn toml(mut self, text: &str) -> Self {
        self.toml.push_str(text);
        self.toml.push('\n');
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Lets a shell run this before it becomes the host, for what only a parent process can set.
    pub fn after(mut self, command: &str) -> Self {
        self.before = Some(command.to_owned());
        self
    }

    /// Sets the limits of open files: the soft one and the hard one.
    pub fn files(self, soft: u32, hard: u32) -> Self {
        self.after(&format!("ulimit -Sn {soft} && ulimit -Hn {hard}"))
    }

    /// Starts the host, and waits until it is ready.
    pub async fn start(self) -> TestHost {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let data = directory.path().join("data");
        prepared::copy_to(&data).await;
        fs::create_dir_all(data.join("plugins")).expect("a plugin directory");
        for plugin in &self.plugins {
            prepared::put(plugin, &data.join("plugins"));
        }
        let process = serve(&self, directory.path());
        let driver = Driver::new(process.url.clone());
        let host = TestHost { driver, process: Some(process), setup: self, directory };
        host.ready().await;
        host
    }
}

/// A running host, and the driver of its API.
pub struct TestHost {
    driver: Driver,
    process: Option<HostProcess>,
    setup: Setup,
    directory: TempDir,
}

impl TestHost {
    /// A host with these guests in its plugin directory.
    pub fn with(plugins: &[&str]) -> Setup {
        let plugins = plugins.iter().map(|plugin| (*plugin).to_owned()).collect();
        let listen = "127.0.0.1:0".to_owned();
        let (toml, environment, before) = (String::new(), Vec::new(), None);
        Setup { plugins, toml, environment, listen, before }
    }

    /// Lets this much time pass, for every clock of the host. The host notices it within some ten
    /// milliseconds.
    pub fn advance(&self, by: Duration) {
        let (passed, stepped) = self.clock();
        let by = i64::try_from(by.as_millis()).expect("a time that a test can wait for");
        self.set_clock(passed + by, stepped);
    }

    /// The same, and waits until the host has noticed it: request ids begin with the time.
    pub async fn advanced(&self, by: Duration) {
        let time = async || {
            let id = self.get("/healthz").await.header("x-request-id").to_owned();
            let digit =
                |letter| "0123456789ABCDEFGHJKMNPQRSTVWXYZ".find(letter).unwrap_or(0) as u64;
            id.chars().take(10).fold(0, |time, letter| time << 5 | digit(letter))
        };
        let to = time().await + u64::try_from(by.as_millis()).expect("a short time");
        self.advance(by);
        until("the clock was moved", async || (time().await >= to).then_some(())).await;
    }

    /// Sets only the wall clock: this much ahead of the right time, or behind it.
    pub fn set_clock_ahead(&self, seconds: i64) {
        self.set_clock(self.clock().0, seconds * 1000);
    }

    fn clock(&self) -> (i64, i64) {
        let text = fs::read_to_string(self.directory.path().join(CLOCK_FILE)).unwrap_or_default();
        let mut numbers = text.split(' ').map(|number| number.parse().unwrap_or(0));
        (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
    }

    fn set_clock(&self, passed: i64, stepped: i64) {
        let next = self.directory.path().join("clock.next");
        fs::write(&next, format!("{passed} {stepped}")).expect("a file for the clock");
        fs::rename(next, self.directory.path().join(CLOCK_FILE)).expect("a file can be moved");
    }

    /// Waits until the host is ready: every file that was there at the start is compiled or has
    /// failed, and the store can be written.
    pub async fn ready(&self) {
        until("the host is ready", async || {
            (self.get("/readyz").await.status == 200).then_some(())
        })
        .await;
    }

    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// Puts a file into the plugin directory in one step, as a careful operator does.
    pub fn put_plugin(&self, file: &str, content: &[u8]) {
        let unfinished = self.data().join("unfinished");
        fs::write(&unfinished, content).expect("the data directory can be written");
        fs::rename(unfinished, self.plugin_file(file)).expect("a file can be moved");
    }

    pub fn plugin_file(&self, file: &str) -> PathBuf {
        self.data().join("plugins").join(file)
    }

    /// Puts a built guest into the plugin directory.
    pub fn put_guest(&self, guest: &str) {
        self.put_plugin(&format!("{guest}.wasm"), &guests::bytes(guest));
    }

    /// Replaces the configuration file, which takes effect with `reload` or a restart.
    pub fn set_toml(&mut self, text: &str) {
        text.clone_into(&mut self.setup.toml);
        fs::write(self.directory.path().join("moothall.toml"), text).expect("a configuration file");
    }

    /// Sets an environment variable for the next start.
    pub fn set_env(&mut self, name: &str, value: &str) {
        self.setup.environment.retain(|(known, _)| known != name);
        self.setup.environment.push((name.to_owned(), value.to_owned()));
    }

    /// Sets where the next start listens.
    pub fn set_listen(&mut self, address: &str) {
        address.clone_into(&mut self.setup.listen);
    }

    /// `moothall key create`, beside the running host.
    pub fn create_key(&self, name: &str) -> String {
        self.command(&["key", "create", name]).succeeded().trim().to_owned()
    }

    /// Another command of the binary on the same data directory.
    pub fn command(&self, arguments: &[&str]) -> Ended {
        let arguments = [arguments, &["--data", "data"]].concat();
        command(self.directory.path(), &arguments)
    }

    /// Sends SIGHUP.
    pub fn reload(&self) {
        self.process().signal(Signal::HUP);
    }

    /// Kills the host in the middle of whatever it does.
    pub fn kill_9(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill();
            self.check(process.stdout());
        }
    }

    /// Sends SIGTERM, without waiting for the end.
    pub fn begin_to_terminate(&self) {
        self.process().signal(Signal::TERM);
    }

    /// Sends SIGTERM, and waits until the host ends with exit code 0.
    pub fn terminate(&mut self) {
        self.begin_to_terminate();
        self.terminated();
    }

    /// From now on, limits the size of the host's files.
    pub fn limit_files(&self, bytes: u64) {
        self.process().limit_files(bytes);
    }

    /// Waits for the host to end by itself; returns its exit code.
    pub fn ended(&mut self) -> Option<i32> {
        let mut process = self.process.take().expect("a host that runs");
        let status = process.ended();
        self.check(process.stdout());
        status.code()
    }

    /// Another connection to the host's database.
    pub fn database(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.data().join("moothall.db")).expect("the database")
    }

    /// Waits until a host that was told to terminate ends with exit code 0.
    pub fn terminated(&mut self) {
        let mut process = self.process.take().expect("a host that runs");
        let status = process.ended();
        assert_eq!(status.code(), Some(0), "after SIGTERM the host ended with {status}");
        self.check(process.stdout());
    }

    /// Starts the host again on the same data, however the last one ended.
    pub async fn restart(&mut self) {
        self.restart_without_waiting();
        self.ready().await;
    }

    /// Starts the host, and waits only until it says where it listens.
    pub fn restart_without_waiting(&mut self) {
        self.kill_9();
        let process = serve(&self.setup, self.directory.path());
        self.driver = Driver::new(process.url.clone());
        self.process = Some(process);
    }

    /// Everything the host has logged.
    pub fn logs(&self) -> String {
        let log = fs::read(log_file(self.directory.path())).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    /// The processes that compile plugin files now.
    pub fn compilers(&self) -> Vec<u32> {
        self.process().children()
    }

    /// Files of native code in the cache, by name.
    pub fn native_code(&self) -> Vec<String> {
        let files = fs::read_dir(self.data().join("cache")).expect("there is a cache");
        let name = |file: std::io::Result<fs::DirEntry>| file.ok()?.file_name().into_string().ok();
        let mut names: Vec<String> = files.filter_map(name).collect();
        names.sort();
        names
    }

    /// From now on the host gets only descriptors below this number; those that it has stay.
    pub fn limit_descriptors(&self, from: u64) {
        self.process().limit_descriptors(from);
    }

    /// Resident memory in bytes.
    pub fn memory(&self) -> u64 {
        self.process().memory()
    }

    /// The most resident memory that it had since it began, in bytes.
    pub fn peak_memory(&self) -> u64 {
        self.process().peak_memory()
    }

    fn process(&self) -> &HostProcess {
        self.process.as_ref().expect("a host that runs")
    }

    fn check(&self, stdout: Vec<String>) {
        assert_eq!(stdout.len(), 1, "stdout has the address and nothing else: {stdout:?}");
        let log = self.logs();
        let panicked =
            log.lines().find(|line| line.starts_with("thread '") && line.contains("panicked"));
        assert_eq!(panicked, None, "a thread of the host panicked");
    }
}

impl Deref for TestHost {
    type Target = Driver;

    fn deref(&self) -> &Driver {
        &self.driver
    }
}

impl Drop for TestHost {
    fn drop(&mut self) {
        if std::thread::panicking() {
            drop(self.process.take());
            let log = self.logs();
            let from = log.ceil_char_boundary(log.len().saturating_sub(SHOWN));
            eprintln!("--- the end of the host's log\n{}", &log[from..]);
        } else {
            self.kill_9();
        }
    }
}

fn serve(setup: &Setup, directory: &Path) -> HostProcess {
    let config = directory.join("moothall.toml");
    fs::write(&config, &setup.toml).expect("a configuration file");
    let mut command = match &setup.before {
        None => moothall(directory),
        Some(before) => moothall_after(before, directory),
    };
    command.args(["serve", "--listen", &setup.listen, "--data", "data", "--config"]).arg(config);
    command.env("MOOTHALL_TEST_CLOCK", directory.join(CLOCK_FILE));
    command.envs(setup.environment.iter().map(|(name, value)| (name, value)));
    HostProcess::start(command, &log_file(directory))
}

/// Starts a host in this directory, with these arguments; its log is `host.log` there.
pub fn start_in(directory: &Path, arguments: &[&str]) -> HostProcess {
    let mut command = moothall(directory);
    command.args(arguments);
    HostProcess::start(command, &log_file(directory))
}

fn log_file(directory: &Path) -> PathBuf {
    directory.join("host.log")
}
