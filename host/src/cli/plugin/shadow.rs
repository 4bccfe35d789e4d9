//! `moothall plugin shadow`: runs another version of a plugin against the calls that a host recorded, without effects.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::bail;
use clap::{Args, value_parser};
use serde_json::{Value, json};

use crate::cli::answer::answer;
use crate::cli::plugin::file::plugin_in;
use crate::cli::plugin::host_client::{HostArgs, HostClient};
use crate::cli::plugin::recordings::{fetch, newest};
use crate::cli::plugin::replay::{Stage, Verdict};
use moothall_engine::calls::Repeated;
use moothall_values::recording::{Difference, Noted, Recording, is_effect, same};

/// CPU time that is told as a difference: so many times the recorded one, and so many microseconds more.
const CPU_TIMES: i64 = 3;
const CPU_MORE_US: i64 = 50_000;

#[derive(Debug, Args)]
pub struct ShadowArgs {
    /// The file of the other version.
    file: PathBuf,
    /// How many recorded calls are repeated, the newest first.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = value_parser!(u32).range(1..))]
    last: u32,
    /// The plugin on the host. Left out: the one that is in the file.
    #[arg(long, value_name = "NAME")]
    plugin: Option<String>,
    #[command(flatten)]
    host: HostArgs,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// A call with what would differ.
struct Shadowed {
    recording: Arc<Recording>,
    /// Why it could not be repeated, or what it did.
    repeated: Result<Repeated, String>,
}

pub fn shadow(args: &ShadowArgs) -> anyhow::Result<()> {
    let client = args.host.client()?;
    let plugin = match &args.plugin {
        Some(plugin) => plugin.clone(),
        None => plugin_in(&args.file)?.to_string(),
    };
    let recordings = recordings(&client, &plugin, args.last)?;
    if recordings.is_empty() {
        bail!(
            "the host has recorded no call of `{plugin}`; set `record = \"all\"` in its [plugins.{plugin}]"
        );
    }
    let stage = Stage::new(&args.file, &recordings)?;
    let shadowed: Vec<_> =
        recordings.into_iter().map(|recording| Shadowed::of(&stage, recording)).collect();
    match args.json {
        true => answer(&document(&shadowed).to_string())?,
        false => lines(&shadowed).iter().try_for_each(|line| answer(line))?,
    }
    judged(&shadowed)
}

/// Calls of which none could be repeated prove nothing about the file.
fn judged(shadowed: &[Shadowed]) -> anyhow::Result<()> {
    match (repeated(shadowed), differing(shadowed)) {
        (0, _) => bail!(
            "none of the {} recorded calls could be repeated; the reasons are above, and nothing is known of the file",
            shadowed.len()
        ),
        (_, 0) => Ok(()),
        (repeated, differ) => bail!("{differ} of {repeated} repeated calls would differ"),
    }
}

/// The newest recorded calls of the plugin.
fn recordings(client: &HostClient, plugin: &str, last: u32) -> anyhow::Result<Vec<Arc<Recording>>> {
    let rows = newest(client, Some(plugin), last)?;
    let ids = rows.iter().filter_map(|row| row["id"].as_str());
    ids.map(|id| fetch(client, id).map(|(recording, _)| Arc::new(recording))).collect()
}

impl Shadowed {
    fn of(stage: &Stage, recording: Arc<Recording>) -> Self {
        let repeated = stage.repeat(&recording);
        Self { recording, repeated }
    }

    fn differs(&self) -> bool {
        !self.differences().is_empty()
    }

    /// What would be different for the community: results, failures, effects, and much more CPU time. In which order a
    /// guest reads is its own matter.
    fn differences(&self) -> Vec<Difference> {
        let Ok(repeated) = &self.repeated else { return Vec::new() };
        let of_outcome = repeated.differences.iter();
        let of_outcome = of_outcome.filter(|one| ["result", "failure"].contains(&one.at.as_str()));
        let mut differences: Vec<_> = of_outcome.cloned().collect();
        differences.extend(self.effects(repeated));
        differences.extend(self.cpu(repeated));
        differences.extend(repeated.missing.iter().map(|what| Difference {
            at: "not in the recording".to_owned(),
            recorded: None,
            now: Some(what.clone()),
        }));
        differences
    }

    /// The first effect that differs. A failed call has none.
    fn effects(&self, repeated: &Repeated) -> Option<Difference> {
        if self.recording.failure.is_some() || repeated.failure.is_some() {
            return None;
        }
        let is_effect = |noted: &&Noted| is_effect(&noted.import);
        let before: Vec<_> = self.recording.imports.iter().filter(is_effect).collect();
        let now: Vec<_> = repeated.effects().collect();
        let most = before.len().max(now.len());
        (0..most).find_map(|at| {
            let (one, other) = (before.get(at).copied(), now.get(at).copied());
            let is_same = one.zip(other).is_some_and(|(one, other)| {
                one.import == other.import && same(&json!(one.arguments), &json!(other.arguments))
            });
            let difference = Difference::of_imports(at + 1, one, other);
            (!is_same).then(|| Difference { at: format!("effect {}", at + 1), ..difference })
        })
    }

    fn cpu(&self, repeated: &Repeated) -> Option<Difference> {
        let (before, now) = (self.recording.cpu_us, repeated.cpu_us);
        let is_more = now > before.saturating_mul(CPU_TIMES) && now - before > CPU_MORE_US;
        let ms = |us: i64| Some(format!("{} ms", us / 1_000));
        is_more.then(|| Difference {
            at: "CPU time".to_owned(),
            recorded: ms(before),
            now: ms(now),
        })
    }

    fn is_mended(&self) -> bool {
        let verdict = self.repeated.as_ref().map(|now| Verdict::of(&self.recording, now));
        verdict == Ok(Verdict::Mended)
    }

    fn head(&self) -> String {
        let call = &self.recording.call;
        format!("{} `{}`, {}", call.id, call.name, call.started_at)
    }

    fn document(&self) -> Value {
        let repeated = self.repeated.as_ref().ok();
        json!({
            "call": self.recording.call,
            "differences": self.differences(),
            "mended": self.is_mended(),
            "not_replayed": self.repeated.as_ref().err(),
            "recorded_cpu_us": self.recording.cpu_us,
            "cpu_us": repeated.map(|repeated| repeated.cpu_us),
            "failure": repeated.and_then(|repeated| repeated.failure.clone()),
        })
    }
}

fn document(shadowed: &[Shadowed]) -> Value {
    let calls: Vec<Value> = shadowed.iter().map(Shadowed::document).collect();
    json!({
        "calls": calls,
        "repeated": repeated(shadowed),
        "differ": differing(shadowed),
        "successes_recorded": has_successes(shadowed),
    })
}

fn repeated(shadowed: &[Shadowed]) -> usize {
    shadowed.iter().filter(|one| one.repeated.is_ok()).count()
}

fn differing(shadowed: &[Shadowed]) -> usize {
    shadowed.iter().filter(|one| one.differs()).count()
}

fn has_successes(shadowed: &[Shadowed]) -> bool {
    shadowed.iter().any(|one| one.recording.failure.is_none())
}

fn lines(shadowed: &[Shadowed]) -> Vec<String> {
    let mut lines = Vec::new();
    for one in shadowed.iter().filter(|one| one.differs()) {
        let mended = if one.is_mended() { ": it failed, and would succeed" } else { "" };
        lines.push(format!("{}{mended}", one.head()));
        lines.extend(one.differences().iter().map(|difference| format!("  {difference}")));
    }
    for one in shadowed {
        if let Err(reason) = &one.repeated {
            lines.push(format!("{}: {reason}", one.head()));
        }
    }
    let cpu = |of: fn(&Shadowed, &Repeated) -> i64| -> i64 {
        shadowed.iter().filter_map(|one| Some(of(one, one.repeated.as_ref().ok()?))).sum()
    };
    lines.push(format!(
        "{} calls repeated, {} would differ; CPU time {} ms, recorded {} ms",
        repeated(shadowed),
        differing(shadowed),
        cpu(|_, now| now.cpu_us) / 1_000,
        cpu(|one, _| one.recording.cpu_us) / 1_000
    ));
    if !has_successes(shadowed) {
        lines.push(
            "only failed calls are recorded; with `record = \"all\"` in [plugins.<name>], those that succeed are, too"
                .to_owned(),
        );
    }
    lines
}
