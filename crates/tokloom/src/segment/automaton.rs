//! Which spans end at a byte: one step a byte, by the automaton of Aho and Corasick.

use crate::error::{Error, Result};
use crate::segment::LONGEST;

/// A state: the longest end of what was read that a span begins with.
pub(super) type State = u32;

/// Before the first byte.
pub(super) const START: State = 0;
/// States up to this one are single bytes (1 + byte): no span reaches from before such a byte over it.
const LAST_SINGLE: State = 256;
/// A state and a byte are one key.
const MOST_STATES: usize = 1 << 24;
const NO_KEY: u32 = u32::MAX;

pub(super) struct Automaton {
    /// From each single byte by each byte: `[byte][byte]`.
    pairs: Vec<State>,
    /// Steps from longer states: open addressing by state and byte.
    steps: Vec<(u32, State)>,
    shift: u32,
    states: Vec<Facts>,
}

#[derive(Clone, Copy)]
struct Facts {
    /// The next shorter end of the state's text that is a state.
    shorter: State,
    /// Bit `length - 1` for each span that ends here.
    lengths: u16,
    /// Bit `byte % 64` for each byte that leads to a longer state: most bytes are known not to without a look at
    /// `steps`.
    follow: u64,
}

impl Automaton {
    /// For the single bytes and these spans, of two to sixteen bytes.
    pub(super) fn new<'a>(spans: impl Iterator<Item = &'a [u8]> + Clone) -> Result<Self> {
        let nodes = spans.clone().map(|span| span.len() - 1).sum::<usize>();
        let size = (2 * nodes).next_power_of_two().max(1 << 10);
        if nodes >= MOST_STATES {
            return Err(Error::Vocabulary(format!(
                "the spans have {nodes} bytes; up to {MOST_STATES} are taken"
            )));
        }
        let mut automaton = Self {
            pairs: (0..1 << 16).map(|pair| 1 + (pair & 0xFF)).collect(),
            steps: vec![(NO_KEY, START); size],
            shift: 32 - size.trailing_zeros(),
            states: vec![Facts { shorter: START, lengths: 1, follow: u64::MAX }; 1 + 256],
        };
        automaton.states[0].lengths = 0;
        // In order of length, shorter states are complete when longer ones are made.
        let mut reached: Vec<(&[u8], State)> = spans.map(|span| (span, 1 + State::from(span[0]))).collect();
        for length in 2..=LONGEST {
            reached.retain(|(span, _)| span.len() >= length);
            for (span, state) in &mut reached {
                let longer = automaton.longer(*state, span[length - 1], length);
                if span.len() == length {
                    automaton.states[longer as usize].lengths |= 1 << (length - 1);
                }
                *state = longer;
            }
        }
        automaton.pass_on();
        automaton.shrink();
        Ok(automaton)
    }

    /// Spans that begin alike share states: there are fewer steps than there was room for, and a small table is near.
    fn shrink(&mut self) {
        let steps: Vec<_> = self.steps.iter().copied().filter(|(key, _)| *key != NO_KEY).collect();
        let size = (2 * steps.len()).next_power_of_two().max(1 << 10);
        self.steps = vec![(NO_KEY, START); size];
        self.shift = 32 - size.trailing_zeros();
        for (key, next) in steps {
            self.insert(key >> 8, key as u8, next);
        }
    }

    /// The state of one more byte, made if it isn't there; it has `length` bytes.
    fn longer(&mut self, state: State, byte: u8, length: usize) -> State {
        let found = match length {
            2 => Some(self.pairs[pair(state, byte)]).filter(|next| *next > LAST_SINGLE),
            _ => self.found(state, byte),
        };
        found.unwrap_or_else(|| {
            let next = self.states.len() as State;
            let shorter = self.step(self.states[state as usize].shorter, byte);
            self.states.push(Facts { shorter, lengths: 0, follow: 0 });
            match length {
                2 => self.pairs[pair(state, byte)] = next,
                _ => {
                    self.states[state as usize].follow |= 1 << (byte % 64);
                    self.insert(state, byte, next);
                }
            }
            next
        })
    }

    /// What ends in a shorter state ends in the longer one, too. Shorter states come first.
    fn pass_on(&mut self) {
        for state in 0..self.states.len() {
            let shorter = self.states[state].shorter as usize;
            self.states[state].lengths |= self.states[shorter].lengths;
        }
    }

    fn place(&self, key: u32) -> usize {
        (key.wrapping_mul(0x9E37_79B1) >> self.shift) as usize
    }

    #[inline(always)]
    fn found(&self, state: State, byte: u8) -> Option<State> {
        let key = state << 8 | u32::from(byte);
        let mut place = self.place(key);
        loop {
            // Half of the places are empty, so this ends; the mask keeps it in bounds.
            let (found, next) = self.steps[place & (self.steps.len() - 1)];
            if found == key {
                return Some(next);
            }
            if found == NO_KEY {
                return None;
            }
            place += 1;
        }
    }

    fn insert(&mut self, state: State, byte: u8, next: State) {
        let key = state << 8 | u32::from(byte);
        let mask = self.steps.len() - 1;
        let mut place = self.place(key);
        while self.steps[place & mask].0 != NO_KEY {
            place += 1;
        }
        self.steps[place & mask] = (key, next);
    }

    /// The state after one more byte.
    #[inline(always)]
    pub(super) fn step(&self, mut state: State, byte: u8) -> State {
        loop {
            if state <= LAST_SINGLE {
                if state == START {
                    return 1 + State::from(byte);
                }
                return self.pairs[pair(state, byte)];
            }
            let facts = self.states[state as usize];
            if facts.follow >> (byte % 64) & 1 == 1
                && let Some(next) = self.found(state, byte)
            {
                return next;
            }
            state = facts.shorter;
        }
    }

    /// Bit `length - 1` for each span that ends at the byte that led to this state.
    #[inline(always)]
    pub(super) fn lengths(&self, state: State) -> u16 {
        self.states[state as usize].lengths
    }

    /// Whether no span reaches over the byte that led to this state from before it, whatever follows.
    #[inline(always)]
    pub(super) fn begins(state: State) -> bool {
        state <= LAST_SINGLE
    }
}

#[inline(always)]
fn pair(state: State, byte: u8) -> usize {
    (state as usize - 1) << 8 | usize::from(byte)
}
