//! The loop of BPE training, incremental: a merge touches only the places where its pair stands.
//!
//! All words lie one after another in one array, a cell a byte, a separator between two words. A token holds its id in
//! its first and in its last cell; its length says where the other end is, so neighbours are found without links. What
//! lies between holds nothing that is read: a cell that stops being the first of a token is overwritten, and a last
//! cell can't be mistaken for the first of the same token, since tokens only grow.
//!
//! Each pair has its count and the places of its left tokens, some of them out of date: a place is checked when it is
//! used. The heap is lazy too. Counts of a pair only fall once the step that made its younger token is over, so an
//! entry whose count is out of date goes back with the present one.

use super::Progress;
use crate::error::{Error, Result};
use hashbrown::HashMap;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};
use std::time::{Duration, Instant};

type FastState = foldhash::fast::RandomState;

const SEPARATOR: u32 = u32::MAX;
const DEAD: u32 = u32::MAX - 1;
const NO_SLOT: u32 = u32::MAX;
const BETWEEN_PROGRESS: Duration = Duration::from_millis(100);

pub(super) struct Limits {
    pub(super) min_count: i64,
    /// In bytes.
    pub(super) longest: usize,
}

struct Pair {
    left: u32,
    right: u32,
    count: i64,
    places: Vec<u32>,
}

/// Words as arrays of tokens, with how often each occurs.
struct Words {
    cells: Vec<u32>,
    /// Which word a cell belongs to.
    word_of: Vec<u32>,
    counts: Vec<i64>,
}

pub(super) struct MergeLoop {
    limits: Limits,
    tokens: Vec<Vec<u8>>,
    lengths: Vec<u32>,
    forbidden: HashSet<Vec<u8>>,
    words: Words,
    pairs: Vec<Pair>,
    slots: HashMap<u64, u32, FastState>,
    heap: BinaryHeap<(i64, Reverse<(u32, u32)>)>,
}

/// What one merge did to the neighbours of its pair, by the neighbour's id.
#[derive(Default)]
struct Neighbours {
    /// How many pairs (neighbour, merged) or (merged, neighbour) were made.
    counts: Vec<i64>,
    /// Where the new pair lies among all pairs.
    slots: Vec<u32>,
    touched: Vec<u32>,
}

impl MergeLoop {
    /// `tokens`: bytes by id.
    pub(super) fn new(tokens: Vec<Vec<u8>>, limits: Limits) -> Self {
        Self {
            limits,
            lengths: tokens.iter().map(|token| token.len() as u32).collect(),
            tokens,
            forbidden: HashSet::new(),
            words: Words { cells: vec![SEPARATOR], word_of: vec![0], counts: Vec::new() },
            pairs: Vec::new(),
            slots: HashMap::default(),
            heap: BinaryHeap::new(),
        }
    }

    /// No merge may make these bytes.
    pub(super) fn forbid<'t>(&mut self, tokens: impl Iterator<Item = &'t [u8]>) {
        self.forbidden.extend(tokens.map(<[u8]>::to_vec));
    }

    /// Adds a word that is these ids and occurs `count` times.
    pub(super) fn add_word(
        &mut self,
        bytes: &[u8],
        ids: impl IntoIterator<Item = u32>,
        count: u64,
    ) -> Result<()> {
        let Words { cells, word_of, counts } = &mut self.words;
        if bytes.len() < 2 || count == 0 {
            return Ok(());
        }
        let end = cells.len() + bytes.len() + 1;
        if end >= DEAD as usize {
            let message = "the distinct pretokens are longer than 4 GiB together; train on less text, or leave out \
                           rare ones with min_count when counting";
            return Err(Error::Argument(message.into()));
        }
        let count =
            i64::try_from(count).map_err(|_| Error::Argument(format!("a count of {count} is over 2^63")))?;
        for id in ids {
            let start = cells.len();
            cells.resize(start + self.lengths[id as usize] as usize, DEAD);
            cells[start] = id;
            if let Some(last) = cells.last_mut() {
                *last = id;
            }
        }
        cells.push(SEPARATOR);
        word_of.resize(end, counts.len() as u32);
        counts.push(count);
        Ok(())
    }

    /// Makes up to `wanted` merges with ids from `first_id` on, and returns their pairs.
    pub(super) fn run(
        &mut self,
        first_id: u32,
        wanted: usize,
        progress: Progress<'_>,
    ) -> Result<Vec<(u32, u32)>> {
        let mut merges = Vec::new();
        self.find_pairs(&mut || progress(0, wanted))?;
        let (mut left_neighbours, mut right_neighbours) = (Neighbours::default(), Neighbours::default());
        let mut told = Instant::now();
        while merges.len() < wanted {
            let Some(slot) = self.most_frequent() else { break };
            let Pair { left, right, .. } = self.pairs[slot as usize];
            let merged = first_id + merges.len() as u32;
            let token = [&self.tokens[left as usize][..], &self.tokens[right as usize][..]].concat();
            self.tokens.resize(merged as usize, Vec::new());
            self.lengths.resize(merged as usize, 0);
            self.lengths.push(token.len() as u32);
            self.tokens.push(token);
            merges.push((left, right));
            left_neighbours.make_room(merged);
            right_neighbours.make_room(merged);
            self.merge(slot, merged, &mut left_neighbours, &mut right_neighbours);
            self.settle(left, right, merged, &mut left_neighbours, &mut right_neighbours);
            if told.elapsed() >= BETWEEN_PROGRESS {
                progress(merges.len(), wanted)?;
                told = Instant::now();
            }
        }
        progress(merges.len(), wanted)?;
        Ok(merges)
    }

    pub(super) fn into_tokens(self) -> Vec<Vec<u8>> {
        self.tokens
    }

    fn key(left: u32, right: u32) -> u64 {
        u64::from(left) << 32 | u64::from(right)
    }

    fn find_pairs(&mut self, tick: &mut dyn FnMut() -> Result<()>) -> Result<()> {
        let cells = self.words.cells.len();
        let mut place = 1;
        let mut next_tick = 0;
        while place < cells {
            if place >= next_tick {
                tick()?;
                next_tick = place + (1 << 22);
            }
            let left = self.words.cells[place];
            if left == SEPARATOR {
                place += 1;
                continue;
            }
            let next = place + self.lengths[left as usize] as usize;
            let right = self.words.cells[next];
            if right != SEPARATOR {
                let count = self.words.counts[self.words.word_of[place] as usize];
                let pair = self.slot(left, right);
                let pair = &mut self.pairs[pair as usize];
                pair.count = pair.count.checked_add(count).ok_or_else(too_many)?;
                pair.places.push(place as u32);
            }
            place = next;
        }
        let entries = self.pairs.iter().map(|pair| (pair.count, Reverse((pair.left, pair.right))));
        self.heap = entries.collect::<Vec<_>>().into();
        Ok(())
    }

    fn slot(&mut self, left: u32, right: u32) -> u32 {
        let pairs = &mut self.pairs;
        *self.slots.entry(Self::key(left, right)).or_insert_with(|| {
            pairs.push(Pair { left, right, count: 0, places: Vec::new() });
            pairs.len() as u32 - 1
        })
    }

    /// The pair to merge next: the highest count, then the smallest ids.
    fn most_frequent(&mut self) -> Option<u32> {
        loop {
            let (count, Reverse((left, right))) = self.heap.pop()?;
            let slot = *self.slots.get(&Self::key(left, right))?;
            let pair = &mut self.pairs[slot as usize];
            if pair.count < self.limits.min_count {
                pair.places = Vec::new();
            } else if pair.count < count {
                self.heap.push((pair.count, Reverse((left, right))));
            } else if self.allowed(left, right) {
                return Some(slot);
            }
        }
    }

    fn allowed(&self, left: u32, right: u32) -> bool {
        let (left, right) = (&self.tokens[left as usize], &self.tokens[right as usize]);
        left.len() + right.len() <= self.limits.longest
            && (self.forbidden.is_empty() || !self.forbidden.contains(&[&left[..], right].concat()))
    }

    /// Merges the pair wherever it stands, and notes the pairs this makes.
    fn merge(&mut self, slot: u32, merged: u32, lefts: &mut Neighbours, rights: &mut Neighbours) {
        let pair = &mut self.pairs[slot as usize];
        let (left, right) = (pair.left, pair.right);
        let mut places = std::mem::take(&mut pair.places);
        pair.count = 0;
        if !places.is_sorted() {
            places.sort_unstable();
        }
        let left_length = self.lengths[left as usize] as usize;
        let length = self.lengths[merged as usize] as usize;
        for place in places {
            let start = place as usize;
            let middle = start + left_length;
            let cells = &mut self.words.cells;
            if cells[start] != left || cells[middle] != right {
                continue;
            }
            let end = start + length;
            cells[middle] = DEAD;
            cells[start] = merged;
            cells[end - 1] = merged;
            let (before, after) = (cells[start - 1], cells[end]);
            let count = self.words.counts[self.words.word_of[start] as usize];
            if before != SEPARATOR {
                let at = place - self.lengths[before as usize];
                self.add_place(lefts, before, (before, merged), count, at);
            }
            if after != SEPARATOR {
                self.add_place(rights, after, (merged, after), count, place);
            }
        }
    }

    fn add_place(&mut self, side: &mut Neighbours, neighbour: u32, pair: (u32, u32), count: i64, place: u32) {
        let index = neighbour as usize;
        if side.slots[index] == NO_SLOT {
            side.slots[index] = self.slot(pair.0, pair.1);
            side.touched.push(neighbour);
        }
        side.counts[index] += count;
        self.pairs[side.slots[index] as usize].places.push(place);
    }

    /// Brings the counts of all pairs up to date after (left, right) became `merged`.
    fn settle(
        &mut self,
        left: u32,
        right: u32,
        merged: u32,
        lefts: &mut Neighbours,
        rights: &mut Neighbours,
    ) {
        // (x, left) became (x, merged), and (right, y) became (merged, y).
        let from_left = |x: u32| [(x, left), (x, merged)];
        let from_right = |y: u32| [(right, y), (merged, y)];
        for &x in &lefts.touched {
            self.move_count(from_left(x), lefts.counts[x as usize]);
        }
        for &y in &rights.touched {
            self.move_count(from_right(y), rights.counts[y as usize]);
        }
        // Only now: a pair made on one side may have been unmade on the other, in runs.
        let made =
            lefts.touched.iter().map(|&x| (x, merged)).chain(rights.touched.iter().map(|&y| (merged, y)));
        for (left, right) in made {
            if let Some(&slot) = self.slots.get(&Self::key(left, right)) {
                let pair = &self.pairs[slot as usize];
                if pair.count > 0 {
                    self.heap.push((pair.count, Reverse((left, right))));
                }
            }
        }
        lefts.clear();
        rights.clear();
    }

    fn move_count(&mut self, [old, new]: [(u32, u32); 2], count: i64) {
        for ((left, right), change) in [(old, -count), (new, count)] {
            if let Some(&slot) = self.slots.get(&Self::key(left, right)) {
                self.pairs[slot as usize].count += change;
            }
        }
    }
}

impl Neighbours {
    fn make_room(&mut self, highest: u32) {
        self.counts.resize(highest as usize + 1, 0);
        self.slots.resize(highest as usize + 1, NO_SLOT);
    }

    fn clear(&mut self) {
        for &neighbour in &self.touched {
            self.counts[neighbour as usize] = 0;
            self.slots[neighbour as usize] = NO_SLOT;
        }
        self.touched.clear();
    }
}

fn too_many() -> Error {
    Error::Argument("a pair occurs more than 2^63 times".into())
}
