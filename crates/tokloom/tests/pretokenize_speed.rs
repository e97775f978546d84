//! How fast the scanners are, to be looked at: `cargo test --release -p tokloom --test pretokenize_speed -- --ignored --nocapture`
//! with `TEXT` naming a file.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod pretokenize_support;

use std::time::Instant;

#[test]
#[ignore = "a measurement: needs TEXT, a file, in the environment"]
fn megabytes_a_second() {
    let text = std::fs::read(std::env::var("TEXT").expect("TEXT names a file")).unwrap();
    for (name, scanner) in pretokenize_support::scanners() {
        let mut best = f64::MAX;
        let mut pretokens = 0;
        for _ in 0..5 {
            pretokens = 0;
            let begin = Instant::now();
            scanner.split(&text, |_| pretokens += 1).unwrap();
            best = best.min(begin.elapsed().as_secs_f64());
        }
        println!("{name}: {:.0} MB/s, {pretokens} pretokens", text.len() as f64 / 1e6 / best);
    }
}
