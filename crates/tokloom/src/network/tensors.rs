//! Tensors in the bytes of a safetensors file.

use crate::error::{Error, Result};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use std::collections::BTreeMap;

/// A header says names and places alone; one that is longer than this is nobody's.
const LONGEST_HEADER: u64 = 1 << 20;
/// Tensors in a file.
const MOST_TENSORS: usize = 4096;

/// The tensors of a file, its sizes and places checked; nothing is copied.
pub struct Tensors<'a> {
    origin: &'a str,
    tensors: BTreeMap<String, TensorView<'a>>,
}

impl<'a> Tensors<'a> {
    /// The tensors in `data`; `origin` is the file's name, for messages.
    ///
    /// # Errors
    /// [`Error::Format`] if it is no such file, or a part of one.
    pub fn read(data: &'a [u8], origin: &'a str) -> Result<Self> {
        let bad = |what: String| {
            Error::Format(format!(
                "{origin}: not a whole safetensors file ({what}); it was changed or cut short, or is of another format"
            ))
        };
        let Some(header) = data.first_chunk::<8>() else {
            return Err(bad(format!("it has {} bytes", data.len())));
        };
        let header = u64::from_le_bytes(*header);
        if header > LONGEST_HEADER.min(data.len() as u64 - 8) {
            return Err(bad(format!("its header would have {header} bytes")));
        }
        let read = SafeTensors::deserialize(data).map_err(|error| bad(error.to_string()))?;
        if read.len() > MOST_TENSORS {
            return Err(bad(format!("it has {} tensors", read.len())));
        }
        Ok(Self { origin, tensors: read.tensors().into_iter().collect() })
    }

    /// The file's name.
    pub fn origin(&self) -> &'a str {
        self.origin
    }

    /// Names, types by name ("I8"), shapes and bytes, in order of name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, String, &[usize], &'a [u8])> {
        self.tensors
            .iter()
            .map(|(name, tensor)| (&name[..], format!("{:?}", tensor.dtype()), tensor.shape(), tensor.data()))
    }

    fn tensor(&self, name: &str, dtype: Dtype, shape: &[usize]) -> Result<&'a [u8]> {
        let Some(tensor) = self.tensors.get(name) else {
            return Err(Error::Format(format!("{}: the tensor {name} is missing", self.origin)));
        };
        if tensor.dtype() != dtype || tensor.shape() != shape {
            return Err(Error::Format(format!(
                "{}: the tensor {name} is {:?} {:?}, and the layer asks for {dtype:?} {shape:?}",
                self.origin,
                tensor.dtype(),
                tensor.shape()
            )));
        }
        Ok(tensor.data())
    }

    /// The numbers of a tensor of `i8`.
    ///
    /// # Errors
    /// [`Error::Format`] if it is missing, or of another type or shape.
    pub(crate) fn i8(&self, name: &str, shape: &[usize]) -> Result<Vec<i8>> {
        Ok(self.tensor(name, Dtype::I8, shape)?.iter().map(|byte| byte.cast_signed()).collect())
    }

    /// The numbers of a tensor of `u8`.
    ///
    /// # Errors
    /// As [`Self::i8`].
    pub(crate) fn u8(&self, name: &str, shape: &[usize]) -> Result<&'a [u8]> {
        self.tensor(name, Dtype::U8, shape)
    }

    /// The numbers of a tensor of `i32`.
    ///
    /// # Errors
    /// As [`Self::i8`].
    pub(crate) fn i32(&self, name: &str, shape: &[usize]) -> Result<Vec<i32>> {
        let (numbers, _) = self.tensor(name, Dtype::I32, shape)?.as_chunks::<4>();
        Ok(numbers.iter().map(|bytes| i32::from_le_bytes(*bytes)).collect())
    }
}

/// A tensor to be written: its name, its type by name ("I8"), its shape, its bytes.
pub type ToWrite<'a> = (String, String, Vec<usize>, &'a [u8]);

/// The bytes of a safetensors file with these tensors; the same tensors give the same file.
///
/// # Errors
/// [`Error::Argument`] if a type isn't known, or a tensor's bytes are not as many as its type and shape say.
pub fn write(tensors: &[ToWrite<'_>]) -> Result<Vec<u8>> {
    let bad = |what: &dyn std::fmt::Display| Error::Argument(format!("tensors can't be saved: {what}"));
    let mut views = Vec::with_capacity(tensors.len());
    for (name, dtype, shape, data) in tensors {
        let dtype: Dtype = serde_json::from_value(dtype.as_str().into()).map_err(|error| bad(&error))?;
        views.push((name, TensorView::new(dtype, shape.clone(), data).map_err(|error| bad(&error))?));
    }
    safetensors::serialize(views, None).map_err(|error| bad(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_the_order_does_not_matter() {
        let one = ("one".to_owned(), "I8".to_owned(), vec![2, 2], &[1u8, 2, 255, 4][..]);
        let two = ("two".to_owned(), "I32".to_owned(), vec![1], &[1u8, 1, 0, 0][..]);
        let file = write(&[one.clone(), two.clone()]).unwrap();
        assert_eq!(file, write(&[two, one]).unwrap());
        let read = Tensors::read(&file, "file").unwrap();
        assert_eq!(read.i8("one", &[2, 2]).unwrap(), [1, 2, -1, 4]);
        assert_eq!(read.i32("two", &[1]).unwrap(), [257]);
        for (name, shape) in [("one", &[4][..]), ("two", &[2, 2]), ("three", &[1])] {
            let message = read.i8(name, shape).unwrap_err().to_string();
            assert!(message.starts_with("file: the tensor ") && message.contains(name), "{message}");
        }
    }

    #[test]
    fn what_is_no_file_is_refused() {
        let whole = write(&[("x".to_owned(), "I8".to_owned(), vec![3], &[1, 2, 3])]).unwrap();
        for length in 0..whole.len() {
            assert!(matches!(Tensors::read(&whole[..length], "cut"), Err(Error::Format(_))), "{length}");
        }
        for hostile in [&[255; 8][..], &[255; 80], b"{\"x\":1}         ", &[0; 16]] {
            assert!(matches!(Tensors::read(hostile, "hostile"), Err(Error::Format(_))));
        }
        let overlong = write(&[("x".repeat(2 << 20), "I8".to_owned(), vec![3], &[1, 2, 3])]).unwrap();
        assert!(matches!(Tensors::read(&overlong, "overlong"), Err(Error::Format(_))));
    }
}
