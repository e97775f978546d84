//! Where tokens lie, for Python.

use std::ops::Range;

/// Spans of bytes as spans of code points: a token inside a character has the characters it touches.
pub(crate) fn characters(text: &[u8], spans: &[Range<usize>]) -> Vec<(usize, usize)> {
    let begins = |byte: &u8| byte & 0xC0 != 0x80;
    // How many characters begin in the first `seen` bytes.
    let (mut seen, mut begun) = (0, 0);
    let mut characters_before = |end: usize| {
        begun += text[seen..end].iter().filter(|byte| begins(byte)).count();
        seen = end;
        begun
    };
    let mut found = Vec::with_capacity(spans.len());
    for span in spans {
        let before = characters_before(span.start);
        let inside = text.get(span.start).is_some_and(|byte| !begins(byte));
        let end = characters_before(span.end);
        found.push((before - usize::from(inside), end));
    }
    found
}
