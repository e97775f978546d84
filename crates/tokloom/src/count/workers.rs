//! Threads that count batches, each into a tally of its own.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, SendTimeoutError, Sender, bounded, unbounded};

use super::Tick;
use super::pieces::pieces;
use super::tally::{SortedTally, Splitter, Tally};
use crate::error::{Error, Result};
use crate::read::Batch;

/// How long a call waits before it ticks.
pub(super) const PATIENCE: Duration = Duration::from_millis(50);
/// How long who gives up waits for the threads: they stop behind the piece at hand, mostly within some milliseconds.
const FAREWELL: Duration = Duration::from_millis(200);

pub(super) struct Workers {
    /// `None` once there are no more batches.
    batches: Option<Sender<Batch>>,
    /// What each worker ends with. Before the last batch was sent, that can only be an error.
    results: Receiver<Result<SortedTally>>,
    threads: Vec<JoinHandle<()>>,
    stop: Arc<AtomicBool>,
    counted: Arc<AtomicU64>,
}

impl Workers {
    /// Starts a thread for each tally.
    pub(super) fn start(
        splitter: &Arc<dyn Splitter>,
        tallies: Vec<Tally>,
        counted: &Arc<AtomicU64>,
    ) -> Result<Self> {
        // One batch in hand for each worker, so that none waits while the caller reads the next.
        let (batches, queue) = bounded(tallies.len());
        let (report, results) = unbounded();
        let (stop, counted) = (Arc::new(AtomicBool::new(false)), Arc::clone(counted));
        let mut workers = Self { batches: Some(batches), results, threads: Vec::new(), stop, counted };
        for tally in tallies {
            let worker = Worker {
                splitter: Arc::clone(splitter),
                queue: queue.clone(),
                stop: Arc::clone(&workers.stop),
                counted: Arc::clone(&workers.counted),
            };
            let report = report.clone();
            let run = move || {
                let stop = Arc::clone(&worker.stop);
                let result = worker.run(tally);
                let failed = result.is_err();
                // Nobody may listen any more: the caller gave up, and needs no result.
                let _ = report.send(result);
                // Not before: of several errors the first is the cause, and the others only that all have to stop.
                stop.fetch_or(failed, Ordering::Relaxed);
            };
            let thread = std::thread::Builder::new().name("tokloom-count".to_owned()).spawn(run);
            workers.threads.push(thread.map_err(|error| Error::io("a thread for counting", error))?);
        }
        Ok(workers)
    }

    /// Hands a batch to the next worker that is free; waits for one if need be.
    pub(super) fn send(&self, mut batch: Batch, tick: Tick<'_>) -> Result<()> {
        loop {
            if let Ok(Err(error)) = self.results.try_recv() {
                return Err(error);
            }
            let Some(batches) = &self.batches else { return Err(gone()) };
            match batches.send_timeout(batch, PATIENCE) {
                Ok(()) => return Ok(()),
                Err(SendTimeoutError::Timeout(back)) => batch = back,
                // All workers have ended, which before the last batch only an error makes them do.
                Err(SendTimeoutError::Disconnected(_)) => {
                    return Err(self.results.try_iter().find_map(Result::err).unwrap_or_else(gone));
                }
            }
            tick(self.counted.load(Ordering::Relaxed))?;
        }
    }

    /// Lets the workers end, and returns what they have counted.
    pub(super) fn finish(mut self, tick: Tick<'_>) -> Result<Vec<SortedTally>> {
        self.batches = None;
        let mut tallies = Vec::new();
        while tallies.len() < self.threads.len() {
            match self.results.recv_timeout(PATIENCE) {
                Ok(tally) => tallies.push(tally?),
                Err(RecvTimeoutError::Timeout) => tick(self.counted.load(Ordering::Relaxed))?,
                Err(RecvTimeoutError::Disconnected) => return Err(gone()),
            }
        }
        Ok(tallies)
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.batches = None;
        let deadline = Instant::now() + FAREWELL;
        loop {
            match self.results.recv_deadline(deadline) {
                Ok(_) => {}
                // A piece that can't be cut may take minutes, and Ctrl-C is not to wait for it. The thread owns all
                // that it uses, and ends when it has counted that piece.
                Err(RecvTimeoutError::Timeout) => return,
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        for thread in self.threads.drain(..) {
            // A worker catches its own panics.
            let _ = thread.join();
        }
    }
}

fn gone() -> Error {
    Error::Internal("a thread that counts ended without a result: please report this".to_owned())
}

struct Worker {
    splitter: Arc<dyn Splitter>,
    queue: Receiver<Batch>,
    stop: Arc<AtomicBool>,
    counted: Arc<AtomicU64>,
}

impl Worker {
    fn run(self, mut tally: Tally) -> Result<SortedTally> {
        // After a panic the tally is dropped, so no half-made state is seen again.
        let counting = AssertUnwindSafe(|| {
            for batch in &self.queue {
                self.count(&batch, &mut tally)?;
            }
            if self.stop.load(Ordering::Relaxed) { Err(Error::Interrupted) } else { Ok(tally.into_sorted()) }
        });
        catch_unwind(counting).unwrap_or_else(|panic| Err(panicked(&*panic)))
    }

    fn count(&self, batch: &Batch, tally: &mut Tally) -> Result<()> {
        for document in batch.documents() {
            pieces(document.bytes, &*self.splitter, |piece| {
                if self.stop.load(Ordering::Relaxed) {
                    return Err(Error::Interrupted);
                }
                self.splitter.count(piece, tally)?;
                self.counted.fetch_add(piece.len() as u64, Ordering::Relaxed);
                Ok(())
            })?;
        }
        Ok(())
    }
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> Error {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message");
    Error::Internal(format!("a thread that counts panicked ({text}): please report this"))
}
