//! Which pairs occur often enough to be merged next, and where: three readings of all words.
//!
//! The first adds up counts by a hash of the pair, so that what is rare is known in little memory, whatever the
//! number of different pairs. The second counts the others exactly, the third notes their places.

use super::pairs::Pairs;
use super::words::{Cell, Words};
use crate::error::{Error, Result};

/// How many sums there are (a power of two): 2 MiB of them stay near the processor.
const SUMS: usize = 1 << 19;
const NONE: u32 = u32::MAX;
/// By how much the bound falls at most from one time to the next. With 8 the readings cost more than they save, with
/// 256 the rare pairs do.
const FALL: i64 = 32;

/// Finds the pairs to go on with: below `before`, enough for so many `merges` if that can be foreseen.
pub(super) fn frequent_pairs<C: Cell>(
    words: &Words<C>,
    before: i64,
    min_count: i64,
    merges: usize,
    tick: &mut dyn FnMut() -> Result<()>,
) -> Result<Pairs> {
    let mut sums = vec![0u32; SUMS];
    words.each_pair(tick, |left, right, count, _| {
        let sum = &mut sums[sum_of(left, right)];
        *sum = sum.saturating_add(u32::try_from(count).unwrap_or(u32::MAX));
        Ok(())
    })?;
    let floor = next_floor(&sums, before, merges).max(min_count);
    let mut candidates = Candidates::of(sums, floor);
    words.each_pair(tick, |left, right, count, _| {
        if let Some(found) = candidates.of_pair_or_new(left, right) {
            found.count = found.count.checked_add(count).ok_or_else(too_many)?;
            found.places += 1;
        }
        Ok(())
    })?;
    let mut pairs = candidates.found_pairs(floor);
    words.each_pair(tick, |left, right, _, place| {
        if let Some(slot) = candidates.slot(left, right) {
            pairs.add_place(slot, place as u32);
        }
        Ok(())
    })?;
    Ok(pairs)
}

/// A bound for which there are places enough, but not many more. About one merge comes out of two pairs.
fn next_floor(sums: &[u32], before: i64, merges: usize) -> i64 {
    let mut sums: Vec<u32> = sums.iter().copied().filter(|&sum| sum > 0).collect();
    let highest = sums.iter().copied().max().unwrap_or(0);
    let enough = merges.saturating_mul(2).saturating_add(64);
    let needed = match sums.len() {
        number if enough < number => *sums.select_nth_unstable(number - enough).1,
        _ => 0,
    };
    // A sum that reached its limit says nothing of how much more it is.
    let highest = if highest == u32::MAX { before } else { before.min(highest.into()) };
    (highest / FALL).max(needed.into()).min(before - 1)
}

#[inline(always)]
fn sum_of(left: u32, right: u32) -> usize {
    // Pairs of bytes have a sum of their own each.
    if left | right < 256 {
        return (left << 8 | right) as usize;
    }
    let mixed = (u64::from(left) << 32 | u64::from(right)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed >> 40) as usize & (SUMS - 1)
}

struct Candidate {
    left: u32,
    right: u32,
    count: i64,
    /// How many; later, where the pair lies among those found, or [`NONE`].
    places: u32,
    /// Another pair with the same sum.
    next: u32,
}

/// The pairs whose sum is high enough.
struct Candidates {
    /// By sum: the first pair that has it, [`NONE`], or [`Self::OPEN`] before one was met.
    first: Vec<u32>,
    candidates: Vec<Candidate>,
}

impl Candidates {
    const OPEN: u32 = NONE - 1;

    fn of(mut sums: Vec<u32>, floor: i64) -> Self {
        let floor = u32::try_from(floor).unwrap_or(u32::MAX);
        for sum in &mut sums {
            *sum = if *sum >= floor { Self::OPEN } else { NONE };
        }
        Self { first: sums, candidates: Vec::new() }
    }

    #[inline]
    fn of_pair_or_new(&mut self, left: u32, right: u32) -> Option<&mut Candidate> {
        let sum = sum_of(left, right);
        let first = self.first[sum];
        if first == NONE {
            return None;
        }
        let index = match self.find(first, left, right) {
            Some(index) => index,
            None => {
                let next = if first == Self::OPEN { NONE } else { first };
                self.candidates.push(Candidate { left, right, count: 0, places: 0, next });
                self.first[sum] = self.candidates.len() as u32 - 1;
                self.candidates.len() - 1
            }
        };
        Some(&mut self.candidates[index])
    }

    #[inline]
    fn find(&self, first: u32, left: u32, right: u32) -> Option<usize> {
        let mut index = first;
        while let Some(found) = self.candidates.get(index as usize) {
            if found.left == left && found.right == right {
                return Some(index as usize);
            }
            index = found.next;
        }
        None
    }

    /// Those that do reach the floor, without their places.
    fn found_pairs(&mut self, floor: i64) -> Pairs {
        let mut pairs = Pairs::new(floor);
        for found in &mut self.candidates {
            found.places = if found.count >= floor {
                pairs.insert(found.left, found.right, found.count, found.places as usize)
            } else {
                NONE
            };
        }
        pairs
    }

    #[inline]
    fn slot(&self, left: u32, right: u32) -> Option<u32> {
        let index = self.find(self.first[sum_of(left, right)], left, right)?;
        Some(self.candidates[index].places).filter(|&slot| slot != NONE)
    }
}

fn too_many() -> Error {
    Error::Argument("a pair occurs more than 2^63 times".into())
}
