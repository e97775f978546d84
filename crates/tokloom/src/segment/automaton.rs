//! Which spans end at a byte: one step a byte, by the automaton of Aho and Corasick.

use super::LONGEST;
use super::rows::Rows;
use super::trie::{Node, ROOT, nodes};
use crate::error::{Error, Result};
use std::ops::Range;

/// In place of the bit of single bytes, which are always spans: no span reaches from before this byte over it.
pub(super) const BEGINS: u16 = 1;
/// So many stretches of a text are gone through side by side: while one waits for memory, others go on.
const LANES: usize = 6;
/// A stretch of its own is worth it for this many bytes.
const LEAST_LANE: usize = 8 * LONGEST;
/// All spans have less bytes together, their first ones left out.
const MOST_BYTES: usize = 1 << 24;

/// A state is the longest end of what was read that longer spans begin with; it is where its row in `steps` begins.
type State = u32;

/// Before the first byte.
const START: State = 0;

pub(super) struct Automaton {
    steps: Vec<Step>,
    /// For each state, where to look on when it has no step: the next shorter end that has a step it has not.
    shorter: Vec<State>,
}

#[derive(Clone, Copy)]
struct Step {
    next: State,
    /// Rows lie over each other: this step is one of the row that begins this much before it.
    byte: u16,
    /// Bit `length - 1` for each span of two bytes or more that ends with this step, and [`BEGINS`].
    lengths: u16,
}

const NO_STEP: Step = Step { next: START, byte: u16::MAX, lengths: 0 };

impl Automaton {
    /// For the single bytes and these spans, of two to sixteen bytes, each there once.
    pub(super) fn new<'a>(spans: impl Iterator<Item = &'a [u8]>) -> Result<Self> {
        let spans: Vec<_> = spans.collect();
        let bytes: usize = spans.iter().map(|span| span.len() - 1).sum();
        if bytes >= MOST_BYTES {
            return Err(Error::Vocabulary(format!(
                "the spans have {bytes} bytes; up to {MOST_BYTES} are taken"
            )));
        }
        let nodes = nodes(spans);
        let (states, size) = states(&nodes);
        let mut automaton = Self { steps: vec![NO_STEP; size], shorter: vec![START; size] };
        let shorter = where_to_look_on(&nodes);
        let resumed = |node: usize| if nodes[node].longer.is_empty() { shorter[node] } else { node };
        for (node, state) in nodes.iter().zip(&states) {
            let Some(state) = *state else { continue };
            for longer in node.longer.clone() {
                let Node { byte, depth, lengths, .. } = nodes[longer];
                let lengths = lengths & !BEGINS | if depth == 1 { BEGINS } else { 0 };
                // There is always a state to go on with: single bytes have one, whatever follows them.
                let next = if depth == 1 { states[longer] } else { states[resumed(longer)] }.unwrap_or(START);
                automaton.steps[(state + u32::from(byte)) as usize] =
                    Step { next, byte: u16::from(byte), lengths };
            }
        }
        automaton.fill_full_rows();
        for (node, state) in states.iter().enumerate() {
            if let Some(state) = state {
                automaton.shorter[*state as usize] = states[shorter[node]].unwrap_or(START);
            }
        }
        Ok(automaton)
    }

    /// Where two bytes are no beginning of a span, the second is read as the first of a text.
    fn fill_full_rows(&mut self) {
        let (first, rows) = self.steps.split_at_mut(256);
        for row in rows.chunks_exact_mut(256).take(256) {
            for (step, first) in row.iter_mut().zip(first.iter()) {
                if step.byte == NO_STEP.byte {
                    *step = *first;
                }
            }
        }
    }

    /// Appends, for each byte of a range of the text, bit `length - 1` for each span of two bytes or more that ends
    /// with it, and [`BEGINS`].
    pub(super) fn lengths(&self, text: &[u8], range: Range<usize>, lengths: &mut Vec<u16>) {
        let old = lengths.len();
        lengths.resize(old + range.len(), 0);
        let lengths = &mut lengths[old..];
        let state = |at| self.state_after(&text[..range.start + at]);
        let text = &text[range.clone()];
        let each = text.len() / LANES;
        let mut rest = 0;
        if each >= LEAST_LANE {
            let lane = |lane| Lane { at: lane * each, end: (lane + 1) * each, state: state(lane * each) };
            self.side_by_side(std::array::from_fn(lane), text, lengths);
            rest = LANES * each;
        }
        self.one(&mut Lane { at: rest, end: text.len(), state: state(rest) }, text, lengths);
    }

    /// The state after a text. It is that after its last sixteen bytes, since no span is longer.
    fn state_after(&self, text: &[u8]) -> State {
        let text = text.last_chunk::<LONGEST>().map_or(text, |last| last);
        let mut lane = Lane { at: 0, end: text.len(), state: START };
        self.one(&mut lane, text, &mut [0; LONGEST]);
        lane.state
    }

    fn side_by_side(&self, mut lanes: [Lane; LANES], text: &[u8], lengths: &mut [u16]) {
        loop {
            // No lane gets further than one byte with each try.
            let tries = lanes.iter().map(|lane| lane.end - lane.at).min().unwrap_or(0);
            if tries == 0 {
                break;
            }
            for _ in 0..tries {
                for lane in &mut lanes {
                    self.try_step(lane, text, lengths);
                }
            }
        }
        lanes.iter_mut().for_each(|lane| self.one(lane, text, lengths));
    }

    fn one(&self, lane: &mut Lane, text: &[u8], lengths: &mut [u16]) {
        while lane.at < lane.end {
            self.try_step(lane, text, lengths);
        }
    }

    /// Goes on by a byte, or to a shorter state to try that byte again. Without a branch, since none could be foreseen.
    #[inline(always)]
    fn try_step(&self, lane: &mut Lane, text: &[u8], lengths: &mut [u16]) {
        let byte = text[lane.at];
        let step = self.steps[lane.state as usize + usize::from(byte)];
        let found = step.byte == u16::from(byte);
        lengths[lane.at] = step.lengths;
        let shorter = self.shorter[lane.state as usize];
        lane.state = std::hint::select_unpredictable(found, step.next, shorter);
        lane.at += usize::from(found);
    }
}

/// A stretch of a text that is gone through, and how far.
#[derive(Clone, Copy)]
struct Lane {
    at: usize,
    end: usize,
    state: State,
}

/// The state of each node that spans go on from, and how many places the rows of all take.
fn states(nodes: &[Node]) -> (Vec<Option<State>>, usize) {
    let mut rows = Rows::after(257);
    let mut states = vec![None; nodes.len()];
    for (node, state) in states.iter_mut().enumerate().take(257) {
        *state = Some(256 * node as State);
    }
    let mut fullest: Vec<usize> = (257..nodes.len()).filter(|node| !nodes[*node].longer.is_empty()).collect();
    fullest.sort_by_key(|node| std::cmp::Reverse(nodes[*node].longer.len()));
    for node in fullest {
        let bytes = nodes[nodes[node].longer.clone()].iter().map(|node| node.byte);
        states[node] = Some(rows.place(bytes) as State);
    }
    (states, rows.len())
}

/// For each node, the longest shorter end of it that has a longer node which it has not.
fn where_to_look_on(nodes: &[Node]) -> Vec<usize> {
    let mut look_on: Vec<usize> = Vec::with_capacity(nodes.len());
    for node in nodes {
        let mut shorter = node.shorter;
        let bytes = |node: &Node| nodes[node.longer.clone()].iter().map(|node| node.byte);
        let mut own = bytes(node);
        // Single bytes have a step for each.
        while nodes[shorter].depth > 1 && bytes(&nodes[shorter]).all(|byte| own.any(|other| other == byte)) {
            shorter = look_on[shorter];
            own = bytes(node);
        }
        look_on.push(shorter);
    }
    debug_assert_eq!(look_on[ROOT], ROOT);
    look_on
}
