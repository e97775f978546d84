//! ids → bytes, whatever the ids.

use super::{Chunks, END, Kind, Room};
use crate::error::{Error, Result};
use crate::network::Scratch;

/// Chunks that are decoded together.
const TOGETHER: usize = 64;

/// What is to be written, in order.
enum Item {
    Byte(u8),
    /// The next chunk of the codes, with the patches from here to there.
    Chunk(std::ops::Range<usize>),
}

impl Chunks {
    /// Appends the bytes that the ids stand for. Codes in a row are chunks, and the patches after one are its own;
    /// codes that are missing are code 0. A patch after no chunk is its own symbol.
    pub(super) fn decode_ids(&self, ids: &[u32], text: &mut Vec<u8>) {
        self.with_room(|room| {
            let mut items = Vec::new();
            let mut place = 0;
            while place < ids.len() {
                items.clear();
                room.codes.clear();
                while place < ids.len() && room.codes.len() < TOGETHER * self.codes_per_chunk {
                    self.next_item(ids, &mut place, &mut room.codes, &mut items);
                }
                let Room { decoder, inputs, codes, .. } = room;
                let symbols = self.symbols_of(codes, decoder, inputs);
                self.write(ids, &items, symbols, text);
            }
        });
    }

    fn next_item(&self, ids: &[u32], place: &mut usize, codes: &mut Vec<u32>, items: &mut Vec<Item>) {
        let kind = self.kind(ids[*place]);
        let Some(Kind::Code(first)) = kind else {
            *place += 1;
            match kind {
                Some(Kind::Byte(byte)) => items.push(Item::Byte(byte)),
                Some(Kind::Patch { symbol, .. }) => items.extend(u8::try_from(symbol).map(Item::Byte)),
                Some(Kind::Code(_)) | None => {}
            }
            return;
        };
        let end = codes.len() + self.codes_per_chunk;
        codes.push(first);
        *place += 1;
        while codes.len() < end
            && let Some(Kind::Code(code)) = ids.get(*place).and_then(|id| self.kind(*id))
        {
            codes.push(code);
            *place += 1;
        }
        codes.resize(end, 0);
        let patches = *place;
        while let Some(Kind::Patch { .. }) = ids.get(*place).and_then(|id| self.kind(*id)) {
            *place += 1;
        }
        items.push(Item::Chunk(patches..*place));
    }

    fn write(&self, ids: &[u32], items: &[Item], symbols: &[u32], text: &mut Vec<u8>) {
        let mut chunks = symbols.chunks_exact(self.size);
        let mut chunk = Vec::with_capacity(self.size);
        for item in items {
            match item {
                Item::Byte(byte) => text.push(*byte),
                Item::Chunk(patches) => {
                    chunk.clear();
                    chunk.extend_from_slice(chunks.next().unwrap_or_default());
                    for id in &ids[patches.clone()] {
                        if let Some(Kind::Patch { position, symbol }) = self.kind(*id)
                            && let Some(place) = chunk.get_mut(position)
                        {
                            *place = symbol;
                        }
                    }
                    text.extend(chunk.iter().map_while(|symbol| u8::try_from(*symbol).ok()));
                }
            }
        }
    }

    /// The codes that the encoder has for chunks of symbols.
    pub(super) fn codes_of(&self, symbols: &[u32], scratch: &mut Scratch, codes: &mut Vec<u32>) {
        codes.clear();
        let count = symbols.len() / self.size * self.codes_per_chunk;
        // Symbols are bytes and the end, chunks are whole: the encoder takes them.
        let found = self.encoder.symbols(symbols, scratch).unwrap_or_default();
        if found.len() == count {
            codes.extend_from_slice(found);
            return;
        }
        codes.extend(found.chunks_exact(self.levels.len()).map(|digits| {
            let digits = digits.iter().zip(&self.levels).rev();
            digits.fold(0, |code, (digit, level)| code * level + digit)
        }));
        debug_assert_eq!(codes.len(), count);
    }

    /// The symbols that the decoder has for codes.
    pub(super) fn symbols_of<'s>(
        &self,
        codes: &[u32],
        scratch: &'s mut Scratch,
        inputs: &mut Vec<u32>,
    ) -> &'s [u32] {
        inputs.clear();
        if self.decoder.input().width == self.codes_per_chunk && self.levels.len() > 1 {
            inputs.extend_from_slice(codes);
        } else {
            for code in codes {
                let mut rest = *code;
                inputs.extend(self.levels.iter().map(|level| {
                    let digit = rest % level;
                    rest /= level;
                    digit
                }));
            }
        }
        // Codes are below their number, so digits are below their levels: the decoder takes them.
        self.decoder.symbols(inputs, scratch).unwrap_or_default()
    }

    /// The codes of whole chunks of symbols, one after another, as encoding has them before anything is patched: the
    /// encoder's or, with a search, what was found.
    ///
    /// # Errors
    /// [`Error::Argument`] if there are no whole chunks, or a symbol is above 256.
    pub fn raw_encode(&self, symbols: &[u32]) -> Result<Vec<u32>> {
        if !symbols.len().is_multiple_of(self.size) || symbols.iter().any(|symbol| *symbol > END) {
            return Err(Error::Argument(format!(
                "chunks have {} symbols from 0 to {END} each; {} were given",
                self.size,
                symbols.len()
            )));
        }
        let mut found = Vec::with_capacity(symbols.len() / self.size * self.codes_per_chunk);
        self.with_room(|room| {
            for some in symbols.chunks(TOGETHER * self.size) {
                if self.search.is_some() {
                    room.symbols.clear();
                    room.symbols.extend_from_slice(some);
                    self.codes_and_guesses(room);
                } else {
                    self.codes_of(some, &mut room.encoder, &mut room.codes);
                }
                found.extend_from_slice(&room.codes);
            }
        });
        Ok(found)
    }

    /// The symbols that the decoder gives for chunks of codes.
    ///
    /// # Errors
    /// [`Error::Argument`] if there are no whole chunks, or there is no such code.
    pub fn raw_decode(&self, codes: &[u32]) -> Result<Vec<u32>> {
        if !codes.len().is_multiple_of(self.codes_per_chunk) || codes.iter().any(|code| *code >= self.codes) {
            return Err(Error::Argument(format!(
                "chunks have {} codes below {} each; {} were given",
                self.codes_per_chunk,
                self.codes,
                codes.len()
            )));
        }
        let mut found = Vec::with_capacity(codes.len() / self.codes_per_chunk * self.size);
        self.with_room(|room| {
            for some in codes.chunks(TOGETHER * self.codes_per_chunk) {
                found.extend_from_slice(self.symbols_of(some, &mut room.decoder, &mut room.inputs));
            }
        });
        Ok(found)
    }
}
