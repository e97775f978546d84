"""FSQ tokenizers."""
