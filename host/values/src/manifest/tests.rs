//! What is read from a manifest, and what is refused.

use super::*;

#[test]
fn the_manifests_own_schema_compiles() {
    assert!(manifest_schema().is_ok(), "{:?}", manifest_schema().err());
}

#[test]
fn a_manifest_needs_only_a_name() {
    let manifest = Manifest::parse(r#"{"name":"small"}"#).unwrap();
    assert_eq!(manifest.version, "0.0.0");
    assert_eq!(manifest.on_config_change, OnConfigChange::Recreate);
}

#[test]
fn the_issuer_may_be_the_operators_setting() {
    let issuer = |text: &str, settings: &str| {
        let manifest = format!(r#"{{"name":"a","oauth":{{"issuer":"{text}"}}}}"#);
        Manifest::parse(&manifest).unwrap().oauth.unwrap().issuer(settings)
    };
    assert_eq!(issuer("https://p.example", "{}").as_deref(), Some("https://p.example"));
    let set = r#"{"issuer":"https://o.example"}"#;
    assert_eq!(issuer("settings:/issuer", set).as_deref(), Some("https://o.example"));
    assert_eq!(issuer("settings:/issuer", "{}"), None, "who set nothing checks nothing");
}

#[test]
fn every_mistake_is_named() {
    let mistakes =
        Manifest::parse(r#"{"name":"api","actions":[{"slug":"Bad"}],"auth_type":"magic"}"#)
            .unwrap_err();
    assert_eq!(mistakes.len(), 3, "{mistakes:?}");
}

#[test]
fn two_actions_with_one_slug_are_refused() {
    let mistakes =
        Manifest::parse(r#"{"name":"a","actions":[{"slug":"x"},{"slug":"x"}]}"#).unwrap_err();
    assert_eq!(mistakes, ["two actions have the slug `x`"]);
}

#[test]
fn unknown_fields_are_only_named() {
    assert_eq!(
        unknown_fields(r#"{"name":"a","x_future":1,"actions":[{"slug":"x","y":2}]}"#),
        ["/x_future", "/actions/0/y"]
    );
}
