//! Other codes for what the decoder gets wrong: of the strings that the codes stand for, the nearest.
//!
//! For each code of a chunk in order: where the decoder doesn't give the chunk's part, the code is looked for whose
//! string has the most places in common with it (of equals the lowest; a place behind the end is 255). If these are more places than the decoder has
//! right, the chunk is decoded with it in place of the old one, and it stays if fewer of the chunk's symbols are wrong.

use super::{Chunks, END, Room};
use crate::error::{Error, Result};
use crate::network::Tensors;

/// Codes that may be looked through, and bytes of a string: a number of places is a byte.
const MOST_CODES: u32 = 1 << 20;
const LONGEST: usize = 255;
/// How a string has a place behind the end; of all bytes, text has this one most rarely.
const BEHIND: u8 = u8::MAX;
/// Agreements that are looked through at once for the first that is the best.
const BLOCK: usize = 256;

/// What each code stands for, by place: all first bytes, then all second ones.
pub(super) struct Strings {
    length: usize,
    codes: usize,
    columns: Vec<u8>,
}

impl Strings {
    /// The tensor `search.strings`, a row for each code.
    ///
    /// # Errors
    /// [`Error::Format`] if it is missing, too large, or codes don't share a chunk's bytes evenly.
    pub(super) fn read(
        tensors: &Tensors<'_>,
        codes: u32,
        size: usize,
        codes_per_chunk: usize,
    ) -> Result<Self> {
        let length = size / codes_per_chunk;
        if codes > MOST_CODES || length == 0 || length > LONGEST || length * codes_per_chunk != size {
            return Err(Error::Format(format!(
                "{}: there is no search among {codes} codes, {codes_per_chunk} for {size} bytes: at most {MOST_CODES} may \
                 be, each for as many bytes, up to {LONGEST}",
                tensors.origin()
            )));
        }
        let codes = codes as usize;
        let rows = tensors.u8("search.strings", &[codes, length])?;
        let columns = (0..length).flat_map(|place| rows.iter().skip(place).step_by(length)).copied();
        Ok(Self { length, codes, columns: columns.collect() })
    }

    /// The code whose string agrees with the part in the most places, the lowest of equals, and in how many.
    fn nearest(&self, part: &[u32], agreements: &mut Vec<u8>) -> (u32, u8) {
        agreements.clear();
        agreements.resize(self.codes, 0);
        for (column, symbol) in self.columns.chunks_exact(self.codes).zip(part) {
            let byte = u8::try_from(*symbol).unwrap_or(BEHIND);
            for (agreement, other) in agreements.iter_mut().zip(column) {
                *agreement += u8::from(*other == byte);
            }
        }
        let most = agreements.iter().copied().max().unwrap_or(0);
        // A slice is looked through faster than its bytes one by one.
        let block = agreements.chunks(BLOCK).position(|block| block.contains(&most)).unwrap_or(0) * BLOCK;
        let within = agreements.iter().skip(block).position(|agreement| *agreement == most);
        ((block + within.unwrap_or(0)) as u32, most)
    }
}

/// How many of a chunk's symbols would be patched: what comes after its end doesn't matter.
fn wrong(symbols: &[u32], guess: &[u32]) -> usize {
    let end = symbols.iter().position(|symbol| *symbol == END).map_or(symbols.len(), |end| end + 1);
    symbols.iter().zip(guess).take(end).filter(|(symbol, guess)| symbol != guess).count()
}

impl Chunks {
    /// The codes of the chunks in `room.symbols`, and what the decoder gives for them.
    pub(super) fn codes_and_guesses(&self, room: &mut Room) {
        let Room { encoder, decoder, symbols, inputs, codes, guesses, .. } = &mut *room;
        self.codes_of(symbols, encoder, codes);
        guesses.clear();
        guesses.extend_from_slice(self.symbols_of(codes, decoder, inputs));
        if let Some(strings) = &self.search {
            for place in 0..self.codes_per_chunk {
                self.look_for_better(strings, place, room);
            }
        }
    }

    /// For one code of every chunk.
    fn look_for_better(&self, strings: &Strings, place: usize, room: &mut Room) {
        let Room { decoder, symbols, inputs, codes, guesses, agreements, tried, chunks_tried, .. } = room;
        tried.clear();
        chunks_tried.clear();
        let (size, per_chunk) = (self.size, self.codes_per_chunk);
        let part = place * strings.length..(place + 1) * strings.length;
        for (chunk, codes) in codes.chunks_exact(per_chunk).enumerate() {
            let wanted = &symbols[chunk * size..][part.clone()];
            let given = &guesses[chunk * size..][part.clone()];
            let right = wanted.iter().zip(given).filter(|(wanted, given)| wanted == given).count();
            if right == strings.length {
                continue;
            }
            let (code, agreement) = strings.nearest(wanted, agreements);
            if usize::from(agreement) > right {
                chunks_tried.push(chunk);
                tried.extend_from_slice(codes);
                let replaced = tried.len() - per_chunk + place;
                tried[replaced] = code;
            }
        }
        let others = self.symbols_of(tried, decoder, inputs).chunks_exact(size);
        for ((chunk, other), new) in chunks_tried.iter().zip(others).zip(tried.chunks_exact(per_chunk)) {
            let wanted = &symbols[chunk * size..][..size];
            let given = &mut guesses[chunk * size..][..size];
            if wrong(wanted, other) < wrong(wanted, given) {
                given.copy_from_slice(other);
                codes[chunk * per_chunk..][..per_chunk].copy_from_slice(new);
            }
        }
    }
}
