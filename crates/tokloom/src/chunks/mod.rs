//! Text in chunks of some bytes, each a few codes of a network, and what the network gets wrong put right.
//!
//! ids: the 256 bytes; the codes; the patches, (position, symbol), where symbol 256 means that the chunk ends before
//! that position; special tokens follow. A chunk is its codes and then its patches in order of position or, where that
//! isn't more, its bytes. What the decoder gives for the codes is looked at before it is used, so that every text comes
//! back whatever the network has learned.

mod decode;
mod encode;
mod read;
mod search;

use crate::learned::Codec;
use crate::network::{Network, Scratch};
use search::Strings;
use std::sync::Mutex;

/// The symbol that stands for no byte: the chunk has ended.
const END: u32 = 256;
/// Symbols there are: bytes and [`END`].
const SYMBOLS: u32 = 257;

/// How text becomes codes and codes text.
pub struct Chunks {
    encoder: Network,
    decoder: Network,
    levels: Vec<u32>,
    /// How many codes there are: the product of the levels.
    codes: u32,
    /// Bytes of a chunk.
    size: usize,
    codes_per_chunk: usize,
    /// What codes stand for, if encoding looks for better ones than the encoder's.
    search: Option<Strings>,
    scratches: Mutex<Vec<Room>>,
}

/// What one thread needs.
#[derive(Default)]
struct Room {
    encoder: Scratch,
    decoder: Scratch,
    symbols: Vec<u32>,
    inputs: Vec<u32>,
    codes: Vec<u32>,
    /// What the decoder gives for the codes.
    guesses: Vec<u32>,
    /// Of the search: how far each code's string agrees; codes that are tried, and of which chunks.
    agreements: Vec<u8>,
    tried: Vec<u32>,
    chunks_tried: Vec<usize>,
}

/// What an id is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Byte(u8),
    Code(u32),
    Patch { position: usize, symbol: u32 },
}

impl Chunks {
    /// The levels of the dimensions of a code.
    pub fn levels(&self) -> &[u32] {
        &self.levels
    }

    /// Bytes of a chunk.
    pub fn chunk_size(&self) -> usize {
        self.size
    }

    /// How many codes a chunk has.
    pub fn codes_per_chunk(&self) -> usize {
        self.codes_per_chunk
    }

    /// How many weights the two networks have.
    pub fn weights(&self) -> usize {
        self.encoder.weights() + self.decoder.weights()
    }

    fn first_code(&self) -> u32 {
        256
    }

    fn first_patch(&self) -> u32 {
        256 + self.codes
    }

    fn kind(&self, id: u32) -> Option<Kind> {
        if let Ok(byte) = u8::try_from(id) {
            return Some(Kind::Byte(byte));
        }
        let code = id - self.first_code();
        if code < self.codes {
            return Some(Kind::Code(code));
        }
        let patch = id - self.first_patch();
        let position = (patch / SYMBOLS) as usize;
        (position < self.size).then_some(Kind::Patch { position, symbol: patch % SYMBOLS })
    }

    fn patch(&self, position: usize, symbol: u32) -> u32 {
        self.first_patch() + position as u32 * SYMBOLS + symbol
    }

    /// Runs `work` with room of its own. Never waits: a lock that is held only means new room.
    fn with_room<R>(&self, work: impl FnOnce(&mut Room) -> R) -> R {
        let waiting = self.scratches.try_lock().ok().and_then(|mut waiting| waiting.pop());
        let mut room = waiting.unwrap_or_default();
        let result = work(&mut room);
        if let Ok(mut waiting) = self.scratches.try_lock()
            && waiting.len() < 64
        {
            waiting.push(room);
        }
        result
    }
}

impl Codec for Chunks {
    fn size(&self) -> u32 {
        self.first_patch() + self.size as u32 * SYMBOLS
    }

    fn job_bytes(&self) -> usize {
        1 << 13
    }

    fn encode(&self, text: &[u8], ids: &mut Vec<u32>) {
        self.encode_text(text, ids);
    }

    fn count(&self, text: &[u8]) -> usize {
        let mut ids = Vec::new();
        // A part at a time: chunks don't depend on each other.
        let part = self.size * 512;
        text.chunks(part)
            .map(|text| {
                ids.clear();
                self.encode_text(text, &mut ids);
                ids.len()
            })
            .sum()
    }

    fn settled(&self, text: &[u8]) -> usize {
        text.len() / self.size * self.size
    }

    fn lengths(&self, length: usize, ids: &[u32]) -> Vec<usize> {
        self.lengths_of(length, ids)
    }

    fn decode(&self, ids: &[u32], text: &mut Vec<u8>) {
        self.decode_ids(ids, text);
    }

    fn has_token(&self, bytes: &[u8]) -> bool {
        bytes.len() == 1
    }
}
