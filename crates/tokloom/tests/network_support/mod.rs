//! Networks at random, and what they give by the words of the format, one number at a time.

#![allow(dead_code, reason = "not every test uses all of it")]

use proptest::prelude::*;
use std::collections::BTreeMap;
use tokloom::network::write_tensors;

/// Numbers of a tensor.
#[derive(Clone, Debug)]
pub struct Tensor {
    pub shape: Vec<usize>,
    pub numbers: Vec<i64>,
    pub dtype: &'static str,
}

/// A network as it is saved.
#[derive(Clone, Debug, Default)]
pub struct Saved {
    pub layers: Vec<serde_json::Value>,
    pub tensors: BTreeMap<String, Tensor>,
}

impl Saved {
    pub fn description(&self) -> String {
        serde_json::to_string(&self.layers).unwrap()
    }

    pub fn file(&self) -> Vec<u8> {
        file(&self.tensors)
    }
}

pub fn file(tensors: &BTreeMap<String, Tensor>) -> Vec<u8> {
    let bytes: Vec<(String, String, Vec<usize>, Vec<u8>)> = tensors
        .iter()
        .map(|(name, tensor)| {
            let bytes = tensor.numbers.iter().flat_map(|number| match tensor.dtype {
                "I8" => (*number as i8).to_le_bytes().to_vec(),
                "U8" => vec![*number as u8],
                _ => (*number as i32).to_le_bytes().to_vec(),
            });
            (name.clone(), tensor.dtype.to_owned(), tensor.shape.clone(), bytes.collect())
        })
        .collect();
    let views: Vec<_> = bytes
        .iter()
        .map(|(name, dtype, shape, bytes)| (name.clone(), dtype.clone(), shape.clone(), &bytes[..]))
        .collect();
    write_tensors(&views).unwrap()
}

/// Numbers that look random, the same for the same seed.
pub struct Chance(pub u64);

impl Chance {
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn numbers(&mut self, count: usize, from: i64, to: i64) -> Vec<i64> {
        (0..count).map(|_| from + self.below((to - from + 1) as u64) as i64).collect()
    }
}

/// Makes a network layer by layer.
pub struct Maker {
    pub saved: Saved,
    pub prefix: &'static str,
    pub chance: Chance,
}

impl Maker {
    pub fn new(prefix: &'static str, seed: u64) -> Self {
        Self { saved: Saved::default(), prefix, chance: Chance(seed) }
    }

    pub fn layer(&mut self, layer: serde_json::Value) -> usize {
        self.saved.layers.push(layer);
        self.saved.layers.len() - 1
    }

    fn tensor(&mut self, name: &str, dtype: &'static str, shape: &[usize], from: i64, to: i64) {
        let layer = self.saved.layers.len() - 1;
        let numbers = self.chance.numbers(shape.iter().product(), from, to);
        let tensor = Tensor { shape: shape.to_vec(), numbers, dtype };
        self.saved.tensors.insert(format!("{}.{layer}.{name}", self.prefix), tensor);
    }

    pub fn embed(&mut self, positions: usize, symbols: usize, width: usize) -> usize {
        let layer = self.layer(
            serde_json::json!({"op": "embed", "positions": positions, "symbols": symbols, "width": width}),
        );
        self.tensor("table", "I8", &[positions, symbols, width], -127, 127);
        self.scaled(width, 8 * positions as i64);
        layer
    }

    /// Bias, multiplier and shift such that sums of about `size` in the square spread over the activations.
    fn scaled(&mut self, width: usize, size: i64) {
        self.tensor("bias", "I32", &[width], -size, size);
        self.tensor("multiplier", "I32", &[width], 0, 1 << 20);
        let shift = 19 + (size as f64).sqrt().log2().ceil() as i64;
        self.tensor("shift", "I32", &[1], shift, shift);
    }

    pub fn dense(&mut self, inputs: usize, outputs: usize, add: Option<usize>) -> usize {
        let mut layer = serde_json::json!({"op": "dense", "inputs": inputs, "outputs": outputs});
        if let Some(add) = add {
            layer["add"] = add.into();
        }
        let layer = self.layer(layer);
        self.tensor("weight", "I8", &[outputs, inputs], -127, 127);
        self.scaled(outputs, 4000 * inputs as i64);
        if add.is_some() {
            self.tensor("add_multiplier", "I32", &[outputs], 0, 1 << 24);
        }
        layer
    }

    pub fn linear(&mut self, inputs: usize, outputs: usize) -> usize {
        let layer = self.layer(serde_json::json!({"op": "linear", "inputs": inputs, "outputs": outputs}));
        self.tensor("weight", "I8", &[outputs, inputs], -127, 127);
        self.tensor("bias", "I32", &[outputs], -100_000, 100_000);
        layer
    }

    pub fn digits(&mut self, levels: &[u32]) -> usize {
        let layer = self.layer(serde_json::json!({"op": "digits", "levels": levels}));
        let mut numbers = Vec::new();
        for level in levels {
            let mut own = self.chance.numbers(*level as usize - 1, -60_000, 60_000);
            own.sort_unstable();
            numbers.extend(own);
        }
        let tensor = Tensor { shape: vec![numbers.len()], numbers, dtype: "I32" };
        self.saved.tensors.insert(format!("{}.{layer}.thresholds", self.prefix), tensor);
        layer
    }

    /// A network from `positions` symbols below `symbols` to sums, of some width.
    pub fn body(&mut self, positions: usize, symbols: usize, widths: [usize; 2], outputs: usize) {
        let embed = self.embed(positions, symbols, widths[0]);
        self.dense(widths[0], widths[1], None);
        self.dense(widths[1], widths[0], Some(embed));
        self.linear(widths[0], outputs);
    }
}

/// The encoder and the decoder of chunks, in one file, and the description of both.
pub fn chunks(seed: u64, size: usize, per_chunk: usize, levels: &[u32], width: usize) -> (String, Vec<u8>) {
    let mut encoder = Maker::new("encoder", seed);
    let dimensions = levels.len();
    encoder.body(size, 257, [width, width + 3], per_chunk * dimensions);
    encoder.layer(serde_json::json!({"op": "rows", "count": per_chunk}));
    encoder.digits(levels);
    if seed.is_multiple_of(2) {
        encoder.layer(serde_json::json!({"op": "codes", "levels": levels}));
    }
    let mut decoder = Maker::new("decoder", seed + 1);
    match seed % 3 {
        0 => {
            let codes = levels.iter().product::<u32>() as usize;
            decoder.body(per_chunk, codes, [width, width + 1], size * 257);
        }
        _ => {
            let most = levels.iter().copied().max().unwrap() as usize;
            decoder.body(per_chunk * dimensions, most, [width, width + 1], size * 257);
        }
    }
    decoder.layer(serde_json::json!({"op": "argmax", "symbols": 257}));
    let mut description = serde_json::json!({
        "levels": levels, "codes_per_chunk": per_chunk, "chunk_size": size,
        "network": {"encoder": encoder.saved.layers, "decoder": decoder.saved.layers},
    });
    let mut tensors = encoder.saved.tensors;
    tensors.extend(decoder.saved.tensors);
    if size.is_multiple_of(per_chunk) && seed % 4 < 2 {
        description["search"] = "nearest".into();
        let shape = vec![levels.iter().product::<u32>() as usize, size / per_chunk];
        let numbers = encoder.chance.numbers(shape.iter().product(), 97, 98);
        tensors.insert("search.strings".to_owned(), Tensor { shape, numbers, dtype: "U8" });
    }
    (description.to_string(), file(&tensors))
}

/// What a network gives for one input, by the words of the format.
pub fn by_the_words(saved: &Saved, prefix: &str, input: &[i64]) -> Vec<i64> {
    let mut rows: Vec<Vec<i64>> = vec![input.to_vec()];
    let mut outputs: Vec<Vec<Vec<i64>>> = Vec::new();
    for (index, layer) in saved.layers.iter().enumerate() {
        let field = |name: &str| layer[name].as_u64().unwrap_or(0) as usize;
        let numbers = |name: &str| saved.tensors[&format!("{prefix}.{index}.{name}")].numbers.clone();
        let scaled = |sums: Vec<i64>, others: Option<(Vec<i64>, &Vec<i64>)>| -> Vec<i64> {
            let (multiplier, shift) = (numbers("multiplier"), numbers("shift")[0]);
            sums.iter()
                .enumerate()
                .map(|(output, sum)| {
                    let other = others.as_ref().map_or(0, |(by, others)| by[output] * others[output]);
                    ((sum * multiplier[output] + other + (1 << (shift - 1))) >> shift).clamp(0, 127)
                })
                .collect()
        };
        let products = |row: &Vec<i64>| -> Vec<i64> {
            let weights = numbers("weight");
            let sum = |(weights, bias): (&[i64], &i64)| {
                bias + weights.iter().zip(row).map(|(weight, input)| weight * input).sum::<i64>()
            };
            weights.chunks(row.len()).zip(&numbers("bias")).map(sum).collect()
        };
        rows = match layer["op"].as_str().unwrap() {
            "windows" => rows
                .iter()
                .flat_map(|row| {
                    (0..row.len()).step_by(field("stride")).map(|start| {
                        (0..field("size"))
                            .map(|offset| {
                                let place = (start + offset).checked_sub(field("before"));
                                place.and_then(|place| row.get(place)).copied().unwrap_or(field("pad") as i64)
                            })
                            .collect()
                    })
                })
                .collect(),
            "embed" => {
                let (table, width, symbols) = (numbers("table"), field("width"), field("symbols"));
                let sums = |row: &Vec<i64>| {
                    let mut sums = numbers("bias");
                    for (position, symbol) in row.iter().enumerate() {
                        for (place, sum) in sums.iter_mut().enumerate() {
                            *sum += table[(position * symbols + *symbol as usize) * width + place];
                        }
                    }
                    sums
                };
                rows.iter().map(|row| scaled(sums(row), None)).collect()
            }
            "dense" => rows
                .iter()
                .enumerate()
                .map(|(place, row)| {
                    let add = layer.get("add").and_then(serde_json::Value::as_u64);
                    let add = add.map(|add| (numbers("add_multiplier"), &outputs[add as usize][place]));
                    scaled(products(row), add)
                })
                .collect(),
            "linear" => rows.iter().map(products).collect(),
            "rows" => {
                let all: Vec<i64> = rows.concat();
                all.chunks(rows[0].len() / field("count")).map(<[i64]>::to_vec).collect()
            }
            "join" => rows.chunks(field("count")).map(<[Vec<i64>]>::concat).collect(),
            "digits" => {
                let levels: Vec<usize> = levels(layer);
                let digits = |row: &Vec<i64>| {
                    let mut rest = &numbers("thresholds")[..];
                    let mut digits = Vec::new();
                    for (sum, level) in row.iter().zip(&levels) {
                        let (own, others) = rest.split_at(level - 1);
                        digits.push(own.iter().filter(|threshold| *threshold <= sum).count() as i64);
                        rest = others;
                    }
                    digits
                };
                rows.iter().map(digits).collect()
            }
            "codes" => {
                let code = |row: &Vec<i64>| {
                    let digits = row.iter().zip(levels(layer)).rev();
                    vec![digits.fold(0, |code, (digit, level)| code * level as i64 + digit)]
                };
                rows.iter().map(code).collect()
            }
            "argmax" => {
                let place = |sums: &[i64]| {
                    let most = sums.iter().max().unwrap();
                    sums.iter().position(|sum| sum == most).unwrap() as i64
                };
                rows.iter().map(|row| row.chunks(field("symbols")).map(place).collect()).collect()
            }
            other => panic!("{other}"),
        };
        outputs.push(rows.clone());
    }
    rows.concat()
}

fn levels(layer: &serde_json::Value) -> Vec<usize> {
    layer["levels"].as_array().unwrap().iter().map(|level| level.as_u64().unwrap() as usize).collect()
}

/// A network at random, from eight symbols below nine to whatever.
pub fn networks() -> impl Strategy<Value = Saved> {
    let width = || 1usize..70;
    let ends = 0..5;
    (any::<u64>(), width(), width(), 1usize..6, ends, any::<bool>()).prop_map(
        |(seed, one, two, dimensions, end, windows)| {
            let mut maker = Maker::new("net", seed);
            let positions = if windows {
                maker.layer(
                    serde_json::json!({"op": "windows", "size": 5, "stride": 2, "before": 1, "pad": 9}),
                );
                5
            } else {
                maker.layer(serde_json::json!({"op": "rows", "count": 2}));
                4
            };
            let outputs = match end {
                3 | 4 => dimensions * 7,
                _ => dimensions,
            };
            maker.embed(positions, 10, one);
            let embed = maker.saved.layers.len() - 1;
            maker.dense(one, two, None);
            maker.dense(two, one, Some(embed));
            maker.layer(serde_json::json!({"op": "join", "count": 2}));
            maker.layer(serde_json::json!({"op": "rows", "count": 2}));
            let levels: Vec<u32> =
                (0..dimensions as u32).map(|index| 2 + (seed as u32 + index) % 7).collect();
            if end > 0 {
                maker.linear(one, outputs);
            }
            match end {
                1 => {
                    maker.digits(&levels);
                }
                2 => {
                    maker.digits(&levels);
                    maker.layer(serde_json::json!({"op": "codes", "levels": levels}));
                }
                3 => {
                    maker.layer(serde_json::json!({"op": "argmax", "symbols": 7}));
                }
                _ => {}
            }
            maker.saved
        },
    )
}
