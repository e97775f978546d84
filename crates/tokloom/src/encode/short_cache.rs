//! Pretokens of at most 15 bytes met before, and their ids: at most four.
//!
//! What a text is mostly made of lies here close together, whether it is one token or several, so that nearly every
//! pretoken is done with one look at one line of memory.

use crate::memory::{filled, prefetch};
use crate::vocabulary::hashing::Seed;

/// The most ids kept for one pretoken.
pub(super) const MOST_IDS: usize = 4;
/// Lines at first: 32 KiB.
const FIRST_LINES: usize = 1 << 9;
/// Lines at most: 8 MiB.
const MOST_LINES: usize = 1 << 17;
/// Above a key's bytes and their number, in the same integer: how many ids there are. An empty slot is all 0.
const COUNT_SHIFT: u32 = 124;

#[derive(Clone, Copy, Default)]
#[repr(C)]
struct Slot {
    key_and_count: u128,
    ids: [u32; MOST_IDS],
}

impl Slot {
    /// Whether the key is this one, whatever the count.
    #[inline(always)]
    fn has(&self, key: u128) -> bool {
        (self.key_and_count ^ key) << (128 - COUNT_SHIFT) == 0
    }
}

/// Two slots, in one line of memory.
#[derive(Clone, Copy, Default)]
#[repr(C, align(64))]
struct Line([Slot; 2]);

/// Never larger than [`MOST_LINES`]: then a new pretoken takes the place of another.
pub(super) struct ShortCache {
    lines: Vec<Line>,
    seed: Seed,
    /// Slots that were taken, or taken over, since the cache last grew.
    put: usize,
}

impl ShortCache {
    pub(super) fn new(seed: Seed) -> Self {
        Self { lines: filled(FIRST_LINES, Line::default()), seed, put: 0 }
    }

    #[inline(always)]
    fn place(&self, hash: u64) -> usize {
        hash as usize & (self.lines.len() - 1)
    }

    /// Begins to fetch what [`Self::find`] will look at.
    #[inline(always)]
    pub(super) fn prefetch(&self, hash: u64) {
        prefetch(&self.lines, self.place(hash));
    }

    /// The slot of this key in the line where it belongs.
    #[inline(always)]
    pub(super) fn find(&self, key: u128, hash: u64) -> Option<usize> {
        self.find_in(self.place(hash), key)
    }

    /// The slot of this key in the line beside it, where it goes if its own is full.
    #[inline]
    pub(super) fn find_beside(&self, key: u128, hash: u64) -> Option<usize> {
        self.find_in(self.place(hash) ^ 1, key)
    }

    #[inline(always)]
    fn find_in(&self, place: usize, key: u128) -> Option<usize> {
        let Line(slots) = &self.lines[place];
        let second = usize::from(slots[1].has(key));
        slots[second].has(key).then_some(2 * place + second)
    }

    /// Begins to fetch what [`Self::find_beside`] will look at.
    #[inline(always)]
    pub(super) fn prefetch_beside(&self, hash: u64) {
        prefetch(&self.lines, self.place(hash) ^ 1);
    }

    /// What lies in a slot that was found: ids, and how many of them count.
    #[inline(always)]
    pub(super) fn ids(&self, slot: usize) -> (&[u32; MOST_IDS], usize) {
        let slot = &self.lines[slot / 2].0[slot % 2];
        (&slot.ids, (slot.key_and_count >> COUNT_SHIFT) as usize)
    }

    /// Keeps 1 to [`MOST_IDS`] ids for a key; slots that were found before hold something else then.
    pub(super) fn put(&mut self, key: u128, hash: u64, ids: &[u32]) {
        if self.find(key, hash).or_else(|| self.find_beside(key, hash)).is_some() {
            return;
        }
        if self.put > self.lines.len() && self.lines.len() < MOST_LINES {
            self.grow();
        }
        let mut slot = Slot { key_and_count: key | (ids.len() as u128) << COUNT_SHIFT, ids: [0; MOST_IDS] };
        slot.ids[..ids.len()].copy_from_slice(ids);
        self.put += 1;
        self.put_slot(hash, slot);
    }

    fn put_slot(&mut self, hash: u64, slot: Slot) {
        let place = self.place(hash);
        for place in [place, place ^ 1] {
            if let Some(empty) = self.lines[place].0.iter_mut().find(|slot| slot.key_and_count == 0) {
                *empty = slot;
                return;
            }
        }
        self.lines[place].0[self.put & 1] = slot;
    }

    fn grow(&mut self) {
        let lines = filled(4 * self.lines.len(), Line::default());
        let smaller = std::mem::replace(&mut self.lines, lines);
        self.put = 0;
        for slot in smaller.iter().flat_map(|line| line.0).filter(|slot| slot.key_and_count != 0) {
            let key = slot.key_and_count & !(u128::MAX << COUNT_SHIFT);
            self.put_slot(self.seed.of_key(key), slot);
            self.put += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocabulary::hashing::short_key;

    fn get(cache: &ShortCache, key: u128, hash: u64) -> Option<&[u32]> {
        let slot = cache.find(key, hash).or_else(|| cache.find_beside(key, hash))?;
        let (ids, count) = cache.ids(slot);
        Some(&ids[..count])
    }

    #[test]
    fn a_key_has_the_ids_it_was_given_or_none() {
        let seed = Seed::random();
        let mut cache = ShortCache::new(seed);
        let key = |number: u32| short_key(format!("word {number}").as_bytes()).unwrap();
        let ids = |number: u32| [number, number + 1, number + 2, number + 3];
        let count = |number: u32| 1 + number as usize % MOST_IDS;
        let numbers = 0..400_000u32;
        for number in numbers.clone() {
            let hash = seed.of_key(key(number));
            assert_eq!(get(&cache, key(number), hash), None);
            cache.put(key(number), hash, &ids(number)[..count(number)]);
            assert_eq!(get(&cache, key(number), hash), Some(&ids(number)[..count(number)]));
        }
        let kept = numbers.filter(|&number| {
            let found = get(&cache, key(number), seed.of_key(key(number)));
            found.is_some_and(|found| found == &ids(number)[..count(number)] || panic!("ids of another key"))
        });
        assert!((MOST_LINES..=2 * MOST_LINES).contains(&kept.count()));
        assert_eq!(cache.lines.len(), MOST_LINES);
    }

    #[test]
    fn equal_hashes_are_not_equal_keys() {
        let mut cache = ShortCache::new(Seed::random());
        let key = |number: u8| short_key(&[number; 3]).unwrap();
        for number in 0..100 {
            cache.put(key(number), 7, &[number.into()]);
            assert_eq!(get(&cache, key(number), 7), Some(&[u32::from(number)][..]));
            let others = (0..100).filter(|&other| match get(&cache, key(other), 7) {
                Some(ids) => ids == [u32::from(other)] || panic!("ids of another key"),
                None => false,
            });
            assert!(others.count() <= 4);
        }
    }
}
