//! The loop of BPE training, incremental: a merge touches only the places where its pair stands.
//!
//! Places are kept only for pairs met at least so often, and the rest is not even counted. When no such pair is left,
//! the words are read through once more with a lower bound: few times, since counts fall by orders of magnitude, and
//! what is never merged (most pairs) then never costs a place.

use super::Progress;
use super::frequent::frequent_pairs;
use super::pairs::{Pair, Pairs};
use super::words::{Cell, Words};
use crate::error::Result;
use crate::memory::prefetch;
use std::collections::HashSet;
use std::time::{Duration, Instant};

const NO_SLOT: u32 = u32::MAX;
const BETWEEN_PROGRESS: Duration = Duration::from_millis(100);
/// Places are looked at in order; so many ahead are asked for. From 8 to 24 all measured the same.
const AHEAD: usize = 12;
pub(super) struct Limits {
    pub(super) min_count: i64,
    /// In bytes.
    pub(super) longest: usize,
}

/// The tokens there are, and what may become one.
pub(super) struct Tokens {
    limits: Limits,
    bytes: Vec<Vec<u8>>,
    forbidden: HashSet<Vec<u8>>,
}

impl Tokens {
    /// `bytes`: by id.
    pub(super) fn new(bytes: Vec<Vec<u8>>, limits: Limits) -> Self {
        Self { limits, bytes, forbidden: HashSet::new() }
    }

    /// No merge may make these bytes.
    pub(super) fn forbid<'t>(&mut self, tokens: impl Iterator<Item = &'t [u8]>) {
        self.forbidden.extend(tokens.map(<[u8]>::to_vec));
    }

    pub(super) fn into_bytes(self) -> Vec<Vec<u8>> {
        self.bytes
    }

    /// A pair must occur so often.
    pub(super) fn least(&self) -> u64 {
        self.limits.min_count.unsigned_abs().max(1)
    }

    pub(super) fn number(&self) -> usize {
        self.bytes.len()
    }

    fn allowed(&self, left: u32, right: u32) -> bool {
        let (left, right) = (&self.bytes[left as usize], &self.bytes[right as usize]);
        left.len() + right.len() <= self.limits.longest
            && (self.forbidden.is_empty() || !self.forbidden.contains(&[&left[..], right].concat()))
    }

    fn push(&mut self, left: u32, right: u32) {
        self.bytes.push([&self.bytes[left as usize][..], &self.bytes[right as usize]].concat());
    }
}

/// How far merging is to go.
#[derive(Clone, Copy)]
pub(super) struct Goal {
    /// So many merges in all.
    pub(super) until: usize,
    /// So many are wanted in the end: what progress is measured by.
    pub(super) wanted: usize,
    /// No pair is taken that occurs less often than this.
    pub(super) lowest: i64,
}

/// What one merge did to the neighbours of its pair, by the neighbour's id.
#[derive(Default)]
struct Neighbours {
    /// How many pairs (neighbour, merged) or (merged, neighbour) were made.
    counts: Vec<i64>,
    /// At how many places.
    numbers: Vec<u32>,
    /// Where the new pair lies among all pairs.
    slots: Vec<u32>,
    touched: Vec<u32>,
    /// Each neighbour, and the place of the new pair.
    places: Vec<(u32, u32)>,
}

pub(super) struct MergeLoop<C> {
    words: Words<C>,
    pairs: Pairs,
    /// How many cells a token has, by id.
    cells_of: Vec<u32>,
    lefts: Neighbours,
    rights: Neighbours,
}

impl<C: Cell> MergeLoop<C> {
    pub(super) fn new(words: Words<C>) -> Self {
        let (lefts, rights) = (Neighbours::default(), Neighbours::default());
        Self { words, pairs: Pairs::new(i64::MAX), cells_of: Vec::new(), lefts, rights }
    }

    /// Makes merges until the goal is reached, or no pair is left.
    pub(super) fn run(
        &mut self,
        tokens: &mut Tokens,
        merges: &mut Vec<(u32, u32)>,
        goal: Goal,
        progress: Progress<'_>,
    ) -> Result<()> {
        let mut told = Instant::now();
        let Goal { until, wanted, lowest } = goal;
        while merges.len() < until {
            let Some(pair) = self.pairs.take_first(|left, right| tokens.allowed(left, right)) else {
                if self.pairs.floor <= lowest {
                    break;
                }
                let left = until - merges.len();
                self.find_pairs(tokens, lowest, left, &mut || progress(merges.len(), wanted))?;
                continue;
            };
            let merged = tokens.number() as u32;
            merges.push((pair.left, pair.right));
            tokens.push(pair.left, pair.right);
            self.cells_of.push(self.cells_of[pair.left as usize] + self.cells_of[pair.right as usize]);
            self.lefts.make_room(merged);
            self.rights.make_room(merged);
            let (left, right) = (pair.left, pair.right);
            self.merge(pair, merged);
            self.settle(left, right, merged);
            if told.elapsed() >= BETWEEN_PROGRESS {
                progress(merges.len(), wanted)?;
                told = Instant::now();
            }
        }
        progress(merges.len(), wanted)
    }

    /// Finds the pairs to go on with, and their places, with a lower bound than before.
    fn find_pairs(
        &mut self,
        tokens: &Tokens,
        lowest: i64,
        merges: usize,
        tick: &mut dyn FnMut() -> Result<()>,
    ) -> Result<()> {
        let before = self.pairs.floor;
        // The places are many: they go before the new ones come.
        self.pairs = Pairs::new(before);
        if !self.cells_of.is_empty() {
            self.words.compact(&self.cells_of);
        }
        self.cells_of = vec![1; tokens.number()];
        self.pairs = frequent_pairs(&self.words, before, lowest, merges, tick)?;
        Ok(())
    }

    /// Merges the pair wherever it stands, and notes the pairs this makes.
    fn merge(&mut self, pair: Pair, merged: u32) {
        let (left, right) = (C::of(pair.left), C::of(pair.right));
        let left_cells = self.cells_of[pair.left as usize] as usize;
        let cells_of_merged = self.cells_of[merged as usize] as usize;
        for (index, &place) in pair.places.iter().enumerate() {
            if let Some(&ahead) = pair.places.get(index + AHEAD) {
                prefetch(&self.words.cells, ahead as usize);
            }
            let start = place as usize;
            let middle = start + left_cells;
            let cells = &mut self.words.cells;
            if cells[start] != left || cells[middle] != right {
                continue;
            }
            let end = start + cells_of_merged;
            cells[middle] = C::DEAD;
            cells[start] = C::of(merged);
            cells[end - 1] = C::of(merged);
            let (before, after) = (cells[start - 1], cells[end]);
            let count = self.words.count_at(start);
            if before != C::MARK {
                let before = before.id();
                self.lefts.add(before, count, place - self.cells_of[before as usize]);
            }
            if after != C::MARK {
                self.rights.add(after.id(), count, place);
            }
        }
    }

    /// Brings the counts of all pairs up to date after (left, right) became `merged`.
    fn settle(&mut self, left: u32, right: u32, merged: u32) {
        let (lefts, rights, pairs) = (&mut self.lefts, &mut self.rights, &mut self.pairs);
        // (x, left) became (x, merged), and (right, y) became (merged, y). In a run the pair before may have been
        // merged just now: then (merged, left) was made and unmade.
        rights.counts[left as usize] -= lefts.counts[merged as usize];
        for &x in lefts.touched.iter().filter(|&&x| x != merged) {
            pairs.lower(x, left, lefts.counts[x as usize]);
        }
        for &y in &rights.touched {
            let unmade = if y == left { lefts.counts[merged as usize] } else { 0 };
            pairs.lower(right, y, rights.counts[y as usize] + unmade);
        }
        lefts.tell(pairs, |x| (x, merged));
        rights.tell(pairs, |y| (merged, y));
    }
}

impl MergeLoop<u16> {
    /// The same, with room for larger ids. Ends the present bound: the pairs are looked for anew.
    pub(super) fn widened(mut self) -> MergeLoop<u32> {
        self.words.compact(&self.cells_of);
        let floor = self.pairs.floor;
        drop(self.pairs);
        let mut wide = MergeLoop::new(self.words.widened());
        wide.pairs.floor = floor.saturating_add(1);
        wide
    }
}

impl Neighbours {
    fn make_room(&mut self, highest: u32) {
        self.counts.resize(highest as usize + 1, 0);
        self.numbers.resize(highest as usize + 1, 0);
        self.slots.resize(highest as usize + 1, NO_SLOT);
    }

    #[inline]
    fn add(&mut self, neighbour: u32, count: i64, place: u32) {
        let index = neighbour as usize;
        if self.numbers[index] == 0 {
            self.touched.push(neighbour);
        }
        self.counts[index] += count;
        self.numbers[index] += 1;
        self.places.push((neighbour, place));
    }

    /// Makes the new pairs known that are frequent enough, and forgets everything.
    fn tell(&mut self, pairs: &mut Pairs, pair: impl Fn(u32) -> (u32, u32)) {
        for &neighbour in &self.touched {
            let index = neighbour as usize;
            if self.counts[index] >= pairs.floor {
                let (left, right) = pair(neighbour);
                self.slots[index] =
                    pairs.insert(left, right, self.counts[index], self.numbers[index] as usize);
            }
        }
        for &(neighbour, place) in &self.places {
            let slot = self.slots[neighbour as usize];
            if slot != NO_SLOT {
                pairs.add_place(slot, place);
            }
        }
        for &neighbour in &self.touched {
            let index = neighbour as usize;
            (self.counts[index], self.numbers[index], self.slots[index]) = (0, 0, NO_SLOT);
        }
        self.touched.clear();
        self.places.clear();
    }
}
