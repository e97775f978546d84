//! A hash table of pretokens and their counts that never allocates for a single pretoken.

use std::cmp::Ordering;
use std::hash::BuildHasher;

use foldhash::fast::RandomState;

use super::merge::Sorted;
use crate::error::Result;

/// Up to so many bytes a pretoken is its own key: nine of ten are.
const INLINE: usize = 15;
/// The top byte of a long pretoken's key, where a short one has its length.
const LONG: u128 = 0xff;
const SMALLEST: usize = 16;

/// Open addressing with linear probing, at most half full, keyed by 16 bytes.
///
/// The hash is seeded at random for each table, so that no text can be made to collide; what is counted doesn't
/// depend on it.
pub(super) struct Table {
    slots: Vec<Slot>,
    occupied: usize,
    long_pretokens: Vec<u8>,
    seed: RandomState,
    budget: usize,
}

#[derive(Clone, Copy, Default)]
struct Slot {
    /// Short: the bytes, then zeros, and the length in the top byte. Long: the hash, the length (56 bits), [`LONG`].
    /// Zero is no pretoken, and so an empty slot.
    key: u128,
    count: u64,
    /// Where a long pretoken's bytes begin.
    start: usize,
}

/// The table would need more memory than it may have: nothing was counted.
#[derive(Debug)]
pub(super) struct Full;

impl Table {
    /// A table that takes at most `budget` bytes, or what its first few pretokens need if that is more.
    pub(super) fn new(budget: usize) -> Self {
        let slots = vec![Slot::default(); SMALLEST];
        Self { slots, occupied: 0, long_pretokens: Vec::new(), seed: RandomState::default(), budget }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.occupied == 0
    }

    /// Counts one more `pretoken`. (An empty one has no bytes, and there is nothing to count.)
    #[inline]
    pub(super) fn add(&mut self, pretoken: &[u8]) -> std::result::Result<(), Full> {
        if pretoken.len() <= INLINE {
            if pretoken.is_empty() { Ok(()) } else { self.add_short(inline_key(pretoken)) }
        } else {
            self.add_long(pretoken)
        }
    }

    #[inline]
    fn add_short(&mut self, key: u128) -> std::result::Result<(), Full> {
        let mut place = self.home(self.seed.hash_one(key));
        loop {
            let slot = &mut self.slots[place];
            if slot.key == key {
                slot.count += 1;
                return Ok(());
            }
            if slot.key == 0 {
                return self.insert(Slot { key, count: 1, start: 0 }, place, &[]);
            }
            place = (place + 1) & (self.slots.len() - 1);
        }
    }

    fn add_long(&mut self, pretoken: &[u8]) -> std::result::Result<(), Full> {
        let hash = self.seed.hash_one(pretoken);
        // No slice is longer than 2^56 bytes.
        let key = LONG << 120 | (pretoken.len() as u128) << 64 | u128::from(hash);
        let mut place = self.home(hash);
        loop {
            let slot = &mut self.slots[place];
            if slot.key == key && self.long_pretokens[slot.start..].starts_with(pretoken) {
                slot.count += 1;
                return Ok(());
            }
            if slot.key == 0 {
                let start = self.long_pretokens.len();
                return self.insert(Slot { key, count: 1, start }, place, pretoken);
            }
            place = (place + 1) & (self.slots.len() - 1);
        }
    }

    #[inline]
    fn home(&self, hash: u64) -> usize {
        hash as usize & (self.slots.len() - 1)
    }

    /// Puts a new entry into the empty slot at `place`, and its bytes, if it is a long one, behind the others.
    #[cold]
    #[inline(never)]
    fn insert(&mut self, slot: Slot, place: usize, long: &[u8]) -> std::result::Result<(), Full> {
        let (old_bytes, new_bytes) = (self.long_pretokens.capacity(), self.long_capacity(long.len()));
        let crowded = 2 * (self.occupied + 1) > self.slots.len();
        let slots = if crowded { 3 * self.slots.len() } else { self.slots.len() };
        // While a buffer grows, the old one and the new one exist.
        let bytes = if new_bytes > old_bytes { old_bytes.saturating_add(new_bytes) } else { old_bytes };
        let needed = (slots * size_of::<Slot>()).saturating_add(bytes);
        if needed > self.budget && !self.is_empty() {
            return Err(Full);
        }
        if new_bytes > old_bytes {
            self.long_pretokens.reserve_exact(new_bytes - self.long_pretokens.len());
        }
        self.long_pretokens.extend_from_slice(long);
        self.slots[place] = slot;
        self.occupied += 1;
        if crowded {
            self.grow();
        }
        Ok(())
    }

    /// The capacity that `more` bytes need, doubling as a vector does.
    fn long_capacity(&self, more: usize) -> usize {
        let needed = self.long_pretokens.len().saturating_add(more);
        let capacity = self.long_pretokens.capacity();
        if needed <= capacity { capacity } else { needed.max(capacity.saturating_mul(2)) }
    }

    fn grow(&mut self) {
        let wider = vec![Slot::default(); 2 * self.slots.len()];
        for slot in std::mem::replace(&mut self.slots, wider) {
            if slot.key == 0 {
                continue;
            }
            let hash = if is_long(slot.key) { slot.key as u64 } else { self.seed.hash_one(slot.key) };
            let mut place = self.home(hash);
            while self.slots[place].key != 0 {
                place = (place + 1) & (self.slots.len() - 1);
            }
            self.slots[place] = slot;
        }
    }

    /// The entries in ascending order of their bytes; sorted where they lie.
    pub(super) fn into_sorted(self) -> SortedTable {
        let (mut slots, long_pretokens) = (self.slots, self.long_pretokens);
        slots.retain(|slot| slot.key != 0);
        slots.sort_unstable_by(|left, right| compare(left, right, &long_pretokens));
        SortedTable { slots, long_pretokens, next: 0 }
    }
}

/// The entries of a table, ascending.
pub(super) struct SortedTable {
    slots: Vec<Slot>,
    long_pretokens: Vec<u8>,
    next: usize,
}

impl Sorted for SortedTable {
    fn next(&mut self, pretoken: &mut Vec<u8>) -> Result<Option<u64>> {
        let Some(slot) = self.slots.get(self.next) else { return Ok(None) };
        self.next += 1;
        pretoken.clear();
        if is_long(slot.key) {
            pretoken.extend_from_slice(long_bytes(slot, &self.long_pretokens));
        } else {
            let bytes = slot.key.to_le_bytes();
            pretoken.extend_from_slice(&bytes[..usize::from(bytes[INLINE])]);
        }
        Ok(Some(slot.count))
    }
}

fn is_long(key: u128) -> bool {
    key >> 120 == LONG
}

fn long_bytes<'a>(slot: &Slot, long_pretokens: &'a [u8]) -> &'a [u8] {
    let length = (slot.key >> 64) as u64 & ((1 << 56) - 1);
    &long_pretokens[slot.start..slot.start + length as usize]
}

/// Orders by the first 15 bytes (zeros where there are fewer), then by length up to 16: that is the order of the
/// bytes, unless both are long.
fn compare(left: &Slot, right: &Slot, long_pretokens: &[u8]) -> Ordering {
    let beginning = |slot: &Slot| {
        if !is_long(slot.key) {
            return slot.key.swap_bytes();
        }
        let mut bytes = [0; INLINE + 1];
        bytes[..INLINE].copy_from_slice(&long_pretokens[slot.start..slot.start + INLINE]);
        bytes[INLINE] = INLINE as u8 + 1;
        u128::from_be_bytes(bytes)
    };
    beginning(left).cmp(&beginning(right)).then_with(|| {
        // Equal beginnings are both long: a table holds a short pretoken once.
        match is_long(left.key) && is_long(right.key) {
            true => long_bytes(left, long_pretokens).cmp(long_bytes(right, long_pretokens)),
            false => Ordering::Equal,
        }
    })
}

/// The bytes (at most 15), then zeros, and the length in the top byte. Two reads that overlap, instead of a copy of
/// variable length, which would be a call.
#[inline]
fn inline_key(pretoken: &[u8]) -> u128 {
    let length = pretoken.len();
    let text = if let (Some(first), Some(last)) = (pretoken.first_chunk(), pretoken.last_chunk()) {
        let (first, last) = (u64::from_le_bytes(*first), u64::from_le_bytes(*last));
        u128::from(first) | u128::from(last) << (8 * (length - 8))
    } else if let (Some(first), Some(last)) = (pretoken.first_chunk(), pretoken.last_chunk()) {
        let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
        u128::from(first) | u128::from(last) << (8 * (length - 4))
    } else {
        let byte = |place: usize| u128::from(pretoken[place]) << (8 * place);
        if length == 0 { 0 } else { byte(0) | byte(length / 2) | byte(length - 1) }
    };
    text | (length as u128) << 120
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn entries(table: Table) -> Vec<(Vec<u8>, u64)> {
        let mut sorted = table.into_sorted();
        let (mut entries, mut pretoken) = (Vec::new(), Vec::new());
        while let Some(count) = sorted.next(&mut pretoken).unwrap() {
            entries.push((pretoken.clone(), count));
        }
        entries
    }

    /// Few different bytes and lengths around 15, so that prefixes and zeros meet.
    fn pretoken() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            proptest::collection::vec(0u8..2, 1..4),
            proptest::collection::vec(prop_oneof![Just(0u8), Just(255u8)], 13..19),
            proptest::collection::vec(any::<u8>(), 1..40),
        ]
    }

    proptest! {
        #[test]
        fn counts_like_a_map(pretokens in proptest::collection::vec(pretoken(), 0..300)) {
            let mut table = Table::new(usize::MAX);
            let mut map: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
            for pretoken in pretokens.iter().chain(&pretokens) {
                table.add(pretoken).unwrap();
                *map.entry(pretoken.clone()).or_default() += 1;
            }
            prop_assert_eq!(entries(table), map.into_iter().collect::<Vec<_>>());
        }

        #[test]
        fn keeps_its_budget(pretokens in proptest::collection::vec(pretoken(), 0..300), budget in 0usize..20_000) {
            let mut table = Table::new(budget);
            for pretoken in &pretokens {
                if table.add(pretoken).is_err() {
                    prop_assert!(!table.is_empty());
                    table = Table::new(budget);
                    table.add(pretoken).unwrap();
                }
                let size = table.slots.capacity() * size_of::<Slot>() + table.long_pretokens.capacity();
                prop_assert!(size <= budget.max(SMALLEST * size_of::<Slot>() + pretoken.len()) , "{size} of {budget}");
            }
        }
    }

    #[test]
    fn a_key_is_bytes_and_length() {
        for length in 1..=INLINE {
            let bytes: Vec<u8> = (1..=length as u8).collect();
            let mut expected = [0; 16];
            expected[..length].copy_from_slice(&bytes);
            expected[15] = length as u8;
            assert_eq!(inline_key(&bytes).to_le_bytes(), expected);
        }
    }

    #[test]
    fn a_slot_is_half_a_cache_line() {
        assert_eq!(size_of::<Slot>(), 32);
    }
}
