//! The project's own commands, one file for each. This file only chooses between them; it must
//! never do any of the work.

mod bench;
mod bindings;
mod cargo;
mod ci;
mod demo;
mod docs;
mod guests;
mod languages;
mod native;
mod reference;
mod test;
mod tidy;
mod usage;
mod workspace;

use std::process::ExitCode;

use usage::Misuse;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<Misuse>() => {
            eprintln!("{error}\n\n{}", usage::USAGE);
            ExitCode::from(2)
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: &[String]) -> anyhow::Result<()> {
    let Some((command, rest)) = arguments.split_first() else {
        return Err(Misuse::new("No command was given: name one of those below.").into());
    };
    match command.as_str() {
        "bench" => bench::run(rest),
        "bindings" => bindings::run(rest),
        "ci" => ci::run(rest),
        "demo" => demo::run(rest),
        "docs" => docs::run(rest),
        "guests" => guests::run(rest),
        "reference" => reference::run(rest),
        "test" => test::run(rest),
        "tidy" => tidy::run(rest),
        unknown => {
            Err(Misuse::new(format!("There is no command `{unknown}`: name one of those below."))
                .into())
        }
    }
}
