//! Everything that can go wrong in the engine, by what the caller can do about it.

use std::fmt;

/// The result of an engine call.
pub type Result<T> = std::result::Result<T, Error>;

/// An error that says what was wrong, where, and what to do.
#[derive(Debug)]
pub enum Error {
    /// A split pattern that doesn't compile, matches the empty string, or needs too many steps.
    Pattern(String),
    /// Tokens, merges or ranks that contradict each other.
    Vocabulary(String),
    /// A special token that is empty, given twice, or equal to an ordinary token; or one met in a text where the
    /// caller allowed none.
    SpecialToken(String),
    /// A file whose contents are not what they should be: which file, where in it, and what was expected.
    Format(String),
    /// A file that is in order, but asks for what the engine doesn't do exactly.
    Unsupported {
        /// The whole story: which file, where in it, what, and what to do.
        message: String,
        /// What in the file it is, in a few words.
        reason: String,
    },
    /// A special token in a text that allows none.
    ForbiddenSpecialToken {
        /// The token.
        token: String,
        /// Where it begins, in bytes of the text.
        position: usize,
        /// Which text of a batch.
        text: Option<usize>,
    },
    /// An id that stands for no token.
    UnknownId(u64),
    /// An argument outside its range.
    Argument(String),
    /// The operating system refused something: on which path, and what it said.
    Io {
        /// The file that was read or written.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A fault of this library, such as a thread of its own that panicked.
    Internal(String),
    /// The caller's progress callback asked to stop.
    Interrupted,
}

impl Error {
    /// An [`Error::Io`] that remembers its path.
    pub fn io(path: impl fmt::Display, source: std::io::Error) -> Self {
        Error::Io { path: path.to_string(), source }
    }

    /// The same error, met in text `index` of a batch.
    pub(crate) fn in_text(self, index: usize) -> Self {
        match self {
            Error::ForbiddenSpecialToken { token, position, .. } => {
                Error::ForbiddenSpecialToken { token, position, text: Some(index) }
            }
            Error::Pattern(message) => Error::Pattern(format!("in text {index}: {message}")),
            other => other,
        }
    }

    /// The same error, met in a part of a text that begins at `start`.
    pub(crate) fn moved_by(self, start: usize) -> Self {
        match self {
            Error::ForbiddenSpecialToken { token, position, text } => {
                Error::ForbiddenSpecialToken { token, position: position + start, text }
            }
            other => other,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Pattern(message)
            | Error::Vocabulary(message)
            | Error::SpecialToken(message)
            | Error::Format(message)
            | Error::Unsupported { message, .. }
            | Error::Argument(message)
            | Error::Internal(message) => formatter.write_str(message),
            Error::ForbiddenSpecialToken { token, position, text } => {
                let text = text.map_or(String::new(), |index| format!(" of text {index}"));
                write!(formatter, "the text contains the special token {token:?} at byte {position}{text}")
            }
            Error::UnknownId(id) => write!(formatter, "id {id} stands for no token of this vocabulary"),
            Error::Io { path, source } => write!(formatter, "{path}: {source}"),
            Error::Interrupted => formatter.write_str("interrupted"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}
