//! Products with weights, and what is done with the sums: the part that depends on the machine.
//!
//! All ways give the same numbers, since sums of whole numbers that can't overflow have one value.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod portable;

use super::packed::{BLOCK, INPUTS, OUTPUTS, Packed};
use super::{GREATEST_ACTIVATION, Scale};

/// Instructions that a network may run with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Those that every machine has.
    Portable,
    /// AVX2: products in 16 bits.
    Avx2,
    /// AVX-512 with VNNI: four products and their sum at once.
    Avx512,
}

impl Way {
    /// All there are, slowest first.
    pub const ALL: [Self; 3] = [Self::Portable, Self::Avx2, Self::Avx512];

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
        }
    }

    /// Whether this machine has the instructions.
    pub fn is_available(self) -> bool {
        match self {
            Self::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => avx2::is_available(),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => avx512::is_available(),
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx2 | Self::Avx512 => false,
        }
    }

    /// The fastest that this machine has.
    pub fn fastest() -> Self {
        Self::ALL.into_iter().rev().find(|way| way.is_available()).unwrap_or(Self::Portable)
    }

    /// Runs `work` with the instructions of this way, or with those that every machine has.
    #[inline]
    pub(super) fn run(self, work: impl Work) {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 if avx2::is_available() => avx2::run(work),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 if avx512::is_available() => avx512::run(work),
            _ => portable::run(work),
        }
    }
}

/// What a way must do; all else is the same in all, compiled for each.
pub(super) trait Machine {
    /// Adds the products of four inputs of each row at a time with the weights of sixteen outputs.
    ///
    /// # Safety
    /// The machine has this way's instructions; each row has four inputs for each block of `weights`.
    unsafe fn multiply<const ROWS: usize>(
        weights: &[[i8; BLOCK]],
        rows: [&[u8]; ROWS],
        sums: &mut [[i32; OUTPUTS]; ROWS],
    );
}

/// Something that is done with the instructions of a machine.
pub(super) trait Work {
    /// # Safety
    /// The machine has the instructions of `M`.
    unsafe fn with<M: Machine>(self);
}

/// Rows of activations → rows of sums.
pub(super) struct Linear<'a> {
    pub(super) weights: &'a Packed,
    /// Rows of [`Packed::row`].
    pub(super) rows: &'a [u8],
    pub(super) sums: &'a mut [i32],
}

impl Work for Linear<'_> {
    #[inline(always)]
    unsafe fn with<M: Machine>(self) {
        let outputs = self.weights.outputs();
        let sums = self.sums;
        let take = |row: usize, first: usize, found: &[i32; OUTPUTS]| {
            let count = OUTPUTS.min(outputs - first);
            sums[row * outputs + first..][..count].copy_from_slice(&found[..count]);
        };
        // SAFETY: the caller promises the instructions.
        unsafe { multiply_all::<M>(self.weights, self.rows, take) }
    }
}

/// Rows of activations → rows of activations.
pub(super) struct Dense<'a> {
    pub(super) weights: &'a Packed,
    pub(super) scale: &'a Scale,
    /// Activations that are added, one for each output, and their multipliers.
    pub(super) add: Option<(&'a [u8], &'a [i32])>,
    /// Rows of [`Packed::row`].
    pub(super) rows: &'a [u8],
    pub(super) activations: &'a mut [u8],
}

impl Work for Dense<'_> {
    #[inline(always)]
    unsafe fn with<M: Machine>(self) {
        let outputs = self.weights.outputs();
        let activations = self.activations;
        let take = |row: usize, first: usize, found: &[i32; OUTPUTS]| {
            let count = OUTPUTS.min(outputs - first);
            let place = row * outputs + first;
            let mut scaled = [0i64; OUTPUTS];
            let multipliers = &self.scale.multipliers[first..first + count];
            for ((scaled, sum), multiplier) in scaled.iter_mut().zip(found).zip(multipliers) {
                *scaled = i64::from(*sum) * i64::from(*multiplier);
            }
            if let Some((others, multipliers)) = self.add {
                let others = others[place..place + count].iter().zip(&multipliers[first..first + count]);
                for (scaled, (other, multiplier)) in scaled.iter_mut().zip(others) {
                    *scaled += i64::from(*other) * i64::from(*multiplier);
                }
            }
            requantise(&scaled[..count], self.scale.shift, &mut activations[place..place + count]);
        };
        // SAFETY: the caller promises the instructions.
        unsafe { multiply_all::<M>(self.weights, self.rows, take) }
    }
}

/// Products → activations. None overflows: a product of two `i32` is at most 2^62, what is added 2^38, half of the
/// shifted part 2^61.
#[inline(always)]
pub(super) fn requantise(scaled: &[i64], shift: u32, activations: &mut [u8]) {
    let half = 1i64 << (shift - 1);
    for (activation, scaled) in activations.iter_mut().zip(scaled) {
        *activation = ((scaled + half) >> shift).clamp(0, i64::from(GREATEST_ACTIVATION)) as u8;
    }
}

/// All products; `take(row, first output, sums)` has sixteen sums of one row at a time, the bias in them.
///
/// # Safety
/// The machine has the instructions of `M`.
#[inline(always)]
unsafe fn multiply_all<M: Machine>(
    weights: &Packed,
    rows: &[u8],
    mut take: impl FnMut(usize, usize, &[i32; OUTPUTS]),
) {
    let length = weights.row();
    let count = rows.len() / length;
    let mut row = 0;
    // The weights of a block stay in the nearest cache for all rows, so the rows go round inside.
    for (block, (weights, bias)) in weights.blocks().enumerate() {
        debug_assert_eq!(weights.len() * INPUTS, length);
        let first = block * OUTPUTS;
        row = 0;
        // SAFETY: the caller promises the instructions; rows are cut to `length`, four inputs a block of weights.
        unsafe {
            while count - row >= 8 {
                some_rows::<M, 8>(weights, bias, rows, row, first, &mut take);
                row += 8;
            }
            if count - row >= 4 {
                some_rows::<M, 4>(weights, bias, rows, row, first, &mut take);
                row += 4;
            }
            if count - row >= 2 {
                some_rows::<M, 2>(weights, bias, rows, row, first, &mut take);
                row += 2;
            }
            if count > row {
                some_rows::<M, 1>(weights, bias, rows, row, first, &mut take);
                row += 1;
            }
        }
    }
    debug_assert_eq!(row, count);
}

/// # Safety
/// The machine has the instructions of `M`.
#[inline(always)]
unsafe fn some_rows<M: Machine, const ROWS: usize>(
    weights: &[[i8; BLOCK]],
    bias: &[i32; OUTPUTS],
    rows: &[u8],
    row: usize,
    first: usize,
    take: &mut impl FnMut(usize, usize, &[i32; OUTPUTS]),
) {
    let length = weights.len() * INPUTS;
    let chosen: [&[u8]; ROWS] = std::array::from_fn(|index| &rows[(row + index) * length..][..length]);
    let mut sums = [*bias; ROWS];
    // SAFETY: the caller promises the instructions; each row has just been cut to four inputs a block.
    unsafe { M::multiply(weights, chosen, &mut sums) };
    for (index, sums) in sums.iter().enumerate() {
        take(row + index, first, sums);
    }
}

/// Rows of symbols → rows of activations, by a table.
pub(super) struct Embed<'a> {
    /// `[position][symbol][width]`.
    pub(super) table: &'a [i8],
    pub(super) symbols: usize,
    pub(super) bias: &'a [i32],
    pub(super) scale: &'a Scale,
    /// As of [`Dense`].
    pub(super) add: Option<(&'a [u8], &'a [i32])>,
    pub(super) positions: usize,
    pub(super) rows: &'a [u32],
    pub(super) activations: &'a mut [u8],
}

impl Work for Embed<'_> {
    #[inline(always)]
    unsafe fn with<M: Machine>(self) {
        let width = self.bias.len();
        let mut sums = vec![0i32; width];
        let mut scaled = vec![0i64; width];
        let rows = self.rows.chunks_exact(self.positions);
        for (index, (row, activations)) in rows.zip(self.activations.chunks_exact_mut(width)).enumerate() {
            sums.copy_from_slice(self.bias);
            for (position, symbol) in row.iter().enumerate() {
                let entry = (position * self.symbols + *symbol as usize) * width;
                for (sum, number) in sums.iter_mut().zip(&self.table[entry..entry + width]) {
                    *sum += i32::from(*number);
                }
            }
            for ((scaled, sum), multiplier) in scaled.iter_mut().zip(&sums).zip(&self.scale.multipliers) {
                *scaled = i64::from(*sum) * i64::from(*multiplier);
            }
            if let Some((others, multipliers)) = self.add {
                let others = &others[index * width..][..width];
                for (scaled, (other, multiplier)) in scaled.iter_mut().zip(others.iter().zip(multipliers)) {
                    *scaled += i64::from(*other) * i64::from(*multiplier);
                }
            }
            requantise(&scaled, self.scale.shift, activations);
        }
    }
}

/// Groups of sums → the place of the greatest in each, the first of equals.
pub(super) struct Argmax<'a> {
    pub(super) symbols: usize,
    pub(super) sums: &'a [i32],
    pub(super) places: &'a mut [u32],
}

impl Work for Argmax<'_> {
    #[inline(always)]
    unsafe fn with<M: Machine>(self) {
        for (sums, place) in self.sums.chunks_exact(self.symbols).zip(self.places) {
            // Two passes, each of which a vector does: the greatest, then where.
            let greatest = sums.iter().fold(i32::MIN, |greatest, sum| greatest.max(*sum));
            *place = sums.iter().position(|sum| *sum == greatest).unwrap_or(0) as u32;
        }
    }
}
