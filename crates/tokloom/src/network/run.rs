//! Running a network on many inputs at once.

use super::kernels::{Argmax, Dense, Embed, Linear, Way};
use super::packed::Packed;
use super::{GREATEST_ACTIVATION, Network, Op, Shape, Values};
use crate::error::{Error, Result};

/// Room for what layers give, to be used again.
#[derive(Default)]
pub struct Scratch {
    /// The input, then what each layer gives.
    buffers: Vec<Buffer>,
    /// Rows filled up to whole blocks.
    padded: Vec<u8>,
}

#[derive(Default)]
struct Buffer {
    symbols: Vec<u32>,
    activations: Vec<u8>,
    sums: Vec<i32>,
}

impl Network {
    /// What the network gives for inputs one after another, as symbols.
    ///
    /// # Errors
    /// [`Error::Argument`] if the inputs aren't whole ones in range, or the network gives no symbols.
    pub fn symbols<'s>(&self, inputs: &[u32], scratch: &'s mut Scratch) -> Result<&'s [u32]> {
        let Values::Symbols(_) = self.output.values else { return Err(self.gives_no("symbols")) };
        Ok(&self.run_symbols(inputs, scratch)?.symbols)
    }

    /// The same as sums.
    ///
    /// # Errors
    /// [`Error::Argument`] if the inputs aren't whole ones in range, or the network gives no sums.
    pub fn sums<'s>(&self, inputs: &[u32], scratch: &'s mut Scratch) -> Result<&'s [i32]> {
        let Values::Sums = self.output.values else { return Err(self.gives_no("sums")) };
        Ok(&self.run_symbols(inputs, scratch)?.sums)
    }

    /// The same as activations.
    ///
    /// # Errors
    /// [`Error::Argument`] if the inputs aren't whole ones in range, or the network gives no activations.
    pub fn activations<'s>(&self, inputs: &[u32], scratch: &'s mut Scratch) -> Result<&'s [u8]> {
        let Values::Activations = self.output.values else { return Err(self.gives_no("activations")) };
        Ok(&self.run_symbols(inputs, scratch)?.activations)
    }

    /// What a network whose inputs are activations gives, as symbols.
    ///
    /// # Errors
    /// As [`Self::symbols`].
    pub fn symbols_of_activations<'s>(&self, inputs: &[u8], scratch: &'s mut Scratch) -> Result<&'s [u32]> {
        let Values::Symbols(_) = self.output.values else { return Err(self.gives_no("symbols")) };
        if self.input.values != Values::Activations || !inputs.len().is_multiple_of(self.input.size()) {
            return Err(self.takes_no("activations", inputs.len()));
        }
        if let Some(place) = inputs.iter().position(|input| *input > GREATEST_ACTIVATION) {
            let message = format!("input {place} is {}; an activation is at most 127", inputs[place]);
            return Err(Error::Argument(message));
        }
        let first = scratch.first();
        first.activations.clear();
        first.activations.extend_from_slice(inputs);
        Ok(&self.run(inputs.len() / self.input.size(), scratch).symbols)
    }

    fn gives_no(&self, wanted: &str) -> Error {
        Error::Argument(format!("the network gives {}, not {wanted}", self.output.values.name()))
    }

    fn takes_no(&self, given: &str, count: usize) -> Error {
        let Shape { rows, width, values } = self.input;
        Error::Argument(format!(
            "the network takes {} {} at a time, and was given {count} {given}",
            rows * width,
            values.name()
        ))
    }

    fn run_symbols<'s>(&self, inputs: &[u32], scratch: &'s mut Scratch) -> Result<&'s Buffer> {
        let Values::Symbols(bound) = self.input.values else {
            return Err(self.takes_no("symbols", inputs.len()));
        };
        if !inputs.len().is_multiple_of(self.input.size()) {
            return Err(self.takes_no("symbols", inputs.len()));
        }
        if let Some(place) = inputs.iter().position(|input| *input >= bound) {
            let message = format!("input {place} is {}; symbols are below {bound}", inputs[place]);
            return Err(Error::Argument(message));
        }
        let first = scratch.first();
        first.symbols.clear();
        first.symbols.extend_from_slice(inputs);
        Ok(self.run(inputs.len() / self.input.size(), scratch))
    }

    /// Runs all layers on the inputs in the first buffer: `count` of them.
    fn run<'s>(&self, count: usize, scratch: &'s mut Scratch) -> &'s Buffer {
        let Scratch { buffers, padded } = scratch;
        let last = self.layers.iter().map(|layer| layer.buffer).max().unwrap_or(0);
        buffers.resize_with(buffers.len().max(last + 1), Buffer::default);
        let mut shape = self.input;
        let mut from = 0;
        for layer in &self.layers {
            if layer.buffer != from {
                let (before, after) = buffers.split_at_mut(layer.buffer);
                layer.op.apply(
                    self.way,
                    shape,
                    count * layer.output.size(),
                    &before[from],
                    &mut after[0],
                    padded,
                    before,
                );
            }
            (shape, from) = (layer.output, layer.buffer);
        }
        &buffers[from]
    }
}

impl Scratch {
    fn first(&mut self) -> &mut Buffer {
        if self.buffers.is_empty() {
            self.buffers.push(Buffer::default());
        }
        &mut self.buffers[0]
    }
}

impl Op {
    /// `input`: the shape of what goes in; `size`: how many values come out for all inputs together.
    #[expect(clippy::too_many_arguments, reason = "where things are, each by its name")]
    fn apply(
        &self,
        way: Way,
        input: Shape,
        size: usize,
        from: &Buffer,
        to: &mut Buffer,
        padded: &mut Vec<u8>,
        earlier: &[Buffer],
    ) {
        match self {
            Op::Regroup => {}
            Op::Windows { size, stride, before, pad } => {
                to.symbols.clear();
                for row in from.symbols.chunks_exact(input.width) {
                    for start in (0..input.width).step_by(*stride) {
                        let place = |offset: usize| (start + offset).checked_sub(*before);
                        let symbol = |offset| place(offset).and_then(|place| row.get(place)).unwrap_or(pad);
                        to.symbols.extend((0..*size).map(symbol));
                    }
                }
            }
            Op::Embed { table, symbols, bias, scale, .. } => {
                to.activations.resize(size, 0);
                way.run(Embed {
                    table,
                    symbols: *symbols,
                    bias,
                    scale,
                    positions: input.width,
                    rows: &from.symbols,
                    activations: &mut to.activations,
                });
            }
            Op::Dense { weights, scale, add } => {
                to.activations.resize(size, 0);
                let rows = filled_up(weights, &from.activations, padded);
                let add = add
                    .as_ref()
                    .map(|(buffer, multipliers)| (&earlier[*buffer].activations[..], &multipliers[..]));
                way.run(Dense { weights, scale, add, rows, activations: &mut to.activations });
            }
            Op::Linear { weights } => {
                to.sums.resize(size, 0);
                let rows = filled_up(weights, &from.activations, padded);
                way.run(Linear { weights, rows, sums: &mut to.sums });
            }
            Op::Digits { thresholds } => {
                to.symbols.clear();
                for row in from.sums.chunks_exact(thresholds.len()) {
                    let digit = |(sum, thresholds): (&i32, &Vec<i32>)| {
                        thresholds.partition_point(|threshold| threshold <= sum) as u32
                    };
                    to.symbols.extend(row.iter().zip(thresholds).map(digit));
                }
            }
            Op::Codes { basis } => {
                to.symbols.clear();
                for row in from.symbols.chunks_exact(basis.len()) {
                    to.symbols.push(row.iter().zip(basis).map(|(digit, basis)| digit * basis).sum());
                }
            }
            Op::Argmax { symbols } => {
                to.symbols.resize(size, 0);
                way.run(Argmax { symbols: *symbols, sums: &from.sums, places: &mut to.symbols });
            }
        }
    }
}

/// Rows with zeros behind each, where whole blocks need them.
fn filled_up<'a>(weights: &Packed, rows: &'a [u8], padded: &'a mut Vec<u8>) -> &'a [u8] {
    let (inputs, row) = (weights.inputs(), weights.row());
    if inputs == row {
        return rows;
    }
    padded.clear();
    for inputs in rows.chunks_exact(inputs) {
        padded.extend_from_slice(inputs);
        padded.resize(padded.len().next_multiple_of(row), 0);
    }
    padded
}
