//! Patterns without a scanner: tiktoken's result, nothing dropped, and errors that say what to do.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod pretokenize_support;

use pretokenize_support::{ends, nasty_bytes, nasty_text, pretokens};
use proptest::prelude::*;
use tokloom::pretokenize::{Gaps, Split};
use tokloom::{Error, Pattern, Pretokenizer};

fn by_regex(pattern: &Pattern) -> Pretokenizer {
    let pretokenizer = Pretokenizer::by_regex(pattern).unwrap();
    assert!(!pretokenizer.is_linear());
    pretokenizer
}

fn message<T>(result: tokloom::Result<T>) -> String {
    match result {
        Err(Error::Pattern(message)) => message,
        Err(other) => panic!("another kind of error: {other}"),
        Ok(_) => panic!("no error"),
    }
}

fn fails(pattern: &Pattern, text: &str) -> String {
    message(Pretokenizer::new(pattern).unwrap().split(text.as_bytes(), |_| {}))
}

#[test]
fn what_a_regex_leaves_is_kept() {
    let text = "12ab漢é345".as_bytes();
    let split = |pattern: &Pattern| pretokens(&by_regex(pattern), text);
    assert_eq!(split(&Pattern::regex(r"\d+")), ["12", "a", "b", "漢", "é", "345"]);
    assert_eq!(split(&Pattern::sequence([r"\d+"])), ["12", "ab漢é", "345"]);
    assert_eq!(
        split(&Pattern::sequence([r"\d+", "[a-z]", r"\d"])),
        ["1", "2", "a", "b", "漢é", "3", "4", "5"]
    );
    let mixed = [(r"\d+", Gaps::Whole), ("[a-z]+", Gaps::Characters)];
    let mixed = mixed.map(|(regex, gaps)| Split { regex: regex.to_owned(), gaps });
    assert_eq!(
        split(&Pattern::from_splits(mixed.to_vec()).unwrap()),
        ["1", "2", "ab", "漢", "é", "3", "4", "5"]
    );
    assert_eq!(split(&Pattern::regex("x")), ["1", "2", "a", "b", "漢", "é", "3", "4", "5"]);
}

#[test]
fn a_look_behind_sees_its_own_piece_and_no_other() {
    let split = |pattern: &Pattern, text: &[u8]| pretokens(&by_regex(pattern), text);
    let look = r"(?<=a)b+|[^b]|b";
    assert_eq!(split(&Pattern::regex(look), b"abbbb"), ["a", "bbbb"]);
    assert_eq!(split(&Pattern::regex(look), b"a\xffbb"), ["a", "\u{FFFD}", "b", "b"]);
    assert_eq!(split(&Pattern::sequence(["a", look]), b"abb"), ["a", "b", "b"]);
}

#[test]
fn a_beginning_is_never_split_by_a_regex() {
    let pretokenizer = by_regex(&Pattern::regex(r"\w+"));
    assert_eq!(pretokenizer.split_prefix(b"many words here", |_| panic!("nothing is certain")).unwrap(), 0);
    assert_eq!(pretokenizer.cut(b"many words here").unwrap(), None);
}

#[test]
fn any_bytes_by_regex() {
    let patterns = [
        Pattern::regex(r"\w+|\s"),
        Pattern::sequence([r"\s+", r"\p{L}", "(?<=b)."]),
        Pattern::regex(r"(?x) a+ # comment"),
    ];
    let pretokenizers = patterns.map(|pattern| by_regex(&pattern));
    let config = ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(bytes in nasty_bytes())| {
        for pretokenizer in &pretokenizers {
            ends(pretokenizer, &bytes);
        }
    });
}

/// The text for tiktoken has a match for every character, and the matches are our pretokens.
#[test]
fn the_text_for_tiktoken_splits_alike() {
    let texts = [r"\w+", r"(?x) \d{1,3} # digits", r"(?i)the|a(?=n)", r"(?<!x)y+|zz", r"(a)\1|b", r"\Ga|b"];
    let patterns = texts.map(|text| {
        let pattern = Pattern::regex(text);
        (by_regex(&pattern), fancy_regex::Regex::new(&pattern.for_tiktoken().unwrap()).unwrap())
    });
    let config = ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(text in prop_oneof![nasty_text(), "[abxyzanthe 0-9]{0,30}"])| {
        for (pretokenizer, regex) in &patterns {
            let mut done = 0;
            let mut expected = Vec::new();
            for found in regex.find_iter(&text).map(Result::unwrap) {
                prop_assert_eq!(found.start(), done);
                done = found.end();
                expected.push(done);
            }
            prop_assert_eq!(done, text.len());
            prop_assert_eq!(ends(pretokenizer, text.as_bytes()), expected);
        }
    });
}

#[test]
fn a_pattern_that_does_not_compile_is_shown_with_its_position() {
    let error = message(Pretokenizer::new(&Pattern::regex("ab(c")));
    assert!(
        error.contains("`ab(c`") && error.contains("at byte") && error.contains("fancy-regex"),
        "{error}"
    );
    let error = message(Pretokenizer::new(&Pattern::sequence(["a", r"\p{Nonsense}"])));
    assert!(error.contains(r"`\p{Nonsense}`"), "{error}");
    for text in ["", "[", "a)", "a{2", "(?P<n>a", r"\", "(?<=a+*)b", "(?z)a"] {
        let pattern = Pattern::regex(text);
        if fancy_regex::Regex::new(text).is_err() || text.is_empty() {
            message(Pretokenizer::new(&pattern));
        }
    }
}

#[test]
fn a_pattern_that_matches_nothing_at_all_is_an_error_with_its_place() {
    let error = fails(&Pattern::regex("a*"), "aab");
    assert!(error.contains("`a*`") && error.contains("empty string at byte 2"), "{error}");
    assert!(error.contains("write `+`"), "{error}");
    let error = fails(&Pattern::sequence(["é", r"\b"]), "é a");
    assert!(error.contains("empty string at byte"), "{error}");
}

#[test]
fn a_pattern_that_explodes_is_an_error() {
    let error = fails(&Pattern::regex(r"(a|b|ab)*(?=c)\1d|[ab]"), &"ab".repeat(40));
    assert!(error.contains("1000000 steps back") && error.contains("possessive"), "{error}");
    let error = fails(&Pattern::regex(r"\s+(?!\S)|\S+"), &format!("{}x", " ".repeat(2_000_000)));
    assert!(error.contains("shorter documents"), "{error}");
}

#[test]
fn a_match_that_goes_back_is_an_error() {
    for text in [r"(?=ab\K)", r"(?=abc\K)a|b", r"(?<=a\Kb)c"] {
        if let Ok(pretokenizer) = Pretokenizer::new(&Pattern::regex(text)) {
            let mut covered = Vec::new();
            match pretokenizer.split(b"abcabc", |pretoken| covered.extend_from_slice(pretoken)) {
                Ok(()) => assert_eq!(covered, b"abcabc"),
                Err(error) => assert!(matches!(error, Error::Pattern(_)), "{error}"),
            }
        }
    }
}

#[test]
fn a_pattern_that_would_need_much_memory_is_an_error() {
    let error = message(Pretokenizer::new(&Pattern::regex(r"(?:\p{L}{1000}){1000}")));
    assert!(error.contains("doesn't compile"), "{error}");
    message(Pretokenizer::new(&Pattern::regex(&"(".repeat(60_000))));
    message(Pretokenizer::new(&Pattern::regex(&"a".repeat(1 << 20))));
}

#[test]
fn threads_share_a_regex() {
    let pretokenizer = by_regex(&Pattern::named("gpt4").unwrap());
    let text = "It's 1234 words,\n and more ".repeat(200);
    let expected = ends(&pretokenizer, text.as_bytes());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(ends(&pretokenizer, text.as_bytes()), expected));
        }
    });
}

#[test]
fn named_patterns_by_regex_split_as_their_scanners() {
    let both = Pattern::names().into_iter().map(|name| {
        let pattern = Pattern::named(name).unwrap();
        (name, Pretokenizer::new(&pattern).unwrap(), by_regex(&pattern))
    });
    let both: Vec<_> = both.collect();
    let config = ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(bytes in nasty_bytes())| {
        for (name, scanner, regex) in &both {
            prop_assert_eq!(ends(scanner, &bytes), ends(regex, &bytes), "{}", name);
        }
    });
}
