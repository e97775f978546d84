//! Rows of 256 places, most of them empty, laid over each other so that no two need the same place.

/// Which places are taken, and where rows begin.
pub(super) struct Rows {
    taken: Vec<u64>,
    begun: Vec<u64>,
    /// Before this there is nothing worth a look for rows of this many places.
    from: usize,
    width: usize,
}

/// So many places are tried for a row before it goes to the end.
const TRIES: usize = 64;

impl Rows {
    /// Nothing but full rows at the beginning.
    pub(super) fn after(full: usize) -> Self {
        let taken = vec![u64::MAX; full * 4];
        Self { begun: vec![0; taken.len()], taken, from: 0, width: usize::MAX }
    }

    /// Where a row begins that needs these places, in order; no other begins there. Best asked for the fullest rows
    /// first.
    pub(super) fn place(&mut self, bytes: impl Iterator<Item = u8> + Clone) -> usize {
        let width = bytes.clone().count();
        if width != self.width {
            (self.width, self.from) = (width, 0);
        }
        let first = bytes.clone().next().map_or(0, usize::from);
        self.from = self.free(self.from);
        let mut at = self.from;
        let mut tries = 0;
        loop {
            at = self.free(at);
            let fits = |start: &usize| {
                !bit(&self.begun, *start)
                    && bytes.clone().all(|byte| !bit(&self.taken, start + usize::from(byte)))
            };
            // Full rows come first, so no free place is nearer to the beginning than its byte.
            if let Some(start) = at.checked_sub(first).filter(fits) {
                self.take(start, bytes);
                return start;
            }
            tries += 1;
            at += 1;
            if tries == TRIES {
                self.from = at;
                at = at.max(self.taken.len() * 64);
            }
        }
    }

    /// The first free place from there on.
    fn free(&self, from: usize) -> usize {
        let mut word = from / 64;
        let mut skipped = (1u64 << (from % 64)) - 1;
        while let Some(taken) = self.taken.get(word) {
            let free = !(taken | skipped);
            if free != 0 {
                return word * 64 + free.trailing_zeros() as usize;
            }
            skipped = 0;
            word += 1;
        }
        from.max(word * 64)
    }

    fn take(&mut self, start: usize, bytes: impl Iterator<Item = u8>) {
        let words = self.taken.len().max((start + 256).div_ceil(64));
        self.taken.resize(words, 0);
        self.begun.resize(words, 0);
        set(&mut self.begun, start);
        bytes.for_each(|byte| set(&mut self.taken, start + usize::from(byte)));
    }

    /// How many places there are.
    pub(super) fn len(&self) -> usize {
        self.taken.len() * 64
    }
}

fn bit(bits: &[u64], at: usize) -> bool {
    bits.get(at / 64).is_some_and(|word| word >> (at % 64) & 1 == 1)
}

fn set(bits: &mut [u64], at: usize) {
    bits[at / 64] |= 1 << (at % 64);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{BTreeSet, HashSet};

    proptest! {
        #[test]
        fn no_place_is_given_twice(
            rows in prop::collection::vec(prop::collection::btree_set(0u8.., 1..20), 0..300),
            full in 1usize..3,
        ) {
            let mut rows: Vec<BTreeSet<u8>> = rows;
            rows.sort_by_key(|row| std::cmp::Reverse(row.len()));
            let mut places = Rows::after(full);
            let (mut starts, mut taken) = (HashSet::new(), HashSet::new());
            for row in rows {
                let start = places.place(row.iter().copied());
                prop_assert!(starts.insert(start));
                for byte in row {
                    let place = start + usize::from(byte);
                    prop_assert!(place >= 256 * full && taken.insert(place));
                }
                prop_assert!(start + 256 <= places.len());
            }
        }
    }
}
