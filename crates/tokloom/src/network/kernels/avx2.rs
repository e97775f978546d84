//! AVX2: products of bytes, summed in pairs in 16 bits (activations of at most 127 make that exact), then in 32.

use super::{BLOCK, INPUTS, Machine, OUTPUTS, Work};
use std::arch::x86_64::*;

pub(super) fn is_available() -> bool {
    is_x86_feature_detected!("avx2")
}

pub(super) fn run(work: impl Work) {
    assert!(is_available());
    // SAFETY: the machine has the instructions, as was just seen.
    unsafe { run_with_instructions(work) }
}

#[target_feature(enable = "avx2")]
fn run_with_instructions(work: impl Work) {
    // SAFETY: this function is compiled for a machine with these instructions, and runs on no other.
    unsafe { work.with::<Avx2>() }
}

/// Its method is inlined into `run_with_instructions`, and so compiled for its machine.
struct Avx2;

impl Machine for Avx2 {
    #[inline(always)]
    unsafe fn multiply<const ROWS: usize>(
        weights: &[[i8; BLOCK]],
        rows: [&[u8]; ROWS],
        sums: &mut [[i32; OUTPUTS]; ROWS],
    ) {
        assert!(rows.iter().all(|row| row.len() == INPUTS * weights.len()));
        // SAFETY: the caller promises the instructions. Loads and stores are of 32 bytes of a block of 64 (from 0 and
        // 32 on) or of sixteen sums (from 0 and 8 on), and of four bytes of a row from 4 · quad on, of which it has as
        // many as there are blocks, as was just seen.
        unsafe {
            let ones = _mm256_set1_epi16(1);
            let mut low: [__m256i; ROWS] =
                std::array::from_fn(|row| _mm256_loadu_si256(sums[row].as_ptr().cast()));
            let mut high: [__m256i; ROWS] =
                std::array::from_fn(|row| _mm256_loadu_si256(sums[row].as_ptr().add(8).cast()));
            for (quad, weights) in weights.iter().enumerate() {
                let first = _mm256_loadu_si256(weights.as_ptr().cast());
                let second = _mm256_loadu_si256(weights.as_ptr().add(32).cast());
                for row in 0..ROWS {
                    let inputs = rows[row].as_ptr().add(INPUTS * quad).cast::<i32>().read_unaligned();
                    let inputs = _mm256_set1_epi32(inputs);
                    let pairs = _mm256_maddubs_epi16(inputs, first);
                    low[row] = _mm256_add_epi32(low[row], _mm256_madd_epi16(pairs, ones));
                    let pairs = _mm256_maddubs_epi16(inputs, second);
                    high[row] = _mm256_add_epi32(high[row], _mm256_madd_epi16(pairs, ones));
                }
            }
            for row in 0..ROWS {
                _mm256_storeu_si256(sums[row].as_mut_ptr().cast(), low[row]);
                _mm256_storeu_si256(sums[row].as_mut_ptr().add(8).cast(), high[row]);
            }
        }
    }
}
