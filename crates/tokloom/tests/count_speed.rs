//! How fast counting is, to be looked at: `cargo test --release -p tokloom --test count_speed -- --ignored --nocapture`
//! with `TEXT` naming a file.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Instant;

use tokloom::count::Counter;
use tokloom::read::{Compression, Documents, Format};
use tokloom::{Pattern, Pretokenizer};

#[test]
#[ignore = "a measurement: needs TEXT, a file, in the environment"]
fn megabytes_a_second() {
    let path = std::env::var("TEXT").expect("TEXT names a file");
    let megabytes = std::fs::metadata(&path).unwrap().len() as f64 / 1e6;
    let pattern = Pattern::named("gpt4").unwrap();
    for (threads, memory) in [(1, None), (2, None), (2, Some(16 << 20))] {
        let mut best = (f64::MAX, 0.0, 0);
        for _ in 0..5 {
            let begin = Instant::now();
            let pretokenizer = Arc::new(Pretokenizer::new(&pattern).unwrap());
            let cutter = Arc::clone(&pretokenizer);
            let cut = Box::new(move |bytes: &[u8]| cutter.cut(bytes));
            let mut file = Documents::open(&path, Format::Text(Some(cut)), Compression::None).unwrap();
            let mut counter = Counter::with_temporary_directory(
                &pattern,
                pretokenizer,
                threads,
                memory,
                std::env::temp_dir(),
            )
            .unwrap();
            while let Some(batch) = file.next_batch(1 << 20).unwrap() {
                counter.add_batch(batch, &mut |_| Ok(())).unwrap();
            }
            let counted = begin.elapsed().as_secs_f64();
            let counts = counter.finish(&mut |_| Ok(())).unwrap();
            let whole = begin.elapsed().as_secs_f64();
            if whole < best.0 {
                best = (whole, whole - counted, counts.len());
            }
        }
        let (whole, finish, unique) = best;
        println!(
            "{threads} threads, memory {memory:?}: {:.0} MB/s ({whole:.3} s, {finish:.3} of them to finish, {unique} unique)",
            megabytes / whole
        );
    }
}
