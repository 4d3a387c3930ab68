//! What RNN, GRU and LSTM share: weights, initial states, directions, layouts, outputs.

use crate::model::Attribute;
use crate::model::tensor::{Tensor, elements};
use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::form::Form;

use crate::ops::{Call, Value};

use super::activation::Activation;

/// One direction's parameters. Matrices are row-major, gate after gate.
pub(super) struct Weights {
    /// `gates · hidden` rows of `width + hidden` weights: of the input, then of the state.
    pub matrix: Vec<f64>,
    /// Input biases.
    pub input_bias: Vec<f64>,
    /// Recurrent biases.
    pub state_bias: Vec<f64>,
    /// Peepholes of an LSTM: of the gates i, o, f.
    pub peepholes: Option<Vec<f64>>,
    /// The functions, in the order of ONNX.
    pub activations: Vec<Activation>,
}

/// What a step reads and writes, for one member of the batch.
#[derive(Clone)]
pub(super) struct State {
    pub h: Vec<Form>,
    /// Empty but for an LSTM.
    pub c: Vec<Form>,
}

/// A layer's sizes.
#[derive(Clone, Copy)]
pub(super) struct Sizes {
    pub gates: usize,
    pub directions: usize,
    pub steps: usize,
    pub batch: usize,
    pub width: usize,
    pub hidden: usize,
}

/// What is the same at every step.
pub(super) struct Context {
    pub sizes: Sizes,
    /// Clips the arguments of activations.
    pub clip: Option<f64>,
}

impl Context {
    /// Most entries of one table: as many as the reads of this layer are worth.
    pub fn entries(&self) -> usize {
        let s = &self.sizes;
        let reads = s.directions.saturating_mul(s.steps).saturating_mul(s.batch).saturating_mul(s.hidden);
        reads.saturating_mul(4).clamp(1024, 4096)
    }
}

/// A cell: the op's own part.
pub(super) trait Cell {
    /// Number of gates in the weights.
    const GATES: usize;
    /// Default activations of one direction.
    const ACTIVATIONS: &'static [&'static str];
    /// Whether there is a second state.
    const MEMORY: bool;

    /// One step of one direction, for one member of the batch.
    fn step(
        &self,
        builder: &mut Builder<'_>,
        context: &Context,
        weights: &Weights,
        x: &[Form],
        state: &State,
    ) -> Result<State, QuantError>;
}

/// All gates' linear parts without biases of the state: `W · x + Wb + R · h + Rb`, `gates · hidden` forms.
pub(super) fn linear(
    builder: &mut Builder<'_>,
    weights: &Weights,
    x: &[Form],
    h: &[Form],
) -> Result<Vec<Form>, QuantError> {
    let joint = [x, h].concat();
    let biases = weights.input_bias.iter().zip(&weights.state_bias);
    let sums = builder.product(&weights.matrix, &joint)?;
    Ok(sums.iter().zip(biases).map(|(s, (a, b))| s.shifted(a + b)).collect())
}

/// Runs a layer: outputs Y, Y_h and, with a memory, Y_c.
pub(super) fn lower<C: Cell>(cell: &C, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
    let batch_first = match call.int("layout", 0)? {
        0 => false,
        1 => true,
        other => return Err(call.refuse(format!("layout {other}, expected 0 or 1"))),
    };
    let (directions, first_reversed) = match call.node().attributes.get("direction") {
        None => (1, false),
        Some(Attribute::Text(text)) => match text.as_str() {
            "forward" => (1, false),
            "reverse" => (1, true),
            "bidirectional" => (2, false),
            other => {
                return Err(call.refuse(format!("direction `{other}`, expected forward, reverse or bidirectional")));
            }
        },
        Some(other) => return Err(call.refuse(format!("attribute `direction` is {other:?}, expected a text"))),
    };
    let (sizes, x) = sizes::<C>(call, directions, batch_first)?;
    check_lengths(call, &sizes)?;
    let clip = call.float("clip", 0.0)?;
    let context = Context { sizes, clip: (clip > 0.0).then_some(clip) };
    let activations = Activation::read(call, C::ACTIVATIONS, directions)?;
    let (hidden, steps, batch) = (sizes.hidden, sizes.steps, sizes.batch);
    let h0 = initial(call, 5, &sizes, batch_first)?;
    let c0 = if C::MEMORY { initial(call, 6, &sizes, batch_first)? } else { Vec::new() };
    // Steps × directions × batch.
    let mut outputs = vec![Vec::new(); steps * directions * batch];
    let mut last = Vec::with_capacity(directions * batch);
    for direction in 0..directions {
        let functions = activations.iter().skip(direction * C::ACTIVATIONS.len()).take(C::ACTIVATIONS.len());
        let weights = weights::<C>(call, &sizes, direction, functions.copied().collect())?;
        let reversed = first_reversed || direction == 1;
        for member in 0..batch {
            let at = (direction * batch + member) * hidden;
            let own = |all: &[Form]| all.get(at..at + hidden).map(<[Form]>::to_vec).unwrap_or_default();
            let mut state = State { h: own(&h0), c: own(&c0) };
            for i in 0..steps {
                let step = if reversed { steps - 1 - i } else { i };
                let from = (step * batch + member) * sizes.width;
                let row = x.data().get(from..from + sizes.width).unwrap_or_default();
                state = cell.step(builder, &context, &weights, row, &state)?;
                if let Some(slot) = outputs.get_mut((step * directions + direction) * batch + member) {
                    slot.clone_from(&state.h);
                }
            }
            last.push(state);
        }
    }
    let mismatch = || call.refuse("the outputs have other sizes");
    let all: Vec<Form> = outputs.into_iter().flatten().collect();
    let y = Tensor::new(vec![steps, directions, batch, hidden], all).ok_or_else(mismatch)?;
    let (h, c): (Vec<_>, Vec<_>) = last.into_iter().map(|s| (s.h, s.c)).unzip();
    let mut results = vec![Value::Live(y)];
    for (given, state) in [(true, h), (C::MEMORY, c)] {
        if given {
            let data = state.into_iter().flatten().collect();
            results.push(Value::Live(Tensor::new(vec![directions, batch, hidden], data).ok_or_else(mismatch)?));
        }
    }
    if batch_first {
        let order: [&[usize]; 3] = [&[2, 0, 1, 3], &[1, 0, 2], &[1, 0, 2]];
        let turned: Option<Vec<Value>> = results.iter().zip(order).map(|(v, order)| v.transposed(order)).collect();
        results = turned.ok_or_else(mismatch)?;
    }
    Ok(results)
}

/// The layer's sizes, and the input as steps × batch × width.
fn sizes<C: Cell>(call: &Call<'_>, directions: usize, batch_first: bool) -> Result<(Sizes, Tensor<Form>), QuantError> {
    let mut x = call.forms(0)?;
    if batch_first {
        x = x.transposed(&[1, 0, 2]).ok_or_else(|| call.refuse("X has not three dimensions"))?;
    }
    let &[steps, batch, width] = x.shape() else { return Err(call.refuse("X has not three dimensions")) };
    let &[_, rows, _] = call.input(1)?.shape() else { return Err(call.refuse("W has not three dimensions")) };
    let hidden = rows / C::GATES;
    let given = call.int("hidden_size", hidden as i64)?;
    if hidden == 0 || rows != C::GATES * hidden || given != hidden as i64 {
        return Err(
            call.refuse(format!("W has {rows} rows and hidden_size is {given}; expected {} rows a unit", C::GATES))
        );
    }
    if steps == 0 || batch == 0 || width == 0 {
        return Err(call.refuse("X is empty"));
    }
    if elements(&[steps, directions, batch, hidden]).is_none() {
        return Err(call.refuse("the output is too large"));
    }
    Ok((Sizes { gates: C::GATES, directions, steps, batch, width, hidden }, x))
}

/// `sequence_lens` may only say what the shape says.
fn check_lengths(call: &Call<'_>, sizes: &Sizes) -> Result<(), QuantError> {
    match call.ints(4)? {
        Some(lengths) if lengths.iter().any(|&l| l != sizes.steps as i64) => Err(call
            .refuse(format!("sequence_lens is {lengths:?}, expected {} for each: cut the input instead", sizes.steps))),
        _ => Ok(()),
    }
}

/// Input `i` as an initial state: directions × batch × hidden, zero if it is not given.
fn initial(call: &Call<'_>, i: usize, sizes: &Sizes, batch_first: bool) -> Result<Vec<Form>, QuantError> {
    let shape = [sizes.directions, sizes.batch, sizes.hidden];
    if call.optional(i).is_none() {
        return Ok(vec![Form::constant(0.0); shape.iter().product()]);
    }
    let mut state = call.forms(i)?;
    if batch_first {
        state =
            state.transposed(&[1, 0, 2]).ok_or_else(|| call.refuse(format!("input {i} has not three dimensions")))?;
    }
    if state.shape() != shape {
        return Err(call.refuse(format!("an initial state has shape {:?}, expected {shape:?}", state.shape())));
    }
    Ok(state.into_data())
}

/// Constant input `i` of this shape; `None` if it is not given.
fn constant<'a>(call: &'a Call<'_>, i: usize, shape: &[usize]) -> Result<Option<&'a [f64]>, QuantError> {
    match call.optional(i) {
        None => Ok(None),
        Some(Value::Real(t)) if t.shape() == shape => Ok(Some(t.data())),
        Some(Value::Real(_)) => Err(call.refuse(format!("input {i} has another shape, expected {shape:?}"))),
        Some(_) => Err(call.refuse(format!("input {i} is not a constant float tensor"))),
    }
}

fn weights<C: Cell>(
    call: &Call<'_>,
    sizes: &Sizes,
    direction: usize,
    activations: Vec<Activation>,
) -> Result<Weights, QuantError> {
    let Sizes { gates, directions, width, hidden, .. } = *sizes;
    let rows = gates * hidden;
    let part =
        |list: &[f64], length: usize, at: usize| list.get(at..at + length).map(<[f64]>::to_vec).unwrap_or_default();
    let missing = |what: &str| call.refuse(format!("{what} is missing"));
    let w = constant(call, 1, &[directions, rows, width])?.ok_or_else(|| missing("W"))?;
    let r = constant(call, 2, &[directions, rows, hidden])?.ok_or_else(|| missing("R"))?;
    let (w, r) = (part(w, rows * width, direction * rows * width), part(r, rows * hidden, direction * rows * hidden));
    let matrix = w.chunks(width).zip(r.chunks(hidden)).flat_map(|(w, r)| w.iter().chain(r).copied()).collect();
    let zeros = vec![0.0; 2 * rows * directions];
    let biases = constant(call, 3, &[directions, 2 * rows])?.unwrap_or(&zeros);
    let peepholes = if C::MEMORY { constant(call, 7, &[directions, 3 * hidden])? } else { None };
    Ok(Weights {
        matrix,
        input_bias: part(biases, rows, 2 * direction * rows),
        state_bias: part(biases, rows, (2 * direction + 1) * rows),
        peepholes: peepholes.map(|p| part(p, 3 * hidden, 3 * direction * hidden)),
        activations,
    })
}
