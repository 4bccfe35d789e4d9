//! Which imports change something outside of the guest.

/// Whether the import writes, emits or sends.
pub fn is_effect(import: &str) -> bool {
    match import.split_once('.') {
        Some(("state", function)) => matches!(function, "set" | "remove"),
        Some(("process", function)) => function == "remove" || function.starts_with("set"),
        Some(("accounts", function)) => matches!(function, "link" | "unlink"),
        Some(("events" | "http" | "wasi-http", _)) => true,
        _ => false,
    }
}
