//! The options of `#[webhook(…)]`, `#[global_webhook(…)]` and `#[producer(…)]`.

use syn::{Attribute, Meta, Type};

use super::handshake::{self, HandshakeOptions};
use super::schedule::ScheduleOptions;
use super::verify::VerifyOptions;
use super::{read, tokens_of, types, unknown};
use crate::method::hook::Kind;
use crate::mistakes::Mistakes;

/// What an author says of one such method.
#[derive(Default)]
pub struct HookOptions {
    pub events: Vec<Type>,
    pub verify: Option<VerifyOptions>,
    pub handshakes: Vec<HandshakeOptions>,
    pub schedule: ScheduleOptions,
}

impl HookOptions {
    pub fn parse(kind: Kind, attribute: &Attribute, mistakes: &mut Mistakes) -> Self {
        let mut options = Self::default();
        for option in read(tokens_of(attribute), mistakes) {
            options.accept(kind, &option, mistakes);
        }
        options.schedule.check(mistakes);
        options
    }

    fn accept(&mut self, kind: Kind, option: &Meta, mistakes: &mut Mistakes) {
        let path = option.path();
        let emits = matches!(kind, Kind::Webhook | Kind::Producer);
        let verified = matches!(kind, Kind::Webhook | Kind::GlobalWebhook);
        if emits && path.is_ident("events") {
            self.events = types(option, mistakes);
        } else if verified && path.is_ident("verify") {
            self.verify = VerifyOptions::parse(option, kind == Kind::GlobalWebhook, mistakes);
        } else if verified && path.is_ident("handshakes") {
            self.handshakes = handshake::parse(option, mistakes);
        } else if kind != Kind::Producer || !self.schedule.accept(option, mistakes) {
            unknown(option, known(kind), mistakes);
        }
    }
}

fn known(kind: Kind) -> &'static str {
    match kind {
        Kind::Webhook => "`events`, `verify` and `handshakes`",
        Kind::GlobalWebhook => "`verify` and `handshakes`",
        Kind::Producer => "`every`, `cron`, `time_zone`, `jitter` and `events`",
        Kind::Handshake | Kind::AuthorizeUrl | Kind::OauthCallback => "none",
    }
}
