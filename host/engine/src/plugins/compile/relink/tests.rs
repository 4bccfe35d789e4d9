//! A component does the same before and after, and one that is built in any other way is left as it is.

use wasmtime::component::{Component, Linker};
use wasmtime::{Config, Engine, Store};

use super::outline::{CoreInstance, Outline};
use super::relink;

/// As a tool chain builds it. `run` calls the import through the main module's own table; where room is free stands in the
/// memory from the start.
const BUILT: &str = r#"
(component
  (import "reverse" (func $reverse (param "text" string) (result string)))
  (import "add" (func $add (param "a" u32) (param "b" u32) (result u32)))
  (core module $shim
    (type $text (func (param i32 i32 i32)))
    (table (export "$imports") 1 1 funcref)
    (func (export "0") (type $text)
      local.get 0 local.get 1 local.get 2 i32.const 0 call_indirect (type $text)))
  (core module $main
    (type $text (func (param i32 i32 i32)))
    (type $add (func (param i32 i32) (result i32)))
    (type $twice (func (param i32) (result i32)))
    (import "host" "reverse" (func $reverse (type $text)))
    (import "host" "add" (func $add (type $add)))
    (memory (export "memory") 1)
    (data (i32.const 8) "\00\10\00\00")
    (table 2 funcref)
    (elem (i32.const 0) func $twice $reverse)
    (func $twice (type $twice) local.get 0 local.get 0 call $add)
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
      i32.const 8 i32.load
      i32.const 8 i32.const 8 i32.load local.get 3 i32.add i32.store)
    (func (export "run") (param i32 i32) (result i32)
      local.get 0 local.get 1 i32.const 16 i32.const 1 call_indirect (type $text)
      i32.const 20
      i32.const 20 i32.load i32.const 0 call_indirect (type $twice)
      i32.const 2 i32.div_u
      i32.store
      i32.const 16)
    (global $freed (mut i32) (i32.const 0))
    (func (export "cabi_post_run") (param i32)
      global.get $freed i32.const 1 i32.add global.set $freed)
    (func (export "other") (result i32) i32.const 32)
    (func (export "cabi_post_other") (param i32)
      global.get $freed i32.const 100 i32.add global.set $freed)
    (func (export "freed") (result i32) global.get $freed))
  (core module $fix-up
    (type $text (func (param i32 i32 i32)))
    (import "" "0" (func $reverse (type $text)))
    (import "" "$imports" (table 1 1 funcref))
    (elem (i32.const 0) func $reverse))
  (core instance $shim (instantiate $shim))
  (alias core export $shim "0" (core func $shim-reverse))
  (core func $lowered-add (canon lower (func $add)))
  (core instance $host
    (export "reverse" (func $shim-reverse))
    (export "add" (func $lowered-add)))
  (core instance $main (instantiate $main (with "host" (instance $host))))
  (alias core export $main "memory" (core memory $memory))
  (alias core export $main "cabi_realloc" (core func $realloc))
  (alias core export $shim "$imports" (core table $table))
  (core func $lowered-reverse (canon lower (func $reverse) (memory $memory) (realloc $realloc)))
  (core instance $filled
    (export "$imports" (table $table))
    (export "0" (func $lowered-reverse)))
  (core instance (instantiate $fix-up (with "" (instance $filled))))
  (alias core export $main "run" (core func $run))
  (alias core export $main "cabi_post_run" (core func $post))
  (func (export "run") (param "text" string) (result string)
    (canon lift (core func $run) (memory $memory) (realloc $realloc) (post-return $post)))
  (alias core export $main "other" (core func $other))
  (alias core export $main "cabi_post_other" (core func $post-other))
  (func (export "other") (result string)
    (canon lift (core func $other) (memory $memory) (post-return $post-other)))
  (alias core export $main "freed" (core func $freed))
  (func (export "freed") (result u32) (canon lift (core func $freed))))
"#;

fn built(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("the text is a component")
}

/// What `run` makes of `text` twice in one instance, and what was freed after it and three calls of `other`.
fn run(component: &[u8], text: &str) -> ([String; 2], u32) {
    let mut config = Config::new();
    config.wasm_component_model(true);
    let engine = Engine::new(&config).expect("the engine starts");
    let component = Component::new(&engine, component).expect("the component is valid");
    let mut linker = Linker::<()>::new(&engine);
    let mut root = linker.root();
    root.func_wrap("reverse", |_, (text,): (String,)| {
        Ok((text.chars().rev().collect::<String>(),))
    })
    .expect("the import is free");
    root.func_wrap("add", |_, (a, b): (u32, u32)| Ok((a + b,))).expect("the import is free");
    let mut store = Store::new(&engine, ());
    let instance = linker.instantiate(&mut store, &component).expect("it can be instantiated");
    let run = instance
        .get_typed_func::<(&str,), (String,)>(&mut store, "run")
        .expect("`run` is exported");
    let mut call = || run.call(&mut store, (text,)).expect("`run` returns").0;
    let texts = [call(), call()];
    let other =
        instance.get_typed_func::<(), (String,)>(&mut store, "other").expect("it is exported");
    for _ in 0..3 {
        other.call(&mut store, ()).expect("`other` returns");
    }
    let freed = instance.get_typed_func::<(), (u32,)>(&mut store, "freed").expect("it is exported");
    (texts, freed.call(&mut store, ()).expect("`freed` returns").0)
}

fn core_instances(component: &[u8]) -> usize {
    let outline = Outline::of(component).expect("it can be read");
    let of_modules =
        |instance: &&CoreInstance<'_>| matches!(instance, CoreInstance::OfModule { .. });
    outline.instances.iter().filter(of_modules).count()
}

#[test]
fn a_component_does_the_same_with_one_core_instance_less() {
    let before = built(BUILT);
    let after = relink(&before).expect("its shape is known");
    let same = (["llah toom".to_owned(), "llah toom".to_owned()], 302);
    assert_eq!(run(&before, "moot hall"), same);
    assert_eq!(run(&after, "moot hall"), same);
    assert_eq!((core_instances(&before), core_instances(&after)), (3, 2));
}

#[test]
fn what_is_built_in_another_way_is_left_as_it_is() {
    let shim_body = "local.get 2 i32.const 0 call_indirect (type $text)";
    for (change, to, why) in [
        (shim_body, "local.get 1 i32.const 0 call_indirect (type $text)", "more than call through"),
        (
            "(elem (i32.const 0) func $reverse))",
            "(elem (i32.const 0) func $reverse) (func $start) (start $start))",
            "more than fill a table",
        ),
        (
            "(data (i32.const 8) \"\\00\\10\\00\\00\")",
            "(data (i32.const 8) \"\\00\\10\\00\\00\") (data $more \"x\")",
            "data that is in no memory",
        ),
        (
            "(memory (export \"memory\") 1)",
            "(memory (export \"memory\") 1) (memory 1)",
            "not one memory",
        ),
        (
            "(core instance (instantiate $fix-up",
            "(core module $more) (core instance (instantiate $more)) (core instance (instantiate $fix-up",
            "exactly three core instances",
        ),
        (
            "(import \"add\"",
            "(type $own (resource (rep i32))) (import \"add\"",
            "resources of its own",
        ),
    ] {
        let text = BUILT.replacen(change, to, 1);
        assert_ne!(text, BUILT, "{change} is in the component");
        let refused = relink(&built(&text)).expect_err(to).to_string();
        assert!(refused.contains(why), "{to}: {refused}");
    }
}

#[test]
fn what_is_no_component_is_left_as_it_is() {
    assert!(relink(b"").is_err());
    assert!(relink(b"\0asm\x0d\0\x01\0\x01\xff\xff\xff").is_err());
    assert!(relink(&built("(module)")).is_err());
}
