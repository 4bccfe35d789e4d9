//! The benchmark: compares what the host costs with what it could cost, as one table of ratios.
//!
//! `cargo xtask bench` starts it. It starts itself again for the helpers that must not share a
//! process with anything else: the load, the axum server, the bare sandbox. It must never fail
//! because something was slow: a missed bar is a word in the table; a wrong answer is a failure.

use std::process::ExitCode;

/// The host's own allocator, so that the axum server differs only in its work.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

mod bench {
    pub mod command_line;
    mod machine;
    mod rows;
    mod table;

    mod backlog;
    mod beside;
    mod deliveries;
    mod fairness;
    mod http;
    mod instances;
    mod plugins;
    mod sandbox;
    mod sandbox_shapes;
    mod ticks;
    mod webhooks;
    mod workers;
    mod writes;

    mod axum_server;
    mod bare_calls;
    mod connection;
    mod exchange;
    mod helper_process;
    mod host;
    mod load;
    mod loader;
    mod posts;
    mod process;
    mod receiver;
    mod server;
    mod shaped_calls;
    mod shapes;
    mod sqlite_loop;
    mod template;
}

fn main() -> ExitCode {
    bench::command_line::main()
}
