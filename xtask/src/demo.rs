//! `cargo xtask demo`: builds everything, starts a host, and runs the tutorial against it.

mod exchange;
mod server;
mod tutorial;

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::usage::Misuse;
use crate::workspace::{GuestKind, Workspace};
use crate::{guests, native};
use server::Server;

const DEFAULT_LISTEN: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8000);

#[derive(Debug, PartialEq)]
struct Options {
    once: bool,
    listen: SocketAddr,
}

pub fn run(arguments: &[String]) -> Result<()> {
    let options = parse(arguments)?;
    // Checked before the build, which may take minutes.
    refuse_taken(options.listen)?;
    let workspace = Workspace::load()?;
    guests::build(&workspace)?;
    let binary = native::build(&workspace)?;
    let directory = fresh_directory(&workspace)?;
    let mut server = Server::start(&binary, &directory, options.listen)?;
    tutorial::play(&mut server)?;
    if options.once { server.stop() } else { leave_running(server) }
}

fn parse(arguments: &[String]) -> Result<Options, Misuse> {
    let mut options = Options { once: false, listen: DEFAULT_LISTEN };
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--once" => options.once = true,
            "--listen" => options.listen = address(arguments.next())?,
            unknown => {
                return Err(Misuse::new(format!(
                    "`demo` knows no `{unknown}`: it takes --once and --listen ADDR."
                )));
            }
        }
    }
    Ok(options)
}

fn address(argument: Option<&String>) -> Result<SocketAddr, Misuse> {
    let given = argument.map_or("", String::as_str);
    given.parse().map_err(|_| {
        Misuse::new(format!(
            "`{given}` after --listen is no address with a port: write 127.0.0.1:8001, for example."
        ))
    })
}

/// Two hosts could share a port (SO_REUSEPORT), and the tutorial would then talk to both in turn.
fn refuse_taken(listen: SocketAddr) -> Result<()> {
    match TcpListener::bind(listen) {
        Ok(_) => Ok(()),
        Err(error) => bail!(
            "The demo cannot listen on {listen} ({error}): choose another port with \
             `cargo xtask demo --listen {}:{}`, or let the system pick one with port 0.",
            listen.ip(),
            listen.port().checked_add(1).unwrap_or(8000),
        ),
    }
}

/// Makes a new data directory with the example plugins, and deletes the one of the last demo.
fn fresh_directory(workspace: &Workspace) -> Result<PathBuf> {
    let directory = workspace.target.join("demo");
    if directory.exists() {
        fs::remove_dir_all(&directory)
            .with_context(|| format!("cannot empty {}", directory.display()))?;
    }
    let plugins = server::data_directory(&directory).join("plugins");
    fs::create_dir_all(&plugins).with_context(|| format!("cannot create {}", plugins.display()))?;
    for component in guests::components(&guests::folder(workspace, GuestKind::ExamplePlugin))? {
        copy_into(&component, &plugins)?;
    }
    Ok(directory)
}

fn copy_into(file: &Path, folder: &Path) -> Result<()> {
    let name = file.file_name().context("a component's path ends in its name")?;
    fs::copy(file, folder.join(name))
        .with_context(|| format!("cannot copy {} into {}", file.display(), folder.display()))?;
    Ok(())
}

fn leave_running(mut server: Server) -> Result<()> {
    eprintln!(
        "\nMoothall keeps running at {} (log: {}). End it with Ctrl-C.",
        server.url(),
        server.log().display()
    );
    server.wait()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(arguments: &[&str]) -> Result<Options, Misuse> {
        parse(&arguments.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn without_arguments_the_seeds_address_is_used() {
        assert_eq!(
            options(&[]).unwrap(),
            Options { once: false, listen: "127.0.0.1:8000".parse().unwrap() }
        );
    }

    #[test]
    fn both_options_are_understood() {
        let expected = Options { once: true, listen: "127.0.0.1:0".parse().unwrap() };
        assert_eq!(options(&["--listen", "127.0.0.1:0", "--once"]).unwrap(), expected);
    }

    #[test]
    fn an_address_without_port_or_an_unknown_option_is_misuse() {
        for wrong in [&["--listen", "localhost"][..], &["--listen"], &["--twice"]] {
            assert!(options(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_taken_port_is_named_together_with_the_way_out() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let error = refuse_taken(taken.local_addr().unwrap()).unwrap_err().to_string();
        assert!(
            error.contains("choose another port with `cargo xtask demo --listen 127.0.0.1:"),
            "{error}"
        );
    }
}
