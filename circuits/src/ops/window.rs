//! Windows that slide over the spatial dimensions of `[N, C, d1, …]`: what convolutions and pooling share.

use crate::model::Attribute;
use crate::model::tensor::{MAX_ELEMENTS, elements};
use crate::quant::QuantError;

use super::Call;

/// How missing padding is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AutoPad {
    /// From the attribute `pads`.
    Explicit,
    /// As many outputs as `input / stride`, rounded up; the odd element at the end.
    SameUpper,
    /// The same with the odd element at the beginning.
    SameLower,
    /// None.
    Valid,
}

impl AutoPad {
    /// The attribute `auto_pad`.
    pub fn read(call: &Call<'_>) -> Result<Self, QuantError> {
        match call.node().attributes.get("auto_pad") {
            None => Ok(Self::Explicit),
            Some(Attribute::Text(text)) => match text.as_str() {
                "NOTSET" | "" => Ok(Self::Explicit),
                "SAME_UPPER" => Ok(Self::SameUpper),
                "SAME_LOWER" => Ok(Self::SameLower),
                "VALID" => Ok(Self::Valid),
                other => Err(call.refuse(format!("auto_pad is `{other}`"))),
            },
            Some(other) => Err(call.refuse(format!("auto_pad is {other:?}, expected text"))),
        }
    }

    /// `total` padding as (begin, end).
    pub fn split(self, total: usize) -> (usize, usize) {
        if self == Self::SameUpper { (total / 2, total - total / 2) } else { (total - total / 2, total / 2) }
    }
}

/// One spatial dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Axis {
    /// Size of the input.
    pub input: usize,
    /// Size of the output.
    pub output: usize,
    /// Taps of the window.
    pub kernel: usize,
    /// Distance of neighbouring windows.
    pub stride: usize,
    /// Distance of neighbouring taps.
    pub dilation: usize,
    /// Padding before the input.
    pub begin: usize,
    /// Padding after it.
    pub end: usize,
}

impl Axis {
    /// From the first tap to the last.
    pub fn reach(&self) -> usize {
        (self.kernel - 1) * self.dilation + 1
    }

    /// Where tap `t` of window `o` reads, if that is no padding.
    pub fn source(&self, o: usize, t: usize) -> Option<usize> {
        (o * self.stride + t * self.dilation).checked_sub(self.begin).filter(|&i| i < self.input)
    }

    /// Taps of window `o` that lie in the input or its padding.
    pub fn covered(&self, o: usize) -> usize {
        let size = self.begin + self.input + self.end;
        (0..self.kernel).filter(|t| o * self.stride + t * self.dilation < size).count()
    }
}

/// Sizes from an attribute, one for each spatial dimension.
pub(super) fn sizes(
    call: &Call<'_>,
    name: &str,
    count: usize,
    least: i64,
    default: usize,
) -> Result<Vec<usize>, QuantError> {
    let Some(given) = call.int_list(name)? else { return Ok(vec![default; count]) };
    let valid = |&v: &i64| if v >= least && v <= MAX_ELEMENTS as i64 { usize::try_from(v).ok() } else { None };
    let read: Option<Vec<usize>> = given.iter().map(valid).collect();
    read.filter(|r| r.len() == count)
        .ok_or_else(|| call.refuse(format!("{name} {given:?}, expected {count} numbers of at least {least}")))
}

/// The windows of a node over spatial dimensions of sizes `input`.
///
/// # Errors
/// Attributes that do not fit, or windows that are larger than the padded input.
pub(super) fn windows(call: &Call<'_>, input: &[usize], kernel: &[usize], ceil: bool) -> Result<Vec<Axis>, QuantError> {
    let rank = input.len();
    let strides = sizes(call, "strides", rank, 1, 1)?;
    let dilations = sizes(call, "dilations", rank, 1, 1)?;
    let pads = sizes(call, "pads", 2 * rank, 0, 0)?;
    let auto = AutoPad::read(call)?;
    if kernel.len() != rank || kernel.iter().any(|&k| k == 0 || k > MAX_ELEMENTS) {
        return Err(call.refuse(format!("kernel {kernel:?} for {rank} spatial dimensions")));
    }
    let mut axes = Vec::with_capacity(rank);
    for i in 0..rank {
        let (input, stride) = (input[i], strides[i]);
        let mut axis = Axis { input, output: 0, kernel: kernel[i], stride, dilation: dilations[i], begin: 0, end: 0 };
        match auto {
            AutoPad::Explicit => (axis.begin, axis.end) = (pads[i], pads[rank + i]),
            AutoPad::Valid => {}
            AutoPad::SameUpper | AutoPad::SameLower => {
                let needed = (input.div_ceil(stride).max(1) - 1) * stride + axis.reach();
                (axis.begin, axis.end) = auto.split(needed.saturating_sub(input));
            }
        }
        let room = (input + axis.begin + axis.end).checked_sub(axis.reach());
        let room = room.ok_or_else(|| call.refuse(format!("a window of {} does not fit", axis.reach())))?;
        axis.output = if ceil { room.div_ceil(stride) } else { room / stride } + 1;
        // A window that starts in the padding at the end does not count.
        if ceil && (axis.output - 1) * stride >= input + axis.begin {
            axis.output -= 1;
        }
        axes.push(axis);
    }
    check_size(call, &axes)?;
    Ok(axes)
}

/// Refuses windows of more taps in all than a tensor may have elements.
pub(super) fn check_size(call: &Call<'_>, axes: &[Axis]) -> Result<(), QuantError> {
    let taps: Vec<usize> = axes.iter().flat_map(|a| [a.output, a.kernel]).collect();
    if elements(&taps).is_none() {
        return Err(call.refuse("the windows have too many taps in all"));
    }
    Ok(())
}

/// For each window, and in it for each tap, both row-major: the flat spatial index that it reads. `source` finds it along one axis.
pub(super) fn taps(axes: &[Axis], source: impl Fn(&Axis, usize, usize) -> Option<usize>) -> Vec<Vec<Option<usize>>> {
    let mut result = vec![vec![Some(0)]];
    for axis in axes {
        let mut next = Vec::with_capacity(result.len() * axis.output);
        for window in &result {
            for o in 0..axis.output {
                let along: Vec<Option<usize>> = (0..axis.kernel).map(|t| source(axis, o, t)).collect();
                let joined = |flat: &Option<usize>| {
                    let flat = *flat;
                    along.iter().map(move |i| Some(flat? * axis.input + (*i)?)).collect::<Vec<_>>()
                };
                next.push(window.iter().flat_map(joined).collect());
            }
        }
        result = next;
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taps_are_row_major_and_skip_padding() {
        let axis = |input, output| Axis { input, output, kernel: 2, stride: 1, dilation: 1, begin: 1, end: 0 };
        let found = taps(&[axis(2, 2), axis(3, 1)], Axis::source);
        assert_eq!(found, vec![vec![None, None, None, Some(0)], vec![None, Some(0), None, Some(3)]]);
        assert_eq!(AutoPad::SameUpper.split(3), (1, 2));
        assert_eq!(AutoPad::SameLower.split(3), (2, 1));
    }
}
