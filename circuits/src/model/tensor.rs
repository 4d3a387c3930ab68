//! A dense row-major tensor of anything: constants (`f64`, `i64`) and linear forms.
//!
//! Not here: arithmetic on the elements.

use serde::{Deserialize, Serialize};

/// Most elements of one tensor: a model that needs more is refused before memory runs out.
pub const MAX_ELEMENTS: usize = 1 << 24;
/// Most dimensions of one tensor.
pub const MAX_RANK: usize = 32;

/// Row-major values with a shape; `data.len()` is the product of `shape` (1 for a scalar, whose shape is empty).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tensor<T> {
    shape: Vec<usize>,
    data: Vec<T>,
}

impl<T> Tensor<T> {
    /// A tensor, or `None` when `data` does not fill `shape` exactly.
    pub fn new(shape: Vec<usize>, data: Vec<T>) -> Option<Self> {
        (elements(&shape)? == data.len()).then_some(Self { shape, data })
    }

    /// A one-dimensional tensor.
    pub fn vector(data: Vec<T>) -> Self {
        Self { shape: vec![data.len()], data }
    }

    /// A tensor without dimensions.
    pub fn scalar(value: T) -> Self {
        Self { shape: Vec::new(), data: vec![value] }
    }

    /// Sizes of the dimensions.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The elements in row-major order.
    pub fn data(&self) -> &[T] {
        &self.data
    }

    /// The elements in row-major order.
    pub fn into_data(self) -> Vec<T> {
        self.data
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.data.len()
    }

    /// Whether some dimension is 0.
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// The same elements under another shape, or `None` when the number of elements differs.
    pub fn reshaped(self, shape: Vec<usize>) -> Option<Self> {
        Self::new(shape, self.data)
    }

    /// Applies `f` to every element.
    pub fn map<U>(&self, f: impl FnMut(&T) -> U) -> Tensor<U> {
        Tensor { shape: self.shape.clone(), data: self.data.iter().map(f).collect() }
    }
}

impl<T: Clone> Tensor<T> {
    /// Reorders the dimensions: result dimension `i` is dimension `order[i]`. `None` when `order` is no permutation.
    pub fn transposed(&self, order: &[usize]) -> Option<Self> {
        let mut seen = vec![false; self.shape.len()];
        for &axis in order {
            let slot = seen.get_mut(axis)?;
            if std::mem::replace(slot, true) {
                return None;
            }
        }
        if order.len() != self.shape.len() {
            return None;
        }
        let strides = strides(&self.shape);
        let shape: Vec<usize> = order.iter().map(|&a| self.shape[a]).collect();
        let source: Vec<usize> = order.iter().map(|&a| strides[a]).collect();
        let data = (0..self.data.len()).map(|flat| self.data[offset(flat, &shape, &source)].clone()).collect();
        Some(Self { shape, data })
    }

    /// The elements at flat indices, in that order, under another shape. `None` when an index is out of range or their number does not fit.
    pub fn picked(&self, shape: &[usize], index: &[usize]) -> Option<Self> {
        let data = index.iter().map(|&i| self.data.get(i).cloned()).collect::<Option<Vec<_>>>()?;
        Self::new(shape.to_vec(), data)
    }

    /// Repeats the tensor to `shape` by the broadcasting rules of ONNX. `None` when the shapes do not fit.
    pub fn broadcast(&self, shape: &[usize]) -> Option<Self> {
        let lead = shape.len().checked_sub(self.shape.len())?;
        let own = strides(&self.shape);
        let mut source = vec![0; shape.len()];
        for (axis, (&have, &want)) in self.shape.iter().zip(&shape[lead..]).enumerate() {
            if have == want {
                source[lead + axis] = own[axis];
            } else if have != 1 {
                return None;
            }
        }
        let len = elements(shape)?;
        let data = (0..len).map(|flat| self.data[offset(flat, shape, &source)].clone()).collect();
        Some(Self { shape: shape.to_vec(), data })
    }
}

/// The common shape of two shapes by the broadcasting rules of ONNX.
pub fn broadcast_shape(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let rank = a.len().max(b.len());
    let at = |s: &[usize], i: usize| (i + s.len()).checked_sub(rank).map_or(1, |j| s[j]);
    (0..rank)
        .map(|i| match (at(a, i), at(b, i)) {
            (x, y) if x == y => Some(x),
            (1, y) => Some(y),
            (x, 1) => Some(x),
            _ => None,
        })
        .collect()
}

/// Number of elements of a shape, `None` above [`MAX_ELEMENTS`] or [`MAX_RANK`]. Sizes of 0 count as 1 for the limit, so that no product of some of
/// the sizes overflows either.
pub fn elements(shape: &[usize]) -> Option<usize> {
    if shape.len() > MAX_RANK {
        return None;
    }
    let count = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d.max(1)).filter(|&n| n <= MAX_ELEMENTS))?;
    Some(if shape.contains(&0) { 0 } else { count })
}

fn strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for i in (1..shape.len()).rev() {
        strides[i - 1] = strides[i] * shape[i];
    }
    strides
}

fn offset(flat: usize, shape: &[usize], strides: &[usize]) -> usize {
    let (mut rest, mut at) = (flat, 0);
    for (&size, &stride) in shape.iter().zip(strides).rev() {
        at += (rest % size) * stride;
        rest /= size;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transposes_and_broadcasts() {
        let t = Tensor::new(vec![2, 3], vec![1, 2, 3, 4, 5, 6]).unwrap();
        assert_eq!(t.transposed(&[1, 0]).unwrap().data(), &[1, 4, 2, 5, 3, 6]);
        assert_eq!(t.transposed(&[0, 0]), None);
        let row = Tensor::vector(vec![7, 8, 9]).broadcast(&[2, 3]).unwrap();
        assert_eq!(row.data(), &[7, 8, 9, 7, 8, 9]);
        assert_eq!(row.broadcast(&[2, 4]), None);
        assert_eq!(broadcast_shape(&[2, 1], &[3]), Some(vec![2, 3]));
        assert_eq!(broadcast_shape(&[2], &[3]), None);
        assert_eq!(Tensor::new(vec![2, 2], vec![1]), None);
    }

    #[test]
    fn shapes_that_are_too_large_in_part_are_refused() {
        assert_eq!(elements(&[4, 0, 3]), Some(0));
        assert_eq!(elements(&[1 << 12, 1 << 12]), Some(MAX_ELEMENTS));
        // An empty tensor whose strides would overflow.
        assert_eq!(elements(&[0, 1 << 40, 1 << 40]), None);
        assert_eq!(elements(&[usize::MAX, 0]), None);
        assert_eq!(elements(&[1; MAX_RANK]), Some(1));
        assert_eq!(elements(&[1; MAX_RANK + 1]), None);
    }
}
