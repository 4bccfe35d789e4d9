//! Makes a type of event of a struct with `#[event("…")]`.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, DeriveInput, LitStr, Meta, Token};

use crate::mistakes::Mistakes;

const FORM: &str = "`#[derive(Event)]` needs the event's type: `#[event(\"post_created\")]`";

/// Returns the implementation of `Event`, or an error for each mistake.
pub fn expand(item: TokenStream) -> TokenStream {
    let mut mistakes = Mistakes::default();
    let implementation = mistakes
        .take(syn::parse2::<DeriveInput>(item))
        .and_then(|item| implementation(&item, &mut mistakes));
    let errors = mistakes.into_tokens();
    quote! { #implementation #errors }
}

fn implementation(item: &DeriveInput, mistakes: &mut Mistakes) -> Option<TokenStream> {
    let Some(attribute) = item.attrs.iter().find(|attribute| attribute.path().is_ident("event"))
    else {
        mistakes.add(&item.ident, FORM);
        return None;
    };
    let EventOptions { event_type, description } = read(attribute, mistakes);
    let name = &item.ident;
    let (generics, arguments, bounds) = item.generics.split_for_impl();
    let description = description.iter();
    Some(quote! {
        impl #generics ::moothall_sdk::Event for #name #arguments #bounds {
            const TYPE: &'static str = #event_type;
            #(const DESCRIPTION: ::core::option::Option<&'static str> =
                ::core::option::Option::Some(#description);)*
        }
    })
}

const ONLY_DESCRIPTION: &str = "after the type there is only `description = \"…\"`";

struct EventOptions {
    event_type: LitStr,
    description: Option<LitStr>,
}

/// Reads the attribute. Even a wrong one makes an event, so that code that names it finds one.
fn read(attribute: &Attribute, mistakes: &mut Mistakes) -> EventOptions {
    match attribute.parse_args::<EventOptions>() {
        Ok(options) => {
            check_type(&options.event_type, mistakes);
            options
        }
        Err(error) => {
            let is_told = error.to_string() == ONLY_DESCRIPTION;
            match is_told {
                true => drop(mistakes.take::<()>(Err(error))),
                false => mistakes
                    .add(attribute, "write `#[event(\"post_created\", description = \"…\")]`"),
            }
            EventOptions {
                event_type: LitStr::new("nameless", Span::call_site()),
                description: None,
            }
        }
    }
}

impl Parse for EventOptions {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let event_type = input.parse()?;
        let mut description = None;
        if input.parse::<Option<Token![,]>>()?.is_some() && !input.is_empty() {
            let option: Meta = input.parse()?;
            let pair = option.require_name_value()?;
            if !pair.path.is_ident("description") {
                return Err(syn::Error::new_spanned(&pair.path, ONLY_DESCRIPTION));
            }
            let value = &pair.value;
            description = Some(syn::parse2(quote!(#value))?);
            input.parse::<Option<Token![,]>>()?;
        }
        Ok(Self { event_type, description })
    }
}

fn check_type(event_type: &LitStr, mistakes: &mut Mistakes) {
    let text = event_type.value();
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.: -".contains(&byte);
    if text.is_empty() || text.len() > 100 || !text.bytes().all(allowed) {
        mistakes.add(
            event_type,
            "an event's type is 1 to 100 letters, digits, `_`, `.`, `:`, `-` and spaces",
        );
    }
}
