//! How fast counting and merging are, to be looked at: `cargo test --release -p tokloom --test train_speed --
//! --ignored --nocapture` with `TEXT` naming a file, and `SIZE` a vocabulary. Seconds of this thread's CPU time (Linux).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use tokloom::Pattern;
use tokloom::count::Counter;
use tokloom::train::{Options, train};

/// CPU time of this thread, in seconds.
fn now() -> f64 {
    let times = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    times.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
}

#[test]
#[ignore = "a measurement: needs TEXT, a file, in the environment"]
fn seconds() {
    let text = std::fs::read(std::env::var("TEXT").expect("TEXT names a file")).unwrap();
    let size = std::env::var("SIZE").map_or(32_768, |size| size.parse().expect("SIZE is a number"));
    let rounds = std::env::var("ROUNDS").map_or(3, |rounds| rounds.parse().expect("ROUNDS is a number"));
    let pattern = Pattern::named("gpt4").unwrap();
    for _ in 0..rounds {
        let begin = now();
        let mut counter = Counter::new(&pattern, 1, None).unwrap();
        counter.add_document(&text, &mut |_| Ok(())).unwrap();
        let scanned = now() - begin;
        let counts = counter.finish(&mut |_| Ok(())).unwrap();
        let counted = now() - begin;
        let vocabulary = train(&pattern, counts.iter(), &Options::new(size), &mut |_, _| Ok(())).unwrap();
        let whole = now() - begin;
        println!(
            "scan {scanned:.3}, sort {:.3}, merge {:.3}; {} unique, {} tokens, fingerprint {:02x?}",
            counted - scanned,
            whole - counted,
            counts.len(),
            vocabulary.size(),
            &vocabulary.fingerprint()[..4]
        );
    }
}
