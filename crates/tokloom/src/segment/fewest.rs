//! Which spans end where → the fewest spans.

use super::LONGEST;

/// A key of a place: how many tokens it takes from there to the end, then how much shorter than the longest the first
/// of them is. The least key is the fewest tokens, and of those the longest first.
type Key = i16;

/// The low bits of a key, all set.
const LOW: Key = LONGEST as Key - 1;
/// After so many bytes keys are made smaller: a key holds twice as many tokens.
const BLOCK: usize = 1 << 10;
/// Keys of the places before differ by less than this: none is below zero.
const FIRST: Key = (4 * LONGEST * LONGEST) as Key;
const NONE: Key = Key::MAX;

/// Bits of lengths, and what a token of that length adds to a key.
const BITS: [Key; LONGEST] = {
    let mut bits = [0; LONGEST];
    let mut lane = 0;
    while lane < LONGEST {
        bits[lane] = (1u16 << lane).cast_signed();
        lane += 1;
    }
    bits
};
const ADDED: [Key; LONGEST] = {
    let mut added = [0; LONGEST];
    let mut lane = 0;
    while lane < LONGEST {
        added[lane] = (LONGEST - lane) as Key;
        lane += 1;
    }
    added
};

/// `lengths`: for each byte, bit `length - 1` for each span of two bytes or more that ends with it; single bytes are
/// always spans, whatever bit 0 says. Left there: for each byte, how long the token is that begins with it, if one
/// does.
pub(super) fn fewest(lengths: &mut [u16]) {
    // For the place that is looked at, the keys of those before it, the nearest first.
    let mut before = [NONE; LONGEST];
    let mut after = FIRST | LOW;
    for block in lengths.rchunks_mut(BLOCK) {
        let less = (after & !LOW) - FIRST;
        after -= less;
        for key in before.iter_mut().filter(|key| **key != NONE) {
            *key -= less;
        }
        (before, after) = fewest_of_block(block, before, after);
    }
}

fn fewest_of_block(block: &mut [u16], mut before: [Key; LONGEST], mut after: Key) -> ([Key; LONGEST], Key) {
    for length in block.iter_mut().rev() {
        let mask = (*length | 1).cast_signed();
        let base = after | LOW;
        for lane in 0..LONGEST {
            let none = if mask & BITS[lane] == 0 { NONE } else { 0 };
            before[lane] = before[lane].min((base + ADDED[lane]) | none);
        }
        after = before[0];
        *length = (LONGEST as Key - (after & LOW)).cast_unsigned();
        // A new array, not a copy within: it stays in a register.
        before = std::array::from_fn(|lane| if lane + 1 < LONGEST { before[lane + 1] } else { NONE });
    }
    (before, after)
}
