//! Methods that the host calls by their name when something happens to an instance.

use syn::{Ident, ImplItemFn, Signature};

use super::{check_shape, is_unit, parameter_types, parameters_span, result_type};
use crate::mistakes::Mistakes;

/// A lifecycle function.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Lifecycle {
    Initialize,
    ConfigChanged,
    Upgraded,
    Close,
}

impl Lifecycle {
    /// The lifecycle function that `method` is, by its name; a wrong signature is noted.
    pub fn of(method: &ImplItemFn, mistakes: &mut Mistakes) -> Option<Self> {
        let function = Self::named(&method.sig.ident)?;
        function.check(&method.sig, mistakes);
        Some(function)
    }

    /// Its name in the manifest.
    pub fn manifest_name(self) -> &'static str {
        match self {
            Self::Initialize => "initialize",
            Self::ConfigChanged => "config-changed",
            Self::Upgraded => "upgraded",
            Self::Close => "close",
        }
    }

    fn named(name: &Ident) -> Option<Self> {
        let all = [Self::Initialize, Self::ConfigChanged, Self::Upgraded, Self::Close];
        all.into_iter().find(|function| *name == function.manifest_name().replace('-', "_"))
    }

    fn form(self) -> &'static str {
        match self {
            Self::Initialize => "fn initialize(&self) -> Result<()>",
            Self::ConfigChanged => "fn config_changed(&self, previous: Config) -> Result<()>",
            Self::Upgraded => "fn upgraded(&self, from_version: String) -> Result<()>",
            Self::Close => "fn close(&self) -> Result<()>",
        }
    }

    fn takes_a_parameter(self) -> bool {
        matches!(self, Self::ConfigChanged | Self::Upgraded)
    }

    fn check(self, signature: &Signature, mistakes: &mut Mistakes) {
        check_shape(signature, self.form(), mistakes);
        if let Some(result) =
            result_type(signature, self.form(), mistakes).filter(|result| !is_unit(result))
        {
            mistakes.add(
                result,
                format!("`{}` has no result; write `{}`", signature.ident, self.form()),
            );
        }
        if parameter_types(&signature.inputs).len() != usize::from(self.takes_a_parameter()) {
            mistakes.add_at(
                parameters_span(signature),
                format!("`{}` has other parameters; write `{}`", signature.ident, self.form()),
            );
        }
    }
}

/// What they are called.
pub const NAMES: [&str; 4] = ["initialize", "config_changed", "upgraded", "close"];

/// Whether the host calls methods of this name by itself.
pub fn is_name(name: &Ident) -> bool {
    Lifecycle::named(name).is_some()
}
