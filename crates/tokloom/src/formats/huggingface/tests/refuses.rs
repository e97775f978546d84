//! What is refused: each message says where it is, what it is and what to do.

use super::*;

#[test]
fn what_the_engine_does_not_do() {
    for (pointer, value, name, what) in [
        ("/normalizer", json!({"type": "NFC"}), "normalizer", "\"NFC\" changes the text"),
        ("/normalizer", sequence("normalizers", &[json!({"type": "Lowercase"})]), "normalizer", "Sequence"),
        ("/decoder", json!({"type": "Metaspace"}), "decoder", "Metaspace"),
        ("/decoder", sequence("decoders", &[json!({"type": "Strip"})]), "decoder.decoders[0]", "Strip"),
        ("/post_processor", json!({"type": "New"}), "post_processor", "\"New\""),
        ("/version", json!("2.0"), "version", "\"2.0\""),
        ("/model/type", json!("Unigram"), "model.type", "\"Unigram\""),
        ("/model/byte_fallback", json!(true), "model.byte_fallback", "true"),
        ("/model/dropout", json!(0.1), "model.dropout", "0.1"),
        ("/model/continuing_subword_prefix", json!("##"), "model.continuing_subword_prefix", "##"),
        ("/model/end_of_word_suffix", json!("</w>"), "model.end_of_word_suffix", "</w>"),
        ("/extra", json!([1]), "extra", "unknown field (its value is a list)"),
        (
            "/model/extra",
            json!({"type": "X"}),
            "model.extra",
            "unknown field (its value is an object of type \"X\")",
        ),
        ("/model/vocab/日", json!(259), "model.vocab", "日"),
    ] {
        let file = with(pointer, value);
        let message = refusal(&file);
        let Err(Error::Unsupported { reason, .. }) = read_value(&file) else { panic!("damaged? {message}") };
        assert!(reason.starts_with(&format!("{name}: ")) && message.contains(&reason), "{reason}");
        assert!(message.starts_with(&format!("{ORIGIN}, line 1, column ")), "{message}");
        assert!(message.contains(&format!(": {name}: ")) && message.contains(what), "{pointer}: {message}");
        assert!(message.contains("`tokenizers` library"), "{message}");
    }
}

#[test]
fn other_ways_to_split() {
    let change = |field: &str, value: Value| {
        let mut step = split(LETTERS);
        step[field] = value;
        sequence("pretokenizers", &[step, byte_level(false)])
    };
    let mut prefix = byte_level(true);
    prefix["add_prefix_space"] = json!(true);
    for (pre_tokenizer, what) in [
        (json!(null), "doesn't end in ByteLevel"),
        (split(LETTERS), "doesn't end in ByteLevel"),
        (prefix, "add_prefix_space"),
        (change("invert", json!(true)), "invert"),
        (change("behavior", json!("Removed")), "\"Removed\""),
        (change("pattern", json!({"String": "a"})), "plain string \"a\""),
        (change("extra", json!(1)), "unknown field `extra`"),
        (sequence("pretokenizers", &[byte_level(false), split(LETTERS)]), "a step after ByteLevel"),
        (sequence("pretokenizers", &[json!({"type": "Digits"}), byte_level(false)]), "\"Digits\""),
        (json!({"type": "Whitespace"}), "\"Whitespace\""),
        (json!({"type": "Metaspace", "replacement": "_"}), "\"Metaspace\""),
        (sequence("pretokenizers", &[split("[0-9]+?"), byte_level(false)]), "isn't proven"),
        (json!({"type": "Sequence"}), "without `pretokenizers`"),
        (json!({"no": 1}), "no field `type`"),
    ] {
        let message = refusal(&with("/pre_tokenizer", pre_tokenizer));
        assert!(message.contains(": pre_tokenizer") && message.contains(what), "{message}");
    }
    let mut file = file();
    file.as_object_mut().unwrap().remove("pre_tokenizer");
    assert!(refusal(&file).contains("pre_tokenizer"));
}

#[test]
fn padding_and_truncation_with_what_to_do() {
    for field in ["padding", "truncation"] {
        let message = refusal(&with(&format!("/{field}"), json!({"max_length": 512})));
        assert!(message.contains(field) && message.contains("never pads or truncates"), "{message}");
    }
}

#[test]
fn vocabularies_and_merges_that_contradict_themselves() {
    for (pointer, value, what) in [
        ("/model/vocab/x", json!(7), "id 7 is given to another token"),
        ("/model/vocab/xy", json!(-1), "-1 is not an id"),
        ("/model/vocab/xy", json!(2_147_483_648u64), "2147483648 is not an id"),
        ("/model/vocab/xy", json!(1.5), "1.5 is not an id"),
        ("/model/vocab/xy", json!("5"), "\"5\" is not an id"),
        ("/model/vocab/xy", json!([]), "a list is not an id"),
        ("/model/vocab/", json!(300), "empty token"),
        ("/model/merges/-", json!(["a", "zz"]), "merges[2]: \"a\" + \"zz\": its right part \"zz\""),
        ("/model/merges/-", json!(["zz", "a"]), "its left part \"zz\""),
        ("/model/merges/-", json!(["a", "z"]), "its result \"az\""),
        ("/model/merges/-", json!(["a", "b"]), "merges[2]: \"a\" + \"b\" is given twice"),
        ("/model/merges/-", json!("a b c"), "not two tokens"),
        ("/model/merges/-", json!("ab"), "not two tokens"),
        ("/model/merges/-", json!(["a"]), "merges[2]"),
        ("/model/merges/-", json!(["a", "b", "c"]), "merges[2]"),
        ("/model/merges/-", json!(7), "merges[2]"),
        ("/model/vocab", json!([]), "model.vocab: invalid type"),
        ("/model/merges", json!({}), "model.merges: invalid type"),
        ("/model", json!(null), "model: invalid type"),
        ("/model/ignore_merges", json!("yes"), "model.ignore_merges: invalid type"),
        ("/version", json!(1), "version: invalid type"),
        ("/added_tokens", json!({}), "added_tokens: invalid type"),
    ] {
        let message = refusal(&with(pointer, value));
        assert!(message.contains(what), "{pointer}: {message}");
    }
}

#[test]
fn a_model_without_merges_or_no_model() {
    let mut file = file();
    file["model"].as_object_mut().unwrap().remove("merges");
    assert!(refusal(&file).contains("both `vocab` and `merges`"));
    file.as_object_mut().unwrap().remove("model");
    assert!(refusal(&file).contains("no `model`"));
}

#[test]
fn a_vocabulary_without_one_of_the_bytes() {
    let mut file = file();
    file["model"]["vocab"].as_object_mut().unwrap().remove(&alphabet::write(b"\xF5"));
    assert!(refusal(&file).contains("no token for the byte 0xF5"));
}

#[test]
fn keys_given_twice() {
    let text = file().to_string();
    for (from, to, what) in [
        (r#""ab":256"#, r#""ab":256,"ab":400"#, "model.vocab.\"ab\": this token is given twice"),
        (r#""truncation":null"#, r#""truncation":null,"truncation":null"#, "truncation: given twice"),
        (
            r#""ignore_merges":false"#,
            r#""ignore_merges":false,"ignore_merges":true"#,
            "ignore_merges: given twice",
        ),
        (r#""id":258"#, r#""id":258,"id":259"#, "duplicate field `id`"),
    ] {
        let changed = text.replace(from, to);
        assert_ne!(changed, text);
        let message = read(changed.as_bytes()).unwrap_err().to_string();
        assert!(message.contains(what), "{message}");
    }
}

#[test]
fn added_tokens_that_are_wrong() {
    for (token, what) in [
        (added("", 259), "empty"),
        (added("<|end|>", 259), "given twice"),
        (added("<x>", 258), "another added token too"),
        (added("<x>", 97), "which is \"a\" in the vocab"),
        (added("<x>", 300), "would number it 259"),
        (added("<x>", u32::MAX), "not below 2^31"),
        (added("abc", 300), "has id 300 here and id 257 in the vocab"),
        (json!({"id": 259, "content": "<x>"}), "missing field"),
        (json!(3), "added_tokens[1]: invalid type"),
    ] {
        let message = refusal(&with("/added_tokens/-", token));
        assert!(message.contains("added_tokens[1]") && message.contains(what), "{message}");
    }
    let mut extra = added("<x>", 259);
    extra["extra"] = json!(1);
    assert!(refusal(&with("/added_tokens/-", extra)).contains("unknown field `extra`"));
}

/// Ordinary text can come to these, so that they would be control tokens and text at once.
#[test]
fn added_tokens_that_text_can_become() {
    let message = refusal(&with("/added_tokens/-", added("abc", 257)));
    assert!(message.contains("\"abc\" is an added token, and stands in the merges"), "{message}");
    assert!(refusal(&with("/added_tokens/-", added("z", 122))).contains("a byte"));
    // "é" as text is two bytes, as a key it is the byte 0xE9.
    assert!(refusal(&with("/added_tokens/-", added("é", 0xE9))).contains("a byte"));

    let mut whole = with("/model/vocab/word", json!(259));
    whole["added_tokens"] = json!([added("<|end|>", 258), added("word", 259)]);
    assert_eq!(read_value(&whole).unwrap().added[1].content, "word", "no merge leads to it");
    whole["model"]["ignore_merges"] = json!(true);
    assert!(refusal(&whole).contains("(with ignore_merges) an ordinary token"));
}
