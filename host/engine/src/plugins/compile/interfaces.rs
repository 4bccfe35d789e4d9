//! The full names of the interfaces that a component imports and exports, as `moothall plugin inspect` shows them.

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
