//! The sealing key of a data directory: where it comes from, sealing and opening with it (XChaCha20-Poly1305).
//!
//! A key is never printed, never overwritten, and never replaced by a new one while a file is in its place: a
//! wrong key is an error for the operator, because everything sealed with the right one would be lost.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretBox, SecretString};

use super::SecretError;
use crate::permissions::{is_open_to_all, tighten};

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
const TAG_BYTES: usize = 16;
/// The first byte of everything sealed, so that another cipher can be added.
const VERSION: u8 = 1;
/// The longest key file that is read, longer than any spelling of a key.
const KEY_FILE_BYTES: u64 = 1024;

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);

/// Seals and opens secrets with the one key of a data directory.
pub struct Keyring {
    key: SecretBox<[u8; KEY_BYTES]>,
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keyring(..)")
    }
}

impl Keyring {
    pub fn from_bytes(key: [u8; KEY_BYTES]) -> Keyring {
        let key = Zeroizing::new(key);
        Keyring { key: SecretBox::new(Box::new(*key)) }
    }

    /// The key from the environment if there is one, else from the file at `path`.
    pub fn load(path: &Path, from_environment: Option<&str>) -> Result<Keyring, SecretError> {
        if let Some(text) = from_environment {
            return parse_key(text).map_err(|reason| SecretError::EnvironmentKey { reason });
        }
        match File::open(path) {
            Ok(file) => read_key_file(path, file),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Err(SecretError::NoKey { path: path.to_owned() })
            }
            Err(error) => Err(io_error("open", path)(error)),
        }
    }

    /// The same, for where nothing is sealed yet: the file is made if it does not exist.
    pub fn load_or_create(
        path: &Path,
        from_environment: Option<&str>,
    ) -> Result<Keyring, SecretError> {
        match Keyring::load(path, from_environment) {
            Err(SecretError::NoKey { path }) => create_key_file(&path),
            loaded => loaded,
        }
    }

    /// Seals `plain` for `context` (the row and column that it belongs to). It cannot be opened for another
    /// context.
    pub fn seal(&self, context: &[u8], plain: &[u8]) -> Result<Vec<u8>, SecretError> {
        let nonce = random::<NONCE_BYTES>()?;
        let mut sealed = Vec::with_capacity(1 + NONCE_BYTES + plain.len() + TAG_BYTES);
        sealed.push(VERSION);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plain);
        let tag = self
            .cipher()
            .encrypt_inout_detached(
                &XNonce::from(nonce),
                &associated(context),
                (&mut sealed[1 + NONCE_BYTES..]).into(),
            )
            .map_err(|_| SecretError::TooLong { bytes: plain.len() })?;
        sealed.extend_from_slice(&tag);
        Ok(sealed)
    }

    pub fn open(&self, context: &[u8], sealed: &[u8]) -> Result<SecretString, SecretError> {
        let (nonce, body) = take_apart(sealed)?;
        let mut plain = Zeroizing::new(body.to_vec());
        self.cipher()
            .decrypt_in_place(&XNonce::from(nonce), &associated(context), &mut *plain)
            .map_err(|_| SecretError::NotOpened)?;
        let text = std::str::from_utf8(&plain).map_err(|_| SecretError::NotText)?;
        Ok(SecretString::from(text))
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&Key::from(*self.key.expose_secret()))
    }
}

/// Authenticates the version with the context, so that nobody can turn it back to an older form.
fn associated(context: &[u8]) -> Vec<u8> {
    let mut data = Vec::with_capacity(1 + context.len());
    data.push(VERSION);
    data.extend_from_slice(context);
    data
}

fn take_apart(sealed: &[u8]) -> Result<([u8; NONCE_BYTES], &[u8]), SecretError> {
    let truncated = SecretError::Truncated { bytes: sealed.len() };
    let Some((version, rest)) = sealed.split_first() else {
        return Err(truncated);
    };
    if *version != VERSION {
        return Err(SecretError::UnknownForm { version: *version });
    }
    match rest.split_first_chunk::<NONCE_BYTES>() {
        Some((nonce, body)) if body.len() >= TAG_BYTES => Ok((*nonce, body)),
        _ => Err(truncated),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "keys and nonces come straight from the operating system, and are wiped here"
)]
fn random<const N: usize>() -> Result<[u8; N], SecretError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|source| SecretError::Random { source })?;
    Ok(bytes)
}

/// Reads 32 bytes in hex or in base64 of either alphabet, padded or not. The error never quotes the text.
fn parse_key(text: &str) -> Result<Keyring, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("it is empty".to_owned());
    }
    let bytes = Zeroizing::new(decode_key(text).ok_or("it is neither base64 nor hex")?);
    let key: [u8; KEY_BYTES] = bytes
        .as_slice()
        .try_into()
        .map_err(|_| format!("it has {} bytes instead of {KEY_BYTES}", bytes.len()))?;
    Ok(Keyring::from_bytes(key))
}

fn decode_key(text: &str) -> Option<Vec<u8>> {
    if text.len() == 2 * KEY_BYTES && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        let digit =
            |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        return text
            .as_bytes()
            .chunks_exact(2)
            .map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?))
            .collect();
    }
    let decode = |alphabet| GeneralPurpose::new(alphabet, LENIENT).decode(text).ok();
    decode(&STANDARD).or_else(|| decode(&URL_SAFE))
}

fn read_key_file(path: &Path, mut file: File) -> Result<Keyring, SecretError> {
    refuse_open_to_others(path, &file)?;
    let mut text = Zeroizing::new(String::with_capacity(128));
    (&mut file).take(KEY_FILE_BYTES).read_to_string(&mut text).map_err(|error| {
        match error.kind() {
            ErrorKind::InvalidData => not_a_key(path)("it is not text".to_owned()),
            _ => io_error("read", path)(error),
        }
    })?;
    parse_key(&text).map_err(not_a_key(path))
}

/// Refuses a key that everybody can read, because it may be known already. Removes a group's access, which
/// volumes add.
fn refuse_open_to_others(path: &Path, file: &File) -> Result<(), SecretError> {
    let mode = file.metadata().map_err(io_error("read", path))?.permissions().mode() & 0o777;
    if is_open_to_all(mode) {
        return Err(SecretError::KeyFileOpenToOthers { path: path.to_owned(), mode });
    }
    tighten(path).map(drop).map_err(io_error("protect", path))
}

/// Writes the key to another file and links it into place: the file appears whole or not at all, also after a
/// power cut, and if two processes start at once, both use the key of the one that linked first.
fn create_key_file(path: &Path) -> Result<Keyring, SecretError> {
    let draft = draft_path(path)?;
    let linked = write_draft(&draft).and_then(|()| match fs::hard_link(&draft, path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    });
    let removed = fs::remove_file(&draft);
    linked.and(removed).and_then(|()| sync_directory(path)).map_err(io_error("create", path))?;
    read_key_file(path, File::open(path).map_err(io_error("open", path))?)
}

fn draft_path(path: &Path) -> Result<PathBuf, SecretError> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{:016x}.new", u64::from_le_bytes(random()?)));
    Ok(path.with_file_name(name))
}

fn write_draft(draft: &Path) -> std::io::Result<()> {
    let key = Zeroizing::new(random::<KEY_BYTES>().map_err(std::io::Error::other)?);
    let text = Zeroizing::new(base64::engine::general_purpose::STANDARD.encode(*key));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(draft)?;
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}

/// Syncs the directory: otherwise the name, and with it every secret sealed since, could be lost in a power
/// cut.
fn sync_directory(path: &Path) -> std::io::Result<()> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    if cfg!(unix) { File::open(directory)?.sync_all() } else { Ok(()) }
}

fn io_error(doing: &'static str, path: &Path) -> impl Fn(std::io::Error) -> SecretError {
    move |source| SecretError::KeyFileIo { doing, path: path.to_owned(), source }
}

fn not_a_key(path: &Path) -> impl Fn(String) -> SecretError {
    move |reason| SecretError::KeyFile { path: path.to_owned(), reason }
}

#[cfg(test)]
mod tests;
