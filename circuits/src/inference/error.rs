//! What can go wrong between a program and its proof.

/// Errors of layout, keys and proofs.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// More instance words are needed than the shape has.
    #[error("the model needs {needed} instance words for {slots} slots, the shape has {available}")]
    TooManyWords {
        /// Words needed.
        needed: usize,
        /// Words of the shape.
        available: usize,
        /// Inferences in the proof.
        slots: usize,
    },
    /// The layout does not fit the number of rows asked for.
    #[error("the model needs {needed} rows (k = {needed_k}), but k = {k} was asked for")]
    TooManyRows {
        /// Rows needed, blinding rows included.
        needed: usize,
        /// Smallest k.
        needed_k: u32,
        /// k asked for.
        k: u32,
    },
    /// A slot's or source's shape differs from the program's.
    #[error("{what}: expected {expected}, got {got}")]
    Input {
        /// Which part of the input.
        what: String,
        /// Expected number of elements.
        expected: usize,
        /// Given number of elements.
        got: usize,
    },
    /// A raw value outside the encoding.
    #[error("value {index} of source {source_index} is {got}, expected -2^39 <= value < 2^39")]
    RawValue {
        /// The source.
        source_index: usize,
        /// The value.
        index: usize,
        /// What was given.
        got: i64,
    },
    /// Bytes that are not a canonical field element.
    #[error("{what}: expected 32 big-endian bytes below the field's order, got 0x{got}")]
    FieldElement {
        /// Which element.
        what: String,
        /// The bytes, in hexadecimal.
        got: String,
    },
    /// The program refers to what does not exist.
    #[error("step {step} of the program refers to {what}, which does not exist")]
    Reference {
        /// Index of the step.
        step: usize,
        /// What it refers to.
        what: String,
    },
    /// A value left its range (a program that passed the bounds check cannot get here).
    #[error("step {step} of the program: {what} is {got}, outside its range")]
    Range {
        /// Index of the step.
        step: usize,
        /// Which value.
        what: &'static str,
        /// The value.
        got: i128,
    },
    /// A step has a form that the circuit does not have.
    #[error("step {step} of the program has {got}, expected {expected}")]
    Step {
        /// Index of the step.
        step: usize,
        /// What was found.
        got: String,
        /// What would be accepted.
        expected: String,
    },
    /// The program's bounds do not hold.
    #[error(transparent)]
    Bounds(#[from] crate::quant::QuantError),
    /// The SRS has another size than the circuit.
    #[error("the SRS has k = {got}, this circuit needs k = {expected}")]
    SrsSize {
        /// k of the circuit.
        expected: u32,
        /// k of the SRS.
        got: u32,
    },
    /// Halo2 refused.
    #[error("halo2: {0}")]
    Halo2(String),
}

impl From<halo2_proofs::plonk::Error> for Error {
    fn from(error: halo2_proofs::plonk::Error) -> Self {
        Self::Halo2(format!("{error:?}"))
    }
}
