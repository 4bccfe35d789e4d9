//! Which secrets are taken out of a recording, and what if they are not those of the call any more.

use std::collections::BTreeMap;

use secrecy::ExposeSecret;

use super::*;
use moothall_core::config::StoreConfig;
use moothall_core::ids::{CommunityId, Generation, PluginDigestId};
use moothall_core::instance::made::instance;
use moothall_store::{CommunityRow, NewInstance};

const POINTER: &str = "/token";

fn new_instance(instance: &Instance) -> NewInstance {
    NewInstance {
        id: instance.id,
        community: CommunityId(1),
        plugin: "probe".into(),
        platform_id: None,
        config: "{}".into(),
        plugin_version: "1".into(),
        plugin_digest_id: PluginDigestId(1),
    }
}

/// A store with an instance that has one secret.
async fn stored(keyring: &Keyring) -> (tempfile::TempDir, Store, Arc<Instance>) {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&directory.path().join("a.db"), &StoreConfig::default()).unwrap();
    let instance = instance(1, "probe", None);
    let new = new_instance(&instance);
    let sealed = keyring.seal(&secret_context(instance.id, POINTER), b"of the config").unwrap();
    let write = store.write("test", move |tx| {
        let id = CommunityId(1);
        tx.add_community(&CommunityRow { id, slug: "acme".into(), readable_name: "".into() }, 0)?;
        tx.add_instance(&new, 0)?;
        tx.replace_secrets(new.id, &[SecretRow { pointer: POINTER.into(), sealed }])
    });
    write.await.unwrap();
    (directory, store, instance)
}

fn known(instance: &Arc<Instance>) -> KnownSecrets {
    let of_settings = vec!["of the settings".into()];
    KnownSecrets { of_settings, instance: Some(instance.clone()), pending: None }
}

fn opened(known: &KnownSecrets, store: &Store, keyring: &Keyring) -> Result<Vec<String>, String> {
    let secrets = known.open(&known.read(store)?, keyring)?;
    Ok(secrets.iter().map(|secret| secret.expose_secret().to_owned()).collect())
}

#[tokio::test]
async fn secrets_are_those_of_settings_and_config_whether_the_call_asked_or_not() {
    let keyring = Keyring::from_bytes([7; 32]);
    let (_directory, store, instance) = stored(&keyring).await;
    let known = known(&instance);
    let expected = Ok(vec!["of the settings".to_owned(), "of the config".to_owned()]);
    assert_eq!(opened(&known, &store, &keyring), expected);
    let refused = opened(&known, &store, &Keyring::from_bytes([8; 32])).unwrap_err();
    assert!(refused.contains("its content is not kept"), "{refused}");
}

#[tokio::test]
async fn a_call_on_a_config_that_was_replaced_has_no_known_secrets() {
    let keyring = Keyring::from_bytes([7; 32]);
    let (_directory, store, instance) = stored(&keyring).await;
    let new = new_instance(&instance);
    let reconfigured = store.write("test", move |tx| tx.reconfigure_instance(&new, Generation(2)));
    reconfigured.await.unwrap();
    let known = known(&instance);
    assert!(opened(&known, &store, &keyring).unwrap_err().contains("another configuration by now"));
    // The call that a new configuration is for has its secrets with it, and may see the old ones.
    let pending = BTreeMap::from([(POINTER.to_owned(), "of the new config".into())]);
    let known = KnownSecrets { pending: Some(Arc::new(pending)), ..known };
    let secrets = opened(&known, &store, &keyring).unwrap();
    assert_eq!(secrets[1..], ["of the new config", "of the config"]);
}
