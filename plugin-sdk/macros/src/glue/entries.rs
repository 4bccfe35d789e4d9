//! From the keys of filters, workers, schedules and routes to their methods, and what the manifest says of
//! them.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Type;

use super::export;
use crate::method::entry::{Entry, Kind};

pub fn to_glue(plugin: &Type, entries: &[Entry]) -> TokenStream {
    let of = |kind| entries.iter().filter(|entry| entry.kind == kind).collect::<Vec<_>>();
    let parts = [
        (of(Kind::Filter), filters as fn(&Type, &[&Entry]) -> TokenStream),
        (of(Kind::Worker), workers),
        (of(Kind::Monitoring), monitoring),
        (of(Kind::Schedule), schedules),
        (of(Kind::Route), routes),
    ];
    let parts = parts.iter().filter(|(of, _)| !of.is_empty());
    parts.map(|(of, glue)| glue(plugin, of)).collect()
}

fn filters(plugin: &Type, entries: &[&Entry]) -> TokenStream {
    let arms = entries.iter().map(|Entry { key, method, parameter, .. }| {
        quote! { #key => Self::#method(self, ::moothall_sdk::export::data::<#parameter>(data)?), }
    });
    let export = export(plugin, quote!(hooks::export_hooks));
    quote! {
        impl ::moothall_sdk::export::Filters for #plugin {
            fn filter(&self, hook: &str, data: &str) -> ::moothall_sdk::Result<::moothall_sdk::Verdict> {
                match hook {
                    #(#arms)*
                    unknown => ::moothall_sdk::export::unknown_entry("filter", unknown),
                }
            }
        }

        #export
    }
}

fn workers(plugin: &Type, entries: &[&Entry]) -> TokenStream {
    let handle = entries.iter().map(|Entry { key, method, .. }| {
        quote! { #key => Self::#method(self, event), }
    });
    let enabled = entries.iter().filter_map(|Entry { key, options, .. }| {
        let wants = options.enabled.as_ref()?;
        Some(quote! { #key => Self::#wants(self, ::moothall_sdk::export::data(config)?), })
    });
    let export = export(plugin, quote!(workers::export_workers));
    quote! {
        impl ::moothall_sdk::export::Workers for #plugin {
            #[allow(unused_variables)]
            fn enabled(&self, worker: &str, config: &str) -> ::moothall_sdk::Result<bool> {
                match worker {
                    #(#enabled)*
                    _ => ::core::result::Result::Ok(true),
                }
            }

            fn handle(
                &self,
                worker: &str,
                event: ::moothall_sdk::Envelope,
            ) -> ::moothall_sdk::Result<()> {
                match worker {
                    #(#handle)*
                    unknown => ::moothall_sdk::export::unknown_entry("worker", unknown),
                }
            }
        }

        #export
    }
}

fn monitoring(plugin: &Type, entries: &[&Entry]) -> TokenStream {
    let method = entries.iter().map(|entry| &entry.method);
    let export = export(plugin, quote!(monitoring::export_monitoring));
    quote! {
        impl ::moothall_sdk::export::Monitoring for #plugin {
            fn handle_points(
                &self,
                points: ::std::vec::Vec<::moothall_sdk::Point>,
            ) -> ::moothall_sdk::Result<()> {
                #(Self::#method(self, points))*
            }
        }

        #export
    }
}

fn schedules(plugin: &Type, entries: &[&Entry]) -> TokenStream {
    let arms = entries.iter().map(|Entry { key, method, .. }| {
        quote! { #key => Self::#method(self, scheduled_at), }
    });
    let export = export(plugin, quote!(schedules::export_schedules));
    quote! {
        impl ::moothall_sdk::export::Schedules for #plugin {
            fn tick(
                &self,
                name: &str,
                scheduled_at: ::std::string::String,
            ) -> ::moothall_sdk::Result<()> {
                match name {
                    #(#arms)*
                    unknown => ::moothall_sdk::export::unknown_entry("schedule", unknown),
                }
            }
        }

        #export
    }
}

fn routes(plugin: &Type, entries: &[&Entry]) -> TokenStream {
    let arms = entries.iter().map(|Entry { key, method, .. }| {
        quote! { #key => Self::#method(self, request), }
    });
    let export = export(plugin, quote!(routes::export_routes));
    quote! {
        impl ::moothall_sdk::export::Routes for #plugin {
            fn route(
                &self,
                path: &str,
                request: ::moothall_sdk::RouteRequest,
            ) -> ::moothall_sdk::Result<::moothall_sdk::WebhookResponse> {
                match path {
                    #(#arms)*
                    unknown => ::moothall_sdk::export::unknown_entry("route", unknown),
                }
            }
        }

        #export
    }
}

/// The builder calls of the manifest.
pub fn to_manifest(entry: &Entry) -> TokenStream {
    let Entry { kind, key, options, .. } = entry;
    let description = options.description.iter();
    match kind {
        Kind::Filter => {
            let (order, fail_silently) = (options.order.iter(), options.fail_silently.iter());
            quote! {
                .filter(::moothall_sdk::manifest::Filter::new(#key)
                    #(.description(#description))* #(.order(#order))* #(.fail_silently(#fail_silently))*)
            }
        }
        Kind::Worker => {
            let (events, ordering) = (&options.events, options.ordering.iter());
            let (attempts, timeout) = (options.max_attempts.iter(), options.timeout_ms.iter());
            let matches = &options.matches;
            quote! {
                .worker(::moothall_sdk::manifest::Worker::new(#key) #(.event(#events))*
                    #(.matches(#matches))* #(.ordering(#ordering))* #(.max_attempts(#attempts))*
                    #(.timeout_ms(#timeout))*)
            }
        }
        Kind::Schedule => {
            let schedule = options.schedule.to_manifest();
            let schedule =
                schedule.unwrap_or_else(|| quote!(::moothall_sdk::manifest::Schedule::default()));
            quote! { .schedule(#key, #schedule) }
        }
        Kind::Route => {
            let (methods, auth) = (&options.methods, options.auth.iter());
            quote! {
                .route(::moothall_sdk::manifest::Route::new(#key) #(.method(#methods))* #(.auth(#auth))*)
            }
        }
        Kind::Monitoring => TokenStream::new(),
    }
}
