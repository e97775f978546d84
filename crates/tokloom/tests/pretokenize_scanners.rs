//! Each hand-written scanner splits as the regular expression of its pattern, run as tiktoken runs it. (That its faster
//! ways come to the same is proved by `pretokenize_ways.rs`.)

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod pretokenize_support;

use fancy_regex::Regex;
use pretokenize_support::{ends, nasty_text, pretokens};
use proptest::prelude::*;
use tokloom::pretokenize::Way;
use tokloom::{Pattern, Pretokenizer};

/// The pattern's own text by the library itself, for one expression: nothing may be left between matches.
struct Oracle {
    stages: Vec<Regex>,
}

impl Oracle {
    fn new(pattern: &Pattern) -> Self {
        Self { stages: pattern.splits().iter().map(|split| Regex::new(&split.regex).unwrap()).collect() }
    }

    fn ends(&self, text: &str) -> Vec<usize> {
        let mut pieces = vec![(0, text.len())];
        for regex in &self.stages {
            let mut finer = Vec::new();
            for (start, end) in pieces {
                let mut done = start;
                for found in regex.find_iter(&text[start..end]).map(Result::unwrap) {
                    self.leave(done, start + found.start(), &mut finer);
                    finer.push((start + found.start(), start + found.end()));
                    done = start + found.end();
                }
                self.leave(done, end, &mut finer);
            }
            pieces = finer;
        }
        pieces.into_iter().map(|(_, end)| end).collect()
    }

    fn leave(&self, start: usize, end: usize, pieces: &mut Vec<(usize, usize)>) {
        if start < end {
            assert!(self.stages.len() > 1, "the pattern leaves something at byte {start}");
            pieces.push((start, end));
        }
    }
}

type Claim = (String, Pretokenizer, Oracle);

/// Each pattern that a scanner claims to run, with that scanner.
fn claims() -> Vec<Claim> {
    let former = r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+";
    let original = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
    let named = Pattern::names().into_iter().map(|name| (name.to_owned(), Pattern::named(name).unwrap()));
    let others = [("cl100k's former text", former), ("gpt2's original text", original)];
    let others = others.into_iter().map(|(name, text)| (name.to_owned(), Pattern::regex(text)));
    let claim = |(name, pattern): (String, Pattern)| {
        let scanner = Pretokenizer::by_way(&pattern, Way::Scalar).unwrap();
        assert!(scanner.is_linear(), "{name} has a scanner");
        (name, scanner, Oracle::new(&pattern))
    };
    named.chain(others).map(claim).collect()
}

fn assert_same(name: &str, scanner: &Pretokenizer, oracle: &Oracle, text: &str) {
    let found = ends(scanner, text.as_bytes());
    if found != oracle.ends(text) {
        panic!(
            "{name} on {text:?}: {:?}, expected ends {:?}",
            pretokens(scanner, text.as_bytes()),
            oracle.ends(text)
        );
    }
}

/// Where a code point is tried, besides the beginning and the end of a text; `@` stands for it.
const CONTEXTS: &[&str] =
    &["a@a", " @ x", "A@A", "1@1", "!@!", "'@x", "a's@", "\n@b", "  @@\n", "\u{301}@A", " !@\r\n"];
const MORE_CONTEXTS: &[&str] = &[
    " @a",
    "b@",
    "  @ x",
    "'l@x",
    "x'l@x",
    "ʰ@Z",
    "漢@漢",
    "ア@@ア",
    "\0@\0",
    "@'s",
    "Zz@/@\n/",
    "\t@",
    "🎉@",
    "'r@x",
    "'@e",
    "'@lx",
    "'R@'v",
    "\u{A0}@",
    "\r@\r",
    "12@34",
    "aA@",
    "Aa@",
    "Ǆ@",
    "\u{301}@",
    "\u{301}@'s",
    " \u{301}@",
];

fn assert_same_in(name: &str, claims: &[Claim], contexts: &[&str], characters: impl Iterator<Item = char>) {
    let (name, scanner, oracle) = claims.iter().find(|claim| claim.0 == name).unwrap();
    let contexts: Vec<Vec<&str>> = contexts.iter().map(|context| context.split('@').collect()).collect();
    for character in characters {
        let mut buffer = [0; 4];
        let character = &*character.encode_utf8(&mut buffer);
        let mut text = character.to_owned();
        for parts in &contexts {
            text.push_str(&parts.join(character));
            // So that the next context begins with a pretoken.
            text.push('\n');
        }
        text.push_str(character);
        assert_same(name, scanner, oracle, &text);
    }
}

/// The first and last code point of every range of a class that a pattern names, their neighbours, and all below
/// U+3400: every class, and every character that a case-insensitive letter may match.
fn telling_characters() -> Vec<char> {
    let classes = ["L", "Lu", "Ll", "Lt", "Lm", "Lo", "M", "N", "P", "S", "Z", "C", "Cn"]
        .map(|name| format!(r"\p{{{name}}}"));
    let mut telling: Vec<u32> = (0..0x3400).collect();
    for class in classes.iter().map(String::as_str).chain([r"\s", "[一-龥぀-ゟ゠-ヿ]"]) {
        let parsed = regex_syntax::parse(class).unwrap();
        let regex_syntax::hir::HirKind::Class(regex_syntax::hir::Class::Unicode(ranges)) = parsed.kind()
        else {
            panic!("{class} is a class");
        };
        for range in ranges.iter() {
            let (first, last) = (range.start() as u32, range.end() as u32);
            telling.extend([first.saturating_sub(1), first, last, last + 1]);
        }
    }
    telling.sort_unstable();
    telling.dedup();
    telling.into_iter().filter_map(char::from_u32).collect()
}

#[test]
fn characters_at_the_edges_of_classes_in_many_contexts() {
    let claims = claims();
    let telling = telling_characters();
    let contexts = [CONTEXTS, MORE_CONTEXTS].concat();
    for (name, ..) in &claims {
        assert_same_in(name, &claims, &contexts, telling.iter().copied());
    }
}

/// The siblings of gpt4 share its code and its classes: the edges above are enough for them.
#[test]
fn every_code_point_gpt2_and_gpt4() {
    let claims = claims();
    assert_same_in("gpt2", &claims, CONTEXTS, '\0'..=char::MAX);
    assert_same_in("gpt4", &claims, CONTEXTS, '\0'..=char::MAX);
}

#[test]
fn every_code_point_o200k_and_deepseek_v3() {
    let claims = claims();
    assert_same_in("o200k", &claims, CONTEXTS, '\0'..=char::MAX);
    assert_same_in("deepseek-v3", &claims, CONTEXTS, '\0'..=char::MAX);
}

#[test]
fn any_text() {
    let claims = claims();
    let config = ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(text in nasty_text())| {
        for (name, scanner, oracle) in &claims {
            assert_same(name, scanner, oracle, &text);
        }
    });
}

/// Every text of up to four characters over an alphabet with one of each kind.
#[test]
fn every_short_text() {
    let claims = claims();
    let alphabet = ["a", "A", "s", "'", "ʰ", "\u{301}", "1", " ", "\n", "\t", "!", "\0", "ア"];
    let mut texts = vec![String::new()];
    for _ in 0..4 {
        texts = texts
            .iter()
            .flat_map(|text| alphabet.iter().map(move |character| format!("{text}{character}")))
            .collect();
        for text in &texts {
            for (name, scanner, oracle) in &claims {
                assert_same(name, scanner, oracle, text);
            }
        }
    }
}
