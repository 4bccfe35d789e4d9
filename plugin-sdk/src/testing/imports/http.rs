//! `http`: what the test scripted, within what the manifest asks for. Nothing leaves the machine.

pub use crate::bindings::imports::moothall::plugin::http::{Placement, Request};

use super::secrets::Secret;
use super::types::Error as Refusal;
use super::web::Response;
use crate::http::write_secret;
use crate::testing::answer::{Answer, Sent};
use crate::testing::reach;
use crate::testing::world::{World, now};
use crate::{Error, Result};

/// The default limits of the host.
const REQUESTS: usize = 32;
const PLACEMENTS: usize = 16;

pub fn send(
    request: &Request,
    secrets: &[(Placement, &Secret)],
) -> std::result::Result<Response, Refusal> {
    Ok(now(|world| {
        check_placements(secrets.len())?;
        count(world)?;
        reach::check(&request.url, &world.manifest, &world.config, &world.settings)?;
        let answer = take_answer(world, request)?;
        world.sent.push(placed(request, secrets));
        answer.into_result()
    })
    .map(|response| Response {
        status: response.status,
        headers: response.headers,
        body: response.body,
    })?)
}

fn check_placements(placements: usize) -> Result<()> {
    if placements > PLACEMENTS {
        let message = format!("a request carries at most {PLACEMENTS} secrets");
        return Err(Error::invalid(message));
    }
    Ok(())
}

fn count(world: &mut World) -> Result<()> {
    let call = world.the_call()?;
    call.requests += 1;
    if call.requests > REQUESTS {
        return Err(Error::conflict(format!("a call may send {REQUESTS} requests")));
    }
    Ok(())
}

fn take_answer(world: &mut World, request: &Request) -> Result<Answer> {
    let found = world
        .script
        .iter()
        .position(|(method, url, _)| *method == request.method && *url == request.url);
    let missing = || {
        Error::unavailable(format!(
            "the test has no answer to {} {}; add one with `Host::answer`",
            request.method, request.url
        ))
    };
    found.map(|at| world.script.remove(at).2).ok_or_else(missing)
}

fn placed(request: &Request, secrets: &[(Placement, &Secret)]) -> Sent {
    let mut request = request.clone();
    for (placement, secret) in secrets {
        write_secret(&mut request, placement, secret.value());
    }
    let Request { method, url, headers, body, .. } = request;
    Sent { method, url, headers, body }
}
