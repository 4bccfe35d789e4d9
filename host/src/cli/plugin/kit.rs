//! What the build put into the binary: the SDK's sources and the templates of plugins (`build/build.rs`).

include!(concat!(env!("OUT_DIR"), "/kit.rs"));

/// The files below a folder of the templates, by their paths in it.
pub fn below(folder: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    TEMPLATES.iter().filter_map(move |(path, text)| {
        Some((path.strip_prefix(folder)?.strip_prefix('/')?, *text))
    })
}

/// The text of one file of the templates.
pub fn text(path: &str) -> Option<&'static str> {
    TEMPLATES.iter().find(|(known, _)| *known == path).map(|(_, text)| *text)
}
