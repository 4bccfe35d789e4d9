//! The module that exists first: the main module's memory with what is in it at the start, and a function that makes
//! room in it, which the main module puts into a table.

use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasm_encoder::{
    CodeSection, DataSection, ExportKind, ExportSection, Function, FunctionSection, MemorySection,
    Module, RefType, TableSection, TableType, TypeSection, ValType,
};
use wasmparser::DataKind;

use super::Unfamiliar;
use super::plan::LinkPlan;

/// The name of the table among the module's exports.
pub const TABLE: &str = "realloc-table";
/// As the canonical ABI has it: old place, old size, alignment, new size.
const REALLOC: [ValType; 4] = [ValType::I32; 4];

pub fn write(plan: &LinkPlan<'_>) -> Result<Vec<u8>, Unfamiliar> {
    let mut types = TypeSection::new();
    types.ty().function(REALLOC, [ValType::I32]);
    let mut functions = FunctionSection::new();
    functions.function(0);
    let mut tables = TableSection::new();
    tables.table(table_type());
    let mut memories = MemorySection::new();
    for memory in &plan.main_module.memories {
        memories.memory(RoundtripReencoder.memory_type(*memory)?);
    }
    let mut exports = ExportSection::new();
    exports.export(plan.memory, ExportKind::Memory, 0);
    exports.export(TABLE, ExportKind::Table, 0);
    exports.export(plan.realloc.0, ExportKind::Func, 0);
    let mut code = CodeSection::new();
    code.function(&realloc());

    let mut module = Module::new();
    module.section(&types).section(&functions).section(&tables).section(&memories);
    module.section(&exports).section(&code).section(&data(plan)?);
    Ok(module.finish())
}

pub fn table_type() -> TableType {
    TableType {
        element_type: RefType::FUNCREF,
        table64: false,
        minimum: 1,
        maximum: Some(1),
        shared: false,
    }
}

fn realloc() -> Function {
    let mut body = Function::new([]);
    let mut code = body.instructions();
    for parameter in 0..4 {
        code.local_get(parameter);
    }
    code.i32_const(0).call_indirect(0, 0).end();
    body
}

fn data(plan: &LinkPlan<'_>) -> Result<DataSection, Unfamiliar> {
    let mut section = DataSection::new();
    for data in &plan.main_module.data {
        if let DataKind::Active { offset_expr, .. } = &data.kind {
            let offset = RoundtripReencoder.const_expr(offset_expr.clone())?;
            section.active(0, &offset, data.data.iter().copied());
        }
    }
    Ok(section)
}
