//! Counting with the real pretokens: blocks, threads and memory change nothing.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::io::Cursor;
use std::sync::Arc;

use proptest::prelude::*;
use tokloom::count::{Counter, PretokenCounts};
use tokloom::read::{Compression, Documents, Format};
use tokloom::{Pattern, Pretokenizer};

fn never(_: u64) -> tokloom::Result<()> {
    Ok(())
}

/// What a map says that is filled by one split of each document.
fn expected(pattern: &Pattern, documents: &[Vec<u8>]) -> PretokenCounts {
    let pretokenizer = Pretokenizer::new(pattern).unwrap();
    let mut counts: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
    for document in documents {
        pretokenizer.split(document, |pretoken| *counts.entry(pretoken.to_vec()).or_default() += 1).unwrap();
    }
    PretokenCounts::from_entries(pattern.clone(), counts, documents.len() as u64).unwrap()
}

fn count_file(
    pattern: &Pattern,
    text: &[u8],
    block: usize,
    threads: usize,
    memory: Option<u64>,
) -> PretokenCounts {
    let pretokenizer = Arc::new(Pretokenizer::new(pattern).unwrap());
    let cutter = Arc::clone(&pretokenizer);
    let format = Format::Text(Some(Box::new(move |bytes: &[u8]| cutter.cut(bytes))));
    let reader = Cursor::new(text.to_vec());
    let mut file = Documents::from_reader("a file", reader, format, Compression::None).unwrap();
    let directory = std::env::temp_dir();
    let mut counter =
        Counter::with_temporary_directory(pattern, pretokenizer, threads, memory, directory).unwrap();
    while let Some(batch) = file.next_batch(block).unwrap() {
        counter.add_batch(batch, &mut never).unwrap();
    }
    counter.finish(&mut never).unwrap()
}

fn patterns() -> Vec<Pattern> {
    let mut patterns: Vec<Pattern> =
        Pattern::names().iter().map(|name| Pattern::named(name).unwrap()).collect();
    // One without a scanner, which can't be cut, and which leaves gaps.
    patterns.push(Pattern::regex(r"\p{L}+|\d{1,2}"));
    patterns
}

/// What patterns look at: spaces, ends of lines, digits, contractions, cases, broken UTF-8.
fn text() -> impl Strategy<Value = Vec<u8>> {
    let parts =
        ["word", " ", "  ", "\n", "\r\n", "\t", "1", "12345", "'s", "'LL", "Ab", "é", "汉", "\u{3000}", "!"];
    let part = prop_oneof![
        8 => proptest::sample::select(parts.to_vec()).prop_map(|part| part.as_bytes().to_vec()),
        1 => any::<char>().prop_map(|character| character.to_string().into_bytes()),
        1 => any::<u8>().prop_map(|byte| vec![byte]),
    ];
    proptest::collection::vec(part, 0..150).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_text_file_in_blocks_is_one_document(text in text(), block in 1usize..300, threads in 1usize..3,
                                             memory in prop_oneof![Just(None), Just(Some(1000u64))]) {
        for pattern in patterns() {
            let counts = count_file(&pattern, &text, block, threads, memory);
            prop_assert_eq!(counts.total_bytes(), text.len() as u64, "nothing is dropped");
            prop_assert_eq!(counts, expected(&pattern, std::slice::from_ref(&text)));
        }
    }
}

/// Source text that every machine with this test has, long enough for several pieces and batches.
fn long_text() -> Vec<u8> {
    let source = [include_bytes!("count_documents.rs").as_slice(), include_bytes!("read_text.rs")].concat();
    source.repeat(4_000_000 / source.len())
}

#[test]
fn a_long_document_is_counted_as_one() {
    let text = long_text();
    for name in ["gpt2", "gpt4", "o200k"] {
        let pattern = Pattern::named(name).unwrap();
        let counts = expected(&pattern, std::slice::from_ref(&text));
        for (threads, memory) in [(1, None), (2, None), (5, Some(20_000))] {
            assert_eq!(count_file(&pattern, &text, 1 << 20, threads, memory), counts, "in blocks, {name}");
            let mut counter = Counter::new(&pattern, threads, memory).unwrap();
            counter.add_document(&text, &mut never).unwrap();
            assert_eq!(counter.finish(&mut never).unwrap(), counts, "in one call, {name}");
        }
    }
}

#[test]
fn a_pattern_that_fails_fails_the_count() {
    // So much backtracking that the regex library gives up.
    let pattern = Pattern::regex(r"(a|b|ab)*(?=c)\1d|[ab]");
    for threads in [1, 2] {
        let mut counter = Counter::new(&pattern, threads, None).unwrap();
        let result = counter.add_document(&b"ab".repeat(40), &mut never);
        let result = result.and_then(|()| counter.finish(&mut never).map(drop));
        assert!(matches!(result, Err(tokloom::Error::Pattern(_))), "{result:?}");
    }
}

#[test]
fn a_named_pattern_survives_its_file() {
    for pattern in patterns() {
        let counts = expected(&pattern, &[b"some words, and 12345".to_vec()]);
        let mut file = Vec::new();
        counts.write(&mut file).unwrap();
        let back = PretokenCounts::read(file.as_slice(), "a file").unwrap();
        assert_eq!(back.pattern().name(), pattern.name());
        assert_eq!(back, counts);
    }
}

/// Bindings hold these between calls from any thread.
#[test]
fn readers_and_counters_go_from_thread_to_thread() {
    fn moves<T: Send>() {}
    fn is_shared<T: Send + Sync>() {}
    moves::<Documents>();
    moves::<Counter>();
    is_shared::<PretokenCounts>();
}
