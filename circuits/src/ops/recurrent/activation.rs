//! The functions inside a cell: names, parameters, and what they cost. Sigmoid and Tanh are one lane and one table read; Affine is free.

use crate::model::Attribute;
use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::curve::Function1;
use crate::quant::form::Form;
use crate::quant::gate::{FINEST, Gate, SIGMOID_GATE, Shape, Sum, TANH_GATE};

use crate::ops::Call;

/// What is accepted, for refusals.
const NAMES: &str =
    "Affine, Elu, HardSigmoid, LeakyRelu, Relu, ScaledTanh, Sigmoid, Softplus, Softsign, Tanh, ThresholdedRelu";

/// One function of one variable.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Activation {
    /// `1 / (1 + exp(-x))`
    Sigmoid,
    /// `tanh(x)`
    Tanh,
    /// `alpha · tanh(beta · x)`
    ScaledTanh { alpha: f64, beta: f64 },
    /// `x` where positive, else `alpha · (exp(x) - 1)`
    Elu { alpha: f64 },
    /// `ln(1 + exp(x))`
    Softplus,
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
        Some(match name.to_ascii_lowercase().as_str() {
            "sigmoid" => Self::Sigmoid,
            "tanh" => Self::Tanh,
            "scaledtanh" => Self::ScaledTanh { alpha: alpha.next().unwrap_or(1.0), beta: beta.next().unwrap_or(1.0) },
            "elu" => Self::Elu { alpha: alpha.next().unwrap_or(1.0) },
            "softplus" => Self::Softplus,
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
            Self::Sigmoid => Some((0.0, 1.0)),
            Self::Tanh => Some((-1.0, 1.0)),
            Self::ScaledTanh { alpha, .. } => Some((-alpha.abs(), alpha.abs())),
            Self::HardSigmoid { .. } => Some((0.0, 1.0)),
            Self::Softsign => Some((-1.0, 1.0)),
            _ => None,
        }
    }

    fn gate(&self) -> Option<&'static Shape> {
        match self {
            Self::Sigmoid => Some(&SIGMOID_GATE),
            Self::Tanh => Some(&TANH_GATE),
            _ => None,
        }
    }

    /// The function of each form.
    fn apply(&self, builder: &mut Builder<'_>, x: &[Form]) -> Result<Vec<Form>, QuantError> {
        let scaled = |scale: f64, shift: f64| x.iter().map(|f| f.scaled(scale).shifted(shift)).collect::<Vec<_>>();
        match *self {
            Self::Affine { alpha, beta } => Ok(scaled(alpha, beta)),
            Self::HardSigmoid { alpha, beta } => builder.clip(&scaled(alpha, beta), 0.0, 1.0),
            Self::LeakyRelu { alpha } => {
                let positive = builder.relu(x)?;
                Ok(positive.iter().zip(scaled(alpha, 0.0)).map(|(p, x)| p.scaled(1.0 - alpha).plus(&x)).collect())
            }
            Self::ThresholdedRelu { alpha } => {
                let above = scaled(1.0, -alpha);
                let (steps, rest) = (builder.positive(&above)?, builder.relu(&above)?);
                Ok(rest.iter().zip(steps).map(|(r, s)| r.plus(&s.scaled(alpha))).collect())
            }
            Self::Sigmoid
            | Self::Tanh
            | Self::ScaledTanh { .. }
            | Self::Elu { .. }
            | Self::Softplus
            | Self::Softsign => {
                let f = *self;
                builder.function(x, &Function1::new(format!("{f:?}"), move |x| f.at(x)))
            }
        }
    }

    fn at(&self, x: f64) -> f64 {
        match *self {
            Self::Sigmoid => 1.0 / (1.0 + libm::exp(-x)),
            Self::Tanh => libm::tanh(x),
            Self::ScaledTanh { alpha, beta } => alpha * libm::tanh(beta * x),
            Self::Elu { alpha } => {
                if x > 0.0 {
                    x
                } else {
                    alpha * libm::expm1(x)
                }
            }
            Self::Softplus => x.max(0.0) + libm::log1p(libm::exp(-x.abs())),
            Self::Softsign => x / (1.0 + x.abs()),
            Self::Affine { alpha, beta } => alpha * x + beta,
            Self::HardSigmoid { alpha, beta } => (alpha * x + beta).clamp(0.0, 1.0),
            Self::LeakyRelu { alpha } => {
                if x > 0.0 {
                    x
                } else {
                    alpha * x
                }
            }
            Self::ThresholdedRelu { alpha } => {
                if x > alpha {
                    x
                } else {
                    0.0
                }
            }
        }
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
    let gate = |job: &Job<'_>| {
        job.activation.gate().map(|shape| Gate { argument: job.argument.clone(), shape, bits: job.bits })
    };
    let gates: Vec<Gate> = jobs.iter().filter_map(gate).collect();
    let mut gates = builder.gates(&gates, entries)?.into_iter();
    let mut results = Vec::with_capacity(jobs.len());
    for alike in jobs.chunk_by(|a, b| a.activation == b.activation) {
        let Some(first) = alike.first() else { continue };
        if first.activation.gate().is_some() {
            results.extend(gates.by_ref().take(alike.len()));
        } else {
            let arguments: Vec<Sum> = alike.iter().map(|j| j.argument.clone()).collect();
            let sums = builder.sums(&arguments, FINEST, None)?;
            results.extend(first.activation.apply(builder, &sums)?);
        }
    }
    Ok(results)
}
