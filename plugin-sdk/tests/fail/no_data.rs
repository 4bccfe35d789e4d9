//! A filter's data is any type that can be read.

use moothall_sdk::{Result, Verdict, plugin};

struct Form;

struct Tutorial;

#[plugin(name = "tutorial")]
impl Tutorial {
    #[filter(hook = "org.example.a.v1")]
    fn guard(&self, data: Form) -> Result<Verdict> {
        let Form = data;
        Ok(Verdict::pass())
    }
}

fn main() {}
