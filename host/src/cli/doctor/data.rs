//! The data directory: who may use it, its database, its key and its disk.

use std::os::unix::fs::MetadataExt;

use rustix::fs::{Access, access, statvfs};

use super::Finding;
use crate::app::key_source;
use moothall_core::config::Config;
use moothall_core::permissions::is_open_to_all;
use moothall_store::{ExaminedDatabase, SCHEMA_VERSION, examine};

/// Less room than this is worth a warning, in bytes.
const LITTLE_ROOM: u64 = 1 << 30;

/// What was found about the database, if there is one that can be read.
pub fn look(config: &Config, all: &mut Vec<Finding>) -> Option<ExaminedDatabase> {
    if !config.data.is_dir() {
        all.push(Finding::warning(
            "data directory",
            format!("{} does not exist", config.data.display()),
            "`moothall serve` makes it; if the host has one already, name it with --data",
        ));
        return None;
    }
    all.push(directory(config));
    all.push(room(config));
    let database = config.database();
    if !database.exists() {
        all.push(Finding::warning(
            "database",
            format!("{} does not exist", database.display()),
            "`moothall serve` makes it; if there was one, put it back before, or restore a backup with `moothall restore`",
        ));
        return None;
    }
    match examine(&database) {
        Ok(found) => {
            all.push(schema(&found));
            all.push(key(config, &found));
            Some(found)
        }
        Err(error) => {
            let remedy = "restore a backup with `moothall restore FILE`, which keeps this database beside it";
            all.push(Finding::error("database", error.to_string(), remedy));
            None
        }
    }
}

fn directory(config: &Config) -> Finding {
    let (subject, path) = ("data directory", config.data.display());
    let mode = std::fs::metadata(&config.data).map_or(0, |found| found.mode() & 0o7777);
    if let Err(error) = access(&config.data, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK) {
        let user = rustix::process::geteuid().as_raw();
        return Finding::error(
            subject,
            format!("{path} cannot be used by user {user}: {error}"),
            "run this as the user that the host runs as, or give that user the directory with `chown`",
        );
    }
    if is_open_to_all(mode) {
        return Finding::warning(
            subject,
            format!("{path} is open to everybody (mode {mode:o})"),
            format!("`chmod o-rwx {path}`; the host does so itself if it may"),
        );
    }
    Finding::good(subject, format!("{path}, mode {mode:o}"))
}

fn room(config: &Config) -> Finding {
    let subject = "disk";
    match statvfs(&config.data) {
        Err(error) => Finding::warning(
            subject,
            format!("its free space cannot be read: {error}"),
            "see with `df` that there is room",
        ),
        Ok(disk) => {
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            let found = format!("{} MiB free", free >> 20);
            match free < LITTLE_ROOM {
                true => Finding::warning(
                    subject,
                    found,
                    "make room: the host answers 507 when the disk is full, and stores nothing more",
                ),
                false => Finding::good(subject, found),
            }
        }
    }
}

fn schema(found: &ExaminedDatabase) -> Finding {
    let said = format!(
        "schema {}, communities: {}, instances: {}",
        found.schema, found.communities, found.instances
    );
    match found.schema == SCHEMA_VERSION {
        true => Finding::good("database", said),
        false => Finding::warning(
            "database",
            format!(
                "{said}; this version has schema {SCHEMA_VERSION}, to which the next start brings it"
            ),
            "make a backup with `moothall backup FILE` before you start this version: there is no way back without one",
        ),
    }
}

fn key(config: &Config, found: &ExaminedDatabase) -> Finding {
    match key_source(&config.data).check(found.key_check.as_deref()) {
        Ok(()) => Finding::good("sealing key", "it opens what is sealed in the database"),
        Err(error) => Finding::error(
            "sealing key",
            format!("{error:#}"),
            "put the copy of `secret.key` back; without it, configs have to be written anew",
        ),
    }
}
