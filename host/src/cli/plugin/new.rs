//! `moothall plugin new`: a project that builds and passes its tests at once.

mod names;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};

use crate::cli::answer::answer;
use crate::cli::plugin::{kit, sdk};

use names::Names;

/// The folder of the templates in a language, and in it the one with what all projects have.
const PROJECT: &str = "rust/project";

#[derive(Debug, Args)]
pub struct NewArgs {
    /// The plugin's name: lower-case letters, digits and `-`.
    name: String,
    /// The language to write it in.
    #[arg(long, value_enum, default_value_t)]
    lang: Language,
    /// What it begins with.
    #[arg(long, value_enum, default_value_t)]
    template: Template,
    /// The project's folder, which does not exist yet. [default: the plugin's name]
    #[arg(long, value_name = "DIR")]
    path: Option<PathBuf>,
    /// Take the SDK from crates.io. Without this, its sources are written into the project.
    #[arg(long)]
    registry: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Language {
    #[default]
    Rust,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Template {
    /// An action with a configuration and a state.
    #[default]
    Hello,
    /// Signed webhooks, which become events.
    Webhook,
    /// A governance process: a vote.
    Process,
    /// What a plugin does by itself: a producer, a worker, a schedule.
    Background,
}

pub fn new(args: &NewArgs) -> anyhow::Result<()> {
    let names = Names::parse(&args.name)?;
    let folder = args.path.clone().unwrap_or_else(|| args.name.as_str().into());
    if folder.exists() {
        bail!("{} exists already; name another folder with --path", folder.display());
    }
    // One that is made only in part is not left behind under its name.
    let partial = folder.with_file_name(format!(".{}.partial", args.name));
    remove(&partial)?;
    let made = make(&partial, args, &names).and_then(|()| {
        std::fs::rename(&partial, &folder)
            .with_context(|| format!("{} cannot be made", folder.display()))
    });
    if made.is_err() {
        // It may not be there.
        drop(std::fs::remove_dir_all(&partial));
    }
    made?;
    answer(&format!(
        "made the plugin {} in {}; its README.md says how to go on",
        args.name,
        folder.display()
    ))
}

fn make(folder: &Path, args: &NewArgs, names: &Names) -> anyhow::Result<()> {
    let Language::Rust = args.lang;
    let template = format!("rust/{}", args.template.name());
    let names = &names.beside(kit::below(&template).map(|(_, text)| text));
    let try_it = kit::text(&format!("{template}/try.md")).unwrap_or_default();
    for (path, text) in kit::below(PROJECT).chain(kit::below(&template)) {
        if path == "try.md" {
            continue;
        }
        let text = text.replace("{{try}}", try_it.trim_end());
        let text = names.put_into(&sdk_of(&text, args.registry));
        write(&folder.join(file_name(path)), &text)?;
    }
    let toolchain = kit::text("rust-toolchain.toml").unwrap_or_default();
    write(&folder.join("rust-toolchain.toml"), toolchain)?;
    if args.registry {
        return Ok(());
    }
    write(&folder.join("Cargo.lock"), kit::LOCK)?;
    sdk::write(folder)
}

/// Fills in where the project gets the SDK from.
fn sdk_of(text: &str, registry: bool) -> String {
    let (dependency, exclude, update) = match registry {
        true => (format!("moothall-sdk = {:?}", env!("CARGO_PKG_VERSION")), String::new(), ""),
        false => (
            format!("moothall-sdk = {{ path = \"{}/plugin-sdk\" }}", sdk::FOLDER),
            format!("exclude = [{:?}]\n", sdk::FOLDER),
            "`moothall-sdk/` has the SDK's sources, from the `moothall` that made this project: do not change them. After an update of\n\
             `moothall`, `moothall plugin update-sdk` renews them.\n",
        ),
    };
    text.replace("{{sdk}}", &dependency).replace("{{exclude}}\n", &exclude).replace(
        "\n{{update}}\n",
        &if update.is_empty() { String::new() } else { format!("\n{update}") },
    )
}

/// The name of a template's file in a project: there, names with a dot and the manifest would mean something.
fn file_name(path: &str) -> String {
    match path {
        "manifest.toml" => "Cargo.toml".to_owned(),
        path => {
            path.strip_prefix("dot-").map_or_else(|| path.to_owned(), |rest| format!(".{rest}"))
        }
    }
}

/// Removes what a command that was killed has left.
fn remove(partial: &Path) -> anyhow::Result<()> {
    match partial.exists() {
        true => std::fs::remove_dir_all(partial)
            .with_context(|| format!("{} cannot be removed", partial.display())),
        false => Ok(()),
    }
}

fn write(file: &Path, text: &str) -> anyhow::Result<()> {
    let written = match file.parent() {
        Some(folder) => std::fs::create_dir_all(folder).and_then(|()| std::fs::write(file, text)),
        None => std::fs::write(file, text),
    };
    written.with_context(|| format!("{} cannot be written", file.display()))
}

impl Template {
    fn name(self) -> &'static str {
        match self {
            Self::Hello => "hello",
            Self::Webhook => "webhook",
            Self::Process => "process",
            Self::Background => "background",
        }
    }
}
