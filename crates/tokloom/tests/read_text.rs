//! Text files: blocks, packed files, and what the system refuses.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::io::{Cursor, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use tokloom::Error;
use tokloom::read::{Compression, Cut, Documents, Format, for_each};

/// Cuts behind the last space.
fn behind_space(bytes: &[u8]) -> tokloom::Result<Option<usize>> {
    Ok(bytes.iter().rposition(|&byte| byte == b' ').map(|place| place + 1))
}

fn text(bytes: &[u8], compression: Compression, cut: Option<Cut>) -> tokloom::Result<Documents> {
    Documents::from_reader("a file", Cursor::new(bytes.to_vec()), Format::Text(cut), compression)
}

/// All blocks that aren't empty batches, and whether each continues the one before.
fn blocks(mut documents: Documents, max_bytes: usize) -> tokloom::Result<Vec<(Vec<u8>, bool)>> {
    let mut blocks = Vec::new();
    while let Some(batch) = documents.next_batch(max_bytes)? {
        blocks.extend(batch.documents().map(|document| (document.bytes.to_vec(), document.continues)));
    }
    assert!(documents.next_batch(max_bytes)?.is_none(), "the end is the end");
    Ok(blocks)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

proptest! {
    #[test]
    fn blocks_are_the_file(bytes in proptest::collection::vec(prop_oneof![Just(b' '), any::<u8>()], 0..300),
                           max_bytes in 1usize..70) {
        let documents = text(&bytes, Compression::None, Some(Box::new(behind_space))).unwrap();
        let blocks = blocks(documents, max_bytes).unwrap();
        let (last, before) = blocks.split_last().unwrap();
        prop_assert!(before.iter().all(|(block, _)| block.ends_with(b" ")));
        prop_assert!(!last.0.is_empty() || blocks.len() == 1);
        prop_assert!(blocks.iter().enumerate().all(|(index, (_, continues))| *continues == (index > 0)));
        prop_assert_eq!(blocks.concat_bytes(), bytes);
    }

    #[test]
    fn a_whole_file_is_one_document(bytes in proptest::collection::vec(any::<u8>(), 0..300), max_bytes in 0usize..70) {
        let documents = text(&bytes, Compression::None, None).unwrap();
        prop_assert_eq!(blocks(documents, max_bytes).unwrap(), vec![(bytes, false)]);
    }
}

trait Concat {
    fn concat_bytes(&self) -> Vec<u8>;
}
impl Concat for Vec<(Vec<u8>, bool)> {
    fn concat_bytes(&self) -> Vec<u8> {
        self.iter().flat_map(|(block, _)| block.clone()).collect()
    }
}

#[test]
fn cutting_looks_at_each_byte_only_a_few_times() {
    let looked_at = Arc::new(AtomicUsize::new(0));
    let sum = Arc::clone(&looked_at);
    let bytes = [vec![b'x'; 1_000_000], b" ".to_vec(), vec![b'y'; 1_000_000]].concat();
    let cut: Cut = Box::new(move |bytes: &[u8]| {
        sum.fetch_add(bytes.len(), Ordering::Relaxed);
        behind_space(bytes)
    });
    let blocks = blocks(text(&bytes, Compression::None, Some(cut)).unwrap(), 1000).unwrap();
    assert_eq!(blocks.concat_bytes(), bytes);
    assert!(looked_at.load(Ordering::Relaxed) < 6 * bytes.len(), "{looked_at:?}");
}

#[test]
fn a_call_reads_no_more_than_asked() {
    let mut documents = text(&[b'x'; 1000], Compression::None, None).unwrap();
    let mut calls = 0;
    while documents.next_batch(100).unwrap().is_some() {
        calls += 1;
    }
    assert!(calls >= 10, "{calls} calls for 1000 bytes, 100 at a time");
}

#[test]
fn a_cut_that_fails_ends_the_reading() {
    let cut: Cut = Box::new(|_: &[u8]| Err(Error::Interrupted));
    let mut documents = text(b"some text", Compression::None, Some(cut)).unwrap();
    assert!(matches!(documents.next_batch(2), Err(Error::Interrupted)));
    assert!(
        matches!(documents.next_batch(2), Err(Error::Argument(message)) if message.contains("failed before"))
    );
}

#[test]
fn packed_files_come_with_all_their_members() {
    let halves: [&[u8]; 2] = [b"first half, ", b"second half"];
    for (pack, compression) in
        [(gzip as fn(&[u8]) -> Vec<u8>, Compression::Gzip), (zstd as fn(&[u8]) -> Vec<u8>, Compression::Zstd)]
    {
        let packed = [pack(halves[0]), pack(halves[1])].concat();
        let blocks = blocks(text(&packed, compression, None).unwrap(), 5).unwrap();
        assert_eq!(blocks, vec![(halves.concat(), false)]);
    }
}

/// Every beginning of a packed file is refused, but for the one that is itself a whole file.
#[test]
fn a_packed_file_cut_short_is_an_error() {
    for (pack, compression) in
        [(gzip as fn(&[u8]) -> Vec<u8>, Compression::Gzip), (zstd as fn(&[u8]) -> Vec<u8>, Compression::Zstd)]
    {
        let first = pack(b"some text, some text, and some more text");
        let packed = [first.clone(), pack(b"another text")].concat();
        for length in (0..packed.len()).filter(|&length| length != first.len()) {
            let result =
                text(&packed[..length], compression, None).and_then(|documents| blocks(documents, 1000));
            let Err(Error::Format(message)) = result else {
                panic!("{compression:?}, {length} bytes: {result:?}")
            };
            assert!(message.starts_with("a file: this "), "{message}");
            assert!(message.contains("cut short") || message.contains("damaged"), "{message}");
        }
    }
}

#[test]
fn a_damaged_packed_file_is_never_taken_for_another_text() {
    let original = b"some text, some text, and some more text";
    for (packed, compression) in [(gzip(original), Compression::Gzip), (zstd(original), Compression::Zstd)] {
        for place in 0..packed.len() {
            let mut damaged = packed.clone();
            damaged[place] ^= 0x10;
            let result = text(&damaged, compression, None).and_then(|documents| blocks(documents, 1000));
            // Some bits of a header (a time, an operating system) mean nothing for the contents.
            match result {
                Ok(blocks) => assert_eq!(blocks.concat_bytes(), original),
                Err(error) => assert!(matches!(error, Error::Format(_)), "{error:?}"),
            }
        }
    }
}

#[test]
fn bytes_behind_a_packed_file_are_an_error() {
    for (mut packed, compression) in [(gzip(b"text"), Compression::Gzip), (zstd(b"text"), Compression::Zstd)]
    {
        packed.extend_from_slice(b"more than this");
        let result = text(&packed, compression, None).and_then(|documents| blocks(documents, 1000));
        assert!(matches!(&result, Err(Error::Format(message)) if message.contains("damaged")), "{result:?}");
    }
}

#[test]
fn a_window_above_128_mib_is_refused() {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.long_distance_matching(true).unwrap();
    encoder.window_log(28).unwrap();
    encoder.write_all(b"text").unwrap();
    let packed = encoder.finish().unwrap();
    let result = text(&packed, Compression::Zstd, None).and_then(|documents| blocks(documents, 1000));
    assert!(matches!(&result, Err(Error::Format(message)) if message.contains("--long")), "{result:?}");
}

#[test]
fn endings_name_the_packing() {
    let packings = ["a.txt", "a.gz", "a.tar.GZ", "b.zst", "gz", "a"].map(Compression::from_path);
    use Compression::{Gzip, None, Zstd};
    assert_eq!(packings, [None, Gzip, Gzip, Zstd, None, None]);
}

fn open(path: &Path) -> tokloom::Result<Documents> {
    Documents::open(path, Format::Text(None), Compression::None)
}

#[test]
fn what_the_system_refuses_is_an_error_with_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.txt");
    for path in [folder.path(), &missing] {
        let error = open(path).err().unwrap();
        assert!(error.to_string().starts_with(path.to_str().unwrap()), "{error}");
        assert!(matches!(error, Error::Io { .. }), "{error:?}");
    }
}

#[cfg(unix)]
#[test]
fn a_file_without_permission_is_an_error_with_its_path() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret.txt");
    std::fs::write(&secret, "text").unwrap();
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o000)).unwrap();
    // The superuser may read everything: then there is nothing to refuse.
    if std::fs::read(&secret).is_err() {
        assert!(matches!(open(&secret), Err(Error::Io { path, .. }) if path.ends_with("secret.txt")));
    }
}

#[test]
fn a_file_that_fails_while_it_is_read_is_an_error_of_the_system() {
    struct Failing;
    impl std::io::Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::from_raw_os_error(5))
        }
    }
    for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
        let result = Documents::from_reader("a disk", Failing, Format::Text(None), compression)
            .and_then(|mut documents| documents.next_batch(10));
        assert!(matches!(&result, Err(Error::Io { path, .. }) if path == "a disk"), "{result:?}");
    }
}

#[test]
fn every_document_is_visited() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.txt.gz");
    std::fs::write(&path, gzip(b"one two three")).unwrap();
    let mut seen = Vec::new();
    for_each(
        &path,
        Format::Text(Some(Box::new(behind_space))),
        Compression::from_path(&path),
        &mut |document| {
            seen.push((document.bytes.to_vec(), document.continues));
            Ok(())
        },
    )
    .unwrap();
    assert_eq!(seen, vec![(b"one two three".to_vec(), false)]);
}
