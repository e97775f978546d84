//! `tokenizer.json` of Hugging Face's tokenizers, byte-level BPE.
