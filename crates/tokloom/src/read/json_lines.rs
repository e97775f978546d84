//! JSON lines: a document is one string field of one line.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};

use super::batch::Batch;
use super::input::Input;
use crate::error::{Error, Result};

/// A longer line is no line: most likely the file is not JSON lines, and would be held whole.
const LONGEST_LINE: usize = 1 << 30;

pub(super) struct JsonLines {
    field: String,
    line: Vec<u8>,
    number: u64,
    longest: usize,
}

impl JsonLines {
    pub(super) fn new(field: String) -> Self {
        Self { field, line: Vec::new(), number: 0, longest: LONGEST_LINE }
    }

    pub(super) fn next_batch(&mut self, input: &mut Input, max_bytes: usize) -> Result<Option<Batch>> {
        let mut batch = Batch::new();
        let mut read = 0;
        // Bounded by the lines, not by the documents: what a line holds beside its document takes time as well.
        while read < max_bytes {
            let length = self.next_line(input)?;
            if length == 0 {
                return Ok((read > 0).then_some(batch));
            }
            read += length;
            let line = object(&self.line, self.number);
            if !line.trim_ascii().is_empty() {
                self.take_field(line, &mut batch).map_err(|error| self.explain(input, line, &error))?;
            }
        }
        Ok(Some(batch))
    }

    fn next_line(&mut self, input: &mut Input) -> Result<usize> {
        self.line.clear();
        // Room for one byte more shows that a line is too long; that byte may also be the line's end.
        let length = input.read_line(self.longest.saturating_add(1), &mut self.line)?;
        self.number += 1;
        if length > self.longest && !self.line.ends_with(b"\n") {
            let (origin, number, longest) = (input.origin(), self.number, self.longest);
            return Err(Error::Format(format!(
                "{origin}, line {number}: longer than {longest} bytes; is this really a JSON-lines file?"
            )));
        }
        Ok(length)
    }

    fn take_field(&self, line: &[u8], batch: &mut Batch) -> serde_json::Result<()> {
        let mut json = serde_json::Deserializer::from_slice(line);
        json.deserialize_map(Field { name: &self.field, into: batch.open_document() })?;
        json.end()?;
        batch.close_document();
        Ok(())
    }

    fn explain(&self, input: &Input, line: &[u8], error: &serde_json::Error) -> Error {
        let (origin, number, column) = (input.origin(), self.number, error.column());
        let text = error.to_string();
        let position = format!(" at line {} column {column}", error.line());
        let reason = text.strip_suffix(&position).unwrap_or(&text);
        let advice = if reason.starts_with(MISSING) { field_names(line) } else { String::new() };
        Error::Format(format!("{origin}, line {number}, column {column}: {reason}{advice}"))
    }
}

/// The line without its end, and without a byte order mark at the beginning of the file.
fn object(line: &[u8], number: u64) -> &[u8] {
    let line = if number == 1 { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line) } else { line };
    line.trim_ascii_end()
}

const MISSING: &str = "no field";

/// Finds one field in an object and appends its string; everything else is checked, but not kept.
struct Field<'a> {
    name: &'a str,
    into: &'a mut Vec<u8>,
}

impl<'de> Visitor<'de> for Field<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "an object with the field {:?}", self.name)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<(), A::Error> {
        let mut found = false;
        while let Some(wanted) = map.next_key_seed(IsName(self.name))? {
            if !wanted {
                map.next_value::<IgnoredAny>()?;
            } else if found {
                return Err(A::Error::custom(format!("the field {:?} occurs twice", self.name)));
            } else {
                found = true;
                map.next_value_seed(AppendString { name: self.name, into: self.into })?;
            }
        }
        if found { Ok(()) } else { Err(A::Error::custom(format!("{MISSING} {:?}", self.name))) }
    }
}

/// Whether a key is the wanted one. Compared as bytes: a key that isn't UTF-8 is just another key.
struct IsName<'a>(&'a str);

impl<'de> DeserializeSeed<'de> for IsName<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> std::result::Result<bool, D::Error> {
        deserializer.deserialize_bytes(self)
    }
}

impl Visitor<'_> for IsName<'_> {
    type Value = bool;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a field's name")
    }

    fn visit_bytes<E>(self, key: &[u8]) -> std::result::Result<bool, E> {
        Ok(key == self.0.as_bytes())
    }
}

struct AppendString<'a> {
    name: &'a str,
    into: &'a mut Vec<u8>,
}

impl<'de> DeserializeSeed<'de> for AppendString<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> std::result::Result<(), D::Error> {
        deserializer.deserialize_bytes(self)
    }
}

impl Visitor<'_> for AppendString<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a string in the field {:?}", self.name)
    }

    fn visit_bytes<E>(self, text: &[u8]) -> std::result::Result<(), E> {
        self.into.extend_from_slice(text);
        Ok(())
    }
}

/// What fields a line has, for the error that says that the wanted one is missing: so the names are gathered in a
/// second reading, and cost nothing where all is well.
fn field_names(line: &[u8]) -> String {
    let mut names = Vec::new();
    let mut json = serde_json::Deserializer::from_slice(line);
    // The line was read to its end before, so there is no new error to tell.
    let _ = json.deserialize_map(Names(&mut names));
    match names.len() {
        0 => "; this line has no fields".to_owned(),
        _ => format!("; this line has: {}", names.join(", ")),
    }
}

struct Names<'a>(&'a mut Vec<String>);

impl<'de> Visitor<'de> for Names<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<(), A::Error> {
        while let Some((name, IgnoredAny)) = map.next_entry_seed(Name, std::marker::PhantomData)? {
            // An error is read by a person: some names, cut short, and "…" for the rest.
            match self.0.len() {
                0..20 => self.0.push(name),
                20 => self.0.push("…".to_owned()),
                _ => {}
            }
        }
        Ok(())
    }
}

struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> std::result::Result<String, D::Error> {
        deserializer.deserialize_bytes(self)
    }
}

impl Visitor<'_> for Name {
    type Value = String;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a field's name")
    }

    fn visit_bytes<E>(self, key: &[u8]) -> std::result::Result<String, E> {
        let name: Cow<'_, str> = String::from_utf8_lossy(key);
        Ok(format!("{:?}", name.chars().take(60).collect::<String>()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::Compression;

    /// The bound is 1 GiB; the same code with a small one.
    fn read(longest: usize, bytes: &'static [u8]) -> Result<Option<Batch>> {
        let mut input = Input::from_reader("a.jsonl", bytes, Compression::None)?;
        let mut lines = JsonLines { longest, ..JsonLines::new("t".to_owned()) };
        lines.next_batch(&mut input, 1000)
    }

    #[test]
    fn a_line_has_a_bound() {
        for whole in [&b"{\"t\":\"1234\"}\n"[..], b"{\"t\":\"1234\"}"] {
            assert_eq!(read(12, whole).unwrap().unwrap().bytes(), b"1234");
            let error = read(11, whole).unwrap_err().to_string();
            assert!(error.starts_with("a.jsonl, line 1: longer than 11 bytes"), "{error}");
        }
    }
}
