//! The float reference: the same ONNX file, run by tract in `f32`. For reports and tests; no proof depends on it.

use std::fmt;
use std::sync::Arc;

use prost::Message;
use tract_onnx::pb::ModelProto;
use tract_onnx::prelude::*;

use super::classical::simplified;
use super::{Graph, ModelError};

/// A model that runs in floating point.
#[derive(Clone)]
pub struct FloatModel {
    plan: Arc<TypedRunnableModel>,
    shapes: Vec<Vec<usize>>,
    kinds: Vec<DatumType>,
}

impl fmt::Debug for FloatModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FloatModel").field("shapes", &self.shapes).finish_non_exhaustive()
    }
}

impl FloatModel {
    /// Loads an ONNX file that [`Graph::from_onnx`] accepts.
    ///
    /// # Errors
    /// The file is refused, or tract cannot run it.
    pub fn from_onnx(bytes: &[u8]) -> Result<Self, ModelError> {
        let graph = Graph::from_onnx(bytes)?;
        let kinds = graph.inputs.iter().map(|i| DatumType::try_from(i.kind)).collect::<TractResult<Vec<_>>>();
        let kinds = kinds.map_err(reason)?;
        let shapes: Vec<Vec<usize>> = graph.inputs.into_iter().map(|i| i.shape).collect();
        let load = || -> TractResult<Arc<TypedRunnableModel>> {
            let proto = simplified(ModelProto::decode(bytes)?).encode_to_vec();
            let mut model = tract_onnx::onnx().model_for_read(&mut &proto[..])?;
            for (i, (shape, kind)) in shapes.iter().zip(&kinds).enumerate() {
                model.set_input_fact(i, kind.fact(shape.as_slice()).into())?;
            }
            model.into_optimized()?.into_runnable()
        };
        let plan = guarded(load)?;
        Ok(Self { plan, shapes, kinds })
    }

    /// Runs on one vector for each ONNX input (row-major). Returns the elements of all outputs, in order.
    ///
    /// # Errors
    /// Inputs of the wrong number or width, or tract's error.
    pub fn run(&self, inputs: &[Vec<f32>]) -> Result<Vec<f32>, ModelError> {
        let expected = self.shapes.iter().map(|s| s.iter().product::<usize>());
        let widths: Vec<usize> = expected.collect();
        if widths.len() != inputs.len() || widths.iter().zip(inputs).any(|(&w, v)| w != v.len()) {
            let got = inputs.iter().map(Vec::len).sum();
            return Err(ModelError::SourceWidth { expected: widths.iter().sum(), got });
        }
        let run = || -> TractResult<Vec<f32>> {
            let tensor = |((shape, kind), values): ((&Vec<usize>, &DatumType), &Vec<f32>)| {
                Ok(Tensor::from_shape(shape, values)?.cast_to_dt(*kind)?.into_owned().into_tvalue())
            };
            let tensors = self.shapes.iter().zip(&self.kinds).zip(inputs).map(tensor);
            let outputs = self.plan.run(tensors.collect::<TractResult<_>>()?)?;
            let mut values = Vec::new();
            for output in outputs {
                let output = output.cast_to::<f32>()?;
                values.extend_from_slice(output.try_as_plain_ram()?.as_slice::<f32>()?);
            }
            Ok(values)
        };
        guarded(run)
    }

    /// Runs on all inputs concatenated.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn run_flat(&self, values: &[f32]) -> Result<Vec<f32>, ModelError> {
        let widths: Vec<usize> = self.shapes.iter().map(|s| s.iter().product()).collect();
        let expected = widths.iter().sum();
        if values.len() != expected {
            return Err(ModelError::SourceWidth { expected, got: values.len() });
        }
        let mut rest = values;
        let inputs: Vec<Vec<f32>> = widths
            .into_iter()
            .map(|w| {
                let (own, later) = rest.split_at(w);
                rest = later;
                own.to_vec()
            })
            .collect();
        self.run(&inputs)
    }
}

/// tract panics on some models and inputs, an index out of range for one.
fn guarded<T>(f: impl FnOnce() -> TractResult<T>) -> Result<T, ModelError> {
    let panicked = |_| ModelError::Float { reason: "tract cannot run it".into() };
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).map_err(panicked)?.map_err(reason)
}

fn reason(error: TractError) -> ModelError {
    ModelError::Float { reason: format!("{error:#}") }
}
