//! The OpenAPI document, generated from the declarations of all routes.

pub mod document;
mod operation;
mod schemas;
mod targets;
