//! Sorted runs of counts in a temporary file without a name: it is gone with the process, however that ends.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::merge::{Sorted, merge};
use crate::error::{Error, Result};

/// So many runs are merged at a time: more would only be more buffers.
const MERGED_AT_ONCE: usize = 64;
const BUFFER: usize = 32 << 10;

/// Runs one behind the other in one file.
pub(super) struct Runs {
    directory: PathBuf,
    file: File,
    end: u64,
    places: Vec<Range<u64>>,
}

impl Runs {
    /// Makes the file, without runs.
    pub(super) fn create(directory: &Path) -> Result<Self> {
        let file = tempfile::tempfile_in(directory).map_err(|error| explain(directory, error))?;
        Ok(Self::in_file(file, directory))
    }

    fn in_file(file: File, directory: &Path) -> Self {
        Self { directory: directory.to_owned(), file, end: 0, places: Vec::new() }
    }

    /// Writes a run behind the others.
    pub(super) fn append(&mut self, entries: &mut dyn Sorted) -> Result<()> {
        let mut run = self.begin();
        let mut pretoken = Vec::new();
        while let Some(count) = entries.next(&mut pretoken)? {
            run.entry(&pretoken, count)?;
        }
        self.place(run.end()?);
        Ok(())
    }

    /// The runs as sorted streams, after merging them into few; `emitted` is called for every entry this writes.
    pub(super) fn streams(
        &mut self,
        emitted: &mut dyn FnMut() -> Result<()>,
    ) -> Result<Vec<Box<dyn Sorted + '_>>> {
        while self.places.len() > MERGED_AT_ONCE {
            let several: Vec<_> = self.places.drain(..MERGED_AT_ONCE).collect();
            let mut run = self.begin();
            merge(self.readers(&several), |pretoken, count| {
                emitted()?;
                run.entry(pretoken, count)
            })?;
            self.place(run.end()?);
        }
        Ok(self.readers(&self.places))
    }

    pub(super) fn place(&mut self, place: Range<u64>) {
        self.end = place.end;
        self.places.push(place);
    }

    pub(super) fn begin(&self) -> Writer<'_> {
        let window = Window { file: &self.file, at: self.end, end: u64::MAX };
        let writer = BufWriter::with_capacity(BUFFER, window);
        Writer { writer, start: self.end, directory: &self.directory }
    }

    fn readers(&self, places: &[Range<u64>]) -> Vec<Box<dyn Sorted + '_>> {
        let reader = |place: &Range<u64>| {
            let window = Window { file: &self.file, at: place.start, end: place.end };
            let reader = BufReader::with_capacity(BUFFER, window);
            Box::new(Reader { reader, directory: &self.directory }) as Box<dyn Sorted>
        };
        places.iter().map(reader).collect()
    }
}

fn explain(directory: &Path, error: io::Error) -> Error {
    Error::io(format_args!("{} (a temporary file for counts)", directory.display()), error)
}

/// Writes a run: for each entry its length and count, eight bytes each, then its bytes.
pub(super) struct Writer<'a> {
    writer: BufWriter<Window<'a>>,
    start: u64,
    directory: &'a Path,
}

impl Writer<'_> {
    pub(super) fn entry(&mut self, pretoken: &[u8], count: u64) -> Result<()> {
        let mut head = [0; 16];
        head[..8].copy_from_slice(&(pretoken.len() as u64).to_le_bytes());
        head[8..].copy_from_slice(&count.to_le_bytes());
        let written = self.writer.write_all(&head).and_then(|()| self.writer.write_all(pretoken));
        written.map_err(|error| explain(self.directory, error))
    }

    /// Where the run lies.
    pub(super) fn end(mut self) -> Result<Range<u64>> {
        self.writer.flush().map_err(|error| explain(self.directory, error))?;
        Ok(self.start..self.writer.get_ref().at)
    }
}

struct Reader<'a> {
    reader: BufReader<Window<'a>>,
    directory: &'a Path,
}

impl Reader<'_> {
    fn read(&mut self, pretoken: &mut Vec<u8>) -> io::Result<Option<u64>> {
        let inner = self.reader.get_ref();
        if self.reader.buffer().is_empty() && inner.at == inner.end {
            return Ok(None);
        }
        let (mut length, mut count) = ([0; 8], [0; 8]);
        self.reader.read_exact(&mut length)?;
        self.reader.read_exact(&mut count)?;
        pretoken.clear();
        let length = u64::from_le_bytes(length);
        let read = (&mut self.reader).take(length).read_to_end(pretoken)?;
        if (read as u64) < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(Some(u64::from_le_bytes(count)))
    }
}

impl Sorted for Reader<'_> {
    fn next(&mut self, pretoken: &mut Vec<u8>) -> Result<Option<u64>> {
        self.read(pretoken).map_err(|error| explain(self.directory, error))
    }
}

/// A stretch of the file with a position of its own: runs are read, and another written, in turns.
struct Window<'a> {
    file: &'a File,
    at: u64,
    end: u64,
}

impl Read for Window<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let limit = left.min(into.len());
        self.file.seek(SeekFrom::Start(self.at))?;
        let read = self.file.read(&mut into[..limit])?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Write for Window<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.seek(SeekFrom::Start(self.at))?;
        let written = self.file.write(bytes)?;
        self.at += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::count::table::Table;

    fn table(pretokens: impl IntoIterator<Item = String>) -> impl Sorted {
        let mut table = Table::new(usize::MAX);
        for pretoken in pretokens {
            table.add(pretoken.as_bytes()).unwrap();
        }
        table.into_sorted()
    }

    #[test]
    fn many_runs_become_one_stream() {
        let folder = tempfile::tempdir().unwrap();
        let mut runs = Runs::create(folder.path()).unwrap();
        // Enough that the first merges are merged again.
        for run in 0..5000 {
            runs.append(&mut table([format!("{}", run % 7), "x".repeat(run)])).unwrap();
        }
        let mut rewritten = 0;
        let streams = runs.streams(&mut || {
            rewritten += 1;
            Ok(())
        });
        let streams = streams.unwrap();
        assert!(streams.len() <= MERGED_AT_ONCE);
        let mut entries = Vec::new();
        merge(streams, |pretoken, count| {
            entries.push((pretoken.to_vec(), count));
            Ok(())
        })
        .unwrap();
        let digits = (0..7).map(|digit| {
            (format!("{digit}").into_bytes(), (0..5000).filter(|run| run % 7 == digit).count() as u64)
        });
        let lengths = (1..5000).map(|length| (vec![b'x'; length], 1));
        assert_eq!(entries, digits.chain(lengths).collect::<Vec<_>>());
        assert!(rewritten > 0);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "the file has no name");
    }

    #[test]
    fn a_merge_can_be_stopped() {
        let mut runs = Runs::create(&std::env::temp_dir()).unwrap();
        for _ in 0..=MERGED_AT_ONCE {
            runs.append(&mut table(["a".to_owned()])).unwrap();
        }
        assert!(matches!(runs.streams(&mut || Err(Error::Interrupted)), Err(Error::Interrupted)));
    }

    #[test]
    fn no_folder_for_the_file_is_an_error_with_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let error = Runs::create(&folder.path().join("missing")).err().unwrap();
        assert!(matches!(&error, Error::Io { path, .. } if path.contains("missing")), "{error:?}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_an_error_with_its_path() {
        let full = File::options().read(true).write(true).open("/dev/full").unwrap();
        let mut runs = Runs::in_file(full, Path::new("a folder"));
        let error = runs.append(&mut table(["a".to_owned()])).unwrap_err();
        assert!(matches!(&error, Error::Io { path, .. } if path.starts_with("a folder")), "{error:?}");
        assert!(error.to_string().contains("No space left"), "{error}");
    }
}
