//! `http`: answers that the test scripted, for hosts that the manifest asks for. Nothing leaves the machine.

pub use crate::bindings::imports::moothall::plugin::http::{Placement, Request};

use moothall_values::bounds::{
    HTTP_PLACEMENTS, HTTP_REQUESTS, REQUEST_BYTES, REQUEST_HEADER_BYTES, REQUEST_HEADERS,
    REQUEST_URL_BYTES,
};
use moothall_values::outbound;

use super::secrets::Secret;
use super::types::Error as Refusal;
use super::web::Response;
use crate::http::write_secret;
use crate::testing::answer::{Answer, Sent};
use crate::testing::reach;
use crate::testing::world::{World, now};
use crate::{Error, Result};

pub fn send(
    request: &Request,
    secrets: &[(Placement, &Secret)],
) -> std::result::Result<Response, Refusal> {
    Ok(now(|world| {
        check_placements(secrets.len())?;
        if !world.the_call()?.may_send {
            return Err(Error::forbidden("a handshake sends nothing: anybody can ask for one"));
        }
        let described = world.the_plugin()?;
        reach::check(&request.url, &described.manifest, &world.config, &world.settings)?;
        count(world)?;
        let sent = placed(request, secrets)?;
        check(&sent)?;
        let answer = take_answer(world, request)?;
        world.sent.push(sent);
        answer.into_result()
    })
    .map(|response| Response {
        status: response.status,
        headers: response.headers,
        body: response.body,
    })?)
}

fn check_placements(placements: usize) -> Result<()> {
    if placements > HTTP_PLACEMENTS {
        let message = format!("a request carries at most {HTTP_PLACEMENTS} secrets");
        return Err(Error::invalid(message));
    }
    Ok(())
}

/// Refuses what the host's own client would not send.
fn check(sent: &Sent) -> Result<()> {
    let bytes: usize = sent.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    let limits = [
        ("bytes in its URL", sent.url.len(), REQUEST_URL_BYTES),
        ("headers", sent.headers.len(), REQUEST_HEADERS),
        ("bytes of headers", bytes, REQUEST_HEADER_BYTES),
        ("bytes in its body", sent.body.len(), REQUEST_BYTES),
    ];
    if let Some((what, has, most)) = limits.iter().find(|(_, has, most)| has > most) {
        return Err(Error::invalid(format!(
            "the request has {has} {what}, at most {most} are allowed"
        )));
    }
    outbound::check_method(&sent.method).map_err(Error::invalid)?;
    for (name, value) in &sent.headers {
        outbound::check_header(name, value).map_err(Error::invalid)?;
    }
    Ok(())
}

fn count(world: &mut World) -> Result<()> {
    let call = world.the_call()?;
    call.requests += 1;
    if call.requests > HTTP_REQUESTS {
        return Err(Error::conflict(format!("a call may send {HTTP_REQUESTS} requests")));
    }
    Ok(())
}

fn take_answer(world: &mut World, request: &Request) -> Result<Answer> {
    let found = world
        .script
        .iter()
        .position(|(method, url, _)| *method == request.method && *url == request.url);
    match found {
        Some(at) => Ok(world.script.remove(at).2),
        None => {
            let missing = unanswered(request, &world.unused_answers());
            world.unanswered.get_or_insert_with(|| missing.clone());
            Err(missing)
        }
    }
}

fn unanswered(request: &Request, unused: &[String]) -> Error {
    let has = match unused {
        [] => "it has none".to_owned(),
        unused => format!("it has one to {}", unused.join(", and to ")),
    };
    Error::unavailable(format!(
        "the test has no answer to {} {}, {has}; add one with `Host::answer`",
        request.method, request.url
    ))
}

fn placed(request: &Request, secrets: &[(Placement, &Secret)]) -> Result<Sent> {
    let mut request = request.clone();
    for (placement, secret) in secrets {
        write_secret(&mut request, placement, secret.value())?;
    }
    let Request { method, url, headers, body, .. } = request;
    Ok(Sent { method, url, headers, body })
}
