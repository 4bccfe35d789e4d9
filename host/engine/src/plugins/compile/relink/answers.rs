//! One function that frees what exported functions returned, in place of one for each kind of result: an instance looks up
//! each of them when it begins.
//!
//! Each exported function is called through one that notes which of them fits; no other call runs between the two.

use wasm_encoder::{BlockType, ConstExpr, Function, GlobalSection, GlobalType, ValType};
use wasmparser::ExternalKind;

use super::module::Module;
use super::outline::{CoreExport, CoreFunc, Outline};

/// The name of that function among the main module's exports.
pub const FREE: &str = "free-answer";

#[derive(Debug, Default)]
pub struct Answers<'a> {
    /// In the order of the functions that are added for them.
    pub calls: Vec<Call<'a>>,
    /// The main module's functions that free.
    frees: Vec<u32>,
    /// The names that these have as exports.
    free_names: Vec<&'a str>,
    /// The type of the function that takes their place.
    pub free_type: u32,
    global: u32,
}

/// An exported function whose result has to be freed.
#[derive(Debug)]
pub struct Call<'a> {
    name: &'a str,
    function: u32,
    pub ty: u32,
    params: u32,
    /// Which of the functions that free fits.
    free: i32,
}

impl<'a> Answers<'a> {
    /// None of it where one function frees everything, or where the module has something unusual in it.
    pub fn of(outline: &Outline<'a>, main: u32, module: &Module<'a>) -> Self {
        Self::found(outline, main, module).filter(|found| found.frees.len() > 1).unwrap_or_default()
    }

    fn found(outline: &Outline<'a>, main: u32, module: &Module<'a>) -> Option<Self> {
        let mut found = Self { global: module.globals, ..Self::default() };
        if module.globals == 0 {
            return None;
        }
        for lift in &outline.lifts {
            let Some(free) = lift.post_return else { continue };
            let (call, free) = (name(outline, main, lift.func)?, name(outline, main, free)?);
            let (function, free_function) = (
                module.export(call, ExternalKind::Func)?,
                module.export(free, ExternalKind::Func)?,
            );
            found.free_type = own_type(module, free_function)?;
            let frees_by_place = module.func_type(found.free_type)?;
            if frees_by_place.params() != [wasmparser::ValType::I32] || found.has(call) {
                return None;
            }
            let ty = own_type(module, function)?;
            let params = u32::try_from(module.func_type(ty)?.params().len()).ok()?;
            let free = found.number_of(free_function, free)?;
            found.calls.push(Call { name: call, function, ty, params, free });
        }
        Some(found)
    }

    fn has(&self, call: &str) -> bool {
        self.calls.iter().any(|known| known.name == call)
    }

    fn number_of(&mut self, function: u32, name: &'a str) -> Option<i32> {
        self.free_names.push(name);
        let known = self.frees.iter().position(|known| *known == function);
        let number = known.unwrap_or(self.frees.len());
        if known.is_none() {
            self.frees.push(function);
        }
        i32::try_from(number).ok()
    }

    pub fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// The name that stands for this one among the main module's exports.
    pub fn renamed(&self, name: &str) -> String {
        if self.free_names.contains(&name) {
            return FREE.to_owned();
        }
        match self.calls.iter().position(|call| call.name == name) {
            Some(number) => name_of(number),
            None => name.to_owned(),
        }
    }

    pub fn add_global(&self, globals: &mut GlobalSection) {
        if !self.is_empty() {
            let ty = GlobalType { val_type: ValType::I32, mutable: true, shared: false };
            globals.global(ty, &ConstExpr::i32_const(0));
        }
    }

    /// Notes which function frees what this one returns, and calls it.
    pub fn call(&self, call: &Call<'_>) -> Function {
        let mut body = Function::new([]);
        let mut code = body.instructions();
        code.i32_const(call.free).global_set(self.global);
        for parameter in 0..call.params {
            code.local_get(parameter);
        }
        code.call(call.function).end();
        body
    }

    /// Frees what was returned last.
    pub fn free(&self) -> Function {
        let mut body = Function::new([]);
        let mut code = body.instructions();
        for (function, number) in self.frees.iter().zip(0..) {
            code.global_get(self.global).i32_const(number).i32_eq().if_(BlockType::Empty);
            code.local_get(0).call(*function).return_().end();
        }
        code.end();
        body
    }
}

/// The name of an added function among the main module's exports.
pub fn name_of(call: usize) -> String {
    format!("answer-{call}")
}

/// The name of an export of the main module, if the function is one.
fn name<'a>(outline: &Outline<'a>, main: u32, func: u32) -> Option<&'a str> {
    match outline.funcs.get(usize::try_from(func).ok()?)? {
        CoreFunc::Export(CoreExport { instance, name }) if *instance == main => Some(name),
        _ => None,
    }
}

/// The type of a function of the module's own.
fn own_type(module: &Module<'_>, function: u32) -> Option<u32> {
    let own = usize::try_from(function).ok()?.checked_sub(module.imported.len())?;
    module.functions.get(own).copied()
}
