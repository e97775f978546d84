//! Words as token ids in a temporary file without a name: it is gone with the process, however that ends.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Seek, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

const BUFFER: usize = 256 << 10;

/// Appends a number in as many bytes as it needs: seven bits each, the lowest first.
#[inline]
pub(super) fn put_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Takes a number from the beginning of `bytes`; `None` if it isn't whole.
#[inline]
pub(super) fn take_number(bytes: &mut &[u8]) -> Option<u64> {
    let (mut number, mut shift) = (0, 0);
    loop {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7F) << shift;
        if byte < 0x80 {
            return Some(number);
        }
        shift += 7;
        if shift > 63 {
            return None;
        }
    }
}

fn explain(directory: &Path, error: io::Error) -> Error {
    Error::io(format_args!("{} (a temporary file for words)", directory.display()), error)
}

/// Writes words: of each the count, the number of ids, the ids.
pub(super) struct WordWriter {
    writer: BufWriter<File>,
    directory: PathBuf,
    word: Vec<u8>,
}

impl WordWriter {
    pub(super) fn create(directory: &Path) -> Result<Self> {
        let file = tempfile::tempfile_in(directory).map_err(|error| explain(directory, error))?;
        Ok(Self::in_file(file, directory))
    }

    fn in_file(file: File, directory: &Path) -> Self {
        let writer = BufWriter::with_capacity(BUFFER, file);
        Self { writer, directory: directory.to_owned(), word: Vec::new() }
    }

    pub(super) fn push(&mut self, ids: &[u32], count: u64) -> Result<()> {
        self.word.clear();
        put_number(&mut self.word, count);
        put_number(&mut self.word, ids.len() as u64);
        ids.iter().for_each(|&id| put_number(&mut self.word, id.into()));
        self.writer.write_all(&self.word).map_err(|error| explain(&self.directory, error))
    }

    pub(super) fn finish(self) -> Result<WordFile> {
        let directory = self.directory;
        let file = self.writer.into_inner().map_err(|error| explain(&directory, error.into_error()))?;
        Ok(WordFile { file, directory })
    }
}

pub(super) struct WordFile {
    file: File,
    directory: PathBuf,
}

impl WordFile {
    /// Calls `each` with the ids and the count of every word, until it says that it wants no more (`false`).
    pub(super) fn for_each(
        &mut self,
        each: &mut dyn FnMut(&mut Vec<u32>, u64) -> Result<bool>,
    ) -> Result<()> {
        let directory = &self.directory;
        let explain = |error| explain(directory, error);
        self.file.rewind().map_err(explain)?;
        let mut reader = BufReader::with_capacity(BUFFER, &self.file);
        let mut ids = Vec::new();
        while !reader.fill_buf().map_err(explain)?.is_empty() {
            let count = read_number(&mut reader).map_err(explain)?;
            let length = read_number(&mut reader).map_err(explain)?;
            ids.clear();
            for _ in 0..length {
                ids.push(read_number(&mut reader).map_err(explain)? as u32);
            }
            if !each(&mut ids, count)? {
                break;
            }
        }
        Ok(())
    }
}

#[inline]
fn read_number(reader: &mut BufReader<&File>) -> io::Result<u64> {
    let mut buffered = reader.buffer();
    let before = buffered.len();
    if let Some(number) = take_number(&mut buffered) {
        let taken = before - buffered.len();
        reader.consume(taken);
        return Ok(number);
    }
    // It goes on behind what is in the buffer.
    let mut bytes = Vec::new();
    loop {
        let mut byte = [0];
        io::Read::read_exact(reader, &mut byte)?;
        bytes.push(byte[0]);
        if let Some(number) = take_number(&mut &bytes[..]) {
            return Ok(number);
        }
        if bytes.len() > 10 {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = WordWriter::create(folder.path()).unwrap();
        // Numbers of every length, across the ends of many buffers.
        let words: Vec<(Vec<u32>, u64)> = (0..60_000u32)
            .map(|word| ((0..word % 9).map(|id| id << (word % 28)).collect(), u64::MAX >> (word % 64)))
            .collect();
        words.iter().for_each(|(ids, count)| writer.push(ids, *count).unwrap());
        let mut file = writer.finish().unwrap();
        for wanted in [words.len(), 7] {
            let mut read = Vec::new();
            file.for_each(&mut |ids, count| {
                read.push((ids.clone(), count));
                Ok(read.len() < wanted)
            })
            .unwrap();
            assert_eq!(read, words[..wanted]);
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "the file has no name");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_an_error_with_its_path() {
        let full = File::options().read(true).write(true).open("/dev/full").unwrap();
        let mut writer = WordWriter::in_file(full, Path::new("a folder"));
        writer.push(&[1, 2], 3).unwrap();
        let error = writer.finish().err().unwrap();
        assert!(matches!(&error, Error::Io { path, .. } if path.starts_with("a folder")), "{error:?}");
    }
}
