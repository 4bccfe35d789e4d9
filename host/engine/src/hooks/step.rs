//! A step: what it calls, and how. Its settings are StoryBoard's nine for webfilters, and the host's.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::plugins::manifest::FilterManifest;
use moothall_core::ids::CommunityId;
use moothall_store::StepRow;

/// The longest timeout of a step, in milliseconds.
pub const TIMEOUT_MS: u64 = 60_000;
/// Longest description and URL, in bytes.
const TEXT_BYTES: usize = 4 << 10;

/// A step that is ready to run.
pub struct Step {
    /// `step_` and a ULID, or `plugin:<name>` of a manifest's.
    pub id: String,
    pub hook: String,
    /// The community for which it runs; `HOST`: all.
    pub community: CommunityId,
    pub target: Target,
    pub settings: Settings,
    /// The sealed secret that signs the requests of an HTTP step.
    pub secret: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A URL.
    Http(String),
    /// A plugin's name.
    Plugin(String),
}

/// The settings as a client sends and reads them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(!deny_unknown_fields)]
pub struct Settings {
    pub order: i64,
    pub kind: StepKind,
    pub target: String,
    pub description: String,
    pub enabled: bool,
    pub community: String,
    pub mode: StepMode,
    pub merge: Merge,
    pub disable_filtering: bool,
    pub disable_halt: bool,
    pub halt_on_4xx: bool,
    pub redirect_on_4xx: String,
    pub halt_on_5xx: bool,
    pub redirect_on_5xx: String,
    pub halt_on_request_exception: bool,
    pub redirect_on_request_exception: String,
    pub use_www_form_encoding: bool,
    pub fail_silently: bool,
    pub timeout_ms: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "StepKind")]
pub enum StepKind {
    #[default]
    Http,
    Plugin,
}

/// What a step sees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "StepMode")]
pub enum StepMode {
    /// The data as the steps before left it.
    #[default]
    Accumulate,
    /// The data as it was before all steps.
    Broadcast,
}

/// How the data of an answer is merged into the data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "StepMerge")]
pub enum Merge {
    #[default]
    Shallow,
    /// RFC 7396.
    Deep,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            order: 100,
            kind: StepKind::Http,
            target: String::new(),
            description: String::new(),
            enabled: true,
            community: "*".to_owned(),
            mode: StepMode::Accumulate,
            merge: Merge::Shallow,
            disable_filtering: false,
            disable_halt: false,
            halt_on_4xx: false,
            redirect_on_4xx: String::new(),
            halt_on_5xx: false,
            redirect_on_5xx: String::new(),
            halt_on_request_exception: false,
            redirect_on_request_exception: String::new(),
            use_www_form_encoding: false,
            fail_silently: true,
            timeout_ms: 3_000,
        }
    }
}

impl Settings {
    /// The settings of a body, over its preset, over the existing settings.
    pub fn over(before: &Self, mut body: Value) -> Result<Self, String> {
        let Some(fields) = body.as_object_mut() else {
            return Err("a step is a JSON object".to_owned());
        };
        let mut whole = serde_json::to_value(before).unwrap_or_default();
        match fields.remove("preset") {
            None => {}
            Some(Value::String(name)) if name == "openedx-webhooks" => {
                whole["mode"] = "broadcast".into();
                whole["merge"] = "shallow".into();
                whole["timeout_ms"] = 10_000.into();
                whole["fail_silently"] = false.into();
            }
            Some(_) => return Err("the only `preset` is `openedx-webhooks`".to_owned()),
        }
        for (key, value) in std::mem::take(fields) {
            // Members that answers contain and that nobody sets.
            if !matches!(key.as_str(), "id" | "hook") {
                whole[key] = value;
            }
        }
        let settings: Self = serde_json::from_value(whole)
            .map_err(|_| "a setting is not of its type, or not known".to_owned())?;
        settings.check()?;
        Ok(settings)
    }

    pub fn of_row(row: &StepRow) -> Result<Self, serde_json::Error> {
        let mut shown = row.shown();
        if let Some(shown) = shown.as_object_mut() {
            shown.remove("id");
            shown.remove("hook");
        }
        serde_json::from_value(shown)
    }

    fn check(&self) -> Result<(), String> {
        if self.target.is_empty() {
            return Err("a step needs a `target`: a URL, or the name of a plugin".to_owned());
        }
        if self.target.len() > TEXT_BYTES || self.description.len() > TEXT_BYTES {
            return Err(format!("`target` and `description` have at most {TEXT_BYTES} bytes"));
        }
        if !(1..=TIMEOUT_MS).contains(&self.timeout_ms) {
            return Err(format!("`timeout_ms` is 1 to {TIMEOUT_MS}"));
        }
        Ok(())
    }

    /// A reason to halt, whether it halts the run, and the URL it leads to; empty: none.
    pub fn redirects(&self) -> [(&'static str, bool, &str); 3] {
        [
            ("4xx", self.halt_on_4xx, &self.redirect_on_4xx),
            ("5xx", self.halt_on_5xx, &self.redirect_on_5xx),
            (
                "request_exception",
                self.halt_on_request_exception,
                &self.redirect_on_request_exception,
            ),
        ]
    }

    /// Whether a setting could halt a run.
    pub fn halts(&self) -> bool {
        self.redirects().iter().any(|(_, halts, page)| *halts || !page.is_empty())
    }
}

impl Step {
    pub fn of_row(row: StepRow) -> Result<Self, serde_json::Error> {
        let settings = Settings::of_row(&row)?;
        let target = match settings.kind {
            StepKind::Http => Target::Http(settings.target.clone()),
            StepKind::Plugin => Target::Plugin(settings.target.clone()),
        };
        let (id, hook, community) = (row.public_id, row.hook, row.community);
        Ok(Self { id, hook, community, target, settings, secret: row.secret })
    }

    /// From a plugin's manifest.
    pub fn of_filter(plugin: &str, filter: &FilterManifest) -> Self {
        Self {
            id: format!("plugin:{plugin}"),
            hook: filter.hook.clone(),
            community: CommunityId::HOST,
            target: Target::Plugin(plugin.to_owned()),
            settings: Settings {
                order: filter.order,
                kind: StepKind::Plugin,
                target: plugin.to_owned(),
                description: filter.description.clone(),
                fail_silently: filter.fail_silently,
                ..Settings::default()
            },
            secret: Vec::new(),
        }
    }
}
