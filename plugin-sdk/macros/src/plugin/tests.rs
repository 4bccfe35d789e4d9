//! The code that is written for right plugins, and the messages for wrong ones.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ItemImpl;

use super::{expand, read};
use crate::mistakes::Mistakes;

mod keyed;

fn mistakes(attributes: TokenStream, block: TokenStream) -> Vec<String> {
    let mut mistakes = Mistakes::default();
    let mut block: ItemImpl = syn::parse2(block).expect("an impl block");
    read(attributes, &mut block, &mut mistakes);
    mistakes.messages()
}

fn in_a_plugin(method: TokenStream) -> Vec<String> {
    mistakes(quote!(name = "tutorial"), quote! { impl Tutorial { #method } })
}

fn check(messages: &[String], expected: &[&str]) {
    assert_eq!(messages.len(), expected.len(), "{messages:#?}");
    for (message, expected) in messages.iter().zip(expected) {
        assert!(message.contains(expected), "'{message}' should say '{expected}'");
    }
}

fn written(attributes: TokenStream, block: TokenStream) -> String {
    expand(attributes, block).to_string().replace(' ', "")
}

#[test]
fn only_what_the_author_wrote_is_exported() {
    let bare = written(quote!(name = "tutorial"), quote! { impl Tutorial {} });
    assert!(bare.contains("export_plugin!(Tutorial)"), "{bare}");
    assert!(!bare.contains("export_actions!") && !bare.contains("export_lifecycle!"), "{bare}");

    let block = quote! {
        impl Tutorial {
            fn initialize(&self) -> Result<()> { Ok(()) }
            #[action(slug = "ping")]
            fn ping(&self) -> Result<()> { Ok(()) }
        }
    };
    let full = written(quote!(name = "tutorial"), block);
    assert!(
        full.contains("export_actions!(Tutorial)") && full.contains("export_lifecycle!(Tutorial)"),
        "{full}"
    );
    assert!(!full.contains("#[action"), "the attribute is for us alone: {full}");
}

#[test]
fn an_action_without_a_result_answers_nothing() {
    let block = quote! {
        impl Tutorial {
            #[action(slug = "put")]
            fn put(&self, parameters: Put) -> Result<()> { Ok(()) }
            #[action(slug = "get", read_only)]
            fn get(&self) -> Result<Got> { Ok(Got) }
        }
    };
    let written = written(quote!(name = "tutorial"), block);
    assert!(
        written.contains(r#""put"=>::moothall_sdk::export::answer_nothing::<Put>("#),
        "{written}"
    );
    assert!(
        written.contains(r#""get"=>::moothall_sdk::export::answer::<::moothall_sdk::Empty,Got>("#),
        "{written}"
    );
    assert!(
        written.contains(".parameters::<Put>()")
            && written.contains(".response::<Got>().read_only()"),
        "{written}"
    );
}

#[test]
fn every_option_reaches_the_manifest() {
    let options = quote! {
        name = "tutorial", config = Config, settings = Settings, version = "1.2.0", description = "d",
        title = "The Tutorial", homepage = "https://moot.example",
        auth_type = "oauth", community_platform_id_key = "team", on_config_change = "keep",
        requests(reveal("/api_key", "settings:client_secret"), http("api.example.com")),
        events(A, B), processes(MyVote), route_keys("/team_id"),
        oauth(types("app"), no_pkce, issuer = "https://platform.example")
    };
    let written = written(options, quote! { impl Tutorial {} });
    for call in [
        r#"Manifest::new("tutorial")"#,
        r#".version("1.2.0")"#,
        r#".description("d")"#,
        r#".title("TheTutorial").homepage("https://moot.example")"#,
        r#".auth_type("oauth")"#,
        ".config::<Config>()",
        ".settings::<Settings>()",
        r#".community_platform_id_key("team")"#,
        r#".on_config_change("keep")"#,
        r#".reveal("/api_key").reveal("settings:client_secret")"#,
        r#".http("api.example.com")"#,
        ".event::<A>().event::<B>()",
        ".processes(<Selfas::moothall_sdk::export::Processes>::PROCESSES)",
        "&[&MyVote]",
        "impl::moothall_sdk::Instance<Tutorial>forTutorial{}",
        "impl::moothall_sdk::Instance<Tutorial>forMyVote{}",
        "impl::moothall_sdk::DeclaredBy<Tutorial>forA{}",
        "impl::moothall_sdk::DeclaredBy<Tutorial>forB{}",
        r#".route_key("/team_id")"#,
        r#".authorizes("app").no_pkce().issuer("https://platform.example")"#,
        "export_processes!(Tutorial)",
    ] {
        assert!(written.contains(call), "{call} is missing in {written}");
    }
}

#[test]
fn all_mistakes_are_found_at_once() {
    let block = quote! {
        impl Tutorial {
            #[action(slug = "Bad Slug")]
            async fn one(self, parameters: A, more: B) -> u32 { 0 }
            fn initialize(&mut self) -> Result<()> { Ok(()) }
        }
    };
    let found = mistakes(quote!(name = "driver", colour = "red"), block);
    let expected = [
        "no option `colour`",
        "reserved",
        "write it as `bad-slug`",
        "not async",
        "takes `&self`",
        "one struct",
        "returns a `Result`",
        "takes `&self`",
    ];
    check(&found, &expected);
}

#[test]
fn a_wrong_signature_is_answered_with_the_right_one() {
    let form = "write `fn times_two(&self, parameters: Parameters) -> Result<Answer>`";
    for method in [
        quote! { fn times_two(parameters: A) -> Result<B> {} },
        quote! { fn times_two(&mut self) -> Result<B> {} },
        quote! { fn times_two(&self, a: A, b: B) -> Result<B> {} },
        quote! { fn times_two<T>(&self, a: A) -> Result<B> {} },
        quote! { fn times_two(&self) {} },
        quote! { fn times_two(&self) -> B {} },
        quote! { fn times_two(&self, value: u32) -> Result<B> {} },
    ] {
        check(&in_a_plugin(quote! { #[action(slug = "times-two")] #method }), &[form]);
    }
}

#[test]
fn lifecycle_functions_are_checked_by_their_own_form() {
    check(
        &in_a_plugin(quote! { fn initialize(&self, config: Config) -> Result<()> {} }),
        &["write `fn initialize(&self) -> Result<()>`"],
    );
    check(
        &in_a_plugin(quote! { fn upgraded(&self) -> Result<()> {} }),
        &["fn upgraded(&self, from_version: String)"],
    );
    let close = quote! { impl Tutorial { fn close(&self) -> Result<u32> {} } };
    let of_the_host = mistakes(quote!(name = "tutorial", scope = "host"), close);
    check(&of_the_host, &["`close` has no result"]);
    check(&in_a_plugin(quote! { fn close(&self) -> Result<()> {} }), &["`scope = \"host\"` alone"]);
    check(
        &in_a_plugin(quote! { fn config_changed(&self, previous: Config) -> Result<()> {} }),
        &["on_config_change = \"keep\""],
    );
    check(
        &in_a_plugin(quote! { #[action(slug = "close")] fn close(&self) -> Result<()> {} }),
        &["give the action's method another"],
    );
}

#[test]
fn options_are_checked_before_the_host_would_refuse_them() {
    let block = || quote! { impl Tutorial {} };
    check(&mistakes(quote!(), block()), &["a plugin needs a name"]);
    check(&mistakes(quote!(name = "a", name = "b"), block()), &["given twice"]);
    check(&mistakes(quote!(name = "a", version = 1), block()), &["write `version = \"…\"`"]);
    check(
        &mistakes(quote!(name = "a", auth_type = "basic"), block()),
        &["one of \"none\", \"api_key\", \"oauth\""],
    );
    check(&mistakes(quote!(name = "a", config = "Config"), block()), &["`config` is a type"]);
    check(
        &mistakes(quote!(name = "a", requests(reveal("api_key"))), block()),
        &["\"/api_key\", or \"settings:api_key\""],
    );
    check(&mistakes(quote!(name = "a", requests = 1), block()), &["requests(reveal("]);
}

#[test]
fn slugs_are_required_and_unique() {
    check(
        &in_a_plugin(quote! { #[action] fn ping(&self) -> Result<()> {} }),
        &["an action needs a slug"],
    );
    check(
        &in_a_plugin(
            quote! { #[action(slug = "a", public = true)] fn ping(&self) -> Result<()> {} },
        ),
        &["`public` is a flag"],
    );
    let twice = quote! {
        #[action(slug = "a")] fn one(&self) -> Result<()> {}
        #[action(slug = "a")] fn two(&self) -> Result<()> {}
    };
    check(&in_a_plugin(twice), &["taken by `one`; give `two` another"]);
}

#[test]
fn only_a_plain_impl_block_makes_a_plugin() {
    for block in [
        quote! { impl Display for Tutorial {} },
        quote! { impl<T> Tutorial<T> {} },
        quote! { impl a::Tutorial {} },
    ] {
        check(
            &mistakes(quote!(name = "tutorial"), block),
            &["goes on the `impl` block of a unit struct"],
        );
    }
    assert!(
        written(quote!(name = "tutorial"), quote! { struct Tutorial; }).contains("compile_error!")
    );
}

#[test]
fn a_method_with_an_attribute_of_its_own_is_exported_with_its_options() {
    let block = quote! {
        impl Tutorial {
            #[webhook(
                events(Posted),
                verify(scheme = "hmac-sha256", secret = "/key", header = "X-S", encoding = "base64"),
                handshakes(
                    get(query = "hub.challenge", secret = "/token", secret_query = "hub.verify_token"),
                    post(body = "/challenge", answer = "hmac", encoding = "base64", json("response=sha256={hmac}")),
                    head,
                    get(header = "X-Challenge", answer = "export"),
                ),
            )]
            fn receive(&self, request: WebhookRequest) -> Result<Option<WebhookResponse>> { Ok(None) }
            #[global_webhook(verify(scheme = "slack-v0", secret = "settings:signing_secret", tolerance_s = 60))]
            fn route(&self, request: WebhookRequest) -> Result<Routed> { Ok(Routed::nowhere()) }
            #[handshake]
            fn greet(&self, request: WebhookRequest) -> Result<WebhookResponse> { Ok(WebhookResponse::ok()) }
            #[producer(cron = "0 9 * * 1", time_zone = "Europe/Berlin", jitter = "30s")]
            fn poll(&self) -> Result<()> { Ok(()) }
            #[authorize_url]
            fn url(&self, request: AuthorizeRequest) -> Result<String> { Ok(String::new()) }
            #[oauth_callback]
            fn back(&self, callback: OAuthCallback) -> Result<Authorized> { Ok(Authorized::user()) }
        }
    };
    let written = written(quote!(name = "tutorial", oauth()), block);
    for call in [
        "export_webhooks!(Tutorial)",
        "export_global_webhooks!(Tutorial)",
        "export_handshakes!(Tutorial)",
        "export_producer!(Tutorial)",
        "export_oauth!(Tutorial)",
        ".event::<Posted>()",
        r#"Verify::new("hmac-sha256","/key").header("X-S").encoding("base64")"#,
        r#"Handshake::new("GET").query("hub.challenge").secret("/token").secret_query("hub.verify_token")"#,
        r#"Handshake::new("POST").body("/challenge").answer("hmac").json("response=sha256={hmac}").encoding("base64")"#,
        r#"Handshake::new("HEAD"))"#,
        r#"Handshake::new("GET").header("X-Challenge").answer("export")"#,
        r#".global_verify(::moothall_sdk::manifest::Verify::new("slack-v0","settings:signing_secret").tolerance_s(60))"#,
        r#".cron("0 9 * * 1").time_zone("Europe/Berlin").jitter("30s")"#.replace(' ', "").as_str(),
    ] {
        assert!(written.contains(call), "{call} is missing in {written}");
    }
    assert!(!written.contains("#[producer"), "the attributes are for us alone: {written}");
}

#[test]
fn their_signatures_and_options_are_checked() {
    for (method, expected) in [
        (
            quote! { #[webhook] fn receive(&self) -> Result<()> {} },
            "write `fn receive(&self, request: WebhookRequest) -> Result<WebhookResponse>`",
        ),
        (
            quote! { #[webhook] fn receive(&self, request: WebhookRequest) -> Result<u32> {} },
            "another result",
        ),
        (
            quote! { #[producer] fn poll(&self, now: u64) -> Result<()> {} },
            "fn poll(&self) -> Result<()>",
        ),
        (quote! { #[producer(every = "30")] fn poll(&self) -> Result<()> {} }, "its unit"),
        (
            quote! { #[producer(every = "3s", cron = "* * * * *")] fn poll(&self) -> Result<()> {} },
            "not both",
        ),
        (
            quote! { #[producer(verify())] fn poll(&self) -> Result<()> {} },
            "there is no option `verify`",
        ),
        (
            quote! {
                #[global_webhook(verify(scheme = "stripe", secret = "/key"))]
                fn route(&self, request: WebhookRequest) -> Result<Routed> {}
            },
            "settings:<name>",
        ),
        (
            quote! {
                #[webhook(verify(scheme = "hmac-sha256", secret = "/key"))]
                fn receive(&self, request: WebhookRequest) -> Result<()> {}
            },
            "needs the header",
        ),
        (
            quote! {
                #[webhook(handshakes(challenge(query = "c")))]
                fn receive(&self, request: WebhookRequest) -> Result<()> {}
            },
            "a handshake begins with its method",
        ),
        (
            quote! {
                #[webhook(handshakes(get(query = "c", header = "c")))]
                fn receive(&self, request: WebhookRequest) -> Result<()> {}
            },
            "the token is in one place",
        ),
        (
            quote! {
                #[webhook(handshakes(get(query = "c", json("challenge"))))]
                fn receive(&self, request: WebhookRequest) -> Result<()> {}
            },
            "a name and a text",
        ),
        (
            quote! {
                #[webhook(handshakes(get(query = "c", answer = "export")))]
                fn receive(&self, request: WebhookRequest) -> Result<()> {}
            },
            "add `#[handshake] fn greet(&self, request: WebhookRequest) -> Result<WebhookResponse>`",
        ),
        (
            quote! { #[handshake] fn greet(&self, request: WebhookRequest) -> Result<WebhookResponse> {} },
            "no handshake leads here",
        ),
        (
            quote! { #[authorize_url] fn url(&self, request: AuthorizeRequest) -> Result<String> {} },
            "add `#[oauth_callback]",
        ),
        (
            quote! {
                #[authorize_url] fn url(&self, request: AuthorizeRequest) -> Result<String> {}
                #[oauth_callback] fn back(&self, callback: OAuthCallback) -> Result<Authorized> {}
            },
            "add `oauth(types(\"app\", \"user\"))` to `#[plugin(…)]`",
        ),
    ] {
        check(&in_a_plugin(method), &[expected]);
    }
    let twice = quote! {
        #[producer] fn one(&self) -> Result<()> {}
        #[producer] fn two(&self) -> Result<()> {}
    };
    check(&in_a_plugin(twice), &["`one` has `#[producer]` already"]);
}
