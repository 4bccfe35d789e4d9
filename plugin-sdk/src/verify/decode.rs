//! Decodes signatures. A text that is no signature is none, and no error.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

pub fn hex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) {
        return None;
    }
    text.as_bytes().chunks(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}

fn digit(byte: u8) -> Option<u8> {
    // A hexadecimal digit is at most 15, so the cast loses nothing.
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

pub fn base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}
