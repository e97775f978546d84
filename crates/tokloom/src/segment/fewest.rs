//! Which spans end where → the fewest spans.

use super::LONGEST;

/// A key of a place: how many tokens it takes from there to the end, then how much shorter than the longest the first
/// of them is. The least key is the fewest tokens, and of those the longest first.
type Key = i16;

/// Keys hold this many tokens before all are made smaller.
const MOST_TOKENS: Key = 1500;
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
const SHORTER: [Key; LONGEST] = {
    let mut shorter = [0; LONGEST];
    let mut lane = 0;
    while lane < LONGEST {
        shorter[lane] = (LONGEST - 1 - lane) as Key;
        lane += 1;
    }
    shorter
};

/// `lengths`: for each byte, bit `length - 1` for each span that ends with it. Left there: for each byte, how long the
/// token is that begins with it, if one does.
pub(super) fn fewest(lengths: &mut [u16]) {
    // For the place that is looked at, the keys of those before it, the nearest first.
    let mut before = [NONE; LONGEST];
    let mut tokens: Key = 0;
    for length in lengths.iter_mut().rev() {
        let mask = length.cast_signed();
        let base = (tokens + 1) * LONGEST as Key;
        for lane in 0..LONGEST {
            let key = if mask & BITS[lane] == 0 { NONE } else { base + SHORTER[lane] };
            before[lane] = before[lane].min(key);
        }
        let key = before[0];
        tokens = key / LONGEST as Key;
        *length = LONGEST as u16 - (key % LONGEST as Key).cast_unsigned();
        // A new array, not a copy within: it stays in a register.
        before = std::array::from_fn(|lane| if lane + 1 < LONGEST { before[lane + 1] } else { NONE });
        if tokens > MOST_TOKENS {
            tokens -= MOST_TOKENS / 2;
            for key in before.iter_mut().filter(|key| **key != NONE) {
                *key -= MOST_TOKENS / 2 * LONGEST as Key;
            }
        }
    }
}
