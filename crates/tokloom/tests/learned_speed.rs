//! How fast networks, chunks and spans are, to be looked at:
//! `cargo test --release -p tokloom --test learned_speed -- --ignored --nocapture`, with `TEXT` naming a file.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod network_support;

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;
use tokloom::chunks::Chunks;
use tokloom::encode::Special;
use tokloom::learned::LearnedVocabulary;
use tokloom::network::{Network, Scratch, Shape, Tensors, Way};
use tokloom::segment::Spans;

/// Nanoseconds that this thread has run; where the system doesn't tell, that have passed.
fn nanoseconds(begin: Instant) -> f64 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let ran = told.and_then(|text| text.split(' ').next().and_then(|number| number.parse().ok()));
    ran.unwrap_or(begin.elapsed().as_nanos() as f64)
}

/// The least nanoseconds of some rounds of `work`, which is done `times` in each.
fn least(rounds: usize, times: usize, mut work: impl FnMut()) -> f64 {
    let mut best = f64::MAX;
    for _ in 0..rounds {
        let begin = Instant::now();
        let before = nanoseconds(begin);
        (0..times).for_each(|_| work());
        best = best.min((nanoseconds(begin) - before) / times as f64);
    }
    best
}

/// An encoder and a decoder of about a million weights together, most in products: 16 bytes, four codes of five digits.
fn large(seed: u64) -> (String, Vec<u8>) {
    let mut encoder = network_support::Maker::new("encoder", seed);
    encoder.layer(serde_json::json!({"op": "windows", "size": 6, "stride": 4, "before": 1, "pad": 256}));
    let first = encoder.embed(6, 257, 256);
    encoder.dense(256, 384, None);
    encoder.dense(384, 256, Some(first));
    encoder.dense(256, 256, None);
    encoder.linear(256, 5);
    encoder.digits(&[8, 8, 8, 8, 8]);
    encoder.layer(serde_json::json!({"op": "join", "count": 4}));
    let mut decoder = network_support::Maker::new("decoder", seed + 1);
    let first = decoder.embed(20, 8, 384);
    decoder.dense(384, 384, None);
    decoder.dense(384, 384, Some(first));
    decoder.layer(serde_json::json!({"op": "rows", "count": 4}));
    decoder.linear(96, 4 * 257);
    decoder.layer(serde_json::json!({"op": "argmax", "symbols": 257}));
    decoder.layer(serde_json::json!({"op": "join", "count": 4}));
    let description = serde_json::json!({
        "levels": [8, 8, 8, 8, 8], "codes_per_chunk": 4, "chunk_size": 16,
        "network": {"encoder": encoder.saved.layers, "decoder": decoder.saved.layers},
    });
    let mut tensors = encoder.saved.tensors;
    tensors.extend(decoder.saved.tensors);
    (description.to_string(), network_support::file(&tensors))
}

#[test]
#[ignore = "a measurement"]
fn milliseconds_a_chunk() {
    let (description, file) = large(2);
    for way in Way::ALL.into_iter().filter(|way| way.is_available()) {
        let tensors = Tensors::read(&file, "file").unwrap();
        let chunks = Chunks::read(&description, &tensors).unwrap().with_way(way).unwrap();
        let weights = chunks.weights();
        let vocabulary = LearnedVocabulary::new(Arc::new(chunks), &[]).unwrap();
        for count in [1, 4, 64, 1024] {
            let text: Vec<u8> = (0..count * 16).map(|place| (place * 7 % 251) as u8).collect();
            let time = least(5, 2048 / count, || {
                black_box(vocabulary.encode(&text, Special::Text, 1).unwrap());
            });
            let each = time / count as f64 / 1e6;
            println!(
                "{:8} {weights} weights, {count:4} chunks at once: encode {each:.4} ms a chunk",
                way.name()
            );
        }
        let text = vec![256, 300, 400, 500];
        let time = least(5, 1000, || {
            black_box(vocabulary.decode(&text, false).unwrap());
        });
        println!("{:8} decode one chunk: {:.4} ms", way.name(), time / 1e6);
        let many: Vec<u32> = text.iter().copied().cycle().take(4096).collect();
        let time = least(5, 2, || {
            black_box(vocabulary.decode(&many, false).unwrap());
        });
        println!("{:8} decode 1,024 chunks: {:.4} ms a chunk", way.name(), time / 1024e6);
    }
}

#[test]
#[ignore = "a measurement"]
fn products_a_second() {
    let mut maker = network_support::Maker::new("net", 3);
    maker.dense(512, 512, None);
    maker.dense(512, 512, None);
    let file = maker.saved.file();
    for way in Way::ALL.into_iter().filter(|way| way.is_available()) {
        let tensors = Tensors::read(&file, "file").unwrap();
        let network =
            Network::read(&maker.saved.description(), &tensors, "net", Shape::activations(512), &[]).unwrap();
        let network = network.with_way(way).unwrap();
        let mut scratch = Scratch::default();
        for rows in [1, 4, 16, 64, 256] {
            let inputs = vec![77; 512 * rows];
            // Long enough for a clock that ticks some hundred times a second.
            let times = if way == Way::Portable { 500 } else { 20_000 } / rows + 1;
            let time = least(5, times, || {
                let inputs = tokloom::network::Input::Activations(&inputs);
                black_box(network.run(inputs, &mut scratch).unwrap());
            });
            let products = 2.0 * 512.0 * 512.0 * rows as f64;
            println!(
                "{:8} {rows:3} rows: {:6.1} thousand million products a second",
                way.name(),
                products / time
            );
        }
    }
}

/// The most frequent spans of a text, as a table of them would be: of words with the space before, and of what is
/// left between two words.
fn frequent(text: &[u8], count: usize) -> Vec<Vec<u8>> {
    let mut counts: HashMap<&[u8], u64> = HashMap::new();
    for start in 0..text.len().min(8_000_000) {
        if start % 3 != 0 {
            continue;
        }
        for length in 2..=16 {
            if let Some(span) = text.get(start..start + length) {
                *counts.entry(span).or_default() += 1;
            }
        }
        if counts.len() > 6_000_000 {
            counts.retain(|_, count| *count > 1);
        }
    }
    let mut best: Vec<_> = counts.into_iter().collect();
    best.sort_by_key(|(span, count)| (std::cmp::Reverse(*count * (span.len() as u64 - 1)), *span));
    best.truncate(count);
    best.into_iter().map(|(span, _)| span.to_vec()).collect()
}

#[test]
#[ignore = "a measurement: needs TEXT, a file, in the environment"]
fn megabytes_a_second_of_spans() {
    let text = std::fs::read(std::env::var("TEXT").expect("TEXT names a file")).unwrap();
    let text = &text[..text.len().min(20_000_000)];
    let spans = frequent(text, 32_768 - 256);
    let begin = Instant::now();
    let table = Spans::new(spans.iter().map(|span| &span[..])).unwrap();
    println!("{} spans, made in {:?}", spans.len(), begin.elapsed());
    let vocabulary = LearnedVocabulary::new(Arc::new(table), &[]).unwrap();
    let mut ids = 0;
    let show = |name: &str, time: f64| println!("{name:8} {:6.1} MB/s", text.len() as f64 * 1e3 / time);
    show("encode", least(3, 1, || ids = black_box(vocabulary.encode(text, Special::Text, 1).unwrap()).len()));
    show(
        "count",
        least(3, 1, || {
            black_box(vocabulary.count_tokens(text, Special::Text, 1).unwrap());
        }),
    );
    println!("{:.2} bytes a token", text.len() as f64 / ids as f64);
    let begin = Instant::now();
    let two = vocabulary.encode(text, Special::Text, 2).unwrap();
    println!("two threads: {:?}", begin.elapsed());
    assert_eq!(two, vocabulary.encode(text, Special::Text, 1).unwrap());
    let ids = two;
    show(
        "decode",
        least(3, 1, || {
            black_box(vocabulary.decode(&ids, false).unwrap());
        }),
    );
    let same = vec![b'a'; 10_000_000];
    let time = least(2, 1, || {
        black_box(vocabulary.encode(&same, Special::Text, 1).unwrap());
    });
    println!("one letter {:6.1} MB/s", same.len() as f64 * 1e3 / time);
}
