//! A step: what it runs, and how. The settings are a webfilter's nine, and ours.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ids::CommunityId;
use crate::plugins::background::FilterManifest;
use crate::store::StepRow;

/// Longest time that a step may ask for, in milliseconds.
const TIMEOUT_MS: u64 = 60_000;
/// Longest description and URL, in bytes.
const TEXT_BYTES: usize = 4 << 10;

/// A step that is ready to run.
pub struct Step {
    /// `step_` and a ULID, or `plugin:<name>` of a manifest's.
    pub id: String,
    pub hook: String,
    /// `HOST`: all.
    pub community: CommunityId,
    pub target: Target,
    pub settings: Settings,
    /// Sealed: signs the requests of an HTTP step.
    pub secret: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A URL.
    Http(String),
    /// A plugin's name.
    Plugin(String),
}

/// As they are put and shown.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    pub order: i64,
    pub kind: Kind,
    pub target: String,
    pub description: String,
    pub enabled: bool,
    pub community: String,
    pub mode: Mode,
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

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    #[default]
    Http,
    Plugin,
}

/// What a step sees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The data as the steps before left it.
    #[default]
    Accumulate,
    /// The data as it was at first.
    Broadcast,
}

/// How an answer's data gets into the data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
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
            kind: Kind::Http,
            target: String::new(),
            description: String::new(),
            enabled: true,
            community: "*".to_owned(),
            mode: Mode::Accumulate,
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
    /// What a body says, over the defaults of its preset.
    pub fn parse(mut body: Value) -> Result<Self, String> {
        let Some(fields) = body.as_object_mut() else {
            return Err("a step is a JSON object".to_owned());
        };
        let mut whole = match fields.remove("preset") {
            None => Value::Object(serde_json::Map::new()),
            Some(Value::String(name)) if name == "openedx-webhooks" => serde_json::json!({
                "mode": "broadcast", "merge": "shallow", "timeout_ms": 10_000, "fail_silently": false
            }),
            Some(_) => return Err("the only `preset` is `openedx-webhooks`".to_owned()),
        };
        for (key, value) in std::mem::take(fields) {
            whole[key] = value;
        }
        let settings: Self = serde_json::from_value(whole).map_err(|error| error.to_string())?;
        settings.check()?;
        Ok(settings)
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

    /// Whether a setting could halt a run.
    pub fn halts(&self) -> bool {
        let redirects =
            [&self.redirect_on_4xx, &self.redirect_on_5xx, &self.redirect_on_request_exception];
        self.halt_on_4xx
            || self.halt_on_5xx
            || self.halt_on_request_exception
            || redirects.iter().any(|url| !url.is_empty())
    }
}

impl Step {
    pub fn of_row(row: StepRow) -> Result<Self, serde_json::Error> {
        let mut shown = row.shown();
        if let Some(shown) = shown.as_object_mut() {
            shown.remove("id");
            shown.remove("hook");
        }
        let settings: Settings = serde_json::from_value(shown)?;
        let target = match settings.kind {
            Kind::Http => Target::Http(settings.target.clone()),
            Kind::Plugin => Target::Plugin(settings.target.clone()),
        };
        let (id, hook, community) = (row.public_id, row.hook, row.community);
        Ok(Self { id, hook, community, target, settings, secret: row.secret })
    }

    /// Of a plugin's manifest.
    pub fn of_filter(plugin: &str, filter: &FilterManifest) -> Self {
        Self {
            id: format!("plugin:{plugin}"),
            hook: filter.hook.clone(),
            community: CommunityId::HOST,
            target: Target::Plugin(plugin.to_owned()),
            settings: Settings {
                order: filter.order,
                kind: Kind::Plugin,
                target: plugin.to_owned(),
                description: filter.description.clone(),
                fail_silently: filter.fail_silently,
                ..Settings::default()
            },
            secret: Vec::new(),
        }
    }
}
