//! The Python face of the engine: bytes in, bytes out, no Python object crosses.

use openbourse_core::Engine as Core;
use pyo3::exceptions::{PyAssertionError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// Inputs from this size on are worked on without the interpreter lock.
const LARGE_BYTES: usize = 256 * 1024;

fn refuse(error: impl std::fmt::Display) -> PyErr {
    PyValueError::new_err(error.to_string())
}

#[pyclass(module = "openbourse.engine._native")]
struct Engine {
    core: Core,
}

#[pymethods]
impl Engine {
    #[new]
    fn new() -> Self {
        Self { core: Core::new() }
    }

    fn apply<'py>(
        &mut self,
        py: Python<'py>,
        first_sequence: &Bound<'py, PyAny>,
        time_us: &Bound<'py, PyAny>,
        frames: &[u8],
    ) -> PyResult<(Bound<'py, PyBytes>, Bound<'py, PyBytes>)> {
        let first_sequence: u64 = first_sequence.extract().map_err(out_of_range)?;
        let time_us: i64 = time_us.extract().map_err(out_of_range)?;
        let core = &mut self.core;
        let output = if frames.len() < LARGE_BYTES {
            core.apply(first_sequence, time_us, frames)
        } else {
            py.detach(|| core.apply(first_sequence, time_us, frames))
        };
        let output = output.map_err(refuse)?;
        Ok((PyBytes::new(py, output.events), PyBytes::new(py, output.ends)))
    }

    fn snapshot<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let core = &self.core;
        let bytes = py.detach(|| core.snapshot());
        PyBytes::new(py, &bytes)
    }

    #[staticmethod]
    fn restore(py: Python<'_>, data: &[u8]) -> PyResult<Self> {
        let core = py.detach(|| Core::restore(data)).map_err(refuse)?;
        Ok(Self { core })
    }

    #[pyo3(name = "clone")]
    fn copy(&self, py: Python<'_>) -> Self {
        let core = &self.core;
        Self { core: py.detach(|| core.clone()) }
    }

    fn audit(&self, py: Python<'_>) -> PyResult<()> {
        let core = &self.core;
        py.detach(|| core.audit()).map_err(PyAssertionError::new_err)
    }

    fn version(&self) -> String {
        format!("rules version {}", self.core.rules_version())
    }

    #[getter]
    fn sequence(&self) -> u64 {
        self.core.sequence()
    }

    #[getter]
    fn time_us(&self) -> i64 {
        self.core.time_us()
    }

    #[getter]
    fn rules_version(&self) -> u32 {
        self.core.rules_version()
    }

    #[getter]
    fn due_us(&self) -> i64 {
        self.core.due_us().unwrap_or(-1)
    }
}

/// A number that fits no field is misuse like any other wrong number; a wrong type stays a TypeError.
fn out_of_range(error: PyErr) -> PyErr {
    Python::attach(
        |py| {
            if error.is_instance_of::<pyo3::exceptions::PyOverflowError>(py) { refuse(error) } else { error }
        },
    )
}

#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Engine>()
}
