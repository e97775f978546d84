//! Counts that are added, written and read.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use tokloom::count::PretokenCounts;
use tokloom::pretokenize::{Gaps, Split};
use tokloom::{Error, Pattern};

type Entries = Vec<(Vec<u8>, u64)>;

fn pattern() -> Pattern {
    Pattern::regex(r"\p{L}+|\s")
}

fn counts(entries: Entries, documents: u64) -> PretokenCounts {
    PretokenCounts::from_entries(pattern(), entries, documents).unwrap()
}

fn entries() -> impl Strategy<Value = Entries> {
    let pretoken =
        prop_oneof![proptest::collection::vec(0u8..3, 0..4), proptest::collection::vec(any::<u8>(), 0..40),];
    proptest::collection::vec((pretoken, 0u64..1000), 0..40)
}

fn written(counts: &PretokenCounts) -> Vec<u8> {
    let mut bytes = Vec::new();
    counts.write(&mut bytes).unwrap();
    bytes
}

fn read(bytes: &[u8]) -> tokloom::Result<PretokenCounts> {
    PretokenCounts::read(bytes, "a.counts")
}

proptest! {
    #[test]
    fn counts_are_a_map(entries in entries()) {
        let mut map: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
        for (pretoken, count) in entries.iter().filter(|(pretoken, count)| !pretoken.is_empty() && *count > 0) {
            *map.entry(pretoken.clone()).or_default() += count;
        }
        let counts = counts(entries, 3);
        let ascending: Entries = counts.iter().map(|(pretoken, count)| (pretoken.to_vec(), count)).collect();
        prop_assert_eq!(&ascending, &map.clone().into_iter().collect::<Entries>());
        prop_assert_eq!(counts.len(), map.len());
        prop_assert_eq!(counts.total_pretokens(), map.values().sum::<u64>());
        prop_assert_eq!(counts.total_bytes(), map.iter().map(|(pretoken, count)| pretoken.len() as u64 * count).sum::<u64>());

        let mut by_frequency = ascending;
        by_frequency.sort_by(|left, right| right.1.cmp(&left.1).then_with(|| left.0.cmp(&right.0)));
        let order = counts.by_frequency().into_iter().map(|index| counts.get(index).unwrap());
        prop_assert_eq!(order.map(|(pretoken, count)| (pretoken.to_vec(), count)).collect::<Entries>(), by_frequency);
        prop_assert!(counts.get(counts.len()).is_none());
    }

    #[test]
    fn adding_is_associative_and_commutative(a in entries(), b in entries(), c in entries()) {
        let all = counts([a.clone(), b.clone(), c.clone()].concat(), 6);
        let [a, b, c] = [(a, 1), (b, 2), (c, 3)].map(|(entries, documents)| counts(entries, documents));
        let left = a.clone().merged(b.clone()).unwrap().merged(c.clone()).unwrap();
        let right = a.clone().merged(b.clone().merged(c.clone()).unwrap()).unwrap();
        let back = c.merged(b).unwrap().merged(a).unwrap();
        prop_assert_eq!(written(&left), written(&all));
        prop_assert_eq!(written(&right), written(&all));
        prop_assert_eq!(&back, &all);
    }

    #[test]
    fn what_is_written_is_read(entries in entries(), documents in any::<u64>()) {
        let counts = counts(entries, documents);
        let bytes = written(&counts);
        let back = read(&bytes).unwrap();
        prop_assert_eq!(&back, &counts);
        prop_assert_eq!(written(&back), bytes);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), headed in any::<bool>()) {
        let mut file = if headed { b"tokloom pretoken counts, version 1\n".to_vec() } else { Vec::new() };
        file.extend(bytes);
        prop_assert!(read(&file).is_err());
    }
}

fn some_counts() -> PretokenCounts {
    counts(vec![(b"a".to_vec(), 5), (b"ab".to_vec(), 1), (vec![b'x'; 30], 7), (vec![0xff], 300)], 4)
}

#[test]
fn a_change_of_any_byte_is_refused() {
    let bytes = written(&some_counts());
    for place in 0..bytes.len() {
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[place] ^= 1 << bit;
            let error = read(&damaged).err().unwrap_or_else(|| panic!("byte {place}, bit {bit}"));
            assert!(
                matches!(&error, Error::Format(message) if message.starts_with("a.counts: ")),
                "{error:?}"
            );
        }
    }
}

#[test]
fn a_file_cut_short_or_with_more_behind_it_is_refused() {
    let mut bytes = written(&some_counts());
    for length in 0..bytes.len() {
        assert!(matches!(read(&bytes[..length]), Err(Error::Format(_))), "{length} bytes");
    }
    bytes.push(0);
    assert!(matches!(read(&bytes), Err(Error::Format(_))));
}

/// A header that promises what isn't there must not make us take memory for it.
#[test]
fn sizes_are_promises_not_facts() {
    let bytes = written(&some_counts());
    let entries = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(1).unwrap().0 + 1;
    let header = String::from_utf8(bytes[..entries].to_vec()).unwrap();
    let many = header.replace("\"entries\":4", "\"entries\":18446744073709551615");
    assert_ne!(header, many);
    let long = [&bytes[..entries], &u64::MAX.to_le_bytes(), &1u64.to_le_bytes(), b"a"].concat();
    for file in [[many.as_bytes(), &bytes[entries..]].concat(), long] {
        assert!(matches!(read(&file), Err(Error::Format(message)) if message.contains("damaged")));
    }
}

fn replaced(from: &str, to: &str) -> String {
    let bytes = written(&counts(Vec::new(), 0));
    let text = String::from_utf8_lossy(&bytes).replacen(from, to, 1);
    read(text.as_bytes()).unwrap_err().to_string()
}

#[test]
fn another_version_is_refused_and_the_error_says_what_to_do() {
    let format = replaced("version 1\n", "version 2\n");
    assert!(format.contains("version \"2\"") && format.contains("count again"), "{format}");
    let unicode = replaced("16.0.0", "17.0.0");
    assert!(unicode.contains("Unicode \"17.0.0\"") && unicode.contains("count again"), "{unicode}");
    let other = read(b"{\"model\": 5}\n").unwrap_err().to_string();
    assert!(other.contains("no file of pretoken counts"), "{other}");
}

#[test]
fn counts_of_two_patterns_are_not_added() {
    let split = |gaps| Split { regex: "a+".to_owned(), gaps };
    let patterns =
        [Gaps::Characters, Gaps::Whole].map(|gaps| Pattern::from_splits(vec![split(gaps)]).unwrap());
    let [one, other] = patterns.map(|pattern| {
        let counts = PretokenCounts::from_entries(pattern, [(b"aa", 1)], 1).unwrap();
        assert_eq!(read(&written(&counts)).unwrap(), counts, "the pattern is kept");
        counts
    });
    let error = one.merged(other).unwrap_err().to_string();
    assert!(error.contains("Characters") && error.contains("Whole") && error.contains("a+"), "{error}");
}

#[test]
fn sums_never_wrap() {
    let most = || counts(vec![(b"a".to_vec(), u64::MAX)], u64::MAX);
    let one = |pretoken: &[u8], documents| counts(vec![(pretoken.to_vec(), 1)], documents);
    for (left, right) in [(most(), one(b"a", 0)), (most(), one(b"b", 0)), (most(), counts(Vec::new(), 1))] {
        let error = left.merged(right).unwrap_err();
        assert!(matches!(&error, Error::Argument(message) if message.contains("2^64")), "{error:?}");
    }
    let twice = PretokenCounts::from_entries(pattern(), [(b"a", u64::MAX), (b"a", 1)], 0);
    assert!(twice.is_err());
    assert!(PretokenCounts::from_entries(pattern(), [(b"ab", u64::MAX)], 0).is_err());
    assert_eq!(most().merged(counts(Vec::new(), 0)).unwrap(), most());
}
