//! What one thread counts: a table, and the sorted runs that it has become whenever its memory was used up.

use std::path::PathBuf;

use super::merge::Sorted;
use super::runs::Runs;
use super::table::{Hashed, SortedTable, Table};
use crate::error::{Error, Result};
use crate::pretokenize::Pretokenizer;

/// What divides texts into pretokens. (Beside the pretokenizer only tests have one: that is slow, or fails.)
pub(super) trait Splitter: Send + Sync {
    /// Counts every pretoken of `text`.
    fn count(&self, text: &[u8], tally: &mut Tally) -> Result<()>;
    /// See [`Pretokenizer::cut`].
    fn cut(&self, text: &[u8]) -> Result<Option<usize>>;
}

impl Splitter for Pretokenizer {
    fn count(&self, text: &[u8], tally: &mut Tally) -> Result<()> {
        self.split_blocks(text, |stretch, ends| tally.add_block(stretch, ends))?;
        tally.check()
    }

    fn cut(&self, text: &[u8]) -> Result<Option<usize>> {
        Pretokenizer::cut(self, text)
    }
}

pub(super) struct Tally {
    table: Table,
    directory: PathBuf,
    runs: Option<Runs>,
    failure: Option<Error>,
    /// Of the pretokens of one block.
    hashed: Vec<Hashed>,
}

impl Tally {
    pub(super) fn new(budget: usize, directory: PathBuf) -> Self {
        Self { table: Table::new(budget), directory, runs: None, failure: None, hashed: Vec::new() }
    }

    /// Counts the pretokens that end at `ends` and together are `stretch`; whether that went well says
    /// [`Self::check`], once for a whole text.
    ///
    /// All are hashed first, and their slots asked for: so the memory's latency is paid once for many.
    pub(super) fn add_block(&mut self, stretch: &[u8], ends: &[u32]) {
        let mut start = 0;
        self.hashed.clear();
        for &end in ends {
            let hashed = self.table.hash(stretch, start, end as usize);
            self.table.ask_for(hashed);
            self.hashed.push(hashed);
            start = end as usize;
        }
        start = 0;
        for (index, &end) in ends.iter().enumerate() {
            let (hashed, end) = (self.hashed[index], end as usize);
            let pretoken = &stretch[start..end];
            if self.table.add_hashed(hashed, pretoken, 1).is_err() {
                self.add_to_full(hashed, pretoken);
            }
            start = end;
        }
    }

    #[cold]
    fn add_to_full(&mut self, hashed: Hashed, pretoken: &[u8]) {
        if self.failure.is_some() {
            return;
        }
        self.failure = self.write_run().err();
        if self.failure.is_none() && self.table.add_hashed(hashed, pretoken, 1).is_err() {
            let message = "a table without entries has no room for one: please report this".to_owned();
            self.failure = Some(Error::Internal(message));
        }
    }

    fn write_run(&mut self) -> Result<()> {
        let mut entries = self.table.take_sorted();
        let runs = match &mut self.runs {
            Some(runs) => runs,
            None => self.runs.insert(Runs::create(&self.directory)?),
        };
        runs.append(&mut entries)
    }

    /// What went wrong since the last call.
    pub(super) fn check(&mut self) -> Result<()> {
        self.failure.take().map_or(Ok(()), Err)
    }

    /// Sorts what is still in memory.
    pub(super) fn into_sorted(self) -> SortedTally {
        SortedTally { table: self.table.into_sorted(), runs: self.runs }
    }
}

/// All that one thread has counted, ready to be merged.
pub(super) struct SortedTally {
    table: SortedTable,
    runs: Option<Runs>,
}

impl SortedTally {
    /// Whether a part of it is on disk.
    pub(super) fn is_on_disk(&self) -> bool {
        self.runs.is_some()
    }

    /// The sorted streams of which this consists; see [`Runs::streams`].
    pub(super) fn streams(
        &mut self,
        emitted: &mut dyn FnMut() -> Result<()>,
    ) -> Result<Vec<Box<dyn Sorted + '_>>> {
        let mut streams = match &mut self.runs {
            Some(runs) => runs.streams(emitted)?,
            None => Vec::new(),
        };
        streams.push(Box::new(&mut self.table));
        Ok(streams)
    }
}
