//! Calls actions by slug and JSON text, as the host does.

mod surveyor;

use moothall_sdk::export::{
    Actions, GlobalWebhooks, Lifecycle, ProcessFunctions, Processes, Producer, Webhooks,
};
use moothall_sdk::serde_json::json;
use moothall_sdk::{Error, ErrorKind, Routed, WebhookRequest};
use surveyor::Surveyor;

fn perform(slug: &str, parameters: &str) -> Result<Option<String>, Error> {
    Surveyor.perform(slug, parameters)
}

fn answered(json: &str) -> Result<Option<String>, Error> {
    Ok(Some(json.to_owned()))
}

#[test]
fn an_action_gets_its_parameters_and_answers_its_result() {
    assert_eq!(perform("add", r#"{"left":2,"right":3}"#), answered(r#"{"sum":5}"#));
    assert_eq!(perform("add", r#"{"left":2}"#), answered(r#"{"sum":3}"#));
    assert_eq!(perform("echo", r#"{"a":[1,2.5,null]}"#), answered(r#"{"a":[1,2.5,null]}"#));
}

#[test]
fn nothing_and_null_are_different_answers() {
    assert_eq!(perform("ping", "{}"), Ok(None));
    assert_eq!(perform("maybe", "{}"), answered("null"));
}

#[test]
fn an_action_without_parameters_takes_any_object() {
    assert_eq!(perform("ping", r#"{"unheard":"of"}"#), Ok(None));
}

#[test]
fn an_unknown_slug_is_not_found() {
    let error = perform("subtract", "{}").expect_err("no such action");
    assert_eq!(
        (error.kind(), error.message()),
        (&ErrorKind::NotFound, "the plugin has no action 'subtract'")
    );
}

#[test]
fn parameters_that_break_a_rule_of_their_type_are_invalid() {
    let error = perform("add", r#"{"left":3000000000}"#).expect_err("no i32");
    assert_eq!(error.kind(), &ErrorKind::Invalid);
    assert!(
        error.message().starts_with("the parameters do not fit: at /left: invalid value"),
        "{error}"
    );
}

#[test]
fn an_error_of_the_plugin_reaches_the_host_whole() {
    let error = perform("add", r#"{"left":2147483647}"#).expect_err("too large");
    assert_eq!(error, Error::invalid("the sum is too large").with_details(json!(2147483647)));
    assert!(!error.is_retryable() && Error::unavailable("later").is_retryable());
}

#[test]
fn a_lifecycle_method_is_reached_by_its_name() {
    assert_eq!(Lifecycle::upgraded(&Surveyor, "1.0.0".to_owned()), Ok(()));
    assert_eq!(Lifecycle::upgraded(&Surveyor, "0.9.0".to_owned()), Err(Error::conflict("too old")));
}

#[test]
fn a_previous_configuration_that_no_longer_fits_is_an_error() {
    let error = Lifecycle::config_changed(&Surveyor, "{}").expect_err("no api_key");
    assert_eq!(error.kind(), &ErrorKind::Internal);
}

#[test]
fn webhooks_and_ticks_reach_their_methods() {
    let request = |body: &[u8]| WebhookRequest { body: body.to_vec(), ..WebhookRequest::default() };
    assert_eq!(Webhooks::receive(&Surveyor, request(b"ok")), Ok(None));
    assert!(Webhooks::receive(&Surveyor, request(&[0xff])).is_err());
    let routed = GlobalWebhooks::receive_global(&Surveyor, request(b"https://one"));
    assert_eq!(routed, Ok(Routed::to_route_key("/server_url", "https://one")));
    assert_eq!(Producer::tick(&Surveyor), Err(Error::unavailable("later")));
}

#[test]
fn a_process_is_reached_by_its_name_and_refuses_what_it_does_not_have() {
    let survey: &dyn ProcessFunctions = <Surveyor as Processes>::PROCESSES[0];
    assert_eq!(survey.name(), "survey");
    assert_eq!(survey.start(r#"{"title":"Tea?"}"#), Ok(()));
    assert_eq!(survey.start(r#"{"title":""}"#), Err(Error::invalid("a survey needs a title")));
    assert_eq!(survey.start("{}").expect_err("no title").kind(), &ErrorKind::Invalid);
    assert_eq!(survey.update(), Err(Error::unavailable("not now")));
    assert_eq!(survey.close().expect_err("no close").kind(), &ErrorKind::Internal);
}
