//! `lifecycle.wit`: methods that the host calls by their name when something happens to an instance.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Ident, ImplItemFn, Signature, Type};

use super::export;
use crate::mistakes::Mistakes;
use crate::options::plugin::PluginOptions;
use crate::signature::{check_shape, is_unit, parameter_types, parameters_span, result_type};

/// A lifecycle function.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Lifecycle {
    Initialize,
    ConfigChanged,
    Upgraded,
    Close,
}

impl Lifecycle {
    /// The lifecycle function that `method` is, by its name. Notes a wrong signature, and what the plugin's
    /// options have to say for it.
    pub fn of(
        method: &ImplItemFn,
        options: &PluginOptions,
        mistakes: &mut Mistakes,
    ) -> Option<Self> {
        let function = Self::named(&method.sig.ident)?;
        function.check(&method.sig, mistakes);
        if let Some(missing) = function.missing_option(options) {
            mistakes.add(&method.sig.ident, missing);
        }
        Some(function)
    }

    pub fn to_manifest(self) -> TokenStream {
        let name = self.manifest_name();
        quote!(.lifecycle(#name))
    }

    fn manifest_name(self) -> &'static str {
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

    /// Which option of `#[plugin]` has to be there before the host calls the method.
    fn missing_option(self, options: &PluginOptions) -> Option<&'static str> {
        match self {
            Self::ConfigChanged if !options.says_what_a_change_does() => Some(
                "`config_changed` is called for every change only with `on_config_change = \"keep\"`; add that to `#[plugin(…)]`, or \"recreate\" if changed secrets are all that it is for",
            ),
            Self::Close if !options.is_of_the_host() => Some(
                "`close` is called of plugins with `scope = \"host\"` alone; nothing of a community's plugin lives until the host's shutdown, so remove it",
            ),
            _ => None,
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

/// The names of these methods.
pub const NAMES: [&str; 4] = ["initialize", "config_changed", "upgraded", "close"];

/// Whether the host calls methods of this name by itself.
pub fn is_name(name: &Ident) -> bool {
    Lifecycle::named(name).is_some()
}

pub fn to_glue(plugin: &Type, lifecycle: &[Lifecycle]) -> Option<TokenStream> {
    lifecycle.first()?;
    let functions = lifecycle.iter().map(|function| lifecycle_function(*function));
    let export = export(plugin, quote!(lifecycle::export_lifecycle));
    Some(quote! {
        impl ::moothall_sdk::export::Lifecycle for #plugin {
            #(#functions)*
        }

        #export
    })
}

fn lifecycle_function(function: Lifecycle) -> TokenStream {
    match function {
        Lifecycle::Initialize => quote! {
            fn initialize(&self) -> ::moothall_sdk::Result<()> {
                Self::initialize(self)
            }
        },
        Lifecycle::ConfigChanged => quote! {
            fn config_changed(&self, previous: &str) -> ::moothall_sdk::Result<()> {
                ::moothall_sdk::export::config_changed(previous, |previous| Self::config_changed(self, previous))
            }
        },
        Lifecycle::Upgraded => quote! {
            fn upgraded(&self, from_version: ::std::string::String) -> ::moothall_sdk::Result<()> {
                Self::upgraded(self, from_version)
            }
        },
        Lifecycle::Close => quote! {
            fn close(&self) -> ::moothall_sdk::Result<()> {
                Self::close(self)
            }
        },
    }
}
