//! From the `impl` block an author wrote to the plugin it means. Glue is written for all that is
//! right, beside the errors for what is not, so that one mistake does not bring others forth.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Attribute, Ident, ImplItem, ImplItemFn, ItemImpl, LitStr, Type};

use crate::component;
use crate::glue::Parts;
use crate::method::action::{Action, without_duplicates};
use crate::method::entry::{self, Entry};
use crate::method::hook::{Hook, Kind, checked};
use crate::method::lifecycle::{self, Lifecycle};
use crate::mistakes::Mistakes;
use crate::options::hook::HookOptions;
use crate::options::plugin::PluginOptions;
use crate::silence;
use crate::spelling::{self, Names};

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
    let name = &block.self_ty;
    let component = component::check(&quote!(#name).to_string());
    quote! { #block #glue #errors #component }
}

/// An attribute of a method where no `#[plugin]` has taken it.
pub fn outside_a_plugin(attribute: &str, item: TokenStream) -> TokenStream {
    let mut mistakes = Mistakes::default();
    let message = format!(
        "`#[{attribute}]` goes on a method in the `impl` block that has `#[plugin(name = \"…\")]`; a plugin has one such block"
    );
    mistakes.add_at(Span::call_site(), message);
    let errors = mistakes.into_tokens();
    quote! { #errors #item }
}

fn read(attributes: TokenStream, block: &mut ItemImpl, mistakes: &mut Mistakes) -> Option<Parts> {
    let Some(plugin) = unit_struct(block, FORM, mistakes) else {
        forget(block);
        return None;
    };
    let (mut options, are_right) = PluginOptions::read(attributes, mistakes);
    let Methods { lifecycle, actions, hooks, entries } = methods(block, &options, mistakes);
    // What the bodies say of configuration and settings was meant for other types.
    if !are_right {
        silence::all(block);
    }
    let (actions, hooks) = (without_duplicates(actions, mistakes), checked(hooks, mistakes));
    let entries = entry::without_duplicates(entries, mistakes);
    let entries = entry::with_right_conditions(entries, block, mistakes);
    // One that is wrong has been noted, and may be what it is for.
    if mistakes.is_empty() {
        check_resident(&options, &entries, mistakes);
    }
    // Its absence has been noted; everything else is written all the same.
    options.name.get_or_insert_with(|| LitStr::new("nameless", Span::call_site()));
    Some(Parts { plugin, options, lifecycle, actions, hooks, entries })
}

/// A resident keeps its memory for what comes to it again and again.
fn check_resident(options: &PluginOptions, entries: &[Entry], mistakes: &mut Mistakes) {
    use entry::Kind::{Monitoring, Route, Schedule};
    let lives_on = |entry: &Entry| matches!(entry.kind, Monitoring | Route | Schedule);
    if let Some(resident) = &options.resident
        && !entries.iter().any(lives_on)
    {
        mistakes.add(
            resident,
            "`resident` keeps memory between calls of `#[schedule]`, `#[route]` and `#[monitoring]`, and the plugin has none of them; remove it",
        );
    }
}

/// Where nothing can be written, nothing is asked of the methods either.
fn forget(block: &mut ItemImpl) {
    for item in &mut block.items {
        if let ImplItem::Fn(method) = item {
            drop(take_attribute(method));
        }
    }
    silence::all(block);
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
    let names = Names::of(block);
    for item in &mut block.items {
        let ImplItem::Fn(method) = item else { continue };
        let mut own = Mistakes::default();
        let is_called = methods.read(method, options, &mut own);
        if !own.is_empty() {
            silence::one(method);
        }
        if !is_called {
            spelling::check(method, &lifecycle::NAMES, &names, &mut own);
        }
        mistakes.append(own);
    }
    methods
}

impl Methods {
    /// Whether the host calls the method, or was meant to.
    fn read(
        &mut self,
        method: &mut ImplItemFn,
        options: &PluginOptions,
        own: &mut Mistakes,
    ) -> bool {
        let Some((attribute, name)) = take_attribute(method) else {
            let function = lifecycle_function(method, options, own);
            self.lifecycle.extend(function.filter(|_| own.is_empty()));
            return function.is_some();
        };
        while let Some((second, _)) = take_attribute(method) {
            let message = format!(
                "`{}` has `#[{name}]` already, and a method is one thing; write a method of its own for this",
                method.sig.ident
            );
            own.add(&second, message);
        }
        if let Some(kind) = entry::Kind::of(&name) {
            let entry = Entry::read(kind, &attribute, &method.sig, own);
            self.entries.extend(entry.filter(|_| own.is_empty()));
            return true;
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
        true
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
    if function == Lifecycle::ConfigChanged && !options.says_what_a_change_does() {
        mistakes.add(
            &method.sig.ident,
            "`config_changed` is called for every change only with `on_config_change = \"keep\"`; add that to `#[plugin(…)]`, or \"recreate\" if changed secrets are all that it is for",
        );
    }
    if function == Lifecycle::Close && !options.is_of_the_host() {
        mistakes.add(
            &method.sig.ident,
            "`close` is called of plugins with `scope = \"host\"` alone; nothing of a community's plugin lives until the host's shutdown, so remove it",
        );
    }
    Some(function)
}

#[cfg(test)]
mod tests;
