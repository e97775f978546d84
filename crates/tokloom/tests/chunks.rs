//! Chunks of codes: every byte string comes back whatever the networks are; the same ids on all machines and threads.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod network_support;

use network_support::{Chance, chunks};
use proptest::prelude::*;
use std::sync::Arc;
use tokloom::Error;
use tokloom::chunks::Chunks;
use tokloom::encode::Special;
use tokloom::learned::{LearnedStream, LearnedVocabulary};
use tokloom::network::{Tensors, Way};

fn special() -> Vec<String> {
    vec!["<|a|>".into(), "<|ab|>".into()]
}

fn vocabulary(description: &str, file: &[u8], way: Way) -> LearnedVocabulary {
    let tensors = Tensors::read(file, "file").unwrap();
    let chunks = Chunks::read(description, &tensors).unwrap().with_way(way).unwrap();
    LearnedVocabulary::new(Arc::new(chunks), &special()).unwrap()
}

fn codecs() -> impl Strategy<Value = (String, Vec<u8>)> {
    (any::<u32>(), 1usize..20, 1usize..6, prop::collection::vec(2u32..6, 1..4), 1usize..30).prop_map(
        |(seed, size, per_chunk, levels, width)| chunks(u64::from(seed), size, per_chunk, &levels, width),
    )
}

/// Texts with few letters, so that a network is right now and then, and special tokens.
fn texts() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 0..40),
        2 => prop::collection::vec(prop::sample::select(b"ab".to_vec()), 0..60),
        1 => Just(b"<|a|>".to_vec()),
        1 => Just(b"<|a".to_vec()),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_text_comes_back((description, file) in codecs(), text in texts(), cuts in any::<u64>()) {
        let known = vocabulary(&description, &file, Way::Portable);
        for special in [Special::Text, Special::Parse, Special::Only(&["<|ab|>"])] {
            let ids = known.encode(&text, special, 1).unwrap();
            prop_assert_eq!(&known.decode(&ids, false).unwrap(), &text);
            prop_assert_eq!(known.count_tokens(&text, special, 1).unwrap(), ids.len());
            let spans = known.spans(&text, special).unwrap();
            prop_assert_eq!(spans.len(), ids.len());
            let mut reached = 0;
            for span in &spans {
                prop_assert_eq!(span.start, reached);
                reached = span.end;
            }
            prop_assert_eq!(reached, text.len());
            if let Special::Text = special {
                prop_assert!(ids.len() <= text.len());
            }
            for way in Way::ALL.into_iter().filter(|way| way.is_available()) {
                let known = vocabulary(&description, &file, way);
                prop_assert_eq!(&known.encode(&text, special, 3).unwrap(), &ids, "{:?}", way);
            }
            let mut chance = Chance(cuts);
            let known = Arc::new(vocabulary(&description, &file, Way::fastest()));
            let mut stream = LearnedStream::new(known, special).unwrap();
            let (mut rest, mut streamed) = (&text[..], Vec::new());
            while !rest.is_empty() {
                let (part, others) = rest.split_at(1 + chance.below(rest.len() as u64) as usize);
                stream.feed(part, &mut streamed).unwrap();
                rest = others;
            }
            stream.finish(&mut streamed).unwrap();
            prop_assert_eq!(&streamed, &ids);
        }
    }

    #[test]
    fn any_ids_stand_for_something((description, file) in codecs(), seed in any::<u64>()) {
        let known = vocabulary(&description, &file, Way::fastest());
        let mut chance = Chance(seed);
        let ids: Vec<u32> = (0..200).map(|_| chance.below(u64::from(known.size())) as u32).collect();
        let text = known.decode(&ids, false).unwrap();
        prop_assert!(known.decode(&ids, true).unwrap().len() <= text.len());
        let unknown = known.decode(&[known.size()], false);
        prop_assert!(matches!(unknown, Err(Error::UnknownId(id)) if id == u64::from(known.size())));
    }
}

#[test]
fn many_texts_on_many_threads() {
    let (description, file) = chunks(4, 16, 4, &[4, 4], 20);
    let known = vocabulary(&description, &file, Way::fastest());
    let mut chance = Chance(9);
    let texts: Vec<Vec<u8>> = (0..300)
        .map(|index| {
            let length = if index % 50 == 7 { 60_000 } else { chance.below(200) };
            (0..length).map(|_| b"ab <|>"[chance.below(6) as usize]).collect()
        })
        .collect();
    let texts: Vec<&[u8]> = texts.iter().map(|text| &text[..]).collect();
    let one = known.encode_batch(&texts, Special::Parse, 1).unwrap();
    for (index, text) in texts.iter().enumerate() {
        let ids = &one.ids[one.offsets[index]..one.offsets[index + 1]];
        assert_eq!(ids, known.encode(text, Special::Parse, 1).unwrap());
        assert_eq!(known.decode(ids, false).unwrap(), *text);
    }
    for threads in [2, 5] {
        assert_eq!(known.encode_batch(&texts, Special::Parse, threads).unwrap(), one);
    }
    let whole = texts.concat();
    let ids = known.encode(&whole, Special::Parse, 1).unwrap();
    assert_eq!(known.encode(&whole, Special::Parse, 4).unwrap(), ids);
    assert_eq!(known.count_tokens(&whole, Special::Parse, 4).unwrap(), ids.len());
    let refused = known.encode_batch(&[b"x", b"y<|a|>"], Special::Raise, 2);
    assert!(matches!(refused, Err(Error::ForbiddenSpecialToken { position: 1, text: Some(1), .. })));
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let (description, file) = chunks(4, 8, 2, &[4, 3], 9);
    let tensors = Tensors::read(&file, "file").unwrap();
    for (from, to, said) in [
        ("\"chunk_size\":8", "\"chunk_size\":0", "chunk_size is 0"),
        ("\"chunk_size\":8", "\"chunk_size\":9", "the encoder: layer 0 (embed): it has 8 positions"),
        ("\"chunk_size\":8,", "", "missing field `chunk_size`"),
        ("\"codes_per_chunk\":2", "\"codes_per_chunk\":0", "codes_per_chunk is 0"),
        ("\"codes_per_chunk\":2", "\"codes_per_chunk\":3", "the encoder gives 2 values for a chunk"),
        ("],\"network\"", ",1],\"network\"", ""),
    ] {
        let changed = description.replacen(from, to, 1);
        if changed == description {
            continue;
        }
        let message = Chunks::read(&changed, &tensors).err().unwrap().to_string();
        assert!(message.starts_with("file: ") && message.contains(said), "{message}");
    }
    let mut value: serde_json::Value = serde_json::from_str(&description).unwrap();
    for (levels, said) in [
        (serde_json::json!([]), "their product must be"),
        (serde_json::json!([4, 1]), "a level is 1"),
        (serde_json::json!([4096, 4096, 4096]), "their product must be"),
        (serde_json::json!([2, 2]), "the encoder gives 2 values for a chunk"),
    ] {
        value["levels"] = levels;
        let message = Chunks::read(&value.to_string(), &tensors).err().unwrap().to_string();
        assert!(message.contains(said), "{message}");
    }
    let chunks = Arc::new(Chunks::read(&description, &tensors).unwrap());
    for names in [vec!["".to_owned()], vec!["x".to_owned()], vec!["<|a|>".to_owned(); 2]] {
        assert!(matches!(LearnedVocabulary::new(chunks.clone(), &names), Err(Error::SpecialToken(_))));
    }
    assert!(matches!(chunks.raw_encode(&[0; 9]), Err(Error::Argument(_))));
    assert!(matches!(chunks.raw_encode(&[257; 8]), Err(Error::Argument(_))));
    assert!(matches!(chunks.raw_decode(&[0; 3]), Err(Error::Argument(_))));
    assert!(matches!(chunks.raw_decode(&[12, 0]), Err(Error::Argument(_))));
    assert_eq!(chunks.raw_decode(&[11, 0]).unwrap().len(), 8);
}
