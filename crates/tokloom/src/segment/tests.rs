use super::Spans;
use crate::learned::Codec;
use proptest::prelude::*;

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
}
