//! Vocabularies as a whole: training against the rule written plainly, encoding in parts, pruning, continuing.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use tokloom::encode::{Special, StreamEncoder};
use tokloom::train::{self, Options};
use tokloom::{AddedToken, Error, Merges, Parts, Pattern, Vocabulary};

fn pattern() -> Pattern {
    Pattern::named("gpt4").unwrap()
}

fn trained(words: &BTreeMap<Vec<u8>, u64>, vocab_size: usize) -> Vocabulary {
    let counts = words.iter().map(|(word, &count)| (&word[..], count));
    train::train(&pattern(), counts, &Options::new(vocab_size), &mut |_, _| Ok(())).unwrap()
}

/// The rule, one merge at a time: the most frequent pair, of equals the smaller (left id, right id).
fn trained_plainly(words: &BTreeMap<Vec<u8>, u64>, merges: usize, longest: usize) -> Vec<Vec<u8>> {
    let mut tokens: Vec<Vec<u8>> = (0..=255).map(|byte| vec![byte]).collect();
    let mut texts: Vec<(Vec<u32>, u64)> =
        words.iter().map(|(word, &count)| (word.iter().map(|&byte| byte.into()).collect(), count)).collect();
    while tokens.len() < 256 + merges {
        let mut counts: HashMap<(u32, u32), u64> = HashMap::new();
        for (ids, count) in &texts {
            for pair in ids.windows(2) {
                *counts.entry((pair[0], pair[1])).or_default() += count;
            }
        }
        let length = |pair: &(u32, u32)| tokens[pair.0 as usize].len() + tokens[pair.1 as usize].len();
        let allowed = counts.iter().filter(|(pair, count)| **count > 0 && length(pair) <= longest);
        let Some((&(left, right), _)) =
            allowed.min_by_key(|(pair, count)| (std::cmp::Reverse(**count), **pair))
        else {
            break;
        };
        let id = tokens.len() as u32;
        tokens.push([&tokens[left as usize][..], &tokens[right as usize]].concat());
        for (ids, _) in &mut texts {
            let mut merged = Vec::with_capacity(ids.len());
            let mut at = 0;
            while at < ids.len() {
                let here = ids[at] == left && ids.get(at + 1) == Some(&right);
                merged.push(if here { id } else { ids[at] });
                at += if here { 2 } else { 1 };
            }
            *ids = merged;
        }
    }
    tokens
}

fn words() -> impl Strategy<Value = BTreeMap<Vec<u8>, u64>> {
    let letters = prop_oneof![5 => Just(b'a'), 3 => Just(b'b'), 1 => Just(b'c')];
    prop::collection::btree_map(prop::collection::vec(letters, 0..24), 0u64..20, 0..30)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn training_follows_the_rule(words in words(), merges in 0usize..60, longest in 1usize..12) {
        let counts = words.iter().map(|(word, &count)| (&word[..], count));
        let options = Options { max_token_length: Some(longest), ..Options::new(256 + merges) };
        let fast = train::train(&pattern(), counts, &options, &mut |_, _| Ok(())).unwrap();
        let tokens: Vec<Vec<u8>> = fast.ordinary_tokens().map(|(_, bytes)| bytes.to_vec()).collect();
        prop_assert_eq!(&tokens, &trained_plainly(&words, merges, longest));
        prop_assert_eq!(tokens.iter().collect::<BTreeSet<_>>().len(), tokens.len(), "no token twice");
    }

    #[test]
    fn going_on_equals_having_gone_on(words in words(), first in 0usize..20, second in 1usize..20) {
        let small = trained(&words, 256 + first);
        let wanted = small.size() as usize + second;
        let counts = words.iter().map(|(word, &count)| (&word[..], count));
        let large = train::train_more(&small, counts, &Options::new(wanted), &mut |_, _| Ok(())).unwrap();
        prop_assert_eq!(large.fingerprint(), trained(&words, wanted).fingerprint());
    }

    #[test]
    fn what_is_kept_still_comes_out(words in words(), keep in prop::collection::vec(any::<prop::sample::Index>(), 0..8)) {
        let whole = trained(&words, 300);
        let keep: Vec<u32> = keep.iter().map(|index| index.index(whole.size() as usize) as u32).collect();
        let (pruned, new_ids) = whole.prune(keep.iter().copied()).unwrap();
        for id in keep {
            let bytes = whole.token_bytes(id).unwrap();
            prop_assert_eq!(pruned.token_bytes(new_ids[&id]), Some(bytes));
            prop_assert_eq!(pruned.encode(bytes, Special::Text).unwrap(), whole.encode(bytes, Special::Text).unwrap()
                .iter().map(|id| new_ids[id]).collect::<Vec<_>>());
        }
        let ids: Vec<u32> = new_ids.values().copied().collect();
        prop_assert!(ids.is_sorted(), "the order of the ids stays");
    }

    #[test]
    fn parts_have_the_ids_of_the_whole(
        text in "(<\\|a\\|>|<\\||[ab ']|\\n|é|中|ab){0,40}",
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        parse: bool,
    ) {
        let words = BTreeMap::from([(b"ab".to_vec(), 3), (" é中".as_bytes().to_vec(), 2)]);
        let vocabulary = trained(&words, 262).with_added_tokens([
            AddedToken::special("<|a|>", 300),
            AddedToken::special("<|a|>b", 301),
            AddedToken { special: false, ..AddedToken::special("'a", 302) },
        ]).unwrap();
        let special = if parse { Special::Parse } else { Special::Text };
        let whole = vocabulary.encode(text.as_bytes(), special).unwrap();
        let mut cuts: Vec<usize> = cuts.iter().map(|index| index.index(text.len() + 1)).collect();
        cuts.extend([0, text.len()]);
        cuts.sort_unstable();
        let mut stream = StreamEncoder::new(Arc::new(vocabulary), special).unwrap();
        let mut ids = Vec::new();
        for ends in cuts.windows(2) {
            stream.feed(&text.as_bytes()[ends[0]..ends[1]], &mut ids).unwrap();
        }
        stream.finish(&mut ids).unwrap();
        prop_assert_eq!(ids, whole);
    }

    #[test]
    fn spans_and_batches_agree_with_ids(texts: Vec<Vec<u8>>, threads in 1usize..4) {
        let vocabulary = trained(&BTreeMap::from([(b"ab".to_vec(), 3)]), 300);
        let slices: Vec<&[u8]> = texts.iter().map(|text| &text[..]).collect();
        let batch = vocabulary.encode_batch(&slices, Special::Text, threads).unwrap();
        for (text, ends) in texts.iter().zip(batch.offsets.windows(2)) {
            let ids = &batch.ids[ends[0]..ends[1]];
            prop_assert_eq!(ids, &vocabulary.encode(text, Special::Text).unwrap()[..]);
            prop_assert_eq!(vocabulary.count_tokens(text, Special::Text).unwrap(), ids.len());
            prop_assert_eq!(&vocabulary.decode(ids, false).unwrap(), text);
            let spans = vocabulary.spans(text, Special::Text).unwrap();
            let bytes: Vec<&[u8]> = spans.into_iter().map(|span| &text[span]).collect();
            let tokens: Vec<&[u8]> = ids.iter().map(|&id| vocabulary.token_bytes(id).unwrap()).collect();
            prop_assert_eq!(bytes, tokens);
        }
    }
}

#[test]
fn a_long_pretoken_in_small_parts_is_not_looked_through_again_and_again() {
    // 400,000 parts: looking through all that is held at each would take 80,000,000,000 steps.
    let mut stream = StreamEncoder::new(Arc::new(trained(&BTreeMap::new(), 256)), Special::Text).unwrap();
    let mut ids = Vec::new();
    for _ in 0..400_000 {
        stream.feed(b"a", &mut ids).unwrap();
    }
    stream.finish(&mut ids).unwrap();
    assert_eq!(ids.len(), 400_000);
}

fn parts(tokens: Vec<(u32, Vec<u8>)>) -> Parts {
    let bytes = (0..=255).map(|byte| (u32::from(byte), vec![byte]));
    Parts {
        pattern: pattern(),
        tokens: bytes.chain(tokens).collect(),
        merges: Merges::ByRank,
        whole_pretoken_first: true,
        added: Vec::new(),
        post_processor: None,
    }
}

fn refused(parts: Parts) -> String {
    Vocabulary::new(parts).err().map(|error| error.to_string()).expect("refused")
}

#[test]
fn what_contradicts_itself_is_refused() {
    assert!(
        refused(parts(vec![(300, b"ab".to_vec()), (301, b"ab".to_vec())])).contains("two ids, 300 and 301")
    );
    assert!(
        refused(parts(vec![(300, b"ab".to_vec()), (300, b"cd".to_vec())])).contains("id 300 stands for two")
    );
    assert!(refused(parts(vec![(300, Vec::new())])).contains("id 300 is empty"));
    let mut cut_short = parts(Vec::new());
    cut_short.tokens.pop();
    assert!(refused(cut_short).contains("byte 0xff has no token"));
    let mut taken = parts(vec![(300, b"ab".to_vec())]);
    taken.added = vec![AddedToken::special("ab", 400)];
    assert!(refused(taken.clone()).contains("already an ordinary token, with id 300"));
    taken.added = vec![AddedToken::special("<|x|>", 300)];
    assert!(refused(taken.clone()).contains("already stands for \"ab\""));
    taken.added = vec![AddedToken::special("<|x|>", 400), AddedToken::special("<|x|>", 401)];
    assert!(refused(taken).contains("given twice"));
    let mut joined = parts(vec![(300, b"ab".to_vec())]);
    joined.merges = Merges::Listed(vec![(97, 99, 300)]);
    assert!(refused(joined).contains("merge 0 joins ids 97 and 99 into id 300"));
}

#[test]
fn listed_merges_that_ranks_say_too_are_one_vocabulary() {
    let tokens = vec![(256, b"ab".to_vec()), (257, b"abc".to_vec())];
    let by_rank = Vocabulary::new(parts(tokens.clone())).unwrap();
    let listed = |merges, whole_pretoken_first| {
        let parts = Parts { merges: Merges::Listed(merges), whole_pretoken_first, ..parts(tokens.clone()) };
        Vocabulary::new(parts).unwrap()
    };
    let same = listed(vec![(97, 98, 256), (256, 99, 257)], false);
    assert_eq!(same.fingerprint(), by_rank.fingerprint());
    let other = listed(vec![(98, 99, 256), (97, 98, 256)].into_iter().skip(1).collect(), false);
    assert_ne!(other.fingerprint(), by_rank.fingerprint());
    assert_eq!(
        other.encode(b"abc", Special::Text).unwrap(),
        [256, 99],
        "no merge makes abc, and nothing else may"
    );
}

#[test]
fn sizes_and_special_tokens_are_checked_before_anything_is_read() {
    let check = |vocab_size, special: &[&str], longest| {
        let special_tokens = special.iter().map(|token| token.to_string()).collect();
        Options { vocab_size, special_tokens, min_count: 1, max_token_length: longest }.check()
    };
    assert!(check(257, &["<|x|>"], None).is_ok());
    assert!(matches!(check(256, &["<|x|>"], None), Err(Error::Argument(_))));
    assert!(matches!(check(1 << 31, &[], None), Err(Error::Argument(_))));
    assert!(matches!(check(300, &[""], None), Err(Error::SpecialToken(_))));
    assert!(matches!(check(300, &["xy", "xy"], None), Err(Error::SpecialToken(_))));
    assert!(matches!(check(300, &["x"], None), Err(Error::SpecialToken(_))));
    assert!(matches!(check(300, &[], Some(0)), Err(Error::Argument(_))));
}

#[test]
fn training_stops_when_the_callback_says_so() {
    let counts = [(&b"abababab"[..], 5)];
    let stop = &mut |_, _| Err(Error::Interrupted);
    let result = train::train(&pattern(), counts.into_iter(), &Options::new(300), stop);
    assert!(matches!(result, Err(Error::Interrupted)));
}

#[test]
fn a_merge_never_makes_a_special_token() {
    let mut options = Options::new(260);
    options.special_tokens = vec!["ab".into()];
    let vocabulary =
        train::train(&pattern(), [(&b"abc"[..], 9)].into_iter(), &options, &mut |_, _| Ok(())).unwrap();
    assert_eq!(vocabulary.token_id(b"ab"), None);
    assert_eq!(vocabulary.token_id(b"bc"), Some(256));
}

#[test]
fn flags_of_added_tokens() {
    let flagged = |content: &str, id| AddedToken { single_word: true, ..AddedToken::special(content, id) };
    let vocabulary = Vocabulary::new(Parts {
        added: vec![
            AddedToken { strip_left: true, strip_right: true, ..AddedToken::special("<s>", 300) },
            flagged("<w>", 301),
        ],
        ..parts(Vec::new())
    });
    let vocabulary = vocabulary.unwrap();
    let spans = |text: &str| vocabulary.spans(text.as_bytes(), Special::Parse).unwrap();
    assert_eq!(spans("a \u{a0}<s>\n b"), [0..1, 1..9, 9..10]);
    let ids = |text: &str| vocabulary.encode(text.as_bytes(), Special::Parse).unwrap();
    assert_eq!(ids("-<w>-"), [45, 301, 45]);
    assert_eq!(ids("<w>é").len(), 5, "a word character touches it");
    assert_eq!(vocabulary.encode(b"<s>", Special::Text).unwrap(), [60, 115, 62]);
    let raised = vocabulary.encode("é <s>".as_bytes(), Special::Raise);
    assert!(matches!(raised, Err(Error::ForbiddenSpecialToken { position: 3, .. })));
    assert!(matches!(vocabulary.encode(b"", Special::Only(&["<x>"])), Err(Error::SpecialToken(_))));
}

#[test]
fn threads_change_nothing() {
    let words =
        BTreeMap::from([(b"ab".to_vec(), 3), (" é中".as_bytes().to_vec(), 2), (b" word".to_vec(), 9)]);
    let vocabulary = trained(&words, 270)
        .with_added_tokens([
            AddedToken::special("<|a|>", 300),
            AddedToken { special: false, ..AddedToken::special("'a", 301) },
            AddedToken { strip_left: true, strip_right: true, ..AddedToken::special("<s>", 302) },
        ])
        .unwrap();
    let pieces: [&[u8]; 9] = [
        b"word word",
        b"   \n\n  ",
        b"\xFF\xFE",
        "é中é中".as_bytes(),
        b"<|a|>",
        b"12345",
        b"'a",
        b" <s> ",
        b"don't",
    ];
    let mut text = Vec::new();
    let mut state = 1u32;
    while text.len() < 3_000_000 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        text.extend_from_slice(pieces[(state >> 16) as usize % pieces.len()]);
        // Long stretches without a place to cut, and without an added token.
        if state >> 20 == 0 {
            let piece = pieces[(state >> 8) as usize % 4];
            text.extend((0..400_000 / piece.len()).flat_map(|_| piece));
        }
    }
    for special in [Special::Text, Special::Parse, Special::Only(&["<s>"])] {
        let expected = vocabulary.encode(&text, special).unwrap();
        assert!(expected.len() > 100_000);
        let short: &[u8] = b"word<|a|>";
        for threads in [1, 2, 3] {
            assert!(vocabulary.encode_on_threads(&text, special, threads).unwrap() == expected);
            assert_eq!(vocabulary.count_tokens_on_threads(&text, special, threads).unwrap(), expected.len());
            let batch = vocabulary.encode_batch(&[short, &text, b"", short], special, threads).unwrap();
            let few = vocabulary.encode(short, special).unwrap();
            let whole = [&few[..], &expected, &few].concat();
            let ends = [0, few.len(), few.len() + expected.len(), few.len() + expected.len(), whole.len()];
            assert!(batch.ids == whole && batch.offsets == ends);
        }
    }
    let raised = vocabulary.encode_on_threads(&text, Special::Raise, 2);
    assert!(matches!(raised, Err(Error::ForbiddenSpecialToken { text: None, .. })));
    let raised = vocabulary.encode_batch(&[b"word", &text], Special::Raise, 2);
    assert!(matches!(raised, Err(Error::ForbiddenSpecialToken { text: Some(1), .. })));
}
