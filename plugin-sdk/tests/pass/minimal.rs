//! The least a plugin can be, in a module of its own, without a warning.

#![deny(warnings)]

mod tutorial {
    pub struct Tutorial;

    #[moothall_sdk::plugin(name = "tutorial")]
    impl Tutorial {
        #[moothall_sdk::action(slug = "ping")]
        fn ping(&self) -> moothall_sdk::Result<()> {
            Ok(())
        }
    }
}

fn main() {
    let _ = tutorial::Tutorial;
}
