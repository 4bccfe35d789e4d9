//! `moothall backup` and `moothall restore`: a copy of the database, and its way back.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;

use crate::app::{DataDirectory, key_source};
use crate::cli::answer::answer;
use crate::cli::data_args::DataArgs;
use moothall_core::clock::{Clock, rfc3339};
use moothall_store::{ExaminedDatabase, Store, examine_copy};

#[derive(Debug, Args)]
pub struct BackupArgs {
    /// A file that does not exist yet.
    file: PathBuf,
    /// Read the whole copy again afterwards, and say what is in it.
    #[arg(long)]
    verify: bool,
    #[command(flatten)]
    data: DataArgs,
}

#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// What `moothall backup` wrote.
    file: PathBuf,
    /// Only examine the file and its key, and change nothing.
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    data: DataArgs,
}

pub fn backup(args: &BackupArgs) -> anyhow::Result<()> {
    if args.file.exists() {
        bail!("{} exists already; name a new file", args.file.display());
    }
    let config = args.data.load_existing()?;
    Store::backup(&config.database(), &config.store, &args.file)
        .with_context(|| format!("the backup {} cannot be written", args.file.display()))?;
    if !args.verify {
        return Ok(());
    }
    let found = examine_copy(&args.file)
        .with_context(|| format!("the backup {} is of no use", args.file.display()))?;
    answer(&format!("{} is sound: {}", args.file.display(), contents(&found)))
}

pub fn restore(args: &RestoreArgs) -> anyhow::Result<()> {
    if !args.file.is_file() {
        bail!("there is no file {}; name what `moothall backup` wrote", args.file.display());
    }
    let file = args.file.display();
    let config = args.data.load()?;
    let database = config.database();
    refuse_itself(&args.file, &database)?;
    let found = examine_copy(&args.file).with_context(|| format!("{file} cannot be restored"))?;
    key_source(&config.data).check(found.key_check.as_deref())?;
    if args.check {
        return answer(&format!("{file} can be restored: {}", contents(&found)));
    }
    // The directory is locked until this returns.
    let data = DataDirectory::open(&config.data)?;
    data.lock()?;
    let was_there = database.exists();
    let aside = aside(&database);
    Store::restore(&args.file, &database, &aside)
        .with_context(|| format!("{file} cannot be restored"))?;
    answer(&format!("restored {file} to {}: {}", database.display(), contents(&found)))?;
    if was_there {
        answer(&format!("what was there is {} now", aside.display()))?;
    }
    drop(data);
    Ok(())
}

/// A restore onto itself would rename the backup away.
fn refuse_itself(backup: &Path, database: &Path) -> anyhow::Result<()> {
    let whole = |path: &Path| std::fs::canonicalize(path).ok();
    match whole(database) {
        Some(there) if whole(backup).as_ref() == Some(&there) => {
            bail!("{} is the database itself; name a backup", backup.display())
        }
        _ => Ok(()),
    }
}

/// The name that the database gets that was there.
fn aside(database: &Path) -> PathBuf {
    let now = rfc3339(Clock::system().now_ms()).replace(':', "-");
    let mut name = database.as_os_str().to_owned();
    name.push(format!(".replaced-{now}"));
    name.into()
}

fn contents(found: &ExaminedDatabase) -> String {
    let ExaminedDatabase { schema, communities, instances, last_event_at, .. } = found;
    let events = match last_event_at {
        Some(at) => format!("the last event is of {}", rfc3339(*at)),
        None => "no event".to_owned(),
    };
    format!("schema {schema}, communities: {communities}, instances: {instances}, {events}")
}
