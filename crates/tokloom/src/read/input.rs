//! The bytes of a file, unpacked; and what to say when they are damaged.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use crate::error::{Error, Result};

/// How a file is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip; all members of the file.
    Gzip,
    /// Zstandard; all frames of the file, each with a window of at most 128 MiB.
    Zstd,
}

/// The window that `zstd` itself allows without `--long` on unpacking: what a file may demand is bounded.
const ZSTD_WINDOW_LOG: u32 = 27;

impl Compression {
    /// What the ending of a name says: `.gz` and `.zst`, in any case; anything else is not packed.
    pub fn from_path(path: impl AsRef<Path>) -> Self {
        let extension = path.as_ref().extension().unwrap_or_default();
        if extension.eq_ignore_ascii_case("gz") {
            Compression::Gzip
        } else if extension.eq_ignore_ascii_case("zst") {
            Compression::Zstd
        } else {
            Compression::None
        }
    }

    fn name(self) -> &'static str {
        match self {
            Compression::None => "plain",
            Compression::Gzip => "gz",
            Compression::Zstd => "zst",
        }
    }
}

/// A file that is being read, and its name for errors.
pub(super) struct Input {
    origin: String,
    compression: Compression,
    reader: Box<dyn BufRead + Send>,
}

impl Input {
    pub(super) fn open(path: &Path, compression: Compression) -> Result<Self> {
        let origin = path.display().to_string();
        let file = File::open(path).map_err(|error| Error::io(&origin, error))?;
        let metadata = file.metadata().map_err(|error| Error::io(&origin, error))?;
        if metadata.is_dir() {
            return Err(Error::io(&origin, io::ErrorKind::IsADirectory.into()));
        }
        Self::from_reader(&origin, file, compression)
    }

    pub(super) fn from_reader(
        origin: &str,
        reader: impl Read + Send + 'static,
        compression: Compression,
    ) -> Result<Self> {
        let packed = BufReader::with_capacity(1 << 16, reader);
        let mut input = Self { origin: origin.to_owned(), compression, reader: Box::new(packed) };
        if compression != Compression::None {
            input.reader = input.unpack()?;
        }
        Ok(input)
    }

    fn unpack(&mut self) -> Result<Box<dyn BufRead + Send>> {
        let mut packed = std::mem::replace(&mut self.reader, Box::new(io::empty()));
        // A packed file has a header even when it holds nothing; the libraries differ in what they make of no bytes.
        let nothing = loop {
            match packed.fill_buf() {
                Ok(bytes) => break bytes.is_empty(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.explain(error)),
            }
        };
        if nothing {
            return Err(self.explain(io::ErrorKind::UnexpectedEof.into()));
        }
        Ok(match self.compression {
            Compression::None => packed,
            Compression::Gzip => Box::new(BufReader::new(flate2::bufread::MultiGzDecoder::new(packed))),
            Compression::Zstd => {
                let decoder = zstd::stream::read::Decoder::with_buffer(packed);
                let mut decoder = decoder.map_err(|error| self.explain(error))?;
                decoder.window_log_max(ZSTD_WINDOW_LOG).map_err(|error| self.explain(error))?;
                Box::new(BufReader::new(decoder))
            }
        })
    }

    pub(super) fn origin(&self) -> &str {
        &self.origin
    }

    /// Appends the next `limit` bytes, and says how many there were: fewer only at the end.
    pub(super) fn read(&mut self, limit: usize, into: &mut Vec<u8>) -> Result<usize> {
        let mut reader = (&mut self.reader).take(limit as u64);
        reader.read_to_end(into).map_err(|error| self.explain(error))
    }

    /// Appends the next line with its end, or its first `limit` bytes, and says how many these were.
    pub(super) fn read_line(&mut self, limit: usize, into: &mut Vec<u8>) -> Result<usize> {
        let mut reader = (&mut self.reader).take(limit as u64);
        reader.read_until(b'\n', into).map_err(|error| self.explain(error))
    }

    /// What the system refused is an [`Error::Io`]; anything else is what a library found wrong with packed bytes.
    fn explain(&self, error: io::Error) -> Error {
        if error.raw_os_error().is_some() || self.compression == Compression::None {
            return Error::io(&self.origin, error);
        }
        let (origin, kind) = (&self.origin, self.compression.name());
        let wrong = if error.kind() == io::ErrorKind::UnexpectedEof {
            format!("this {kind} file is cut short")
        } else {
            format!("this {kind} file is damaged, or no {kind} file ({error})")
        };
        let window = if error.to_string().contains("too much memory") {
            "; its window is above 128 MiB: pack it again without --long"
        } else {
            "; nothing behind the fault can be trusted: fetch or pack it again"
        };
        Error::Format(format!("{origin}: {wrong}{window}"))
    }
}
