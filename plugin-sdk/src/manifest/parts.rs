//! The parts of a manifest beside its actions: schedules, signatures, OAuth, processes. Each is what
//! the schema says, field by field, and decides nothing.

use schemars::{JsonSchema, Schema};
use serde::Serialize;

use crate::schema;

/// How often something is called.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Schedule {
    #[serde(skip_serializing_if = "Option::is_none")]
    every: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cron: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_zone: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jitter: Option<&'static str>,
}

impl Schedule {
    /// An interval: `30s`, `5m`, `2h`, `1d`.
    #[must_use]
    pub fn every(mut self, interval: &'static str) -> Self {
        self.every = Some(interval);
        self
    }

    /// A cron expression of five or six fields.
    #[must_use]
    pub fn cron(mut self, expression: &'static str) -> Self {
        self.cron = Some(expression);
        self
    }

    /// The IANA name of the time zone that `cron` is meant in.
    #[must_use]
    pub fn time_zone(mut self, name: &'static str) -> Self {
        self.time_zone = Some(name);
        self
    }

    /// Each tick comes later by a random part of this interval.
    #[must_use]
    pub fn jitter(mut self, interval: &'static str) -> Self {
        self.jitter = Some(interval);
        self
    }
}

/// The signature that webhooks must have.
#[derive(Debug, Clone, Serialize)]
pub struct Verify {
    scheme: &'static str,
    secret: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    header: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prefix: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    encoding: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tolerance_s: Option<u32>,
}

impl Verify {
    /// A signature by `scheme` with the secret at this place.
    pub fn new(scheme: &'static str, secret: &'static str) -> Self {
        Self { scheme, secret, header: None, prefix: None, encoding: None, tolerance_s: None }
    }

    /// The header with the signature.
    #[must_use]
    pub fn header(mut self, name: &'static str) -> Self {
        self.header = Some(name);
        self
    }

    /// What stands before the signature.
    #[must_use]
    pub fn prefix(mut self, prefix: &'static str) -> Self {
        self.prefix = Some(prefix);
        self
    }

    /// How the signature is written: `hex` or `base64`.
    #[must_use]
    pub fn encoding(mut self, encoding: &'static str) -> Self {
        self.encoding = Some(encoding);
        self
    }

    /// How far a signed timestamp may be from now, in seconds.
    #[must_use]
    pub fn tolerance_s(mut self, seconds: u32) -> Self {
        self.tolerance_s = Some(seconds);
        self
    }
}

/// What the plugin authorises.
#[derive(Debug, Clone, Default, Serialize)]
pub struct OAuth {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    types: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pkce: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<&'static str>,
}

impl OAuth {
    /// Authorises this: `app` or `user`; both if nothing is said.
    #[must_use]
    pub fn authorizes(mut self, what: &'static str) -> Self {
        self.types.push(what);
        self
    }

    /// Says that the platform does not take PKCE.
    #[must_use]
    pub fn no_pkce(mut self) -> Self {
        self.pkce = Some(false);
        self
    }

    /// The platform's issuer identifier, or where the operator's settings have it: `settings:/issuer`.
    #[must_use]
    pub fn issuer(mut self, issuer: &'static str) -> Self {
        self.issuer = Some(issuer);
        self
    }
}

/// One governance process of a [`Manifest`](super::Manifest).
#[derive(Debug, Clone, Serialize)]
pub struct Process {
    name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters_schema: Option<Schema>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome_schema: Option<Schema>,
    functions: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    schedule: Option<Schedule>,
}

impl Process {
    /// A process that is only started.
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            description: None,
            parameters_schema: None,
            outcome_schema: None,
            functions: Vec::new(),
            schedule: None,
        }
    }

    /// What the process is for.
    #[must_use]
    pub fn description(mut self, description: &'static str) -> Self {
        self.description = Some(description);
        self
    }

    /// The type it is started with.
    #[must_use]
    pub fn parameters<T: JsonSchema>(mut self) -> Self {
        self.parameters_schema =
            Some(schema::of_parameters::<T>(&format!("the process `{}`", self.name)));
        self
    }

    /// The type of its outcome.
    #[must_use]
    pub fn outcome<T: JsonSchema>(mut self) -> Self {
        self.outcome_schema =
            Some(schema::of_said::<T>(&format!("the outcome of the process `{}`", self.name)));
        self
    }

    /// Adds a function that does something.
    #[must_use]
    pub fn function(mut self, name: &'static str) -> Self {
        self.functions.push(name);
        self
    }

    /// How often `update` is called.
    #[must_use]
    pub fn schedule(mut self, schedule: Schedule) -> Self {
        self.schedule = Some(schedule);
        self
    }
}
