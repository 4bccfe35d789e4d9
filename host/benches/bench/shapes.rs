//! Components that differ from a small one in one thing, to see what an instance pays for it. Must never do anything when
//! called.

use std::fmt::Write as _;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// The memory of a guest in Rust, in pages of 64 KiB.
const PAGES: u32 = 17;

/// How much of what a component has.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Shape {
    /// Imported functions on numbers.
    pub numbers: u32,
    /// Imported functions on strings: the main module reaches them through the helper modules of the tool chain.
    pub strings: u32,
    pub exports: u32,
    pub functions: u32,
    pub elements: u32,
    pub pages: u32,
    /// Core modules besides those that the imports need.
    pub modules: u32,
}

pub const SMALL: Shape = Shape {
    numbers: 0,
    strings: 0,
    exports: 1,
    functions: 10,
    elements: 1,
    pages: PAGES,
    modules: 0,
};

impl Shape {
    /// Binary, with an export `run`.
    pub fn component(&self) -> Result<Vec<u8>> {
        let mut text = String::from("(component ");
        // Writing to a string does not fail.
        let _infallible = self.write(&mut text);
        wat::parse_str(text).context("a component of the benchmark is wrong")
    }

    fn write(&self, text: &mut String) -> std::fmt::Result {
        for number in 0..self.numbers {
            write!(text, "(import \"n{number}\" (func $N{number}))")?;
        }
        for number in 0..self.strings {
            write!(
                text,
                "(import \"s{number}\" (func $S{number} (param \"a\" string) (result string)))"
            )?;
        }
        for number in 0..self.modules {
            write!(
                text,
                "(core module $extra{number}) (core instance (instantiate $extra{number}))"
            )?;
        }
        self.write_shim(text)?;
        self.write_main(text)?;
        self.write_fix_up(text)?;
        self.write_exports(text)?;
        text.write_char(')')
    }

    /// Functions that call through a table, as long as the main module's memory does not exist.
    fn write_shim(&self, text: &mut String) -> std::fmt::Result {
        let slots = self.strings;
        write!(text, "(core module $shim (type $t (func (param i32 i32 i32)))")?;
        write!(text, "(table (export \"$imports\") {slots} {slots} funcref)")?;
        for slot in 0..slots {
            write!(
                text,
                "(func (export \"{slot}\") (type $t) local.get 0 local.get 1 local.get 2 \
                 i32.const {slot} call_indirect (type $t))"
            )?;
        }
        text.write_char(')')
    }

    fn write_main(&self, text: &mut String) -> std::fmt::Result {
        let Self { numbers, strings, elements, pages, .. } = *self;
        write!(text, "(core module $main (type $t (func (param i32 i32 i32))) (type $n (func))")?;
        for number in 0..numbers {
            write!(text, "(import \"n\" \"{number}\" (func (type $n)))")?;
        }
        for number in 0..strings {
            write!(text, "(import \"s\" \"{number}\" (func (type $t)))")?;
        }
        write!(text, "(memory (export \"memory\") {pages}) (data (i32.const 1024) \"data\")")?;
        write!(text, "(table {elements} {elements} funcref) (elem (i32.const 0) func")?;
        for element in 0..elements {
            write!(text, " $f{}", element % self.functions)?;
        }
        text.write_char(')')?;
        for number in 0..self.functions {
            write!(text, "(func $f{number} (result i32) i32.const {number})")?;
        }
        for number in 0..self.exports {
            write!(text, "(func (export \"run{number}\") (result i32) i32.const 16)")?;
            write!(text, "(func (export \"post{number}\") (param i32))")?;
        }
        write!(
            text,
            "(func (export \"realloc\") (param i32 i32 i32 i32) (result i32) unreachable))"
        )?;

        for number in 0..numbers {
            write!(text, "(core func $n{number} (canon lower (func $N{number})))")?;
        }
        if strings > 0 {
            text.write_str("(core instance $shim (instantiate $shim))")?;
        }
        text.write_str("(core instance $s")?;
        for number in 0..strings {
            write!(text, "(export \"{number}\" (func $shim \"{number}\"))")?;
        }
        text.write_str(") (core instance $n")?;
        for number in 0..numbers {
            write!(text, "(export \"{number}\" (func $n{number}))")?;
        }
        write!(
            text,
            ") (core instance $m (instantiate $main (with \"n\" (instance $n)) (with \"s\" (instance $s))))"
        )
    }

    fn write_fix_up(&self, text: &mut String) -> std::fmt::Result {
        let slots = self.strings;
        if slots == 0 {
            return Ok(());
        }
        write!(text, "(core module $fix-up (type $t (func (param i32 i32 i32)))")?;
        for slot in 0..slots {
            write!(text, "(import \"\" \"{slot}\" (func $f{slot} (type $t)))")?;
        }
        write!(
            text,
            "(import \"\" \"$imports\" (table {slots} {slots} funcref)) (elem (i32.const 0) func"
        )?;
        for slot in 0..slots {
            write!(text, " $f{slot}")?;
        }
        text.write_str("))")?;
        for slot in 0..slots {
            write!(
                text,
                "(core func $s{slot} (canon lower (func $S{slot}) (memory (core memory $m \"memory\")) (realloc (core func $m \"realloc\"))))"
            )?;
        }
        write!(text, "(core instance $filled (export \"$imports\" (table $shim \"$imports\"))")?;
        for slot in 0..slots {
            write!(text, "(export \"{slot}\" (func $s{slot}))")?;
        }
        text.write_str(") (core instance (instantiate $fix-up (with \"\" (instance $filled))))")
    }

    fn write_exports(&self, text: &mut String) -> std::fmt::Result {
        for number in 0..self.exports {
            let name = if number == 0 { "run".to_owned() } else { format!("run{number}") };
            write!(
                text,
                "(func (export \"{name}\") (result string) (canon lift (core func $m \"run{number}\") \
                 (memory (core memory $m \"memory\")) (post-return (core func $m \"post{number}\"))))"
            )?;
        }
        Ok(())
    }
}
