//! Finds the shim, the main module and the fix-up of a component, and says what becomes of them.

use std::collections::BTreeMap;

use wasmparser::{ExternalKind, TypeRef};

use super::answers::Answers;
use super::module::Module;
use super::outline::{CoreExport, CoreFunc, CoreInstance, GroupItem, Outline};
use super::stubs::{Filled, slots_of_shim};
use super::{Unfamiliar, expect};

pub struct LinkPlan<'a> {
    pub shim: Role,
    pub main: Role,
    pub fix_up: Role,
    /// The group of items that the fix-up imports.
    pub fix_up_args: u32,
    /// The groups of functions that the main module imports.
    pub main_args: Vec<u32>,
    pub main_module: Module<'a>,
    /// The functions that the main module imports, in its order.
    pub imports: Vec<Import>,
    /// The name of the main module's memory among its exports.
    pub memory: &'a str,
    /// The name of the function that makes room for results of imported functions, and its index in the main module.
    pub realloc: (&'a str, u32),
    pub answers: Answers<'a>,
}

/// A core instance, and the module that it is of.
#[derive(Clone, Copy, Debug)]
pub struct Role {
    pub instance: u32,
    pub module: u32,
}

/// A function that the main module imports.
#[derive(Clone, Copy, Debug)]
pub struct Import {
    /// The component's core function.
    pub func: u32,
    /// Its results may need room, which the host asks the main module for.
    pub reallocs: bool,
}

impl<'a> LinkPlan<'a> {
    pub fn of(outline: &Outline<'a>) -> Result<Self, Unfamiliar> {
        let roles = Roles::of(outline)?;
        let Roles { shim, main, fix_up, fix_up_args, ref main_args } = roles;
        let main_module = module(outline, main)?;
        let imports = roles.imports(outline, &main_module)?;
        let memory = memory_of(outline, main, &main_module)?;
        let realloc = realloc_of(outline, main, &main_module, &imports)?;
        let answers = Answers::of(outline, main.instance, &main_module);
        let main_args = main_args.iter().map(|(_, group)| *group).collect();
        Ok(Self {
            shim,
            main,
            fix_up,
            fix_up_args,
            main_args,
            main_module,
            imports,
            memory,
            realloc,
            answers,
        })
    }
}

fn module<'a>(outline: &Outline<'a>, of: Role) -> Result<Module<'a>, Unfamiliar> {
    let bytes = usize::try_from(of.module).ok().and_then(|index| outline.modules.get(index));
    Module::of(bytes.ok_or(Unfamiliar::Different("a core module is elsewhere"))?)
}

struct Roles<'a> {
    shim: Role,
    main: Role,
    fix_up: Role,
    fix_up_args: u32,
    main_args: Vec<(&'a str, u32)>,
}

impl<'a> Roles<'a> {
    fn of(outline: &Outline<'a>) -> Result<Self, Unfamiliar> {
        let mut of_modules = Vec::new();
        for (instance, number) in outline.instances.iter().zip(0..) {
            if let CoreInstance::OfModule { module, args } = instance {
                of_modules.push((Role { instance: number, module: *module }, args));
            }
        }
        let [(shim, none), (main, main_args), (fix_up, fix_up_args)] = of_modules.as_slice() else {
            return Err(Unfamiliar::Different("it has not exactly three core instances"));
        };
        let [("", fix_up_args)] = fix_up_args.as_slice() else {
            return Err(Unfamiliar::Different("its last core instance is no fix-up"));
        };
        let groups = outline.instances.len() - of_modules.len();
        let groups_known = groups == main_args.len() + 1
            && main_args
                .iter()
                .all(|(_, group)| *group != *fix_up_args && is_group(outline, *group));
        expect(groups_known, "it has core instances that nothing uses")?;
        let modules = [shim.module, main.module, fix_up.module];
        let are_distinct =
            modules[0] != modules[1] && modules[1] != modules[2] && modules[0] != modules[2];
        expect(none.is_empty() && are_distinct, "its first core instance is no shim")?;
        let (shim, main, fix_up) = (*shim, *main, *fix_up);
        Ok(Self { shim, main, fix_up, fix_up_args: *fix_up_args, main_args: main_args.to_vec() })
    }

    /// Where each function that the main module imports comes from, behind the shim.
    fn imports(&self, outline: &Outline<'a>, main: &Module<'a>) -> Result<Vec<Import>, Unfamiliar> {
        let slots = slots_of_shim(&module(outline, self.shim)?)?;
        let filled = Filled::of_fix_up(&module(outline, self.fix_up)?)?;
        let given = group(outline, self.fix_up_args)?;
        let table = item(given, filled.table, ExternalKind::Table);
        let is_of_shim = |export: &CoreExport<'_>| export.instance == self.shim.instance;
        let is_table_of_shim =
            table == Some(0) && outline.tables.len() == 1 && is_of_shim(&outline.tables[0]);
        expect(is_table_of_shim, "the fix-up fills a table that is not the shim's")?;

        let args: BTreeMap<&str, u32> = self.main_args.iter().copied().collect();
        let mut imports = Vec::new();
        for import in &main.imports {
            let TypeRef::Func(_) = import.ty else {
                return Err(Unfamiliar::Different("its main module imports more than functions"));
            };
            let from = args
                .get(import.module)
                .ok_or(Unfamiliar::Different("an import has no argument"))?;
            let found = item(group(outline, *from)?, import.name, ExternalKind::Func);
            let direct = found.ok_or(Unfamiliar::Different("an import has no argument"))?;
            let behind = |name: &str| {
                let slot = usize::try_from(*slots.get(name)?).ok()?;
                item(given, filled.functions.get(slot)?, ExternalKind::Func)
            };
            let func = match func(outline, direct)? {
                CoreFunc::Export(export) if is_of_shim(export) => behind(export.name)
                    .ok_or(Unfamiliar::Different("a slot of the shim stays empty"))?,
                CoreFunc::Export(_) => {
                    return Err(Unfamiliar::Different(
                        "its main module imports from a third module",
                    ));
                }
                CoreFunc::Lowered { .. } | CoreFunc::Drop => direct,
            };
            let reallocs = match self::func(outline, func)? {
                CoreFunc::Lowered { realloc } => realloc.is_some(),
                CoreFunc::Drop => false,
                CoreFunc::Export(_) => {
                    return Err(Unfamiliar::Different(
                        "the fix-up fills in a module's own function",
                    ));
                }
            };
            imports.push(Import { func, reallocs });
        }
        Ok(imports)
    }
}

fn is_group(outline: &Outline<'_>, index: u32) -> bool {
    group(outline, index).is_ok()
}

fn group<'o, 'a>(outline: &'o Outline<'a>, index: u32) -> Result<&'o [GroupItem<'a>], Unfamiliar> {
    match usize::try_from(index).ok().and_then(|index| outline.instances.get(index)) {
        Some(CoreInstance::Group(items)) => Ok(items),
        _ => Err(Unfamiliar::Different("a core instance gets another as it is")),
    }
}

fn item(group: &[GroupItem<'_>], name: &str, kind: ExternalKind) -> Option<u32> {
    let found = group.iter().find(|item| item.name == name && item.kind == kind);
    found.map(|item| item.index)
}

fn func<'o, 'a>(outline: &'o Outline<'a>, index: u32) -> Result<&'o CoreFunc<'a>, Unfamiliar> {
    let found = usize::try_from(index).ok().and_then(|index| outline.funcs.get(index));
    found.ok_or(Unfamiliar::Different("a core function is missing"))
}

/// The name of the one memory, which is the main module's.
fn memory_of<'a>(
    outline: &Outline<'a>,
    main: Role,
    module: &Module<'a>,
) -> Result<&'a str, Unfamiliar> {
    let first = outline.memories.first().ok_or(Unfamiliar::Different("it has no memory"))?;
    let is_one = outline.memories.iter().all(|memory| memory == first)
        && first.instance == main.instance
        && module.export(first.name, ExternalKind::Memory) == Some(0);
    let [memory] = module.memories.as_slice() else {
        return Err(Unfamiliar::Different("its main module has not one memory"));
    };
    expect(is_one && !memory.memory64 && !memory.shared, "its memory is not the main module's")?;
    expect(memory.page_size_log2.is_none(), "its memory has pages of another size")?;
    module.has_placed_data()?;
    Ok(first.name)
}

/// The function that makes room, which is the same for all.
fn realloc_of<'a>(
    outline: &Outline<'a>,
    main: Role,
    module: &Module<'a>,
    imports: &[Import],
) -> Result<(&'a str, u32), Unfamiliar> {
    const OTHER: Unfamiliar =
        Unfamiliar::Different("room for results is not made by one function of the main module");
    let mut found = None;
    for import in imports {
        let CoreFunc::Lowered { realloc: Some(realloc) } = func(outline, import.func)? else {
            continue;
        };
        let CoreFunc::Export(export) = func(outline, *realloc)? else { return Err(OTHER) };
        let is_same = found.is_none_or(|found| found == export.name);
        expect(
            export.instance == main.instance && is_same,
            "room for results is made by several functions",
        )?;
        found = Some(export.name);
    }
    let name = found.ok_or(OTHER)?;
    let index = module.export(name, ExternalKind::Func).ok_or(OTHER)?;
    Ok((name, index))
}
