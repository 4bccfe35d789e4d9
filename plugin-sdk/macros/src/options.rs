//! Reads what stands in the brackets of an attribute: `name = value`, flags, and lists. Its submodules
//! read the options that several attributes share, and those of `#[plugin]` and `#[process]`; what only
//! one interface needs is in `interface`.

pub mod handshake;
pub mod oauth;
pub mod plugin;
pub mod process;
pub mod requests;
pub mod schedule;
pub mod verify;

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, ExprLit, Lit, LitInt, LitStr, Meta, Token, Type};

use crate::mistakes::Mistakes;

/// The options in an attribute's brackets. Notes a name that is given twice.
pub fn read(tokens: TokenStream, mistakes: &mut Mistakes) -> Vec<Meta> {
    let parsed = Punctuated::<Meta, Token![,]>::parse_terminated.parse2(tokens);
    let mut options: Vec<Meta> = Vec::new();
    for option in mistakes.take(parsed).into_iter().flatten() {
        if options.iter().any(|earlier| name_of(earlier) == name_of(&option)) {
            mistakes
                .add(option.path(), format!("`{}` is given twice; remove one", name_of(&option)));
        } else {
            options.push(option);
        }
    }
    options
}

pub fn name_of(option: &Meta) -> String {
    option.path().to_token_stream().to_string()
}

/// The text of `name = "text"`.
pub fn text(option: &Meta, mistakes: &mut Mistakes) -> Option<LitStr> {
    match value(option) {
        Some(Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) => Some(text.clone()),
        _ => {
            mistakes.add(option, format!("write `{} = \"…\"`", name_of(option)));
            None
        }
    }
}

/// The text of `name = "text"`, which must be one of `choices`.
pub fn choice(option: &Meta, choices: &[&str], mistakes: &mut Mistakes) -> Option<LitStr> {
    let text = text(option, mistakes)?;
    if choices.contains(&text.value().as_str()) {
        return Some(text);
    }
    mistakes.add(&text, format!("`{}` is one of \"{}\"", name_of(option), choices.join("\", \"")));
    None
}

/// The type of `name = Type`.
pub fn a_type(option: &Meta, mistakes: &mut Mistakes) -> Option<Type> {
    match value(option).map(|value| syn::parse2(value.to_token_stream())) {
        Some(Ok(found)) => Some(found),
        _ => {
            mistakes.add(option, format!("`{}` is a type: write `{0} = Config`", name_of(option)));
            None
        }
    }
}

/// Takes the flag `name`; notes a value. Always true.
pub fn flag(option: &Meta, mistakes: &mut Mistakes) -> bool {
    if option.require_path_only().is_err() {
        mistakes.add(option, format!("`{}` is a flag: write it without a value", name_of(option)));
    }
    true
}

/// The texts of `name("a", "b")`.
pub fn texts(option: &Meta, mistakes: &mut Mistakes) -> Vec<LitStr> {
    let list = option
        .require_list()
        .and_then(|list| list.parse_args_with(Punctuated::<LitStr, Token![,]>::parse_terminated));
    match list {
        Ok(list) => list.into_iter().collect(),
        Err(_) => {
            mistakes.add(option, format!("write `{}(\"…\")`", name_of(option)));
            Vec::new()
        }
    }
}

/// The types of `name(A, B)`.
pub fn types(option: &Meta, mistakes: &mut Mistakes) -> Vec<Type> {
    let list = option
        .require_list()
        .and_then(|list| list.parse_args_with(Punctuated::<Type, Token![,]>::parse_terminated));
    match list {
        Ok(list) => list.into_iter().collect(),
        Err(_) => {
            mistakes.add(option, format!("write `{}(OneType, AnotherType)`", name_of(option)));
            Vec::new()
        }
    }
}

/// The expressions of `name(a, b)`.
fn expressions(option: &Meta, mistakes: &mut Mistakes) -> Vec<Expr> {
    let list = option
        .require_list()
        .and_then(|list| list.parse_args_with(Punctuated::<Expr, Token![,]>::parse_terminated));
    match list {
        Ok(list) => list.into_iter().collect(),
        Err(_) => {
            mistakes.add(option, format!("write `{}(Hook::new(\"…\"))`", name_of(option)));
            Vec::new()
        }
    }
}

/// The number of `name = 1`.
pub fn number(option: &Meta, mistakes: &mut Mistakes) -> Option<LitInt> {
    match value(option) {
        Some(Expr::Lit(ExprLit { lit: Lit::Int(number), .. })) => Some(number.clone()),
        _ => {
            mistakes.add(option, format!("write `{} = 300`", name_of(option)));
            None
        }
    }
}

/// The tokens in an attribute's brackets; empty without brackets.
pub fn tokens_of(attribute: &Attribute) -> TokenStream {
    attribute.meta.require_list().map(|list| list.tokens.clone()).unwrap_or_default()
}

pub fn unknown(option: &Meta, known: &str, mistakes: &mut Mistakes) {
    mistakes
        .add(option.path(), format!("there is no option `{}`; there are {known}", name_of(option)));
}

pub fn value(option: &Meta) -> Option<&Expr> {
    option.require_name_value().ok().map(|pair| &pair.value)
}
