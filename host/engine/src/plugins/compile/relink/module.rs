//! What a core module declares.

use wasmparser::{
    Data, DataKind, Element, Export, ExternalKind, FuncType, FunctionBody, MemoryType, Operator,
    Parser, Payload, TableType, TypeRef,
};

use super::{Unfamiliar, expect};

#[derive(Default)]
pub struct Module<'a> {
    /// Types of functions; none where a type is of something else.
    pub types: Vec<Option<FuncType>>,
    pub imports: Vec<wasmparser::Import<'a>>,
    /// The type of each imported function.
    pub imported: Vec<u32>,
    /// The type of each function of its own.
    pub functions: Vec<u32>,
    pub bodies: Vec<FunctionBody<'a>>,
    pub tables: Vec<TableType>,
    pub memories: Vec<MemoryType>,
    pub globals: u32,
    pub exports: Vec<Export<'a>>,
    pub elements: Vec<Element<'a>>,
    pub data: Vec<Data<'a>>,
    pub has_start: bool,
}

impl<'a> Module<'a> {
    pub fn of(module: &'a [u8]) -> Result<Self, Unfamiliar> {
        let mut found = Self::default();
        for payload in Parser::new(0).parse_all(module) {
            found.add(payload?)?;
        }
        Ok(found)
    }

    fn add(&mut self, payload: Payload<'a>) -> Result<(), Unfamiliar> {
        match payload {
            Payload::TypeSection(types) => {
                for ty in types.into_iter_err_on_gc_types() {
                    self.types.push(Some(ty?));
                }
            }
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    let import = import?;
                    if let TypeRef::Func(ty) = import.ty {
                        self.imported.push(ty);
                    }
                    self.imports.push(import);
                }
            }
            Payload::FunctionSection(functions) => self.functions = all(functions)?,
            Payload::TableSection(tables) => {
                let tables: Vec<wasmparser::Table<'_>> = all(tables)?;
                self.tables = tables.iter().map(|table| table.ty).collect();
            }
            Payload::MemorySection(memories) => self.memories = all(memories)?,
            Payload::GlobalSection(globals) => self.globals = globals.count(),
            Payload::ExportSection(exports) => self.exports = all(exports)?,
            Payload::ElementSection(elements) => self.elements = all(elements)?,
            Payload::DataSection(data) => self.data = all(data)?,
            Payload::StartSection { .. } => self.has_start = true,
            Payload::CodeSectionEntry(body) => self.bodies.push(body),
            Payload::TagSection(_) => return Err(Unfamiliar::Different("it has tags")),
            _ => {}
        }
        Ok(())
    }

    pub fn export(&self, name: &str, kind: ExternalKind) -> Option<u32> {
        let found = self.exports.iter().find(|export| export.name == name && export.kind == kind);
        found.map(|export| export.index)
    }

    pub fn func_type(&self, index: u32) -> Option<&FuncType> {
        self.types.get(usize::try_from(index).ok()?)?.as_ref()
    }

    /// Whether all data lies in the memory from the start, at places that the module itself says.
    pub fn has_placed_data(&self) -> Result<(), Unfamiliar> {
        for data in &self.data {
            let DataKind::Active { memory_index: 0, offset_expr } = &data.kind else {
                return Err(Unfamiliar::Different("it has data that is in no memory"));
            };
            let mut operators = offset_expr.get_operators_reader();
            let is_number = matches!(operators.read()?, Operator::I32Const { .. })
                && matches!(operators.read()?, Operator::End);
            expect(is_number, "its data lies where another module says")?;
        }
        Ok(())
    }
}

fn all<'a, T: wasmparser::FromReader<'a>>(
    section: wasmparser::SectionLimited<'a, T>,
) -> Result<Vec<T>, Unfamiliar> {
    Ok(section.into_iter().collect::<Result<_, _>>()?)
}
