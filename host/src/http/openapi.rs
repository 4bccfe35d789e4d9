//! The OpenAPI document, made of the declarations of all routes.

pub mod document;
mod operation;
mod schemas;
mod targets;
