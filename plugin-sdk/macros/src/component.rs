//! Checks that the crate becomes one component. Without `cdylib` cargo builds no `.wasm` file and
//! does not say so; of a second plugin the linker says only that its symbols exist already.

use std::sync::Mutex;

use proc_macro2::{Span, TokenStream};
use quote::quote;

const MESSAGE: &str = "this plugin would become no component; write `[lib]` and `crate-type = [\"cdylib\"]` in its Cargo.toml";

/// The first plugin that this compiler process has seen. A process compiles one crate.
static FIRST: Mutex<Option<String>> = Mutex::new(None);

/// An error if a plugin is built for wasm and becomes no component. A native build is for tests.
pub fn check(plugin: &str) -> TokenStream {
    // The compiler itself runs the macro, so the process's arguments say what is built. An editor's
    // are different.
    let arguments: Vec<String> =
        std::env::args_os().map(|one| one.to_string_lossy().into_owned()).collect();
    let message = match becomes_a_component(&arguments) {
        // An editor's server compiles many crates, each again and again.
        true if is_compiler(&arguments) => second(&FIRST, plugin),
        true => None,
        false => Some(MESSAGE.to_owned()),
    };
    let error = message.map(|message| {
        let error = syn::Error::new(Span::call_site(), message).to_compile_error();
        quote! {
            #[cfg(target_family = "wasm")]
            #error
        }
    });
    error.unwrap_or_default()
}

/// The message for a second plugin.
fn second(first: &Mutex<Option<String>>, plugin: &str) -> Option<String> {
    let mut first = first.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let Some(first) = &*first else {
        *first = Some(plugin.to_owned());
        return None;
    };
    Some(format!(
        "a crate becomes one component, which is one plugin, and this one has `#[plugin]` on `{first}` already; move `{plugin}` into a crate of its own, or what belongs to `{first}` into its one block"
    ))
}

fn is_compiler(arguments: &[String]) -> bool {
    arguments.iter().any(|argument| argument.starts_with("--crate-"))
}

fn becomes_a_component(arguments: &[String]) -> bool {
    let mut kinds = Vec::new();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.strip_prefix("--crate-type") {
            Some("") => kinds.extend(rest.next().into_iter().flat_map(|list| list.split(','))),
            Some(list) => kinds.extend(list.trim_start_matches('=').split(',')),
            None => {}
        }
    }
    kinds.is_empty() || kinds.iter().any(|kind| ["cdylib", "bin"].contains(kind))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::{becomes_a_component, second};

    #[test]
    fn a_second_plugin_is_told_of_the_first() {
        let first = Mutex::new(None);
        assert_eq!(second(&first, "Council"), None);
        let said = second(&first, "Choir").expect("it is the second");
        assert!(said.contains("on `Council` already") && said.contains("move `Choir`"), "{said}");
    }

    #[test]
    fn only_a_library_alone_becomes_no_component() {
        for (arguments, becomes) in [
            ("rustc --crate-name x --crate-type lib --emit=link", false),
            ("rustc --crate-type=rlib", false),
            ("rustc --crate-type cdylib", true),
            ("rustc --crate-type cdylib --crate-type rlib", true),
            ("rustc --crate-type=rlib,cdylib", true),
            ("rustc --crate-type bin", true),
            ("rustc --test --crate-name x", true),
            ("rust-analyzer-proc-macro-srv", true),
        ] {
            let arguments: Vec<String> = arguments.split(' ').map(str::to_owned).collect();
            assert_eq!(becomes_a_component(&arguments), becomes, "{arguments:?}");
        }
    }
}
