//! Components made from a few lines of WebAssembly text: other versions of a plugin, wrong
//! manifests, and code that no compiler would write.

use std::path::Path;

use serde_json::Value;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// The exports of every plugin of these tests.
const WORLD: &str = "
    package moothall:crafted;
    world crafted {
        export moothall:plugin/plugin@0.1.0;
        export moothall:plugin/actions@0.1.0;
    }
";
/// The offset of the manifest in memory; parameters come after it.
const MANIFEST: usize = 4096;
/// The bytes of a page of memory, and the pages for parameters.
const PAGE: usize = 65_536;
const PARAMETER_PAGES: usize = 20;

/// A body of `perform` that returns no result: the bytes at 64 are all zero, which means that.
pub const ANSWER_NOTHING: &str = "(i32.const 64)";
pub const TRAP: &str = "unreachable";
/// A body that grows a table without end, and gives up when that is refused.
pub const GROW_A_TABLE: &str = "
    (loop $more
        (br_if $more (i32.ne (table.grow $table (ref.null func) (i32.const 1000)) (i32.const -1))))
    unreachable";

/// A plugin with this manifest whose every action does `perform`.
pub fn plugin(manifest: &Value, perform: &str) -> Vec<u8> {
    described_as(&manifest.to_string(), perform)
}

/// A plugin whose `describe` returns this text.
pub fn described_as(manifest: &str, perform: &str) -> Vec<u8> {
    let bytes: String = manifest.bytes().map(|byte| format!("\\{byte:02x}")).collect();
    let describe = format!(
        "(i32.store (i32.const 16) (i32.const {MANIFEST}))
         (i32.store (i32.const 20) (i32.const {}))
         (i32.const 16)",
        manifest.len()
    );
    module(&bytes, manifest.len(), &describe, perform)
}

/// A plugin whose `describe` does this instead.
pub fn describing_by(body: &str) -> Vec<u8> {
    module("", 0, body, ANSWER_NOTHING)
}

fn module(data: &str, data_bytes: usize, describe: &str, perform: &str) -> Vec<u8> {
    let first = (MANIFEST + data_bytes).div_ceil(PAGE);
    let (parameters, pages) = (first * PAGE, first + PARAMETER_PAGES);
    component(&format!(
        r#"(module
            (memory (export "memory") {pages})
            (table $table 1 funcref)
            (data (i32.const {MANIFEST}) "{data}")
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const {parameters}))
            (func (export "moothall:plugin/plugin@0.1.0#describe") (result i32) {describe})
            (func (export "moothall:plugin/actions@0.1.0#perform")
                (param i32 i32 i32 i32) (result i32) {perform}))"#
    ))
}

fn component(text: &str) -> Vec<u8> {
    let mut module = wat::parse_str(text).expect("the text is WebAssembly");
    let mut resolve = Resolve::default();
    let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit");
    resolve.push_dir(wit).expect("the contract parses");
    let package = resolve.push_str("crafted.wit", WORLD).expect("the world parses");
    let world = resolve.select_world(&[package], None).expect("there is one world");
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)
        .expect("the world can be written down");
    let mut encoder = ComponentEncoder::default();
    let encoder = encoder.validate(true).module(&module).expect("the module fits the world");
    encoder.encode().expect("a component")
}
