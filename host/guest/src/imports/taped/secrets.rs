//! `secrets`: a tape knows which secret a guest asked for, and never its value.

use secrecy::SecretString;
use wasmtime::component::Resource;

use super::{Taped, not_recorded, ok};
use crate::bindings::Error;
use crate::bindings::imports::moothall::plugin::secrets;
use crate::secret_handle::SecretHandle;
use crate::tape::{OnTape, Turn};

/// What stands for a secret in a repeated call, and is placed nowhere.
const STAND_IN: &str = "[not recorded]";

impl secrets::Host for Taped<'_> {
    fn get(&mut self, pointer: String) -> Result<Resource<SecretHandle>, Error> {
        let grant = pointer.clone();
        self.handle("secrets.get", grant, pointer, secrets::Host::get)
    }

    fn setting(&mut self, name: String) -> Result<Resource<SecretHandle>, Error> {
        let grant = format!("settings:{name}");
        self.handle("secrets.setting", grant, name, secrets::Host::setting)
    }
}

impl secrets::HostSecret for Taped<'_> {
    fn reveal(&mut self, secret: Resource<SecretHandle>) -> Result<String, Error> {
        let Some(tape) = self.tape() else {
            return secrets::HostSecret::reveal(&mut *self.0, secret);
        };
        let grant = self.0.grant_of(&secret);
        tape.cannot_be_replayed(&format!(
            "it revealed the secret `{grant}`, and no recording has the values of secrets"
        ));
        match tape.is_replaying() {
            true => Err(not_recorded(format!("the value of the secret `{grant}` is not recorded"))),
            false => secrets::HostSecret::reveal(&mut *self.0, secret),
        }
    }

    fn drop(&mut self, secret: Resource<SecretHandle>) -> wasmtime::Result<()> {
        secrets::HostSecret::drop(&mut *self.0, secret)
    }
}

type Handle = Resource<SecretHandle>;

impl Taped<'_> {
    fn handle(
        &mut self,
        import: &'static str,
        grant: String,
        argument: String,
        get: fn(&mut crate::call_state::CallState, String) -> Result<Handle, Error>,
    ) -> Result<Handle, Error> {
        let Some(tape) = self.tape() else { return get(&mut *self.0, argument) };
        let place = match tape.enter(import, || vec![argument.written()]) {
            Turn::Tape(given) => {
                self.given::<()>(given)?;
                return self.0.hand_out(grant, SecretString::from(STAND_IN));
            }
            Turn::Host(place) => place,
        };
        let answer = get(&mut *self.0, argument);
        self.note(&tape, place, || match &answer {
            Ok(_) => ok(().written()),
            Err(error) => Err::<(), _>(error.clone()).written(),
        });
        answer
    }
}
