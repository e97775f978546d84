//! Plain 64-bit arithmetic, eight bytes at a time.

use super::{Machine, WINDOW, fill_of_family, write_places_one_by_one};
use crate::pretokenize::blocks::block::Block;
use crate::pretokenize::blocks::rules::{Cl100k, Gpt2, O200k, Rules};
use crate::pretokenize::blocks::scan::{Ends, Fill, Position, Stop, fill_ends};
use crate::pretokenize::classes::cased::{LETTER, LOWER, UNCASED, UPPER};
use crate::pretokenize::classes::{Classes, MARK, NEWLINE, NUMBER, SPACE};
use crate::pretokenize::scanners::Family;

pub(super) fn fill(family: Family) -> Option<Fill> {
    fill_of_family!(family, fill_rules)
}

fn fill_rules<R: Rules>(classes: &Classes, text: &[u8], position: &mut Position, ends: &mut Ends) -> Stop {
    // SAFETY: this way has no instructions of its own.
    unsafe { fill_ends::<R, Portable>(classes, text, position, ends) }
}

struct Portable;

impl Machine for Portable {
    // Measured on text in many languages: 0.25 GB/s against 0.31.
    const LEAVES_WIDE: bool = true;

    #[inline(always)]
    unsafe fn block(classes: &Classes, window: &[u8; WINDOW], valid: u64) -> Block {
        let words = words(window);
        if valid == u64::MAX && words.iter().fold(0, |all, word| all | word) & EACH_HIGH == 0 {
            let kinds = std::array::from_fn(|index| classes.ascii[usize::from(window[index])]);
            return masks(64, u64::MAX, &words, &kinds);
        }
        // Bytes inside a character have the high bit and not the one below: a shift brings that one to its place.
        let inside = gather(8, |word| (words[word] & !(words[word] << 1)) >> 7 & EACH);
        let leads = valid & !inside;
        let (mut firsts, mut kinds) = ([0; WINDOW], [0; 64]);
        let mut left = leads;
        for (first, kind) in firsts.iter_mut().zip(&mut kinds) {
            if left == 0 {
                break;
            }
            let place = left.trailing_zeros() as usize;
            *first = window[place];
            *kind = class(classes, window[place], &window[place + 1..place + 4]);
            left &= left - 1;
        }
        masks(leads.count_ones(), leads, &self::words(&firsts), &kinds)
    }

    #[inline(always)]
    unsafe fn deposit(mut characters: u64, mut leads: u64) -> u64 {
        let mut bytes = 0;
        while characters != 0 {
            let lead = leads & leads.wrapping_neg();
            bytes |= if characters & 1 != 0 { lead } else { 0 };
            leads ^= lead;
            characters >>= 1;
        }
        bytes
    }

    #[inline(always)]
    unsafe fn write_places(bits: u64, base: u32, places: &mut [u32; 64]) {
        write_places_one_by_one(bits, base, places);
    }
}

/// The class of a character by its first byte and the three behind it.
///
/// Without a jump by the number of bytes, which is mispredicted wherever scripts mix, and at every space: all are read
/// as if they had four, and the bits of those that they don't have are shifted out again.
#[inline(always)]
fn class(classes: &Classes, lead: u8, tail: &[u8]) -> u8 {
    let width = lead.leading_ones();
    let bits =
        tail.iter().fold(u32::from(lead) & (0x7F >> width), |bits, byte| bits << 6 | u32::from(byte & 0x3F));
    // As a first byte, ASCII has no ones at its front and the others two to four.
    let missing = 4_u32.saturating_sub(width.max(1));
    classes.of(bits >> (6 * missing))
}

const EACH: u64 = u64::from_le_bytes([1; 8]);
const EACH_HIGH: u64 = EACH << 7;

fn words(bytes: &[u8; WINDOW]) -> [u64; 8] {
    std::array::from_fn(|word| u64::from_le_bytes(std::array::from_fn(|byte| bytes[8 * word + byte])))
}

/// The block of `count` characters that have these first bytes, eight a word, and these classes.
#[inline(always)]
fn masks(count: u32, leads: u64, firsts: &[u64; 8], kinds: &[u8; 64]) -> Block {
    let kinds: [u64; 8] =
        std::array::from_fn(|word| u64::from_le_bytes(std::array::from_fn(|byte| kinds[8 * word + byte])));
    let words = (count as usize).div_ceil(8);
    // Both tests leave bit 0 of each byte for its answer.
    let has = |class: u8| gather(words, |word| (kinds[word] >> class.trailing_zeros()) & EACH);
    let is = |byte: u8| {
        gather(words, |word| {
            // Not 0 exactly if the low seven bits carry into the high one, or that is set itself.
            let differs = firsts[word] ^ (EACH * u64::from(byte));
            let differs = ((differs & !EACH_HIGH) + !EACH_HIGH) | differs;
            !differs >> 7 & EACH
        })
    };
    let [upper, lower, uncased] = [UPPER, LOWER, UNCASED].map(has);
    const { assert!(LETTER == UPPER | LOWER | UNCASED) };
    Block {
        count,
        leads,
        letter: upper | lower | uncased,
        upper,
        lower,
        uncased,
        mark: has(MARK),
        number: has(NUMBER),
        space: has(SPACE),
        newline: has(NEWLINE),
        blank: is(b' '),
        apostrophe: is(b'\''),
        slash: is(b'/'),
    }
}

/// Bits from so many words, eight at most, that have one in each byte.
#[inline(always)]
fn gather(words: usize, word: impl Fn(usize) -> u64) -> u64 {
    (0..words.min(8)).fold(0, |mask, index| {
        // Byte k times 2^(56 - 7 k) puts its bit at 56 + k, and no two products meet in one bit.
        let byte = word(index).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        mask | byte << (8 * index)
    })
}
