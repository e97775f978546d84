use super::Spans;
use crate::encode::Special;
use crate::learned::{Codec, LearnedStream, LearnedVocabulary};
use proptest::prelude::*;
use std::collections::HashSet;
use std::sync::Arc;

fn table(spans: &[&[u8]]) -> Spans {
    Spans::new(spans.iter().copied()).unwrap()
}

fn tokens(table: &Spans, text: &[u8]) -> Vec<Vec<u8>> {
    let mut ids = Vec::new();
    table.encode(text, &mut ids);
    ids.iter().map(|id| decoded(table, &[*id])).collect()
}

fn decoded(table: &Spans, ids: &[u32]) -> Vec<u8> {
    let mut text = Vec::new();
    table.decode(ids, &mut text);
    text
}

/// All ways to cut the text, the rule word by word: the fewest, then the longest at each place from the left.
fn by_force(spans: &[Vec<u8>], text: &[u8]) -> Vec<usize> {
    if text.is_empty() {
        return Vec::new();
    }
    let longest = text.len().min(16);
    let mut best: Option<Vec<usize>> = None;
    for length in (1..=longest).rev() {
        let (token, rest) = text.split_at(length);
        if length > 1 && !spans.iter().any(|span| span == token) {
            continue;
        }
        let mut way = vec![length];
        way.extend(by_force(spans, rest));
        if best.as_ref().is_none_or(|best| way.len() < best.len()) {
            best = Some(way);
        }
    }
    best.unwrap()
}

/// The rule by a table of how many tokens it takes to the end, for texts that are too long for all ways.
fn by_table(spans: &[Vec<u8>], text: &[u8]) -> Vec<usize> {
    let spans: HashSet<&[u8]> = spans.iter().map(|span| &span[..]).collect();
    let mut tokens = vec![0; text.len() + 1];
    let mut token = vec![1; text.len()];
    for start in (0..text.len()).rev() {
        tokens[start] = tokens[start + 1] + 1;
        for length in 2..=(text.len() - start).min(16) {
            let to_end = tokens[start + length] + 1;
            if to_end <= tokens[start] && spans.contains(&text[start..start + length]) {
                (tokens[start], token[start]) = (to_end, length);
            }
        }
    }
    let mut cut = Vec::new();
    let mut start = 0;
    while start < text.len() {
        cut.push(token[start]);
        start += token[start];
    }
    cut
}

#[test]
fn the_fewest_tokens_not_the_longest_first() {
    let table = table(&[b"abc", b"cdef", b"ab"]);
    assert_eq!(tokens(&table, b"abcdef"), [&b"ab"[..], b"cdef"]);
    assert_eq!(tokens(&table, b"abcxab"), [&b"abc"[..], b"x", b"ab"]);
    assert_eq!(tokens(&table, b""), Vec::<Vec<u8>>::new());
}

#[test]
fn of_equals_the_longest_at_each_place_from_the_left() {
    assert_eq!(tokens(&table(&[b"aa"]), b"aaa"), [&b"aa"[..], b"a"]);
    let table = table(&[b"ab", b"abc", b"cde", b"de"]);
    assert_eq!(tokens(&table, b"abcde"), [&b"abc"[..], b"de"]);
}

#[test]
fn spans_that_can_not_be() {
    for (spans, said) in [
        (vec![&b"a"[..]], "span 0 has 1 bytes"),
        (vec![b"ab", b""], "span 1 has 0 bytes"),
        (vec![b"abcdefghijklmnopq"], "has 17 bytes"),
        (vec![b"ab", b"bc", b"ab"], "span 2 (\"ab\") is there twice; it is span 0, too"),
    ] {
        let message = Spans::new(spans.into_iter()).err().unwrap().to_string();
        assert!(message.contains(said), "{message}");
    }
}

#[test]
fn a_long_text_without_a_place_to_settle() {
    let table = table(&[&[b'a'; 16], b"aa"]);
    for length in [0, 1, 15, 16, 17, 100_000, 100_003] {
        let text = vec![b'a'; length];
        let mut ids = Vec::new();
        table.encode(&text, &mut ids);
        let rest = length % 16;
        assert_eq!(ids.len(), length / 16 + rest / 2 + rest % 2);
        assert_eq!(table.count(&text), ids.len());
        assert_eq!(decoded(&table, &ids), text);
        assert_eq!(table.settled(&text), 0);
    }
}

#[test]
fn zeros_are_bytes_like_others() {
    let table = table(&[b"a\0", b"a\0\0", &[0; 16], b"\0\0"]);
    assert_eq!(tokens(&table, b"a\0"), [b"a\0"]);
    assert_eq!(tokens(&table, b"a\0\0x"), [&b"a\0\0"[..], b"x"]);
    assert_eq!(tokens(&table, &[0; 19]), [vec![0; 16], vec![0; 2], vec![0]]);
    assert!(table.has_token(b"a\0") && !table.has_token(b"a\0\0\0") && !table.has_token(b""));
}

/// Letters without order, of which none is rare, as long as is asked for.
fn letters(letters: &[u8], length: usize, mut seed: u64) -> Vec<u8> {
    let mut letter = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        letters[(seed >> 40) as usize % letters.len()]
    };
    (0..length).map(|_| letter()).collect()
}

/// Spans of all lengths that a text is full of.
fn spans_of(text: &[u8]) -> Vec<Vec<u8>> {
    let spans: HashSet<_> =
        (2..=16).flat_map(|length| text.chunks_exact(length).step_by(3)).map(<[u8]>::to_vec).collect();
    let mut spans: Vec<_> = spans.into_iter().collect();
    spans.sort();
    spans
}

#[test]
fn threads_and_streams_give_what_the_whole_gives() {
    for alphabet in [&b"ab"[..], b"abcdefghijklmnop", &(0..=255).collect::<Vec<u8>>()] {
        let text = letters(alphabet, 700_000, 3);
        let spans = spans_of(&text[..3_000]);
        let table = Spans::new(spans.iter().map(|span| &span[..])).unwrap();
        let vocabulary = Arc::new(LearnedVocabulary::new(Arc::new(table), &[]).unwrap());
        let ids = vocabulary.encode(&text, Special::Text, 1).unwrap();
        let lengths: Vec<usize> =
            vocabulary.spans(&text, Special::Text).unwrap().iter().map(std::ops::Range::len).collect();
        assert!(lengths == by_table(&spans, &text));
        assert_eq!(vocabulary.decode(&ids, false).unwrap(), text);
        assert!(vocabulary.encode(&text, Special::Text, 4).unwrap() == ids);
        assert_eq!(vocabulary.count_tokens(&text, Special::Text, 3).unwrap(), ids.len());
        for part in [7, 300, 50_001] {
            let mut stream = LearnedStream::new(vocabulary.clone(), Special::Text).unwrap();
            let mut streamed = Vec::new();
            text.chunks(part).for_each(|part| stream.feed(part, &mut streamed).unwrap());
            stream.finish(&mut streamed).unwrap();
            assert!(streamed == ids, "in parts of {part}");
        }
    }
}

fn spans() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let letters = |range| prop::collection::vec(prop::sample::select(b"abc".to_vec()), range);
    prop::collection::btree_set(letters(2..6), 0..12).prop_map(|spans| spans.into_iter().collect())
}

proptest! {
    #[test]
    fn any_text_is_cut_as_by_force(
        spans in spans(),
        text in prop::collection::vec(prop::sample::select(b"abcd".to_vec()), 0..14),
    ) {
        let table = Spans::new(spans.iter().map(|span| &span[..])).unwrap();
        let cut: Vec<usize> = tokens(&table, &text).iter().map(Vec::len).collect();
        prop_assert_eq!(cut, by_force(&spans, &text));
    }

    #[test]
    fn a_settled_part_is_settled_whatever_follows(
        spans in spans(),
        text in prop::collection::vec(prop::sample::select(b"abcd".to_vec()), 0..400),
        at in 0usize..400,
    ) {
        let table = Spans::new(spans.iter().map(|span| &span[..])).unwrap();
        let cut = table.settled(&text[..at.min(text.len())]);
        let (mut whole, mut parts) = (Vec::new(), Vec::new());
        table.encode(&text, &mut whole);
        table.encode(&text[..cut], &mut parts);
        table.encode(&text[cut..], &mut parts);
        prop_assert_eq!(&whole, &parts);
        prop_assert_eq!(table.count(&text), whole.len());
        prop_assert_eq!(table.lengths(text.len(), &whole).iter().sum::<usize>(), text.len());
        prop_assert_eq!(decoded(&table, &whole), text);
    }

    #[test]
    fn long_texts_are_cut_as_by_a_table(
        alphabet in 1usize..6,
        length in 0usize..40_000,
        from in 0usize..400,
        seed: u64,
    ) {
        let text = letters(&b"abcdef"[..alphabet], length, seed);
        // Few spans, so that some of their bytes are in none; or many.
        let spans = spans_of(&letters(&b"abcdef"[..alphabet], from, seed ^ 1));
        let table = Spans::new(spans.iter().map(|span| &span[..])).unwrap();
        let cut: Vec<usize> = tokens(&table, &text).iter().map(Vec::len).collect();
        prop_assert_eq!(cut, by_table(&spans, &text));
        prop_assert!(spans.iter().all(|span| table.has_token(span)));
    }
}
