//! Where a text that goes on may be cut in two.
//!
//! **Between a letter and white space.** In no named pattern does a pretoken have white space behind a letter, so one
//! ends there. And no decision before that place changes if the text ends there instead: a run of letters, the two
//! halves of a word of o200k, and a contraction end at white space just as they do at the end of a text; only a run
//! of white space looks whether the text ends behind it, and the character before the place is a letter.
//!
//! **After a certain pretoken that doesn't end in white space**, by the same argument: only the alternatives for
//! white space ask for the end of a text. After one that does, cl100k could differ: of `"\n "` in `"\n  a"` it makes
//! two pretokens, of `"\n "` alone one.

use super::classes::SPACE;
use super::receiver::OneByOne;
use super::scanners::Scan;

/// See [`super::Pretokenizer::cut`].
pub(super) fn cut(scan: &Scan, bytes: &[u8]) -> Option<usize> {
    (bytes.len() / 2 + 1..bytes.len())
        .rev()
        .find(|&place| is_space_after_letter(scan, bytes, place))
        .or_else(|| last_certain_end(scan, bytes))
}

/// UTF-8 synchronises itself: a whole character is that character whatever bytes stand around it.
fn is_space_after_letter(scan: &Scan, bytes: &[u8], place: usize) -> bool {
    let is =
        |character: Option<char>, class: u8| character.is_some_and(|found| scan.class(found) & class != 0);
    is(first_character(bytes.get(place..).unwrap_or_default()), SPACE)
        && is(last_character(bytes.get(..place).unwrap_or_default()), scan.letter())
}

fn last_certain_end(scan: &Scan, bytes: &[u8]) -> Option<usize> {
    let mut end = 0;
    let mut found = None;
    let mut receiver = OneByOne(|pretoken: &[u8]| {
        end += pretoken.len();
        if last_character(pretoken).is_none_or(|character| scan.class(character) & SPACE == 0) {
            found = Some(end);
        }
    });
    scan.split_prefix(bytes, &mut receiver);
    found
}

fn first_character(bytes: &[u8]) -> Option<char> {
    let window = bytes.get(..bytes.len().min(4)).unwrap_or_default();
    window.utf8_chunks().next()?.valid().chars().next()
}

/// The character that `bytes` end with; `None` if they end in the middle of one, or are no UTF-8 there.
fn last_character(bytes: &[u8]) -> Option<char> {
    let window = bytes.get(bytes.len().saturating_sub(4)..).unwrap_or_default();
    let last = window.utf8_chunks().last()?;
    if last.invalid().is_empty() { last.valid().chars().next_back() } else { None }
}
