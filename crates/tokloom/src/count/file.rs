//! Counts as a file: a line that says what it is, a line of JSON, the entries, and a sha256 of all that.
//!
//! An entry is its length and its count, eight bytes each, the low byte first, and then its bytes; entries are in
//! ascending order of their bytes. So equal counts make equal files.

use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::counts::PretokenCounts;
use crate::error::{Error, Result};
use crate::pretokenize::{Gaps, MAX_REGEX_LENGTH, MAX_SPLITS, Pattern, Split, UNICODE_VERSION};

const MAGIC: &str = "tokloom pretoken counts, version ";
const VERSION: &str = "1";
/// No line of text in the file is longer: the longest pattern there may be, each byte escaped as `\u0000`, has room.
const LONGEST_LINE: u64 = (6 * MAX_REGEX_LENGTH as u64 + 1000) * MAX_SPLITS as u64;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    pattern: Vec<HeaderSplit>,
    unicode: String,
    entries: u64,
    pretokens: u64,
    bytes: u64,
    documents: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HeaderSplit {
    regex: String,
    gaps: HeaderGaps,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum HeaderGaps {
    Characters,
    Whole,
}

impl PretokenCounts {
    /// Writes the counts; equal counts are equal bytes.
    pub fn write(&self, to: impl Write) -> io::Result<()> {
        let mut to = BufWriter::new(Hashed { inner: to, hash: Sha256::new() });
        writeln!(to, "{MAGIC}{VERSION}")?;
        serde_json::to_writer(&mut to, &self.header())?;
        to.write_all(b"\n")?;
        for (pretoken, count) in self.iter() {
            to.write_all(&(pretoken.len() as u64).to_le_bytes())?;
            to.write_all(&count.to_le_bytes())?;
            to.write_all(pretoken)?;
        }
        let Hashed { mut inner, hash } = to.into_inner().map_err(io::IntoInnerError::into_error)?;
        inner.write_all(&hash.finalize())?;
        inner.flush()
    }

    fn header(&self) -> Header {
        let split = |split: &Split| HeaderSplit {
            regex: split.regex.clone(),
            gaps: match split.gaps {
                Gaps::Characters => HeaderGaps::Characters,
                Gaps::Whole => HeaderGaps::Whole,
            },
        };
        Header {
            pattern: self.pattern().splits().iter().map(split).collect(),
            unicode: UNICODE_VERSION.to_owned(),
            entries: self.len() as u64,
            pretokens: self.total_pretokens(),
            bytes: self.total_bytes(),
            documents: self.documents(),
        }
    }

    /// Reads what [`Self::write`] wrote; `origin` is the file's name, for errors.
    ///
    /// # Errors
    /// [`Error::Format`] for anything that isn't such a file, byte for byte, or that another version made.
    pub fn read(from: impl Read, origin: &str) -> Result<Self> {
        let reader = Hashed { inner: BufReader::with_capacity(1 << 16, from), hash: Sha256::new() };
        Reader { reader, origin }.read()
    }
}

struct Reader<'a, R> {
    reader: Hashed<BufReader<R>>,
    origin: &'a str,
}

impl<R: Read> Reader<'_, R> {
    fn read(mut self) -> Result<PretokenCounts> {
        self.check_magic()?;
        let header = self.header()?;
        let splits = header.pattern.into_iter().map(Split::from).collect();
        let pattern = Pattern::from_splits(splits).map_err(|error| self.damaged(&error.to_string()))?;
        let mut counts = PretokenCounts::empty(pattern, header.documents);
        let (mut pretoken, mut last) = (Vec::new(), Vec::new());
        for _ in 0..header.entries {
            let count = self.entry(&mut pretoken)?;
            if count == 0 || pretoken <= last {
                return Err(self.damaged("an entry is out of order, or has no count"));
            }
            counts.push(&pretoken, count).map_err(|error| self.damaged(&error.to_string()))?;
            std::mem::swap(&mut pretoken, &mut last);
        }
        if (counts.total_pretokens(), counts.total_bytes()) != (header.pretokens, header.bytes) {
            return Err(self.damaged("the sums are not those of the entries"));
        }
        self.check_end()?;
        Ok(counts)
    }

    fn check_magic(&mut self) -> Result<()> {
        let mut line = Vec::new();
        // No more than the line should have: who gives a film instead of counts hears so at once.
        self.line(64, &mut line)?;
        let Some(version) = line.strip_prefix(MAGIC.as_bytes()) else {
            let origin = self.origin;
            return Err(Error::Format(format!(
                "{origin}: no file of pretoken counts (made by `tokloom count`)"
            )));
        };
        if version != VERSION.as_bytes() {
            let version = String::from_utf8_lossy(version);
            return Err(Error::Format(format!(
                "{}: its format has version {version:?}, this tokloom reads version {VERSION:?}; count again, or use \
                 the tokloom that wrote it",
                self.origin
            )));
        }
        Ok(())
    }

    fn header(&mut self) -> Result<Header> {
        let mut line = Vec::new();
        self.line(LONGEST_LINE, &mut line)?;
        let header: Header = serde_json::from_slice(&line)
            .map_err(|error| self.damaged(&format!("its second line is not as expected: {error}")))?;
        if header.unicode != UNICODE_VERSION {
            return Err(Error::Format(format!(
                "{}: counted with the letters and digits of Unicode {:?}, this tokloom has {UNICODE_VERSION:?}, so \
                 the same pattern means something else; count again",
                self.origin, header.unicode
            )));
        }
        Ok(header)
    }

    /// Reads a line without its end, or `limit` bytes of one.
    fn line(&mut self, limit: u64, line: &mut Vec<u8>) -> Result<()> {
        let Hashed { inner, hash } = &mut self.reader;
        inner.take(limit).read_until(b'\n', line).map_err(|error| Error::io(self.origin, error))?;
        hash.update(&line);
        line.pop_if(|last| *last == b'\n');
        Ok(())
    }

    /// Replaces `pretoken` by the next one. Memory is taken only for bytes that are there, whatever their number is
    /// said to be.
    fn entry(&mut self, pretoken: &mut Vec<u8>) -> Result<u64> {
        let mut number = || {
            let mut bytes = [0; 8];
            self.reader.read_exact(&mut bytes).map(|()| u64::from_le_bytes(bytes))
        };
        let numbers = number().and_then(|length| Ok((length, number()?)));
        let (length, count) = numbers.map_err(|error| self.explain(error))?;
        pretoken.clear();
        let read = (&mut self.reader).take(length).read_to_end(pretoken);
        if (read.map_err(|error| self.explain(error))? as u64) < length {
            return Err(self.explain(io::ErrorKind::UnexpectedEof.into()));
        }
        Ok(count)
    }

    fn check_end(self) -> Result<()> {
        let mut stored = Vec::new();
        let explain = |error| Error::io(self.origin, error);
        let Hashed { inner, hash } = self.reader;
        let expected = hash.finalize();
        inner.take(expected.len() as u64 + 1).read_to_end(&mut stored).map_err(explain)?;
        if stored == expected.as_slice() {
            return Ok(());
        }
        Err(damaged(self.origin, "the sha256 at its end is not that of its contents"))
    }

    fn explain(&self, error: io::Error) -> Error {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => self.damaged("it is cut short"),
            _ => Error::io(self.origin, error),
        }
    }

    fn damaged(&self, reason: &str) -> Error {
        damaged(self.origin, reason)
    }
}

fn damaged(origin: &str, reason: &str) -> Error {
    Error::Format(format!("{origin}: damaged ({reason}); copy it again, or count again"))
}

impl From<HeaderSplit> for Split {
    fn from(split: HeaderSplit) -> Self {
        let gaps = match split.gaps {
            HeaderGaps::Characters => Gaps::Characters,
            HeaderGaps::Whole => Gaps::Whole,
        };
        Self { regex: split.regex, gaps }
    }
}

/// Reads or writes, and hashes what went by.
struct Hashed<I> {
    inner: I,
    hash: Sha256,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(into)?;
        self.hash.update(&into[..read]);
        Ok(read)
    }
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
