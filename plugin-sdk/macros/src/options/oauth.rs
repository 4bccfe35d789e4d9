//! What the plugin authorises: `oauth(types("app", "user"), no_pkce, issuer = "…")`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{LitStr, Meta};

use super::{flag, read, text, texts, unknown};
use crate::mistakes::Mistakes;

/// The options of `oauth(…)`.
#[derive(Default)]
pub struct OAuthOptions {
    types: Vec<LitStr>,
    no_pkce: bool,
    issuer: Option<LitStr>,
}

impl OAuthOptions {
    pub fn parse(option: &Meta, mistakes: &mut Mistakes) -> Self {
        let mut options = Self::default();
        let Ok(list) = option.require_list() else {
            mistakes.add(option, "write `oauth(types(\"app\", \"user\"))`");
            return options;
        };
        for option in read(list.tokens.clone(), mistakes) {
            options.accept(&option, mistakes);
        }
        options
    }

    fn accept(&mut self, option: &Meta, mistakes: &mut Mistakes) {
        let path = option.path();
        if path.is_ident("types") {
            self.types = texts(option, mistakes);
            for unknown in self.types.iter().filter(|kind| !is_type(kind)) {
                mistakes.add(unknown, "an authorisation is \"app\" or \"user\"");
            }
        } else if path.is_ident("no_pkce") {
            self.no_pkce = flag(option, mistakes);
        } else if path.is_ident("issuer") {
            self.issuer = text(option, mistakes);
        } else {
            unknown(option, "`types`, `no_pkce` and `issuer`", mistakes);
        }
    }

    pub fn to_manifest(&self) -> TokenStream {
        let types = &self.types;
        let no_pkce = self.no_pkce.then(|| quote!(.no_pkce()));
        let issuer = self.issuer.iter();
        quote! {
            ::moothall_sdk::manifest::Authorization::default()
                #(.authorizes(#types))*
                #no_pkce
                #(.issuer(#issuer))*
        }
    }
}

fn is_type(kind: &LitStr) -> bool {
    ["app", "user"].contains(&kind.value().as_str())
}
