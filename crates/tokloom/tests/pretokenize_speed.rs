//! How fast the scanners are, to be looked at: `cargo test --release -p tokloom --test pretokenize_speed -- --ignored --nocapture`
//! with `TEXT` naming a file; `PATTERNS` and `WAYS` name some of each, else it is all.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::Instant;

use tokloom::{Pattern, Pretokenizer, pretokenize::Way};

/// Seconds of this thread on a processor, where the system tells: other programs don't count then. Else by the clock.
fn now(begin: Instant) -> f64 {
    let schedule = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = schedule.and_then(|line| line.split(' ').next()?.parse::<f64>().ok());
    nanoseconds.map_or_else(|| begin.elapsed().as_secs_f64(), |nanoseconds| nanoseconds / 1e9)
}

/// The best of several samples, each long enough for a clock that some systems set only every few milliseconds.
fn best_of(samples: usize, mut work: impl FnMut()) -> f64 {
    let begin = Instant::now();
    let seconds = |_| {
        let (start, mut times) = (now(begin), 0.0);
        loop {
            work();
            times += 1.0;
            let passed = now(begin) - start;
            if passed > 0.1 {
                return passed / times;
            }
        }
    };
    (0..samples).map(seconds).fold(f64::MAX, f64::min)
}

fn chosen(variable: &str, name: &str) -> bool {
    std::env::var(variable).map_or(true, |names| names.split(',').any(|chosen| chosen == name))
}

#[test]
#[ignore = "a measurement: needs TEXT, a file, in the environment"]
fn megabytes_a_second() {
    let text = std::fs::read(std::env::var("TEXT").expect("TEXT names a file")).unwrap();
    let megabytes = text.len() as f64 / 1e6;
    let validation = best_of(5, || assert!(simdutf8::basic::from_utf8(std::hint::black_box(&text)).is_ok()));
    println!("UTF-8 alone: {:.0} MB/s", megabytes / validation);
    for name in Pattern::names().into_iter().filter(|name| chosen("PATTERNS", name)) {
        let ways = Way::ALL.into_iter().filter(|way| way.is_available() && chosen("WAYS", way.name()));
        for way in ways {
            let scanner = Pretokenizer::by_way(&Pattern::named(name).unwrap(), way).unwrap();
            let (mut pretokens, mut bytes) = (0, 0);
            let one_by_one = best_of(5, || {
                (pretokens, bytes) = (0, 0);
                scanner
                    .split(&text, |pretoken| {
                        pretokens += 1;
                        bytes += pretoken.len();
                    })
                    .unwrap();
            });
            assert_eq!(bytes, text.len());
            let mut in_blocks_pretokens = 0;
            let in_blocks = best_of(5, || {
                in_blocks_pretokens = 0;
                scanner.split_blocks(&text, |_, ends| in_blocks_pretokens += ends.len()).unwrap();
            });
            assert_eq!(pretokens, in_blocks_pretokens);
            println!(
                "{name:<12} {:<8} split {:>5.0} MB/s, split_blocks {:>5.0} MB/s, {:.2} ns a pretoken, {pretokens} pretokens",
                way.name(),
                megabytes / one_by_one,
                megabytes / in_blocks,
                in_blocks * 1e9 / pretokens as f64,
            );
        }
    }
}
