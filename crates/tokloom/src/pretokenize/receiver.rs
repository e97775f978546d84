//! Who is told of pretokens, and in which form.

use crate::error::{Error, Result};

/// Whoever is told of pretokens.
pub(super) trait Receiver {
    /// A stretch of the text and where its pretokens end in it; the last one ends with the stretch.
    fn stretch(&mut self, stretch: &[u8], ends: &[u32]);
    /// A pretoken so long that its end has no offset.
    fn too_long(&mut self, pretoken: &[u8]);
}

/// Tells of one pretoken at a time.
pub(super) struct OneByOne<E>(pub(super) E);

impl<E: FnMut(&[u8])> Receiver for OneByOne<E> {
    #[inline]
    fn stretch(&mut self, stretch: &[u8], ends: &[u32]) {
        let mut start = 0;
        for &end in ends {
            let end = end as usize;
            self.0(stretch.get(start..end).unwrap_or_default());
            start = end;
        }
    }

    fn too_long(&mut self, pretoken: &[u8]) {
        self.0(pretoken);
    }
}

/// Tells of stretches, as long as every pretoken has an offset.
pub(super) struct Stretches<E> {
    each: E,
    too_long: bool,
}

impl<E> Stretches<E> {
    pub(super) fn new(each: E) -> Self {
        Self { each, too_long: false }
    }

    pub(super) fn check(&self) -> Result<()> {
        match self.too_long {
            false => Ok(()),
            true => {
                Err(Error::Argument("a stretch of 4 GiB without a place to split it can't be encoded".into()))
            }
        }
    }
}

impl<E: FnMut(&[u8], &[u32])> Receiver for Stretches<E> {
    #[inline]
    fn stretch(&mut self, stretch: &[u8], ends: &[u32]) {
        // Nothing comes after a gap.
        if !self.too_long {
            (self.each)(stretch, ends);
        }
    }

    fn too_long(&mut self, _: &[u8]) {
        self.too_long = true;
    }
}
