//! The beginnings of spans, shorter ones first.

use crate::segment::LONGEST;
use std::ops::Range;

/// A beginning of spans; a single byte always is one.
pub(super) struct Node {
    /// The last byte.
    pub(super) byte: u8,
    pub(super) depth: u8,
    /// Bit `length - 1` for each span that ends here.
    pub(super) lengths: u16,
    /// The longest shorter end of these bytes that is a node.
    pub(super) shorter: usize,
    /// The nodes of one more byte, in order of it.
    pub(super) longer: Range<usize>,
}

/// The node of no bytes.
pub(super) const ROOT: usize = 0;

/// The nodes of these spans: [`ROOT`], the 256 single bytes, and so on by depth.
pub(super) fn nodes(mut spans: Vec<&[u8]>) -> Vec<Node> {
    spans.sort_unstable();
    let mut nodes = vec![Node { byte: 0, depth: 0, lengths: 0, shorter: ROOT, longer: 1..257 }];
    // The spans that begin with a node's bytes: one range of those in order. That of the root isn't asked for.
    let mut begin = Vec::from([Range::default()]);
    let mut rest = 0;
    for byte in 0..=255 {
        let end = rest + spans[rest..].partition_point(|span| span[0] == byte);
        nodes.push(Node { byte, depth: 1, lengths: 1, shorter: ROOT, longer: 0..0 });
        begin.push(rest..end);
        rest = end;
    }
    let mut node = 1;
    while node < nodes.len() {
        let Range { mut start, end } = begin[node].clone();
        let depth = usize::from(nodes[node].depth);
        if start < end && spans[start].len() == depth {
            nodes[node].lengths |= 1 << (depth - 1);
            start += 1;
        }
        let first = nodes.len();
        while start < end && depth < LONGEST {
            let byte = spans[start][depth];
            let next = start + spans[start..end].partition_point(|span| span[depth] == byte);
            let shorter = shorter(&nodes, node, byte);
            nodes.push(Node { byte, depth: depth as u8 + 1, lengths: 0, shorter, longer: 0..0 });
            begin.push(start..next);
            start = next;
        }
        nodes[node].longer = first..nodes.len();
        node += 1;
    }
    // What ends in a shorter node ends in the longer one, too.
    for node in 0..nodes.len() {
        nodes[node].lengths |= nodes[nodes[node].shorter].lengths;
    }
    nodes
}

/// The longest end of a node's bytes without the first, and one byte more, that is a node. It is there already, since
/// it is shorter than the node with that byte.
fn shorter(nodes: &[Node], node: usize, byte: u8) -> usize {
    let mut shorter = nodes[node].shorter;
    loop {
        let longer = nodes[shorter].longer.clone();
        if let Ok(place) = nodes[longer.clone()].binary_search_by_key(&byte, |node| node.byte) {
            return longer.start + place;
        }
        shorter = nodes[shorter].shorter;
    }
}
