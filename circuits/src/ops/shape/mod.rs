//! Ops that only move values (wires, no rows), and changes of type.

mod cast;
mod cast_like;
mod compress;
mod concat;
mod constant;
mod constant_of_shape;
mod cum_sum;
mod depth_to_space;
mod dropout;
mod expand;
mod eye_like;
mod flatten;
mod gather;
mod gather_elements;
mod gather_nd;
mod identity;
mod index;
mod integers;
mod lookup;
mod non_zero;
mod one_hot;
mod pad;
mod placed;
mod range;
mod reshape;
mod resize;
mod reverse_sequence;
mod scatter_elements;
mod scatter_nd;
mod shape_of;
mod size;
mod slice;
mod space_to_depth;
mod split;
mod squeeze;
mod tile;
mod transpose;
mod trilu;
mod tuples;
mod unsqueeze;

#[cfg(test)]
mod tests;

pub(in crate::ops) use integers::on_integers;

use super::Op;

/// The family's ops, sorted by name.
pub(super) static OPS: &[&dyn Op] = &[
    &cast::Cast,
    &cast_like::CastLike,
    &compress::Compress,
    &concat::Concat,
    &constant::Constant,
    &constant_of_shape::ConstantOfShape,
    &cum_sum::CumSum,
    &depth_to_space::DepthToSpace,
    &dropout::Dropout,
    &expand::Expand,
    &eye_like::EyeLike,
    &flatten::Flatten,
    &gather::Gather,
    &gather_elements::GatherElements,
    &gather_nd::GatherND,
    &identity::Identity,
    &non_zero::NonZero,
    &one_hot::OneHot,
    &pad::Pad,
    &range::Range,
    &reshape::Reshape,
    &resize::Resize,
    &reverse_sequence::ReverseSequence,
    &scatter_elements::Scatter("Scatter"),
    &scatter_elements::Scatter("ScatterElements"),
    &scatter_nd::ScatterND,
    &shape_of::Shape,
    &size::Size,
    &slice::Slice,
    &space_to_depth::SpaceToDepth,
    &split::Split,
    &squeeze::Squeeze,
    &tile::Tile,
    &transpose::Transpose,
    &trilu::Trilu,
    &unsqueeze::Unsqueeze,
    &resize::Upsample,
];
