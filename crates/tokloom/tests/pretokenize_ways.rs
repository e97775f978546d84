//! Every way to scan that this machine has splits as the scalar scanner does, which `pretokenize_scanners.rs` proves
//! against the regular expressions.
//!
//! `TOKLOOM_FUZZ_INPUTS=100000000 TOKLOOM_FUZZ_SEED=1 cargo test --release -p tokloom --test pretokenize_ways fuzz -- --nocapture`
//! tries as many random texts; without the variables, some hundred thousand.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod pretokenize_support;

use pretokenize_support::NASTY;
use tokloom::pretokenize::{WAY_VARIABLE, Way};
use tokloom::{Pattern, Pretokenizer};

/// A pattern's scalar scanner, and the ways that are to split alike.
struct Claim {
    name: &'static str,
    scalar: Pretokenizer,
    ways: Vec<(&'static str, Pretokenizer)>,
}

fn claims() -> Vec<Claim> {
    let claim = |name| {
        let pattern = Pattern::named(name).unwrap();
        let by_way = |way: Way| (way.name(), Pretokenizer::by_way(&pattern, way).unwrap());
        let ways = Way::ALL.into_iter().filter(|way| *way != Way::Scalar && way.is_available());
        Claim { name, scalar: by_way(Way::Scalar).1, ways: ways.map(by_way).collect() }
    };
    Pattern::names().into_iter().map(claim).collect()
}

/// The ends of the pretokens, by stretches.
fn ends_in_blocks(scanner: &Pretokenizer, bytes: &[u8], found: &mut Vec<usize>) {
    found.clear();
    let mut start = 0;
    scanner
        .split_blocks(bytes, |stretch, ends| {
            assert_eq!(stretch.len(), ends[ends.len() - 1] as usize);
            found.extend(ends.iter().map(|end| start + *end as usize));
            start += stretch.len();
        })
        .unwrap();
    assert_eq!(start, bytes.len());
}

fn ends_of_prefix(scanner: &Pretokenizer, bytes: &[u8], found: &mut Vec<usize>) {
    found.clear();
    let mut end = 0;
    let done = scanner.split_prefix(bytes, |pretoken| {
        end += pretoken.len();
        found.push(end);
    });
    assert_eq!(done.unwrap(), end);
}

/// What [`Claim::check`] writes to, again and again.
#[derive(Default)]
struct Workspace {
    expected: Vec<usize>,
    found: Vec<usize>,
}

impl Claim {
    fn check(&self, bytes: &[u8], workspace: &mut Workspace) {
        self.check_with(bytes, workspace, "split_blocks", ends_in_blocks);
    }

    fn check_prefix(&self, bytes: &[u8], workspace: &mut Workspace) {
        self.check_with(bytes, workspace, "split_prefix", ends_of_prefix);
    }

    fn check_with(
        &self,
        bytes: &[u8],
        Workspace { expected, found }: &mut Workspace,
        what: &str,
        ends: fn(&Pretokenizer, &[u8], &mut Vec<usize>),
    ) {
        ends(&self.scalar, bytes, expected);
        for (way, scanner) in &self.ways {
            ends(scanner, bytes, found);
            if found != expected {
                let at =
                    found.iter().zip(&*expected).take_while(|(found, expected)| found == expected).count();
                let show = |ends: &[usize]| ends[at.saturating_sub(2)..ends.len().min(at + 4)].to_vec();
                panic!(
                    "{} {way} {what}: ends {:?}, expected {:?}, in {:?}",
                    self.name,
                    show(found),
                    show(expected),
                    String::from_utf8_lossy(&bytes[..bytes.len().min(1_000)])
                );
            }
        }
    }
}

/// Runs `test` for every pattern, on two threads.
fn for_each_claim(test: impl Fn(&Claim, &mut Workspace) + Sync) {
    let claims = claims();
    std::thread::scope(|scope| {
        for half in 0..2 {
            let (claims, test) = (&claims, &test);
            scope.spawn(move || {
                let mut workspace = Workspace::default();
                claims.iter().skip(half).step_by(2).for_each(|claim| test(claim, &mut workspace));
            });
        }
    });
}

#[test]
fn the_portable_way_is_always_there_and_a_way_has_a_name() {
    assert!(Way::Scalar.is_available() && Way::Portable.is_available() && Way::fastest().is_available());
    for claim in claims() {
        assert!(claim.ways.iter().any(|(name, _)| *name == "portable"));
    }
    let pattern = Pattern::named("gpt4").unwrap();
    for way in Way::ALL.into_iter().filter(|way| !way.is_available()) {
        let error = Pretokenizer::by_way(&pattern, way).err().unwrap().to_string();
        assert!(error.contains(way.name()) && error.contains("portable"), "{error}");
    }
}

/// Not a test: what [`the_environment_chooses_the_way`] runs with the variable set.
#[test]
#[ignore = "run by another test, with the variable set"]
fn a_process_with_the_variable() {
    match Pretokenizer::new(&Pattern::named("gpt4").unwrap()) {
        Ok(scanner) => println!("way {}", scanner.way().unwrap().name()),
        Err(error) => println!("error {error}"),
    }
}

#[test]
fn the_environment_chooses_the_way() {
    let output_with = |way: &str| {
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "a_process_with_the_variable", "--nocapture"])
            .env(WAY_VARIABLE, way)
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    for way in Way::ALL.into_iter().filter(|way| way.is_available()) {
        assert!(output_with(way.name()).contains(&format!("way {}\n", way.name())));
    }
    assert!(output_with("").contains(&format!("way {}\n", Way::fastest().name())));
    assert!(output_with("abacus").contains("the way \"abacus\" (TOKLOOM_SCAN); it has scalar, portable"));
}

/// Where a code point is tried; `@` stands for it.
const CONTEXTS: &[&str] = &[
    "a@a",
    " @ x",
    "A@A",
    "1@1",
    "!@!",
    "'@x",
    "a's@",
    "\n@b",
    "  @@\n",
    "\u{301}@A",
    " !@\r\n",
    "ʰ@Z",
    "漢@漢",
    "@'s",
    "'@s",
    "\n/@",
    "\t@a",
    "Aa@A",
];

/// As one text, so that every code point is at another place of its block in each.
#[test]
fn every_code_point_in_many_contexts() {
    for_each_claim(|claim, workspace| {
        let mut text = String::new();
        for character in '\0'..=char::MAX {
            text.push(character);
            for context in CONTEXTS {
                context.split('@').enumerate().for_each(|(index, part)| {
                    text.extend((index > 0).then_some(character));
                    text.push_str(part);
                });
                text.push('\n');
            }
            // Enough to find a failure in, and few enough not to begin again all the time.
            if text.len() > 2_000 {
                claim.check(text.as_bytes(), workspace);
                text.clear();
                text.push_str(&"x"[..usize::from(u32::from(character) % 2 == 1)]);
            }
        }
        claim.check(text.as_bytes(), workspace);
    });
}

/// Each piece followed by each, and those by a word, around a border of blocks.
#[test]
fn pairs_of_pieces_at_every_place_around_a_border() {
    for_each_claim(|claim, workspace| {
        let mut text = Vec::new();
        for (number, first) in NASTY.iter().enumerate() {
            for (other, second) in NASTY.iter().enumerate() {
                // Every place for some pairs, some places for every pair.
                let step = if (number + other) % 16 == 0 { 1 } else { 5 };
                for before in (52 + other % step..70).step_by(step) {
                    text.clear();
                    text.resize(before, if before % 2 == 0 { b'b' } else { b' ' });
                    [first, second, "s B\n"].iter().for_each(|part| text.extend_from_slice(part.as_bytes()));
                    text.resize(text.len() + 70, b'c');
                    claim.check(&text, workspace);
                    // The text ends here; or it goes on.
                    claim.check(&text[..before + first.len() + second.len()], workspace);
                    claim.check_prefix(&text, workspace);
                }
            }
        }
    });
}

#[test]
fn long_runs() {
    const RUNS: &[&str] = &[
        "a", "A", "aA", "1", "٣", "=", "é", "中", "\u{301}", "ʰ", "😀", "\0", " ", "\t", "\n", "\r\n",
        "\u{3000}", "\u{A0}", "\n ", "/", "!/\n", "'", "'s", "漢A", "\u{80}",
    ];
    for_each_claim(|claim, workspace| {
        for run in RUNS {
            for length in [63, 64, 65, 127, 128, 129, 1_000, 100_000, 1_000_000] {
                let run = run.repeat(length / run.len());
                // A run of digits or newlines alone is done; with this it begins and ends in the middle of a block.
                for (before, behind) in [("", ""), ("a\n", "b"), ("!", "\nA")] {
                    if length < 1_000_000 || behind == "b" {
                        claim.check(format!("{before}{run}{behind}").as_bytes(), workspace);
                    }
                }
            }
        }
    });
}

#[test]
fn known_text_needs_no_look_at_its_bytes() {
    let mut random = Random::new(5);
    let mut text = Vec::new();
    for claim in claims() {
        for _ in 0..1_000 {
            random_text(&mut random, &mut text);
            let Ok(text) = std::str::from_utf8(&text) else { continue };
            for (_, scanner) in &claim.ways {
                let (mut found, mut expected) = (Vec::new(), Vec::new());
                scanner.split_str_blocks(text, |_, ends| found.extend_from_slice(ends)).unwrap();
                scanner.split_blocks(text.as_bytes(), |_, ends| expected.extend_from_slice(ends)).unwrap();
                assert_eq!(found, expected);
            }
        }
    }
}

/// Small numbers that depend on the seed alone: xorshift64*.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        ((self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize * limit) >> 31
    }

    fn of<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        choices[self.below(choices.len())]
    }
}

/// Besides [`NASTY`]: what takes a block to its border, and what scripts are made of.
const FILLERS: &[&str] = &[
    "a",
    "b c",
    "é",
    "дом ",
    "λό",
    "שלום",
    "سلام ",
    "หนัง",
    "हिन्दी",
    "字",
    "カナ",
    "한글 ",
    "1",
    " ",
    "\n",
    "!",
];

/// Up to some 300 bytes: often just around one border of 64 bytes, or two.
fn random_text(random: &mut Random, text: &mut Vec<u8>) {
    text.clear();
    if random.below(4) > 0 {
        let filler = random.of(FILLERS).as_bytes();
        let length = random.below(140);
        while text.len() < length {
            text.extend_from_slice(filler);
        }
    }
    for _ in 0..1 + random.below(24) {
        let piece = random.of(NASTY).as_bytes();
        let times = if random.below(12) == 0 { 1 + random.below(70) } else { 1 };
        (0..times).for_each(|_| text.extend_from_slice(piece));
        if text.len() > 220 {
            break;
        }
    }
    match random.below(16) {
        0 => {
            // Anything at all, UTF-8 or not.
            let place = random.below(text.len());
            text[place] = random.below(256) as u8;
        }
        1 => {
            let character = char::from_u32(random.below(0x11_0000) as u32).unwrap_or('\u{2028}');
            text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            text.extend_from_slice(b"a B");
        }
        _ => {}
    }
}

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).map_or(otherwise, |number| number.parse().expect(variable))
}

#[test]
fn fuzz() {
    let inputs = number("TOKLOOM_FUZZ_INPUTS", 600_000);
    let seed = number("TOKLOOM_FUZZ_SEED", 0);
    let threads = number("TOKLOOM_FUZZ_THREADS", 2);
    let claims = claims();
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let claims = &claims;
            scope.spawn(move || {
                let mut random = Random::new(seed * threads + thread + 1);
                let (mut text, mut workspace) = (Vec::new(), Workspace::default());
                for input in 0..inputs / threads {
                    random_text(&mut random, &mut text);
                    let claim = &claims[random.below(claims.len())];
                    claim.check(&text, &mut workspace);
                    if input % 8 == 0 {
                        claim.check_prefix(&text, &mut workspace);
                    }
                }
            });
        }
    });
    println!("{inputs} inputs, seed {seed}, {threads} threads");
}
