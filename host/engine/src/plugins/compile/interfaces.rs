//! What a component imports and exports, by its full names: for people who look at a file.

use wasmtime::Engine;
use wasmtime::component::Component;

/// The interfaces of a component, each as `package/interface@version`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interfaces {
    pub imports: Vec<String>,
    pub exports: Vec<String>,
}

impl Interfaces {
    pub fn of(component: &Component, engine: &Engine) -> Self {
        let component = component.component_type();
        Self {
            imports: component.imports(engine).map(|(name, _)| name.to_owned()).collect(),
            exports: component.exports(engine).map(|(name, _)| name.to_owned()).collect(),
        }
    }
}
