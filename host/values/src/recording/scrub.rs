//! Takes values of secrets out of a recording, wherever they turned up: a platform may send a token back, a guest may store
//! it. The same value becomes the same stand-in everywhere, so that the guest, which reads the stand-in, writes it too.
//!
//! All forms of all secrets are searched for in one pass over each text, so that the cost hardly rises with their number.

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use serde_json::Value;

use super::forms::forms;
use super::sightings::sightings;
use super::{RecordedError, Recording, Returned, body, body_bytes};

/// Secrets that are taken out of one recording, at most.
pub const SECRETS: usize = 100;
/// And bytes of all the ways to write them.
pub const FORM_BYTES: usize = 512 << 10;
/// A shorter text is no secret that could be told from others.
pub(super) const SHORTEST: usize = 4;

/// Replaces secrets by stand-ins.
#[derive(Debug, Default)]
pub struct Scrubber {
    /// Finds the forms of secrets; none if there are no secrets.
    search: Option<AhoCorasick>,
    /// The stand-in for each form.
    stand_ins: Vec<String>,
}

/// A recording has more secrets than are taken out of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManySecrets;

impl std::fmt::Display for TooManySecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "its content is not kept: it has more than {SECRETS} secrets, or they are too long to be taken out"
        )
    }
}

impl Scrubber {
    /// For these values, and for those that are secrets by where they stand in the recording.
    pub fn new(
        known: impl IntoIterator<Item = String>,
        recording: &Recording,
    ) -> Result<Self, TooManySecrets> {
        let mut secrets = Secrets::default();
        known.into_iter().for_each(|secret| secrets.add(&secret));
        sightings(recording, &mut secrets);
        Self::of(&secrets.in_order()?)
    }

    fn of(secrets: &[String]) -> Result<Self, TooManySecrets> {
        let (mut all, mut stand_ins, mut bytes) = (Vec::new(), Vec::new(), 0);
        for (number, secret) in (1..).zip(secrets) {
            for form in forms(secret) {
                bytes += form.len();
                all.push(form);
                stand_ins.push(stand_in(number));
            }
            if bytes > FORM_BYTES {
                return Err(TooManySecrets);
            }
        }
        if all.is_empty() {
            return Ok(Self::default());
        }
        // The longest form first: one may be part of another. A DFA would take hundreds of bytes for each of theirs.
        let mut builder = AhoCorasick::builder();
        builder.match_kind(MatchKind::LeftmostLongest).kind(Some(AhoCorasickKind::ContiguousNFA));
        let search = builder.build(&all).map_err(|_| TooManySecrets)?;
        Ok(Self { search: Some(search), stand_ins })
    }

    /// Replaces the secrets in all that came from outside: input, answers, results.
    pub fn scrub(&self, recording: &mut Recording) {
        let context = &mut recording.context;
        self.text(&mut context.config);
        self.text(&mut context.settings);
        let input = recording.input.iter_mut().flat_map(|input| &mut input.arguments);
        input.for_each(|one| self.value(one));
        for noted in &mut recording.imports {
            noted.arguments.iter_mut().chain(&mut noted.answer).for_each(|one| self.value(one));
        }
        match &mut recording.returned {
            Returned::Output(output) => self.value(output),
            Returned::Error(error) => self.error(error),
            Returned::Fault(fault) => self.text(&mut fault.detail),
        }
        recording.failure.iter_mut().for_each(|failure| self.text(&mut failure.detail));
        recording.not_replayable.iter_mut().for_each(|reason| self.text(reason));
    }

    fn error(&self, error: &mut RecordedError) {
        self.text(&mut error.message);
        error.details.iter_mut().for_each(|details| self.text(details));
    }

    /// The texts in a value, but not names.
    fn value(&self, value: &mut Value) {
        match value {
            Value::String(text) => self.text(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.value(item)),
            Value::Object(fields) if fields.len() == 1 && fields.contains_key("base64") => {
                self.bytes(value);
            }
            Value::Object(fields) => fields.values_mut().for_each(|field| self.value(field)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn text(&self, text: &mut String) {
        let Some(search) = self.search.as_ref().filter(|search| search.is_match(&*text)) else {
            return;
        };
        let mut scrubbed = String::with_capacity(text.len());
        search.replace_all_with(text, &mut scrubbed, |found, _, scrubbed| {
            scrubbed.push_str(&self.stand_ins[found.pattern()]);
            true
        });
        *text = scrubbed;
    }

    /// A body that is no text.
    fn bytes(&self, value: &mut Value) {
        let (Some(search), Some(bytes)) = (&self.search, body_bytes(value)) else { return };
        let mut scrubbed = Vec::with_capacity(bytes.len());
        search.replace_all_with_bytes(&bytes, &mut scrubbed, |found, _, scrubbed| {
            scrubbed.extend_from_slice(self.stand_ins[found.pattern()].as_bytes());
            true
        });
        *value = body(&scrubbed);
    }
}

/// What stands for a secret: written the same way in JSON, in a URL and in a form.
fn stand_in(number: usize) -> String {
    format!("__secret_{number}__")
}

/// Texts that are secrets, each once, within a bound.
#[derive(Debug, Default)]
pub(super) struct Secrets {
    all: std::collections::BTreeSet<String>,
    are_too_many: bool,
}

impl Secrets {
    pub fn add(&mut self, secret: &str) {
        if secret.len() < SHORTEST || self.all.contains(secret) {
            return;
        }
        self.are_too_many |= self.all.len() == SECRETS || secret.len() > FORM_BYTES;
        if !self.are_too_many {
            self.all.insert(secret.to_owned());
        }
    }

    /// The longest first, so that the same secrets always have the same numbers.
    fn in_order(self) -> Result<Vec<String>, TooManySecrets> {
        if self.are_too_many {
            return Err(TooManySecrets);
        }
        let mut all: Vec<_> = self.all.into_iter().collect();
        all.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Ok(all)
    }
}

#[cfg(test)]
mod tests;
