//! Filters, workers, monitoring, schedules and routes: the code that is written for right ones, and
//! the messages for wrong ones.

use proc_macro2::TokenStream;
use quote::quote;

use super::{check, in_a_plugin, mistakes, written};

#[test]
fn methods_that_no_driver_calls_are_exported_by_their_keys() {
    let block = quote! {
        impl Tutorial {
            #[filter(hook = "org.example.a.v1", order = -5, fail_silently = false)]
            fn guard(&self, data: Form) -> Result<Verdict> { Ok(Verdict::pass()) }
            #[worker(name = "tell", events("api.change"), matches("/resource=story"), ordering = "fifo",
                max_attempts = 3, timeout_ms = 500, enabled = wants)]
            fn tell(&self, event: Envelope) -> Result<()> { Ok(()) }
            #[worker(name = "count", events("*"))]
            fn count(&self, event: Envelope) -> Result<()> { Ok(()) }
            #[monitoring]
            fn points(&self, points: Vec<Point>) -> Result<()> { Ok(()) }
            #[schedule(name = "flush", every = "10s")]
            fn flush(&self, scheduled_at: Moment) -> Result<()> { Ok(()) }
            #[route(path = "/stories/{id}", methods("GET", "POST"), auth = "public")]
            fn story(&self, request: RouteRequest) -> Result<WebhookResponse> { todo() }
        }
    };
    let options = quote!(
        name = "a",
        scope = "host",
        resident,
        requests(tcp("a.example:6379"), accounts("discord")),
        hooks(A)
    );
    let written = written(options, block);
    for call in [
        r#"Filter::new("org.example.a.v1").order(-5).fail_silently(false)"#,
        r#""org.example.a.v1"=>Self::guard(self,::moothall_sdk::export::data::<Form>(data)?)"#,
        r#"Worker::new("tell").event("api.change").matches("/resource=story").ordering("fifo").max_attempts(3).timeout_ms(500)"#,
        r#""tell"=>Self::wants(self,"#,
        r#""count"=>Self::count(self,event)"#,
        "Self::points(self,points)",
        r#".schedule("flush",::moothall_sdk::manifest::Schedule::default().every("10s"))"#,
        r#"Route::new("/stories/{id}").method("GET").method("POST").auth("public")"#,
        r#".scope("host").resident().hook(A)"#,
        r#".tcp("a.example:6379").accounts("discord")"#,
        "export_hooks!(Tutorial)",
        "export_workers!(Tutorial)",
        "export_monitoring!(Tutorial)",
        "export_schedules!(Tutorial)",
        "export_routes!(Tutorial)",
    ] {
        assert!(written.contains(call), "{call} is missing in {written}");
    }
    assert!(!written.contains("#[worker"), "the attributes are for us alone: {written}");
}

#[test]
fn what_the_host_would_refuse_of_them_is_said_before() {
    for (options, expected) in [
        (quote!(route()), "write `#[route(path = "),
        (quote!(route(path = "teapot")), "a path is"),
        (quote!(route(path = "/")), "a path is"),
        (quote!(route(path = "/{Id}")), "a path is"),
        (quote!(route(path = "/{id")), "a path is"),
        (quote!(route(path = "/a", methods("FETCH"))), "one of \"GET\""),
        (quote!(route(path = "/a", auth = "nobody")), "one of \"driver\", \"public\""),
        (quote!(route(path = "/a", every = "3s")), "there is no option `every`"),
    ] {
        let method = quote! {
            #[#options]
            fn route(&self, request: RouteRequest) -> Result<WebhookResponse> {}
        };
        check(&in_a_plugin(method), &[expected]);
    }
    for (options, expected) in [
        (quote!(name = "a"), "a worker needs events"),
        (quote!(name = "A", events("*")), "write it as `a`"),
        (quote!(name = "a", events("*"), matches("resource")), "a match is"),
        (quote!(name = "a", events("*"), ordering = "lifo"), "one of \"fifo\""),
        (quote!(name = "a", events("*"), enabled = true), "`enabled` names a method"),
    ] {
        let method = quote! {
            #[worker(#options)]
            fn handle(&self, event: Envelope) -> Result<()> {}
        };
        check(&in_a_plugin(method), &[expected]);
    }
    for order in [quote!(order), quote!(order = first())] {
        let method = quote! {
            #[filter(hook = "a.b.v1", #order)]
            fn guard(&self, data: Form) -> Result<Verdict> {}
        };
        check(&in_a_plugin(method), &["write `order = 100`"]);
    }
    let addresses = quote!(name = "a", requests(tcp("a.example", "b:99999")));
    check(&mistakes(addresses, quote! { impl A {} }), &["host:port", "host:port"]);
}

#[test]
fn each_key_is_one_method_s() {
    let twice = |attribute: TokenStream, rest: TokenStream| {
        in_a_plugin(quote! {
            #[#attribute] fn one #rest
            #[#attribute] fn two #rest
        })
    };
    let filter = twice(
        quote!(filter(hook = "a.b.v1")),
        quote! { (&self, data: Form) -> Result<Verdict> {} },
    );
    check(&filter, &["`one` has `#[filter]` with the same `hook` already"]);
    let schedule = twice(
        quote!(schedule(name = "a", every = "3s")),
        quote! { (&self, scheduled_at: Moment) -> Result<()> {} },
    );
    check(&schedule, &["with the same `name` already"]);
    let monitoring =
        twice(quote!(monitoring), quote! { (&self, points: Vec<Point>) -> Result<()> {} });
    check(&monitoring, &["a plugin has one"]);
}
