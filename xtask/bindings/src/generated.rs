//! Makes the SDK's bindings: one file of Rust for each world of the contract. Must never need more than `wit/`.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use wit_bindgen_core::wit_parser::{Resolve, WorldId};
use wit_bindgen_core::{Files, WorldGenerator};
use wit_bindgen_rust::{Opts, WithOption};

use crate::Written;

/// Where the SDK has them.
pub const FOLDER: &str = "plugin-sdk/src/bindings";
/// The world of all imports; every other world has one export.
const IMPORTS: &str = "imports";
/// What the name of a world with an export ends with.
const OF_AN_EXPORT: &str = "-exports";

/// The bindings of every world in `root`'s `wit/`.
pub fn bindings(root: &Path) -> Result<Vec<Written>> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(root.join("wit"))?;
    let worlds: Vec<_> = resolve.packages[package].worlds.values().copied().collect();
    worlds.into_iter().map(|world| of_world(&mut resolve.clone(), world)).collect()
}

fn of_world(resolve: &mut Resolve, world: WorldId) -> Result<Written> {
    let name = resolve.worlds[world].name.clone();
    let (module, options) = match name.strip_suffix(OF_AN_EXPORT) {
        Some(export) => (export.replace('-', "_"), of_an_export(resolve, world, export)),
        None => {
            ensure!(
                name == IMPORTS,
                "the world `{name}` is neither `{IMPORTS}` nor `…{OF_AN_EXPORT}`"
            );
            (name.clone(), Opts { generate_all: true, ..formatted() })
        }
    };
    let code = code(resolve, world, options).with_context(|| format!("the world `{name}`"))?;
    let about = format!(
        "//! The world `{name}` of `wit/`, as wit-bindgen writes it in Rust. `cargo xtask bindings` writes this file anew.\n\n"
    );
    Ok(Written { path: format!("{FOLDER}/{module}.rs"), text: about + &code })
}

/// Its export's macro, and the types that it shares with the imports.
fn of_an_export(resolve: &Resolve, world: WorldId, export: &str) -> Opts {
    let module = export.replace('-', "_");
    let shared = resolve.worlds[world].imports.keys().map(|key| {
        let interface = resolve.name_world_key(key);
        let (_, name) = interface.split_once('/').unwrap_or(("", &interface));
        let name = name.split('@').next().unwrap_or(name).replace('-', "_");
        (interface, WithOption::Path(format!("crate::bindings::host::{name}")))
    });
    Opts {
        with: shared.collect(),
        pub_export_macro: true,
        export_macro_name: Some(format!("export_{module}")),
        default_bindings_module: Some(format!("::moothall_sdk::export::bindings::{module}")),
        ..formatted()
    }
}

fn formatted() -> Opts {
    Opts { format: true, ..Opts::default() }
}

fn code(resolve: &mut Resolve, world: WorldId, options: Opts) -> Result<String> {
    let mut files = Files::default();
    options.build().generate(resolve, world, &mut files)?;
    let (_, code) = files.iter().next().context("wit-bindgen has written nothing")?;
    Ok(String::from_utf8(code.to_vec())?)
}
