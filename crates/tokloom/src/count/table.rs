//! A hash table of pretokens and their counts that never allocates for a single pretoken.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;

use super::merge::Sorted;
use crate::error::Result;
use crate::memory::prefetch;

/// Up to so many bytes a pretoken is its own key: nine of ten are.
const INLINE: usize = 15;
/// The top byte of a long pretoken's key, where a short one has its length.
const LONG: u128 = 0xff;
const SMALLEST: usize = 16;
/// How many bytes the length of a long pretoken takes.
const LENGTH: usize = size_of::<u64>();

/// Open addressing with linear probing, at most half full, keyed by 16 bytes.
///
/// The hash is seeded at random for each table, so that no text can be made to collide; what is counted doesn't
/// depend on it.
pub(crate) struct Table {
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
    /// Where a long pretoken's length (eight bytes) and then its bytes begin.
    start: usize,
}

/// A pretoken's key, and where it would like to lie.
#[derive(Clone, Copy)]
pub(crate) struct Hashed {
    key: u128,
    hash: u64,
}

/// The table would need more memory than it may have: nothing was counted.
#[derive(Debug)]
pub(crate) struct Full;

impl Table {
    /// A table that takes at most `budget` bytes, or what its first few pretokens need if that is more.
    pub(crate) fn new(budget: usize) -> Self {
        let slots = vec![Slot::default(); SMALLEST];
        Self { slots, occupied: 0, long_pretokens: Vec::new(), seed: RandomState::default(), budget }
    }

    /// How many different pretokens were counted.
    pub(crate) fn len(&self) -> usize {
        self.occupied
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.occupied == 0
    }

    /// Counts one more `pretoken`. (An empty one has no bytes, and there is nothing to count.)
    #[cfg(test)]
    pub(crate) fn add(&mut self, pretoken: &[u8]) -> std::result::Result<(), Full> {
        if pretoken.is_empty() {
            return Ok(());
        }
        self.add_hashed(self.hash(pretoken, 0, pretoken.len()), pretoken, 1)
    }

    /// The key and hash of `stretch[start..end]`, which is not empty.
    #[inline(always)]
    pub(crate) fn hash(&self, stretch: &[u8], start: usize, end: usize) -> Hashed {
        let length = end - start;
        if length > INLINE {
            let hash = self.seed.hash_one(&stretch[start..end]);
            // No slice is longer than 2^56 bytes.
            return Hashed { key: LONG << 120 | (length as u128) << 64 | u128::from(hash), hash };
        }
        let key = match stretch[start..].first_chunk() {
            // One read of sixteen bytes, and what is not of the pretoken cut off.
            Some(bytes) => {
                u128::from_le_bytes(*bytes) & !(u128::MAX << (8 * length)) | (length as u128) << 120
            }
            None => inline_key(&stretch[start..end]),
        };
        Hashed { key, hash: self.seed.hash_one(key) }
    }

    /// Asks the processor for the slot where `hashed` would like to lie.
    #[inline(always)]
    pub(crate) fn ask_for(&self, hashed: Hashed) {
        prefetch(&self.slots, self.home(hashed.hash));
    }

    /// Counts `more` of `pretoken`, whose [`Self::hash`] is given.
    #[inline(always)]
    pub(crate) fn add_hashed(
        &mut self,
        hashed: Hashed,
        pretoken: &[u8],
        more: u64,
    ) -> std::result::Result<(), Full> {
        let Hashed { key, hash } = hashed;
        let mut place = self.home(hash);
        loop {
            let slot = &mut self.slots[place];
            if slot.key == key {
                if is_long(key) && !self.long_pretokens[slot.start + LENGTH..].starts_with(pretoken) {
                    place = (place + 1) & (self.slots.len() - 1);
                    continue;
                }
                slot.count = slot.count.saturating_add(more);
                return Ok(());
            }
            if slot.key == 0 {
                return self.insert(key, place, pretoken, more);
            }
            place = (place + 1) & (self.slots.len() - 1);
        }
    }

    /// The entries in ascending order, and an empty table in their place, with the same hashes.
    pub(crate) fn take_sorted(&mut self) -> SortedTable {
        let empty = Self { seed: self.seed.clone(), ..Self::new(self.budget) };
        std::mem::replace(self, empty).into_sorted()
    }

    #[inline]
    fn home(&self, hash: u64) -> usize {
        hash as usize & (self.slots.len() - 1)
    }

    /// Puts a new entry into the empty slot at `place`, and its bytes, if it is a long one, behind the others.
    #[cold]
    #[inline(never)]
    fn insert(
        &mut self,
        key: u128,
        place: usize,
        pretoken: &[u8],
        count: u64,
    ) -> std::result::Result<(), Full> {
        let long = if is_long(key) { LENGTH + pretoken.len() } else { 0 };
        let (old_bytes, new_bytes) = (self.long_pretokens.capacity(), self.long_capacity(long));
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
        self.slots[place] = Slot { key, count, start: self.long_pretokens.len() };
        if long > 0 {
            self.long_pretokens.extend_from_slice(&(pretoken.len() as u64).to_le_bytes());
            self.long_pretokens.extend_from_slice(pretoken);
        }
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
    pub(crate) fn into_sorted(self) -> SortedTable {
        let (mut slots, long_pretokens) = (self.slots, self.long_pretokens);
        slots.retain(|slot| slot.key != 0);
        for slot in &mut slots {
            slot.key = beginning(slot, &long_pretokens);
        }
        slots.sort_unstable_by(|left, right| {
            left.key.cmp(&right.key).then_with(|| {
                // Equal beginnings are both long: a table holds a short pretoken once.
                let long = |slot: &Slot| {
                    if slot.key as u8 > INLINE as u8 { long_bytes(slot, &long_pretokens) } else { &[] }
                };
                long(left).cmp(long(right))
            })
        });
        SortedTable { slots, long_pretokens, next: 0 }
    }
}

/// The entries of a table, ascending. Their keys are [`beginning`]s.
pub(crate) struct SortedTable {
    slots: Vec<Slot>,
    long_pretokens: Vec<u8>,
    next: usize,
}

impl Sorted for SortedTable {
    fn next(&mut self, pretoken: &mut Vec<u8>) -> Result<Option<u64>> {
        let Some(slot) = self.slots.get(self.next) else { return Ok(None) };
        self.next += 1;
        pretoken.clear();
        let bytes = slot.key.to_be_bytes();
        if usize::from(bytes[INLINE]) > INLINE {
            pretoken.extend_from_slice(long_bytes(slot, &self.long_pretokens));
        } else {
            pretoken.extend_from_slice(&bytes[..usize::from(bytes[INLINE])]);
        }
        Ok(Some(slot.count))
    }
}

fn is_long(key: u128) -> bool {
    key >> 120 == LONG
}

fn long_bytes<'a>(slot: &Slot, long_pretokens: &'a [u8]) -> &'a [u8] {
    let rest = &long_pretokens[slot.start..];
    let length = rest.first_chunk().map_or(0, |length| u64::from_le_bytes(*length));
    &rest[LENGTH..LENGTH + length as usize]
}

/// The first 15 bytes (zeros where there are fewer), then the length up to 16, the first byte highest: the order of
/// these is the order of the pretokens, unless two are long and equal here.
fn beginning(slot: &Slot, long_pretokens: &[u8]) -> u128 {
    if !is_long(slot.key) {
        return slot.key.swap_bytes();
    }
    let mut bytes = [0; INLINE + 1];
    bytes[..INLINE].copy_from_slice(&long_pretokens[slot.start + LENGTH..][..INLINE]);
    bytes[INLINE] = INLINE as u8 + 1;
    u128::from_be_bytes(bytes)
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
                prop_assert!(size <= budget.max(SMALLEST * size_of::<Slot>() + LENGTH + pretoken.len()) , "{size} of {budget}");
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
