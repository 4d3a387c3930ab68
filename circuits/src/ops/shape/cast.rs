//! A change of type. Free for constants, to float, and for values that are integers already.
//!
//! From values that depend on the inputs: to integer truncates towards zero (one lane where the sign is known, else four), to bool compares with 0 (two
//! lanes). Half precision is not imitated.

use tract_onnx::pb::tensor_proto::DataType;

use crate::model::tensor::Tensor;
use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::form::Form;

use crate::ops::{Call, Op, Value};

/// See the module's head.
pub(super) struct Cast;

impl Op for Cast {
    fn name(&self) -> &'static str {
        "Cast"
    }

    fn accepts(&self) -> &'static str {
        "numbers and booleans to float, integer or boolean types"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let to = call.int("to", 0)?;
        let kind = Kind::of(to).ok_or_else(|| call.refuse(format!("a cast to ONNX data type {to}")))?;
        Ok(vec![cast(builder, call.input(0)?, kind)?])
    }
}

/// What a type holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Real,
    Integer,
    Boolean,
}

impl Kind {
    /// The kind of an ONNX data type; `None` for text, complex and 8-bit float types.
    pub(super) fn of(onnx: i64) -> Option<Self> {
        match i32::try_from(onnx).ok().and_then(|t| DataType::try_from(t).ok())? {
            DataType::Float | DataType::Double | DataType::Float16 | DataType::Bfloat16 => Some(Self::Real),
            DataType::Bool => Some(Self::Boolean),
            DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => Some(Self::Integer),
            DataType::Uint8 | DataType::Uint16 | DataType::Uint32 | DataType::Uint64 => Some(Self::Integer),
            _ => None,
        }
    }
}

/// `value` as another kind.
pub(super) fn cast(builder: &mut Builder<'_>, value: &Value, kind: Kind) -> Result<Value, QuantError> {
    Ok(match (value, kind) {
        (Value::Int(t), Kind::Real) => Value::Real(t.map(|&v| v as f64)),
        (Value::Int(t), Kind::Boolean) => Value::Int(t.map(|&v| i64::from(v != 0))),
        (Value::Int(_), Kind::Integer) | (_, Kind::Real) => value.clone(),
        (Value::Real(t), Kind::Integer) => Value::Int(t.map(|&v| v.trunc() as i64)),
        (Value::Real(t), Kind::Boolean) => Value::Int(t.map(|&v| i64::from(v != 0.0))),
        (Value::Live(t), Kind::Integer) => live(t, |forms| truncated(builder, forms))?,
        (Value::Live(t), Kind::Boolean) => live(t, |forms| truth(builder, forms))?,
    })
}

fn live(t: &Tensor<Form>, f: impl FnOnce(&[Form]) -> Result<Vec<Form>, QuantError>) -> Result<Value, QuantError> {
    let data = f(t.data())?;
    let got = data.len();
    let result = Tensor::new(t.shape().to_vec(), data);
    result.map(Value::Live).ok_or(QuantError::Malformed { what: "cast values", expected: t.len(), got })
}

/// Whether a form takes only integers, by its coefficients.
pub(super) fn is_integral(form: &Form) -> bool {
    form.offset().fract() == 0.0 && form.terms().iter().all(|t| t.1.fract() == 0.0)
}

/// Towards zero: the floor, plus one where the value is negative and no integer.
fn truncated(builder: &mut Builder<'_>, forms: &[Form]) -> Result<Vec<Form>, QuantError> {
    let open: Vec<usize> = (0..forms.len()).filter(|&i| !is_integral(&forms[i])).collect();
    let mixed: Vec<usize> = open.iter().copied().filter(|&i| builder.interval(&forms[i]).0 < 0.0).collect();
    let some = |index: &[usize], factor: f64| -> Vec<Form> { index.iter().map(|&i| forms[i].scaled(factor)).collect() };
    let mut results = forms.to_vec();
    for (&i, floor) in open.iter().zip(builder.floor(&some(&open, 1.0))?) {
        results[i] = floor;
    }
    let below = builder.floor(&some(&mixed, -1.0))?;
    let signs = builder.sign(&some(&mixed, 1.0))?;
    // "no integer" (ceiling - floor) and "negative" (1 - sign), as booleans: relu(ceiling - floor - sign).
    let both = mixed.iter().zip(&below).zip(&signs);
    let both: Vec<Form> = both.map(|((&i, b), s)| b.plus(&results[i]).plus(s).scaled(-1.0)).collect();
    for (i, step) in mixed.into_iter().zip(builder.relu(&both)?) {
        results[i] = results[i].plus(&step);
    }
    Ok(results)
}

/// 1 where the value is not 0.
fn truth(builder: &mut Builder<'_>, forms: &[Form]) -> Result<Vec<Form>, QuantError> {
    let within = |builder: &Builder<'_>, form: &Form| {
        let (lo, hi) = builder.interval(form);
        is_integral(form) && lo >= 0.0 && hi <= 1.0
    };
    let known: Vec<bool> = forms.iter().map(|form| within(builder, form)).collect();
    let open: Vec<Form> = forms.iter().zip(&known).filter(|(_, k)| !**k).map(|(f, _)| f.clone()).collect();
    let zeros = vec![Form::constant(0.0); open.len()];
    let mut equal = builder.equal(&open, &zeros)?.into_iter();
    let mut compared = || equal.next().unwrap_or_default().scaled(-1.0).shifted(1.0);
    Ok(forms.iter().zip(known).map(|(form, known)| if known { form.clone() } else { compared() }).collect())
}
