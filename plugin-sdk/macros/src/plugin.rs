//! From the `impl` block an author wrote to the plugin it means. Glue is written for all that is
//! right, beside the errors for what is not, so that one mistake does not bring others forth.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Attribute, Ident, ImplItem, ImplItemFn, ItemImpl, Type};

use crate::glue::Parts;
use crate::method::action::{Action, without_duplicates};
use crate::method::entry::{self, Entry};
use crate::method::hook::{Hook, Kind, checked};
use crate::method::lifecycle::Lifecycle;
use crate::mistakes::Mistakes;
use crate::options::hook::HookOptions;
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

/// An attribute of a method where no `#[plugin]` has taken it.
pub fn outside_a_plugin(attribute: &str, item: TokenStream) -> TokenStream {
    let mut mistakes = Mistakes::default();
    let message = format!(
        "`#[{attribute}]` goes on a method in an `impl` block that has `#[plugin(name = \"…\")]`"
    );
    mistakes.add_at(Span::call_site(), message);
    let errors = mistakes.into_tokens();
    quote! { #errors #item }
}

fn read(attributes: TokenStream, block: &mut ItemImpl, mistakes: &mut Mistakes) -> Option<Parts> {
    let plugin = unit_struct(block, FORM, mistakes)?;
    let options = PluginOptions::parse(attributes, mistakes);
    let Methods { lifecycle, actions, hooks, entries } = methods(block, &options, mistakes);
    let (actions, hooks) = (without_duplicates(actions, mistakes), checked(hooks, mistakes));
    let entries = entry::without_duplicates(entries, mistakes);
    // Without a name there is no manifest to write; its absence has been noted.
    options.name.is_some().then_some(Parts { plugin, options, lifecycle, actions, hooks, entries })
}

/// The type of a plain `impl` block; any other is answered with `form`.
pub fn unit_struct(block: &ItemImpl, form: &str, mistakes: &mut Mistakes) -> Option<Type> {
    let named = matches!(&*block.self_ty, Type::Path(path) if path.qself.is_none() && path.path.get_ident().is_some());
    if let Some((path, _)) = &block.trait_ {
        mistakes.add(path, form);
    } else if !block.generics.params.is_empty() {
        mistakes.add(&block.generics, form);
    } else if !named {
        mistakes.add(&block.self_ty, form);
    } else {
        return Some((*block.self_ty).clone());
    }
    None
}

#[derive(Default)]
struct Methods {
    lifecycle: Vec<Lifecycle>,
    actions: Vec<Action>,
    hooks: Vec<Hook>,
    entries: Vec<Entry>,
}

fn methods(block: &mut ItemImpl, options: &PluginOptions, mistakes: &mut Mistakes) -> Methods {
    let mut methods = Methods::default();
    for item in &mut block.items {
        let ImplItem::Fn(method) = item else { continue };
        let mut own = Mistakes::default();
        methods.read(method, options, &mut own);
        mistakes.append(own);
    }
    methods
}

impl Methods {
    fn read(&mut self, method: &mut ImplItemFn, options: &PluginOptions, own: &mut Mistakes) {
        let Some((attribute, name)) = take_attribute(method) else {
            let function = lifecycle_function(method, options, own);
            self.lifecycle.extend(function.filter(|_| own.is_empty()));
            return;
        };
        if let Some(kind) = entry::Kind::of(&name) {
            let entry = Entry::read(kind, &attribute, &method.sig, own);
            self.entries.extend(entry.filter(|_| own.is_empty()));
            return;
        }
        match Kind::of(&name) {
            Some(kind) => {
                let options = HookOptions::parse(kind, &attribute, own);
                let hook = Hook::read(kind, options, &method.sig, own);
                self.hooks.extend(own.is_empty().then_some(hook));
            }
            None => {
                let action = Action::read(&attribute, &method.sig, own);
                self.actions.extend(action.filter(|_| own.is_empty()));
            }
        }
    }
}

/// Removes our attribute from a method that has one.
fn take_attribute(method: &mut ImplItemFn) -> Option<(Attribute, Ident)> {
    let ours = |attribute: &Attribute| {
        let name = attribute.path().segments.last()?.ident.clone();
        let is_ours =
            name == "action" || Kind::of(&name).is_some() || entry::Kind::of(&name).is_some();
        is_ours.then_some(name)
    };
    let (position, name) =
        method.attrs.iter().enumerate().find_map(|(at, attribute)| Some((at, ours(attribute)?)))?;
    Some((method.attrs.remove(position), name))
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
