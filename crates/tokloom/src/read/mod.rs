//! Files → documents: text and JSON lines; plain, gz, zst; in batches, never a whole corpus.
//!
//! A document is one text file, or one line of a JSON-lines file. What is damaged, cut short, or not what it should
//! be is an error that says where; no document is skipped.

mod batch;
mod input;
mod json_lines;
mod text;

use std::io::Read;
use std::path::Path;

pub use batch::{Batch, Document};
pub use input::Compression;
pub use text::Cut;

use crate::error::{Error, Result};
use input::Input;
use json_lines::JsonLines;
use text::Text;

/// How the bytes of a file become documents.
pub enum Format {
    /// The file is one document.
    ///
    /// With a [`Cut`] it comes in blocks, each ending where the cut says; what is held in memory is then the longest
    /// stretch without such a place. Without one, the file comes whole.
    Text(Option<Cut>),
    /// Each line that isn't blank is a JSON object, and its string `field` is a document.
    ///
    /// Bytes in the string that aren't UTF-8 stay as they are, and so do control characters that JSON wants escaped;
    /// an escaped surrogate without its partner (`\ud800`) becomes the three bytes that WTF-8 has for it. A line may have up to 1 GiB.
    JsonLines {
        /// The name of the field that holds the text.
        field: String,
    },
}

/// The documents of one file, batch by batch.
///
/// ```no_run
/// # fn main() -> tokloom::Result<()> {
/// use tokloom::read::{Compression, Documents, Format};
///
/// let format = Format::JsonLines { field: "text".to_owned() };
/// let mut documents = Documents::open("corpus.jsonl.gz", format, Compression::Gzip)?;
/// while let Some(batch) = documents.next_batch(1 << 20)? {
///     for document in batch.documents() {
///         println!("{} bytes", document.bytes.len());
///     }
/// }
/// # Ok(())
/// # }
/// ```
pub struct Documents {
    input: Input,
    splitter: Splitter,
    failed: bool,
}

enum Splitter {
    Text(Text),
    JsonLines(JsonLines),
}

impl Documents {
    /// Opens a file.
    pub fn open(path: impl AsRef<Path>, format: Format, compression: Compression) -> Result<Self> {
        Ok(Self::new(Input::open(path.as_ref(), compression)?, format))
    }

    /// Reads from something that is no file, such as standard input; `origin` is its name in errors.
    pub fn from_reader(
        origin: &str,
        reader: impl Read + Send + 'static,
        format: Format,
        compression: Compression,
    ) -> Result<Self> {
        Ok(Self::new(Input::from_reader(origin, reader, compression)?, format))
    }

    fn new(input: Input, format: Format) -> Self {
        let splitter = match format {
            Format::Text(cut) => Splitter::Text(Text::new(cut)),
            Format::JsonLines { field } => Splitter::JsonLines(JsonLines::new(field)),
        };
        Self { input, splitter, failed: false }
    }

    /// The next documents: what about `max_bytes` more bytes of the (unpacked) file hold. `None` is the end.
    ///
    /// A batch may be empty, for instance while a long block is being read: so a call never takes long, and the
    /// caller can look for Ctrl-C in between.
    ///
    /// # Errors
    /// [`Error::Io`] for what the system refused, [`Error::Format`] for what is damaged, cut short, or not of this
    /// format. After an error there is nothing more to read.
    pub fn next_batch(&mut self, max_bytes: usize) -> Result<Option<Batch>> {
        if self.failed {
            let message = format!("{}: reading failed before; open it again", self.input.origin());
            return Err(Error::Argument(message));
        }
        let max_bytes = max_bytes.max(1);
        let batch = match &mut self.splitter {
            Splitter::Text(text) => text.next_batch(&mut self.input, max_bytes),
            Splitter::JsonLines(lines) => lines.next_batch(&mut self.input, max_bytes),
        };
        self.failed = batch.is_err();
        batch
    }
}

/// Calls `each` with every document of a file, in order; a text with a [`Cut`] comes in several, each continuing the
/// one before.
pub fn for_each(
    path: impl AsRef<Path>,
    format: Format,
    compression: Compression,
    each: &mut dyn FnMut(Document<'_>) -> Result<()>,
) -> Result<()> {
    // A few MB: large enough that the cost of a call vanishes, small beside what a counter or an encoder holds.
    const BLOCK: usize = 4 << 20;
    let mut documents = Documents::open(path, format, compression)?;
    while let Some(batch) = documents.next_batch(BLOCK)? {
        for document in batch.documents() {
            each(document)?;
        }
    }
    Ok(())
}
