//! Finds misspelt names of methods that the host calls by name: without a message, nobody would
//! ever call them.

use std::collections::HashMap;

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::{FnArg, ImplItemFn, ItemImpl, PathArguments, ReturnType, Type};

use crate::mistakes::Mistakes;

/// How often each name occurs in an `impl` block. A method that another one calls is the author's
/// own.
pub struct Names(HashMap<String, usize>);

impl Names {
    pub fn of(block: &ItemImpl) -> Self {
        let mut names = HashMap::new();
        count(block.to_token_stream(), &mut names);
        Self(names)
    }

    pub fn occurs_again(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|times| *times > 1)
    }
}

fn count(tokens: TokenStream, names: &mut HashMap<String, usize>) {
    for token in tokens {
        match token {
            TokenTree::Ident(name) => *names.entry(name.to_string()).or_default() += 1,
            TokenTree::Group(group) => count(group.stream(), names),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

/// Adds a mistake for a method whose name is nearly one of `known`, whose signature is like theirs, and whose name occurs
/// nowhere else in the block. Returns the name that was meant.
pub fn check<'k>(
    method: &ImplItemFn,
    known: &[&'k str],
    names: &Names,
    mistakes: &mut Mistakes,
) -> Option<&'k str> {
    let name = method.sig.ident.to_string();
    let meant = known.iter().find(|known| is_nearly(&name, known))?;
    if !has_callback_signature(method) || names.occurs_again(&name) {
        return None;
    }
    mistakes.add(
        &method.sig.ident,
        format!(
            "`{name}` is never called; did you mean `{meant}`, which the host calls? If not, rename it"
        ),
    );
    Some(meant)
}

fn is_nearly(name: &str, known: &str) -> bool {
    let max_distance = if known.len() > 6 { 2 } else { 1 };
    let name = name.strip_prefix("on_").unwrap_or(name);
    name == known || strsim::osa_distance(name, known) <= max_distance
}

/// `fn …(&self, …) -> Result<…>`
fn has_callback_signature(method: &ImplItemFn) -> bool {
    let takes_self = matches!(method.sig.inputs.first(), Some(FnArg::Receiver(_)));
    let ReturnType::Type(_, output) = &method.sig.output else { return false };
    let Type::Path(path) = &**output else { return false };
    let is_result = path.path.segments.last().is_some_and(|last| {
        last.ident == "Result" && matches!(last.arguments, PathArguments::AngleBracketed(_))
    });
    takes_self && is_result
}

#[cfg(test)]
mod tests {
    use super::is_nearly;

    #[test]
    fn a_misspelt_name_is_near_and_another_word_is_not() {
        for (name, known) in [
            ("initialise", "initialize"),
            ("initialized", "initialize"),
            ("on_initialize", "initialize"),
            ("config_change", "config_changed"),
            ("on_config_change", "config_changed"),
            ("upgrade", "upgraded"),
            ("closed", "close"),
            ("updated", "update"),
            ("strat", "start"),
            ("recieve_webhook", "receive_webhook"),
            ("receive_webhooks", "receive_webhook"),
        ] {
            assert!(is_nearly(name, known), "{name}");
        }
        for (name, known) in [
            ("state", "start"),
            ("choose", "close"),
            ("initial", "initialize"),
            ("create", "update"),
        ] {
            assert!(!is_nearly(name, known), "{name}");
        }
    }
}
