//! What every machine can do.

use super::{BLOCK, INPUTS, Machine, OUTPUTS, Work};

pub(super) fn run(work: impl Work) {
    // SAFETY: there is nothing that a machine must have.
    unsafe { work.with::<Portable>() }
}

struct Portable;

impl Machine for Portable {
    #[inline(always)]
    unsafe fn multiply<const ROWS: usize>(
        weights: &[[i8; BLOCK]],
        rows: [&[u8]; ROWS],
        sums: &mut [[i32; OUTPUTS]; ROWS],
    ) {
        for (row, sums) in rows.iter().zip(sums) {
            let (quads, _) = row.as_chunks::<INPUTS>();
            for (weights, inputs) in weights.iter().zip(quads) {
                let (weights, _) = weights.as_chunks::<INPUTS>();
                for (sum, weights) in sums.iter_mut().zip(weights) {
                    for (weight, input) in weights.iter().zip(inputs) {
                        *sum += i32::from(*weight) * i32::from(*input);
                    }
                }
            }
        }
    }
}
