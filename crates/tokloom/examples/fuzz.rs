//! Random inputs against the promises of the encoder and of the two formats. Stable Rust, and it counts.
//!
//! ```text
//! fuzz encode NUMBER SEED     random vocabularies and texts: ids as by the plain rule, decoded to the same bytes
//! fuzz formats NUMBER SEED    mutated rank files and tokenizer.json: an error or a vocabulary that comes back, no panic
//! ```
//!
//! Under `ulimit -v` it shows that no file of some kilobytes takes more memory than that.

use std::collections::HashMap;
use std::error::Error;

use tokloom::encode::Special;
use tokloom::formats::{huggingface, tiktoken, to_huggingface};
use tokloom::{AddedToken, Merges, Parts, Pattern, Pretokenizer, Vocabulary};

type Outcome = Result<(), Box<dyn Error>>;

/// Texts on one vocabulary: making one takes as long as encoding hundreds of texts.
const TEXTS: u64 = 2_000;
const SPECIAL: &str = "<|end|>";
/// What texts and tokens are made of: ids meet where pieces are few.
const PIECES: [&[u8]; 28] = [
    b"a",
    b"b",
    b"ab",
    b"the",
    b" ",
    b"  ",
    b"\n",
    b"\r\n",
    b"\t",
    b"1",
    b"23",
    b"'s",
    b"'S",
    b".",
    b"==",
    b"\0",
    "é".as_bytes(),
    "中".as_bytes(),
    "文".as_bytes(),
    "\u{301}".as_bytes(),
    "ſ".as_bytes(),
    "\u{3000}".as_bytes(),
    "ǅ".as_bytes(),
    "😀".as_bytes(),
    b"\xff",
    b"\xe4\xb8",
    b"<|end|>",
    b"A",
];

/// xorshift64*: no dependency, the same numbers everywhere.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound.max(1) as u64).unwrap_or(0)
    }

    fn of<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.below(items.len()))
    }

    /// Up to `most` pieces; now and then one of them many times, for what long runs do.
    fn text(&mut self, most: usize) -> Vec<u8> {
        let mut text = Vec::new();
        for _ in 0..self.below(most + 1) {
            let piece = self.of(&PIECES).copied().unwrap_or_default();
            let times = if self.below(24) == 0 { self.below(300) } else { 1 };
            (0..times).for_each(|_| text.extend_from_slice(piece));
        }
        text
    }
}

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [kind, number, seed] = arguments.as_slice() else {
        return Err("usage: fuzz encode|formats NUMBER SEED".into());
    };
    let (number, mut chance) = (number.parse::<u64>()?, Chance(seed.parse::<u64>()? | 1));
    let mut done = 0;
    while done < number {
        done += match kind.as_str() {
            "encode" => encode(&mut chance)?,
            "formats" => formats(&mut chance)?,
            _ => return Err("the first argument is encode or formats".into()),
        };
        if (done / TEXTS).is_multiple_of(25) {
            println!("{done} inputs");
        }
    }
    println!("{done} inputs, seed {seed}: no difference, no panic");
    Ok(())
}

fn parts(chance: &mut Chance) -> Result<Parts, Box<dyn Error>> {
    let mut tokens: Vec<Vec<u8>> = (0..=255u8).map(|byte| vec![byte]).collect();
    for _ in 0..chance.below(200) {
        // Half of the new tokens are made of tokens, so that there are chains of merges; half are pieces of text, whose
        // parts need not be tokens.
        let token = if chance.below(2) == 0 {
            let left = chance.of(&tokens).cloned().unwrap_or_default();
            [left, chance.of(&tokens).cloned().unwrap_or_default()].concat()
        } else {
            chance.text(3)
        };
        if (2..=64).contains(&token.len()) && !tokens.contains(&token) && token != SPECIAL.as_bytes() {
            tokens.push(token);
        }
    }
    let names = Pattern::names();
    let name = chance.of(&names).ok_or("no named pattern")?;
    Ok(Parts {
        pattern: Pattern::named(name).ok_or("a name without a pattern")?,
        tokens: (0..).zip(tokens).collect(),
        merges: Merges::ByRank,
        whole_pretoken_first: true,
        added: vec![AddedToken::special(SPECIAL, 70_000)],
        post_processor: None,
    })
}

fn encode(chance: &mut Chance) -> Result<u64, Box<dyn Error>> {
    let parts = parts(chance)?;
    let plain = Pretokenizer::by_regex(&parts.pattern)?;
    let ranks: HashMap<Vec<u8>, u32> = parts.tokens.iter().map(|(id, token)| (token.clone(), *id)).collect();
    let vocabulary = Vocabulary::new(parts)?;
    for _ in 0..TEXTS {
        let text = chance.text(30);
        let ids = vocabulary.encode(&text, Special::Text)?;
        let mut expected = Vec::new();
        plain.split(&text, |pretoken| merge(pretoken, &ranks, &mut expected))?;
        let same = ids == expected
            && vocabulary.decode(&ids, false)? == text
            && vocabulary.count_tokens(&text, Special::Text)? == ids.len();
        if !same {
            return Err(format!("{text:?} with {:?}: {ids:?}, not {expected:?}", vocabulary.pattern()).into());
        }
    }
    Ok(TEXTS)
}

/// The rule itself: the whole pretoken if it is a token, else the adjacent pair of the lowest rank, the first of equals.
fn merge(pretoken: &[u8], ranks: &HashMap<Vec<u8>, u32>, ids: &mut Vec<u32>) {
    let whole = ranks.contains_key(pretoken);
    let mut bounds: Vec<usize> = if whole { vec![0, pretoken.len()] } else { (0..=pretoken.len()).collect() };
    let rank =
        |start: usize, end: usize| pretoken.get(start..end).and_then(|bytes| ranks.get(bytes)).copied();
    loop {
        let pairs = bounds.windows(3).enumerate().filter_map(|(at, window)| match window {
            [start, _, end] => rank(*start, *end).map(|rank| (rank, at)),
            _ => None,
        });
        let Some((_, at)) = pairs.min() else { break };
        bounds.remove(at + 1);
    }
    ids.extend(bounds.windows(2).filter_map(|window| match window {
        [start, end] => rank(*start, *end),
        _ => None,
    }));
}

fn formats(chance: &mut Chance) -> Result<u64, Box<dyn Error>> {
    let mut parts = parts(chance)?;
    parts.tokens.truncate(300);
    let vocabulary = Vocabulary::new(parts)?;
    let ranks = tiktoken::write(vocabulary.ordinary_tokens());
    // Not every named pattern, nor every vocabulary, has a form there: then words alone are what is read.
    let json = to_huggingface(&vocabulary).unwrap_or_default();
    for _ in 0..TEXTS / 2 {
        let file = mutated(&ranks, chance);
        if let Ok(tokens) = tiktoken::read(&file, "f") {
            let again = tiktoken::write(tokens.iter().map(|(id, token)| (*id, token.as_slice())));
            if tiktoken::read(&again, "f")? != tokens {
                return Err(format!("{:?} doesn't come back", String::from_utf8_lossy(&file)).into());
            }
        }
        let file = mutated(&json, chance);
        if let Ok(vocabulary) = huggingface::read(&file, "f").and_then(Vocabulary::new) {
            let text = chance.text(10);
            // A vocabulary that lacks bytes may refuse a text: what it encodes must come back.
            if let Ok(ids) = vocabulary.encode(&text, Special::Text)
                && vocabulary.decode(&ids, false)? != text
            {
                return Err(
                    format!("{text:?} doesn't come back: {:?}", String::from_utf8_lossy(&file)).into()
                );
            }
        }
    }
    Ok(TEXTS)
}

/// A few bytes changed, left out or put in, a stretch doubled or cut out; some changes are of the file's own words.
fn mutated(file: &[u8], chance: &mut Chance) -> Vec<u8> {
    const WORDS: [&[u8]; 16] = [
        b"null",
        b"-1",
        b"1e9",
        b"4294967296",
        b"2147483647",
        b"{",
        b"[[[[[[[[",
        b"\"",
        b"\\u0000",
        b"\\ud800",
        b" ",
        b"\n",
        b"true",
        b",",
        b"==",
        b"\xff",
    ];
    let mut file = file.to_vec();
    for _ in 0..=chance.below(3) {
        let at = chance.below(file.len() + 1);
        let end = (at + chance.below(40)).min(file.len());
        match chance.below(5) {
            0 => drop(file.drain(at..end)),
            1 => drop(file.splice(at..at, chance.of(&WORDS).copied().unwrap_or_default().iter().copied())),
            2 => drop(file.splice(at..end, chance.of(&WORDS).copied().unwrap_or_default().iter().copied())),
            3 => {
                let stretch: Vec<u8> = file.get(at..end).unwrap_or_default().to_vec();
                drop(file.splice(at..at, stretch));
            }
            _ => {
                if let Some(byte) = file.get_mut(at) {
                    *byte ^= 1 << chance.below(8);
                }
            }
        }
    }
    file
}
