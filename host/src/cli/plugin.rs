//! `moothall plugin`: what authors of plugins do, and operators with a plugin file.
//!
//! Files are checked by the code by which the host loads them; nothing here checks a file itself.

mod build;
mod call;
mod check;
mod dev;
mod dev_file;
mod difference;
mod enabling;
mod file;
mod host_client;
mod inspect;
mod kit;
mod language;
mod loading;
mod new;
mod offer;
mod progress;
mod project;
mod recordings;
mod refusals;
mod replay;
mod schema_lines;
mod sdk;
mod shadow;
mod size;
mod tail;
mod temporary_host;
mod update_sdk;

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub enum PluginCommand {
    /// Make a project of its own for a new plugin, which builds and passes its tests at once.
    New(new::NewArgs),
    /// Build the project in the working directory; prints where its plugin file is.
    Build(build::BuildArgs),
    /// Run the tests of the project in the working directory, natively.
    Test(build::TestArgs),
    /// Serve the project in the working directory on a host of its own, and replace it whenever its sources change.
    Dev(dev::DevArgs),
    /// Check whether a host would serve a plugin file, and say what to grant. The exit code is 1 if it would not.
    Check(check::CheckArgs),
    /// Show what a plugin file is: its manifest and schemas, what it imports and exports.
    Inspect(inspect::InspectArgs),
    /// Call a plugin once, on a host of its own or on a running one.
    Call(call::CallArgs),
    /// List the calls that a host has recorded.
    Recordings(recordings::RecordingsArgs),
    /// Run a recorded call again, elsewhere, and show where it differs. The exit code is 1 if it does, unless it failed and
    /// succeeds now.
    Replay(replay::ReplayArgs),
    /// Run another version of a plugin against a host's recorded calls, without effects, and list what would differ.
    Shadow(shadow::ShadowArgs),
    /// Give the project in the working directory the SDK of this program.
    UpdateSdk(update_sdk::UpdateSdkArgs),
}

pub fn plugin(command: PluginCommand) -> anyhow::Result<()> {
    match command {
        PluginCommand::New(args) => new::new(&args),
        PluginCommand::Build(args) => build::build(&args),
        PluginCommand::Test(args) => build::test(&args),
        PluginCommand::Dev(args) => dev::dev(&args),
        PluginCommand::Check(args) => check::check(&args),
        PluginCommand::Inspect(args) => inspect::inspect(&args),
        PluginCommand::Call(args) => call::call(&args),
        PluginCommand::Recordings(args) => recordings::recordings(&args),
        PluginCommand::Replay(args) => replay::replay(&args),
        PluginCommand::Shadow(args) => shadow::shadow(&args),
        PluginCommand::UpdateSdk(args) => update_sdk::update_sdk(&args),
    }
}
