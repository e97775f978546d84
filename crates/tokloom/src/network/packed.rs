//! Weights in the order in which they are used: sixteen outputs beside each other, four inputs of each.

/// Outputs that are worked out together.
pub(super) const OUTPUTS: usize = 16;
/// Inputs whose products are summed first.
pub(super) const INPUTS: usize = 4;
/// The weights of these.
pub(super) const BLOCK: usize = OUTPUTS * INPUTS;

/// A matrix of weights, filled up with zeros to whole blocks.
pub(super) struct Packed {
    inputs: usize,
    outputs: usize,
    /// By sixteen outputs, then by four inputs: `[output][input]`.
    weights: Vec<i8>,
    /// Filled up like the weights.
    bias: Vec<i32>,
}

impl Packed {
    /// The bytes that a matrix of this size takes; `None` if they can't be counted.
    pub(super) fn bytes(inputs: usize, outputs: usize) -> Option<usize> {
        inputs.div_ceil(INPUTS).checked_mul(outputs.div_ceil(OUTPUTS))?.checked_mul(BLOCK)
    }

    /// From `weights[output][input]`.
    pub(super) fn new(inputs: usize, weights: &[i8], bias: &[i32]) -> Self {
        let outputs = bias.len();
        let quads = inputs.div_ceil(INPUTS);
        let blocks = outputs.div_ceil(OUTPUTS);
        let mut packed = vec![0; blocks * quads * BLOCK];
        for (output, row) in weights.chunks_exact(inputs).enumerate() {
            let block = output / OUTPUTS * quads;
            for (input, weight) in row.iter().enumerate() {
                let quad = (block + input / INPUTS) * BLOCK;
                packed[quad + output % OUTPUTS * INPUTS + input % INPUTS] = *weight;
            }
        }
        let mut padded = bias.to_vec();
        padded.resize(blocks * OUTPUTS, 0);
        Self { inputs, outputs, weights: packed, bias: padded }
    }

    pub(super) fn inputs(&self) -> usize {
        self.inputs
    }

    pub(super) fn outputs(&self) -> usize {
        self.outputs
    }

    /// Inputs filled up to whole blocks: the length of a row that goes in.
    pub(super) fn row(&self) -> usize {
        self.inputs.next_multiple_of(INPUTS)
    }

    /// The weights and the bias of sixteen outputs each.
    pub(super) fn blocks(&self) -> impl Iterator<Item = (&[[i8; BLOCK]], &[i32; OUTPUTS])> {
        let (weights, _) = self.weights.as_chunks::<BLOCK>();
        let (bias, _) = self.bias.as_chunks::<OUTPUTS>();
        weights.chunks_exact(self.inputs.div_ceil(INPUTS)).zip(bias)
    }
}
