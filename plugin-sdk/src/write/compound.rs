//! Lists and objects while they are written. An error inside learns its place here.

use serde::Serialize;
use serde::ser::{
    Error as _, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant,
    SerializeTuple, SerializeTupleStruct, SerializeTupleVariant,
};

use super::writer::Writer;
use crate::misfit::Misfit;

/// A list or an object.
pub struct Compound<'w> {
    writer: &'w mut Writer,
    /// Its closing brackets.
    end: &'static str,
    count: usize,
    /// Where the name of the member begins that was written last.
    name_at: usize,
}

impl<'w> Compound<'w> {
    pub fn begin(writer: &'w mut Writer, begin: &str, end: &'static str) -> Self {
        writer.text.push_str(begin);
        Self { writer, end, count: 0, name_at: 0 }
    }

    fn next(&mut self) {
        if self.count > 0 {
            self.writer.text.push(',');
        }
        self.count += 1;
    }

    fn name(&mut self, name: &str) {
        self.next();
        self.writer.quote(name);
        self.writer.text.push(':');
    }

    fn item<T: Serialize + ?Sized>(&mut self, item: &T) -> Result<(), Misfit> {
        self.next();
        match item.serialize(&mut *self.writer) {
            Ok(()) => Ok(()),
            Err(misfit) => Err(misfit.in_item(self.count - 1)),
        }
    }

    fn member<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), Misfit> {
        self.name(name);
        match value.serialize(&mut *self.writer) {
            Ok(()) => Ok(()),
            Err(misfit) => Err(misfit.in_member(name)),
        }
    }

    fn close(self) {
        self.writer.text.push_str(self.end);
    }

    /// Makes a name of what was written as a key: numbers and truth values get quotes.
    fn name_written(&mut self) -> Result<(), Misfit> {
        let text = &mut self.writer.text;
        match text.as_bytes().get(self.name_at) {
            Some(b'"') => {}
            Some(b'-' | b'0'..=b'9' | b't' | b'f') => {
                text.insert(self.name_at, '"');
                text.push('"');
            }
            _ => return Err(Misfit::custom("key must be a string")),
        }
        text.push(':');
        Ok(())
    }

    #[cold]
    #[inline(never)]
    fn in_last_member(&self, misfit: Misfit, end: usize) -> Misfit {
        let name = self.writer.text.get(self.name_at..end).unwrap_or_default();
        misfit.in_member(name.trim_end_matches(':').trim_matches('"'))
    }
}

impl SerializeMap for Compound<'_> {
    type Ok = ();
    type Error = Misfit;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Misfit> {
        self.next();
        self.name_at = self.writer.text.len();
        key.serialize(&mut *self.writer)?;
        self.name_written()
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Misfit> {
        let end = self.writer.text.len();
        match value.serialize(&mut *self.writer) {
            Ok(()) => Ok(()),
            Err(misfit) => Err(self.in_last_member(misfit, end)),
        }
    }

    fn end(self) -> Result<(), Misfit> {
        self.close();
        Ok(())
    }
}

macro_rules! items {
    ($($kind:ident: $method:ident),*) => {
        $(impl $kind for Compound<'_> {
            type Ok = ();
            type Error = Misfit;

            fn $method<T: Serialize + ?Sized>(&mut self, item: &T) -> Result<(), Misfit> {
                self.item(item)
            }

            fn end(self) -> Result<(), Misfit> {
                self.close();
                Ok(())
            }
        })*
    };
}

macro_rules! members {
    ($($kind:ident),*) => {
        $(impl $kind for Compound<'_> {
            type Ok = ();
            type Error = Misfit;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), Misfit> {
                self.member(name, value)
            }

            fn end(self) -> Result<(), Misfit> {
                self.close();
                Ok(())
            }
        })*
    };
}

items!(
    SerializeSeq: serialize_element, SerializeTuple: serialize_element,
    SerializeTupleStruct: serialize_field, SerializeTupleVariant: serialize_field
);

members!(SerializeStructVariant);

/// Of a `RawValue`, which `serde_json` names so, only the text is written, as it is.
impl SerializeStruct for Compound<'_> {
    type Ok = ();
    type Error = Misfit;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Misfit> {
        if self.writer.is_raw {
            return value.serialize(&mut *self.writer);
        }
        self.member(name, value)
    }

    fn end(self) -> Result<(), Misfit> {
        self.writer.is_raw = false;
        self.close();
        Ok(())
    }
}
