//! A JSON value inside a file: its text, not yet parsed, and where it stands, so that every error can say so.
//!
//! Files are walked a value at a time and nothing is kept before it is known what it is, so a hostile one costs no
//! more memory than its own size.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::error::{Error, Result};
use crate::formats::foreign;

/// The largest vocabularies known are below 40 MB.
const FILE_LIMIT: usize = 256 << 20;
/// What isn't a list of tokens or merges is a few kilobytes in practice.
const SMALL_LIMIT: usize = 1 << 20;
/// No object with named fields has more than a dozen.
const FIELD_LIMIT: usize = 64;

/// A whole file.
#[derive(Clone, Copy)]
struct Source<'a> {
    origin: &'a str,
    text: &'a str,
}

/// One value in it.
#[derive(Clone)]
pub(super) struct Section<'a> {
    source: Source<'a>,
    /// Its path in the file, as in `model.merges[3]`; empty for the whole.
    name: String,
    text: &'a str,
}

impl<'a> Section<'a> {
    /// The whole file, if it isn't too large and is text.
    pub fn of_file(bytes: &'a [u8], origin: &'a str) -> Result<Self> {
        let wrong = |what: String| Error::Format(format!("{origin}: {what}"));
        if bytes.len() > FILE_LIMIT {
            let size = bytes.len() >> 20;
            return Err(wrong(format!(
                "{size} MiB, over the limit of {} MiB for a vocabulary",
                FILE_LIMIT >> 20
            )));
        }
        if bytes.trim_ascii().is_empty() {
            return Err(wrong("empty; a download may have failed".to_owned()));
        }
        if let Some(what) = foreign::looks_like(bytes) {
            return Err(wrong(format!("not a `tokenizer.json`: it looks like {what}")));
        }
        let text = std::str::from_utf8(bytes).map_err(|error| {
            wrong(format!("not a `tokenizer.json`: not UTF-8 from byte {} on", error.valid_up_to()))
        })?;
        Ok(Self { source: Source { origin, text }, name: String::new(), text })
    }

    /// A field of this value.
    pub fn field(&self, key: &str, text: &'a str) -> Self {
        let name = if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) };
        Self { name, text, ..*self }
    }

    /// An item of this value.
    pub fn item(&self, index: usize, text: &'a str) -> Self {
        Self { name: format!("{}[{index}]", self.name), text, ..*self }
    }

    /// Calls `each` with the key and the text of every field, in the file's order; equal keys are the caller's matter.
    pub fn each_field(&self, mut each: impl FnMut(Cow<'a, str>, &'a str) -> Result<()>) -> Result<()> {
        let mut failure = None;
        let mut parser = serde_json::Deserializer::from_str(self.text);
        let visitor = Fields { each: &mut each, failure: &mut failure };
        let outcome = parser.deserialize_map(visitor).and_then(|()| parser.end());
        self.conclude(outcome, failure)
    }

    /// Calls `each` with the index and the text of every item.
    pub fn each_item(&self, mut each: impl FnMut(usize, &'a str) -> Result<()>) -> Result<()> {
        let mut failure = None;
        let mut parser = serde_json::Deserializer::from_str(self.text);
        let visitor = Items { each: &mut each, failure: &mut failure };
        let outcome = parser.deserialize_seq(visitor).and_then(|()| parser.end());
        self.conclude(outcome, failure)
    }

    /// All fields of an object that has a known few; equal keys are refused.
    pub fn fields(&self) -> Result<Vec<(Cow<'a, str>, Section<'a>)>> {
        let mut fields: Vec<(Cow<'a, str>, Section<'a>)> = Vec::new();
        self.each_field(|key, text| {
            let field = self.field(&key, text);
            if fields.iter().any(|(known, _)| *known == key) {
                return Err(field.wrong("given twice; remove one of them"));
            }
            if fields.len() == FIELD_LIMIT {
                return Err(self.wrong(format!("more than {FIELD_LIMIT} fields")));
            }
            fields.push((key, field));
            Ok(())
        })?;
        Ok(fields)
    }

    /// The name in the field `type`.
    pub fn type_name(&self) -> Result<String> {
        for (key, field) in self.fields()? {
            if key == "type" {
                return field.parse();
            }
        }
        Err(self.wrong("has no field `type`, so it isn't known what it does"))
    }

    /// The value as `T`. For values of bounded size: see [`Self::small`].
    pub fn parse<T: Deserialize<'a>>(&self) -> Result<T> {
        serde_json::from_str(self.text).map_err(|error| self.malformed(&error))
    }

    /// Refuses a value that is too large or too deep for what it describes (serde_json ends at a depth of 128).
    pub fn small(&self) -> Result<()> {
        if self.text.len() > SMALL_LIMIT {
            return Err(self.wrong(format!("{} bytes, over the limit of {SMALL_LIMIT}", self.text.len())));
        }
        self.parse::<serde_json::Value>().map(drop)
    }

    pub fn is_null(&self) -> bool {
        self.text == "null"
    }

    /// The unparsed value.
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// The value in a few words, for a message.
    pub fn described(&self) -> String {
        match self.text.bytes().next() {
            Some(b'{') => match self.type_name() {
                Ok(name) => format!("an object of type \"{}\"", name.chars().take(60).collect::<String>()),
                Err(_) => "an object".to_owned(),
            },
            Some(b'[') => "a list".to_owned(),
            _ if self.text.len() > 80 => format!("{}…", self.text.chars().take(60).collect::<String>()),
            _ => self.text.to_owned(),
        }
    }

    /// An error: the file contradicts itself or its format.
    pub fn wrong(&self, what: impl fmt::Display) -> Error {
        let (line, column) = self.place();
        self.error(line, column, what)
    }

    /// An error: the file is in order, but asks for something that the engine doesn't do exactly.
    pub fn unsupported(&self, what: impl fmt::Display) -> Error {
        let (line, column) = self.place();
        let place = format!("{}, line {line}, column {column}", self.source.origin);
        let reason = format!("{}: {what}", self.shown_name());
        let message = format!(
            "{place}: {reason}. tokloom's engine does byte-level BPE exactly or not at all; this file is for the \
             `tokenizers` library, behind tokloom's adapter"
        );
        Error::Unsupported { message, reason }
    }

    /// The error for a field that isn't known: dropping it might change ids.
    pub fn unknown_field(&self) -> Error {
        self.unsupported(format!("an unknown field (its value is {})", self.described()))
    }

    fn error(&self, line: usize, column: usize, what: impl fmt::Display) -> Error {
        let (origin, name) = (self.source.origin, self.shown_name());
        Error::Format(format!("{origin}, line {line}, column {column}: {name}: {what}"))
    }

    fn shown_name(&self) -> &str {
        if self.name.is_empty() { "the file" } else { &self.name }
    }

    fn conclude(&self, outcome: serde_json::Result<()>, failure: Option<Error>) -> Result<()> {
        match failure {
            Some(error) => Err(error),
            None => outcome.map_err(|error| self.malformed(&error)),
        }
    }

    /// serde_json's error, its place counted from the beginning of the file.
    fn malformed(&self, error: &serde_json::Error) -> Error {
        let message = error.to_string();
        let own_place = format!(" at line {} column {}", error.line(), error.column());
        let what = message.strip_suffix(&own_place).unwrap_or(&message);
        let (line, column) = self.place();
        match error.line() {
            0 => self.error(line, column, what),
            1 => self.error(line, column + error.column().saturating_sub(1), what),
            later => self.error(line + later - 1, error.column(), what),
        }
    }

    /// Line and column (in bytes), from 1.
    fn place(&self) -> (usize, usize) {
        let offset = (self.text.as_ptr() as usize).saturating_sub(self.source.text.as_ptr() as usize);
        let before = self.source.text.as_bytes().get(..offset).unwrap_or_default();
        let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
        let column = before.iter().rev().take_while(|&&byte| byte != b'\n').count() + 1;
        (line, column)
    }
}

/// A string of the file, copied only if it has escapes.
pub(super) struct Text<'a>(pub Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Borrow;
        impl<'de> Visitor<'de> for Borrow {
            type Value = Cow<'de, str>;
            fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
                formatter.write_str("a string")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> std::result::Result<Self::Value, E> {
                Ok(Cow::Borrowed(text))
            }
            fn visit_str<E>(self, text: &str) -> std::result::Result<Self::Value, E> {
                Ok(Cow::Owned(text.to_owned()))
            }
        }
        deserializer.deserialize_str(Borrow).map(Text)
    }
}

/// Stops serde with our own error: serde's can carry only a text.
fn stop<E: serde::de::Error>(failure: &mut Option<Error>, error: Error) -> E {
    *failure = Some(error);
    E::custom("stopped")
}

struct Fields<'f, F> {
    each: &'f mut F,
    failure: &'f mut Option<Error>,
}

impl<'de, F: FnMut(Cow<'de, str>, &'de str) -> Result<()>> Visitor<'de> for Fields<'_, F> {
    type Value = ();
    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("an object")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<(), A::Error> {
        while let Some(Text(key)) = map.next_key()? {
            let value: &'de RawValue = map.next_value()?;
            (self.each)(key, value.get()).map_err(|error| stop::<A::Error>(self.failure, error))?;
        }
        Ok(())
    }
}

struct Items<'f, F> {
    each: &'f mut F,
    failure: &'f mut Option<Error>,
}

impl<'de, F: FnMut(usize, &'de str) -> Result<()>> Visitor<'de> for Items<'_, F> {
    type Value = ();
    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("a list")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> std::result::Result<(), A::Error> {
        let mut index = 0;
        while let Some(value) = list.next_element::<&'de RawValue>()? {
            (self.each)(index, value.get()).map_err(|error| stop::<A::Error>(self.failure, error))?;
            index += 1;
        }
        Ok(())
    }
}
