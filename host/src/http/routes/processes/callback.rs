//! The `callback_url` of a process, where the host sends its driver the changes of the process.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::http::api::Api;
use crate::http::problem::Problem;
use crate::http::problem::code::Code;
use moothall_core::endpoint::UrlBy;
use moothall_egress::EgressError;
use moothall_engine::plugins::{ProcessType, Violation};
use moothall_store::DRIVER;
use moothall_values::destination::is_same_origin;

pub const CALLBACK: &str = "callback_url";
/// How many letters of a misspelt name may differ.
const SLIPS: usize = 2;
/// The longest `callback_url`, in bytes.
pub const CALLBACK_BYTES: usize = 2 << 10;

/// A misspelt `callback_url` is refused, also if the plugin's schema allows any parameter.
pub fn require_none_meant(
    parameters: &BTreeMap<String, Box<RawValue>>,
    kind: Option<&ProcessType>,
) -> Result<(), Problem> {
    let is_of_plugin = |name: &str| {
        let Some(schema) = kind.map(|kind| kind.parameters.document()) else { return false };
        match schema.get("properties") {
            Some(known) => known.get(name).is_some(),
            // Its names are in the schema that it refers to.
            None => schema.get("$ref").is_some() || schema.get("allOf").is_some(),
        }
    };
    let meant = parameters.keys().find(|name| is_callback(name) && !is_of_plugin(name));
    meant.map_or(Ok(()), |name| {
        let message =
            format!("no parameter of that name is known here; did you mean `{CALLBACK}`?");
        let faults = vec![Violation { path: format!("/{name}"), message }];
        Err(Problem::invalid(Code::InvalidParameters, "The parameters are not valid", "", faults))
    })
}

/// In another case, without its underscore or its end, or with a typing error.
fn is_callback(name: &str) -> bool {
    let plain = |name: &str| name.to_ascii_lowercase().replace(['_', '-'], "");
    let (name, wanted) = (plain(name), plain(CALLBACK));
    name == "callback" || name.starts_with('c') && strsim::osa_distance(&name, &wanted) <= SLIPS
}

/// The URL for the driver; null: none.
pub async fn callback(api: &Api, url: Box<RawValue>) -> Result<Option<String>, Problem> {
    match serde_json::from_str(url.get()) {
        Ok(None) => Ok(None),
        Ok(Some::<String>(url)) if url.len() <= CALLBACK_BYTES => {
            match api.egress.check_reachable(&url, &api.local.of_put()).await {
                Err(EgressError::Refused(_)) if is_of_driver(api, &url)? => {}
                reachable => reachable.map_err(|fault| {
                    Problem::bad_request(format!("`callback_url` cannot be sent to: {fault}"))
                })?,
            }
            Ok(Some(url))
        }
        _ => Err(Problem::bad_request(format!(
            "`callback_url` is a URL of at most {CALLBACK_BYTES} bytes"
        ))),
    }
}

/// Whether the operator configured that URL for the driver.
fn is_of_driver(api: &Api, url: &str) -> Result<bool, Problem> {
    let driver = api.context.store.read(|reader| reader.endpoint(DRIVER))?;
    let driver = driver.filter(|driver| driver.url_by == UrlBy::Environment);
    Ok(driver.is_some_and(|driver| is_same_origin(url, &driver.url)))
}
