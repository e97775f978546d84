//! Files that people take for a vocabulary, told by their first bytes.

/// What the file seems to be and what to do about it, if it begins like something that isn't a vocabulary at all.
pub(super) fn looks_like(bytes: &[u8]) -> Option<&'static str> {
    const KNOWN: &[(&[u8], &str)] = &[
        (b"PK\x03\x04", "a zip archive (or a PyTorch checkpoint); unpack it and give the file inside"),
        (b"\x80", "a Python pickle, which tokloom never reads because reading one runs code"),
        (b"\x1f\x8b", "gzip data; unpack it first"),
        (b"\x28\xb5\x2f\xfd", "zstd data; unpack it first"),
        (b"version https://git-lfs", "a git-lfs pointer, not the file itself; run `git lfs pull`"),
        (b"<", "HTML or XML, perhaps the error page of a failed download; download it again"),
        (b"\xef\xbb\xbf", "text with a byte order mark; save it as UTF-8 without one"),
        (b"\xff\xfe", "UTF-16 text; save it as UTF-8"),
        (b"\xfe\xff", "UTF-16 text; save it as UTF-8"),
    ];
    KNOWN.iter().find(|(start, _)| bytes.starts_with(start)).map(|&(_, what)| what)
}
