//! Merges that are known → the tokens of a word.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use hashbrown::HashMap;

/// Up to so many tokens a word's smallest merge is searched one by one.
const SHORT: usize = 100;
const NONE: u32 = u32::MAX;

/// Merges by their pair.
pub(super) struct Merges {
    ids: HashMap<(u32, u32), u32, foldhash::fast::RandomState>,
    /// A bit for each hash of a pair that is among them: most pairs are not, and this says so at once.
    bits: Vec<u64>,
}

const BITS: u32 = 18;

impl Merges {
    /// `pairs` became the tokens from `first_id` on.
    pub(super) fn new(pairs: &[(u32, u32)], first_id: u32) -> Self {
        let mut bits = vec![0; 1 << (BITS - 6)];
        for &(left, right) in pairs {
            let (index, bit) = bit_of(left, right);
            bits[index] |= bit;
        }
        Self { ids: pairs.iter().copied().zip(first_id..).collect(), bits }
    }

    #[inline]
    fn of(&self, left: u32, right: u32) -> u32 {
        let (index, bit) = bit_of(left, right);
        if self.bits[index] & bit == 0 {
            return NONE;
        }
        self.ids.get(&(left, right)).copied().unwrap_or(NONE)
    }

    /// Replaces neighbours by what they merge to, the earliest merge first, of equal ones the leftmost.
    pub(super) fn apply(&self, word: &mut Vec<u32>, scratch: &mut Vec<u32>) {
        if word.len() > SHORT {
            return self.apply_to_long(word);
        }
        let merges = scratch;
        merges.clear();
        merges.extend(word.windows(2).map(|pair| self.of(pair[0], pair[1])));
        while let Some((index, &merged)) = merges.iter().enumerate().min_by_key(|&(_, &merged)| merged)
            && merged != NONE
        {
            word[index] = merged;
            word.remove(index + 1);
            merges.remove(index);
            if index > 0 {
                merges[index - 1] = self.of(word[index - 1], merged);
            }
            if let Some(&right) = word.get(index + 1) {
                merges[index] = self.of(merged, right);
            }
        }
    }

    fn apply_to_long(&self, word: &mut Vec<u32>) {
        let end = word.len();
        let mut next: Vec<usize> = (1..=end).collect();
        let mut previous: Vec<usize> = (0..end).map(|index| index.wrapping_sub(1)).collect();
        let merge = |word: &[u32], left: usize, right: usize| match (word.get(left), word.get(right)) {
            (Some(&left), Some(&right)) if left != NONE && right != NONE => self.of(left, right),
            _ => NONE,
        };
        let found = (1..end).map(|right| Reverse((merge(word, right - 1, right), right - 1)));
        let mut heap: BinaryHeap<_> = found.filter(|Reverse((merged, _))| *merged != NONE).collect();
        while let Some(Reverse((merged, left))) = heap.pop() {
            let right = next[left];
            // What was pushed may be gone by now.
            if merge(word, left, right) != merged {
                continue;
            }
            word[left] = merged;
            word[right] = NONE;
            next[left] = next[right];
            if next[left] < end {
                previous[next[left]] = left;
            }
            for (left, right) in [(previous[left], left), (left, next[left])] {
                let merged = merge(word, left, right);
                if merged != NONE {
                    heap.push(Reverse((merged, left)));
                }
            }
        }
        word.retain(|&id| id != NONE);
    }
}

#[inline]
fn bit_of(left: u32, right: u32) -> (usize, u64) {
    let pair = u64::from(left) << 32 | u64::from(right);
    let hash = (pair ^ pair >> 29).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (u64::BITS - BITS);
    ((hash >> 6) as usize, 1 << (hash & 63))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Merge by merge, each from left to right.
    fn slowly(pairs: &[(u32, u32)], first_id: u32, word: &[u32]) -> Vec<u32> {
        let mut word = word.to_vec();
        for (&(left, right), merged) in pairs.iter().zip(first_id..) {
            let mut index = 0;
            while index + 1 < word.len() {
                if (word[index], word[index + 1]) == (left, right) {
                    word[index] = merged;
                    word.remove(index + 1);
                }
                index += 1;
            }
        }
        word
    }

    proptest! {
        #[test]
        fn is_one_merge_after_the_other(
            seeds in proptest::collection::vec((any::<u32>(), any::<u32>()), 0..12),
            word in proptest::collection::vec(0u32..3, 0..200),
        ) {
            let mut pairs: Vec<(u32, u32)> = Vec::new();
            for (left, right) in seeds {
                let known = 3 + pairs.len() as u32;
                let pair = (left % known, right % known);
                if !pairs.contains(&pair) {
                    pairs.push(pair);
                }
            }
            let merges = Merges::new(&pairs, 3);
            let expected = slowly(&pairs, 3, &word);
            let mut short = word.clone();
            merges.apply(&mut short, &mut Vec::new());
            prop_assert_eq!(&short, &expected);
            let mut long = word;
            merges.apply_to_long(&mut long);
            prop_assert_eq!(&long, &expected);
        }
    }
}
