//! A list of layers and a file of tensors → a network, or what is wrong with them.

use super::description::Described;
use super::kernels::Way;
use super::packed::Packed;
use super::tensors::Tensors;
use super::{Add, GREATEST_ACTIVATION, Keys, LONGEST_KEY, Layer, Network, Op, Scale, Shape, Values};
use crate::error::{Error, Result};

/// Layers of a network.
const MOST_LAYERS: usize = 256;
/// Values in a row; sums of so many products fit an `i32` (127 · 127 · 65,536 is half of 2^31).
const WIDEST: usize = 1 << 16;
/// Values that belong to one input, in any layer.
const MOST_VALUES: usize = 1 << 20;
/// Bytes of weights, filled up to whole blocks.
const MOST_WEIGHTS: usize = 1 << 28;
/// Keys of a lookup.
const MOST_KEYS: usize = 1 << 20;
/// The text that lists the layers.
const LONGEST_DESCRIPTION: usize = 1 << 20;

impl Network {
    /// The network whose layers `description` lists (JSON), with tensors called `<prefix>.<layer>.<name>`.
    ///
    /// `bounds`: what each symbol of an input is below, in turn, where that is less than `input` says; empty: nowhere.
    ///
    /// # Errors
    /// [`Error::Format`] with the layer, and what is wrong with it: an operation or a field that isn't known, a shape
    /// that doesn't fit what comes before, a missing tensor or one of another type or shape, a number out of range, a
    /// sum that could overflow.
    pub fn read(
        description: &str,
        tensors: &Tensors<'_>,
        prefix: &str,
        input: Shape,
        bounds: &[u32],
    ) -> Result<Self> {
        let bad = |what: String| Error::Format(format!("{}: the {prefix}: {what}", tensors.origin()));
        if description.len() > LONGEST_DESCRIPTION {
            return Err(bad(format!("its description has {} bytes", description.len())));
        }
        let entries: Vec<serde_json::Map<String, serde_json::Value>> = serde_json::from_str(description)
            .map_err(|error| bad(format!("its layers are not what they should be ({error})")))?;
        if entries.is_empty() || entries.len() > MOST_LAYERS {
            return Err(bad(format!("it has {} layers; 1 to {MOST_LAYERS} are read", entries.len())));
        }
        let bounds = match input.values {
            Values::Symbols(bound) if bounds.is_empty() => vec![bound],
            Values::Symbols(bound) => bounds.iter().map(|own| bound.min(*own)).collect(),
            _ => Vec::new(),
        };
        if !bounds.is_empty() && !input.size().is_multiple_of(bounds.len()) {
            return Err(bad(format!("{} symbols come in, and {} have bounds", input.size(), bounds.len())));
        }
        let input_bounds = bounds.clone();
        let first = Output { shape: input, buffer: 0, bounds };
        let mut reader = Reader { tensors, prefix, outputs: vec![first.clone()], input: first, weights: 0 };
        let mut layers = Vec::with_capacity(entries.len());
        for (index, entry) in entries.into_iter().enumerate() {
            let (described, from) =
                Described::of(entry).map_err(|error| bad(format!("layer {index}: {error}")))?;
            let layer = reader.next_layer(index, &described, from).map_err(|error| match error {
                Problem::Told(error) => error,
                Problem::Here(what) => bad(format!("layer {index} ({}): {what}", described.name())),
            })?;
            layers.push(layer);
        }
        let Output { shape: output, bounds, .. } = reader.outputs.pop().unwrap_or(reader.input);
        Ok(Self { layers, input, input_bounds, output, bounds, way: Way::fastest() })
    }
}

/// What a layer gives, or the network takes.
#[derive(Clone)]
struct Output {
    shape: Shape,
    buffer: usize,
    /// What each symbol is below, in turn; empty where it is no symbols.
    bounds: Vec<u32>,
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
    /// The network's input, then what each layer gives.
    outputs: Vec<Output>,
    /// What the layer that is read takes.
    input: Output,
    /// Bytes of weights so far.
    weights: usize,
}

impl Reader<'_> {
    /// `from`: the layer whose output it takes; `None`: the one before.
    fn next_layer(&mut self, index: usize, described: &Described, from: Option<i64>) -> Checked<Layer> {
        self.input = self.output(from.unwrap_or(index as i64 - 1))?.clone();
        let (op, shape, bounds) = self.layer(index, described)?;
        if shape.width > WIDEST || shape.rows > MOST_VALUES || shape.size() > MOST_VALUES {
            return here(format!("it gives {} rows of {}, more than are read", shape.rows, shape.width));
        }
        let buffer = if matches!(op, Op::Regroup) { self.input.buffer } else { index + 1 };
        self.outputs.push(Output { shape, buffer, bounds });
        Ok(Layer { op, input: self.input.shape, from: self.input.buffer, output: shape, buffer })
    }

    /// What layer `index` gives, -1 being the network's input.
    fn output(&self, index: i64) -> Checked<&Output> {
        let place = usize::try_from(index.saturating_add(1)).ok();
        match place.and_then(|place| self.outputs.get(place)) {
            Some(output) => Ok(output),
            None => here(format!("it takes layer {index}, which doesn't come before it")),
        }
    }

    /// What a layer does, the shape of what it gives, and what its symbols are below.
    fn layer(&mut self, index: usize, described: &Described) -> Checked<(Op, Shape, Vec<u32>)> {
        let Shape { rows, width, values } = self.input.shape;
        let regrouped = |shape| Ok((Op::Regroup, shape, self.input.bounds.clone()));
        match described {
            Described::Windows { size, stride, before, pad } => self.windows(*size, *stride, *before, *pad),
            Described::Embed { positions, symbols, width, add } => {
                self.embed(index, *positions, *symbols, *width, *add)
            }
            Described::Dense { inputs, outputs, add } => {
                let weights = self.packed(index, *inputs, *outputs)?;
                let scale = self.scale(index, *outputs)?;
                let output = Shape { rows, width: *outputs, values: Values::Activations };
                let add = add.map(|layer| self.add(index, layer, output)).transpose()?;
                Ok((Op::Dense { weights, scale, add }, output, Vec::new()))
            }
            Described::Linear { inputs, outputs } => {
                let weights = self.packed(index, *inputs, *outputs)?;
                let output = Shape { rows, width: *outputs, values: Values::Sums };
                Ok((Op::Linear { weights }, output, Vec::new()))
            }
            Described::Rows { count } => {
                if *count == 0 || width % count != 0 {
                    return here(format!("a row of {width} can't be cut into {count}"));
                }
                regrouped(Shape { rows: rows * count, width: width / count, values })
            }
            Described::Join { count } => {
                if *count == 0 || rows % count != 0 {
                    return here(format!("{rows} rows can't be joined by {count}"));
                }
                regrouped(Shape { rows: rows / count, width: width * count, values })
            }
            Described::Digits { levels } => self.digits(index, levels),
            Described::Codes { levels } => self.codes(levels),
            Described::Argmax { symbols } => {
                self.takes(Values::Sums)?;
                if *symbols == 0 || width % symbols != 0 {
                    return here(format!("a row of {width} sums can't be cut into groups of {symbols}"));
                }
                let bound = *symbols as u32;
                let output = Shape { rows, width: width / symbols, values: Values::Symbols(bound) };
                Ok((Op::Argmax { symbols: *symbols }, output, vec![bound]))
            }
            Described::Concat { of } => self.concat(of),
            Described::Lookup { begin, length, keys } => self.lookup(index, *begin, *length, *keys),
        }
    }

    /// The bound of the symbols that come in.
    fn symbols(&self) -> Checked<u32> {
        match self.input.shape.values {
            Values::Symbols(bound) => Ok(bound),
            other => here(format!("it takes symbols, and the layer before gives {}", other.name())),
        }
    }

    fn takes(&self, values: Values) -> Checked<()> {
        if self.input.shape.values == values {
            return Ok(());
        }
        let given = self.input.shape.values.name();
        here(format!("it takes {}, and the layer before gives {given}", values.name()))
    }

    fn name(&self, index: usize, name: &str) -> String {
        format!("{}.{index}.{name}", self.prefix)
    }

    fn windows(&self, size: usize, stride: usize, before: usize, pad: u32) -> Checked<(Op, Shape, Vec<u32>)> {
        let bound = self.symbols()?;
        let Shape { rows, width, .. } = self.input.shape;
        if stride == 0 || width % stride != 0 {
            return here(format!("a row of {width} has no whole number of strides of {stride}"));
        }
        if size == 0 || size > WIDEST || before > WIDEST || pad > 1 << 24 {
            return here(format!("size {size}, before {before} or pad {pad} is out of range"));
        }
        let bound = bound.max(pad + 1);
        let output = Shape { rows: rows * (width / stride), width: size, values: Values::Symbols(bound) };
        Ok((Op::Windows { size, stride, before, pad }, output, vec![bound]))
    }

    fn embed(
        &mut self,
        index: usize,
        positions: usize,
        symbols: usize,
        width: usize,
        add: Option<i64>,
    ) -> Checked<(Op, Shape, Vec<u32>)> {
        let bound = self.symbols()?;
        if positions != self.input.shape.width {
            return here(format!(
                "it has {positions} positions, and rows of {} come in",
                self.input.shape.width
            ));
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
        let output = Shape { rows: self.input.shape.rows, width, values: Values::Activations };
        let add = add.map(|layer| self.add(index, layer, output)).transpose()?;
        Ok((Op::Embed { table, symbols, bias, scale, add }, output, Vec::new()))
    }

    /// Weights and bias of a layer of products.
    fn packed(&mut self, index: usize, inputs: usize, outputs: usize) -> Checked<Packed> {
        self.takes(Values::Activations)?;
        if inputs != self.input.shape.width {
            return here(format!("it has {inputs} inputs, and rows of {} come in", self.input.shape.width));
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

    fn add(&self, index: usize, layer: i64, output: Shape) -> Checked<Add> {
        let earlier = self.output(layer)?;
        if earlier.shape != output {
            let Shape { rows, width, values } = earlier.shape;
            return here(format!(
                "it adds layer {layer}, which gives {rows} rows of {width} {}, to {} rows of {} activations",
                values.name(),
                output.rows,
                output.width
            ));
        }
        let multipliers = self.multipliers(index, "add_multiplier", output.width)?;
        Ok(Add { buffer: earlier.buffer, multipliers })
    }

    fn concat(&self, of: &[i64]) -> Checked<(Op, Shape, Vec<u32>)> {
        let mut together = Vec::with_capacity(of.len());
        let mut shape: Option<Shape> = None;
        for layer in of {
            let Output { shape: own, buffer, .. } = self.output(*layer)?;
            if own.values != Values::Activations || shape.is_some_and(|shape| shape.rows != own.rows) {
                let (rows, values) = (own.rows, own.values.name());
                return here(format!(
                    "layer {layer} gives {rows} rows of {values}; all must give as many activations"
                ));
            }
            together.push((*buffer, own.width));
            let width = shape.map_or(0, |shape| shape.width) + own.width;
            shape = Some(Shape { width, ..*own });
        }
        match shape {
            Some(shape) => Ok((Op::Concat { of: together }, shape, Vec::new())),
            None => here("it puts no layers side by side"),
        }
    }

    fn lookup(
        &mut self,
        index: usize,
        begin: usize,
        length: usize,
        count: usize,
    ) -> Checked<(Op, Shape, Vec<u32>)> {
        self.symbols()?;
        let Shape { rows, width, .. } = self.input.shape;
        if !(1..=LONGEST_KEY).contains(&length) || begin.checked_add(length).is_none_or(|end| end > width) {
            return here(format!("it takes {length} symbols from {begin} on, of rows of {width}"));
        }
        if count > MOST_KEYS {
            return here(format!("it has {count} keys; up to {MOST_KEYS} are read"));
        }
        self.count(count.checked_mul(2 * LONGEST_KEY))?;
        let bytes = self.tensors.u8(&self.name(index, "keys"), &[count, length])?;
        let mut keys = Keys::with_capacity_and_hasher(count, foldhash::fast::FixedState::default());
        let mut before: Option<&[u8]> = None;
        for (place, bytes) in bytes.chunks_exact(length).enumerate() {
            if before.is_some_and(|before| before >= bytes) {
                return here(format!("key {place} is not greater than the one before it"));
            }
            before = Some(bytes);
            let mut key = [0; LONGEST_KEY];
            key[..length].copy_from_slice(bytes);
            keys.insert(key, 1 + place as u32);
        }
        let bound = 1 + count as u32;
        let output = Shape { rows, width: 1, values: Values::Symbols(bound) };
        Ok((Op::Lookup { begin, length, keys }, output, vec![bound]))
    }

    fn digits(&self, index: usize, levels: &[u32]) -> Checked<(Op, Shape, Vec<u32>)> {
        self.takes(Values::Sums)?;
        let most = check_levels(levels, self.input.shape.width)?;
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
        let output = Shape { values: Values::Symbols(most), ..self.input.shape };
        Ok((Op::Digits { thresholds }, output, levels.to_vec()))
    }

    fn codes(&self, levels: &[u32]) -> Checked<(Op, Shape, Vec<u32>)> {
        self.symbols()?;
        check_levels(levels, self.input.shape.width)?;
        // A digit that is too large would run into the next.
        let mut bounds = self.input.bounds.iter().cycle().take(self.input.shape.size());
        if !bounds.by_ref().zip(levels.iter().cycle()).all(|(bound, level)| bound <= level) {
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
        let output = Shape { rows: self.input.shape.rows, width: 1, values: Values::Symbols(product) };
        Ok((Op::Codes { basis }, output, vec![product]))
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
