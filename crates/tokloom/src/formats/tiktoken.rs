//! tiktoken's rank files: a line a token, `base64(bytes) SPACE rank`.
