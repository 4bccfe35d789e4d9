//! The host links the core modules of a component anew, so that an instance costs less. It does so for what it knows the
//! shape of: a tool chain that links differently would slow every plugin down without a word.

use moothall_engine::plugins::compile::relink;
use moothall_tests::guests;

#[test]
fn the_core_modules_of_every_guest_are_linked_anew() {
    for guest in guests::ALL {
        if let Err(why) = relink(&guests::bytes(guest)) {
            panic!("the core modules of `{guest}` stay as they are: {why}");
        }
    }
}
