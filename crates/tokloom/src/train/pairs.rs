//! The pairs that may be merged next: their counts, their places, and which comes first.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use hashbrown::HashMap;

type FastState = foldhash::fast::RandomState;

pub(super) struct Pair {
    pub(super) left: u32,
    pub(super) right: u32,
    pub(super) count: i64,
    /// Cells of its left tokens, ascending, some of them out of date: a place is checked when it is used.
    pub(super) places: Vec<u32>,
}

/// Pairs met at least `floor` times. The others are not known here: a pair's count only falls once the step that made
/// its younger token is over, so what is below the floor then never comes up to it.
///
/// The heap is lazy: an entry whose count is out of date goes back with the present one.
pub(super) struct Pairs {
    pub(super) floor: i64,
    pairs: Vec<Pair>,
    free: Vec<u32>,
    slots: HashMap<u64, u32, FastState>,
    heap: BinaryHeap<(i64, Reverse<(u32, u32)>)>,
}

fn key(left: u32, right: u32) -> u64 {
    u64::from(left) << 32 | u64::from(right)
}

impl Pairs {
    pub(super) fn new(floor: i64) -> Self {
        let (pairs, free, slots, heap) = (Vec::new(), Vec::new(), HashMap::default(), BinaryHeap::new());
        Self { floor, pairs, free, slots, heap }
    }

    /// Makes a pair known; with room for so many places.
    pub(super) fn insert(&mut self, left: u32, right: u32, count: i64, places: usize) -> u32 {
        let pair = Pair { left, right, count, places: Vec::with_capacity(places) };
        let slot = match self.free.pop() {
            Some(slot) => {
                self.pairs[slot as usize] = pair;
                slot
            }
            None => {
                self.pairs.push(pair);
                self.pairs.len() as u32 - 1
            }
        };
        self.slots.insert(key(left, right), slot);
        self.heap.push((count, Reverse((left, right))));
        slot
    }

    #[inline]
    pub(super) fn add_place(&mut self, slot: u32, place: u32) {
        self.pairs[slot as usize].places.push(place);
    }

    #[inline]
    pub(super) fn slot(&self, left: u32, right: u32) -> Option<u32> {
        self.slots.get(&key(left, right)).copied()
    }

    /// So many occurrences of a pair are no more.
    #[inline]
    pub(super) fn lower(&mut self, left: u32, right: u32, by: i64) {
        if let Some(slot) = self.slot(left, right) {
            self.pairs[slot as usize].count -= by;
        }
    }

    /// Takes out the pair to merge next: the highest count, then the smallest ids. `None`: all are below the floor.
    pub(super) fn take_first(&mut self, allowed: impl Fn(u32, u32) -> bool) -> Option<Pair> {
        loop {
            let (count, Reverse((left, right))) = self.heap.pop()?;
            let slot = self.slot(left, right)?;
            let present = self.pairs[slot as usize].count;
            if present >= self.floor && present < count {
                self.heap.push((present, Reverse((left, right))));
                continue;
            }
            self.slots.remove(&key(left, right));
            self.free.push(slot);
            let pair = &mut self.pairs[slot as usize];
            let pair = Pair { left, right, count: pair.count, places: std::mem::take(&mut pair.places) };
            if present >= self.floor && allowed(left, right) {
                return Some(pair);
            }
        }
    }
}
