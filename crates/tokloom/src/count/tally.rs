//! What one thread counts: a table, and the sorted runs that it has become whenever its memory was used up.

use std::path::PathBuf;

use super::merge::Sorted;
use super::runs::Runs;
use super::table::{SortedTable, Table};
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
        self.split(text, |pretoken| tally.add(pretoken))?;
        tally.check()
    }

    fn cut(&self, text: &[u8]) -> Result<Option<usize>> {
        Pretokenizer::cut(self, text)
    }
}

pub(super) struct Tally {
    table: Table,
    budget: usize,
    directory: PathBuf,
    runs: Option<Runs>,
    failure: Option<Error>,
}

impl Tally {
    pub(super) fn new(budget: usize, directory: PathBuf) -> Self {
        Self { table: Table::new(budget), budget, directory, runs: None, failure: None }
    }

    /// Counts one more `pretoken`; whether that went well says [`Self::check`], once for a whole text.
    #[inline]
    pub(super) fn add(&mut self, pretoken: &[u8]) {
        if self.table.add(pretoken).is_err() {
            self.add_to_full(pretoken);
        }
    }

    #[cold]
    fn add_to_full(&mut self, pretoken: &[u8]) {
        if self.failure.is_some() {
            return;
        }
        self.failure = self.write_run().err();
        if self.failure.is_none() && self.table.add(pretoken).is_err() {
            let message = "a table without entries has no room for one: please report this".to_owned();
            self.failure = Some(Error::Internal(message));
        }
    }

    fn write_run(&mut self) -> Result<()> {
        let mut entries = std::mem::replace(&mut self.table, Table::new(self.budget)).into_sorted();
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
