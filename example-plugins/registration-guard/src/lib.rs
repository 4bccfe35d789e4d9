//! A filter of another platform's registrations: it corrects names, prevents some, and sends others
//! elsewhere.

use std::collections::BTreeMap;

use moothall_sdk::manifest::Hook;
use moothall_sdk::serde_json::json;
use moothall_sdk::{Result, Verdict, plugin};
use schemars::JsonSchema;
use serde::Deserialize;

const HOOK: &str = "org.example.student.registration.requested.v1";

#[derive(Deserialize, JsonSchema)]
struct Config {
    /// Nobody registers with an address at these domains.
    #[serde(default)]
    blocked_domains: Vec<String>,
    /// People with an address at these domains register at the URL instead.
    #[serde(default)]
    elsewhere: BTreeMap<String, String>,
}

#[derive(Deserialize, JsonSchema)]
struct Registration {
    /// The name that the person wants to have.
    name: String,
    /// `somebody@school.example`
    email: String,
}

struct RegistrationGuard;

#[plugin(
    name = "registration-guard",
    title = "Registration Guard",
    config = Config,
    description = "Corrects, prevents and redirects registrations.",
    hooks(
        Hook::new(HOOK)
            .alias("StudentRegistrationRequested")
            .description("A student has filled in the form and is not registered yet.")
            .input::<Registration>()
            .mutable("/name")
            .sensitive("/password")
            .exception("PreventRegistration")
            .exception("RedirectToPage"),
    )
)]
impl RegistrationGuard {
    #[filter(
        hook = "org.example.student.registration.requested.v1",
        fail_silently = false,
        description = "Corrects the name, and looks at the domain of the address."
    )]
    fn guard(&self, registration: Registration) -> Result<Verdict> {
        let config = self.config()?;
        let domain = domain(&registration.email);
        if config.blocked_domains.iter().any(|blocked| blocked.eq_ignore_ascii_case(&domain)) {
            let message = format!("nobody registers with an address at {domain}");
            return Ok(Verdict::halt("PreventRegistration", message).status_code(403));
        }
        if let Some(url) = config.elsewhere.get(&domain) {
            return Ok(Verdict::halt("RedirectToPage", "register there").redirect_to(url));
        }
        match corrected(&registration.name) {
            name if name == registration.name => Ok(Verdict::pass()),
            name => Verdict::update(json!({ "name": name })),
        }
    }
}

/// The text after the last `@`, in lower case; empty if there is none.
fn domain(email: &str) -> String {
    email.rsplit_once('@').map(|(_, domain)| domain.to_ascii_lowercase()).unwrap_or_default()
}

/// Without spaces at the ends, and with one where there are several.
fn corrected(name: &str) -> String {
    name.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use moothall_sdk::serde_json::json;
    use moothall_sdk::testing::Host;
    use moothall_sdk::{Result, Verdict};

    use super::{HOOK, RegistrationGuard};

    fn verdict(name: &str, email: &str) -> Result<Verdict> {
        let config = json!({
            "blocked_domains": ["spam.example"],
            "elsewhere": { "college.example": "https://college.example/join" }
        });
        let mut host = Host::new(RegistrationGuard).config(config);
        host.filter(HOOK, json!({ "name": name, "email": email, "country": "DE" }))
    }

    #[test]
    fn a_name_is_corrected_only_if_it_has_to_be() {
        let corrected = Verdict::update(json!({ "name": "Ann Lee" }));
        assert_eq!(verdict("  Ann   Lee ", "ann@school.example"), corrected);
        assert_eq!(verdict("Ann Lee", "ann@school.example"), Ok(Verdict::pass()));
        assert_eq!(verdict("Ann Lee", "no address"), Ok(Verdict::pass()));
    }

    #[test]
    fn a_domain_decides_who_registers_and_where() {
        let prevented = Verdict::halt(
            "PreventRegistration",
            "nobody registers with an address at spam.example",
        );
        assert_eq!(verdict("Bob", "bob@SPAM.example"), Ok(prevented.status_code(403)));
        let elsewhere = Verdict::halt("RedirectToPage", "register there");
        assert_eq!(
            verdict("Eve", "eve@college.example"),
            Ok(elsewhere.redirect_to("https://college.example/join"))
        );
    }

    #[test]
    fn what_is_no_registration_is_an_error() {
        let mut host = Host::new(RegistrationGuard);
        assert!(host.filter(HOOK, json!({ "name": "Ann" })).is_err());
        assert!(host.filter("org.example.other.v1", json!({})).is_err());
    }
}
