//! Up to 64 characters as masks, a bit a character, and the arithmetic on such masks.
//!
//! Bit 0 is the first character, so that a shift to the left goes forward in the text, and so does the carry of an
//! addition. A character has one bit however many bytes it has: the rules needn't know of UTF-8.

/// The characters that begin in 64 bytes of a text. In every mask the bits from `count` on are 0.
#[derive(Clone, Copy, Default)]
pub(super) struct Block {
    /// How many characters; 0 behind the end of the text, and at least 16 unless the text ends in these 64 bytes: a
    /// character has at most four, and at most three belong to one that began before.
    pub(super) count: u32,
    /// A bit a *byte*, of the 64: a character begins there.
    pub(super) leads: u64,
    /// `\p{L}`, which is `upper`, `lower` and `uncased`.
    pub(super) letter: u64,
    pub(super) upper: u64,
    pub(super) lower: u64,
    pub(super) uncased: u64,
    pub(super) mark: u64,
    pub(super) number: u64,
    /// `\s`, with newlines.
    pub(super) space: u64,
    /// `[\r\n]`.
    pub(super) newline: u64,
    /// The space itself, U+0020.
    pub(super) blank: u64,
    pub(super) apostrophe: u64,
    pub(super) slash: u64,
}

impl Block {
    /// All characters; there must be one.
    #[inline(always)]
    pub(super) fn all(&self) -> u64 {
        u64::MAX >> (64 - self.count)
    }

    /// Bit 0: whether the last character of this block is in `mask`.
    #[inline(always)]
    pub(super) fn last(&self, mask: u64) -> u64 {
        mask >> (self.count - 1) & 1
    }

    /// At each character, whether the one after it is in `mask`; `first_of_next`: bit 0 tells it of the first
    /// character of the next block.
    #[inline(always)]
    pub(super) fn after(&self, mask: u64, first_of_next: u64) -> u64 {
        mask >> 1 | (first_of_next & 1) << (self.count - 1)
    }

    /// In which of the 64 bytes the character at `index` begins.
    pub(super) fn byte_of(&self, index: u32) -> u32 {
        if self.leads == u64::MAX {
            return index;
        }
        let mut leads = self.leads;
        for _ in 0..index {
            leads &= leads.wrapping_sub(1);
        }
        leads.trailing_zeros()
    }
}

/// At each character, whether the one before it is in `mask`; bit 0 of `carried` tells it of the last character of the
/// block before. (A bit may fall behind the last character: whoever asks does so of characters.)
#[inline(always)]
pub(super) fn before(mask: u64, carried: u64) -> u64 {
    mask << 1 | carried
}

/// `seeds`, and every character of `through` that nothing but characters of `through` part from a seed before it.
/// Seeds are in `through`.
///
/// Added to a run of ones, its lowest seed clears the bits from there to the run's end and carries into the zero
/// behind it; what is lower in the run stays. Another seed of the run falls on a bit so cleared, sets it again and
/// carries no further, so that seeds are added by hand.
#[inline(always)]
pub(super) fn flood(seeds: u64, through: u64) -> u64 {
    through & !through.wrapping_add(seeds) | seeds
}

/// The lowest bit that is set.
#[inline(always)]
pub(super) fn lowest(mask: u64) -> u64 {
    mask & mask.wrapping_neg()
}

/// The highest bit that is set; 0 of 0.
#[inline(always)]
pub(super) fn highest(mask: u64) -> u64 {
    if mask == 0 { 0 } else { 1 << (63 - mask.leading_zeros()) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Masks with long runs, too.
    fn mask() -> impl Strategy<Value = u64> {
        prop_oneof![
            any::<u64>(),
            (any::<u64>(), any::<u64>()).prop_map(|(a, b)| a | b),
            Just(u64::MAX),
            Just(0)
        ]
    }

    proptest! {
        #[test]
        fn a_flood_goes_from_its_seeds_to_the_ends_of_their_runs(seeds in mask(), through in mask()) {
            let seeds = seeds & through;
            let mut expected = seeds;
            for bit in 1..64 {
                expected |= (expected << 1) & through & (1 << bit);
            }
            prop_assert_eq!(flood(seeds, through), expected);
        }

        #[test]
        fn the_nth_character_begins_at_the_nth_lead(leads in mask()) {
            let block = Block { leads, ..Block::default() };
            for (index, place) in (0..64).filter(|place| leads >> place & 1 != 0).enumerate() {
                prop_assert_eq!(block.byte_of(index as u32), place);
            }
        }
    }

    #[test]
    fn the_highest_and_the_lowest_bit() {
        assert_eq!((highest(0b0110), lowest(0b0110)), (0b0100, 0b0010));
        assert_eq!((highest(0), lowest(0)), (0, 0));
        assert_eq!(highest(u64::MAX), 1 << 63);
    }
}
