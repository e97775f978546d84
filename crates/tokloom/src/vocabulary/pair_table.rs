//! (left id, right id) → what they become: small, and quick to say that they become nothing.

use super::hashing::Seed;
use crate::memory::{filled, prefetch};

/// What a pair of tokens becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Merge {
    /// Lower merges first.
    pub(crate) rank: u32,
    /// The id of the merged token.
    pub(crate) id: u32,
}

impl Merge {
    /// The rank of a pair that doesn't merge.
    pub(crate) const NEVER: Merge = Merge { rank: u32::MAX, id: u32::MAX };
}

/// Ids and ranks below this fit, three of them, into one slot.
const NARROW: u32 = 1 << 21;
const EMPTY: u64 = u64::MAX;

/// (left id, right id) → [`Merge`].
///
/// Most pairs that are asked for don't merge: a bitmap of hashes, small enough for the nearer caches, says so for
/// nearly all of them.
pub(crate) struct PairTable {
    seed: Seed,
    /// 16 bits a slot, one for some hashes; a power of two of words.
    seen: Vec<u64>,
    /// A power of two, at most four in five of them taken: what isn't there is seldom looked for.
    slots: Slots,
    len: usize,
    /// The rank of each pair of bytes, once [all pairs are known](Self::index_bytes).
    bytes: Vec<u32>,
    /// The id that each rank makes; a rank beyond is the id itself.
    ids: Vec<u32>,
}

enum Slots {
    /// Left id, right id and rank in 21 bits each.
    Narrow(Vec<u64>),
    /// Left and right id, and what they become: for vocabularies with ids of any size.
    Wide(Vec<(u64, Merge)>),
}

impl PairTable {
    pub(crate) fn with_capacity(pairs: usize) -> Self {
        let slots = (5 * pairs).div_ceil(4).next_power_of_two().max(64);
        Self {
            seed: Seed::random(),
            seen: filled(slots / 4, 0),
            slots: Slots::Narrow(filled(slots, EMPTY)),
            len: 0,
            bytes: Vec::new(),
            ids: Vec::new(),
        }
    }

    fn capacity(&self) -> usize {
        match &self.slots {
            Slots::Narrow(slots) => slots.len() / 5 * 4,
            Slots::Wide(slots) => slots.len() / 5 * 4,
        }
    }

    #[inline(always)]
    fn hash(&self, left: u32, right: u32) -> u64 {
        self.seed.of_pair(u64::from(left) << 32 | u64::from(right))
    }

    /// The word of the bitmap and the bit in it. The slot comes from the low half of the hash, this from the high one.
    #[inline(always)]
    fn bit(&self, hash: u64) -> (usize, u64) {
        ((hash >> 38) as usize & (self.seen.len() - 1), 1 << (hash >> 32 & 63))
    }

    /// Adds a pair; of one that is there already, the first stays.
    pub(crate) fn insert(&mut self, left: u32, right: u32, merge: Merge) {
        if self.get(left, right) != Merge::NEVER {
            return;
        }
        let is_narrow = [left, right, merge.rank].into_iter().all(|number| number < NARROW);
        match &self.slots {
            Slots::Narrow(_) if !is_narrow => self.rebuild(self.capacity(), true),
            slots if self.len == self.capacity() => {
                self.rebuild(2 * self.capacity(), matches!(slots, Slots::Wide(_)));
            }
            _ => (),
        }
        self.put(left, right, merge);
    }

    fn put(&mut self, left: u32, right: u32, merge: Merge) {
        let hash = self.hash(left, right);
        let (word, bit) = self.bit(hash);
        self.seen[word] |= bit;
        match &mut self.slots {
            Slots::Narrow(slots) => {
                let mut slot = hash as usize & (slots.len() - 1);
                while slots[slot] != EMPTY {
                    slot = (slot + 1) & (slots.len() - 1);
                }
                slots[slot] = narrow_key(left, right) | u64::from(merge.rank);
                self.note_id(merge);
            }
            Slots::Wide(slots) => {
                let mut slot = hash as usize & (slots.len() - 1);
                while slots[slot].0 != EMPTY {
                    slot = (slot + 1) & (slots.len() - 1);
                }
                slots[slot] = (u64::from(left) << 32 | u64::from(right), merge);
            }
        }
        self.len += 1;
    }

    fn note_id(&mut self, Merge { rank, id }: Merge) {
        if self.by_narrow_rank(rank).id == id {
            return;
        }
        let wanted = self.ids.len().max(rank as usize + 1);
        self.ids.extend(self.ids.len() as u32..wanted as u32);
        self.ids[rank as usize] = id;
    }

    fn rebuild(&mut self, pairs: usize, wide: bool) {
        let all = self.all();
        let larger = Self::with_capacity(pairs);
        *self = Self { seed: self.seed, ..larger };
        if wide {
            self.slots = Slots::Wide(vec![(EMPTY, Merge::NEVER); self.seen.len() * 4]);
        }
        all.into_iter().for_each(|(left, right, merge)| self.put(left, right, merge));
    }

    #[inline(always)]
    pub(crate) fn get(&self, left: u32, right: u32) -> Merge {
        let hash = self.hash(left, right);
        let (word, bit) = self.bit(hash);
        if self.seen[word] & bit == 0 {
            return Merge::NEVER;
        }
        match &self.slots {
            Slots::Narrow(slots) => self.get_narrow(slots, left, right, hash),
            Slots::Wide(slots) => get_wide(slots, left, right, hash),
        }
    }

    /// Begins to fetch what [`Self::get`] will look at.
    #[inline(always)]
    pub(crate) fn prefetch(&self, left: u32, right: u32) {
        let hash = self.hash(left, right);
        prefetch(&self.seen, self.bit(hash).0);
        if let Slots::Narrow(slots) = &self.slots {
            prefetch(slots, hash as usize & (slots.len() - 1));
        }
    }

    #[inline(always)]
    fn get_narrow(&self, slots: &[u64], left: u32, right: u32, hash: u64) -> Merge {
        if left >= NARROW || right >= NARROW {
            return Merge::NEVER;
        }
        let key = narrow_key(left, right);
        let mut slot = hash as usize & (slots.len() - 1);
        loop {
            let found = slots[slot];
            if found ^ key < u64::from(NARROW) {
                return self.by_narrow_rank(found as u32 & (NARROW - 1));
            }
            if found == EMPTY {
                return Merge::NEVER;
            }
            slot = (slot + 1) & (slots.len() - 1);
        }
    }

    #[inline(always)]
    fn by_narrow_rank(&self, rank: u32) -> Merge {
        Merge { rank, id: self.ids.get(rank as usize).copied().unwrap_or(rank) }
    }

    /// Notes what each two bytes become, for [`Self::of_bytes`]; to be called when all pairs are there.
    pub(crate) fn index_bytes(&mut self, byte_ids: &[u32; 256]) {
        if let Slots::Narrow(_) = self.slots
            && self.len > 0
        {
            let ranks = |&left: &u32| byte_ids.iter().map(move |&right| (left, right));
            self.bytes =
                byte_ids.iter().flat_map(ranks).map(|(left, right)| self.get(left, right).rank).collect();
        }
    }

    /// What two bytes become, without looking for it; `None` before [`Self::index_bytes`], and where ids are large.
    #[inline(always)]
    pub(crate) fn of_bytes(&self, left: u8, right: u8) -> Option<Merge> {
        match *self.bytes.get(usize::from(left) << 8 | usize::from(right))? {
            u32::MAX => Some(Merge::NEVER),
            rank => Some(self.by_narrow_rank(rank)),
        }
    }

    fn all(&self) -> Vec<(u32, u32, Merge)> {
        let mut all = Vec::with_capacity(self.len);
        match &self.slots {
            Slots::Narrow(slots) => all.extend(slots.iter().filter(|slot| **slot != EMPTY).map(|slot| {
                let part = |shift: u32| (slot >> shift) as u32 & (NARROW - 1);
                (part(42), part(21), self.by_narrow_rank(part(0)))
            })),
            Slots::Wide(slots) => all.extend(
                slots
                    .iter()
                    .filter(|(key, _)| *key != EMPTY)
                    .map(|(key, merge)| ((key >> 32) as u32, *key as u32, *merge)),
            ),
        }
        all
    }

    /// All pairs by rank: (left, right, merged).
    pub(crate) fn by_rank(&self) -> Vec<(u32, u32, u32)> {
        let mut pairs = self.all();
        pairs.sort_unstable_by_key(|(left, right, merge)| (merge.rank, *left, *right));
        pairs.into_iter().map(|(left, right, merge)| (left, right, merge.id)).collect()
    }
}

#[inline(always)]
fn narrow_key(left: u32, right: u32) -> u64 {
    u64::from(left) << 42 | u64::from(right) << 21
}

fn get_wide(slots: &[(u64, Merge)], left: u32, right: u32, hash: u64) -> Merge {
    let key = u64::from(left) << 32 | u64::from(right);
    let mut slot = hash as usize & (slots.len() - 1);
    loop {
        let (found, merge) = slots[slot];
        if found == key {
            return merge;
        }
        if found == EMPTY {
            return Merge::NEVER;
        }
        slot = (slot + 1) & (slots.len() - 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_pair_becomes_what_was_put_first(
            pairs in prop::collection::vec((0u32..20, 0u32..20, 0u32..60), 0..300),
            large in prop::collection::vec((any::<u32>(), any::<u32>(), any::<u32>()), 0..3),
            asked in any::<(u32, u32)>(),
        ) {
            let mut table = PairTable::with_capacity(4);
            let mut expected = std::collections::BTreeMap::new();
            // A rank makes one id.
            for (left, right, rank) in pairs.into_iter().chain(large.iter().map(|(l, r, k)| (l / 2, r / 2, k / 2))) {
                let merge = Merge { rank, id: rank ^ 5 };
                table.insert(left, right, merge);
                expected.entry((left, right)).or_insert(merge);
            }
            table.index_bytes(&std::array::from_fn(|byte| byte as u32));
            for (&(left, right), &merge) in &expected {
                prop_assert_eq!(table.get(left, right), merge);
            }
            for left in 0..20u8 {
                for right in 0..20u8 {
                    let merge = expected.get(&(left.into(), right.into())).copied().unwrap_or(Merge::NEVER);
                    prop_assert_eq!(table.get(left.into(), right.into()), merge);
                    prop_assert!(table.of_bytes(left, right).is_none_or(|found| found == merge));
                }
            }
            prop_assert_eq!(
                table.get(asked.0, asked.1),
                expected.get(&asked).copied().unwrap_or(Merge::NEVER)
            );
            prop_assert_eq!(table.all().len(), expected.len());
        }
    }
}
