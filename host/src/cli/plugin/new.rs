//! `moothall plugin new`: a project that builds and passes its tests at once.

mod filling;
mod names;
mod npm_lock;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};

use crate::cli::answer::answer;
use crate::cli::plugin::language::Language;
use crate::cli::plugin::{kit, sdk};

use filling::Filling;
use names::Names;

/// In the folder of a language's templates, the one with what all projects have.
const PROJECT: &str = "project";
/// In a template's folder, the part of the README with what to try.
const TRY: &str = "try.md";

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
    /// Take the SDK from the language's registry. Without this, its sources are written into the project.
    #[arg(long)]
    registry: bool,
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
    let names = Names::parse(&args.name, args.lang)?;
    let folder = args.path.clone().unwrap_or_else(|| args.name.as_str().into());
    // Also a link that leads nowhere.
    if folder.symlink_metadata().is_ok() {
        bail!("{} exists already; name another folder with --path", folder.display());
    }
    let cannot = || format!("{} cannot be made", folder.display());
    // One that is made only in part is not left behind under its name. Its own name is one that nobody else has.
    let beside = folder.parent().filter(|parent| !parent.as_os_str().is_empty());
    let beside = beside.unwrap_or(Path::new("."));
    std::fs::create_dir_all(beside).with_context(cannot)?;
    let partial = tempfile::Builder::new().prefix(".moothall-new-").tempdir_in(beside);
    let partial = partial.with_context(cannot)?;
    let made = partial.path().join("project");
    make(&made, args, &names)?;
    std::fs::rename(&made, &folder).with_context(cannot)?;
    answer(&format!(
        "made the plugin {} in {}; its README.md says how to go on",
        args.name,
        folder.display()
    ))
}

fn make(folder: &Path, args: &NewArgs, names: &Names) -> anyhow::Result<()> {
    let language = args.lang.templates();
    let template = format!("{language}/{}", args.template.name());
    let names = &names.beside(kit::below(&template).map(|(_, text)| text));
    let try_it = kit::text(&format!("{template}/{TRY}")).unwrap_or_default();
    let filling = Filling::of(args.lang, args.registry);
    let of_all = kit::below(&format!("{language}/{PROJECT}")).collect::<Vec<_>>();
    for (path, text) in of_all.into_iter().chain(kit::below(&template)) {
        if path == TRY {
            continue;
        }
        let text = filling.put_into(&text.replace("{{try}}", try_it.trim_end()));
        write(&folder.join(file_name(path)), &names.put_into(&text))?;
    }
    for (path, text) in filling::versions(args.lang, args.registry)? {
        write(&folder.join(path), &names.put_into(&text))?;
    }
    if args.registry { Ok(()) } else { sdk::write(folder, args.lang) }
}

/// The name of a template's file in a project: there, names with a dot and cargo's manifest would mean something.
fn file_name(path: &str) -> String {
    match path {
        "manifest.toml" => "Cargo.toml".to_owned(),
        path => {
            path.strip_prefix("dot-").map_or_else(|| path.to_owned(), |rest| format!(".{rest}"))
        }
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
