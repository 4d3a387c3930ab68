//! A change to the type of another tensor. Costs as Cast.
//!
//! Of a tensor that depends on the inputs only the values are known, and those are taken for floats.

use crate::quant::QuantError;
use crate::quant::builder::Builder;

use crate::ops::{Call, Op, Value};

use super::cast::{Kind, cast};

/// See the module's head.
pub(super) struct CastLike;

impl Op for CastLike {
    fn name(&self) -> &'static str {
        "CastLike"
    }

    fn accepts(&self) -> &'static str {
        "numbers, and a tensor whose type is taken"
    }

    fn lower(&self, builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let kind = if matches!(call.input(1)?, Value::Int(_)) { Kind::Integer } else { Kind::Real };
        Ok(vec![cast(builder, call.input(0)?, kind)?])
    }
}
