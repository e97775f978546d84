"""The contract seen as another library's protocol: a file each, with a function or class that takes a tokenizer."""
