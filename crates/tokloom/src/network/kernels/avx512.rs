//! AVX-512 with VNNI: sixteen outputs in a register, four products each and their sum in one instruction.

use super::{BLOCK, INPUTS, Machine, OUTPUTS, Work};
use std::arch::x86_64::*;

pub(super) fn is_available() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512vnni")
}

pub(super) fn run(work: impl Work) {
    assert!(is_available());
    // SAFETY: the machine has the instructions, as was just seen.
    unsafe { run_with_instructions(work) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
fn run_with_instructions(work: impl Work) {
    // SAFETY: this function is compiled for a machine with these instructions, and runs on no other.
    unsafe { work.with::<Avx512>() }
}

/// Its method is inlined into `run_with_instructions`, and so compiled for its machine.
struct Avx512;

impl Machine for Avx512 {
    #[inline(always)]
    unsafe fn multiply<const ROWS: usize>(
        weights: &[[i8; BLOCK]],
        rows: [&[u8]; ROWS],
        sums: &mut [[i32; OUTPUTS]; ROWS],
    ) {
        assert!(rows.iter().all(|row| row.len() == INPUTS * weights.len()));
        // SAFETY: the caller promises the instructions. Loads and stores are of the 64 bytes of a block or of sixteen
        // sums, and of four bytes of a row from 4 · quad on, of which it has as many as there are blocks, as was just
        // seen.
        unsafe {
            // Two sums a row, of every other four inputs: the processor needn't wait for the one before.
            let mut even: [__m512i; ROWS] =
                std::array::from_fn(|row| _mm512_loadu_si512(sums[row].as_ptr().cast()));
            let mut odd = [_mm512_setzero_si512(); ROWS];
            let inputs = |row: usize, quad: usize| {
                _mm512_set1_epi32(rows[row].as_ptr().add(INPUTS * quad).cast::<i32>().read_unaligned())
            };
            let (pairs, last) = weights.as_chunks::<2>();
            for (pair, [first, second]) in pairs.iter().enumerate() {
                let first = _mm512_loadu_si512(first.as_ptr().cast());
                let second = _mm512_loadu_si512(second.as_ptr().cast());
                for row in 0..ROWS {
                    even[row] = _mm512_dpbusd_epi32(even[row], inputs(row, 2 * pair), first);
                    odd[row] = _mm512_dpbusd_epi32(odd[row], inputs(row, 2 * pair + 1), second);
                }
            }
            for block in last {
                let last = _mm512_loadu_si512(block.as_ptr().cast());
                for (row, even) in even.iter_mut().enumerate() {
                    *even = _mm512_dpbusd_epi32(*even, inputs(row, 2 * pairs.len()), last);
                }
            }
            for row in 0..ROWS {
                let sum = _mm512_add_epi32(even[row], odd[row]);
                _mm512_storeu_si512(sums[row].as_mut_ptr().cast(), sum);
            }
        }
    }
}
