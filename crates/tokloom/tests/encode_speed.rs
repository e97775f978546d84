//! How fast encoding is, to be looked at: `cargo test --release -p tokloom --test encode_speed -- --ignored --nocapture`
//! with `TEXT` naming a file, `RANKS` a rank file, and `PATTERN` a pattern (`gpt4` if it isn't given).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::hint::black_box;
use std::time::Instant;
use tokloom::encode::Special;
use tokloom::{Merges, Parts, Pattern, Pretokenizer, Vocabulary};

/// The bytes of a document: a text is encoded in such parts, as a corpus is.
const DOCUMENT: usize = 100_000;

/// Nanoseconds that this thread has run; where the system doesn't tell, that have passed.
fn nanoseconds(begin: Instant) -> f64 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let ran = told.and_then(|text| text.split(' ').next().and_then(|number| number.parse().ok()));
    ran.unwrap_or(begin.elapsed().as_nanos() as f64)
}

/// The least time of some rounds, and what the last of them gave. Each has a thread called `name`, by which profilers
/// tell them apart.
fn least<T: Send>(name: &str, rounds: usize, work: impl Fn() -> T + Sync) -> (f64, T) {
    let measure = || {
        let begin = Instant::now();
        let before = nanoseconds(begin);
        let result = work();
        (nanoseconds(begin) - before, result)
    };
    let round = || {
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().name(name.to_owned()).spawn_scoped(scope, measure);
            thread.unwrap().join().unwrap()
        })
    };
    let mut best = round();
    for _ in 1..rounds {
        let next = round();
        best = (best.0.min(next.0), next.1);
    }
    best
}

fn vocabulary(pattern: &Pattern) -> Vocabulary {
    let path = std::env::var("RANKS").expect("RANKS names a rank file");
    let tokens = tokloom::formats::tiktoken::read(&std::fs::read(&path).unwrap(), &path).unwrap();
    let parts = Parts {
        pattern: pattern.clone(),
        tokens,
        merges: Merges::ByRank,
        whole_pretoken_first: true,
        added: Vec::new(),
        post_processor: None,
    };
    Vocabulary::new(parts).unwrap()
}

fn documents(text: &[u8]) -> Vec<&[u8]> {
    text.chunks(DOCUMENT).collect()
}

#[test]
#[ignore = "a measurement: needs TEXT and RANKS, files, in the environment"]
fn nanoseconds_a_pretoken() {
    let text = std::fs::read(std::env::var("TEXT").expect("TEXT names a file")).unwrap();
    let pattern = Pattern::named(&std::env::var("PATTERN").unwrap_or("gpt4".into())).unwrap();
    let rounds = std::env::var("ROUNDS").map_or(3, |rounds| rounds.parse().unwrap());
    let pretokenizer = Pretokenizer::new(&pattern).unwrap();
    let documents = documents(&text);
    let (scanning, pretokens) = least("split", rounds, || {
        let mut count = 0;
        for document in &documents {
            pretokenizer.split_blocks(document, |_, ends| count += black_box(ends).len()).unwrap();
        }
        count
    });
    let show = |name: &str, time: f64| {
        let (bytes, pretokens) = (text.len() as f64, pretokens as f64);
        println!("{name:12} {:7.1} MB/s {:6.2} ns a pretoken", bytes * 1e3 / time, time / pretokens);
    };
    show("split", scanning);
    let encode = |vocabulary: &Vocabulary| {
        let encode = |document: &&[u8]| vocabulary.encode(document, Special::Text).unwrap();
        documents.iter().map(|document| black_box(encode(document)).len()).sum::<usize>()
    };
    let mut first = f64::MAX;
    for _ in 0..rounds {
        let fresh = vocabulary(&pattern);
        first = first.min(least("first", 1, || encode(&fresh)).0);
    }
    show("first pass", first);
    let known = vocabulary(&pattern);
    encode(&known);
    let (second, ids) = least("second", rounds, || encode(&known));
    show("second pass", second);
    let count = |document: &&[u8]| known.count_tokens(document, Special::Text).unwrap();
    show("count", least("count", rounds, || documents.iter().map(count).sum::<usize>()).0);
    let (bytes, pretokens, ids) = (text.len() as f64, pretokens as f64, ids as f64);
    println!("{:.2} bytes a pretoken, {:.2} a token", bytes / pretokens, bytes / ids);
}

/// A million bytes or so without a place to split them.
fn stretches() -> Vec<(&'static str, String)> {
    let mut state = 1u64;
    let mut random = move |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) % below
    };
    let mut of = |name, alphabet: &str, length: usize| {
        let characters: Vec<char> = alphabet.chars().collect();
        let text = (0..length).map(|_| characters[random(characters.len() as u64) as usize]).collect();
        (name, text)
    };
    let letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let han: String = ('一'..='鿿').collect();
    vec![
        of("a", "a", 1_000_000),
        of("é", "é", 1_000_000),
        of("中", "中", 333_333),
        of("space", " ", 1_000_000),
        of("newline", "\n", 1_000_000),
        of("=", "=", 1_000_000),
        of("letters", letters, 1_000_000),
        of("base64", &format!("{letters}0123456789+/"), 1_000_000),
        of("marks", "!\"#$%&()*+,-./:;<=>?@[]^_`{|}~", 1_000_000),
        of("Han", &han, 333_333),
    ]
}

#[test]
#[ignore = "a measurement: needs RANKS, a file, in the environment"]
fn nanoseconds_a_byte_of_long_stretches() {
    let pattern = Pattern::named(&std::env::var("PATTERN").unwrap_or("gpt4".into())).unwrap();
    let vocabulary = vocabulary(&pattern);
    for (name, text) in stretches() {
        let (time, ids) =
            least("long", 2, || vocabulary.encode(text.as_bytes(), Special::Text).unwrap().len());
        let bytes = text.len() as f64;
        println!("{name:8} {:7.1} ns a byte, {:.2} bytes a token", time / bytes, bytes / ids as f64);
    }
}
