//! The sealing key: its sources, what is refused, and that nothing altered can be opened.

use std::error::Error;
use std::os::unix::fs::PermissionsExt;

use proptest::prelude::*;

use super::*;

type Outcome = Result<(), Box<dyn Error>>;

fn keyring() -> Keyring {
    Keyring::from_bytes([7; KEY_BYTES])
}

fn refusal(result: Result<Keyring, SecretError>) -> String {
    result.err().map(|error| error.to_string()).unwrap_or_default()
}

#[test]
fn a_new_key_file_is_private_whole_and_read_back() -> Outcome {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("secret.key");
    let sealed = Keyring::load_or_create(&path, None)?.seal(b"row", b"hunter2")?;
    assert_eq!(fs::metadata(&path)?.permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(directory.path())?.count(), 1, "the draft is gone");
    let opened = Keyring::load_or_create(&path, None)?.open(b"row", &sealed)?;
    assert_eq!(opened.expose_secret(), "hunter2");
    Ok(())
}

#[test]
fn two_that_start_at_once_share_one_key() -> Outcome {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("secret.key");
    let keys: Vec<_> = std::thread::scope(|scope| {
        let starting: Vec<_> =
            (0..8).map(|_| scope.spawn(|| Keyring::load_or_create(&path, None))).collect();
        starting.into_iter().filter_map(|thread| thread.join().ok()?.ok()).collect()
    });
    assert_eq!(keys.len(), 8);
    assert!(keys.windows(2).all(|pair| pair[0].key.expose_secret() == pair[1].key.expose_secret()));
    Ok(())
}

#[test]
fn the_environment_wins_in_every_spelling() -> Outcome {
    let standard = "+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/s=";
    let spellings = [
        standard.to_owned(),
        standard.trim_end_matches('=').to_owned(),
        standard.replace('+', "-").replace('/', "_"),
        format!("  {}\n", "fb".repeat(32)),
        "FB".repeat(32),
    ];
    for spelling in &spellings {
        let found = Keyring::load_or_create(Path::new("/nowhere/secret.key"), Some(spelling))?;
        assert_eq!(found.key.expose_secret(), &[0xfb; 32], "{spelling}");
    }
    Ok(())
}

#[test]
fn a_wrong_environment_value_is_refused_without_being_quoted() {
    let path = Path::new("/nowhere/secret.key");
    for (value, reason) in [
        ("", "it is empty"),
        ("hunter2!", "neither base64 nor hex"),
        ("c2hvcnQ=", "5 bytes instead of 32"),
    ] {
        let message = refusal(Keyring::load_or_create(path, Some(value)));
        assert!(message.contains(reason), "{message}");
        assert!(value.is_empty() || !message.contains(value), "{message}");
    }
}

#[test]
fn a_key_file_that_others_can_read_is_refused_with_the_remedy() -> Outcome {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("secret.key");
    Keyring::load_or_create(&path, None)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644))?;
    let message = refusal(Keyring::load_or_create(&path, None));
    assert!(
        message.contains("mode 644") && message.contains(&format!("chmod 600 {}", path.display())),
        "{message}"
    );
    Ok(())
}

#[test]
fn a_group_that_a_volume_gave_the_key_file_is_taken_off_again() -> Outcome {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("secret.key");
    Keyring::load_or_create(&path, None)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o660))?;
    Keyring::load_or_create(&path, None)?;
    assert_eq!(fs::metadata(&path)?.permissions().mode() & 0o777, 0o600);
    Ok(())
}

#[test]
fn a_spoilt_key_file_is_refused_and_left_alone() -> Outcome {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("secret.key");
    for (content, reason) in
        [(&b""[..], "it is empty"), (b"c2hvcnQ=\n", "5 bytes"), (b"\xff\xfe", "it is not text")]
    {
        fs::write(&path, content)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        let message = refusal(Keyring::load_or_create(&path, None));
        assert!(message.contains(reason) && message.contains("put back the file"), "{message}");
        assert_eq!(fs::read(&path)?, content);
    }
    Ok(())
}

#[test]
fn a_missing_directory_is_named() {
    let message = refusal(Keyring::load_or_create(Path::new("/nowhere/at/all/secret.key"), None));
    assert!(message.contains("/nowhere/at/all/secret.key"), "{message}");
}

#[test]
fn another_key_or_another_context_opens_nothing() -> Outcome {
    let sealed = keyring().seal(b"instance 1 /api_key", b"hunter2")?;
    for result in [
        keyring().open(b"instance 2 /api_key", &sealed),
        Keyring::from_bytes([8; KEY_BYTES]).open(b"instance 1 /api_key", &sealed),
    ] {
        let message = result.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(message.contains("does not belong to this database"), "{message}");
    }
    Ok(())
}

#[test]
fn sealing_twice_gives_different_bytes() -> Outcome {
    assert_ne!(keyring().seal(b"", b"same")?, keyring().seal(b"", b"same")?);
    Ok(())
}

#[test]
fn what_is_not_text_is_sealed_but_not_opened_as_text() -> Outcome {
    let sealed = keyring().seal(b"", b"\xff")?;
    assert!(matches!(keyring().open(b"", &sealed), Err(SecretError::NotText)));
    Ok(())
}

#[test]
fn nothing_prints_a_key_or_a_secret() -> Outcome {
    assert_eq!(format!("{:?}", Keyring::from_bytes([65; KEY_BYTES])), "Keyring(..)");
    let opened = keyring().open(b"", &keyring().seal(b"", b"hunter2")?)?;
    assert!(!format!("{opened:?}").contains("hunter2"));
    Ok(())
}

proptest! {
    #[test]
    fn what_is_sealed_is_opened_again(plain in ".*", context in any::<Vec<u8>>()) {
        let sealed = keyring().seal(&context, plain.as_bytes())?;
        let opened = keyring().open(&context, &sealed)?;
        prop_assert_eq!(opened.expose_secret(), plain);
    }

    #[test]
    fn no_altered_byte_goes_unseen(plain in ".{0,40}", place in any::<prop::sample::Index>(), flip in 1..=255u8) {
        let mut sealed = keyring().seal(b"row", plain.as_bytes())?;
        let place = place.index(sealed.len());
        sealed[place] ^= flip;
        prop_assert!(keyring().open(b"row", &sealed).is_err());
    }

    #[test]
    fn no_shortened_secret_is_opened(plain in ".{0,40}", length in any::<prop::sample::Index>()) {
        let sealed = keyring().seal(b"row", plain.as_bytes())?;
        prop_assert!(keyring().open(b"row", &sealed[..length.index(sealed.len())]).is_err());
    }
}
