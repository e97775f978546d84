//! JSON lines: which documents come out, and what is refused.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::io::Cursor;

use proptest::prelude::*;
use tokloom::Error;
use tokloom::read::{Compression, Documents, Format};

fn read(bytes: &[u8], max_bytes: usize) -> tokloom::Result<Vec<Vec<u8>>> {
    let format = Format::JsonLines { field: "text".to_owned() };
    let reader = Cursor::new(bytes.to_vec());
    let mut documents = Documents::from_reader("a.jsonl", reader, format, Compression::None)?;
    let mut texts = Vec::new();
    while let Some(batch) = documents.next_batch(max_bytes)? {
        assert_eq!(batch.documents_begun(), batch.len());
        texts.extend(batch.documents().map(|document| document.bytes.to_vec()));
    }
    Ok(texts)
}

fn message(bytes: &[u8]) -> String {
    match read(bytes, 1000) {
        Err(Error::Format(message)) => message,
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_line_is_a_document() {
    let lines = b"\xef\xbb\xbf{\"text\": \"one\"}\n\n  \t\r\n{\"id\": [1, {\"text\": 5}], \"text\": \"\"}\r\n{\"text\":\"thr\\u00e9e\\n\"}";
    let texts = read(lines, 1000).unwrap();
    assert_eq!(texts, vec![b"one".to_vec(), b"".to_vec(), "thr\u{e9}e\n".as_bytes().to_vec()]);
    assert!(read(b"", 1000).unwrap().is_empty());
    assert!(read(b"\n\n", 1).unwrap().is_empty());
}

#[test]
fn bytes_that_are_no_text_stay_as_they_are() {
    let lines = b"{\"other\xff\": \"\xfe\", \"text\": \"a\xff\xc3b\"}\n{\"text\": \"\\ud800x\"}\n{\"text\": \"\\ud83d\\ude00\"}";
    let texts = read(lines, 1000).unwrap();
    assert_eq!(
        texts,
        vec![b"a\xff\xc3b".to_vec(), b"\xed\xa0\x80x".to_vec(), "\u{1f600}".as_bytes().to_vec()]
    );
}

#[test]
fn a_control_character_may_stand_for_itself() {
    assert_eq!(read(b"{\"text\": \"a\tb\"}", 1000).unwrap(), vec![b"a\tb".to_vec()]);
}

#[test]
fn an_error_says_where_and_what_there_is() {
    let missing = message(b"{\"text\": \"\"}\n{\"id\": 1, \"body\": \"x\"}\n");
    assert_eq!(missing, "a.jsonl, line 2, column 22: no field \"text\"; this line has: \"id\", \"body\"");
    assert!(message(b"{}").contains("no fields"));
    let number = message(b"\n{\"text\": 5}");
    assert!(number.starts_with("a.jsonl, line 2, column"), "{number}");
    assert!(number.contains("integer `5`, expected a string in the field \"text\""), "{number}");
    for (line, expected) in [
        (&b"{\"text\": null}"[..], "null, expected a string"),
        (b"{\"text\": [104, 105]}", "sequence, expected a string"),
        (b"{\"text\": {\"text\": \"\"}}", "map, expected a string"),
        (b"{\"text\": true}", "boolean `true`, expected a string"),
        (b"\"text\"", "string \"text\", expected an object with the field \"text\""),
        (b"[\"text\"]", "sequence, expected an object"),
        (b"{\"text\": \"one\"", "EOF"),
        (b"{\"text\": \"one", "EOF"),
        (b"{\"text\": \"one\"} {\"text\": \"two\"}", "trailing characters"),
        (b"{\"text\": \"\\x\"}", "invalid escape"),
        (b"{\"text\": \"one\", \"text\": \"two\"}", "occurs twice"),
        (b"one line of text", "expected value"),
    ] {
        let message = message(line);
        assert!(message.starts_with("a.jsonl, line 1, column ") && message.contains(expected), "{message}");
        assert!(!message.contains("at line"), "one position is enough: {message}");
    }
}

#[test]
fn the_names_in_an_error_are_bounded() {
    let line = format!(
        "{{{}}}",
        (0..5000).map(|name| format!("\"{name:0>5000}\": 1")).collect::<Vec<_>>().join(",")
    );
    assert!(message(line.as_bytes()).len() < 2000);
}

#[test]
fn deep_nesting_is_no_danger() {
    let line = format!("{{\"a\": {}{}, \"text\": \"x\"}}", "[".repeat(300_000), "]".repeat(300_000));
    assert_eq!(read(line.as_bytes(), 1000).unwrap(), vec![b"x".to_vec()]);
    assert!(message(format!("{{\"text\": {}", "[".repeat(300_000)).as_bytes()).contains("expected a string"));
}

#[test]
fn a_batch_is_bounded_by_its_lines() {
    let lines = "{\"text\": \"\"}\n".repeat(100);
    let format = Format::JsonLines { field: "text".to_owned() };
    let mut documents =
        Documents::from_reader("a.jsonl", Cursor::new(lines), format, Compression::None).unwrap();
    assert_eq!(documents.next_batch(30).unwrap().unwrap().len(), 3);
}

proptest! {
    #[test]
    fn any_text_comes_back(texts in proptest::collection::vec(any::<String>(), 0..20), max_bytes in 1usize..100) {
        let lines: String = texts
            .iter()
            .map(|text| format!("{}\n", serde_json::json!({"id": 7, "text": text, "more": [text]})))
            .collect();
        let expected: Vec<Vec<u8>> = texts.into_iter().map(String::into_bytes).collect();
        prop_assert_eq!(read(lines.as_bytes(), max_bytes).unwrap(), expected);
    }

    #[test]
    fn no_line_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200),
                              around in any::<bool>()) {
        let line = if around { [b"{\"text\": \"", &bytes[..], b"\"}"].concat() } else { bytes };
        let _ = read(&line, 50);
    }
}
