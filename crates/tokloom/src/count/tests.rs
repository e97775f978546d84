//! Counting with toy splitters: one that is easy to foresee, a slow one, and ones that fail.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::counter::Counter;
use super::counts::PretokenCounts;
use super::pieces::{PIECE, pieces};
use super::tally::{Splitter, Tally};
use crate::error::{Error, Result};
use crate::pretokenize::Pattern;
use crate::read::{Batch, Compression, Documents, Format};

/// A pretoken ends behind each space.
struct Spaces;

impl Splitter for Spaces {
    fn count(&self, text: &[u8], tally: &mut Tally) -> Result<()> {
        text.split_inclusive(|&byte| byte == b' ')
            .for_each(|pretoken| tally.add_block(pretoken, &[pretoken.len() as u32]));
        tally.check()
    }

    fn cut(&self, text: &[u8]) -> Result<Option<usize>> {
        Ok(text.iter().rposition(|&byte| byte == b' ').map(|place| place + 1))
    }
}

/// What a batch with this word in it makes happen.
enum On {
    Panic,
    Fail,
    Sleep(Duration),
}

struct Trap {
    word: &'static [u8],
    on: On,
}

impl Splitter for Trap {
    fn count(&self, text: &[u8], tally: &mut Tally) -> Result<()> {
        if text.windows(self.word.len()).any(|window| window == self.word) {
            match self.on {
                On::Panic => panic!("trap"),
                On::Fail => return Err(Error::Pattern("trap".to_owned())),
                On::Sleep(time) => std::thread::sleep(time),
            }
        }
        Spaces.count(text, tally)
    }

    fn cut(&self, text: &[u8]) -> Result<Option<usize>> {
        Spaces.cut(text)
    }
}

fn pattern() -> Pattern {
    Pattern::regex("[^ ]* ?")
}

fn counter(splitter: impl Splitter + 'static, threads: usize, memory: Option<u64>) -> Counter {
    let directory = std::env::temp_dir();
    Counter::with_splitter(&pattern(), Arc::new(splitter), threads, memory, directory).unwrap()
}

fn never(_: u64) -> Result<()> {
    Ok(())
}

fn count(documents: &[Vec<u8>], threads: usize, memory: Option<u64>) -> PretokenCounts {
    let mut counter = counter(Spaces, threads, memory);
    for document in documents {
        counter.add_document(document, &mut never).unwrap();
    }
    counter.finish(&mut never).unwrap()
}

fn expected(documents: &[Vec<u8>]) -> PretokenCounts {
    let mut counts: BTreeMap<&[u8], u64> = BTreeMap::new();
    for document in documents {
        for pretoken in document.split_inclusive(|&byte| byte == b' ') {
            *counts.entry(pretoken).or_default() += 1;
        }
    }
    PretokenCounts::from_entries(pattern(), counts, documents.len() as u64).unwrap()
}

/// Few letters, so that pretokens come again; some long ones.
fn document() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        proptest::collection::vec(0x61u8..0x64, 0..4),
        proptest::collection::vec(0x61u8..0x63, 12..20),
        proptest::collection::vec(any::<u8>(), 0..30),
    ];
    proptest::collection::vec(word, 0..40).prop_map(|words| words.join(&b' '))
}

fn documents() -> impl Strategy<Value = Vec<Vec<u8>>> {
    proptest::collection::vec(document(), 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn counts_are_the_same_whatever_the_threads_the_order_and_the_memory(
        (documents, shuffled) in documents().prop_flat_map(|documents| (Just(documents.clone()), Just(documents).prop_shuffle())),
        memory in prop_oneof![Just(None), (0u64..4000).prop_map(Some)],
        threads in prop_oneof![Just(1usize), Just(2), Just(5)],
    ) {
        let counts = expected(&documents);
        prop_assert_eq!(counts.total_bytes(), documents.iter().map(|document| document.len() as u64).sum::<u64>());
        prop_assert_eq!(&count(&documents, threads, memory), &counts);
        prop_assert_eq!(&count(&shuffled, threads, memory), &counts);
    }

    #[test]
    fn batches_are_their_documents(documents in documents(), size in 1usize..5, threads in 1usize..3) {
        let mut counter = counter(Spaces, threads, None);
        for group in documents.chunks(size) {
            let mut batch = Batch::new();
            group.iter().for_each(|document| batch.push(document));
            counter.add_batch(batch, &mut never).unwrap();
        }
        prop_assert_eq!(counter.finish(&mut never).unwrap(), expected(&documents));
    }

    #[test]
    fn a_file_in_blocks_is_one_document(document in document(), block in 1usize..100, threads in 1usize..3) {
        let cut = Box::new(|bytes: &[u8]| Spaces.cut(bytes));
        let reader = std::io::Cursor::new(document.clone());
        let format = Format::Text(Some(cut));
        let mut file = Documents::from_reader("a file", reader, format, Compression::None).unwrap();
        let mut counter = counter(Spaces, threads, None);
        while let Some(batch) = file.next_batch(block).unwrap() {
            counter.add_batch(batch, &mut never).unwrap();
        }
        prop_assert_eq!(counter.finish(&mut never).unwrap(), expected(&[document]));
    }
}

/// Several megabytes, so that there are pieces and batches: words of many lengths, and one that fills pieces.
fn long_document() -> Vec<u8> {
    let mut document = Vec::new();
    for number in 0..300_000u32 {
        document
            .extend_from_slice(format!("word{} ", number.wrapping_mul(2_654_435_761) % 50_000).as_bytes());
    }
    document.resize(document.len() + 3 * PIECE, b'x');
    document.extend_from_slice(b" and the end");
    document
}

#[test]
fn a_long_document_is_counted_as_one() {
    let documents = [long_document(), b"short".to_vec(), long_document()];
    let counts = expected(&documents);
    for (threads, memory) in [(1, None), (2, None), (5, None), (1, Some(100_000)), (5, Some(100_000))] {
        assert_eq!(count(&documents, threads, memory), counts, "{threads} threads, {memory:?} bytes");
    }
    for threads in [1, 2] {
        let mut counter = counter(Spaces, threads, None);
        let mut batch = Batch::new();
        documents.iter().for_each(|document| batch.push(document));
        counter.add_batch(batch, &mut never).unwrap();
        assert_eq!(counter.finish(&mut never).unwrap(), counts);
    }
}

#[test]
fn pieces_are_the_document_and_end_where_it_may_be_cut() {
    let document = long_document();
    let mut seen = Vec::new();
    pieces(&document, &Spaces, |piece| {
        seen.push(piece);
        Ok(())
    })
    .unwrap();
    assert_eq!(seen.concat(), document);
    assert!(seen.len() > 3);
    assert!(seen[..seen.len() - 1].iter().all(|piece| piece.ends_with(b" ")));
}

#[test]
fn nothing_counted_is_no_error() {
    for threads in [1, 2] {
        let counts = counter(Spaces, threads, None).finish(&mut never).unwrap();
        assert_eq!((counts.len(), counts.documents(), counts.total_bytes()), (0, 0, 0));
        assert_eq!(count(&[vec![], vec![]], threads, None).documents(), 2);
    }
}

#[test]
fn a_counter_needs_a_thread() {
    let counter = Counter::with_splitter(&pattern(), Arc::new(Spaces), 0, None, std::env::temp_dir());
    assert!(
        matches!(counter.err(), Some(Error::Argument(message)) if message.contains("at least one thread"))
    );
}

/// Adds documents until one is refused, at most some thousand.
fn add_until_refused(counter: &mut Counter, first: &[u8], tick: super::Tick<'_>) -> Result<()> {
    counter.add_document(first, tick)?;
    (0..3000).try_for_each(|_| counter.add_document(&[b'x'; 10_000], tick))
}

#[test]
fn an_error_of_a_thread_comes_back_and_stays() {
    for (on, message) in [(On::Panic, "panicked (trap)"), (On::Fail, "trap")] {
        let mut counter = counter(Trap { word: b"trap", on }, 2, None);
        let error = add_until_refused(&mut counter, b"a trap", &mut never).unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
        assert!(matches!(counter.add_document(b"more", &mut never), Err(Error::Argument(_))));
        assert!(
            matches!(counter.finish(&mut never), Err(Error::Argument(message)) if message.contains("failed"))
        );
    }
}

#[test]
fn an_error_of_a_thread_comes_back_from_finish() {
    for threads in [1, 2, 5] {
        let mut counter = counter(Trap { word: b"trap", on: On::Fail }, threads, None);
        let result = counter.add_document(b"a trap", &mut never);
        let error = result.and_then(|()| counter.finish(&mut never).map(drop)).unwrap_err();
        assert!(matches!(error, Error::Pattern(_)), "{error:?}");
    }
}

#[test]
fn waiting_for_a_slow_thread_can_be_interrupted() {
    let slow = || Trap { word: b"slow", on: On::Sleep(Duration::from_secs(2)) };
    let stop = |_: u64| Err(Error::Interrupted);
    let megabyte = b"slow ".repeat(PIECE / 5 + 1);
    let start = Instant::now();
    let mut filling = counter(slow(), 2, None);
    let result = (0..10).try_for_each(|_| filling.add_document(&megabyte, &mut { stop }));
    assert!(matches!(result, Err(Error::Interrupted)));
    drop(filling);
    let mut finishing = counter(slow(), 2, None);
    finishing.add_document(b"slow", &mut never).unwrap();
    assert!(matches!(finishing.finish(&mut { stop }), Err(Error::Interrupted)));
    // Nobody waits for the threads, which sleep longer than that.
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
}

#[test]
fn counting_alone_can_be_interrupted_between_pieces() {
    let mut alone = counter(Trap { word: b"slow", on: On::Sleep(Duration::from_millis(100)) }, 1, None);
    let mut stop = |_: u64| Err(Error::Interrupted);
    assert!(matches!(alone.add_document(b"slow", &mut stop), Err(Error::Interrupted)));
    assert!(matches!(alone.finish(&mut never), Err(Error::Argument(_))));
}

#[test]
fn a_tick_hears_how_far_it_is() {
    for threads in [1, 2] {
        let slow = Trap { word: b"slow", on: On::Sleep(Duration::from_millis(120)) };
        let mut counter = counter(slow, threads, None);
        let mut heard = Vec::new();
        let mut tick = |bytes| {
            heard.push(bytes);
            Ok(())
        };
        let document = b"slow ".repeat(PIECE / 5 + 1);
        (0..6).for_each(|_| counter.add_document(&document, &mut tick).unwrap());
        let counts = counter.finish(&mut tick).unwrap();
        assert!(heard.len() >= 3 && heard.is_sorted(), "{heard:?}");
        assert!(*heard.last().unwrap() > 0);
        assert_eq!(counts.total_bytes(), 6 * document.len() as u64);
    }
}

fn with_directory(threads: usize, directory: &Path) -> Counter {
    let directory: PathBuf = directory.to_owned();
    Counter::with_splitter(&pattern(), Arc::new(Spaces), threads, Some(1000), directory).unwrap()
}

#[test]
fn temporary_files_leave_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let listed = || std::fs::read_dir(folder.path()).unwrap().count();
    for threads in [1, 2] {
        let mut finished = with_directory(threads, folder.path());
        finished.add_document(&long_document(), &mut never).unwrap();
        assert_eq!(finished.finish(&mut never).unwrap(), expected(&[long_document()]));
        let mut dropped = with_directory(threads, folder.path());
        dropped.add_document(&long_document(), &mut never).unwrap();
        drop(dropped);
        assert_eq!(listed(), 0);
    }
}

#[test]
fn a_missing_folder_for_temporary_files_is_an_error_with_its_path() {
    for threads in [1, 2] {
        let mut counter = with_directory(threads, Path::new("no such folder"));
        let result = counter.add_document(&long_document(), &mut never);
        let error = result.and_then(|()| counter.finish(&mut never).map(drop)).unwrap_err();
        assert!(matches!(&error, Error::Io { path, .. } if path.starts_with("no such folder")), "{error:?}");
    }
}
