//! Work on several threads whose results are put together in the order of the work, whoever is done first.

use super::sink::{Count, Sink};
use crate::error::{Error, Result};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What the results of two stretches of work can be joined to.
pub(crate) trait Joined: Sink + Default + Send {
    /// How many ids there are.
    fn count(&self) -> usize;
    /// Moves what `later` has behind what is here, and leaves it empty.
    fn take(&mut self, later: &mut Self);
}

impl Joined for Vec<u32> {
    fn count(&self) -> usize {
        self.len()
    }

    fn take(&mut self, later: &mut Self) {
        if self.capacity() == 0 {
            std::mem::swap(self, later);
        } else {
            self.append(later);
        }
    }
}

impl Joined for Count {
    fn count(&self) -> usize {
        self.0
    }

    fn take(&mut self, later: &mut Self) {
        self.0 += std::mem::take(&mut later.0);
    }
}

/// What one stretch of work gives.
#[derive(Default)]
pub(crate) struct Part<J> {
    pub(crate) ids: J,
    /// How many ids there are where each of the texts that end here ends.
    pub(crate) ends: Vec<usize>,
}

impl<J: Joined> Part<J> {
    pub(crate) fn end_text(&mut self) {
        self.ends.push(self.ids.count());
    }

    fn take(&mut self, later: &mut Self) {
        let before = self.ids.count();
        self.ends.extend(later.ends.drain(..).map(|end| before + end));
        self.ids.take(&mut later.ids);
    }
}

/// Does all `jobs`, each filling a part; `whole` takes the parts in the order of the jobs. A thread goes on with the
/// next job while another's part is still missing, so few parts wait at any time.
///
/// # Errors
/// That of the first job that has one.
pub(crate) fn in_order<Job: Send, J: Joined>(
    jobs: impl Iterator<Item = Result<Job>> + Send,
    threads: usize,
    mut whole: Part<J>,
    work: impl Fn(Job, &mut Part<J>) -> Result<()> + Sync,
) -> Result<Part<J>> {
    if threads <= 1 {
        for job in jobs {
            work(job?, &mut whole)?;
        }
        return Ok(whole);
    }
    let jobs = Mutex::new(jobs.enumerate().fuse());
    let results =
        Mutex::new(Results { whole, next: 0, waiting: BTreeMap::new(), spare: Vec::new(), failed: None });
    let run = || {
        loop {
            // Taken under one lock, so that all jobs before one that fails were taken too, and will be done.
            let (number, job) = {
                let mut jobs = lock(&jobs);
                if lock(&results).failed.is_some() {
                    return;
                }
                let Some(next) = jobs.next() else { return };
                next
            };
            let mut part = lock(&results).spare.pop().unwrap_or_default();
            let result = job.and_then(|job| work(job, &mut part));
            lock(&results).put(number, part, result);
        }
    };
    let done = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(run)).collect();
        run();
        others.into_iter().all(|other| other.join().is_ok())
    });
    let results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    match results.failed {
        _ if !done => Err(Error::Argument("a thread failed while it encoded".into())),
        Some((_, error)) => Err(error),
        None => Ok(results.whole),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Results<J> {
    whole: Part<J>,
    /// The number of the part that comes next.
    next: usize,
    waiting: BTreeMap<usize, Part<J>>,
    /// Empty parts, whose memory is used again.
    spare: Vec<Part<J>>,
    failed: Option<(usize, Error)>,
}

impl<J: Joined> Results<J> {
    fn put(&mut self, number: usize, part: Part<J>, result: Result<()>) {
        if let Err(error) = result
            && self.failed.as_ref().is_none_or(|(first, _)| number < *first)
        {
            self.failed = Some((number, error));
        }
        self.waiting.insert(number, part);
        while let Some(mut part) = self.waiting.remove(&self.next) {
            self.whole.take(&mut part);
            self.spare.push(part);
            self.next += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_that_of_the_jobs_and_so_is_the_first_error() {
        for threads in 1..5 {
            let jobs = || (0..500u32).map(Ok);
            let done = in_order(jobs(), threads, Part::default(), |job, part: &mut Part<Vec<u32>>| {
                part.ids.extend([job, job]);
                part.end_text();
                Ok(())
            });
            let done = done.unwrap();
            assert!(done.ids.iter().copied().eq((0..1000).map(|at| at / 2)));
            assert!(done.ends.iter().copied().eq((1..=500).map(|end| 2 * end)));
            let failed =
                in_order(jobs(), threads, Part::default(), |job, _: &mut Part<Vec<u32>>| match job {
                    0..40 => Ok(()),
                    _ => Err(Error::Argument(job.to_string())),
                });
            assert!(matches!(failed, Err(Error::Argument(job)) if job == "40"));
        }
    }
}
