//! Documents → counts, on one thread or several.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::Tick;
use super::counts::PretokenCounts;
use super::merge::{Sorted, merge};
use super::pieces::{PIECE, pieces};
use super::stored::{Counted, StoredCounts};
use super::tally::{SortedTally, Splitter, Tally};
use super::workers::{PATIENCE, Workers};
use crate::error::{Error, Result};
use crate::pretokenize::{Pattern, Pretokenizer};
use crate::read::Batch;

/// Counts the pretokens of documents.
///
/// ```no_run
/// # fn main() -> tokloom::Result<()> {
/// use tokloom::Pattern;
/// use tokloom::count::Counter;
///
/// let pattern = Pattern::regex(r"\w+|\W");
/// let mut counter = Counter::new(&pattern, 2, Some(1 << 30))?;
/// let mut tick = |_bytes_counted| Ok(()); // a place for a progress bar, or to look for Ctrl-C
/// counter.add_document(b"one document", &mut tick)?;
/// counter.add_document(b"another one", &mut tick)?;
/// let counts = counter.finish(&mut tick)?;
/// assert_eq!(counts.documents(), 2);
/// # Ok(())
/// # }
/// ```
///
/// With more than one thread, these live as long as the counter, and documents wait in a short queue: an error of a
/// thread comes back on a later call. After an error (or a tick that wanted to stop) a counter counts no more.
pub struct Counter {
    pattern: Pattern,
    splitter: Arc<dyn Splitter>,
    state: State,
    /// Small documents that wait to be one batch.
    pending: Batch,
    documents: u64,
    counted: Arc<AtomicU64>,
    pace: Pace,
    memory: Option<u64>,
    directory: PathBuf,
}

enum State {
    Alone(Box<Tally>),
    Shared(Workers),
    Failed,
}

impl Counter {
    /// A counter of the pretokens that `pattern` makes, on the caller's thread (`threads` = 1) or on several others.
    ///
    /// `memory` is how many bytes counting may use. Half of it is for the tables of all threads together: one that
    /// needs more goes to a temporary file, sorted, and the parts are merged in the end. Not in this budget: the
    /// documents under way (some megabytes for each thread, or the longest stretch that can't be cut), and what
    /// [`Self::finish`] returns, which is in memory whole ([`Self::finish_within`] leaves it on disk).
    ///
    /// # Errors
    /// A pattern that doesn't compile, no threads, or threads that the system refuses.
    pub fn new(pattern: &Pattern, threads: usize, memory: Option<u64>) -> Result<Self> {
        let splitter = Arc::new(Pretokenizer::new(pattern)?);
        Self::with_temporary_directory(pattern, splitter, threads, memory, std::env::temp_dir())
    }

    /// Like [`Self::new`], with a pretokenizer that there is already (it must be `pattern`'s), and with the folder
    /// for temporary files. These have no names, and are gone with the counter, or with the process.
    pub fn with_temporary_directory(
        pattern: &Pattern,
        pretokenizer: Arc<Pretokenizer>,
        threads: usize,
        memory: Option<u64>,
        directory: PathBuf,
    ) -> Result<Self> {
        Self::with_splitter(pattern, pretokenizer, threads, memory, directory)
    }

    pub(super) fn with_splitter(
        pattern: &Pattern,
        splitter: Arc<dyn Splitter>,
        threads: usize,
        memory: Option<u64>,
        directory: PathBuf,
    ) -> Result<Self> {
        if threads == 0 {
            return Err(Error::Argument("counting needs at least one thread, not 0".to_owned()));
        }
        let share = |memory: u64| usize::try_from(memory / 2 / threads as u64).unwrap_or(usize::MAX);
        let budget = memory.map_or(usize::MAX, share);
        let tally = || Tally::new(budget, directory.clone());
        let counted = Arc::new(AtomicU64::new(0));
        let state = if threads == 1 {
            State::Alone(Box::new(tally()))
        } else {
            let tallies = (0..threads).map(|_| tally()).collect();
            State::Shared(Workers::start(&splitter, tallies, &counted)?)
        };
        let pattern = pattern.clone();
        let (pending, pace) = (Batch::new(), Pace::new());
        Ok(Self { pattern, splitter, state, pending, documents: 0, counted, pace, memory, directory })
    }

    /// Counts one document. With threads it is copied, a megabyte at a time, and may be counted later.
    pub fn add_document(&mut self, document: &[u8], tick: Tick<'_>) -> Result<()> {
        let result = self.try_add_document(document, tick);
        self.keep_failure(result)
    }

    fn try_add_document(&mut self, document: &[u8], tick: Tick<'_>) -> Result<()> {
        self.documents += 1;
        match &mut self.state {
            State::Failed => Err(failed_before()),
            State::Alone(tally) => {
                count_here(document, &*self.splitter, tally, &self.counted, &mut self.pace, tick)
            }
            State::Shared(workers) => pieces(document, &*self.splitter, |piece| {
                self.pending.push(piece);
                // A document may be empty: its place in the batch is memory as well.
                if self.pending.bytes().len() + 8 * self.pending.len() < PIECE {
                    return Ok(());
                }
                self.pace.tick(&self.counted, tick)?;
                workers.send(std::mem::take(&mut self.pending), tick)
            }),
        }
    }

    /// Counts a batch of documents, without copying it. (A block that continues a document must begin where that
    /// may be cut, as [`Documents`](crate::read::Documents) sees to.)
    pub fn add_batch(&mut self, batch: Batch, tick: Tick<'_>) -> Result<()> {
        let result = self.try_add_batch(batch, tick);
        self.keep_failure(result)
    }

    fn try_add_batch(&mut self, batch: Batch, tick: Tick<'_>) -> Result<()> {
        self.documents += batch.documents_begun() as u64;
        match &mut self.state {
            State::Failed => Err(failed_before()),
            State::Alone(tally) => batch.documents().try_for_each(|document| {
                count_here(document.bytes, &*self.splitter, tally, &self.counted, &mut self.pace, tick)
            }),
            State::Shared(_) if batch.bytes().is_empty() => Ok(()),
            // Small files together: a thread that is woken for each of some kilobytes wakes more than it counts.
            State::Shared(workers) if batch.bytes().len() < PIECE / 4 => {
                batch.documents().for_each(|document| self.pending.push(document.bytes));
                if self.pending.bytes().len() + 8 * self.pending.len() < PIECE {
                    return Ok(());
                }
                self.pace.tick(&self.counted, tick)?;
                workers.send(std::mem::take(&mut self.pending), tick)
            }
            State::Shared(workers) => {
                self.pace.tick(&self.counted, tick)?;
                workers.send(batch, tick)
            }
        }
    }

    /// How many bytes were counted so far.
    pub fn bytes_counted(&self) -> u64 {
        self.counted.load(Ordering::Relaxed)
    }

    /// Waits for the threads and adds up what they have counted, in memory.
    pub fn finish(mut self, tick: Tick<'_>) -> Result<PretokenCounts> {
        let mut tallies = self.tallies(tick)?;
        self.add_up(&mut tallies, tick)
    }

    /// Like [`Self::finish`]; but what needed more memory than there was stays on disk.
    pub fn finish_within(mut self, tick: Tick<'_>) -> Result<Counted> {
        let mut tallies = self.tallies(tick)?;
        let Some(memory) = self.memory.filter(|_| tallies.iter().any(SortedTally::is_on_disk)) else {
            return self.add_up(&mut tallies, tick).map(Counted::InMemory);
        };
        let mut emitted = Every::new(&mut self.pace, &self.counted, tick);
        let streams = streams(&mut tallies, &mut || emitted.entry())?;
        let (pattern, documents) = (self.pattern.clone(), self.documents);
        let stored =
            StoredCounts::of(pattern, documents, memory, &self.directory, streams, || emitted.entry())?;
        Ok(Counted::OnDisk(stored))
    }

    fn tallies(&mut self, tick: Tick<'_>) -> Result<Vec<SortedTally>> {
        match std::mem::replace(&mut self.state, State::Failed) {
            State::Failed => Err(failed_before()),
            State::Alone(tally) => Ok(vec![tally.into_sorted()]),
            State::Shared(workers) => {
                if !self.pending.is_empty() {
                    workers.send(std::mem::take(&mut self.pending), tick)?;
                }
                workers.finish(tick)
            }
        }
    }

    fn add_up(&mut self, tallies: &mut [SortedTally], tick: Tick<'_>) -> Result<PretokenCounts> {
        let mut emitted = Every::new(&mut self.pace, &self.counted, tick);
        let streams = streams(tallies, &mut || emitted.entry())?;
        let mut counts = PretokenCounts::empty(self.pattern.clone(), self.documents);
        merge(streams, |pretoken, count| {
            emitted.entry()?;
            counts.push(pretoken, count)
        })?;
        Ok(counts)
    }

    /// A call that failed has lost a part of the documents: what would be counted later is not the corpus.
    fn keep_failure(&mut self, result: Result<()>) -> Result<()> {
        if result.is_err() {
            self.state = State::Failed;
        }
        result
    }
}

fn streams<'t>(
    tallies: &'t mut [SortedTally],
    emitted: &mut dyn FnMut() -> Result<()>,
) -> Result<Vec<Box<dyn Sorted + 't>>> {
    let mut streams = Vec::new();
    for tally in tallies {
        streams.extend(tally.streams(emitted)?);
    }
    Ok(streams)
}

/// Ticks every so many entries: merging takes some 100 ns for one, and the clock is looked at much less often.
struct Every<'a, 't> {
    entries: u64,
    pace: &'a mut Pace,
    counted: &'a AtomicU64,
    tick: Tick<'t>,
}

impl<'a, 't> Every<'a, 't> {
    fn new(pace: &'a mut Pace, counted: &'a AtomicU64, tick: Tick<'t>) -> Self {
        Self { entries: 0, pace, counted, tick }
    }

    fn entry(&mut self) -> Result<()> {
        self.entries += 1;
        if self.entries.is_multiple_of(1 << 16) { self.pace.tick(self.counted, self.tick) } else { Ok(()) }
    }
}

fn failed_before() -> Error {
    Error::Argument(
        "this counter has failed before, and its counts are not whole: begin with a new one".to_owned(),
    )
}

fn count_here(
    document: &[u8],
    splitter: &dyn Splitter,
    tally: &mut Tally,
    counted: &AtomicU64,
    pace: &mut Pace,
    tick: Tick<'_>,
) -> Result<()> {
    pieces(document, splitter, |piece| {
        splitter.count(piece, tally)?;
        counted.fetch_add(piece.len() as u64, Ordering::Relaxed);
        pace.tick(counted, tick)
    })
}

/// Sees to it that a tick comes often enough, and not for every small document.
struct Pace {
    last: Instant,
}

impl Pace {
    fn new() -> Self {
        Self { last: Instant::now() }
    }

    fn tick(&mut self, counted: &AtomicU64, tick: Tick<'_>) -> Result<()> {
        if self.last.elapsed() < PATIENCE {
            return Ok(());
        }
        self.last = Instant::now();
        tick(counted.load(Ordering::Relaxed))
    }
}
