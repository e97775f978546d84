//! `'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s`
//! and its descendants, which count digits differently and have no `\s++$`.

use super::Scanner;
use super::contraction;
use crate::pretokenize::classes::cased::{LETTER, SYMBOL};
use crate::pretokenize::classes::{NEWLINE, NUMBER};
use crate::pretokenize::text::{Characters, Horizon, Text, WhiteSpace};

/// `DIGITS`: the longest number. `LAST_WHOLE`: white space that ends the text is one pretoken, newlines or not.
pub(super) struct Cl100k<const DIGITS: usize, const LAST_WHOLE: bool>;

impl<const DIGITS: usize, const LAST_WHOLE: bool> Scanner for Cl100k<DIGITS, LAST_WHOLE> {
    #[inline(always)]
    fn end<H: Horizon>(text: &Text<'_, H>, start: usize) -> usize {
        let (class, width) = text.class(start);
        let second = start + width;
        if class & LETTER != 0 {
            return text.skip(second, LETTER);
        }
        if class & NUMBER != 0 {
            return number(text, second, DIGITS - 1);
        }
        let first = text.byte(start);
        if first == Some(b'\'')
            && let Some(end) = contraction::any_case(|place| text.byte(place), start)
        {
            return end;
        }
        let (next, next_width) = text.class(second);
        if class & NEWLINE == 0 && next & LETTER != 0 {
            return text.skip(second + next_width, LETTER);
        }
        if class & SYMBOL != 0 || (first == Some(b' ') && next & SYMBOL != 0) {
            return text.skip(text.skip(second, SYMBOL), NEWLINE);
        }
        white_space::<LAST_WHOLE>(text, start)
    }
}

/// The place after at most `more` numbers.
#[inline(always)]
pub(super) fn number(text: &impl Characters, mut place: usize, more: usize) -> usize {
    for _ in 0..more {
        let (class, width) = text.class(place);
        if class & NUMBER == 0 {
            break;
        }
        place += width;
    }
    place
}

/// `\s*[\r\n]+|\s+(?!\S)|\s+`, with `\s++$` before it where `LAST_WHOLE`. `\s*` takes every newline but the last of
/// the stretch, so that `[\r\n]` and `[\r\n]+` end at the same place.
#[inline(always)]
pub(super) fn white_space<const LAST_WHOLE: bool>(text: &impl Characters, start: usize) -> usize {
    let found = WhiteSpace::at(text, start);
    match found.after_newline {
        Some(end) if !(LAST_WHOLE && found.is_last) => end,
        _ => found.without_last(start),
    }
}
