//! Long documents → pieces of about a megabyte that can be counted one by one.

use super::tally::Splitter;
use crate::error::Result;

/// Small enough to be counted in some milliseconds, large enough that what a piece costs beside that vanishes.
pub(super) const PIECE: usize = 1 << 20;

/// Calls `each` with pieces of `document` whose pretokens together are those of the whole. A piece is longer than
/// [`PIECE`] where the splitter knows no place to cut.
pub(super) fn pieces<'a>(
    document: &'a [u8],
    splitter: &dyn Splitter,
    mut each: impl FnMut(&'a [u8]) -> Result<()>,
) -> Result<()> {
    let (mut rest, mut wanted) = (document, PIECE);
    while rest.len() > wanted {
        let piece = match splitter.cut(&rest[..wanted])? {
            Some(place) if 0 < place && place <= wanted => place,
            _ => {
                wanted = wanted.saturating_mul(2);
                continue;
            }
        };
        each(&rest[..piece])?;
        rest = &rest[piece..];
        // Half of what the next cut looks at is new to it: all cuts together look at each byte about twice.
        wanted = PIECE.max(2 * (wanted - piece));
    }
    if rest.is_empty() { Ok(()) } else { each(rest) }
}
