//! DeepSeek-V3: three splits, each of the pieces that the one before left.
//!
//! ```text
//! \p{N}{1,3}
//! [一-龥぀-ゟ゠-ヿ]+
//! [!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+
//!     | ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
//! ```
//!
//! The first two depend on each character alone. So one pass does: numbers, and for the third split a view of the
//! text that ends where a number begins, or where ideographs begin or end.

use super::Scanner;
use super::cl100k::{number, white_space};
use crate::pretokenize::classes::deepseek::{IDEOGRAPH, LETTER, OTHER, SYMBOL};
use crate::pretokenize::classes::{END, MARK, NEWLINE, NUMBER, SPACE};
use crate::pretokenize::text::{Characters, Horizon, Text};

pub(super) struct DeepSeek;

impl Scanner for DeepSeek {
    #[inline(always)]
    fn end<H: Horizon>(text: &Text<'_, H>, start: usize) -> usize {
        let (class, width) = text.class(start);
        if class & NUMBER != 0 {
            return number(text, start + width, 2);
        }
        let piece = Piece { text, ideographs: class & IDEOGRAPH };
        third_split(text, &piece, start)
    }
}

/// A piece as the second split leaves it: the text up to a number, or to where ideographs begin or end.
struct Piece<'a, 'b, H> {
    text: &'a Text<'b, H>,
    ideographs: u8,
}

impl<H: Horizon> Characters for Piece<'_, '_, H> {
    #[inline(always)]
    fn class(&self, place: usize) -> (u8, usize) {
        let (class, width) = self.text.class(place);
        if class & NUMBER != 0 || class & IDEOGRAPH != self.ideographs {
            return (END, 0);
        }
        (class & !IDEOGRAPH, width)
    }
}

#[inline(always)]
fn third_split<H: Horizon>(text: &Text<'_, H>, piece: &Piece<'_, '_, H>, start: usize) -> usize {
    let (class, width) = piece.class(start);
    let second = start + width;
    if class & (LETTER | MARK) != 0 {
        // A mark may also be the prefix of the letters behind it; that ends at the same place.
        return piece.skip(second, LETTER | MARK);
    }
    if class & SYMBOL != 0 {
        let ascii = width == 1;
        if ascii && text.byte(second).is_some_and(|byte| byte.is_ascii_alphabetic()) {
            return skip_ascii_letters(text, second);
        }
        return piece.skip(piece.skip(second, SYMBOL), NEWLINE);
    }
    let (next, _) = piece.class(second);
    if class & NEWLINE == 0 && next & (LETTER | MARK) != 0 {
        return piece.skip(second, LETTER | MARK);
    }
    if class & SPACE == 0 {
        return rest(piece, second);
    }
    if text.byte(start) == Some(b' ') && next & SYMBOL != 0 {
        return piece.skip(piece.skip(second, SYMBOL), NEWLINE);
    }
    white_space::<false>(piece, start)
}

#[inline(always)]
fn skip_ascii_letters<H: Horizon>(text: &Text<'_, H>, mut place: usize) -> usize {
    while text.byte(place).is_some_and(|byte| byte.is_ascii_alphabetic()) {
        place += 1;
    }
    place
}

/// What no alternative matches stays whole: characters of no class, up to one that is the prefix of a word.
#[inline(always)]
fn rest(piece: &impl Characters, mut place: usize) -> usize {
    loop {
        let (class, width) = piece.class(place);
        if class & OTHER == 0 || piece.class(place + width).0 & (LETTER | MARK) != 0 {
            return place;
        }
        place += width;
    }
}
