//! A description and tensors → a codec, or what is wrong with them.

use super::search::Strings;
use super::{Chunks, SYMBOLS};
use crate::error::{Error, Result};
use crate::network::{Network, Shape, Tensors, Values, Way};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::sync::Mutex;

/// Codes there may be: a vocabulary has so many rows in a language model.
const MOST_CODES: u32 = 1 << 24;
const LARGEST_CHUNK: usize = 256;
const MOST_CODES_PER_CHUNK: usize = 256;
const LONGEST_DESCRIPTION: usize = 1 << 22;

#[derive(Deserialize)]
struct Described<'a> {
    levels: Vec<u32>,
    codes_per_chunk: usize,
    chunk_size: usize,
    search: Option<String>,
    #[serde(borrow)]
    network: Networks<'a>,
}

#[derive(Deserialize)]
struct Networks<'a> {
    #[serde(borrow)]
    encoder: &'a RawValue,
    #[serde(borrow)]
    decoder: &'a RawValue,
}

impl Chunks {
    /// The codec that `description` (JSON) tells of, with the networks' tensors.
    ///
    /// # Errors
    /// [`Error::Format`] if a number is out of range, a network isn't one, or the two don't fit together.
    pub fn read(description: &str, tensors: &Tensors<'_>) -> Result<Self> {
        let bad = |what: String| Error::Format(format!("{}: {what}", tensors.origin()));
        if description.len() > LONGEST_DESCRIPTION {
            return Err(bad(format!("the description has {} bytes", description.len())));
        }
        let described: Described<'_> = serde_json::from_str(description)
            .map_err(|error| bad(format!("the description is not what it should be ({error})")))?;
        let Described { levels, codes_per_chunk, chunk_size: size, search, network } = described;
        if size == 0 || size > LARGEST_CHUNK {
            return Err(bad(format!("chunk_size is {size}; it must be from 1 to {LARGEST_CHUNK}")));
        }
        if codes_per_chunk == 0 || codes_per_chunk > MOST_CODES_PER_CHUNK {
            let range = format!("it must be from 1 to {MOST_CODES_PER_CHUNK}");
            return Err(bad(format!("codes_per_chunk is {codes_per_chunk}; {range}")));
        }
        let codes = count_codes(&levels).map_err(&bad)?;
        let input = Shape::symbols(size, SYMBOLS);
        let encoder = Network::read(network.encoder.get(), tensors, "encoder", input, &[])?;
        check_encoder(&encoder, &levels, codes, codes_per_chunk).map_err(&bad)?;
        let decoder = network.decoder.get();
        let most = levels.iter().copied().max().unwrap_or(2);
        let digits = Shape::symbols(codes_per_chunk * levels.len(), most);
        // It takes either digits or codes; its first layers say which.
        let decoder = match Network::read(decoder, tensors, "decoder", digits, &levels) {
            Ok(decoder) => decoder,
            Err(error) => {
                let codes = Shape::symbols(codes_per_chunk, codes);
                Network::read(decoder, tensors, "decoder", codes, &[]).map_err(|_| error)?
            }
        };
        let output = decoder.output();
        if output.size() != size || !matches!(output.values, Values::Symbols(bound) if bound <= SYMBOLS) {
            return Err(bad(format!(
                "the decoder gives {} values for a chunk; it must give {size} symbols below {SYMBOLS}",
                output.size()
            )));
        }
        let search = match search.as_deref() {
            None => None,
            Some("nearest") => Some(Strings::read(tensors, codes, size, codes_per_chunk)?),
            Some(other) => {
                return Err(bad(format!("the search {other:?} isn't known; known is \"nearest\"")));
            }
        };
        let scratches = Mutex::default();
        Ok(Self { encoder, decoder, levels, codes, size, codes_per_chunk, search, scratches })
    }

    /// The same codec with other instructions; they change nothing but the time it takes.
    ///
    /// # Errors
    /// [`Error::Argument`] if this machine doesn't have them.
    pub fn with_way(mut self, way: Way) -> Result<Self> {
        self.encoder = self.encoder.with_way(way)?;
        self.decoder = self.decoder.with_way(way)?;
        Ok(self)
    }
}

fn count_codes(levels: &[u32]) -> std::result::Result<u32, String> {
    if let Some(level) = levels.iter().find(|level| **level < 2) {
        return Err(format!("a level is {level}; it must be 2 or more, or its digit says nothing"));
    }
    let product = levels.iter().try_fold(1u32, |product, level| product.checked_mul(*level));
    match product.filter(|product| !levels.is_empty() && *product <= MOST_CODES) {
        Some(product) => Ok(product),
        None => Err(format!("levels are {levels:?}; their product must be from 2 to {MOST_CODES}")),
    }
}

/// That the encoder gives a chunk's codes, or their digits.
fn check_encoder(
    encoder: &Network,
    levels: &[u32],
    codes: u32,
    codes_per_chunk: usize,
) -> std::result::Result<(), String> {
    let bounds = encoder.bounds();
    let are_codes = bounds.len() == codes_per_chunk && bounds.iter().all(|bound| *bound <= codes);
    let are_digits = bounds.len() == codes_per_chunk * levels.len()
        && bounds.iter().zip(levels.iter().cycle()).all(|(bound, level)| bound <= level);
    if are_codes || are_digits {
        return Ok(());
    }
    Err(format!(
        "the encoder gives {} values for a chunk; it must give {codes_per_chunk} codes below {codes}, or their digits, \
         each below its level of {levels:?}",
        encoder.output().size()
    ))
}
