//! Grants of hosts, secrets, hooks, events, accounts and scope.

use serde_json::json;

use super::*;
use crate::config::GrantConfig;

fn operator(grants: GrantConfig) -> PluginConfig {
    PluginConfig { grants, ..PluginConfig::default() }
}

fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(|text| (*text).to_owned()).collect()
}

fn patterns(texts: &[&str]) -> Vec<HostPattern> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn reach(requested: &[&str], granted: &[&str], url: &str) -> Result<(), String> {
    let plugin = PluginName::parse("slack").unwrap();
    let http = patterns(requested);
    let granted = GrantConfig { http: patterns(granted), ..GrantConfig::default() };
    let requested = Requested { http, ..Requested::default() };
    let config = json!({ "server": "https://forum.example.com:8443" });
    let url = CheckedUrl::parse(url).unwrap();
    Grants::new(&plugin, requested, &operator(granted)).may_reach(&url, &config, &Value::Null)
}

#[test]
fn both_sides_must_name_a_secret() {
    let plugin = PluginName::parse("slack").unwrap();
    let granted = GrantConfig { reveal: vec!["/a".into(), "/b".into()], ..GrantConfig::default() };
    let requested = Requested { reveal: texts(&["/a"]), ..Requested::default() };
    let grants = Grants::new(&plugin, requested.clone(), &operator(granted));
    assert_eq!(grants.may_reveal("/a"), Ok(()));
    let denied = grants.may_reveal("/b").unwrap_err();
    assert!(denied.contains("granted, but the manifest does not ask for it"), "{denied}");
    assert!(denied.contains("did you mean `/a`?"), "{denied}");
    let denied = grants.may_reveal("/c").unwrap_err();
    assert!(
        denied.contains("`requests.reveal`")
            && denied.contains("reveal = [\"/a\", \"/b\", \"/c\"]"),
        "{denied}"
    );
    let none = Grants::new(&plugin, requested, &PluginConfig::default());
    let denied = none.may_reveal("/a").unwrap_err();
    assert!(denied.contains("to allow it, add `grants = { reveal = [\"/a\"] }`"), "{denied}");
}

#[test]
fn both_sides_must_cover_a_host() {
    for (requested, granted) in [("slack.com", "slack.com"), ("*", "*.com"), ("slack.com", "*")] {
        assert_eq!(reach(&[requested], &[granted], "https://slack.com/x"), Ok(()));
    }
    assert!(reach(&["slack.com"], &[], "https://slack.com").is_err());
    assert!(reach(&[], &["*"], "https://slack.com").is_err());
    assert!(reach(&["slack.com"], &["api.slack.com"], "https://slack.com").is_err());
}

#[test]
fn a_config_value_is_granted_by_its_text_or_its_host() {
    let url = "https://forum.example.com:8443/x";
    assert_eq!(reach(&["config:/server"], &["config:/server"], url), Ok(()));
    assert_eq!(reach(&["config:/server"], &["*.example.com:8443"], url), Ok(()));
    assert!(reach(&["config:/server"], &["*.example.com"], url).is_err());
    assert!(reach(&["config:/server"], &["config:/other"], url).is_err());
    assert!(reach(&["config:/server"], &["config:/server"], "https://evil.test/").is_err());
}

#[test]
fn a_denial_prints_the_line_to_add() {
    let denial = reach(&["*.slack.com"], &[], "https://api.slack.com/?token=hunter2");
    let denial = denial.unwrap_err();
    assert!(denial.contains("`grants = { http = [\"*.slack.com\"] }`"), "{denial}");
    assert!(denial.contains("under [plugins.slack] in moothall.toml"), "{denial}");
    assert!(!denial.contains("hunter2"));
    let unrequested = reach(&[], &[], "http://slack.com:81/").unwrap_err();
    assert!(unrequested.contains("requests.http") && unrequested.contains("\"slack.com:81\""));
}

fn asking() -> Requested {
    Requested {
        reveal: texts(&["/a"]),
        http: patterns(&["slack.com", "config:/url"]),
        tcp: texts(&["redis:6379"]),
        hooks: texts(&["org.moothall.action.requested.v1", "org.example.other.v1"]),
        events: texts(&["forum:*", "api.change", SENDING]),
        accounts: texts(&["discord"]),
        scope: Scope::Host,
    }
}

#[test]
fn development_grants_what_is_asked_for_but_secrets_and_private_addresses() {
    let plugin = PluginName::parse("slack").unwrap();
    let grants = Grants::new(&plugin, asking(), &PluginConfig::default()).as_requested();
    let url = CheckedUrl::parse("https://slack.com").unwrap();
    assert_eq!(grants.may_reach(&url, &json!({}), &Value::Null), Ok(()));
    assert_eq!(grants.may_filter("org.moothall.action.requested.v1"), Ok(()));
    assert_eq!(grants.may_have_accounts("discord"), Ok(()));
    assert!(grants.allowed_events().may_receive("forum", "post") && grants.has_host_scope());
    assert!(
        grants.may_reveal("/a").is_err() && grants.cidr().is_empty() && grants.tcp().is_empty()
    );
    let missing: Vec<_> = grants.missing().into_iter().map(|one| one.grant).collect();
    assert_eq!(missing, ["reveal", "tcp"]);
}

#[test]
fn what_is_missing_has_the_line_that_grants_it() {
    let plugin = PluginName::parse("slack").unwrap();
    let missing = Grants::new(&plugin, asking(), &PluginConfig::default()).missing();
    let kinds: Vec<_> = missing.iter().map(|one| one.grant).collect();
    assert_eq!(kinds, ["reveal", "http", "tcp", "hooks", "events", "accounts", "scope"]);
    let line = "add `grants = { reveal = [\"/a\"], http = [\"slack.com\", \"config:/url\"], tcp = [\"redis:6379\"], \
                hooks = [\"action.requested\", \"org.example.other.v1\"], events = [\"forum:*\", \"api.change\", \
                \"sending_event\"], accounts = [\"discord\"] }` under [plugins.slack] in moothall.toml";
    assert!(missing[..6].iter().all(|one| one.line == line), "{missing:#?}");
    let warning_text = warning(&missing).expect("a warning");
    assert_eq!(warning_text.matches("grants = {").count(), 1, "{warning_text}");
    assert!(
        warning_text.contains(line) && warning_text.contains("add `scope = \"host\"`"),
        "{warning_text}"
    );
    assert_eq!(missing[6].line, "add `scope = \"host\"` under [plugins.slack] in moothall.toml");
    let granted = GrantConfig {
        reveal: texts(&["/a"]),
        http: patterns(&["*.slack.com", "*"]),
        tcp: texts(&["redis:6379"]),
        hooks: texts(&["action.requested", "org.example.other.v1"]),
        events: texts(&["*", "api.change", SENDING]),
        accounts: texts(&["*"]),
        ..GrantConfig::default()
    };
    let granted = PluginConfig { scope: Scope::Host, ..operator(granted) };
    assert_eq!(Grants::new(&plugin, asking(), &granted).missing(), []);
}

#[test]
fn what_is_missing_is_a_table_to_paste_with_what_is_there() {
    let plugin = PluginName::parse("slack").unwrap();
    let requested = || Requested { scope: Scope::Host, ..Requested::default() };
    let toml = |requested, operator: &_| Grants::new(&plugin, requested, operator).missing_toml();
    let scope = "[plugins.slack]\nscope = \"host\"";
    let nothing = PluginConfig::default();
    assert_eq!(toml(requested(), &nothing).as_deref(), Some(scope));
    let granted = operator(GrantConfig { tcp: texts(&["redis:6379"]), ..GrantConfig::default() });
    let requested = Requested { http: patterns(&["slack.com"]), ..Requested::default() };
    let grants = "[plugins.slack]\ngrants = { http = [\"slack.com\"], tcp = [\"redis:6379\"] }";
    assert_eq!(toml(requested, &granted).as_deref(), Some(grants));
    assert_eq!(toml(Requested::default(), &granted), None);
}

#[test]
fn the_line_for_one_grant_more_has_those_that_are_there() {
    let plugin = PluginName::parse("slack").unwrap();
    let granted = GrantConfig {
        http: patterns(&["slack.com"]),
        hooks: texts(&["action.requested"]),
        cidr: vec!["10.0.0.0/8".parse().unwrap()],
        ..GrantConfig::default()
    };
    let requested = Requested { http: patterns(&["slack.com", "*.slack.com"]), ..asking() };
    let grants = Grants::new(&plugin, requested, &operator(granted));
    let url = CheckedUrl::parse("https://api.slack.com").unwrap();
    let denial = grants.may_reach(&url, &json!({}), &Value::Null).unwrap_err();
    let line = "replace `grants` with `grants = { http = [\"slack.com\", \"*.slack.com\"], \
                hooks = [\"action.requested\"], cidr = [\"10.0.0.0/8\"] }` under [plugins.slack]";
    assert!(denial.contains(line), "{denial}");
    let denial = grants.allowed_events().require("forum", "post").unwrap_err();
    assert!(
        denial.contains("http = [\"slack.com\"]") && denial.contains("[\"forum:post\"]"),
        "{denial}"
    );
}

#[test]
fn every_event_is_not_what_the_host_itself_tells() {
    let plugin = PluginName::parse("slack").unwrap();
    let granted = GrantConfig { events: texts(&["*"]), ..GrantConfig::default() };
    let missing = Grants::new(&plugin, asking(), &operator(granted)).missing();
    let events = missing.iter().find(|one| one.grant == "events");
    assert_eq!(events.map(|one| &*one.values), Some(&*texts(&["api.change", SENDING])));
}

#[test]
fn a_worker_hears_its_own_events_and_what_is_granted() {
    let plugin = PluginName::parse("slack").unwrap();
    let may_receive = |granted: &[&str], source: &str, event_type: &str| {
        let granted = GrantConfig { events: texts(granted), ..GrantConfig::default() };
        let grants = Grants::new(&plugin, Requested::default(), &operator(granted));
        grants.allowed_events().may_receive(source, event_type)
    };
    assert!(may_receive(&[], "slack", "message"));
    assert!(!may_receive(&[], "forum", "post") && may_receive(&["forum:*"], "forum", "post"));
    assert!(!may_receive(&["*"], "api", "change") && may_receive(&["api.change"], "api", "change"));
    assert!(!may_receive(&["*"], "api", SENDING) && may_receive(&[SENDING], "api", SENDING));
    assert!(!may_receive(&["api.change", SENDING], "forum", "api.change"));
    assert!(!may_receive(&["api.change", SENDING], "forum", SENDING));
}

#[test]
fn only_its_own_platform_is_a_plugins() {
    let plugin = PluginName::parse("slack").unwrap();
    let grants = Grants::new(&plugin, Requested::default(), &PluginConfig::default());
    assert_eq!(grants.may_have_accounts("slack"), Ok(()));
    let denial = grants.may_have_accounts("discord").unwrap_err();
    assert!(denial.contains("`grants = { accounts = [\"discord\"] }`"), "{denial}");
    assert!(!grants.has_host_scope());
}

#[test]
fn host_scope_is_nothing_that_a_plugin_of_communities_gets() {
    let plugin = PluginName::parse("slack").unwrap();
    let granted = PluginConfig { scope: Scope::Host, ..PluginConfig::default() };
    assert!(!Grants::new(&plugin, Requested::default(), &granted).has_host_scope());
    assert!(Grants::new(&plugin, asking(), &granted).has_host_scope());
}
