//! o200k: words end where lower case is followed by upper case, and keep their contraction.
//!
//! ```text
//! [^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?
//! [^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?
//! \p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+
//! ```

use super::Scanner;
use super::cl100k::{number, white_space};
use super::contraction;
use crate::pretokenize::classes::cased::{LETTER, LOWER, SYMBOL, UNCASED, UPPER};
use crate::pretokenize::classes::{MARK, NEWLINE, NUMBER};
use crate::pretokenize::text::{Characters, Horizon, Text};

/// What may stand in the first half of a word.
const FRONT: u8 = UPPER | UNCASED | MARK;
/// What may stand in its second half.
const BACK: u8 = LOWER | UNCASED | MARK;

pub(super) struct O200k;

impl Scanner for O200k {
    #[inline(always)]
    fn end<H: Horizon>(text: &Text<'_, H>, start: usize) -> usize {
        let (class, width) = text.class(start);
        let second = start + width;
        if class & LETTER != 0 {
            // A letter begins a word of one of the two kinds, so there is an end.
            let end = word(text, start).unwrap_or(second);
            return with_contraction(text, end);
        }
        if class & NUMBER != 0 {
            return number(text, second, 2);
        }
        if class & NEWLINE == 0
            && let Some(end) = word_after_prefix(text, second, class)
        {
            return with_contraction(text, end);
        }
        if class & SYMBOL != 0 {
            return symbols(text, second);
        }
        if text.byte(start) == Some(b' ') && text.class(second).0 & SYMBOL != 0 {
            return symbols(text, second);
        }
        white_space::<false>(text, start)
    }
}

/// Where the word at `start` ends, by the first kind or else by the second; `None` if there is no letter or mark.
///
/// The first kind takes all of `FRONT` and then needs one of `BACK`. Where none follows, it gives back as much as it
/// must: it ends after the last character that is of both. If there is none, all are upper case: the second kind.
#[inline(always)]
fn word(text: &impl Characters, start: usize) -> Option<usize> {
    let mut place = start;
    let mut after_both = None;
    loop {
        let (class, width) = text.class(place);
        if class & LOWER != 0 {
            return Some(text.skip(place + width, BACK));
        }
        if class & FRONT == 0 {
            break;
        }
        place += width;
        if class & BACK != 0 {
            after_both = Some(place);
        }
    }
    after_both.or((place > start).then_some(place))
}

/// The word behind a prefix of one character, which ends at `second`.
///
/// A mark may be the prefix, or the whole word. The first kind is tried without the prefix before the second kind is
/// tried with it: a mark before upper case alone is a word by itself.
#[inline(always)]
fn word_after_prefix(text: &impl Characters, second: usize, prefix: u8) -> Option<usize> {
    let end = word(text, second);
    if prefix & MARK == 0 {
        return end;
    }
    let Some(end) = end else { return Some(second) };
    // Only upper case follows exactly when no character up to the end is of `BACK`.
    let upper_end = text.skip(second, UPPER);
    Some(if upper_end == end { second } else { end })
}

#[inline(always)]
fn with_contraction<H: Horizon>(text: &Text<'_, H>, end: usize) -> usize {
    match text.byte(end) {
        Some(b'\'') => contraction::any_case(|place| text.byte(place), end).unwrap_or(end),
        _ => end,
    }
}

/// `[^\s\p{L}\p{N}]*[\r\n/]*`. The slash is a symbol itself: it matters behind a newline.
#[inline(always)]
fn symbols<H: Horizon>(text: &Text<'_, H>, place: usize) -> usize {
    let mut place = text.skip(place, SYMBOL);
    while matches!(text.byte(place), Some(b'\r' | b'\n' | b'/')) {
        place += 1;
    }
    place
}
