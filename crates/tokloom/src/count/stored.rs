//! Counts that stay on disk, because they need more memory than there is.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::counts::PretokenCounts;
use super::merge::{Sorted, merge};
use super::runs::Runs;
use crate::error::{Error, Result};
use crate::pretokenize::Pattern;

/// What [`Counter::finish_within`](super::Counter::finish_within) has counted.
pub enum Counted {
    /// All of it fitted into the memory allowed.
    InMemory(PretokenCounts),
    /// It didn't.
    OnDisk(StoredCounts),
}

/// Pretokens and their counts in a temporary file without a name, ascending, each once.
pub struct StoredCounts {
    /// Nothing but the sums and the pattern.
    summary: PretokenCounts,
    runs: Mutex<Runs>,
    len: usize,
    memory: u64,
    directory: PathBuf,
}

impl StoredCounts {
    /// Merges `sources` into one file in `directory`. `memory` is what training from them may use.
    pub(super) fn of<'a>(
        pattern: Pattern,
        documents: u64,
        memory: u64,
        directory: &Path,
        sources: impl IntoIterator<Item = Box<dyn Sorted + 'a>>,
        mut tick: impl FnMut() -> Result<()>,
    ) -> Result<Self> {
        let mut summary = PretokenCounts::empty(pattern, documents);
        let mut runs = Runs::create(directory)?;
        let mut len = 0;
        let mut run = runs.begin();
        merge(sources, |pretoken, count| {
            tick()?;
            summary.add_to_totals(pretoken, count)?;
            len += 1;
            run.entry(pretoken, count)
        })?;
        let place = run.end()?;
        runs.place(place);
        Ok(Self { summary, runs: Mutex::new(runs), len, memory, directory: directory.to_owned() })
    }

    /// The pattern that made the pretokens.
    pub fn pattern(&self) -> &Pattern {
        self.summary.pattern()
    }

    /// How many different pretokens there are; never none.
    #[expect(clippy::len_without_is_empty, reason = "what is empty needs no file")]
    pub fn len(&self) -> usize {
        self.len
    }

    /// How many pretokens were counted.
    pub fn total_pretokens(&self) -> u64 {
        self.summary.total_pretokens()
    }

    /// How many bytes were counted.
    pub fn total_bytes(&self) -> u64 {
        self.summary.total_bytes()
    }

    /// How many bytes of memory training from these counts may use: as many as counting was allowed.
    pub fn memory(&self) -> u64 {
        self.memory
    }

    /// Where temporary files may lie.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Calls `each` with every pretoken and its count, ascending.
    ///
    /// # Errors
    /// [`Error::Io`] for what the system refuses, and what `each` returns.
    pub fn for_each(&self, each: &mut dyn FnMut(&[u8], u64) -> Result<()>) -> Result<()> {
        let broken = |_| Error::Internal("reading these counts failed in another thread".to_owned());
        let mut runs = self.runs.lock().map_err(broken)?;
        let mut pretoken = Vec::new();
        for mut stream in runs.streams(&mut || Ok(()))? {
            while let Some(count) = stream.next(&mut pretoken)? {
                each(&pretoken, count)?;
            }
        }
        Ok(())
    }

    /// The same counts in memory.
    pub fn load(&self) -> Result<PretokenCounts> {
        let mut counts = PretokenCounts::empty(self.pattern().clone(), self.summary.documents());
        self.for_each(&mut |pretoken, count| counts.push(pretoken, count))?;
        Ok(counts)
    }
}
