//! The schemas of one document as a graph: its subschemas have numbers, and each `$ref` is an edge inside the
//! document.
//!
//! Nothing is fetched: a reference either leads to a schema in the document or is refused.

use std::collections::HashMap;

use jsonschema::Uri;
use serde_json::Value;

use super::SchemaError;
use super::places::{Place, Subschema, subschemas};

/// The most schemas that a document may have, also if its references are followed.
const SCHEMAS: usize = 100_000;
const REFERENCE_KEYWORDS: [&str; 3] = ["$ref", "$dynamicRef", "$recursiveRef"];
const ANCHOR_KEYWORDS: [&str; 2] = ["$anchor", "$dynamicAnchor"];

/// The number of a schema in its document; the root is 0.
pub type SchemaId = usize;

pub struct References<'s> {
    pub schemas: Vec<Node<'s>>,
    /// References that lead to no schema of the document: remote ones, and pointers to nothing.
    pub dangling: Vec<Dangling<'s>>,
    ids: HashMap<*const Value, SchemaId>,
    bases: Vec<Uri<String>>,
    roots: HashMap<String, SchemaId>,
    anchors: HashMap<(String, &'s str), SchemaId>,
}

pub struct Node<'s> {
    pub schema: &'s Value,
    /// JSON Pointer from the root of the document.
    pub path: String,
    /// The schemas that it contains or refers to, each with the part of a value that it applies to. A reference
    /// applies its target to the same part.
    pub edges: Vec<(Place<'s>, SchemaId)>,
    /// Targets of its references, which are also among the edges.
    pub refers_to: Vec<SchemaId>,
    /// Index of the URI to which its references are relative.
    base: usize,
}

pub struct Dangling<'s> {
    pub path: String,
    pub reference: &'s str,
    pub remote: bool,
}

impl<'s> References<'s> {
    pub fn of(document: &'s Value) -> Result<References<'s>, SchemaError> {
        let base = jsonschema::uri::from_str("").map_err(|error| SchemaError::at("", error))?;
        let mut references = References {
            schemas: Vec::new(),
            dangling: Vec::new(),
            ids: HashMap::new(),
            roots: HashMap::from([(without_fragment(base.as_str()).to_owned(), 0)]),
            bases: vec![base],
            anchors: HashMap::new(),
        };
        references.add(document, String::new(), 0)?;
        references.add_subschemas(0)?;
        references.follow_all()?;
        Ok(references)
    }

    fn add(
        &mut self,
        schema: &'s Value,
        path: String,
        base: usize,
    ) -> Result<SchemaId, SchemaError> {
        let id = self.schemas.len();
        if id == SCHEMAS {
            return Err(SchemaError::at(&path, format!("it holds more than {SCHEMAS} schemas")));
        }
        let base = self.base_of(schema, &path, base, id)?;
        let uri = without_fragment(self.bases[base].as_str()).to_owned();
        for anchor in ANCHOR_KEYWORDS.iter().filter_map(|keyword| schema.get(keyword)?.as_str()) {
            self.anchors.insert((uri.clone(), anchor), id);
        }
        self.ids.insert(schema, id);
        self.schemas.push(Node { schema, path, edges: Vec::new(), refers_to: Vec::new(), base });
        Ok(id)
    }

    /// A schema with an `$id` is a new base; in Draft 7 an `$id` that is only a fragment is an anchor.
    fn base_of(
        &mut self,
        schema: &'s Value,
        path: &str,
        outer: usize,
        id: SchemaId,
    ) -> Result<usize, SchemaError> {
        let Some(name) = schema.get("$id").and_then(Value::as_str) else {
            return Ok(outer);
        };
        if let Some(anchor) = name.strip_prefix('#') {
            let uri = without_fragment(self.bases[outer].as_str()).to_owned();
            self.anchors.insert((uri, anchor), id);
            return Ok(outer);
        }
        let uri = jsonschema::uri::resolve_against(&self.bases[outer].borrow(), name)
            .map_err(|error| SchemaError::at(&format!("{path}/$id"), error))?;
        self.roots.insert(without_fragment(uri.as_str()).to_owned(), id);
        self.bases.push(uri);
        Ok(self.bases.len() - 1)
    }

    fn add_subschemas(&mut self, from: SchemaId) -> Result<(), SchemaError> {
        let mut waiting = vec![from];
        while let Some(id) = waiting.pop() {
            for Subschema { path, place, schema } in subschemas(self.schemas[id].schema) {
                let node = &self.schemas[id];
                let (path, base) = (format!("{}{path}", node.path), node.base);
                let child = match self.ids.get(&std::ptr::from_ref(schema)) {
                    Some(known) => *known,
                    None => self.add(schema, path, base)?,
                };
                self.schemas[id].edges.push((place, child));
                waiting.push(child);
            }
        }
        Ok(())
    }

    /// Adds the references of every schema. A target outside the known keywords becomes a schema here, with its
    /// own references.
    fn follow_all(&mut self) -> Result<(), SchemaError> {
        let mut id = 0;
        while id < self.schemas.len() {
            let schema = self.schemas[id].schema;
            for keyword in REFERENCE_KEYWORDS {
                if let Some(reference) = schema.get(keyword).and_then(Value::as_str) {
                    self.follow(id, keyword, reference)?;
                }
            }
            id += 1;
        }
        Ok(())
    }

    fn follow(
        &mut self,
        id: SchemaId,
        keyword: &str,
        reference: &'s str,
    ) -> Result<(), SchemaError> {
        let path = format!("{}/{keyword}", self.schemas[id].path);
        let uri = jsonschema::uri::resolve_against(
            &self.bases[self.schemas[id].base].borrow(),
            reference,
        )
        .map_err(|error| SchemaError::at(&path, error))?;
        let document = without_fragment(uri.as_str());
        let root = self.roots.get(document).copied();
        let fragment = uri.as_str().split_once('#').map_or("", |(_, fragment)| fragment);
        let target = match root {
            Some(root) => self.target(root, document, fragment)?,
            None => None,
        };
        match target {
            Some(target) => {
                self.schemas[id].edges.push((Place::Same, target));
                self.schemas[id].refers_to.push(target);
            }
            None => self.dangling.push(Dangling { path, reference, remote: root.is_none() }),
        }
        Ok(())
    }

    fn target(
        &mut self,
        root: SchemaId,
        document: &str,
        fragment: &str,
    ) -> Result<Option<SchemaId>, SchemaError> {
        if fragment.is_empty() {
            return Ok(Some(root));
        }
        let fragment = percent_decoded(fragment);
        if !fragment.starts_with('/') {
            return Ok(self.anchors.get(&(document.to_owned(), fragment.as_str())).copied());
        }
        let root = &self.schemas[root];
        let Some(schema) = root.schema.pointer(&fragment) else {
            return Ok(None);
        };
        if let Some(known) = self.ids.get(&std::ptr::from_ref(schema)) {
            return Ok(Some(*known));
        }
        let (path, base) = (format!("{}{fragment}", root.path), root.base);
        let added = self.add(schema, path, base)?;
        self.add_subschemas(added)?;
        Ok(Some(added))
    }
}

fn without_fragment(uri: &str) -> &str {
    uri.split_once('#').map_or(uri, |(document, _)| document)
}

fn percent_decoded(fragment: &str) -> String {
    let mut bytes = Vec::with_capacity(fragment.len());
    let mut rest = fragment.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after
            .get(..2)
            .filter(|_| *first == b'%')
            .and_then(|digits| std::str::from_utf8(digits).ok());
        match code.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
