//! Words as arrays of tokens, one behind the other, each with how often it occurs.
//!
//! A word is a mark, its count in two cells, a mark, and its tokens; after the last word stands a mark, too. A token
//! has as many cells as the tokens it was merged from, and its id in its first and in its last cell; its number of
//! cells says where the other end is, so neighbours are found without links. What lies between holds nothing that is
//! read: a cell that stops being the first of a token is overwritten, and a last cell can't be mistaken for the first
//! of the same token, since tokens only grow.

use crate::error::{Error, Result};

/// What holds a token's id. Two bytes are enough for most vocabularies, and halve the memory.
pub(super) trait Cell: Copy + Eq + Send {
    /// Between words.
    const MARK: Self;
    /// No token begins or ends here.
    const DEAD: Self;
    /// Ids are below this.
    const LIMIT: u32;
    fn of(id: u32) -> Self;
    fn id(self) -> u32;
}

impl Cell for u16 {
    const MARK: Self = Self::MAX;
    const DEAD: Self = Self::MAX - 1;
    const LIMIT: u32 = Self::DEAD as u32;
    #[inline(always)]
    fn of(id: u32) -> Self {
        id as Self
    }
    #[inline(always)]
    fn id(self) -> u32 {
        self.into()
    }
}

impl Cell for u32 {
    const MARK: Self = Self::MAX;
    const DEAD: Self = Self::MAX - 1;
    const LIMIT: u32 = Self::DEAD;
    #[inline(always)]
    fn of(id: u32) -> Self {
        id
    }
    #[inline(always)]
    fn id(self) -> u32 {
        self
    }
}

/// How far a word's beginning is searched from a place within it. Longer words are few, and listed.
const REACH: usize = 64;
/// From here on a count doesn't stand between the marks, but its number among the large ones.
const LARGE: u32 = 1 << 31;
/// The mark, the count and the mark before a word.
const HEAD: usize = 4;

pub(super) struct Words<C> {
    pub(super) cells: Vec<C>,
    large_counts: Vec<i64>,
    /// Where the words of more than [`REACH`] cells begin, ascending.
    long: Vec<usize>,
}

impl<C: Cell> Words<C> {
    pub(super) fn new() -> Self {
        Self { cells: vec![C::MARK], large_counts: Vec::new(), long: Vec::new() }
    }

    /// Words and their counts.
    pub(super) fn of<I: IntoIterator<Item = u32>>(words: impl Iterator<Item = (I, u64)>) -> Result<Self> {
        let mut all = Self::new();
        for (ids, count) in words {
            all.push(ids, count)?;
        }
        Ok(all)
    }

    /// Adds a word of these tokens, which are of one cell each. One that has no two tokens is left out.
    pub(super) fn push(&mut self, ids: impl IntoIterator<Item = u32>, count: u64) -> Result<()> {
        let head = self.cells.len();
        if count == 0 {
            return Ok(());
        }
        let count =
            i64::try_from(count).map_err(|_| Error::Argument(format!("a count of {count} is over 2^63")))?;
        self.push_head(count);
        self.cells.extend(ids.into_iter().map(C::of));
        if self.cells.len() < head + HEAD + 1 {
            self.cells.truncate(head);
        } else {
            self.close(head);
        }
        if self.cells.len() >= u32::MAX as usize {
            let message = "the distinct pretokens are longer than 4 GiB together; train on less text, leave out rare \
                           ones with min_count when counting, or give memory=, which trains by parts";
            return Err(Error::Argument(message.into()));
        }
        Ok(())
    }

    fn push_head(&mut self, count: i64) {
        let number = match u32::try_from(count) {
            Ok(small) if small < LARGE => small,
            _ => {
                self.large_counts.push(count);
                LARGE | (self.large_counts.len() - 1) as u32
            }
        };
        let halves = [number >> 16, number & 0xFFFF].map(C::of);
        self.cells.extend_from_slice(&[halves[0], halves[1], C::MARK]);
    }

    /// Ends the word whose head is behind the mark before `head`.
    fn close(&mut self, head: usize) {
        let start = head + HEAD - 1;
        if self.cells.len() - start > REACH {
            self.long.push(start);
        }
        self.cells.push(C::MARK);
    }

    /// How often the word occurs that has a token at `place`.
    #[inline]
    pub(super) fn count_at(&self, place: usize) -> i64 {
        let from = place.saturating_sub(REACH);
        let mark = self.cells[from..place].iter().rposition(|&cell| cell == C::MARK);
        self.count_before(mark.map_or_else(|| self.long_start(place), |mark| from + mark + 1))
    }

    #[cold]
    fn long_start(&self, place: usize) -> usize {
        let after = self.long.partition_point(|&start| start <= place);
        after.checked_sub(1).map_or(HEAD, |index| self.long[index])
    }

    /// The count of the word that begins at `start`.
    #[inline]
    fn count_before(&self, start: usize) -> i64 {
        let number = (self.cells[start - 3].id() & 0xFFFF) << 16 | self.cells[start - 2].id() & 0xFFFF;
        if number < LARGE { number.into() } else { self.large_counts[(number - LARGE) as usize] }
    }

    /// Calls `each` with every pair of neighbours: left, right, the word's count, and the left one's place. All
    /// tokens must be of one cell.
    #[inline]
    pub(super) fn each_pair(
        &self,
        tick: &mut dyn FnMut() -> Result<()>,
        mut each: impl FnMut(u32, u32, i64, usize) -> Result<()>,
    ) -> Result<()> {
        let mut start = HEAD;
        let mut next_tick = 0;
        while start < self.cells.len() {
            if start >= next_tick {
                tick()?;
                next_tick = start + (1 << 21);
            }
            let count = self.count_before(start);
            let mut left = self.cells[start];
            let mut place = start;
            while let Some(&right) = self.cells.get(place + 1).filter(|&&cell| cell != C::MARK) {
                each(left.id(), right.id(), count, place)?;
                left = right;
                place += 1;
            }
            start = place + 1 + HEAD;
        }
        Ok(())
    }

    /// Gives each token one cell, and leaves out the words that are one token. `cells_of` says how many cells a token
    /// has so far.
    pub(super) fn compact(&mut self, cells_of: &[u32]) {
        let (mut start, mut end) = (HEAD, 1);
        self.long.clear();
        while start < self.cells.len() {
            let head = end;
            self.cells.copy_within(start + 1 - HEAD..start, head);
            end += HEAD - 1;
            let mut place = start;
            while self.cells[place] != C::MARK {
                let token = self.cells[place];
                self.cells[end] = token;
                end += 1;
                place += cells_of[token.id() as usize] as usize;
            }
            start = place + HEAD;
            if end - head <= HEAD {
                end = head;
                continue;
            }
            if end - head > REACH {
                self.long.push(head + HEAD - 1);
            }
            self.cells[end] = C::MARK;
            end += 1;
        }
        self.cells.truncate(end);
        self.cells.shrink_to_fit();
    }
}

impl Words<u16> {
    /// The same words with room for larger ids.
    pub(super) fn widened(self) -> Words<u32> {
        let wide = |cell| match cell {
            u16::MARK => u32::MARK,
            u16::DEAD => u32::DEAD,
            id => id.into(),
        };
        let Self { cells, large_counts, long } = self;
        Words { cells: cells.into_iter().map(wide).collect(), large_counts, long }
    }
}
