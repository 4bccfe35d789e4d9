//! What of a component has to do with core modules, by the indices that the component gives it.

use std::ops::Range;

use wasmparser::{
    CanonicalFunction, CanonicalOption, Chunk, ComponentAlias, ComponentExternalKind,
    ComponentOuterAliasKind, ComponentTypeRef, ExternalKind, Instance, Parser, Payload,
};

use super::{Unfamiliar, expect};

#[derive(Debug, Default)]
pub struct Outline<'a> {
    pub modules: Vec<&'a [u8]>,
    pub instances: Vec<CoreInstance<'a>>,
    pub funcs: Vec<CoreFunc<'a>>,
    pub memories: Vec<CoreExport<'a>>,
    pub tables: Vec<CoreExport<'a>>,
    pub lifts: Vec<Lift>,
}

/// A function that the component exports.
#[derive(Debug)]
pub struct Lift {
    pub func: u32,
    /// The function that frees its result.
    pub post_return: Option<u32>,
}

#[derive(Debug)]
pub enum CoreInstance<'a> {
    OfModule {
        module: u32,
        args: Vec<(&'a str, u32)>,
    },
    /// A group of items under names.
    Group(Vec<GroupItem<'a>>),
}

#[derive(Debug)]
pub struct GroupItem<'a> {
    pub name: &'a str,
    pub kind: ExternalKind,
    pub index: u32,
}

#[derive(Debug)]
pub enum CoreFunc<'a> {
    Export(CoreExport<'a>),
    /// A function that the component imports, as a core module can call it.
    Lowered {
        realloc: Option<u32>,
    },
    /// Drops a handle.
    Drop,
}

/// An export of a core instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CoreExport<'a> {
    pub instance: u32,
    pub name: &'a str,
}

/// The sections of a component, without those of the components and modules in it.
pub fn sections(component: &[u8]) -> Result<Vec<Payload<'_>>, Unfamiliar> {
    let (mut parser, mut rest, mut found) = (Parser::new(0), component, Vec::new());
    while !rest.is_empty() {
        let Chunk::Parsed { consumed, payload } = parser.parse(rest, true)? else {
            return Err(Unfamiliar::Different("it ends early"));
        };
        let inner = match &payload {
            Payload::ModuleSection { unchecked_range, .. }
            | Payload::ComponentSection { unchecked_range, .. } => {
                bytes(component, unchecked_range)?
            }
            _ => &[],
        };
        rest = rest.get(consumed + inner.len()..).ok_or(Unfamiliar::Different("it ends early"))?;
        found.push(payload);
    }
    Ok(found)
}

pub fn bytes<'a>(whole: &'a [u8], range: &Range<u64>) -> Result<&'a [u8], Unfamiliar> {
    let (start, end) = (usize::try_from(range.start), usize::try_from(range.end));
    let found = start.ok().zip(end.ok()).and_then(|(start, end)| whole.get(start..end));
    found.ok_or(Unfamiliar::Different("a section ends outside it"))
}

impl<'a> Outline<'a> {
    pub fn of(component: &'a [u8]) -> Result<Self, Unfamiliar> {
        let mut outline = Self::default();
        for section in sections(component)? {
            match section {
                Payload::ModuleSection { unchecked_range, .. } => {
                    outline.modules.push(bytes(component, &unchecked_range)?);
                }
                Payload::InstanceSection(instances) => {
                    for instance in instances {
                        outline.instances.push(CoreInstance::of(instance?));
                    }
                }
                Payload::ComponentAliasSection(aliases) => {
                    for alias in aliases {
                        outline.alias(&alias?)?;
                    }
                }
                Payload::ComponentCanonicalSection(functions) => {
                    for function in functions {
                        outline.canonical(&function?)?;
                    }
                }
                Payload::ComponentImportSection(imports) => {
                    for import in imports {
                        let is_module = matches!(import?.ty, ComponentTypeRef::Module(_));
                        expect(!is_module, "it imports a core module")?;
                    }
                }
                Payload::ComponentTypeSection(types) => {
                    for ty in types {
                        let is_own = matches!(ty?, wasmparser::ComponentType::Resource { .. });
                        expect(!is_own, "it has resources of its own")?;
                    }
                }
                Payload::ComponentStartSection { .. } => {
                    return Err(Unfamiliar::Different("it has a start function"));
                }
                _ => {}
            }
        }
        Ok(outline)
    }

    fn alias(&mut self, alias: &ComponentAlias<'a>) -> Result<(), Unfamiliar> {
        let module = "it names a core module that is elsewhere";
        match *alias {
            ComponentAlias::CoreInstanceExport { kind, instance_index: instance, name } => {
                let export = CoreExport { instance, name };
                match kind {
                    ExternalKind::Func | ExternalKind::FuncExact => {
                        self.funcs.push(CoreFunc::Export(export));
                    }
                    ExternalKind::Memory => self.memories.push(export),
                    ExternalKind::Table => self.tables.push(export),
                    ExternalKind::Global | ExternalKind::Tag => {
                        return Err(Unfamiliar::Different("its modules share globals or tags"));
                    }
                }
                Ok(())
            }
            ComponentAlias::InstanceExport { kind, .. } => {
                expect(kind != ComponentExternalKind::Module, module)
            }
            ComponentAlias::Outer { kind, .. } => {
                expect(kind != ComponentOuterAliasKind::CoreModule, module)
            }
        }
    }

    fn canonical(&mut self, function: &CanonicalFunction) -> Result<(), Unfamiliar> {
        match function {
            CanonicalFunction::Lift { core_func_index: func, options, .. } => {
                let post_return = options.iter().find_map(|option| match option {
                    CanonicalOption::PostReturn(post_return) => Some(*post_return),
                    _ => None,
                });
                self.lifts.push(Lift { func: *func, post_return });
            }
            CanonicalFunction::Lower { options, .. } => {
                let realloc = options.iter().find_map(|option| match option {
                    CanonicalOption::Realloc(realloc) => Some(*realloc),
                    _ => None,
                });
                self.funcs.push(CoreFunc::Lowered { realloc });
            }
            CanonicalFunction::ResourceDrop { .. } => self.funcs.push(CoreFunc::Drop),
            _ => return Err(Unfamiliar::Different("it uses what only newer components have")),
        }
        Ok(())
    }
}

impl<'a> CoreInstance<'a> {
    fn of(instance: Instance<'a>) -> Self {
        match instance {
            Instance::Instantiate { module_index: module, args } => {
                let args = args.iter().map(|arg| (arg.name, arg.index)).collect();
                Self::OfModule { module, args }
            }
            Instance::FromExports(exports) => {
                let item = |export: &wasmparser::Export<'a>| GroupItem {
                    name: export.name,
                    kind: export.kind,
                    index: export.index,
                };
                Self::Group(exports.iter().map(item).collect())
            }
        }
    }
}
