//! 64 bytes → masks of characters, and masks → offsets: the part that depends on the machine.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod portable;

use super::block::Block;
use super::scan::Fill;
use crate::pretokenize::classes::Classes;
use crate::pretokenize::scanners::Family;

/// The bytes of a block, and those that its last character may have beyond them.
pub(super) const WINDOW: usize = 64 + 3;

/// Instructions that a scan may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// One pretoken after another, by the scanner that all other ways are proved against.
    Scalar,
    /// Blocks of 64 bytes with the instructions that every machine has.
    Portable,
    /// Blocks of 64 bytes with AVX2 and BMI2.
    Avx2,
    /// Blocks of 64 bytes with AVX-512, with permutations (VBMI) and compression (VBMI2) of bytes.
    Avx512,
}

impl Way {
    /// All there are, slowest first.
    pub const ALL: [Self; 4] = [Self::Scalar, Self::Portable, Self::Avx2, Self::Avx512];

    /// The name by which the environment variable `TOKLOOM_SCAN` asks for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Portable => "portable",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
        }
    }

    /// Whether this machine has the instructions.
    pub fn is_available(self) -> bool {
        match self {
            Self::Scalar | Self::Portable => true,
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
        Self::ALL.into_iter().rev().find(|way| way.is_available()).unwrap_or(Self::Scalar)
    }

    /// How this way scans texts of `family`; `None` if it doesn't, or not on this machine.
    pub(super) fn fill(self, family: Family) -> Option<Fill> {
        match self {
            Self::Portable => portable::fill(family),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => avx2::fill(family),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => avx512::fill(family),
            _ => None,
        }
    }
}

/// What a way must do; all else is the same in all.
pub(super) trait Machine {
    /// Blocks that aren't all ASCII take longer than the scalar scanner does: they are left to it.
    const LEAVES_WIDE: bool;

    /// The characters that begin in the first 64 bytes of `window`, and at one of the bytes of `valid`.
    ///
    /// # Safety
    /// The machine has this way's instructions.
    unsafe fn block(classes: &Classes, window: &[u8; WINDOW], valid: u64) -> Block;

    /// Puts the lowest bits of `characters` in the places of the bits of `leads`: characters → bytes.
    ///
    /// # Safety
    /// The machine has this way's instructions.
    unsafe fn deposit(characters: u64, leads: u64) -> u64;

    /// Writes `base` plus the place of each bit, in ascending order; what stands behind them in `places` is lost.
    ///
    /// # Safety
    /// The machine has this way's instructions.
    unsafe fn write_places(bits: u64, base: u32, places: &mut [u32; 64]);
}

/// The function of a machine for each family that has rules.
macro_rules! fill_of_family {
    ($family:expr, $fill:ident) => {
        match $family {
            Family::Gpt2 => Some($fill::<Gpt2>),
            Family::Gpt4 => Some($fill::<Cl100k<3, true>>),
            Family::Llama3 => Some($fill::<Cl100k<3, false>>),
            Family::Nanochat => Some($fill::<Cl100k<2, false>>),
            Family::Qwen2 => Some($fill::<Cl100k<1, false>>),
            Family::O200k => Some($fill::<O200k>),
            Family::DeepSeekV3 => None,
        }
    };
}
use fill_of_family;

/// See [`Machine::write_places`].
#[inline(always)]
fn write_places_one_by_one(mut bits: u64, base: u32, places: &mut [u32; 64]) {
    // Eight at a time, needed or not: a loop that ends at the last bit is mispredicted at most of its ends.
    for places in places.chunks_exact_mut(8) {
        if bits == 0 {
            break;
        }
        for place in places {
            *place = base.wrapping_add(bits.trailing_zeros());
            bits &= bits.wrapping_sub(1);
        }
    }
}
