//! What holds for every scanner, whatever its pattern: bytes that are no UTF-8, texts that go on, places to cut, and
//! time in proportion to the text.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod pretokenize_support;

use pretokenize_support::{ends, nasty_bytes, pretokens, scanners};
use proptest::prelude::*;
use tokloom::pretokenize::ENDS_AT_ONCE;
use tokloom::{Pattern, Pretokenizer};

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// The certain pretokens' ends, and how many bytes they are.
fn certain_ends(pretokenizer: &Pretokenizer, bytes: &[u8]) -> (Vec<usize>, usize) {
    let mut ends = Vec::new();
    let mut end = 0;
    let done = pretokenizer
        .split_prefix(bytes, |pretoken| {
            end += pretoken.len();
            ends.push(end);
        })
        .unwrap();
    assert_eq!(done, end);
    (ends, done)
}

#[test]
fn any_bytes_are_split_by_runs() {
    let scanners = scanners();
    proptest!(cases(5_000), |(bytes in prop_oneof![nasty_bytes(), proptest::collection::vec(any::<u8>(), 0..40)])| {
        for (name, scanner) in &scanners {
            // The rule in the words of the standard library: neighbouring invalid chunks are one run.
            let mut expected = Vec::new();
            let mut offset = 0;
            let mut in_invalid = false;
            for chunk in bytes.utf8_chunks() {
                if !chunk.valid().is_empty() {
                    in_invalid = false;
                    expected.extend(ends(scanner, chunk.valid().as_bytes()).into_iter().map(|end| offset + end));
                }
                offset += chunk.valid().len() + chunk.invalid().len();
                if !chunk.invalid().is_empty() {
                    if in_invalid {
                        expected.pop();
                    }
                    in_invalid = true;
                    expected.push(offset);
                }
            }
            prop_assert_eq!(ends(scanner, &bytes), expected, "{}", name);
        }
    });
}

#[test]
fn blocks_have_the_same_pretokens() {
    let scanners = scanners();
    let many = (0..1_000u32).prop_flat_map(|times| (nasty_bytes(), Just(times)));
    proptest!(cases(500), |((bytes, times) in many)| {
        let bytes = bytes.repeat(times as usize);
        for (name, scanner) in &scanners {
            let (mut found, mut start) = (Vec::new(), 0);
            scanner
                .split_blocks(&bytes, |block, ends| {
                    assert!((1..=ENDS_AT_ONCE).contains(&ends.len()));
                    assert_eq!(block, &bytes[start..start + block.len()]);
                    assert_eq!(ends[ends.len() - 1] as usize, block.len());
                    found.extend(ends.iter().map(|end| start + *end as usize));
                    start += block.len();
                })
                .unwrap();
            prop_assert_eq!(found, ends(scanner, &bytes), "{}", name);
        }
    });
}

#[test]
fn nothing_that_follows_changes_a_certain_pretoken() {
    let scanners = scanners();
    proptest!(cases(5_000), |(bytes in nasty_bytes(), more in nasty_bytes(), at in any::<proptest::sample::Index>())| {
        let whole = [bytes.as_slice(), &more].concat();
        let beginning = &whole[..at.index(whole.len() + 1)];
        for (name, scanner) in &scanners {
            let (certain, done) = certain_ends(scanner, beginning);
            let rest = ends(scanner, &whole[done..]).into_iter().map(|end| done + end);
            let joined: Vec<usize> = certain.into_iter().chain(rest).collect();
            prop_assert_eq!(joined, ends(scanner, &whole), "{} after {:?}", name, beginning);
        }
    });
}

/// A text that is certain nowhere would never be streamed: what is left is about one pretoken.
#[test]
fn most_of_an_ordinary_text_is_certain() {
    for (name, scanner) in scanners() {
        let text = "The quick brown fox jumps over 12345 lazy dogs; it's\n\n    \"fun\", isn't it? 漢字 и так далее ";
        let (certain, done) = certain_ends(&scanner, text.as_bytes());
        assert!(text.len() - done <= 20, "{name} keeps {:?}", &text[done..]);
        assert!(certain.len() > 15, "{name}");
    }
}

#[test]
fn a_cut_text_splits_as_the_whole() {
    let scanners = scanners();
    proptest!(cases(5_000), |(bytes in nasty_bytes(), more in nasty_bytes(), at in any::<proptest::sample::Index>())| {
        let whole = [bytes.as_slice(), &more].concat();
        let block = &whole[..at.index(whole.len() + 1)];
        for (name, scanner) in &scanners {
            if let Some(place) = scanner.cut(block).unwrap() {
                prop_assert!(0 < place && place <= block.len());
                let left = ends(scanner, &whole[..place]);
                let right = ends(scanner, &whole[place..]).into_iter().map(|end| place + end);
                let joined: Vec<usize> = left.into_iter().chain(right).collect();
                prop_assert_eq!(joined, ends(scanner, &whole), "{} cut at {}", name, place);
            }
        }
    });
}

/// The claim behind `cut`, for every such place and not only the one that it takes.
#[test]
fn a_letter_before_white_space_ends_a_pretoken() {
    let scanners = scanners();
    let letter = fancy_regex::Regex::new(r"\p{L}(?=\s)").unwrap();
    proptest!(cases(5_000), |(before in nasty_bytes(), text in pretokenize_support::nasty_text(), after in nasty_bytes())| {
        for found in letter.find_iter(&text).map(Result::unwrap) {
            let whole = [&before, text.as_bytes(), &after].concat();
            let place = before.len() + found.end();
            for (name, scanner) in &scanners {
                let left = ends(scanner, &whole[..place]);
                let right = ends(scanner, &whole[place..]).into_iter().map(|end| place + end);
                let joined: Vec<usize> = left.into_iter().chain(right).collect();
                prop_assert_eq!(joined, ends(scanner, &whole), "{} cut at {}", name, place);
            }
        }
    });
}

#[test]
fn a_cut_is_near_the_end_and_exists_wherever_words_do() {
    for (name, scanner) in scanners() {
        let prose = "Call me Ishmael. ".repeat(1_000);
        let place = scanner.cut(prose.as_bytes()).unwrap().unwrap();
        assert!(prose.len() - place < 20, "{name} cuts prose at {place}");
        let chinese = "我能吞下玻璃而不傷身體。".repeat(1_000);
        let place = scanner.cut(chinese.as_bytes()).unwrap().unwrap();
        assert!(chinese.len() - place < 80, "{name} cuts Chinese at {place}");
        assert_eq!(scanner.cut(b"").unwrap(), None, "{name}");
        assert_eq!(scanner.cut(&b" ".repeat(1_000)).unwrap(), None, "{name}");
        assert_eq!(scanner.cut(b"word").unwrap(), None, "{name}");
    }
}

/// Quadratic time would make this test run for hours: half a million repetitions, each of which a pattern could look
/// through again and again.
#[test]
fn long_runs_take_time_in_proportion() {
    let parts = [
        " ", "\n", "\t", " \n", "\n ", "\r\n\t", "a", "A", "aA", "Aa", "ʰA", "Aʰ", "\u{301}", "\u{301}A",
        "A\u{301}", "'", "'s", "'l", "!", "/", "!\n", "\n/", "1", "\0", "\0a", "漢", "ア・", "\u{3040}",
        "\u{A0}", "😀", "ſ", "'ſ", "\u{E000}", "\u{85} ",
    ];
    for (name, scanner) in scanners() {
        for part in parts {
            for (before, after) in [("", ""), ("\n", "x"), (" A", "A!"), ("\u{301}", "'")] {
                let text = format!("{before}{}{after}", part.repeat(500_000));
                let whole = ends(&scanner, text.as_bytes());
                let (certain, _) = certain_ends(&scanner, text.as_bytes());
                assert!(whole.starts_with(&certain), "{name} on many {part:?}");
                assert!(whole.len() - certain.len() <= 3, "{name} on many {part:?}");
            }
        }
        let invalid = b"\xff\xe2\x82".repeat(500_000);
        assert_eq!(ends(&scanner, &invalid), [invalid.len()]);
        assert_eq!(ends(&scanner, &b"a\xff".repeat(500_000)).len(), 1_000_000);
    }
}

#[test]
fn known_examples() {
    let split = |name: &str, text: &str| {
        pretokens(&Pretokenizer::new(&Pattern::named(name).unwrap()).unwrap(), text.as_bytes())
    };
    assert_eq!(split("gpt2", "I'LL 1234  x\n"), ["I", "'", "LL", " 1234", " ", " x", "\n"]);
    assert_eq!(split("gpt4", "I'LL 1234  x\n \n "), ["I", "'LL", " ", "123", "4", " ", " x", "\n \n "]);
    assert_eq!(split("llama3", "x\n \n "), ["x", "\n \n", " "]);
    assert_eq!(split("nanochat", "12345"), ["12", "34", "5"]);
    assert_eq!(split("qwen2", "123"), ["1", "2", "3"]);
    assert_eq!(split("o200k", "HTTPServer's camelCase\n/"), ["HTTPServer's", " camel", "Case", "\n", "/"]);
    assert_eq!(
        split("deepseek-v3", ".com1234漢字テスト・x\0\0y"),
        [".com", "123", "4", "漢字テスト", "・", "x", "\0", "\0y"]
    );
}

#[test]
fn a_pretokenizer_is_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Pretokenizer>();
}
