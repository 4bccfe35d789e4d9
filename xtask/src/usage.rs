//! The usage of the commands, and the error for wrong usage. Must never be used for a failure of
//! the work itself.

use std::fmt;

pub const USAGE: &str = "\
usage: cargo xtask COMMAND

  demo [--once] [--listen ADDR]   build everything, play the tutorial against a fresh host, leave it running
  test [--languages] [ARGS]       build everything, run every test; ARGS go to `cargo test`;
                                  --languages: those of plugins in other languages too
  ci [STEP…]                      all checks, or only the steps named
  guests                          build the plugins into target/plugins and the fixtures into target/fixtures
  tidy [--write]                  check the rules that neither the compiler nor clippy knows;
                                  --write: write the book's list of decisions
  bindings                        write the SDK's bindings of the contract, and the copies in the published packages
  reference                       write the book's pages of settings and metrics, from the program
  docs                            build the documentation, private items included
  bench [ARGS]                    run the benchmark; ARGS go to it";

/// Wrong usage; ends with the usage and exit code 2.
#[derive(Debug)]
pub struct Misuse(String);

impl Misuse {
    pub fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Misuse {}

/// For commands that take no arguments.
pub fn no_arguments(command: &str, arguments: &[String]) -> Result<(), Misuse> {
    match arguments.first() {
        None => Ok(()),
        Some(first) => Err(Misuse::new(format!(
            "`{command}` takes no arguments, but was given `{first}`: leave it out."
        ))),
    }
}
