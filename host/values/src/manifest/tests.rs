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
fn a_title_and_a_homepage_are_for_people() {
    let manifest = |more: &str| Manifest::parse(&format!(r#"{{"name":"a",{more}}}"#));
    let said = manifest(r#""title":"Ünser Plugin","homepage":"https://a.example/b?c=d""#).unwrap();
    assert_eq!(said.title.as_deref(), Some("Ünser Plugin"));
    assert_eq!(said.homepage.as_deref(), Some("https://a.example/b?c=d"));
    for (wrong, why) in [
        (r#""title":"""#, "/title"),
        (&format!(r#""title":"{}""#, "x".repeat(201)), "/title"),
        (r#""homepage":"a.example""#, "manifest /homepage: it does not begin with"),
        (r#""homepage":"javascript:alert(1)""#, "manifest /homepage: it does not begin with"),
        (r#""homepage":"https://u:p@a.example""#, "manifest /homepage: it has credentials"),
        (&format!(r#""homepage":"https://a.example/{}""#, "x".repeat(2048)), "/homepage"),
    ] {
        let mistakes = manifest(wrong).unwrap_err();
        assert!(mistakes.len() == 1 && mistakes[0].contains(why), "{wrong}: {mistakes:?}");
    }
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
