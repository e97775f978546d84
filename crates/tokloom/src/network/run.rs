//! Running a network on many inputs at once.

use super::kernels::{Argmax, Dense, Embed, Linear, Way};
use super::packed::Packed;
use super::{Add, GREATEST_ACTIVATION, LONGEST_KEY, Layer, Network, Op, Shape, Values};
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

/// What goes into a network.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// Inputs one after another, as symbols.
    Symbols(&'a [u32]),
    /// The same as activations.
    Activations(&'a [u8]),
}

/// What comes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output<'a> {
    /// Outputs one after another, as symbols.
    Symbols(&'a [u32]),
    /// The same as activations.
    Activations(&'a [u8]),
    /// The same as sums.
    Sums(&'a [i32]),
}

impl Network {
    /// What the network gives for inputs one after another.
    ///
    /// # Errors
    /// [`Error::Argument`] if the inputs aren't whole ones, or one is out of range.
    pub fn run<'s>(&self, inputs: Input<'_>, scratch: &'s mut Scratch) -> Result<Output<'s>> {
        let count = self.take(inputs, scratch)?;
        let found = self.run_layers(count, scratch);
        Ok(match self.output.values {
            Values::Symbols(_) => Output::Symbols(&found.symbols),
            Values::Activations => Output::Activations(&found.activations),
            Values::Sums => Output::Sums(&found.sums),
        })
    }

    /// The symbols that a network from symbols to symbols gives.
    ///
    /// # Errors
    /// As [`Self::run`]; or if it gives no symbols.
    pub fn symbols<'s>(&self, inputs: &[u32], scratch: &'s mut Scratch) -> Result<&'s [u32]> {
        match self.run(Input::Symbols(inputs), scratch)? {
            Output::Symbols(symbols) => Ok(symbols),
            _ => {
                Err(Error::Argument(format!("the network gives {}, not symbols", self.output.values.name())))
            }
        }
    }

    /// Puts the inputs, looked at, where the first layer finds them; how many they are.
    fn take(&self, inputs: Input<'_>, scratch: &mut Scratch) -> Result<usize> {
        let (given, length) = match inputs {
            Input::Symbols(symbols) => ("symbols", symbols.len()),
            Input::Activations(activations) => ("activations", activations.len()),
        };
        let Shape { values, .. } = self.input;
        let size = self.input.size();
        if values.name() != given || !length.is_multiple_of(size) {
            let wanted = values.name();
            let message =
                format!("the network takes {size} {wanted} at a time, and was given {length} {given}");
            return Err(Error::Argument(message));
        }
        let too_large = match inputs {
            Input::Symbols(symbols) => {
                let mut bounds = symbols.iter().zip(self.input_bounds.iter().cycle()).enumerate();
                let found = bounds.find(|(_, (symbol, bound))| symbol >= bound);
                found.map(|(place, (symbol, bound))| (place, *symbol, *bound))
            }
            Input::Activations(activations) => {
                let found = activations.iter().position(|activation| *activation > GREATEST_ACTIVATION);
                found.map(|place| (place, u32::from(activations[place]), 1 + u32::from(GREATEST_ACTIVATION)))
            }
        };
        if let Some((place, value, bound)) = too_large {
            return Err(Error::Argument(format!("input {place} is {value}; {given} are below {bound}")));
        }
        let first = scratch.first();
        match inputs {
            Input::Symbols(symbols) => {
                first.symbols.clear();
                first.symbols.extend_from_slice(symbols);
            }
            Input::Activations(activations) => {
                first.activations.clear();
                first.activations.extend_from_slice(activations);
            }
        }
        Ok(length / size)
    }

    /// Runs all layers on the inputs in the first buffer: `count` of them.
    fn run_layers<'s>(&self, count: usize, scratch: &'s mut Scratch) -> &'s Buffer {
        let Scratch { buffers, padded } = scratch;
        let last = self.layers.iter().map(|layer| layer.buffer).max().unwrap_or(0);
        buffers.resize_with(buffers.len().max(last + 1), Buffer::default);
        let mut found = 0;
        for layer in &self.layers {
            if !matches!(layer.op, Op::Regroup) {
                let (earlier, after) = buffers.split_at_mut(layer.buffer);
                layer.op.apply(self.way, layer, count, earlier, &mut after[0], padded);
            }
            found = layer.buffer;
        }
        &buffers[found]
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
    /// For `count` inputs of the network.
    fn apply(
        &self,
        way: Way,
        layer: &Layer,
        count: usize,
        earlier: &[Buffer],
        to: &mut Buffer,
        padded: &mut Vec<u8>,
    ) {
        let from = &earlier[layer.from];
        let input = layer.input;
        let size = count * layer.output.size();
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
            Op::Embed { table, symbols, bias, scale, add } => {
                to.activations.resize(size, 0);
                way.run(Embed {
                    table,
                    symbols: *symbols,
                    bias,
                    scale,
                    add: added(add, earlier),
                    positions: input.width,
                    rows: &from.symbols,
                    activations: &mut to.activations,
                });
            }
            Op::Dense { weights, scale, add } => {
                to.activations.resize(size, 0);
                let rows = filled_up(weights, &from.activations, padded);
                way.run(Dense {
                    weights,
                    scale,
                    add: added(add, earlier),
                    rows,
                    activations: &mut to.activations,
                });
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
            Op::Concat { of } => {
                to.activations.clear();
                for row in 0..count * layer.output.rows {
                    for (buffer, width) in of {
                        to.activations
                            .extend_from_slice(&earlier[*buffer].activations[row * width..][..*width]);
                    }
                }
            }
            Op::Lookup { begin, length, keys } => {
                to.symbols.clear();
                for row in from.symbols.chunks_exact(input.width) {
                    let mut key = [0; LONGEST_KEY];
                    let symbols = &row[*begin..begin + length];
                    for (byte, symbol) in key.iter_mut().zip(symbols) {
                        *byte = *symbol as u8;
                    }
                    let is_bytes = symbols.iter().all(|symbol| *symbol < 256);
                    let found = keys.get(&key).filter(|_| is_bytes);
                    to.symbols.push(found.copied().unwrap_or(0));
                }
            }
            Op::Argmax { symbols } => {
                to.symbols.resize(size, 0);
                way.run(Argmax { symbols: *symbols, sums: &from.sums, places: &mut to.symbols });
            }
        }
    }
}

/// The activations that are added, and their multipliers.
fn added<'a>(add: &'a Option<Add>, earlier: &'a [Buffer]) -> Option<(&'a [u8], &'a [i32])> {
    add.as_ref().map(|add| (&earlier[add.buffer].activations[..], &add.multipliers[..]))
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
