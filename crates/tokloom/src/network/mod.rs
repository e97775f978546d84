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
    output: Shape,
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
        bounds(&self.layers, self.output)
    }

    /// How many weights it has, and numbers of its tables.
    pub fn weights(&self) -> usize {
        let weights = |layer: &Layer| match &layer.op {
            Op::Embed { table, .. } => table.len(),
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
    output: Shape,
    /// The buffer that its output is in. Layers that only read rows in another way have that of the layer before.
    buffer: usize,
}

/// What a layer does with what the layer before gives.
enum Op {
    /// Rows of symbols → overlapping rows of symbols.
    Windows { size: usize, stride: usize, before: usize, pad: u32 },
    /// The sum of a row of a table for each position.
    Embed { table: Vec<i8>, symbols: usize, bias: Vec<i32>, scale: Scale },
    /// Products with weights, brought back to activations; `add`: the buffer of activations that are added.
    Dense { weights: Packed, scale: Scale, add: Option<(usize, Vec<i32>)> },
    /// Products with weights, as they are.
    Linear { weights: Packed },
    /// The same values in rows of another length.
    Regroup,
    /// Sums → how many thresholds each reaches.
    Digits { thresholds: Vec<Vec<i32>> },
    /// Rows of digits → a symbol each.
    Codes { basis: Vec<u32> },
    /// Groups of sums → the place of the greatest in each.
    Argmax { symbols: usize },
}

/// For each value that `layers` give for one input: the number that it is below. Digits are below their own level.
fn bounds(layers: &[Layer], output: Shape) -> Vec<u32> {
    let Values::Symbols(bound) = output.values else { return Vec::new() };
    // Rows read in another way have the same values in the same order.
    let last = layers.iter().map(|layer| &layer.op).rfind(|op| !matches!(op, Op::Regroup));
    match last {
        Some(Op::Digits { thresholds }) => {
            let levels = thresholds.iter().map(|thresholds| thresholds.len() as u32 + 1);
            levels.cycle().take(output.size()).collect()
        }
        _ => vec![bound; output.size()],
    }
}

/// How sums become activations: (sum · multiplier + 2^(shift − 1)) >> shift, held in 0..=127.
struct Scale {
    /// One for each output.
    multipliers: Vec<i32>,
    /// 1..=62.
    shift: u32,
}
