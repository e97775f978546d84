//! tiktoken's rank files: what is read, what is refused and with which words, and the way back.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tokloom::formats::tiktoken::{read, write};

fn message(bytes: &[u8]) -> String {
    match read(bytes, "some.tiktoken") {
        Err(error) => error.to_string(),
        Ok(tokens) => format!("read {} tokens, where a refusal was expected", tokens.len()),
    }
}

#[test]
fn reads_lines_of_base64_and_rank_in_any_order() {
    let tokens = read(b"YQ== 7\nIGI= 3\n", "f").unwrap();
    assert_eq!(tokens, [(3, b" b".to_vec()), (7, b"a".to_vec())]);
}

#[test]
fn accepts_other_line_ends_and_blank_lines_at_the_end() {
    let expected = [(0, b"a".to_vec()), (1, b"b".to_vec())];
    for text in ["YQ== 0\r\nYg== 1\r\n", "YQ== 0\nYg== 1", "YQ== 0\nYg== 1\n\n\r\n\n"] {
        assert_eq!(read(text.as_bytes(), "f").unwrap(), expected, "{text:?}");
    }
}

#[test]
fn writes_as_tiktoken_does() {
    let tokens: [(u32, &[u8]); 3] = [(256, b"ab"), (0, b"\x00"), (9, b"\xff\xfe")];
    assert_eq!(write(tokens.into_iter()), b"AA== 0\n//4= 9\nYWI= 256\n");
}

#[test]
fn what_is_wrong_with_a_line_is_said_with_its_number() {
    for (text, parts) in [
        ("YQ== 0\n!!! 1\n", ["line 2", "not base64"]),
        ("YQ= 0\n", ["line 1", "not base64"]),
        ("YQ== 0\nYg==\n", ["line 2", "no rank"]),
        ("YQ== 0\nYg== \n", ["line 2", "one space"]),
        ("YQ==  0\n", ["line 1", "one space"]),
        ("YQ== 0 x\n", ["line 1", "one space"]),
        ("YQ== one\n", ["line 1", "not a whole number"]),
        ("YQ== -1\n", ["line 1", "not a whole number"]),
        ("YQ== +1\n", ["line 1", "not a whole number"]),
        ("YQ== 1.0\n", ["line 1", "not a whole number"]),
        ("YQ== 2147483648\n", ["line 1", "not below 2^31"]),
        ("YQ== 99999999999999999999999999\n", ["line 1", "not below 2^31"]),
        ("YQ== 0\nYg== 1\nYQ== 2\n", ["line 3", "line 1"]),
        ("YQ== 0\nYg== 1\nYw== 1\n", ["line 3", "line 2"]),
        (" 0\n", ["line 1", "empty token"]),
        ("YQ== 0\n\nYg== 1\n", ["line 2", "blank line"]),
        ("", ["some.tiktoken", "empty"]),
        ("\n\n", ["some.tiktoken", "empty"]),
    ] {
        let message = message(text.as_bytes());
        assert!(message.starts_with("some.tiktoken"), "{message}");
        assert!(parts.iter().all(|part| message.contains(part)), "{text:?}: {message}");
    }
}

#[test]
fn the_largest_rank_is_read() {
    assert_eq!(read(b"YQ== 2147483647", "f").unwrap(), [(2_147_483_647, b"a".to_vec())]);
}

#[test]
fn another_kind_of_file_is_told() {
    for (bytes, kind) in [
        (&b"{\"version\": \"1.0\"}"[..], "JSON"),
        (b"  {", "JSON"),
        (b"PK\x03\x04rest", "zip"),
        (b"\x80\x04\x95", "pickle"),
        (b"<!DOCTYPE html>", "HTML"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "git-lfs"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"\xff\xfeY\0", "UTF-16"),
    ] {
        assert!(message(bytes).contains(kind), "{}", message(bytes));
    }
}

#[test]
fn an_endless_line_is_refused_and_not_quoted() {
    let message = message(&vec![b'A'; 2 << 20]);
    assert!(
        message.contains("line 1") && message.contains("over the limit") && message.len() < 300,
        "{message}"
    );
}

#[test]
fn a_hundred_megabytes_of_one_line_again_and_again_stop_at_the_second() {
    let garbage = b"YQ== 1\n".repeat(100_000_000 / 7);
    assert!(message(&garbage).contains("line 2"));
}

proptest! {
    #[test]
    fn any_tokens_come_back(tokens in prop::collection::btree_map(
        prop::collection::vec(any::<u8>(), 1..20), 0u32..1 << 31, 1..50,
    )) {
        let by_rank: BTreeMap<u32, Vec<u8>> = tokens.into_iter().map(|(token, rank)| (rank, token)).collect();
        let file = write(by_rank.iter().map(|(&rank, token)| (rank, token.as_slice())));
        prop_assert_eq!(read(&file, "f").unwrap(), by_rank.into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn what_is_read_is_written_the_same(lines in prop::collection::btree_set("[A-Za-z0-9+/]{4}", 1..30)) {
        let file: String = lines.iter().enumerate().map(|(rank, line)| format!("{line} {rank}\n")).collect();
        let tokens = read(file.as_bytes(), "f").unwrap();
        let again = write(tokens.iter().map(|(rank, token)| (*rank, token.as_slice())));
        prop_assert_eq!(again, file.into_bytes());
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&bytes, "f");
    }

    #[test]
    fn nothing_like_a_rank_file_panics(text in "([A-Za-z0-9+/=]{0,6}[ \r]{0,2}[0-9+-]{0,11}\n?){0,6}") {
        let _ = read(text.as_bytes(), "f");
    }
}
