//! Writes the component anew: the same sections in the same order, with other core modules, instances and functions.

use wasm_encoder::reencode::{self, Reencode, ReencodeComponent, component_utils};
use wasm_encoder::{
    Alias, CanonicalFunctionSection, CanonicalOption, Component, ComponentAliasSection, ExportKind,
    InstanceSection, ModuleArg, RawSection,
};
use wasmparser::{CanonicalFunction, ComponentAlias, ExternalKind, Instance, Payload};

use super::outline::{Outline, bytes, sections};
use super::plan::LinkPlan;
use super::{Unfamiliar, expect, main_module, memory_module};

const GONE: Unfamiliar = Unfamiliar::Different("something uses the shim besides the main module");
const MODULE: u8 = 1;
const EMPTY_MODULE: &[u8] = b"\0asm\x01\0\0\0";

pub fn write(
    component: &[u8],
    outline: &Outline<'_>,
    plan: &LinkPlan<'_>,
) -> Result<Vec<u8>, Unfamiliar> {
    let mut writer = Writer::new(plan);
    for section in sections(component)? {
        writer.section(section, component, outline)?;
    }
    Ok(writer.written.finish())
}

struct Writer<'p, 'a> {
    plan: &'p LinkPlan<'a>,
    written: Component,
    modules: u32,
    instances: Renumbered,
    funcs: Renumbered,
    /// The main module's own function that makes room, for what the host hands to the guest.
    realloc: Option<u32>,
    /// The old numbers of what is now the memory module's function for that.
    early: Vec<u32>,
    is_lift: bool,
}

/// The new number of each old one.
#[derive(Default)]
struct Renumbered {
    new: Vec<Option<u32>>,
    next: u32,
}

impl Renumbered {
    fn keep(&mut self) {
        self.new.push(Some(self.next));
        self.next += 1;
    }

    fn drop(&mut self) {
        self.new.push(None);
    }

    fn add(&mut self) -> u32 {
        self.next += 1;
        self.next - 1
    }

    fn get(&self, old: u32) -> Result<u32, Unfamiliar> {
        usize::try_from(old).ok().and_then(|old| *self.new.get(old)?).ok_or(GONE)
    }

    fn next_old(&self) -> Option<u32> {
        u32::try_from(self.new.len()).ok()
    }
}

impl<'p, 'a> Writer<'p, 'a> {
    fn new(plan: &'p LinkPlan<'a>) -> Self {
        let (instances, funcs) = (Renumbered::default(), Renumbered::default());
        let written = Component::new();
        Self {
            plan,
            written,
            modules: 0,
            instances,
            funcs,
            realloc: None,
            early: Vec::new(),
            is_lift: false,
        }
    }

    fn section(
        &mut self,
        section: Payload<'_>,
        component: &[u8],
        outline: &Outline<'_>,
    ) -> Result<(), Unfamiliar> {
        match section {
            Payload::Version { .. } | Payload::End(_) => {}
            // Names of what is there no more.
            Payload::CustomSection(_) => {}
            Payload::ModuleSection { .. } => self.module(outline)?,
            Payload::InstanceSection(instances) => {
                let mut section = InstanceSection::new();
                for instance in instances {
                    self.instance(&mut section, &instance?, outline)?;
                }
                self.written.section(&section);
                self.own_realloc()?;
            }
            Payload::ComponentAliasSection(aliases) => {
                let mut section = ComponentAliasSection::new();
                for alias in aliases {
                    self.alias(&mut section, alias?)?;
                }
                self.written.section(&section);
            }
            Payload::ComponentCanonicalSection(functions) => {
                let mut section = CanonicalFunctionSection::new();
                for function in functions {
                    self.canonical(&mut section, function?)?;
                }
                self.written.section(&section);
            }
            other => {
                let (id, range) = other.as_section().ok_or(GONE)?;
                self.written.section(&RawSection { id, data: bytes(component, &range)? });
            }
        }
        Ok(())
    }

    /// Modules keep their numbers: the memory module takes the shim's, and nothing is left of the fix-up.
    fn module(&mut self, outline: &Outline<'_>) -> Result<(), Unfamiliar> {
        let (number, plan) = (self.modules, self.plan);
        let old =
            usize::try_from(number).ok().and_then(|number| outline.modules.get(number).copied());
        let old = old.ok_or(GONE)?;
        let new = match number {
            _ if number == plan.main.module => main_module::write(old, plan)?,
            _ if number == plan.shim.module => memory_module::write(plan)?,
            _ if number == plan.fix_up.module => EMPTY_MODULE.to_vec(),
            _ => old.to_vec(),
        };
        self.written.section(&RawSection { id: MODULE, data: &new });
        self.modules += 1;
        Ok(())
    }

    fn instance(
        &mut self,
        section: &mut InstanceSection,
        instance: &Instance<'_>,
        outline: &Outline<'_>,
    ) -> Result<(), Unfamiliar> {
        let (old, plan) = (self.instances.next_old().ok_or(GONE)?, self.plan);
        if old == plan.shim.instance || plan.main_args.contains(&old) {
            self.instances.drop();
            return Ok(());
        }
        if old == plan.main.instance {
            section.instantiate(plan.shim.module, [] as [(&str, ModuleArg); 0]);
        } else if old == plan.fix_up_args {
            self.imports_of_main(section, instance, outline)?;
        } else if old == plan.fix_up.instance {
            let args = self.instances.get(plan.fix_up_args)?;
            section.instantiate(plan.main.module, [("", ModuleArg::Instance(args))]);
        } else {
            return Err(GONE);
        }
        self.instances.keep();
        Ok(())
    }

    fn imports_of_main(
        &self,
        section: &mut InstanceSection,
        fix_up_args: &Instance<'_>,
        outline: &Outline<'_>,
    ) -> Result<(), Unfamiliar> {
        // Any of the memory's names does: all are of the one memory.
        expect(!outline.memories.is_empty(), "it has no memory")?;
        let Instance::FromExports(given) = fix_up_args else { return Err(GONE) };
        let table = given.iter().find(|export| export.kind == ExternalKind::Table).ok_or(GONE)?;
        let mut items = vec![
            (main_module::MEMORY.to_owned(), ExportKind::Memory, 0),
            (main_module::TABLE.to_owned(), ExportKind::Table, table.index),
        ];
        for (import, number) in self.plan.imports.iter().zip(0..) {
            items.push((
                main_module::name_of(number),
                ExportKind::Func,
                self.funcs.get(import.func)?,
            ));
        }
        section.export_items(items);
        Ok(())
    }

    /// Names the main module's own function that makes room, once the main module exists.
    fn own_realloc(&mut self) -> Result<(), Unfamiliar> {
        let Ok(instance) = self.instances.get(self.plan.fix_up.instance) else { return Ok(()) };
        if self.realloc.is_some() {
            return Ok(());
        }
        let mut section = ComponentAliasSection::new();
        let name = self.plan.realloc.0;
        section.alias(Alias::CoreInstanceExport { instance, kind: ExportKind::Func, name });
        self.written.section(&section);
        self.realloc = Some(self.funcs.add());
        Ok(())
    }

    fn alias(
        &mut self,
        section: &mut ComponentAliasSection,
        alias: ComponentAlias<'_>,
    ) -> Result<(), Unfamiliar> {
        let ComponentAlias::CoreInstanceExport { kind, instance_index, name } = alias else {
            section.alias(self.component_alias(alias)?);
            return Ok(());
        };
        let plan = self.plan;
        let memory = self.instances.get(plan.main.instance);
        let main = self.instances.get(plan.fix_up.instance);
        let renamed;
        let (kind, instance, name) = match kind {
            ExternalKind::Memory => (ExportKind::Memory, memory?, name),
            ExternalKind::Table => (ExportKind::Table, memory?, memory_module::TABLE),
            _ if instance_index == plan.shim.instance => {
                self.funcs.drop();
                return Ok(());
            }
            _ => {
                let is_early = main.is_err();
                if is_early {
                    self.early.extend(self.funcs.next_old());
                }
                self.funcs.keep();
                expect(
                    !is_early || name == plan.realloc.0,
                    "an early function is the main module's",
                )?;
                if is_early {
                    (ExportKind::Func, memory?, name)
                } else {
                    renamed = plan.answers.renamed(name);
                    (ExportKind::Func, main?, renamed.as_str())
                }
            }
        };
        section.alias(Alias::CoreInstanceExport { instance, kind, name });
        Ok(())
    }

    fn canonical(
        &mut self,
        section: &mut CanonicalFunctionSection,
        function: CanonicalFunction,
    ) -> Result<(), Unfamiliar> {
        self.is_lift = matches!(function, CanonicalFunction::Lift { .. });
        component_utils::parse_component_canonical(self, section, function)?;
        if !self.is_lift {
            self.funcs.keep();
        }
        Ok(())
    }
}

impl Reencode for Writer<'_, '_> {
    type Error = Unfamiliar;

    fn function_index(&mut self, function: u32) -> Result<u32, reencode::Error<Unfamiliar>> {
        self.funcs.get(function).map_err(reencode::Error::UserError)
    }
}

impl ReencodeComponent for Writer<'_, '_> {
    fn canonical_option(
        &mut self,
        option: wasmparser::CanonicalOption,
    ) -> Result<CanonicalOption, reencode::Error<Unfamiliar>> {
        match option {
            wasmparser::CanonicalOption::Realloc(old)
                if self.is_lift && self.early.contains(&old) =>
            {
                let realloc = self.realloc.ok_or(reencode::Error::UserError(GONE))?;
                Ok(CanonicalOption::Realloc(realloc))
            }
            other => component_utils::canonical_option(self, other),
        }
    }
}
