//! The methods of a process that the host calls by their names.

use syn::{ImplItemFn, Signature, Type};

use crate::mistakes::Mistakes;
use crate::signature::{
    Parameter, check_parameter, check_shape, is_no_object, is_unit, is_webhook_answer,
    parameter_types, result_type,
};

/// The names of these methods.
pub const NAMES: [&str; 4] = ["start", "update", "close", "receive_webhook"];

/// A function of a process.
#[derive(Clone)]
pub enum Function {
    /// `start`, with the type of its parameters.
    Start(Option<Box<Type>>),
    Update,
    Close,
    ReceiveWebhook,
}

impl Function {
    /// The function that `method` is, by its name. Notes a wrong signature.
    pub fn of(method: &ImplItemFn, mistakes: &mut Mistakes) -> Option<Self> {
        let signature = &method.sig;
        let found = if signature.ident == "start" {
            Self::Start(
                parameter_types(&signature.inputs).first().map(|kind| Box::new((*kind).clone())),
            )
        } else if signature.ident == "update" {
            Self::Update
        } else if signature.ident == "close" {
            Self::Close
        } else if signature.ident == "receive_webhook" {
            Self::ReceiveWebhook
        } else {
            return None;
        };
        found.check(signature, mistakes);
        Some(found)
    }

    /// Its name in the manifest, which does not list `start`: every process has it.
    pub fn manifest_name(&self) -> Option<&'static str> {
        match self {
            Self::Start(_) => None,
            Self::Update => Some("update"),
            Self::Close => Some("close"),
            Self::ReceiveWebhook => Some("receive-webhook"),
        }
    }

    fn form(&self) -> &'static str {
        match self {
            Self::Start(_) => "fn start(&self, parameters: Parameters) -> Result<()>",
            Self::Update => "fn update(&self) -> Result<()>",
            Self::Close => "fn close(&self) -> Result<()>",
            Self::ReceiveWebhook => {
                "fn receive_webhook(&self, request: WebhookRequest) -> Result<()>"
            }
        }
    }

    fn check(&self, signature: &Signature, mistakes: &mut Mistakes) {
        let form = self.form();
        check_shape(signature, form, mistakes);
        match self {
            Self::Start(_) => check_start(signature, form, mistakes),
            Self::ReceiveWebhook => {
                check_parameter(&Parameter::Named("WebhookRequest"), signature, form, mistakes);
            }
            Self::Update | Self::Close => {
                check_parameter(&Parameter::Nothing, signature, form, mistakes)
            }
        }
        let result = result_type(signature, form, mistakes);
        if let Some(result) = result.filter(|result| !self.has_result(result)) {
            mistakes
                .add(result, format!("`{}` has another result; write `{form}`", signature.ident));
        }
    }

    fn has_result(&self, result: &Type) -> bool {
        is_unit(result) || (matches!(self, Self::ReceiveWebhook) && is_webhook_answer(result))
    }
}

fn check_start(signature: &Signature, form: &str, mistakes: &mut Mistakes) {
    let parameters = parameter_types(&signature.inputs);
    let scalar = parameters.first().filter(|found| is_no_object(found));
    if let Some(wrong) = parameters.get(1).or(scalar) {
        mistakes.add(
            wrong,
            format!("`start` takes one struct with all its parameters; write `{form}`"),
        );
    }
}
