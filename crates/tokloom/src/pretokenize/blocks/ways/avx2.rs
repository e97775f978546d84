//! AVX2 with BMI2: 64 bytes in two registers.

use std::arch::x86_64::*;

use super::{Machine, WINDOW, fill_of_family, write_places_one_by_one};
use crate::pretokenize::blocks::block::Block;
use crate::pretokenize::blocks::rules::{Cl100k, Gpt2, O200k, Rules};
use crate::pretokenize::blocks::scan::{Ends, Fill, Position, Stop, fill_ends};
use crate::pretokenize::classes::cased::{LETTER, LOWER, UNCASED, UNCASED_RANGES, UPPER};
use crate::pretokenize::classes::{Classes, MARK, NEWLINE, NUMBER, SPACE};
use crate::pretokenize::scanners::Family;

pub(super) fn is_available() -> bool {
    is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("bmi2")
        && is_x86_feature_detected!("lzcnt")
        && is_x86_feature_detected!("popcnt")
}

pub(super) fn fill(family: Family) -> Option<Fill> {
    if is_available() { fill_of_family!(family, fill_rules) } else { None }
}

fn fill_rules<R: Rules>(classes: &Classes, text: &[u8], position: &mut Position, ends: &mut Ends) -> Stop {
    // SAFETY: `fill`, which alone hands this function out, has seen that the machine has all these instructions.
    unsafe { fill_with_instructions::<R>(classes, text, position, ends) }
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn fill_with_instructions<R: Rules>(
    classes: &Classes,
    text: &[u8],
    position: &mut Position,
    ends: &mut Ends,
) -> Stop {
    // SAFETY: this function is compiled for a machine with the instructions of `Avx2`, and runs on no other.
    unsafe { fill_ends::<R, Avx2>(classes, text, position, ends) }
}

/// All functions from here on are inlined into `fill_with_instructions`, and so compiled for its machine.
struct Avx2;

impl Machine for Avx2 {
    const LEAVES_WIDE: bool = false;

    #[inline(always)]
    unsafe fn block(classes: &Classes, window: &[u8; WINDOW], valid: u64) -> Block {
        // SAFETY: the caller promises the instructions.
        unsafe {
            let bytes = Pair::load(window, 0);
            let not_ascii = bytes.high_bits();
            let ascii = bytes.look_up::<8>(classes.ascii.as_chunks().0);
            if not_ascii == 0 && valid == u64::MAX {
                return masks(bytes, ascii, |mask| mask, u64::MAX, 64);
            }
            // Bytes inside a character are 0x80 to 0xBF: as signed numbers, those below -64.
            let leads = valid & !bytes.is_below(-64);
            let kinds = wide_classes(classes, window, bytes, leads & not_ascii, ascii);
            masks(bytes, kinds, |mask| _pext_u64(mask, leads), leads, leads.count_ones())
        }
    }

    #[inline(always)]
    unsafe fn deposit(characters: u64, leads: u64) -> u64 {
        // SAFETY: the caller promises the instruction.
        unsafe { _pdep_u64(characters, leads) }
    }

    #[inline(always)]
    unsafe fn write_places(bits: u64, base: u32, places: &mut [u32; 64]) {
        write_places_one_by_one(bits, base, places);
    }
}

/// 64 bytes.
#[derive(Clone, Copy)]
struct Pair(__m256i, __m256i);

impl Pair {
    /// The 64 bytes of `window` from `from` on, which is at most 3.
    ///
    /// # Safety
    /// The machine has AVX2.
    #[inline(always)]
    unsafe fn load(window: &[u8; WINDOW], from: usize) -> Self {
        let (low, high) = (&window[from..from + 32], &window[from + 32..from + 64]);
        // SAFETY: loads of 32 of 32 bytes; the caller promises the instructions.
        unsafe { Self(_mm256_loadu_si256(low.as_ptr().cast()), _mm256_loadu_si256(high.as_ptr().cast())) }
    }

    /// # Safety
    /// The machine has AVX2.
    #[inline(always)]
    unsafe fn all(byte: u8) -> Self {
        // SAFETY: the caller promises the instruction.
        let all = unsafe { _mm256_set1_epi8(byte.cast_signed()) };
        Self(all, all)
    }

    #[inline(always)]
    fn each(self, other: Self, of: impl Fn(__m256i, __m256i) -> __m256i) -> Self {
        Self(of(self.0, other.0), of(self.1, other.1))
    }

    /// The high bit of each byte.
    ///
    /// # Safety
    /// The machine has AVX2.
    #[inline(always)]
    unsafe fn high_bits(self) -> u64 {
        // SAFETY: the caller promises the instruction.
        let half = |half| u64::from(unsafe { _mm256_movemask_epi8(half) }.cast_unsigned());
        half(self.0) | half(self.1) << 32
    }

    /// # Safety
    /// The machine has AVX2.
    #[inline(always)]
    unsafe fn is(self, byte: u8) -> u64 {
        // SAFETY: the caller promises the instructions.
        unsafe { self.each(Self::all(byte), |a, b| _mm256_cmpeq_epi8(a, b)).high_bits() }
    }

    /// As signed numbers.
    ///
    /// # Safety
    /// The machine has AVX2.
    #[inline(always)]
    unsafe fn is_below(self, byte: i8) -> u64 {
        // SAFETY: the caller promises the instructions.
        unsafe { Self::all(byte.cast_unsigned()).each(self, |a, b| _mm256_cmpgt_epi8(a, b)).high_bits() }
    }

    /// # Safety
    /// The machine has AVX2.
    #[inline(always)]
    unsafe fn and(self, bits: u8) -> Self {
        // SAFETY: the caller promises the instruction.
        unsafe { self.each(Self::all(bits), |a, b| _mm256_and_si256(a, b)) }
    }

    /// The entry of `rows`, together a table, at each byte; 0 at the bytes for which it has none.
    ///
    /// # Safety
    /// The machine has AVX2.
    #[inline(always)]
    unsafe fn look_up<const ROWS: usize>(self, rows: &[[u8; 16]]) -> Self {
        // SAFETY: the caller promises the instructions.
        unsafe { Self(look_up::<ROWS>(self.0, rows), look_up::<ROWS>(self.1, rows)) }
    }

    /// 0xFF at each `byte`, 0 elsewhere.
    ///
    /// # Safety
    /// The machine has AVX2.
    #[inline(always)]
    unsafe fn equals(self, byte: u8) -> Self {
        // SAFETY: the caller promises the instructions.
        unsafe { self.each(Self::all(byte), |a, b| _mm256_cmpeq_epi8(a, b)) }
    }

    /// `values` where `places` is 0xFF, these elsewhere.
    ///
    /// # Safety
    /// The machine has AVX2.
    #[inline(always)]
    unsafe fn put(self, values: Self, places: Self) -> Self {
        // SAFETY: the caller promises the instructions.
        unsafe {
            Self(
                _mm256_blendv_epi8(self.0, values.0, places.0),
                _mm256_blendv_epi8(self.1, values.1, places.1),
            )
        }
    }
}

/// See [`Pair::look_up`].
///
/// # Safety
/// The machine has AVX2.
#[inline(always)]
unsafe fn look_up<const ROWS: usize>(bytes: __m256i, rows: &[[u8; 16]]) -> __m256i {
    // SAFETY: loads of 16 of 16 bytes; the caller promises the instructions.
    unsafe {
        let mut found = _mm256_setzero_si256();
        for (number, row) in rows.iter().take(ROWS).enumerate() {
            let row = _mm256_broadcastsi128_si256(_mm_loadu_si128(row.as_ptr().cast()));
            // Below 16 exactly where the row is the byte's. 0x70 more keeps the low four bits, by which the shuffle
            // chooses, and sets the high one, for which it gives 0, everywhere else.
            let index = _mm256_xor_si256(bytes, _mm256_set1_epi8((number << 4) as i8));
            let index = _mm256_adds_epu8(index, _mm256_set1_epi8(0x70));
            found = _mm256_or_si256(found, _mm256_shuffle_epi8(row, index));
        }
        found
    }
}

/// `kinds` with the class of each character of `wide`, which has more than a byte, at its first byte.
///
/// # Safety
/// The machine has this way's instructions.
#[inline(always)]
unsafe fn wide_classes(
    classes: &Classes,
    window: &[u8; WINDOW],
    bytes: Pair,
    wide: u64,
    mut kinds: Pair,
) -> Pair {
    // SAFETY: the caller promises the instructions.
    unsafe {
        let (second, third, fourth) = (Pair::load(window, 1), Pair::load(window, 2), Pair::load(window, 3));
        let both = |a: Pair, b: Pair| a.each(b, |a, b| _mm256_and_si256(a, b));

        // Most ideographs and Hangul, of which there are too many pages.
        let of_three = bytes.and(0xF0).equals(0xE0);
        let mut left = wide;
        if of_three.high_bits() & wide != 0 {
            let uniform = bytes.and(0x0F).look_up::<1>(&[classes.uniform]);
            kinds = kinds.put(uniform, of_three);
            for (lead, from, to) in UNCASED_RANGES {
                // As unsigned numbers, at most `to - from`: the lesser of the two is the offset itself.
                let offset = second.each(Pair::all(from), |a, b| _mm256_sub_epi8(a, b));
                let within = offset
                    .each(Pair::all(to - from), |a, b| _mm256_min_epu8(a, b))
                    .each(offset, |a, b| _mm256_cmpeq_epi8(a, b));
                kinds = kinds.put(Pair::all(UNCASED), both(within, bytes.equals(lead)));
            }
            left &= kinds.is(0);
        }
        // All characters of one page at a time, by their last byte.
        while left != 0 {
            let first = left.trailing_zeros() as usize;
            let [lead, one, two] = [window[first], window[first + 1], window[first + 2]];
            let tail = |byte: u8| usize::from(byte & 0x3F);
            let lead_bits = usize::from(lead);
            let (page, same, last) = match lead {
                0..0xE0 => (lead_bits & 0x1F, bytes.equals(lead), second),
                0xE0..0xF0 => {
                    ((lead_bits & 0x0F) << 6 | tail(one), both(bytes.equals(lead), second.equals(one)), third)
                }
                0xF0.. => (
                    (lead_bits & 0x07) << 12 | tail(one) << 6 | tail(two),
                    both(both(bytes.equals(lead), second.equals(one)), third.equals(two)),
                    fourth,
                ),
            };
            let found = last.and(0x3F).look_up::<4>(classes.page(page).as_chunks().0);
            kinds = kinds.put(found, same);
            left &= !same.high_bits();
        }
        kinds
    }
}

/// The block of these bytes and classes. `compress`: from a bit a byte to a bit a character.
///
/// # Safety
/// The machine has this way's instructions.
#[inline(always)]
unsafe fn masks(bytes: Pair, kinds: Pair, compress: impl Fn(u64) -> u64, leads: u64, count: u32) -> Block {
    // SAFETY: the caller promises the instructions.
    let has = |class: u8| compress(!unsafe { kinds.and(class).is(0) });
    // SAFETY: as before.
    let is = |byte: u8| compress(unsafe { bytes.is(byte) });
    Block {
        count,
        leads,
        letter: has(LETTER),
        upper: has(UPPER),
        lower: has(LOWER),
        uncased: has(UNCASED),
        mark: has(MARK),
        number: has(NUMBER),
        space: has(SPACE),
        newline: has(NEWLINE),
        blank: is(b' '),
        apostrophe: is(b'\''),
        slash: is(b'/'),
    }
}
