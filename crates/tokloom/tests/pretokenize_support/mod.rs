//! What the tests of the pretokenizer share.

#![allow(dead_code, reason = "not every test needs all of it")]

use proptest::prelude::*;
use tokloom::{Pattern, Pretokenizer};

/// The places where `pretokenizer` ends its pretokens in `bytes`.
pub fn ends(pretokenizer: &Pretokenizer, bytes: &[u8]) -> Vec<usize> {
    let mut ends = Vec::new();
    let mut end = 0;
    pretokenizer
        .split(bytes, |pretoken| {
            assert!(!pretoken.is_empty());
            assert_eq!(pretoken, &bytes[end..end + pretoken.len()]);
            end += pretoken.len();
            ends.push(end);
        })
        .unwrap();
    assert_eq!(end, bytes.len(), "pretokens cover the text");
    ends
}

/// The pretokens of `text`, to be read.
pub fn pretokens(pretokenizer: &Pretokenizer, bytes: &[u8]) -> Vec<String> {
    let mut start = 0;
    let show = |end: usize| {
        let pretoken = String::from_utf8_lossy(&bytes[start..end]).into_owned();
        start = end;
        pretoken
    };
    ends(pretokenizer, bytes).into_iter().map(show).collect()
}

/// The scanner of every named pattern.
pub fn scanners() -> Vec<(&'static str, Pretokenizer)> {
    let scanner = |name: &'static str| (name, Pretokenizer::new(&Pattern::named(name).unwrap()).unwrap());
    Pattern::names().into_iter().map(scanner).collect()
}

/// Pieces of text at which the patterns' alternatives meet.
pub const NASTY: &[&str] = &[
    "a",
    "b",
    "s",
    "S",
    "t",
    "T",
    "d",
    "m",
    "l",
    "L",
    "v",
    "V",
    "r",
    "e",
    "E",
    "x",
    "Z",
    "'",
    "'",
    "'",
    "’",
    "'s",
    "'S",
    "'ll",
    "'LL",
    "'lL",
    "'ve",
    "'Ve",
    "'rE",
    "'re",
    "'d",
    "'M",
    "'t",
    "'ſ",
    "ſ",
    "\u{212A}",
    "İ",
    "ı",
    "ß",
    "ǅ",
    "ʰ",
    "ª",
    "ー",
    "א",
    "ا",
    "漢",
    "一",
    "龥",
    "ア",
    "・",
    "゛",
    "\u{3040}",
    "が",
    "か\u{3099}",
    "\u{301}",
    "\u{301}",
    "\u{488}",
    "\u{903}",
    "\u{200D}",
    "1",
    "2",
    "7",
    "٣",
    "४",
    "½",
    "Ⅷ",
    "²",
    "〇",
    "𝟘",
    " ",
    " ",
    " ",
    "  ",
    "\t",
    "\n",
    "\n",
    "\r",
    "\r\n",
    "\u{B}",
    "\u{A0}",
    "\u{85}",
    "\u{2028}",
    "\u{2029}",
    "\u{3000}",
    "\u{200B}",
    "!",
    ".",
    ",",
    "/",
    "//",
    "-",
    "_",
    "$",
    "+",
    "|",
    "«",
    "😀",
    "👩\u{200D}🚀",
    "\0",
    "\u{7F}",
    "\u{AD}",
    "\u{E000}",
    "\u{D7FF}",
    "\u{FFFD}",
    "\u{10FFFF}",
    "\u{378}",
    "\u{323B0}",
    "\u{105C0}",
    "𐐀",
    "𐐨",
    "Ａ",
    "ａ",
    "hello",
    "World",
    "iPhone",
    "HTTP",
    "don't",
    "DON'T",
    "3.14",
    "a\u{301}B",
];

/// Texts made of such pieces, or of anything.
pub fn nasty_text() -> impl Strategy<Value = String> {
    let pieces =
        proptest::collection::vec(proptest::sample::select(NASTY), 0..24).prop_map(|pieces| pieces.concat());
    let repeated =
        (proptest::sample::select(NASTY), 0..6usize).prop_map(|(piece, times)| piece.repeat(times));
    let runs = proptest::collection::vec(repeated, 0..6).prop_map(|pieces| pieces.concat());
    prop_oneof![4 => pieces, 2 => runs, 1 => any::<String>()]
}

/// The same with bytes that are no UTF-8 among them.
pub fn nasty_bytes() -> impl Strategy<Value = Vec<u8>> {
    const BROKEN: &[&[u8]] = &[
        b"",
        b"",
        b"",
        b"\xff",
        b"\xe2\x82",
        b"\xf0\x9f\x98",
        b"\xc3",
        b"\x80",
        b"\xed\xa0\x80",
        b"\xc0\xaf",
    ];
    let part = (nasty_text(), proptest::sample::select(BROKEN))
        .prop_map(|(text, broken)| [text.as_bytes(), broken].concat());
    proptest::collection::vec(part, 0..4).prop_map(|parts| parts.concat())
}
