//! AVX-512: 64 bytes in one register, a comparison is a mask.

use std::arch::x86_64::*;

use super::{Machine, WINDOW, fill_of_family};
use crate::pretokenize::blocks::block::Block;
use crate::pretokenize::blocks::rules::{Cl100k, Gpt2, O200k, Rules};
use crate::pretokenize::blocks::scan::{Ends, Fill, Position, Stop, fill_ends};
use crate::pretokenize::classes::cased::{LETTER, LOWER, UNCASED, UNCASED_RANGES, UPPER};
use crate::pretokenize::classes::{Classes, MARK, NEWLINE, NUMBER, SPACE};
use crate::pretokenize::scanners::Family;

pub(super) fn is_available() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vbmi")
        && is_x86_feature_detected!("avx512vbmi2")
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

#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,avx512vbmi2,bmi1,bmi2,lzcnt,popcnt")]
fn fill_with_instructions<R: Rules>(
    classes: &Classes,
    text: &[u8],
    position: &mut Position,
    ends: &mut Ends,
) -> Stop {
    // SAFETY: this function is compiled for a machine with the instructions of `Avx512`, and runs on no other.
    unsafe { fill_ends::<R, Avx512>(classes, text, position, ends) }
}

/// All methods are inlined into `fill_with_instructions`, and so compiled for its machine.
struct Avx512;

impl Machine for Avx512 {
    const LEAVES_WIDE: bool = false;

    #[inline(always)]
    unsafe fn block(classes: &Classes, window: &[u8; WINDOW], valid: u64) -> Block {
        // SAFETY: the caller promises the instructions. Each load is of 64 bytes (the last of 16) of an array, and
        // begins so that it has as many: `window` has 67, from 3 on 64; `ascii` has 256, from 64 on more than 64.
        unsafe {
            let bytes = load(&window[..64]);
            let low = load(&classes.ascii[..64]);
            let high = load(&classes.ascii[64..128]);
            // By the low seven bits of each byte.
            let ascii = _mm512_permutex2var_epi8(low, bytes, high);
            let not_ascii = _mm512_movepi8_mask(bytes);
            if not_ascii == 0 && valid == u64::MAX {
                return masks(bytes, ascii, |mask| mask, u64::MAX, 64);
            }
            // Bytes inside a character are 0x80 to 0xBF: as signed numbers, those below -64.
            let leads = valid & !_mm512_cmplt_epi8_mask(bytes, _mm512_set1_epi8(-64));
            let kinds = _mm512_maskz_mov_epi8(!not_ascii, ascii);
            let kinds = wide_classes(classes, window, bytes, leads & not_ascii, kinds);
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
        // SAFETY: the caller promises the instructions. The stores are of 16 of the 64 places, from 0, 16, 32 and 48.
        unsafe {
            let places = places.as_mut_ptr();
            let base = _mm512_set1_epi32(base.cast_signed());
            let found = _mm512_maskz_compress_epi8(bits, all_places());
            let write = |from: usize, found: __m128i| {
                let sixteen = _mm512_add_epi32(base, _mm512_cvtepu8_epi32(found));
                _mm512_storeu_si512(places.add(from).cast(), sixteen);
            };
            write(0, _mm512_castsi512_si128(found));
            let count = bits.count_ones();
            if count > 16 {
                write(16, _mm512_extracti32x4_epi32::<1>(found));
                if count > 32 {
                    write(32, _mm512_extracti32x4_epi32::<2>(found));
                    write(48, _mm512_extracti32x4_epi32::<3>(found));
                }
            }
        }
    }
}

/// # Safety
/// The machine has AVX-512; `bytes` are 64.
#[inline(always)]
unsafe fn load(bytes: &[u8]) -> __m512i {
    debug_assert_eq!(bytes.len(), 64);
    // SAFETY: by what the caller promises.
    unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
}

/// 0, 1, 2, … 63.
///
/// # Safety
/// The machine has AVX-512.
#[inline(always)]
unsafe fn all_places() -> __m512i {
    const PLACES: [u8; 64] = {
        let mut places = [0; 64];
        let mut place = 0;
        while place < 64 {
            places[place] = place as u8;
            place += 1;
        }
        places
    };
    // SAFETY: 64 bytes; the caller promises the instruction.
    unsafe { load(&PLACES) }
}

/// `kinds` with the class of each character of `wide`, which has more than a byte, at its first byte.
///
/// # Safety
/// The machine has this way's instructions.
#[inline(always)]
unsafe fn wide_classes(
    classes: &Classes,
    window: &[u8; WINDOW],
    bytes: __m512i,
    wide: u64,
    mut kinds: __m512i,
) -> __m512i {
    // SAFETY: the caller promises the instructions. The loads are of 64 bytes of the window's 67, from 1, 2 and 3 on,
    // of the 16 of `uniform`, and of the 64 of a page.
    unsafe {
        let (second, third, fourth) = (load(&window[1..65]), load(&window[2..66]), load(&window[3..67]));
        let is =
            |bytes: __m512i, byte: u8| _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(byte.cast_signed()));

        // Most ideographs and Hangul, of which there are too many pages.
        let low_half = _mm512_and_si512(bytes, _mm512_set1_epi8(0x0F));
        let of_three = wide & is(_mm512_andnot_si512(low_half, bytes), 0xE0);
        let mut left = wide;
        if of_three != 0 {
            let uniform = _mm512_broadcast_i32x4(_mm_loadu_si128(classes.uniform.as_ptr().cast()));
            kinds = _mm512_mask_shuffle_epi8(kinds, of_three, uniform, low_half);
            for (lead, from, to) in UNCASED_RANGES {
                let offset = _mm512_sub_epi8(second, _mm512_set1_epi8(from.cast_signed()));
                let within = _mm512_cmple_epu8_mask(offset, _mm512_set1_epi8((to - from).cast_signed()));
                let found = of_three & within & is(bytes, lead);
                kinds = _mm512_mask_mov_epi8(kinds, found, _mm512_set1_epi8(UNCASED.cast_signed()));
            }
            left &= !_mm512_test_epi8_mask(kinds, kinds);
        }
        // All characters of one page at a time, by their last byte.
        while left != 0 {
            let first = left.trailing_zeros() as usize;
            let [lead, one, two] = [window[first], window[first + 1], window[first + 2]];
            let tail = |byte: u8| usize::from(byte & 0x3F);
            let lead_bits = usize::from(lead);
            let (page, same, last) = match lead {
                0..0xE0 => (lead_bits & 0x1F, is(bytes, lead), second),
                0xE0..0xF0 => ((lead_bits & 0x0F) << 6 | tail(one), is(bytes, lead) & is(second, one), third),
                0xF0.. => (
                    (lead_bits & 0x07) << 12 | tail(one) << 6 | tail(two),
                    is(bytes, lead) & is(second, one) & is(third, two),
                    fourth,
                ),
            };
            let page = load(classes.page(page));
            // By the low six bits of each byte.
            kinds = _mm512_mask_permutexvar_epi8(kinds, same & left, last, page);
            left &= !same;
        }
        kinds
    }
}

/// The block of these bytes and classes. `compress`: from a bit a byte to a bit a character.
///
/// # Safety
/// The machine has this way's instructions.
#[inline(always)]
unsafe fn masks(
    bytes: __m512i,
    kinds: __m512i,
    compress: impl Fn(u64) -> u64,
    leads: u64,
    count: u32,
) -> Block {
    // SAFETY: the caller promises the instructions.
    let has =
        |class: u8| compress(unsafe { _mm512_test_epi8_mask(kinds, _mm512_set1_epi8(class.cast_signed())) });
    // SAFETY: as before.
    let is =
        |byte: u8| compress(unsafe { _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(byte.cast_signed())) });
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
