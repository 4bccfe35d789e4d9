//! `moothall plugin update-sdk`: gives a project the SDK of this binary.

use anyhow::bail;
use clap::Args;

use crate::cli::answer::answer;
use crate::cli::plugin::project::Project;
use crate::cli::plugin::sdk::{self, ProjectSdk};

#[derive(Debug, Args)]
pub struct UpdateSdkArgs {
    /// Also if the files in moothall-sdk were changed: the changes are lost.
    #[arg(long)]
    force: bool,
}

pub fn update_sdk(args: &UpdateSdkArgs) -> anyhow::Result<()> {
    let project = Project::here()?;
    let language = project.language;
    let before = match sdk::of_project(&project)? {
        ProjectSdk::Elsewhere => bail!(
            "this project has no SDK in {}; if it takes it from a registry, {}",
            sdk::FOLDER,
            language.update_from_registry()
        ),
        ProjectSdk::Changed if !args.force => bail!(
            "the files in {} were changed, and would be lost; move the changes elsewhere, or give --force",
            sdk::FOLDER
        ),
        ProjectSdk::Current => {
            return answer(&format!("the project has the SDK {} already", sdk::digest(language)));
        }
        ProjectSdk::Changed => "a changed one".to_owned(),
        ProjectSdk::Other { digest } => digest,
    };
    sdk::write(&project.folder, language)?;
    answer(&format!("the project has the SDK {} now, in place of {before}", sdk::digest(language)))
}
