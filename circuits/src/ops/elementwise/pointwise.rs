//! Shared by the ops that work element by element.

use crate::model::Attribute;
use crate::model::tensor::{Tensor, broadcast_shape};
use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::form::Form;

use crate::ops::{Call, Value};

/// Two tensors of forms, broadcast against each other: their shape and their elements.
pub(in crate::ops) type Pair = (Vec<usize>, Vec<Form>, Vec<Form>);

/// Input `i` as forms; constant integers are taken as numbers.
pub(in crate::ops) fn operand(call: &Call<'_>, i: usize) -> Result<Tensor<Form>, QuantError> {
    match call.input(i)? {
        Value::Int(t) => Ok(t.map(|&v| Form::constant(v as f64))),
        _ => call.forms(i),
    }
}

/// Inputs `i` and `j`, broadcast against each other.
pub(in crate::ops) fn pair(call: &Call<'_>, i: usize, j: usize) -> Result<Pair, QuantError> {
    let mut both = broadcast(call, &[i, j])?;
    let (b, a) = (both.1.pop().unwrap_or_default(), both.1.pop().unwrap_or_default());
    Ok((both.0, a, b))
}

/// Some inputs, broadcast against each other.
pub(in crate::ops) fn broadcast(call: &Call<'_>, inputs: &[usize]) -> Result<(Vec<usize>, Vec<Vec<Form>>), QuantError> {
    let mismatch = || call.refuse("the shapes do not broadcast");
    let tensors = inputs.iter().map(|&i| operand(call, i)).collect::<Result<Vec<_>, _>>()?;
    let mut shape = Vec::new();
    for tensor in &tensors {
        shape = broadcast_shape(&shape, tensor.shape()).ok_or_else(mismatch)?;
    }
    let spread = tensors.iter().map(|t| t.broadcast(&shape).map(Tensor::into_data).ok_or_else(mismatch));
    let data = spread.collect::<Result<Vec<_>, _>>()?;
    Ok((shape, data))
}

/// Applies `f` to the first two inputs, broadcast against each other.
pub(in crate::ops) fn binary(
    call: &Call<'_>,
    f: impl Fn(&Form, &Form) -> Result<Form, QuantError>,
) -> Result<Vec<Value>, QuantError> {
    let (shape, a, b) = pair(call, 0, 1)?;
    let data = a.iter().zip(&b).map(|(x, y)| f(x, y)).collect::<Result<Vec<_>, _>>()?;
    live(call, shape, data)
}

/// Applies `f` to all elements of the first two inputs at once, broadcast against each other.
pub(in crate::ops) fn zipped(
    call: &Call<'_>,
    f: impl FnOnce(&[Form], &[Form]) -> Result<Vec<Form>, QuantError>,
) -> Result<Vec<Value>, QuantError> {
    let (shape, a, b) = pair(call, 0, 1)?;
    live(call, shape, f(&a, &b)?)
}

/// As [`zipped`], for results that are integers (booleans too): constant ones stay integers.
pub(in crate::ops) fn zipped_whole(
    call: &Call<'_>,
    f: impl FnOnce(&[Form], &[Form]) -> Result<Vec<Form>, QuantError>,
) -> Result<Vec<Value>, QuantError> {
    let (shape, a, b) = pair(call, 0, 1)?;
    whole(call, shape, f(&a, &b)?)
}

/// Applies `f` to all elements of the first input at once; it keeps their number.
pub(in crate::ops) fn unary(
    call: &Call<'_>,
    f: impl FnOnce(&[Form]) -> Result<Vec<Form>, QuantError>,
) -> Result<Vec<Value>, QuantError> {
    let x = call.forms(0)?;
    let data = f(x.data())?;
    live(call, x.shape().to_vec(), data)
}

/// As [`unary`], for results that are integers (booleans too) if the input is.
pub(in crate::ops) fn unary_whole(
    call: &Call<'_>,
    f: impl FnOnce(&[Form]) -> Result<Vec<Form>, QuantError>,
) -> Result<Vec<Value>, QuantError> {
    let x = operand(call, 0)?;
    let data = f(x.data())?;
    let shape = x.shape().to_vec();
    if matches!(call.input(0)?, Value::Int(_)) { whole(call, shape, data) } else { live(call, shape, data) }
}

/// One output of forms.
pub(in crate::ops) fn live(call: &Call<'_>, shape: Vec<usize>, data: Vec<Form>) -> Result<Vec<Value>, QuantError> {
    let result = Tensor::new(shape, data);
    Ok(vec![Value::Live(result.ok_or_else(|| call.refuse("the number of elements changed"))?)])
}

/// One output of integers: constants if all are.
pub(in crate::ops) fn whole(call: &Call<'_>, shape: Vec<usize>, data: Vec<Form>) -> Result<Vec<Value>, QuantError> {
    let constants: Option<Vec<i64>> = data.iter().map(|f| f.as_constant().map(|v| v as i64)).collect();
    match constants.and_then(|c| Tensor::new(shape.clone(), c)) {
        Some(constants) => Ok(vec![Value::Int(constants)]),
        None => live(call, shape, data),
    }
}

/// A text attribute, if it is given.
pub(in crate::ops) fn text<'c>(call: &'c Call<'_>, name: &str) -> Result<Option<&'c str>, QuantError> {
    match call.node().attributes.get(name) {
        None => Ok(None),
        Some(Attribute::Text(text)) => Ok(Some(text)),
        Some(other) => Err(call.refuse(format!("attribute `{name}` is {other:?}, expected text"))),
    }
}

/// `a - b`
pub(in crate::ops) fn minus(a: &[Form], b: &[Form]) -> Vec<Form> {
    a.iter().zip(b).map(|(x, y)| x.plus(&y.scaled(-1.0))).collect()
}

/// Whether a form has integer values only.
pub(in crate::ops) fn is_whole(form: &Form) -> bool {
    form.offset().fract() == 0.0 && form.terms().iter().all(|t| t.1.fract() == 0.0)
}

/// The least argument of a function that explodes at 0: the least that can be, else an eighth of the least that was seen, else `2^-20` of the largest.
pub(in crate::ops) fn least(builder: &Builder<'_>, forms: &[Form]) -> f64 {
    let live = || forms.iter().filter(|f| f.as_constant().is_none());
    let (lo, hi) = live().map(|f| builder.interval(f)).fold((f64::MAX, 1e-30f64), |r, i| (r.0.min(i.0), r.1.max(i.1)));
    let seen = live().filter_map(|f| builder.calibrated_range(f)).map(|r| r.0).reduce(f64::min);
    let tiny = hi * libm::exp2(-20.0);
    match seen.filter(|&s| s > 0.0) {
        _ if lo > 0.0 => lo,
        Some(seen) => (seen / 8.0).max(tiny),
        None => tiny,
    }
}

#[cfg(test)]
pub(in crate::ops) mod tests {
    use tract_onnx::pb::AttributeProto;

    use crate::model::fixture::{OnnxBuilder, int};
    use crate::testing::conformance::Case;

    /// An op with attributes, and the function that it should be.
    pub(in crate::ops) type Expected = (&'static str, Vec<AttributeProto>, fn(f64) -> f64);

    /// All ops on the same inputs, joined in one output.
    pub(in crate::ops) fn each(opset: i64, ops: Vec<Expected>, inputs: Vec<Vec<f64>>) -> Case {
        let width = inputs[0].len() as i64;
        let mut model = OnnxBuilder::new(&[1, width]);
        model.model.opset_import[0].version = opset;
        let names: Vec<String> = ops.iter().enumerate().map(|(i, (op, _, _))| format!("{op}{i}")).collect();
        let mut functions = Vec::new();
        for (name, (op, attributes, f)) in names.iter().zip(ops) {
            model.node(op, &["x"], name, attributes);
            functions.push(f);
        }
        let parts: Vec<&str> = names.iter().map(String::as_str).collect();
        let onnx = model.node("Concat", &parts, "y", vec![int("axis", 1)]).bytes(&[1, width * parts.len() as i64]);
        // Inputs as the program sees them.
        let seen = |x: &f64| (x * 65536.0).round_ties_even() / 65536.0;
        let expected = inputs.iter().map(|x| functions.iter().flat_map(|f| x.iter().map(|v| f(seen(v)))).collect());
        let expected = expected.collect();
        Case::new(onnx, inputs).expecting(expected)
    }
}
