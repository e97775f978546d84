//! Files → documents: text, jsonl; plain, gz, zst; in blocks, never a whole corpus.
