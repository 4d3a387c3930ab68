//! Sum and Mean of any number of tensors, broadcast. Free.

use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::form::Form;

use crate::ops::elementwise::{broadcast, live};
use crate::ops::{Call, Op, Value};

/// Sum or Mean.
pub(super) enum Total {
    Mean,
    Sum,
}

impl Op for Total {
    fn name(&self) -> &'static str {
        match self {
            Self::Mean => "Mean",
            Self::Sum => "Sum",
        }
    }

    fn accepts(&self) -> &'static str {
        "one or more float tensors that broadcast"
    }

    fn lower(&self, _builder: &mut Builder<'_>, call: &Call<'_>) -> Result<Vec<Value>, QuantError> {
        let inputs: Vec<usize> = (0..call.arity()).collect();
        let (shape, parts) = broadcast(call, &inputs)?;
        let factor = match self {
            Self::Mean => 1.0 / parts.len().max(1) as f64,
            Self::Sum => 1.0,
        };
        let mut sums: Option<Vec<Form>> = None;
        for part in parts {
            sums = Some(match sums {
                Some(sums) => sums.iter().zip(&part).map(|(a, b)| a.plus(b)).collect(),
                None => part,
            });
        }
        let sums = sums.ok_or_else(|| call.refuse("there are no inputs"))?;
        live(call, shape, sums.iter().map(|f| f.scaled(factor)).collect())
    }
}
