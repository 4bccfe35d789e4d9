//! Makes a plugin of the `impl` block with `#[plugin]`. Glue is written for all that is right, beside the
//! errors for what is wrong, so that one mistake does not cause further errors.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Attribute, Ident, ImplItem, ImplItemFn, ItemImpl, LitStr, Type};

use crate::component;
use crate::glue::PluginParts;
use crate::interface::lifecycle::{self, Lifecycle};
use crate::interface::{Interfaces, Read, reader};
use crate::mistakes::Mistakes;
use crate::options::plugin::PluginOptions;
use crate::silence;
use crate::spelling::{self, Names};

const FORM: &str = "`#[plugin]` goes on the `impl` block of a unit struct: `struct Tutorial;` and `impl Tutorial { … }`";

/// Returns the `impl` block without our attributes, the glue, and an error for each mistake.
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

/// The error for a method's attribute outside of a block with `#[plugin]`.
pub fn outside_a_plugin(attribute: &str, item: TokenStream) -> TokenStream {
    let mut mistakes = Mistakes::default();
    let message = format!(
        "`#[{attribute}]` goes on a method in the `impl` block that has `#[plugin(name = \"…\")]`; a plugin has one such block"
    );
    mistakes.add_at(Span::call_site(), message);
    let errors = mistakes.into_tokens();
    quote! { #errors #item }
}

fn read(
    attributes: TokenStream,
    block: &mut ItemImpl,
    mistakes: &mut Mistakes,
) -> Option<PluginParts> {
    let Some(plugin) = unit_struct(block, FORM, mistakes) else {
        forget(block);
        return None;
    };
    let (mut options, are_right) = PluginOptions::read(attributes, mistakes);
    let interfaces = interfaces(block, &options, mistakes);
    // The bodies use the types of configuration and settings, which are not known now.
    if !are_right {
        silence::all(block);
    }
    let interfaces = interfaces.checked(block, mistakes);
    // A method with a mistake has been left out, and may be what the plugin is resident for.
    if mistakes.is_empty() {
        interfaces.check_declared(&options, mistakes);
        check_resident(&options, &interfaces, mistakes);
    }
    // A missing name has been noted; everything else is written all the same.
    options.name.get_or_insert_with(|| LitStr::new("nameless", Span::call_site()));
    Some(PluginParts { plugin, options, interfaces })
}

/// Notes `resident` for a plugin without any method whose calls go to the resident guest.
fn check_resident(options: &PluginOptions, interfaces: &Interfaces, mistakes: &mut Mistakes) {
    if let Some(resident) = &options.resident
        && !interfaces.calls_a_resident()
    {
        mistakes.add(
            resident,
            "`resident` keeps memory between calls of `#[schedule]`, `#[route]` and `#[monitoring]`, and the plugin has none of them; remove it",
        );
    }
}

/// Removes our attributes and checks nothing, because the block belongs to no plugin.
fn forget(block: &mut ItemImpl) {
    for item in &mut block.items {
        if let ImplItem::Fn(method) = item {
            drop(take_attribute(method));
        }
    }
    silence::all(block);
}

/// The type of a plain `impl` block. Notes `form` as the mistake for any other block.
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

/// The methods that the host calls.
fn interfaces(
    block: &mut ItemImpl,
    options: &PluginOptions,
    mistakes: &mut Mistakes,
) -> Interfaces {
    let mut interfaces = Interfaces::default();
    let names = Names::of(block);
    for item in &mut block.items {
        let ImplItem::Fn(method) = item else { continue };
        let mut own = Mistakes::default();
        let occurs_again = read_method(&mut interfaces, method, options, &mut own);
        if !own.is_empty() {
            silence::one(method);
        }
        if !occurs_again {
            spelling::check(method, &lifecycle::NAMES, &names, &mut own);
        }
        mistakes.append(own);
    }
    interfaces
}

/// Adds the method to its interface if it is right. Returns whether the host calls it, or was meant
/// to.
fn read_method(
    interfaces: &mut Interfaces,
    method: &mut ImplItemFn,
    options: &PluginOptions,
    own: &mut Mistakes,
) -> bool {
    let Some((attribute, name, read)) = take_attribute(method) else {
        let function = Lifecycle::of(method, options, own);
        interfaces.lifecycle.extend(function.filter(|_| own.is_empty()));
        return function.is_some();
    };
    while let Some((second, ..)) = take_attribute(method) {
        let message = format!(
            "`{}` has `#[{name}]` already, and a method is one thing; write a method of its own for this",
            method.sig.ident
        );
        own.add(&second, message);
    }
    read(interfaces, &attribute, &method.sig, own);
    true
}

/// Removes one of our attributes from a method; returns it with the function that reads the method.
fn take_attribute(method: &mut ImplItemFn) -> Option<(Attribute, Ident, Read)> {
    let ours = |attribute: &Attribute| {
        let name = attribute.path().segments.last()?.ident.clone();
        let read = reader(&name)?;
        Some((name, read))
    };
    let (position, (name, read)) =
        method.attrs.iter().enumerate().find_map(|(at, attribute)| Some((at, ours(attribute)?)))?;
    Some((method.attrs.remove(position), name, read))
}

#[cfg(test)]
mod tests;
