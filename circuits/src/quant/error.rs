//! What can go wrong while quantising, checking or running a program.

use thiserror::Error;

use crate::model::ModelError;
use crate::ops::OpError;

use super::program::Wire;

/// Errors of quantisation, of the bounds check and of the interpreter.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum QuantError {
    /// The ONNX file or the specification was refused.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A node could not be lowered.
    #[error(transparent)]
    Op(#[from] OpError),
    /// An error inside one step of a program.
    #[error("step {step}: {source}")]
    Step {
        /// Index of the step.
        step: usize,
        /// What is wrong with it.
        source: Box<QuantError>,
    },
    /// A count is wrong.
    #[error("malformed program: {what}: expected {expected}, got {got}")]
    Malformed {
        /// What was counted.
        what: &'static str,
        /// The number expected (for lanes and indices: the limit).
        expected: usize,
        /// The number found.
        got: usize,
    },
    /// A wire is used before it exists.
    #[error("wire {wire} does not exist: only {known} wires are known here")]
    Wire {
        /// The wire used.
        wire: Wire,
        /// Number of wires known.
        known: usize,
    },
    /// A weight or bias is too large.
    #[error("weight or bias {value} is outside [-{limit}, {limit}]")]
    Weight {
        /// The value found.
        value: i64,
        /// Largest absolute value accepted.
        limit: i64,
    },
    /// A lane can leave its range.
    #[error("a lane reaches [{lo}, {hi}], accepted is [-{limit}, {limit})")]
    LaneRange {
        /// Smallest value reached.
        lo: i128,
        /// Largest value reached.
        hi: i128,
        /// The bound.
        limit: i64,
    },
    /// A function's argument can leave its table.
    #[error("table `{table}` does not cover the argument's range [{lo}, {hi}]")]
    Domain {
        /// Name of the table.
        table: String,
        /// Smallest argument.
        lo: i64,
        /// Largest argument.
        hi: i64,
    },
    /// A flag that is not boolean.
    #[error("flag `{name}` can be [{lo}, {hi}], expected 0 or 1")]
    Flag {
        /// Which flag.
        name: &'static str,
        /// Smallest value.
        lo: i64,
        /// Largest value.
        hi: i64,
    },
    /// Inputs or samples of the wrong width.
    #[error("expected {expected} input values, got {got}")]
    InputWidth {
        /// Values that the program takes.
        expected: usize,
        /// Values given.
        got: usize,
    },
    /// Calibration samples of the wrong width.
    #[error("calibration sample {sample}: expected {expected} values, got {got}")]
    CalibrationWidth {
        /// Index of the sample.
        sample: usize,
        /// Values that the model takes.
        expected: usize,
        /// Values given.
        got: usize,
    },
    /// A real value that cannot be encoded.
    #[error("calibration sample {sample}: {value} at {scale} units per 1.0 is outside [-2^39, 2^39)")]
    Sample {
        /// Index of the sample.
        sample: usize,
        /// The value.
        value: f64,
        /// Units per 1.0.
        scale: u64,
    },
    /// A raw value outside the encoding's range.
    #[error("input {index} is {value}, accepted is [-2^{bits}, 2^{bits})")]
    RawRange {
        /// Index among all inputs.
        index: usize,
        /// The value given.
        value: i64,
        /// Bits of the range.
        bits: u32,
    },
    /// A declared input domain that holds no integer, or leaves the raw range.
    #[error("input {index}: domain [{lo}, {hi}] in units must be non-empty and inside [-2^39, 2^39)")]
    InputDomain {
        /// Index among all inputs.
        index: usize,
        /// Lower end in units.
        lo: f64,
        /// Upper end in units.
        hi: f64,
    },
    /// A value whose range cannot be represented.
    #[error("at `{node}`: a value reaches ±{bound:e}, which no scale can represent; accepted is a finite range")]
    Unbounded {
        /// Where it happened.
        node: String,
        /// The bound found.
        bound: f64,
    },
    /// An output that does not fit at its declared scale.
    #[error("output {index}: ±{bound:e} at scale {scale} needs more than 40 bits; lower the scale or clip the output")]
    OutputScale {
        /// Index of the output.
        index: usize,
        /// The output's bound in reals.
        bound: f64,
        /// The declared scale.
        scale: f64,
    },
    /// The model has another number of outputs than the specification.
    #[error("the model has {got} output values, the specification declares {expected}")]
    OutputWidth {
        /// Outputs of the specification.
        expected: usize,
        /// Output values of the graph.
        got: usize,
    },
    /// An option outside its range.
    #[error("option `{name}` is {value}, accepted is {accepted}")]
    Option {
        /// The option's name.
        name: &'static str,
        /// The value given.
        value: f64,
        /// What would be accepted.
        accepted: &'static str,
    },
    /// A serialised program that cannot be read.
    #[error("not a serialised program: {reason} at byte {offset}")]
    Encoding {
        /// What is wrong.
        reason: &'static str,
        /// Where.
        offset: usize,
    },
}

impl QuantError {
    /// The same error, said of a step.
    #[must_use]
    pub fn at_step(self, step: usize) -> Self {
        Self::Step { step, source: Box::new(self) }
    }
}
