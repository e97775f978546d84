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

/// Goes through a block from its end: `before` and the key of the byte after it, and what they are at its beginning.
fn fewest_of_block(block: &mut [u16], before: [Key; LONGEST], after: Key) -> ([Key; LONGEST], Key) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every processor of this kind has SSE2.
    return unsafe { sse2(block, before, after) };
    #[cfg(not(target_arch = "x86_64"))]
    portable(block, before, after)
}

#[cfg(any(test, not(target_arch = "x86_64")))]
fn portable(block: &mut [u16], mut before: [Key; LONGEST], mut after: Key) -> ([Key; LONGEST], Key) {
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

/// Compilers don't find this by themselves: from one place to the next it takes six simple instructions.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sse2")]
fn sse2(block: &mut [u16], before: [Key; LONGEST], after: Key) -> ([Key; LONGEST], Key) {
    use std::arch::x86_64::*;
    let halves = |lanes: [Key; LONGEST]| {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = lanes;
        (_mm_setr_epi16(a, b, c, d, e, f, g, h), _mm_setr_epi16(i, j, k, l, m, n, o, p))
    };
    let ((low_bits, high_bits), (low_added, high_added)) = (halves(BITS), halves(ADDED));
    let (mut low, mut high) = halves(before);
    let mut after = _mm_set1_epi16(after);
    let last = _mm_setr_epi16(0, 0, 0, 0, 0, 0, 0, NONE);
    let none =
        |mask, bits| _mm_srli_epi16::<1>(_mm_cmpeq_epi16(_mm_and_si128(mask, bits), _mm_setzero_si128()));
    for length in block.iter_mut().rev() {
        let mask = _mm_set1_epi16((*length | 1).cast_signed());
        let base = _mm_or_si128(after, _mm_set1_epi16(LOW));
        low = _mm_min_epi16(low, _mm_or_si128(_mm_add_epi16(base, low_added), none(mask, low_bits)));
        high = _mm_min_epi16(high, _mm_or_si128(_mm_add_epi16(base, high_added), none(mask, high_bits)));
        after = _mm_shuffle_epi32::<0>(_mm_shufflelo_epi16::<0>(low));
        *length = LONGEST as u16 - (_mm_cvtsi128_si32(low) & i32::from(LOW)) as u16;
        low = _mm_or_si128(_mm_srli_si128::<2>(low), _mm_slli_si128::<14>(high));
        high = _mm_or_si128(_mm_srli_si128::<2>(high), last);
    }
    let lanes = |half| [_mm_cvtsi128_si64(half), _mm_cvtsi128_si64(_mm_srli_si128::<8>(half))];
    let ([a, b], [c, d]) = (lanes(low), lanes(high));
    let words = [a, b, c, d];
    (
        std::array::from_fn(|lane| (words[lane / 4] >> (16 * (lane % 4))) as Key),
        _mm_cvtsi128_si32(after) as Key,
    )
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn both_ways_are_the_same(masks in prop::collection::vec(0u16.., 0..BLOCK)) {
            // No token begins before the text does.
            let mut one: Vec<u16> =
                masks.iter().enumerate().map(|(place, mask)| mask & !(u16::MAX.checked_shl(place as u32 + 1).unwrap_or(0))).collect();
            let mut other = one.clone();
            let ends = fewest_of_block(&mut one, [NONE; LONGEST], FIRST | LOW);
            prop_assert_eq!(ends, portable(&mut other, [NONE; LONGEST], FIRST | LOW));
            prop_assert_eq!(one, other);
        }
    }
}
