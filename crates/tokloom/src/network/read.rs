//! A list of layers and a file of tensors → a network, or what is wrong with them.

use super::description::Described;
use super::kernels::Way;
use super::packed::Packed;
use super::tensors::Tensors;
use super::{GREATEST_ACTIVATION, Layer, Network, Op, Scale, Shape, Values, bounds};
use crate::error::{Error, Result};

/// Layers of a network.
const MOST_LAYERS: usize = 256;
/// Values in a row; sums of so many products fit an `i32` (127 · 127 · 65,536 is half of 2^31).
const WIDEST: usize = 1 << 16;
/// Values that belong to one input, in any layer.
const MOST_VALUES: usize = 1 << 20;
/// Bytes of weights, filled up to whole blocks.
const MOST_WEIGHTS: usize = 1 << 28;
/// The text that lists the layers.
const LONGEST_DESCRIPTION: usize = 1 << 20;

impl Network {
    /// The network whose layers `description` lists (JSON), with tensors called `<prefix>.<layer>.<name>`.
    ///
    /// # Errors
    /// [`Error::Format`] with the layer, and what is wrong with it: an operation or a field that isn't known, a shape
    /// that doesn't fit what comes before, a missing tensor or one of another type or shape, a number out of range, a
    /// sum that could overflow.
    pub fn read(description: &str, tensors: &Tensors<'_>, prefix: &str, input: Shape) -> Result<Self> {
        let bad = |what: String| Error::Format(format!("{}: the {prefix}: {what}", tensors.origin()));
        if description.len() > LONGEST_DESCRIPTION {
            return Err(bad(format!("its description has {} bytes", description.len())));
        }
        let described: Vec<Described> = serde_json::from_str(description)
            .map_err(|error| bad(format!("its layers are not what they should be ({error})")))?;
        if described.is_empty() || described.len() > MOST_LAYERS {
            return Err(bad(format!("it has {} layers; 1 to {MOST_LAYERS} are read", described.len())));
        }
        let mut reader = Reader { tensors, prefix, layers: Vec::new(), shape: input, buffer: 0, weights: 0 };
        for (index, described) in described.iter().enumerate() {
            let layer = reader.layer(index, described).map_err(|error| match error {
                Problem::Told(error) => error,
                Problem::Here(what) => bad(format!("layer {index} ({}): {what}", described.name())),
            })?;
            (reader.shape, reader.buffer) = (layer.output, layer.buffer);
            reader.layers.push(layer);
        }
        Ok(Self { output: reader.shape, layers: reader.layers, input, way: Way::fastest() })
    }
}

/// What is wrong with a layer.
enum Problem {
    /// Said already.
    Told(Error),
    /// To be said with the layer's name before it.
    Here(String),
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::Told(error)
    }
}

type Checked<T> = std::result::Result<T, Problem>;

fn here<T>(what: impl Into<String>) -> Checked<T> {
    Err(Problem::Here(what.into()))
}

struct Reader<'a> {
    tensors: &'a Tensors<'a>,
    prefix: &'a str,
    layers: Vec<Layer>,
    /// Of what the layer before gives.
    shape: Shape,
    /// That it is in; the first is the input.
    buffer: usize,
    /// Bytes of weights so far.
    weights: usize,
}

impl Reader<'_> {
    fn layer(&mut self, index: usize, described: &Described) -> Checked<Layer> {
        let Shape { rows, width, values } = self.shape;
        let (op, output) = match described {
            Described::Windows { size, stride, before, pad } => {
                self.windows(*size, *stride, *before, *pad)?
            }
            Described::Embed { positions, symbols, width } => {
                self.embed(index, *positions, *symbols, *width)?
            }
            Described::Dense { inputs, outputs, add } => {
                let weights = self.packed(index, *inputs, *outputs)?;
                let scale = self.scale(index, *outputs)?;
                let output = Shape { rows, width: *outputs, values: Values::Activations };
                let add = add.map(|layer| self.add(index, layer, output)).transpose()?;
                (Op::Dense { weights, scale, add }, output)
            }
            Described::Linear { inputs, outputs } => {
                let weights = self.packed(index, *inputs, *outputs)?;
                (Op::Linear { weights }, Shape { rows, width: *outputs, values: Values::Sums })
            }
            Described::Rows { count } => {
                if *count == 0 || width % count != 0 {
                    return here(format!("a row of {width} can't be cut into {count}"));
                }
                (Op::Regroup, Shape { rows: rows * count, width: width / count, values })
            }
            Described::Join { count } => {
                if *count == 0 || rows % count != 0 {
                    return here(format!("{rows} rows can't be joined by {count}"));
                }
                (Op::Regroup, Shape { rows: rows / count, width: width * count, values })
            }
            Described::Digits { levels } => self.digits(index, levels)?,
            Described::Codes { levels } => self.codes(levels)?,
            Described::Argmax { symbols } => {
                self.takes(Values::Sums)?;
                if *symbols == 0 || width % symbols != 0 {
                    return here(format!("a row of {width} sums can't be cut into groups of {symbols}"));
                }
                let values = Values::Symbols(*symbols as u32);
                (Op::Argmax { symbols: *symbols }, Shape { rows, width: width / symbols, values })
            }
        };
        if output.width > WIDEST || output.rows > MOST_VALUES || output.size() > MOST_VALUES {
            return here(format!("it gives {} rows of {}, more than are read", output.rows, output.width));
        }
        let buffer = if matches!(op, Op::Regroup) { self.buffer } else { index + 1 };
        Ok(Layer { op, output, buffer })
    }

    /// The bound of the symbols that come in.
    fn symbols(&self) -> Checked<u32> {
        match self.shape.values {
            Values::Symbols(bound) => Ok(bound),
            other => here(format!("it takes symbols, and the layer before gives {}", other.name())),
        }
    }

    fn takes(&self, values: Values) -> Checked<()> {
        if self.shape.values == values {
            return Ok(());
        }
        let given = self.shape.values.name();
        here(format!("it takes {}, and the layer before gives {given}", values.name()))
    }

    fn name(&self, index: usize, name: &str) -> String {
        format!("{}.{index}.{name}", self.prefix)
    }

    fn windows(&self, size: usize, stride: usize, before: usize, pad: u32) -> Checked<(Op, Shape)> {
        let bound = self.symbols()?;
        let Shape { rows, width, .. } = self.shape;
        if stride == 0 || width % stride != 0 {
            return here(format!("a row of {width} has no whole number of strides of {stride}"));
        }
        if size == 0 || size > WIDEST || before > WIDEST || pad > 1 << 24 {
            return here(format!("size {size}, before {before} or pad {pad} is out of range"));
        }
        let values = Values::Symbols(bound.max(pad + 1));
        Ok((
            Op::Windows { size, stride, before, pad },
            Shape { rows: rows * (width / stride), width: size, values },
        ))
    }

    fn embed(
        &mut self,
        index: usize,
        positions: usize,
        symbols: usize,
        width: usize,
    ) -> Checked<(Op, Shape)> {
        let bound = self.symbols()?;
        if positions != self.shape.width {
            return here(format!("it has {positions} positions, and rows of {} come in", self.shape.width));
        }
        if (bound as usize) > symbols {
            return here(format!("it has {symbols} symbols, and symbols below {bound} come in"));
        }
        let bytes = positions.checked_mul(symbols).and_then(|entries| entries.checked_mul(width));
        self.count(bytes)?;
        if width == 0 || width > WIDEST {
            return here(format!("its width is {width}"));
        }
        let table = self.tensors.i8(&self.name(index, "table"), &[positions, symbols, width])?;
        let bias = self.tensors.i32(&self.name(index, "bias"), &[width])?;
        check_weights(&table)?;
        // Each position adds 127 at most.
        let most = i64::from(GREATEST_ACTIVATION) * positions as i64;
        if bias.iter().any(|bias| i64::from(*bias).abs() + most > i64::from(i32::MAX)) {
            return here("a sum could overflow: the bias is too large");
        }
        let scale = self.scale(index, width)?;
        let output = Shape { rows: self.shape.rows, width, values: Values::Activations };
        Ok((Op::Embed { table, symbols, bias, scale }, output))
    }

    /// Weights and bias of a layer of products.
    fn packed(&mut self, index: usize, inputs: usize, outputs: usize) -> Checked<Packed> {
        self.takes(Values::Activations)?;
        if inputs != self.shape.width {
            return here(format!("it has {inputs} inputs, and rows of {} come in", self.shape.width));
        }
        if inputs == 0 || outputs == 0 || inputs > WIDEST || outputs > WIDEST {
            return here(format!("{inputs} inputs and {outputs} outputs; 1 to {WIDEST} of each are read"));
        }
        self.count(Packed::bytes(inputs, outputs))?;
        let weights = self.tensors.i8(&self.name(index, "weight"), &[outputs, inputs])?;
        let bias = self.tensors.i32(&self.name(index, "bias"), &[outputs])?;
        check_weights(&weights)?;
        for (output, (weights, bias)) in weights.chunks_exact(inputs).zip(&bias).enumerate() {
            let sum: i64 = weights.iter().map(|weight| i64::from(weight.unsigned_abs())).sum();
            if i64::from(*bias).abs() + i64::from(GREATEST_ACTIVATION) * sum > i64::from(i32::MAX) {
                return here(format!("the sum of output {output} could overflow: the bias is too large"));
            }
        }
        Ok(Packed::new(inputs, &weights, &bias))
    }

    fn count(&mut self, bytes: Option<usize>) -> Checked<()> {
        let all = bytes.and_then(|bytes| bytes.checked_add(self.weights));
        match all.filter(|all| *all <= MOST_WEIGHTS) {
            Some(all) => self.weights = all,
            None => return here(format!("the network has more than {MOST_WEIGHTS} bytes of weights")),
        }
        Ok(())
    }

    fn scale(&self, index: usize, outputs: usize) -> Checked<Scale> {
        let multipliers = self.multipliers(index, "multiplier", outputs)?;
        let shift = self.tensors.i32(&self.name(index, "shift"), &[1])?;
        match shift[..] {
            [shift @ 1..=62] => Ok(Scale { multipliers, shift: shift.cast_unsigned() }),
            _ => here(format!("its shift is {shift:?}; it must be from 1 to 62")),
        }
    }

    fn multipliers(&self, index: usize, name: &str, outputs: usize) -> Checked<Vec<i32>> {
        let multipliers = self.tensors.i32(&self.name(index, name), &[outputs])?;
        if let Some(output) = multipliers.iter().position(|multiplier| *multiplier < 0) {
            return here(format!("{name} {output} is {}; it can't be negative", multipliers[output]));
        }
        Ok(multipliers)
    }

    fn add(&self, index: usize, layer: usize, output: Shape) -> Checked<(usize, Vec<i32>)> {
        let Some(earlier) = self.layers.get(layer) else {
            return here(format!("it adds layer {layer}, which doesn't come before it"));
        };
        if earlier.output != output {
            let Shape { rows, width, values } = earlier.output;
            return here(format!(
                "it adds layer {layer}, which gives {rows} rows of {width} {}, to {} rows of {} activations",
                values.name(),
                output.rows,
                output.width
            ));
        }
        Ok((earlier.buffer, self.multipliers(index, "add_multiplier", output.width)?))
    }

    fn digits(&self, index: usize, levels: &[u32]) -> Checked<(Op, Shape)> {
        self.takes(Values::Sums)?;
        let most = check_levels(levels, self.shape.width)?;
        let count = levels.iter().map(|level| *level as usize - 1).sum::<usize>();
        let all = self.tensors.i32(&self.name(index, "thresholds"), &[count])?;
        let mut rest = &all[..];
        let mut thresholds = Vec::with_capacity(levels.len());
        for (dimension, level) in levels.iter().enumerate() {
            let (own, others) = rest.split_at(*level as usize - 1);
            if !own.is_sorted() {
                return here(format!("the thresholds of dimension {dimension} are not in ascending order"));
            }
            thresholds.push(own.to_vec());
            rest = others;
        }
        Ok((Op::Digits { thresholds }, Shape { values: Values::Symbols(most), ..self.shape }))
    }

    fn codes(&self, levels: &[u32]) -> Checked<(Op, Shape)> {
        self.symbols()?;
        check_levels(levels, self.shape.width)?;
        // A digit that is too large would run into the next.
        let bounds = bounds(&self.layers, self.shape);
        let fits = bounds.iter().zip(levels.iter().cycle()).all(|(bound, level)| bound <= level);
        if !fits || bounds.is_empty() {
            return here("a digit that comes in may be as large as its level, or larger");
        }
        let mut basis = Vec::with_capacity(levels.len());
        let mut product = 1u32;
        for level in levels {
            basis.push(product);
            match product.checked_mul(*level).filter(|product| *product <= 1 << 30) {
                Some(next) => product = next,
                None => return here("the levels give more than 2^30 codes"),
            }
        }
        let output = Shape { rows: self.shape.rows, width: 1, values: Values::Symbols(product) };
        Ok((Op::Codes { basis }, output))
    }
}

/// That there is a level of 2 or more for each value of a row; the greatest.
fn check_levels(levels: &[u32], width: usize) -> Checked<u32> {
    if levels.len() != width {
        return here(format!("it has {} levels, and rows of {width} come in", levels.len()));
    }
    if let Some(level) = levels.iter().find(|level| !(2..=1 << 16).contains(*level)) {
        return here(format!("a level is {level}; it must be from 2 to 65,536"));
    }
    Ok(levels.iter().copied().max().unwrap_or(2))
}

fn check_weights(weights: &[i8]) -> Checked<()> {
    match weights.iter().position(|weight| *weight == i8::MIN) {
        Some(place) => here(format!("weight {place} is -128; weights are from -127 to 127")),
        None => Ok(()),
    }
}
