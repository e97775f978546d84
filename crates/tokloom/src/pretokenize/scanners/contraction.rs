//! English contractions after an apostrophe, as the patterns list them: 's 't 're 've 'm 'll 'd.

/// Where the contraction ends whose apostrophe is at `apostrophe`; lower case only. `byte`: that at a place of the text.
#[inline(always)]
pub(in crate::pretokenize) fn lower_case(
    byte: impl Fn(usize) -> Option<u8>,
    apostrophe: usize,
) -> Option<usize> {
    let second = match byte(apostrophe + 1)? {
        b's' | b'd' | b'm' | b't' => return Some(apostrophe + 2),
        b'l' => b'l',
        b'v' | b'r' => b'e',
        _ => return None,
    };
    (byte(apostrophe + 2)? == second).then_some(apostrophe + 3)
}

/// The same in any case. Unicode counts the long s, U+017F, as a lower case S.
#[inline(always)]
pub(in crate::pretokenize) fn any_case(
    byte: impl Fn(usize) -> Option<u8>,
    apostrophe: usize,
) -> Option<usize> {
    let second = match byte(apostrophe + 1)?.to_ascii_lowercase() {
        b's' | b'd' | b'm' | b't' => return Some(apostrophe + 2),
        b'l' => b'l',
        b'v' | b'r' => b'e',
        0xC5 => 0xBF,
        _ => return None,
    };
    (byte(apostrophe + 2)?.to_ascii_lowercase() == second).then_some(apostrophe + 3)
}
