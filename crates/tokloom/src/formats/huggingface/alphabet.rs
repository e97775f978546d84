//! GPT-2's alphabet: a visible character for each byte, so that any bytes can be written as text.
//!
//! A byte that is a visible character of Latin-1 (`!`–`~`, `¡`–`¬`, `®`–`ÿ`) stands as that character; the other 68, in
//! ascending order, are the characters from U+0100 on. So a space is `Ġ` and a newline is `Ċ`.

const FIRST_STAND_IN: u32 = 0x100;
const STAND_INS: usize = 68;

const CHARACTERS: [char; 256] = characters();
const STAND_IN_BYTES: [u8; STAND_INS] = stand_in_bytes();

const fn is_visible(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF)
}

const fn stand_in_bytes() -> [u8; STAND_INS] {
    let mut bytes = [0; STAND_INS];
    let (mut byte, mut next) = (0, 0);
    while byte < 256 {
        if !is_visible(byte as u8) {
            bytes[next] = byte as u8;
            next += 1;
        }
        byte += 1;
    }
    bytes
}

const fn characters() -> [char; 256] {
    let mut characters = ['\0'; 256];
    let mut byte = 0;
    while byte < 256 {
        characters[byte] = byte as u8 as char;
        byte += 1;
    }
    let stand_ins = stand_in_bytes();
    let mut next = 0;
    while next < STAND_INS {
        if let Some(character) = char::from_u32(FIRST_STAND_IN + next as u32) {
            characters[stand_ins[next] as usize] = character;
        }
        next += 1;
    }
    characters
}

/// The bytes as text.
pub(super) fn write(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| CHARACTERS[byte as usize]).collect()
}

/// The bytes that a text stands for; `None` if it has a character outside of the alphabet.
pub(super) fn read(text: &str) -> Option<Vec<u8>> {
    text.chars().map(byte_of).collect()
}

fn byte_of(character: char) -> Option<u8> {
    match u8::try_from(character) {
        Ok(byte) => is_visible(byte).then_some(byte),
        Err(_) => {
            let index = u32::from(character).checked_sub(FIRST_STAND_IN)?;
            STAND_IN_BYTES.get(index as usize).copied()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_a_character_of_its_own_and_comes_back() {
        let all: Vec<u8> = (0..=255).collect();
        let text = write(&all);
        assert_eq!(text.chars().collect::<std::collections::HashSet<_>>().len(), 256);
        assert_eq!(read(&text), Some(all));
    }

    #[test]
    fn the_known_characters() {
        assert_eq!(write(b" \n\t~\x7f\xad\x00!"), "ĠĊĉ~ġŃĀ!");
        assert_eq!(read("é"), Some(vec![0xE9]));
    }

    #[test]
    fn nothing_else_is_in_the_alphabet() {
        let count = ('\0'..=char::MAX).filter(|&character| byte_of(character).is_some()).count();
        assert_eq!(count, 256);
        assert_eq!(read("a b"), None);
        assert_eq!(read("日"), None);
    }
}
