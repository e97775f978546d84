//! What is read, and as what.

use super::*;

#[test]
fn a_plain_file() {
    let parts = read_value(&file()).unwrap();
    assert_eq!(parts.tokens.len(), 258);
    assert_eq!(parts.tokens[32], (32, b" ".to_vec()));
    assert_eq!(parts.tokens[257], (257, b"abc".to_vec()));
    assert_eq!(parts.merges, Merges::Listed(vec![(97, 98, 256), (256, 99, 257)]));
    assert_eq!(parts.added, [AddedToken::special("<|end|>", 258)]);
    assert_eq!(parts.pattern, Pattern::sequence([GPT2]));
    assert!(!parts.whole_pretoken_first);
    assert_eq!(parts.post_processor, None);
}

#[test]
fn merges_as_strings_without_a_first_line_of_merges_txt() {
    let older = with("/model/merges", json!(["#version: 0.2", "a b", "ab c"]));
    assert_eq!(read_value(&older).unwrap(), read_value(&file()).unwrap());
}

#[test]
fn model_fields_that_have_no_effect() {
    for (pointer, value) in [
        ("/model/unk_token", json!("<|end|>")),
        ("/model/fuse_unk", json!(true)),
        ("/model/dropout", json!(0.0)),
        ("/model/dropout", json!(0)),
        ("/model/continuing_subword_prefix", json!("")),
        ("/model/end_of_word_suffix", json!("")),
        ("/normalizer", sequence("normalizers", &[])),
        ("/decoder", json!(null)),
        ("/decoder", sequence("decoders", &[byte_level(true), json!({"type": "Fuse"})])),
        ("/post_processor", byte_level(true)),
        ("/pre_tokenizer", json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false})),
    ] {
        assert_eq!(read_value(&with(pointer, value)).unwrap(), read_value(&file()).unwrap(), "{pointer}");
    }
}

#[test]
fn a_file_of_the_time_before_types_and_versions() {
    let mut older = file();
    older.as_object_mut().unwrap().remove("version");
    for field in ["type", "byte_fallback", "ignore_merges", "dropout"] {
        older["model"].as_object_mut().unwrap().remove(field);
    }
    assert_eq!(read_value(&older).unwrap(), read_value(&file()).unwrap());
}

#[test]
fn ignore_merges() {
    assert!(read_value(&with("/model/ignore_merges", json!(true))).unwrap().whole_pretoken_first);
}

#[test]
fn sequences_of_splits() {
    let nested =
        sequence("pretokenizers", &[sequence("pretokenizers", &[split(LETTERS)]), byte_level(false)]);
    for (pre_tokenizer, regexes) in [
        (sequence("pretokenizers", &[split(LETTERS), byte_level(false)]), vec![LETTERS]),
        (sequence("pretokenizers", &[split(r"\d"), split(LETTERS), byte_level(false)]), vec![r"\d", LETTERS]),
        (sequence("pretokenizers", &[split(LETTERS), byte_level(true)]), vec![LETTERS, GPT2]),
        (sequence("pretokenizers", &[byte_level(true)]), vec![GPT2]),
        (nested, vec![LETTERS]),
    ] {
        let parts = read_value(&with("/pre_tokenizer", pre_tokenizer)).unwrap();
        assert_eq!(parts.pattern, Pattern::sequence(regexes));
    }
}

#[test]
fn flags_of_added_tokens() {
    let mut token = added("  日本", 259);
    for flag in ["single_word", "lstrip", "rstrip", "normalized"] {
        token[flag] = json!(true);
    }
    token["special"] = json!(false);
    let parts = read_value(&with("/added_tokens/-", token)).unwrap();
    let expected = AddedToken {
        content: "  日本".into(),
        id: 259,
        special: false,
        strip_left: true,
        strip_right: true,
        single_word: true,
        normalized: true,
    };
    assert_eq!(parts.added[1], expected);
}

#[test]
fn an_added_token_with_an_ordinary_ones_bytes_but_an_id_of_its_own() {
    let parts = read_value(&with("/added_tokens/-", added("\n", 259))).unwrap();
    assert_eq!(parts.added[1], AddedToken::special("\n", 259));
    assert!(parts.tokens.contains(&(10, b"\n".to_vec())));
}

#[test]
fn holes_in_the_ids() {
    let mut file = with("/model/vocab/<|end|>", json!(9000));
    file["added_tokens"] = json!([added("<|end|>", 9000)]);
    assert_eq!(read_value(&file).unwrap().added, [AddedToken::special("<|end|>", 9000)]);
}

#[test]
fn post_processors_as_tokenizers_writes_them() {
    let template = r#"{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<|end|>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],"pair":[{"Sequence":{"id":"A","type_id":0}},{"Sequence":{"id":"B","type_id":1}}],"special_tokens":{"<|end|>":{"id":"<|end|>","ids":[258],"tokens":["<|end|>"]}}}"#;
    let roberta = r#"{"type":"RobertaProcessing","sep":["<|end|>",258],"cls":["<|end|>",258],"trim_offsets":true,"add_prefix_space":false}"#;
    let bert = r#"{"type":"BertProcessing","sep":["<|end|>",258],"cls":["<|end|>",258]}"#;
    let bytes = r#"{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":false,"use_regex":true}"#;
    let both = format!(r#"{{"type":"Sequence","processors":[{bytes},{template}]}}"#);
    for json in [template, roberta, bert, &both] {
        // Through a Value, so that the fields come in another order.
        let parts = read_value(&with("/post_processor", serde_json::from_str(json).unwrap())).unwrap();
        assert_eq!(parts.post_processor.as_deref(), Some(json));
        assert_eq!(read(&write(&parts).unwrap()).unwrap(), parts);
    }
}
