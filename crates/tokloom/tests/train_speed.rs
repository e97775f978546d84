//! How fast counting and merging are, to be looked at: `cargo test --release -p tokloom --test train_speed --
//! --ignored --nocapture` with `TEXT` naming a file, and `SIZE` a vocabulary;
//! `MEMORY` (bytes) trains within it. Seconds of this thread's CPU time (Linux).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use tokloom::Pattern;
use tokloom::count::{Counted, Counter};
use tokloom::train::{Options, train, train_stored};

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
    let memory = std::env::var("MEMORY").ok().map(|memory| memory.parse().expect("MEMORY is a number"));
    for _ in 0..rounds {
        let begin = now();
        let mut counter = Counter::new(&pattern, 1, memory).unwrap();
        counter.add_document(&text, &mut |_| Ok(())).unwrap();
        let scanned = now() - begin;
        let counts = counter.finish_within(&mut |_| Ok(())).unwrap();
        let counted = now() - begin;
        let options = Options::new(size);
        let (vocabulary, unique) = match &counts {
            Counted::InMemory(counts) => {
                (train(&pattern, counts.iter(), &options, &mut |_, _| Ok(())).unwrap(), counts.len())
            }
            Counted::OnDisk(counts) => {
                (train_stored(counts, &options, &mut |_, _| Ok(())).unwrap(), counts.len())
            }
        };
        let whole = now() - begin;
        println!(
            "scan {scanned:.3}, sort {:.3}, merge {:.3}; {} unique, {} tokens, fingerprint {:02x?}",
            counted - scanned,
            whole - counted,
            unique,
            vocabulary.size(),
            &vocabulary.fingerprint()[..4]
        );
    }
}
