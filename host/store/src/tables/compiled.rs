//! The table `compiled`: what a compilation learnt about a plugin file, by the digest of its content.

use std::collections::BTreeSet;

use rusqlite::{OptionalExtension, params};

use crate::{Reader, StoreError, Tx};

/// What a compilation learnt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compiled {
    /// SHA-256 of the native code's file, in hex.
    pub code_hash: String,
    /// What `describe` answered; none if it was not asked yet, or did not answer.
    pub manifest: Option<String>,
}

impl Compiled {
    pub fn described_as(self, manifest: &str) -> Self {
        Self { manifest: Some(manifest.to_owned()), ..self }
    }
}

impl Reader<'_> {
    pub fn compiled(
        &self,
        digest: &str,
        compatibility: &str,
    ) -> Result<Option<Compiled>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT code_hash, manifest FROM compiled WHERE digest = ?1 AND compatibility = ?2",
        )?;
        let row = statement
            .query_row([digest, compatibility], |row| {
                Ok(Compiled { code_hash: row.get(0)?, manifest: row.get(1)? })
            })
            .optional()?;
        Ok(row)
    }
}

impl Tx<'_> {
    /// Removes the rows of all other files, and those of other versions of the engine.
    pub fn keep_compiled(
        &self,
        digests: &BTreeSet<String>,
        compatibility: &str,
    ) -> Result<(), StoreError> {
        self.conn
            .prepare_cached("DELETE FROM compiled WHERE compatibility <> ?1")?
            .execute([compatibility])?;
        let mut statement = self.conn.prepare("SELECT DISTINCT digest FROM compiled")?;
        let known: Vec<String> =
            statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        for digest in known.iter().filter(|digest| !digests.contains(*digest)) {
            self.conn
                .prepare_cached("DELETE FROM compiled WHERE digest = ?1")?
                .execute([digest])?;
        }
        Ok(())
    }

    pub fn put_compiled(
        &self,
        digest: &str,
        compatibility: &str,
        compiled: &Compiled,
        now: i64,
    ) -> Result<(), StoreError> {
        self.conn
            .prepare_cached(
                "INSERT INTO compiled (digest, compatibility, code_hash, manifest, written_at) \
                 VALUES (?1, ?2, ?3, ?4, ?5) \
                 ON CONFLICT (digest, compatibility) DO UPDATE SET code_hash = excluded.code_hash, \
                 manifest = excluded.manifest, written_at = excluded.written_at",
            )?
            .execute(params![digest, compatibility, compiled.code_hash, compiled.manifest, now])?;
        Ok(())
    }
}
