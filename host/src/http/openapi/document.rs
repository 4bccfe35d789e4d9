//! The OpenAPI 3.1 document: an operation for each route, and for each action and process of the plugins that serve.

use serde_json::{Map, Value, json};

use crate::http::openapi::operation::{add, operation};
use crate::http::openapi::schemas::Schemas;
use crate::http::openapi::targets;
use crate::http::table;
use moothall_engine::plugins::Plugin;

pub fn document(plugins: &[std::sync::Arc<Plugin>]) -> Value {
    let (mut paths, mut schemas) = (Map::new(), Schemas::new());
    for route in table::ALL.routes() {
        // OpenAPI has no parameter for the rest of a path.
        let path = route.path.replace("{*", "{");
        add(&mut paths, &path, route, operation(route, &mut schemas));
    }
    for plugin in plugins {
        targets::add_plugin(plugin, &mut paths, &mut schemas);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Moothall",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "A plugin host for communities. Failures are `application/problem+json` (RFC 9457).",
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": {
            "schemas": schemas.components(),
            "securitySchemes": { "key": { "type": "http", "scheme": "bearer",
                "description": "Needed as soon as one was created; until then the host answers to its own machine alone." } },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::route::RouteBody;

    #[test]
    fn bodies_and_answers_have_different_names_and_each_reference_leads_somewhere() {
        let document = document(&[]);
        let schemas = document["components"]["schemas"].as_object().expect("schemas");
        let text = document.to_string();
        for reference in text.split("\"$ref\":\"#/components/schemas/").skip(1) {
            let name = reference.split('"').next().unwrap_or_default();
            assert!(schemas.contains_key(name), "{name} is nowhere");
        }
        let mut bodies = Vec::new();
        for body in table::ALL.routes().filter_map(|route| route.body) {
            let RouteBody::Of(schema) = body else { continue };
            let (name, of) = (&schema().name, schema().document());
            assert_eq!(&schemas[name.as_str()], of, "an answer is called {name} too");
            bodies.push(name);
        }
        let answers = schemas.len() - bodies.len();
        assert!(answers > 50, "{answers} types of answers");
    }
}
