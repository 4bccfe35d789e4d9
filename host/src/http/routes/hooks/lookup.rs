//! The hook and the step that a path names.

use std::sync::Arc;

use crate::http::api::Api;
use crate::http::problem::Problem;
use moothall_engine::hooks::Hook;
use moothall_engine::hooks::step::Step;

pub fn find(api: &Api, name: &str) -> Result<Arc<Hook>, Problem> {
    api.hooks.get(name).ok_or_else(|| Problem::not_found(format!("There is no hook '{name}'")))
}

pub fn step_of(api: &Api, name: &str, id: &str) -> Result<Arc<Step>, Problem> {
    let hook = find(api, name)?;
    let step = hook.steps.iter().find(|step| step.id == id);
    step.cloned().ok_or_else(|| no_step(name, id))
}

pub fn no_step(hook: &str, id: &str) -> Problem {
    Problem::not_found(format!("The hook '{hook}' has no step '{id}'"))
}
