//! The functions inside a cell: names, parameters, and what they cost. Sigmoid and Tanh are one lane and one table read; Affine is free.

use crate::model::Attribute;
use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::curve::{Curve, SIGMOID, TANH};
use crate::quant::form::Form;
use crate::quant::gate::{FINEST, Gate, Sum};

use crate::ops::Call;

/// What is accepted, for refusals.
const NAMES: &str = "Affine, HardSigmoid, LeakyRelu, Relu, ScaledTanh, Sigmoid, Softsign, Tanh, ThresholdedRelu";

/// One function of one variable.
#[derive(Clone, Copy, Debug)]
pub(super) enum Activation {
    /// `outer · curve(inner · x)`
    Curve { curve: &'static Curve, inner: f64, outer: f64 },
    /// `alpha · x + beta`
    Affine { alpha: f64, beta: f64 },
    /// `max(0, min(1, alpha · x + beta))`
    HardSigmoid { alpha: f64, beta: f64 },
    /// `x` where positive, else `alpha · x`
    LeakyRelu { alpha: f64 },
    /// `x / (1 + |x|)`
    Softsign,
    /// `x` where above `alpha`, else 0
    ThresholdedRelu { alpha: f64 },
}

/// One activation of one sum, with the bits under 1.0 that a table gives its result.
pub(super) struct Job<'a> {
    pub activation: &'a Activation,
    pub argument: Sum,
    pub bits: u32,
}

impl Activation {
    /// An activation by its ONNX name; `alpha` and `beta` are what the lists hold next, taken only by functions that have them.
    fn named(name: &str, alpha: &mut impl Iterator<Item = f64>, beta: &mut impl Iterator<Item = f64>) -> Option<Self> {
        let curve = |curve| Self::Curve { curve, inner: 1.0, outer: 1.0 };
        Some(match name.to_ascii_lowercase().as_str() {
            "sigmoid" => curve(&SIGMOID),
            "tanh" => curve(&TANH),
            "scaledtanh" => {
                Self::Curve { curve: &TANH, outer: alpha.next().unwrap_or(1.0), inner: beta.next().unwrap_or(1.0) }
            }
            "affine" => Self::Affine { alpha: alpha.next().unwrap_or(1.0), beta: beta.next().unwrap_or(0.0) },
            "hardsigmoid" => Self::HardSigmoid { alpha: alpha.next().unwrap_or(0.2), beta: beta.next().unwrap_or(0.5) },
            "relu" => Self::LeakyRelu { alpha: 0.0 },
            "leakyrelu" => Self::LeakyRelu { alpha: alpha.next().unwrap_or(0.01) },
            "softsign" => Self::Softsign,
            "thresholdedrelu" => Self::ThresholdedRelu { alpha: alpha.next().unwrap_or(1.0) },
            _ => return None,
        })
    }

    /// The activations of all directions, `defaults.len()` a direction.
    pub(super) fn read(call: &Call<'_>, defaults: &[&str], directions: usize) -> Result<Vec<Self>, QuantError> {
        let floats = |name: &str| match call.node().attributes.get(name) {
            None => Ok(Vec::new()),
            Some(Attribute::Floats(list)) => Ok(list.clone()),
            Some(other) => Err(call.refuse(format!("attribute `{name}` is {other:?}, expected floats"))),
        };
        let (mut alpha, mut beta) = (floats("activation_alpha")?.into_iter(), floats("activation_beta")?.into_iter());
        let names: Vec<String> = match call.node().attributes.get("activations") {
            None => (0..directions).flat_map(|_| defaults).map(|name| name.to_string()).collect(),
            Some(Attribute::Texts(names)) => names.clone(),
            Some(other) => return Err(call.refuse(format!("attribute `activations` is {other:?}, expected names"))),
        };
        let expected = directions * defaults.len();
        if names.len() != expected {
            return Err(call.refuse(format!("{} activations, expected {expected}", names.len())));
        }
        let read = |name: &String| {
            let found = Self::named(name, &mut alpha, &mut beta);
            found.ok_or_else(|| call.refuse(format!("activation `{name}` is not supported, expected one of {NAMES}")))
        };
        names.iter().map(read).collect()
    }

    /// Bounds of the results over all arguments, if there are any.
    pub(super) fn range(&self) -> Option<(f64, f64)> {
        match *self {
            Self::Curve { curve, outer, .. } => {
                let low = if curve.name == SIGMOID.name { 0.0 } else { -outer.abs() };
                Some((low.min(outer), outer.abs()))
            }
            Self::HardSigmoid { .. } => Some((0.0, 1.0)),
            Self::Softsign => Some((-1.0, 1.0)),
            _ => None,
        }
    }

    fn plain(&self, builder: &mut Builder<'_>, x: Form) -> Result<Form, QuantError> {
        let x = [x];
        let one = |mut forms: Vec<Form>| forms.pop().unwrap_or_default();
        Ok(match *self {
            Self::Curve { curve, inner, outer } => {
                one(builder.curve(&[x[0].scaled(inner)], curve)?).scaled(outer)
            }
            Self::Affine { alpha, beta } => x[0].scaled(alpha).shifted(beta),
            Self::HardSigmoid { alpha, beta } => one(builder.clip(&[x[0].scaled(alpha).shifted(beta)], 0.0, 1.0)?),
            Self::LeakyRelu { alpha } => one(builder.relu(&x)?).scaled(1.0 - alpha).plus(&x[0].scaled(alpha)),
            Self::Softsign => {
                let size = one(builder.absolute(&x)?).shifted(1.0);
                one(builder.divide(&x, &[size])?)
            }
            Self::ThresholdedRelu { alpha } => {
                let above = [x[0].shifted(-alpha)];
                let step = one(builder.positive(&above)?).scaled(alpha);
                one(builder.relu(&above)?).plus(&step)
            }
        })
    }
}

/// Runs jobs, after a clip of their arguments to `±clip` if there is one. Tables have at most `entries` entries.
pub(super) fn run(
    builder: &mut Builder<'_>,
    jobs: Vec<Job<'_>>,
    clip: Option<f64>,
    entries: usize,
) -> Result<Vec<Form>, QuantError> {
    let mut jobs = jobs;
    if let Some(limit) = clip {
        let arguments: Vec<Sum> = jobs.iter().map(|j| j.argument.clone()).collect();
        let sums = builder.sums(&arguments, FINEST, None)?;
        let clipped = builder.clip(&sums, -limit, limit)?;
        jobs.iter_mut().zip(clipped).for_each(|(job, form)| job.argument = form.into());
    }
    let mut gates = Vec::new();
    let mut others = Vec::new();
    for job in &jobs {
        match *job.activation {
            Activation::Curve { curve, inner, .. } if inner == 1.0 => {
                gates.push(Gate { argument: job.argument.clone(), curve, bits: job.bits });
            }
            _ => others.push(job.argument.clone()),
        }
    }
    let mut gates = builder.gates(&gates, entries)?.into_iter();
    let mut others = builder.sums(&others, FINEST, None)?.into_iter();
    let mut results = Vec::with_capacity(jobs.len());
    for job in &jobs {
        results.push(match *job.activation {
            Activation::Curve { inner, outer, .. } if inner == 1.0 => {
                gates.next().unwrap_or_default().scaled(outer)
            }
            _ => job.activation.plain(builder, others.next().unwrap_or_default())?,
        });
    }
    Ok(results)
}
