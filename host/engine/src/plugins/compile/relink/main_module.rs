//! The main module as it was, but for what it imports: the functions themselves, the memory, and the table that takes its
//! function which makes room.

use wasm_encoder::reencode::{self, Reencode};
use wasm_encoder::{
    BlockType, CodeSection, CustomSection, DataSection, EntityType, ExportKind, ExportSection,
    Function, FunctionSection, GlobalSection, ImportSection, MemorySection, Module,
};
use wasmparser::{ExternalKind, Parser};

use super::answers;
use super::memory_module::table_type;
use super::plan::LinkPlan;
use super::{Unfamiliar, expect};

/// The names that the main module imports memory and table by; functions go by their number.
pub const MEMORY: &str = "memory";
pub const TABLE: &str = "table";

type Written<T> = Result<T, reencode::Error<Unfamiliar>>;

pub fn write(module: &[u8], plan: &LinkPlan<'_>) -> Result<Vec<u8>, Unfamiliar> {
    let mut written = Module::new();
    let mut main = Main::new(plan)?;
    main.parse_core_module(&mut written, Parser::new(0), module)?;
    Ok(written.finish())
}

struct Main<'p, 'a> {
    plan: &'p LinkPlan<'a>,
    /// For each import whose results need room: the function that is called in its place.
    stand_ins: Vec<Option<u32>>,
    /// The first of the functions that are added for results.
    answers: u32,
}

/// A function that takes the place of an import.
struct StandIn {
    import: u32,
    ty: u32,
    params: u32,
}

impl<'p, 'a> Main<'p, 'a> {
    fn new(plan: &'p LinkPlan<'a>) -> Result<Self, Unfamiliar> {
        let module = &plan.main_module;
        let own = module.imported.len() + module.functions.len();
        let mut next = u32::try_from(own).map_err(|_| Unfamiliar::Different("it is too large"))?;
        let stand_in = |import: &super::plan::Import| {
            let stand_in = import.reallocs.then_some(next);
            next += u32::from(import.reallocs);
            stand_in
        };
        let stand_ins = plan.imports.iter().map(stand_in).collect();
        let main = Self { plan, stand_ins, answers: next };
        expect(main.stand_ins().is_some(), "an import has no type")?;
        Ok(main)
    }

    fn stand_ins(&self) -> Option<Vec<StandIn>> {
        let module = &self.plan.main_module;
        let imported = module.imported.iter().zip(&self.stand_ins).zip(0..);
        let with_one = imported.filter(|((_, stand_in), _)| stand_in.is_some());
        let of = |((ty, _), import): ((&u32, _), u32)| {
            let params = u32::try_from(module.func_type(*ty)?.params().len()).ok()?;
            Some(StandIn { import, ty: *ty, params })
        };
        with_one.map(of).collect()
    }

    /// Puts the main module's function that makes room where the host finds it, and calls the import.
    fn body(&self, of: &StandIn) -> Function {
        let mut body = Function::new([]);
        let mut code = body.instructions();
        code.i32_const(0).table_get(0).ref_is_null().if_(BlockType::Empty);
        code.i32_const(0).ref_func(self.plan.realloc.1).table_set(0).end();
        for parameter in 0..of.params {
            code.local_get(parameter);
        }
        code.call(of.import).end();
        body
    }
}

impl Reencode for Main<'_, '_> {
    type Error = Unfamiliar;

    fn function_index(&mut self, function: u32) -> Written<u32> {
        let index = usize::try_from(function).ok();
        let stand_in = index.and_then(|index| self.stand_ins.get(index).copied().flatten());
        Ok(stand_in.unwrap_or(function))
    }

    /// The imported table comes before those of the module.
    fn table_index(&mut self, table: u32) -> Written<u32> {
        Ok(table + 1)
    }

    fn data_index(&mut self, _: u32) -> Written<u32> {
        Err(reencode::Error::UserError(Unfamiliar::Different("its main module copies data itself")))
    }

    fn data_count(&mut self, _: u32) -> Written<u32> {
        Ok(0)
    }

    fn parse_import_section(
        &mut self,
        imports: &mut ImportSection,
        _: wasmparser::ImportSectionReader<'_>,
    ) -> Written<()> {
        for (ty, number) in self.plan.main_module.imported.iter().zip(0..) {
            imports.import("", &name_of(number), EntityType::Function(*ty));
        }
        for memory in &self.plan.main_module.memories {
            let memory = self.memory_type(*memory)?;
            imports.import("", MEMORY, memory);
        }
        imports.import("", TABLE, table_type());
        Ok(())
    }

    fn parse_memory_section(
        &mut self,
        _: &mut MemorySection,
        _: wasmparser::MemorySectionReader<'_>,
    ) -> Written<()> {
        Ok(())
    }

    fn parse_data_section(
        &mut self,
        _: &mut DataSection,
        _: wasmparser::DataSectionReader<'_>,
    ) -> Written<()> {
        Ok(())
    }

    fn parse_export(
        &mut self,
        exports: &mut ExportSection,
        export: wasmparser::Export<'_>,
    ) -> Written<()> {
        if export.kind == ExternalKind::Memory {
            return Ok(());
        }
        reencode::utils::parse_export(self, exports, export)
    }

    fn parse_export_section(
        &mut self,
        exports: &mut ExportSection,
        section: wasmparser::ExportSectionReader<'_>,
    ) -> Written<()> {
        reencode::utils::parse_export_section(self, exports, section)?;
        let answers = &self.plan.answers;
        let names = (0..answers.calls.len()).map(answers::name_of);
        let free = (!answers.is_empty()).then(|| answers::FREE.to_owned());
        for (name, index) in names.chain(free).zip(self.answers..) {
            exports.export(&name, ExportKind::Func, index);
        }
        Ok(())
    }

    fn parse_global_section(
        &mut self,
        globals: &mut GlobalSection,
        section: wasmparser::GlobalSectionReader<'_>,
    ) -> Written<()> {
        reencode::utils::parse_global_section(self, globals, section)?;
        self.plan.answers.add_global(globals);
        Ok(())
    }

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        section: wasmparser::FunctionSectionReader<'_>,
    ) -> Written<()> {
        reencode::utils::parse_function_section(self, functions, section)?;
        for stand_in in self.stand_ins().unwrap_or_default() {
            functions.function(stand_in.ty);
        }
        let answers = &self.plan.answers;
        for call in &answers.calls {
            functions.function(call.ty);
        }
        if !answers.is_empty() {
            functions.function(answers.free_type);
        }
        Ok(())
    }

    fn parse_code_section(
        &mut self,
        code: &mut CodeSection,
        section: wasmparser::CodeSectionReader<'_>,
    ) -> Written<()> {
        reencode::utils::parse_code_section(self, code, section)?;
        for stand_in in self.stand_ins().unwrap_or_default() {
            code.function(&self.body(&stand_in));
        }
        let answers = &self.plan.answers;
        for call in &answers.calls {
            code.function(&answers.call(call));
        }
        if !answers.is_empty() {
            code.function(&answers.free());
        }
        Ok(())
    }

    /// Names of functions stay right; what else is said of the old code does not.
    fn parse_custom_section(
        &mut self,
        module: &mut Module,
        section: wasmparser::CustomSectionReader<'_>,
    ) -> Written<()> {
        if section.name() == "name" {
            module.section(&CustomSection { name: "name".into(), data: section.data().into() });
        }
        Ok(())
    }
}

pub fn name_of(import: u32) -> String {
    import.to_string()
}
