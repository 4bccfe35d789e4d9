//! Writes the files, and says which have changed. `cargo xtask bindings` runs it.

fn main() -> anyhow::Result<()> {
    for path in moothall_bindings::write(&moothall_bindings::root())? {
        eprintln!("{path}");
    }
    Ok(())
}
