//! From the `impl` block an author wrote to the plugin it means. Glue is written for all that is
//! right, beside the errors for what is not, so that one mistake does not bring others forth.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{ImplItem, ImplItemFn, ItemImpl, Type};

use crate::glue::Parts;
use crate::method::action::{Action, take_attribute, without_duplicates};
use crate::method::lifecycle::Lifecycle;
use crate::mistakes::Mistakes;
use crate::options::plugin::PluginOptions;

const FORM: &str = "`#[plugin]` goes on the `impl` block of a unit struct: `struct Tutorial;` and `impl Tutorial { … }`";

/// The `impl` block without our attributes, the glue, and an error for each mistake.
pub fn expand(attributes: TokenStream, item: TokenStream) -> TokenStream {
    let mut mistakes = Mistakes::default();
    let Ok(mut block) = syn::parse2::<ItemImpl>(item.clone()) else {
        mistakes.add_at(Span::call_site(), FORM);
        let errors = mistakes.into_tokens();
        return quote! { #errors #item };
    };
    let glue = read(attributes, &mut block, &mut mistakes).map(|parts| parts.to_glue());
    let errors = mistakes.into_tokens();
    quote! { #block #glue #errors }
}

/// `#[action]` where no `#[plugin]` has taken it.
pub fn action_outside_a_plugin(item: TokenStream) -> TokenStream {
    let mut mistakes = Mistakes::default();
    mistakes.add_at(
        Span::call_site(),
        "`#[action]` goes on a method in an `impl` block that has `#[plugin(name = \"…\")]`",
    );
    let errors = mistakes.into_tokens();
    quote! { #errors #item }
}

fn read(attributes: TokenStream, block: &mut ItemImpl, mistakes: &mut Mistakes) -> Option<Parts> {
    let plugin = plugin_type(block, mistakes)?;
    let options = PluginOptions::parse(attributes, mistakes);
    let (lifecycle, actions) = methods(block, &options, mistakes);
    // Without a name there is no manifest to write; its absence has been noted.
    options.name.is_some().then_some(Parts { plugin, options, lifecycle, actions })
}

fn plugin_type(block: &ItemImpl, mistakes: &mut Mistakes) -> Option<Type> {
    let named = matches!(&*block.self_ty, Type::Path(path) if path.qself.is_none() && path.path.get_ident().is_some());
    if let Some((path, _)) = &block.trait_ {
        mistakes.add(path, FORM);
    } else if !block.generics.params.is_empty() {
        mistakes.add(&block.generics, FORM);
    } else if !named {
        mistakes.add(&block.self_ty, FORM);
    } else {
        return Some((*block.self_ty).clone());
    }
    None
}

fn methods(
    block: &mut ItemImpl,
    options: &PluginOptions,
    mistakes: &mut Mistakes,
) -> (Vec<Lifecycle>, Vec<Action>) {
    let (mut lifecycle, mut actions) = (Vec::new(), Vec::new());
    for item in &mut block.items {
        let ImplItem::Fn(method) = item else { continue };
        let mut own = Mistakes::default();
        match take_attribute(method) {
            Some(attribute) => actions
                .extend(Action::read(&attribute, &method.sig, &mut own).filter(|_| own.is_empty())),
            None => lifecycle
                .extend(lifecycle_function(method, options, &mut own).filter(|_| own.is_empty())),
        }
        mistakes.append(own);
    }
    (lifecycle, without_duplicates(actions, mistakes))
}

fn lifecycle_function(
    method: &ImplItemFn,
    options: &PluginOptions,
    mistakes: &mut Mistakes,
) -> Option<Lifecycle> {
    let function = Lifecycle::of(method, mistakes)?;
    if function == Lifecycle::ConfigChanged && !options.keeps_instances() {
        mistakes.add(
            &method.sig.ident,
            "`config_changed` is called only for a plugin with `on_config_change = \"keep\"`; add that to `#[plugin(…)]`",
        );
    }
    Some(function)
}

#[cfg(test)]
mod tests;
