//! Networks of whole numbers and the files of their tensors, from and to Python.

use crate::errors::IntoPython;
use numpy::{IntoPyArray, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use tokloom::network::{Input, Output, Scratch, Shape, Tensors, Values, write_tensors};

#[pyclass(frozen, module = "tokloom._engine")]
pub(crate) struct Network {
    inner: tokloom::network::Network,
}

#[pymethods]
impl Network {
    /// `layers`: JSON. `symbols`: the number that the symbols of an input are below; None: it takes activations.
    #[new]
    #[pyo3(signature = (layers, tensors, *, origin, prefix, width, symbols))]
    fn new(
        py: Python<'_>,
        layers: &str,
        tensors: &[u8],
        origin: &str,
        prefix: &str,
        width: usize,
        symbols: Option<u32>,
    ) -> PyResult<Self> {
        let input = symbols.map_or(Shape::activations(width), |bound| Shape::symbols(width, bound));
        let read = || {
            let tensors = Tensors::read(tensors, origin)?;
            tokloom::network::Network::read(layers, &tensors, prefix, input, &[])
        };
        Ok(Self { inner: py.detach(read).into_python(py)? })
    }

    /// Of what comes out for one input: rows, values in a row, what they are.
    #[getter]
    fn output(&self) -> (usize, usize, &'static str) {
        let Shape { rows, width, values } = self.inner.output();
        let kind = match values {
            Values::Symbols(_) => "symbols",
            Values::Activations => "activations",
            Values::Sums => "sums",
        };
        (rows, width, kind)
    }

    #[getter]
    fn weights(&self) -> usize {
        self.inner.weights()
    }

    /// Inputs one after another, as uint32 (symbols) or uint8 (activations) → outputs one after another.
    fn run<'py>(&self, py: Python<'py>, inputs: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        if let Ok(symbols) = inputs.extract::<PyReadonlyArray1<'_, u32>>() {
            let symbols = symbols.as_array().to_vec();
            return self.given(py, Input::Symbols(&symbols));
        }
        let activations = inputs.extract::<PyReadonlyArray1<'_, u8>>()?.as_array().to_vec();
        self.given(py, Input::Activations(&activations))
    }
}

impl Network {
    fn given<'py>(&self, py: Python<'py>, inputs: Input<'_>) -> PyResult<Bound<'py, PyAny>> {
        let mut scratch = Scratch::default();
        let output = py.detach(|| self.inner.run(inputs, &mut scratch)).into_python(py)?;
        Ok(match output {
            Output::Symbols(values) => values.to_vec().into_pyarray(py).into_any(),
            Output::Activations(values) => values.to_vec().into_pyarray(py).into_any(),
            Output::Sums(values) => values.to_vec().into_pyarray(py).into_any(),
        })
    }
}

/// A tensor: its name, its type by name, its shape, its bytes.
type Tensor<'py> = (String, String, Vec<usize>, Bound<'py, PyBytes>);

/// The tensors of a safetensors file, in order of name.
#[pyfunction]
pub(crate) fn read_tensors<'py>(py: Python<'py>, data: &[u8], origin: &str) -> PyResult<Vec<Tensor<'py>>> {
    let tensors = Tensors::read(data, origin).into_python(py)?;
    let tensor = |(name, dtype, shape, bytes): (&str, String, &[usize], &[u8])| {
        (name.to_owned(), dtype, shape.to_vec(), PyBytes::new(py, bytes))
    };
    Ok(tensors.iter().map(tensor).collect())
}

/// A safetensors file of these tensors; the same tensors give the same bytes.
#[pyfunction(name = "write_tensors")]
pub(crate) fn tensors_to_bytes<'py>(
    py: Python<'py>,
    tensors: Vec<Tensor<'py>>,
) -> PyResult<Bound<'py, PyBytes>> {
    let tensors: Vec<_> = tensors
        .iter()
        .map(|(name, dtype, shape, bytes)| (name.clone(), dtype.clone(), shape.clone(), bytes.as_bytes()))
        .collect();
    Ok(PyBytes::new(py, &write_tensors(&tensors).into_python(py)?))
}
