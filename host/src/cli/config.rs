//! `moothall config`: every setting as `serve` would have it here, and where each comes from.

use clap::Args;
use serde_json::{Value, json};

use crate::cli::answer::answer;
use crate::cli::data_args::DataArgs;
use moothall_core::config::{Effective, SettingFrom, effective};

#[derive(Debug, Args)]
pub struct ConfigArgs {
    /// Leave out what is as it is by default.
    #[arg(long)]
    changed: bool,
    /// A JSON object for each setting.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    data: DataArgs,
}

pub fn config(args: &ConfigArgs) -> anyhow::Result<()> {
    let all = effective(&args.data.sources()?)?;
    let shown = all.iter().filter(|one| !(args.changed && one.from == SettingFrom::Default));
    for one in shown {
        answer(&if args.json { as_json(one).to_string() } else { line(one) })?;
    }
    Ok(())
}

fn line(Effective { setting, value, from }: &Effective) -> String {
    let from = from.words();
    match value.as_str() {
        "" => format!("# {setting} is not set  # {from}"),
        value => format!("{setting} = {value}  # {from}"),
    }
}

fn as_json(Effective { setting, value, from }: &Effective) -> Value {
    let value = Some(value.as_str()).filter(|value| !value.is_empty());
    json!({ "setting": setting, "value": value, "from": from.words() })
}
