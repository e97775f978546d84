//! Files made to hurt.

use super::*;

#[test]
fn garbage_is_placed() {
    for (bytes, what) in [
        (&b""[..], "empty"),
        (b" \n", "empty"),
        (b"PK\x03\x04", "zip"),
        (b"<html>", "HTML"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
        (b"version https://git-lfs.github.com/spec/v1", "git-lfs"),
        (b"{\"version\": \xff}", "not UTF-8 from byte 12 on"),
        (b"{\n  \"version\": nul}", "line 2, column 17"),
        (b"{\n\"model\": {\n\"type\": \"BPE\", \n   7}}", "line 4, column 4"),
        (b"[]", "line 1, column "),
        (b"{} x", "line 1, column 4"),
        (b"{\"normalizer\": NaN}", "line 1"),
        (b"{\"\\ud800\": 1}", "hex escape"),
        (b"{\"model\": 1e999}", "model"),
    ] {
        let message = read(bytes).unwrap_err().to_string();
        assert!(message.starts_with(ORIGIN) && message.contains(what), "{message}");
    }
}

#[test]
fn a_place_inside_a_section_counts_from_the_beginning_of_the_file() {
    let text =
        "{\n \"added_tokens\": [],\n \"decoder\": {\"type\": \"ByteLevel\",\n  \"add_prefix_space\": 3}}";
    let message = read(text.as_bytes()).unwrap_err().to_string();
    assert!(message.contains("line 4, column 23: decoder"), "{message}");
}

#[test]
fn a_hundred_megabytes() {
    let size = 100_000_000;
    for (start, unit, end) in [
        ("", "x", ""),
        ("", "[", ""),
        ("{\"normalizer\":", "[", ""),
        ("{\"normalizer\":", "{\"type\":", ""),
        ("{\"added_tokens\":[", "0,", "0]}"),
        ("{\"model\":{\"vocab\":{", "\"a\":1,", "\"a\":1},\"merges\":[]}}"),
        ("{\"model\":{\"vocab\":{},\"merges\":[", "0,", "0]}}"),
        ("{\"post_processor\":[", "0,", "0]}"),
        ("{", "\"x\":0,", "\"x\":0}"),
        ("{\"x", "x", "\":0}"),
    ] {
        let file = format!("{start}{}{end}", unit.repeat(size / unit.len()));
        let message = read(file.as_bytes()).unwrap_err().to_string();
        assert!(message.starts_with(ORIGIN), "{start}: {message:.200}");
    }
}

#[test]
fn deep_nesting() {
    let depth = 100_000;
    for field in ["normalizer", "pre_tokenizer", "post_processor", "decoder", "model", "added_tokens", "new"]
    {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let nested = format!("{{\"{field}\":{}0{}}}", open.repeat(depth), close.repeat(depth));
            assert!(read(nested.as_bytes()).is_err(), "{field}");
        }
        let open = r#"{"type":"Sequence","processors":["#;
        let nested = format!("{{\"{field}\":{}{}}}", open.repeat(20_000), "]}".repeat(20_000));
        assert!(read(nested.as_bytes()).is_err(), "{field}");
    }
}

#[test]
fn a_file_over_the_limit_is_not_parsed() {
    let message = read(&vec![b' '; (256 << 20) + 1]).unwrap_err().to_string();
    assert!(message.contains("over the limit of 256 MiB"), "{message}");
}
