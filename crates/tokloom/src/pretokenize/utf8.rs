//! Bytes → stretches that are UTF-8 and stretches that aren't.

use simdutf8::compat::from_utf8;

/// A stretch of a text, as long as it can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Run<'a> {
    /// UTF-8. `ends`: whatever follows the bytes that were looked at, this stretch ends here.
    Valid { text: &'a str, ends: bool },
    /// Not UTF-8. An unfinished character at the end of a text is such a stretch.
    Invalid(&'a [u8]),
}

/// The stretch that `bytes` begin with, and the bytes after it; `None` when there are no bytes.
pub(super) fn first_run(bytes: &[u8]) -> Option<(Run<'_>, &[u8])> {
    let error = match from_utf8(bytes) {
        Ok("") => return None,
        Ok(text) => return Some((Run::Valid { text, ends: false }, &[])),
        Err(error) => error,
    };
    let (valid, rest) = bytes.split_at_checked(error.valid_up_to()).unwrap_or((bytes, &[]));
    if let Ok(text) = from_utf8(valid)
        && !text.is_empty()
    {
        // An unfinished character (no error length) may yet be finished, and then the stretch goes on.
        return Some((Run::Valid { text, ends: error.error_len().is_some() }, rest));
    }
    let (run, rest) = bytes.split_at(invalid_length(bytes));
    Some((Run::Invalid(run), rest))
}

/// How many bytes pass before the first that begins a character.
fn invalid_length(bytes: &[u8]) -> usize {
    let mut length = 0;
    while length < bytes.len() {
        // No character is longer than four bytes, so nothing behind them can matter.
        let window = bytes.get(length..bytes.len().min(length + 4)).unwrap_or_default();
        match std::str::from_utf8(window) {
            Err(error) if error.valid_up_to() == 0 => length += error.error_len().unwrap_or(window.len()),
            _ => break,
        }
    }
    length
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn runs(mut bytes: &[u8]) -> Vec<Run<'_>> {
        let mut found = Vec::new();
        while let Some((run, rest)) = first_run(bytes) {
            found.push(run);
            bytes = rest;
        }
        found
    }

    #[test]
    fn stretches_end_at_the_first_byte_of_the_other_kind() {
        let bytes = b"ab\xff\xc3(\xe2\x82";
        let expected = [
            Run::Valid { text: "ab", ends: true },
            Run::Invalid(b"\xff\xc3"),
            Run::Valid { text: "(", ends: false },
            Run::Invalid(b"\xe2\x82"),
        ];
        assert_eq!(runs(bytes), expected);
        assert_eq!(runs(b""), []);
    }

    proptest! {
        #[test]
        fn stretches_are_those_of_the_standard_library(
            bytes in proptest::collection::vec(prop_oneof![any::<u8>(), Just(b'a'), Just(0xe2), Just(0x82)], 0..40),
        ) {
            let mut expected: Vec<(bool, Vec<u8>)> = Vec::new();
            for chunk in bytes.utf8_chunks() {
                for (valid, part) in [(true, chunk.valid().as_bytes()), (false, chunk.invalid())] {
                    match expected.last_mut() {
                        _ if part.is_empty() => {}
                        Some((kind, run)) if *kind == valid => run.extend_from_slice(part),
                        _ => expected.push((valid, part.to_vec())),
                    }
                }
            }
            let found: Vec<(bool, Vec<u8>)> = runs(&bytes)
                .into_iter()
                .map(|run| match run {
                    Run::Valid { text, .. } => (true, text.as_bytes().to_vec()),
                    Run::Invalid(run) => (false, run.to_vec()),
                })
                .collect();
            prop_assert_eq!(found, expected);
        }
    }
}
