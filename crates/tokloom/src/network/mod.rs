//! Small networks of whole numbers: the same input gives the same output on every machine.
//!
//! An activation is 0..=127 in a byte, a weight −127..=127 in a signed one, a sum an `i32`, and the only rounding is a
//! shift in 64 bits. So there is one answer, whatever the instructions and the order of the sums:
//!
//! ```text
//! symbols ─embed→ activations ─dense→ … ─linear→ sums ─digits, argmax→ symbols
//! ```
//!
//! A network comes from a stranger's file: [`Network::read`] checks every size, shape, range and index, and that no sum
//! can overflow, before it makes anything; after that running it can't fail.

mod description;
mod kernels;
mod packed;
mod read;
mod run;
mod shape;
mod tensors;

pub use kernels::Way;
pub use run::{Input, Output, Scratch};
pub use shape::{Shape, Values};
pub use tensors::{Tensors, write as write_tensors};

use packed::Packed;

/// The greatest activation; sums of two products of activation and weight then fit 16 bits.
pub const GREATEST_ACTIVATION: u8 = 127;

/// A network that was checked, ready to run.
pub struct Network {
    layers: Vec<Layer>,
    input: Shape,
    /// What each symbol that goes in is below, in turn.
    input_bounds: Vec<u32>,
    output: Shape,
    /// What each symbol that comes out is below, in turn; empty where no symbols do.
    bounds: Vec<u32>,
    way: Way,
}

impl Network {
    /// What goes in: of one input.
    pub fn input(&self) -> Shape {
        self.input
    }

    /// What comes out for one input.
    pub fn output(&self) -> Shape {
        self.output
    }

    /// For each symbol that comes out: the number that it is below.
    pub fn bounds(&self) -> Vec<u32> {
        self.bounds.iter().copied().cycle().take(self.output.size()).collect()
    }

    /// How many weights it has, and numbers of its tables.
    pub fn weights(&self) -> usize {
        let weights = |layer: &Layer| match &layer.op {
            Op::Embed { table, .. } => table.len(),
            Op::Lookup { length, keys, .. } => keys.len() * length,
            Op::Dense { weights, .. } | Op::Linear { weights } => weights.inputs() * weights.outputs(),
            _ => 0,
        };
        self.layers.iter().map(weights).sum()
    }

    /// The same network with other instructions; they change nothing but the time it takes.
    ///
    /// # Errors
    /// [`Error::Argument`](crate::Error::Argument) if this machine doesn't have them.
    pub fn with_way(mut self, way: Way) -> crate::Result<Self> {
        if !way.is_available() {
            let message = format!("this machine doesn't have the instructions of {:?}", way.name());
            return Err(crate::Error::Argument(message));
        }
        self.way = way;
        Ok(self)
    }
}

/// A layer: what it does, and the shape of what it gives.
struct Layer {
    op: Op,
    /// The shape of what goes in, and the buffer that it is in.
    input: Shape,
    from: usize,
    output: Shape,
    /// The buffer that its output is in. Layers that only read rows in another way have that of the layer before.
    buffer: usize,
}

/// What a layer does with what the layer before gives.
enum Op {
    /// Rows of symbols → overlapping rows of symbols.
    Windows { size: usize, stride: usize, before: usize, pad: u32 },
    /// The sum of a row of a table for each position.
    Embed { table: Vec<i8>, symbols: usize, bias: Vec<i32>, scale: Scale, add: Option<Add> },
    /// Products with weights, brought back to activations.
    Dense { weights: Packed, scale: Scale, add: Option<Add> },
    /// Products with weights, as they are.
    Linear { weights: Packed },
    /// The same values in rows of another length.
    Regroup,
    /// Sums → how many thresholds each reaches.
    Digits { thresholds: Vec<Vec<i32>> },
    /// Rows of digits → a symbol each.
    Codes { basis: Vec<u32> },
    /// Rows of activations of several layers side by side: the buffer and the width of each.
    Concat { of: Vec<(usize, usize)> },
    /// Some bytes of each row → 1 + the place of the key that they are, 0 where they are none.
    Lookup { begin: usize, length: usize, keys: Keys },
    /// Groups of sums → the place of the greatest in each.
    Argmax { symbols: usize },
}

/// Activations that are added before sums become activations.
struct Add {
    /// The buffer that they are in.
    buffer: usize,
    /// One for each output.
    multipliers: Vec<i32>,
}

/// Byte strings of one length, filled up with zeros, and the symbol of each.
type Keys = hashbrown::HashMap<[u8; LONGEST_KEY], u32, foldhash::fast::FixedState>;

/// The most bytes of a key.
const LONGEST_KEY: usize = 16;

/// How sums become activations: (sum · multiplier + 2^(shift − 1)) >> shift, held in 0..=127.
struct Scale {
    /// One for each output.
    multipliers: Vec<i32>,
    /// 1..=62.
    shift: u32,
}
