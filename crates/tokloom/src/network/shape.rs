//! What goes between two layers.

/// What kind of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// Numbers below this one: characters, digits, codes.
    Symbols(u32),
    /// 0..=127.
    Activations,
    /// Any `i32`.
    Sums,
}

impl Values {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Symbols(_) => "symbols",
            Self::Activations => "activations",
            Self::Sums => "sums",
        }
    }
}

/// The values that belong to one input of a network: `rows` rows of `width`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Rows.
    pub rows: usize,
    /// Values in a row.
    pub width: usize,
    /// What they are.
    pub values: Values,
}

impl Shape {
    /// One row of `width` symbols below `bound`.
    pub fn symbols(width: usize, bound: u32) -> Self {
        Self { rows: 1, width, values: Values::Symbols(bound) }
    }

    /// One row of `width` activations.
    pub fn activations(width: usize) -> Self {
        Self { rows: 1, width, values: Values::Activations }
    }

    /// How many values there are.
    pub fn size(&self) -> usize {
        self.rows * self.width
    }
}
