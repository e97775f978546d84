//! Training on more words than there is memory for: the same merges, to the last one.
//!
//! The words lie in a file that is only read from front to back. Training goes in rounds, each with a bound on how
//! often a pair must occur. A pair below the bound is not merged in this round, nor is any pair that stands in its
//! place later (such a one is met at most as often). So every word may be cut between the two, and the segments are
//! merged each by itself. Cut so, words fall into few different segments, which are added up and merged in memory,
//! down to the bound. The file is then written anew with these merges, and the next round has a lower bound. Where the
//! segments are too many, the bound was too low: half as many pairs are tried.
//!
//! How often a pair occurs is known from sums over a hash of the pair: never too low, so a cut is never wrong.

use super::Progress;
use super::apply::Merges;
use super::merges::{Goal, MergeLoop, Tokens};
use super::word_file::{WordFile, WordWriter, put_number, take_number};
use super::words::{Cell, Words};
use crate::count::StoredCounts;
use crate::count::merge::Sorted;
use crate::count::table::Table;
use crate::error::{Error, Result};
use std::time::{Duration, Instant};

/// What a segment takes while it is merged, in bytes: its head and a share of the pairs; and each of its tokens: a
/// cell, a place, a share of the pairs.
const SEGMENT: usize = 32;
const TOKEN: usize = 10;

/// Merges as [`super::merge`], from counts on disk.
pub(super) fn merge_by_parts<I: IntoIterator<Item = u32>>(
    tokens: &mut Tokens,
    counts: &StoredCounts,
    ids_of: impl Fn(&[u8]) -> I,
    wanted: usize,
    progress: Progress<'_>,
) -> Result<Vec<(u32, u32)>> {
    let memory = usize::try_from(counts.memory()).unwrap_or(usize::MAX);
    let mut pace = Pace { last: Instant::now(), words: 0 };
    let mut merges = Vec::new();
    let mut sums = Sums::new(memory);
    let mut writer = WordWriter::create(counts.directory())?;
    let mut ids = Vec::new();
    counts.for_each(&mut |pretoken, count| {
        ids.clear();
        ids.extend(ids_of(pretoken));
        sums.add_word(&ids, count);
        pace.word(&mut || progress(0, wanted))?;
        if ids.len() < 2 { Ok(()) } else { writer.push(&ids, count) }
    })?;
    let mut words = writer.finish()?;
    let mut highest = sums.highest();
    let mut pairs = usize::MAX;
    while merges.len() < wanted && highest >= tokens.least() {
        let mut tick = || pace.word(&mut || progress(merges.len(), wanted));
        // About one merge comes out of two pairs. What was too much last time is not tried at once again.
        pairs = pairs.saturating_mul(4).min(2 * (wanted - merges.len()) + 64);
        let bounds = sums.bounds(highest, tokens.least());
        let (segments, floor) = segments(&mut words, &sums, &bounds, &mut pairs, memory, &mut tick)?;
        let (before, first_id) = (merges.len(), tokens.number() as u32);
        let lowest =
            i64::try_from(floor).map_err(|_| Error::Argument("a pair occurs more than 2^63 times".into()))?;
        let goal = Goal { until: wanted, wanted, lowest };
        if first_id as usize + wanted - before < u16::LIMIT as usize {
            merge_segments::<u16>(segments, tokens, &mut merges, goal, progress)?;
        } else {
            merge_segments::<u32>(segments, tokens, &mut merges, goal, progress)?;
        }
        highest = floor - 1;
        if merges.len() > before && merges.len() < wanted && highest >= tokens.least() {
            let made = Merges::new(&merges[before..], first_id);
            let tick = &mut || pace.word(&mut || progress(merges.len(), wanted));
            words = rewritten(&mut words, &made, &mut sums, counts, tick)?;
            highest = highest.min(sums.highest());
        }
    }
    progress(merges.len(), wanted)?;
    Ok(merges)
}

/// The segments that are left when words are cut where pairs are below a bound, and that bound: about so many `pairs`
/// are not below it, or as many as the memory suffices for.
fn segments(
    words: &mut WordFile,
    sums: &Sums,
    bounds: &[u64],
    pairs: &mut usize,
    memory: usize,
    tick: &mut dyn FnMut() -> Result<()>,
) -> Result<(Table, u64)> {
    loop {
        // Each pair has two sums.
        let floor = bounds[bounds.len() - pairs.saturating_mul(2).clamp(1, bounds.len())];
        let reach = u32::try_from(floor).unwrap_or(u32::MAX);
        // At the highest bound there is nothing left to cut: what is needed then is needed.
        let budget = if *pairs > 0 { memory / 2 } else { usize::MAX };
        let mut segments = Segments { table: Table::new(budget), used: 0, budget, bytes: Vec::new() };
        let mut fits = true;
        words.for_each(&mut |ids, count| {
            tick()?;
            let cut = |pair: &[u32]| !sums.may_reach(reach, pair[0], pair[1]);
            let mut start = 0;
            for end in 1..=ids.len() {
                if end == ids.len() || cut(&ids[end - 1..=end]) {
                    fits = fits && segments.add(&ids[start..end], count);
                    start = end;
                }
            }
            Ok(fits)
        })?;
        if fits {
            return Ok((segments.table, floor));
        }
        *pairs = (*pairs).min(bounds.len() / 2) / 2;
    }
}

struct Segments {
    table: Table,
    /// What merging will take.
    used: usize,
    budget: usize,
    bytes: Vec<u8>,
}

impl Segments {
    /// Adds a segment; `false`: there is no memory for it.
    fn add(&mut self, ids: &[u32], count: u64) -> bool {
        if ids.len() < 2 {
            return true;
        }
        self.bytes.clear();
        ids.iter().for_each(|&id| put_number(&mut self.bytes, id.into()));
        let before = self.table.len();
        let hashed = self.table.hash(&self.bytes, 0, self.bytes.len());
        let added = self.table.add_hashed(hashed, &self.bytes, count).is_ok();
        if self.table.len() > before {
            self.used = self.used.saturating_add(SEGMENT + TOKEN * ids.len());
        }
        added && self.used <= self.budget
    }
}

fn merge_segments<C: Cell>(
    segments: Table,
    tokens: &mut Tokens,
    merges: &mut Vec<(u32, u32)>,
    goal: Goal,
    progress: Progress<'_>,
) -> Result<()> {
    let mut words = Words::<C>::new();
    let (mut sorted, mut bytes, mut ids) = (segments.into_sorted(), Vec::new(), Vec::new());
    while let Some(count) = sorted.next(&mut bytes)? {
        ids.clear();
        let mut rest = &bytes[..];
        while let Some(id) = take_number(&mut rest) {
            ids.push(id as u32);
        }
        words.push(ids.iter().copied(), count)?;
    }
    drop(sorted);
    MergeLoop::new(words).run(tokens, merges, goal, progress)
}

/// The words with `merges` made, and the sums of their pairs.
fn rewritten(
    words: &mut WordFile,
    merges: &Merges,
    sums: &mut Sums,
    counts: &StoredCounts,
    tick: &mut dyn FnMut() -> Result<()>,
) -> Result<WordFile> {
    let mut writer = WordWriter::create(counts.directory())?;
    let mut scratch = Vec::new();
    sums.clear();
    words.for_each(&mut |ids, count| {
        tick()?;
        merges.apply(ids, &mut scratch);
        if ids.len() > 1 {
            sums.add_word(ids, count);
            writer.push(ids, count)?;
        }
        Ok(true)
    })?;
    writer.finish()
}

/// Upper bounds on how often pairs occur: a pair has two sums, and the lower one holds. A sum is raised only as far as
/// the pair at hand needs (a count-min sketch with conservative update, Estan and Varghese 2002).
struct Sums {
    sums: Vec<u32>,
    mask: usize,
}

impl Sums {
    /// An eighth of the memory there is, but between a quarter of a megabyte and 32.
    fn new(memory: usize) -> Self {
        let bits = (memory / 8 / size_of::<u32>()).max(1).ilog2().clamp(16, 23);
        Self { sums: vec![0; 1 << bits], mask: (1 << bits) - 1 }
    }

    fn clear(&mut self) {
        self.sums.fill(0);
    }

    fn add_word(&mut self, ids: &[u32], count: u64) {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        for pair in ids.windows(2) {
            let (one, two) = self.places(pair[0], pair[1]);
            let sum = self.sums[one].min(self.sums[two]).saturating_add(count);
            self.sums[one] = self.sums[one].max(sum);
            self.sums[two] = self.sums[two].max(sum);
        }
    }

    /// Whether the pair may occur as often as `floor`.
    #[inline]
    fn may_reach(&self, floor: u32, left: u32, right: u32) -> bool {
        let (one, two) = self.places(left, right);
        self.sums[one].min(self.sums[two]) >= floor
    }

    /// The sums from `least` to `highest`, ascending, `least` the first; larger ones count as `highest`.
    fn bounds(&self, highest: u64, least: u64) -> Vec<u64> {
        let wanted = self.sums.iter().map(|&sum| widened(sum)).filter(|&sum| sum >= least);
        let mut bounds: Vec<u64> = wanted.map(|sum| sum.min(highest)).collect();
        bounds.push(least);
        bounds.sort_unstable();
        bounds
    }

    fn highest(&self) -> u64 {
        widened(self.sums.iter().copied().max().unwrap_or(0))
    }

    #[inline]
    fn places(&self, left: u32, right: u32) -> (usize, usize) {
        let pair = u64::from(left) << 32 | u64::from(right);
        let mixed = (pair ^ pair >> 29).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mixed = (mixed ^ mixed >> 32).wrapping_mul(0xD6E8_FEB8_6659_FD93);
        ((mixed >> 40) as usize & self.mask, (mixed >> 12) as usize & self.mask)
    }
}

/// A sum that reached its limit says nothing of how much more it is.
fn widened(sum: u32) -> u64 {
    if sum == u32::MAX { u64::MAX } else { sum.into() }
}

/// Asks the clock now and then whether it is time to tell of the progress.
struct Pace {
    last: Instant,
    words: u64,
}

impl Pace {
    #[inline]
    fn word(&mut self, tell: &mut dyn FnMut() -> Result<()>) -> Result<()> {
        self.words += 1;
        if self.words.is_multiple_of(1 << 12) && self.last.elapsed() > Duration::from_millis(50) {
            self.last = Instant::now();
            return tell();
        }
        Ok(())
    }
}
