//! The two helper modules: which slot of the table each function of the shim calls through, and what the fix-up puts there.

use std::collections::BTreeMap;

use wasmparser::{ElementItems, ElementKind, ExternalKind, FunctionBody, Operator, TypeRef};

use super::module::Module;
use super::{Unfamiliar, expect};

const SHIM: &str = "the functions of a helper module do more than call through its table";
const FIX_UP: &str = "a helper module does more than fill a table";

/// The slot that each exported function of the shim calls through, by the name of its export.
pub fn slots_of_shim<'a>(module: &Module<'a>) -> Result<BTreeMap<&'a str, u32>, Unfamiliar> {
    let has_more = !module.imports.is_empty()
        || !module.memories.is_empty()
        || module.globals > 0
        || !module.elements.is_empty()
        || !module.data.is_empty()
        || module.has_start;
    expect(module.tables.len() == 1 && !has_more, SHIM)?;
    let mut slots = Vec::new();
    for (body, ty) in module.bodies.iter().zip(&module.functions) {
        let params = module.func_type(*ty).map_or(0, |ty| ty.params().len());
        slots.push(slot_of(body, *ty, params)?);
    }
    let functions = module.exports.iter().filter(|export| export.kind == ExternalKind::Func);
    let slot = |index: u32| slots.get(usize::try_from(index).ok()?).copied();
    let named = functions.map(|export| Some((export.name, slot(export.index)?)));
    named.collect::<Option<_>>().ok_or(Unfamiliar::Different(SHIM))
}

/// The slot that a function calls through which does nothing but hand on its parameters.
fn slot_of(body: &FunctionBody<'_>, ty: u32, params: usize) -> Result<u32, Unfamiliar> {
    expect(body.get_locals_reader()?.get_count() == 0, SHIM)?;
    let operators = body.get_operators_reader()?.into_iter().collect::<Result<Vec<_>, _>>()?;
    let Some((handed_on, [Operator::I32Const { value }, call, Operator::End])) =
        operators.split_at_checked(params)
    else {
        return Err(Unfamiliar::Different(SHIM));
    };
    let in_order = handed_on.iter().zip(0..).all(|(operator, number)| {
        matches!(operator, Operator::LocalGet { local_index } if *local_index == number)
    });
    let calls =
        matches!(call, Operator::CallIndirect { type_index, table_index: 0 } if *type_index == ty);
    expect(in_order && calls, SHIM)?;
    u32::try_from(*value).map_err(|_| Unfamiliar::Different(SHIM))
}

/// What the fix-up needs: the name of the table, and the name of the function for each slot.
pub struct Filled<'a> {
    pub table: &'a str,
    pub functions: Vec<&'a str>,
}

impl<'a> Filled<'a> {
    pub fn of_fix_up(module: &Module<'a>) -> Result<Self, Unfamiliar> {
        let has_more = !module.functions.is_empty()
            || !module.tables.is_empty()
            || !module.memories.is_empty()
            || module.globals > 0
            || !module.exports.is_empty()
            || !module.data.is_empty()
            || module.has_start;
        expect(!has_more, FIX_UP)?;
        let of_kind = |is_kind: fn(&TypeRef) -> bool| -> Vec<&'a str> {
            let imports = module.imports.iter().filter(|import| is_kind(&import.ty));
            imports.map(|import| import.name).collect()
        };
        let imported = of_kind(|ty| matches!(ty, TypeRef::Func(_)));
        let tables = of_kind(|ty| matches!(ty, TypeRef::Table(_)));
        let ([table], [element]) = (tables.as_slice(), module.elements.as_slice()) else {
            return Err(Unfamiliar::Different(FIX_UP));
        };
        let all_known = module.imports.len() == imported.len() + 1
            && module.imports.iter().all(|import| import.module.is_empty());
        expect(all_known, FIX_UP)?;
        let ElementKind::Active { table_index: None | Some(0), offset_expr } = &element.kind else {
            return Err(Unfamiliar::Different(FIX_UP));
        };
        let first = offset_expr.get_operators_reader().read()?;
        expect(matches!(first, Operator::I32Const { value: 0 }), FIX_UP)?;
        let ElementItems::Functions(items) = &element.items else {
            return Err(Unfamiliar::Different(FIX_UP));
        };
        let mut functions = Vec::new();
        for item in items.clone() {
            let name = usize::try_from(item?).ok().and_then(|index| imported.get(index));
            functions.push(*name.ok_or(Unfamiliar::Different(FIX_UP))?);
        }
        Ok(Self { table, functions })
    }
}
