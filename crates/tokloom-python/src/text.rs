//! Texts from Python: `str` or `bytes`, borrowed.

use crate::errors::{raise, to_python};
use pyo3::exceptions::{PyTypeError, PyUnicodeEncodeError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyFrozenSet, PyList, PySet, PyString, PyTuple};
use tokloom::Error;
use tokloom::encode::Special;

/// From this many bytes on, letting other Python threads run is worth what it costs.
const RELEASE_FROM: usize = 4096;

/// A borrowed text, and whether it was a `str`.
#[derive(Clone, Copy)]
pub(crate) struct Text<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) is_str: bool,
}

impl<'a> Text<'a> {
    pub(crate) fn of(text: &'a Bound<'_, PyAny>) -> PyResult<Self> {
        if let Ok(text) = text.cast::<PyString>() {
            let bytes = text.to_str().map_err(|error| no_unicode(text, error))?.as_bytes();
            return Ok(Self { bytes, is_str: true });
        }
        if let Ok(bytes) = text.cast::<PyBytes>() {
            return Ok(Self { bytes: bytes.as_bytes(), is_str: false });
        }
        let kind = text.get_type().name()?;
        Err(PyTypeError::new_err(format!("a text is a str or bytes, not {kind}")))
    }
}

/// The text of a `str` for which the GIL isn't worth releasing; `None` for all others, and for one that is no Unicode.
pub(crate) fn short_str<'a>(text: &'a Bound<'_, PyAny>) -> Option<&'a str> {
    text.cast::<PyString>().ok()?.to_str().ok().filter(|text| text.len() < RELEASE_FROM)
}

/// Why a `str` has no UTF-8: the position of its lone surrogate.
fn no_unicode(text: &Bound<'_, PyString>, error: PyErr) -> PyErr {
    let py = text.py();
    let position: PyResult<usize> = error.value(py).getattr("start").and_then(|start| start.extract());
    let Ok(position) = position else { return error };
    let message = format!(
        "the text has a lone surrogate at character {position}, which is no Unicode character and has no bytes; \
         text.encode('utf-8', 'surrogatepass') gives bytes that can be encoded, 'replace' drops it"
    );
    raise(py, "TextError", (message,))
}

/// Runs `work` on a text of so many bytes, without the GIL where that pays.
pub(crate) fn release<T: Send>(py: Python<'_>, bytes: usize, work: impl Send + FnOnce() -> T) -> T {
    if bytes < RELEASE_FROM { work() } else { py.detach(work) }
}

/// Many borrowed texts.
pub(crate) struct Texts<'py> {
    items: Vec<Bound<'py, PyAny>>,
}

impl<'py> Texts<'py> {
    pub(crate) fn of(texts: &Bound<'py, PyAny>) -> PyResult<Self> {
        if texts.is_instance_of::<PyString>() || texts.is_instance_of::<PyBytes>() {
            return Err(PyTypeError::new_err("expected a list of texts, not one text; use encode for one"));
        }
        let items = match texts.cast::<PyList>() {
            Ok(list) => list.iter().collect(),
            Err(_) => texts.try_iter()?.collect::<PyResult<Vec<_>>>()?,
        };
        Ok(Self { items })
    }

    pub(crate) fn borrow(&self) -> PyResult<Vec<Text<'_>>> {
        let text = |(index, item)| Text::of(item).map_err(|error| in_item(item, index, error));
        self.items.iter().enumerate().map(text).collect()
    }
}

fn in_item(item: &Bound<'_, PyAny>, index: usize, error: PyErr) -> PyErr {
    let py = item.py();
    let message = format!("text {index}: {}", error.value(py));
    match error.is_instance_of::<PyTypeError>(py) {
        true => PyTypeError::new_err(message),
        false => raise(py, "TextError", (message,)),
    }
}

/// `special`: "text", "parse", "raise", or names.
pub(crate) enum SpecialArgument {
    Text,
    Parse,
    Raise,
    Only(Vec<String>),
}

impl SpecialArgument {
    /// What the argument means; `None`: it wasn't given, which is "text".
    pub(crate) fn of(special: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let Some(special) = special else { return Ok(Self::Text) };
        if let Ok(word) = special.cast::<PyString>() {
            return match word.to_str()? {
                "text" => Ok(Self::Text),
                "parse" => Ok(Self::Parse),
                "raise" => Ok(Self::Raise),
                other => {
                    let message = format!(
                        "special={other:?} is not known; it is \"text\" (special tokens in a text stay text), \
                         \"parse\" (they become ids), \"raise\" (they are refused), or a set of those to parse"
                    );
                    Err(raise(special.py(), "ArgumentError", (message,)))
                }
            };
        }
        let is_collection = special.is_instance_of::<PySet>()
            || special.is_instance_of::<PyFrozenSet>()
            || special.is_instance_of::<PyList>()
            || special.is_instance_of::<PyTuple>();
        if !is_collection && special.try_iter().is_err() {
            let kind = special.get_type().name()?;
            return Err(PyTypeError::new_err(format!("special is a str or a collection of str, not {kind}")));
        }
        let mut names = special.try_iter()?.map(|name| name_of(&name?)).collect::<PyResult<Vec<String>>>()?;
        names.sort_unstable();
        Ok(Self::Only(names))
    }

    /// Runs `work` with the engine's form of this.
    pub(crate) fn with<T>(&self, work: impl FnOnce(Special<'_>) -> T) -> T {
        match self {
            Self::Text => work(Special::Text),
            Self::Parse => work(Special::Parse),
            Self::Raise => work(Special::Raise),
            Self::Only(names) => {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                work(Special::Only(&names))
            }
        }
    }
}

fn name_of(name: &Bound<'_, PyAny>) -> PyResult<String> {
    name.extract().map_err(|error: PyErr| match error.is_instance_of::<PyUnicodeEncodeError>(name.py()) {
        true => {
            let message = format!("a name in special is no Unicode text: {}", error.value(name.py()));
            raise(name.py(), "SpecialTokenError", (message,))
        }
        false => error,
    })
}

/// The Python error for an error met in `text`; positions in a `str` count its characters.
pub(crate) fn in_text(py: Python<'_>, error: Error, text: Text<'_>) -> PyErr {
    let Error::ForbiddenSpecialToken { token, position, text: index } = &error else {
        return to_python(py, error);
    };
    let before = &text.bytes[..(*position).min(text.bytes.len())];
    let (unit, position) = match text.is_str {
        true => ("character", String::from_utf8_lossy(before).chars().count()),
        false => ("byte", *position),
    };
    let which = index.map_or_else(|| "the text".to_owned(), |index| format!("text {index}"));
    let message = format!(
        "{which} contains the special token {token:?} at {unit} {position}; special=\"text\" encodes it as ordinary \
         text, special={{{token:?}}} as its id"
    );
    raise(py, "SpecialTokenError", (message,))
}
