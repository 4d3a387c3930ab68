//! The float reference: the same ONNX file, run by tract in `f32`. For reports and tests; no proof depends on it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use prost::Message;
use tract_onnx::pb::{ModelProto, ValueInfoProto};
use tract_onnx::prelude::*;

use super::classical::simplified;
use super::{Graph, ModelError};

/// A model that runs in floating point.
#[derive(Clone)]
pub struct FloatModel {
    plan: Arc<TypedRunnableModel>,
    proto: Arc<ModelProto>,
    shapes: Vec<Vec<usize>>,
    kinds: Vec<DatumType>,
}

impl fmt::Debug for FloatModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FloatModel").field("shapes", &self.shapes).finish_non_exhaustive()
    }
}

/// A model that tells values between its nodes.
#[derive(Clone, Debug)]
pub struct Observer {
    model: FloatModel,
    /// Where each value that was asked for is among the outputs.
    places: Vec<Option<usize>>,
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
        let proto = guarded(|| Ok(simplified(ModelProto::decode(bytes)?)))?;
        let plan = planned(&proto, &shapes, &kinds)?;
        Ok(Self { plan, proto: Arc::new(proto), shapes, kinds })
    }

    /// The same model with further values as outputs, by name; those that no node gives are not told.
    ///
    /// # Errors
    /// tract cannot run it with these outputs.
    pub fn observing(&self, names: &[&str]) -> Result<Observer, ModelError> {
        let mut proto = ModelProto::clone(&self.proto);
        let graph = proto.graph.get_or_insert_default();
        let mut known: BTreeMap<String, usize> = BTreeMap::new();
        for (place, output) in graph.output.iter().enumerate() {
            known.entry(output.name.clone()).or_insert(place);
        }
        let asked: BTreeSet<&str> = names.iter().copied().collect();
        for name in graph.node.iter().flat_map(|n| &n.output).filter(|name| asked.contains(name.as_str())) {
            known.entry(name.clone()).or_insert_with(|| {
                graph.output.push(ValueInfoProto { name: name.clone(), ..ValueInfoProto::default() });
                graph.output.len() - 1
            });
        }
        let plan = planned(&proto, &self.shapes, &self.kinds)?;
        let places = names.iter().map(|name| known.get(*name).copied()).collect();
        Ok(Observer { model: Self { plan, ..self.clone() }, places })
    }

    /// Runs on one vector for each ONNX input (row-major). Returns the elements of all outputs, in order.
    ///
    /// # Errors
    /// Inputs of the wrong number or width, or tract's error.
    pub fn run(&self, inputs: &[Vec<f32>]) -> Result<Vec<f32>, ModelError> {
        let run = || -> TractResult<Vec<f32>> {
            let outputs = self.tensors(inputs)?;
            Ok(outputs.iter().map(|output| reals(output)).collect::<TractResult<Vec<_>>>()?.concat())
        };
        self.check(inputs)?;
        guarded(run)
    }

    fn check(&self, inputs: &[Vec<f32>]) -> Result<(), ModelError> {
        let expected = self.shapes.iter().map(|s| s.iter().product::<usize>());
        let widths: Vec<usize> = expected.collect();
        if widths.len() != inputs.len() || widths.iter().zip(inputs).any(|(&w, v)| w != v.len()) {
            let got = inputs.iter().map(Vec::len).sum();
            return Err(ModelError::SourceWidth { expected: widths.iter().sum(), got });
        }
        Ok(())
    }

    fn tensors(&self, inputs: &[Vec<f32>]) -> TractResult<TVec<TValue>> {
        let tensor = |((shape, kind), values): ((&Vec<usize>, &DatumType), &Vec<f32>)| {
            Ok(Tensor::from_shape(shape, values)?.cast_to_dt(*kind)?.into_owned().into_tvalue())
        };
        let tensors = self.shapes.iter().zip(&self.kinds).zip(inputs).map(tensor);
        self.plan.run(tensors.collect::<TractResult<_>>()?)
    }

    /// Runs on all inputs concatenated.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn run_flat(&self, values: &[f32]) -> Result<Vec<f32>, ModelError> {
        self.run(&self.parted(values)?)
    }

    /// All inputs concatenated, one by one.
    fn parted(&self, values: &[f32]) -> Result<Vec<Vec<f32>>, ModelError> {
        let widths: Vec<usize> = self.shapes.iter().map(|s| s.iter().product()).collect();
        let expected = widths.iter().sum();
        if values.len() != expected {
            return Err(ModelError::SourceWidth { expected, got: values.len() });
        }
        let mut rest = values;
        let part = |w| {
            let (own, later) = rest.split_at(w);
            rest = later;
            own.to_vec()
        };
        Ok(widths.into_iter().map(part).collect())
    }
}

impl Observer {
    /// Runs on all inputs concatenated. Returns the elements of each value that was asked for; `None` where it is no tensor of reals, or unknown.
    ///
    /// # Errors
    /// As [`FloatModel::run`].
    pub fn run_flat(&self, values: &[f32]) -> Result<Vec<Option<Vec<f32>>>, ModelError> {
        let inputs = self.model.parted(values)?;
        let run = || {
            let outputs = self.model.tensors(&inputs)?;
            let told = |place: &Option<usize>| {
                let output = place.and_then(|place| outputs.get(place)).filter(|o| o.datum_type().is_float());
                output.map(|output| reals(output)).transpose()
            };
            self.places.iter().map(told).collect()
        };
        guarded(run)
    }
}

fn reals(tensor: &Tensor) -> TractResult<Vec<f32>> {
    let tensor = tensor.cast_to::<f32>()?;
    Ok(tensor.try_as_plain_ram()?.as_slice::<f32>()?.to_vec())
}

fn planned(
    proto: &ModelProto,
    shapes: &[Vec<usize>],
    kinds: &[DatumType],
) -> Result<Arc<TypedRunnableModel>, ModelError> {
    guarded(|| {
        let mut model = tract_onnx::onnx().model_for_proto_model(proto)?;
        for (i, (shape, kind)) in shapes.iter().zip(kinds).enumerate() {
            model.set_input_fact(i, kind.fact(shape.as_slice()).into())?;
        }
        model.into_optimized()?.into_runnable()
    })
}

/// tract panics on some models and inputs, an index out of range for one.
fn guarded<T>(f: impl FnOnce() -> TractResult<T>) -> Result<T, ModelError> {
    let panicked = |_| ModelError::Float { reason: "tract cannot run it".into() };
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).map_err(panicked)?.map_err(reason)
}

fn reason(error: TractError) -> ModelError {
    ModelError::Float { reason: format!("{error:#}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fixture::{OnnxBuilder, int};

    #[test]
    fn values_between_nodes_are_told_if_they_are_reals() {
        let mut m = OnnxBuilder::new(&[1, 3]);
        m.weights("two", &[], &[2.0]).node("Mul", &["x", "two"], "d", vec![]).node("Relu", &["d"], "r", vec![]);
        m.node("ArgMax", &["r"], "k", vec![int("axis", 1)]).node("Add", &["r", "two"], "y", vec![]);
        let model = FloatModel::from_onnx(&m.bytes(&[1, 3])).unwrap();
        let observer = model.observing(&["r", "y", "nothing", "k", "d", "two"]).unwrap();
        let told = observer.run_flat(&[1.0, -2.0, 0.5]).unwrap();
        let reals = |values: [f32; 3]| Some(values.to_vec());
        assert_eq!(told, [reals([2.0, 0.0, 1.0]), reals([4.0, 2.0, 3.0]), None, None, reals([2.0, -4.0, 1.0]), None]);
        assert_eq!(model.run_flat(&[1.0, -2.0, 0.5]).unwrap(), [4.0, 2.0, 3.0], "the model itself is as it was");
        assert!(matches!(observer.run_flat(&[1.0]), Err(ModelError::SourceWidth { expected: 3, got: 1 })));
    }
}
