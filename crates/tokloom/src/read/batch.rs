//! Several documents in one piece of memory.

/// Documents one behind the other in one buffer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    continues: bool,
}

/// A document of a [`Batch`], or a block of a long one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Document<'a> {
    /// Its bytes.
    pub bytes: &'a [u8],
    /// Whether this is no new document, but the next block of the one before.
    pub continues: bool,
}

impl Batch {
    /// A batch without documents.
    pub fn new() -> Self {
        Self::default()
    }

    /// A batch of this one block, which continues the document before it or begins one.
    pub fn of_block(bytes: Vec<u8>, continues: bool) -> Self {
        Self { ends: vec![bytes.len()], bytes, continues }
    }

    /// Adds a document.
    pub fn push(&mut self, document: &[u8]) {
        self.bytes.extend_from_slice(document);
        self.close_document();
    }

    /// All documents, one behind the other.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Where each document ends in [`Self::bytes`]; ascending.
    pub fn ends(&self) -> &[usize] {
        &self.ends
    }

    /// How many documents or blocks these are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no document in it.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// How many documents begin in this batch.
    pub fn documents_begun(&self) -> usize {
        self.len() - usize::from(self.continues && !self.is_empty())
    }

    /// The documents, first to last.
    pub fn documents(&self) -> impl Iterator<Item = Document<'_>> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).enumerate().map(|(index, (start, &end))| Document {
            bytes: &self.bytes[start..end],
            continues: self.continues && index == 0,
        })
    }

    /// The buffer in which the next document grows, until [`Self::close_document`] says that it is whole.
    pub(super) fn open_document(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    pub(super) fn close_document(&mut self) {
        self.ends.push(self.bytes.len());
    }
}
