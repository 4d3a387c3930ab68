//! A change of float type, or of constants to float. Free.

use crate::quant::QuantError;
use crate::quant::builder::Builder;
use tract_onnx::pb::tensor_proto::DataType;

use crate::ops::{Call, Op, Value};

/// See the module's head.
pub(super) struct Cast;

impl Op for Cast {
    fn name(&self) -> &'static str {
        "Cast"
    }

    fn accepts(&self) -> &'static str {
        "floats or integer constants to float or double; integer constants to int32 or int64"
    }

    fn lower(&self, _builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let to = call.int("to", 0)?;
        let float = [DataType::Float as i64, DataType::Double as i64].contains(&to);
        let int = [DataType::Int32 as i64, DataType::Int64 as i64].contains(&to);
        match call.input(0)? {
            Value::Int(t) if float => Ok(vec![Value::Real(t.map(|&v| v as f64))]),
            value @ Value::Int(_) if int => Ok(vec![value.clone()]),
            value @ (Value::Real(_) | Value::Live(_)) if float => Ok(vec![value.clone()]),
            _ => Err(call.refuse(format!("a cast to ONNX data type {to}"))),
        }
    }
}
