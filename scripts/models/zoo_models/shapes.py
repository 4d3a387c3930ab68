"""Ops that move values, or compute shapes and indices."""

import numpy as np
from onnx import TensorProto, helper

from .graph import Case, image, integers, normal


def split_then_swap(g, x):
    left, right = g.op("Split", x, g.ints(2, 4), outputs=2, axis=1)
    return g.op("Concat", right, left, axis=1)


def split_even(g, x):
    return g.op("Split", x, outputs=3, axis=-1)


def slice_attributes(g, x):
    return g.op("Slice", x, starts=[1, 0], ends=[3, -1], axes=[0, 1])


def slice_stepped(g, x):
    return g.op("Slice", x, g.ints(-1, 0), g.ints(-10, 6), g.ints(0, 1), g.ints(-1, 2))


def gather_nd(g, x):
    return g.op("GatherND", x, g.const([[0, 1], [2, 0], [1, 3]], np.int64))


def gather_elements(g, x):
    return g.op("GatherElements", x, g.const([[0, 2, 1, 0], [2, 0, 0, 1]], np.int64), axis=0)


def scatter_elements(g, x, u):
    return g.op("ScatterElements", x, g.const([[1, 0, 2], [0, 2, 1]], np.int64), u, axis=0)


def scatter_nd(g, x, u):
    return g.op("ScatterND", x, g.const([[2], [0]], np.int64), u)


def range_and_add(g, x):
    return g.op("Add", x, g.op("Cast", g.op("Range", g.const(0, np.int64), g.const(5, np.int64), g.const(1, np.int64)), to=TensorProto.FLOAT))


def one_hot(g, x):
    return g.op("OneHot", x, g.const(5, np.int64), g.const([0.0, 1.0]), axis=-1)


def eye_like(g, x):
    return g.op("MatMul", x, g.op("EyeLike", x, k=1))


def constant_of_shape(g, x):
    ones = g.op("ConstantOfShape", g.op("Shape", x), value=helper.make_tensor("v", TensorProto.FLOAT, [1], [0.5]))
    return g.op("Add", x, ones)


def shape_arithmetic(g, x):
    """`x.view(x.size(0), -1)` as PyTorch traces it."""
    batch = g.op("Gather", g.op("Shape", x), g.const(0, np.int64), axis=0)
    target = g.op("Concat", g.op("Unsqueeze", batch, g.ints(0)), g.ints(-1), axis=0)
    return g.op("Reshape", x, target)


def resize(mode, transform, opset=13):
    def build(g, x):
        return g.op("Resize", x, "", g.const([1, 1, 2, 2]), mode=mode, coordinate_transformation_mode=transform)

    return build


def resize_to_size(g, x):
    return g.op("Resize", x, "", "", g.ints(1, 1, 5, 7), mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor")


def pad_attribute(g, x):
    return g.op("Pad", x, mode="reflect", pads=[0, 2, 0, 1])


def cases():
    yield Case("reshape", 7, lambda g, x: g.op("Reshape", x, g.ints(0, -1)), {"x": normal(2, 3, 2)})
    yield Case("flatten", 13, lambda g, x: g.op("Flatten", x, axis=2), {"x": normal(1, 2, 2, 3)})
    yield Case("transpose", 13, lambda g, x: g.op("Transpose", x, perm=[2, 0, 1]), {"x": normal(2, 3, 2)})
    yield Case("concat", 13, lambda g, a, b: g.op("Concat", a, b, g.const([[1.5], [-2]]), axis=1), {"a": normal(2, 2), "b": normal(2, 3)})
    yield Case("split", 13, split_then_swap, {"x": normal(2, 6)})
    yield Case("split_even", 7, split_even, {"x": normal(2, 6)})
    yield Case("slice_attributes", 7, slice_attributes, {"x": normal(4, 5)})
    yield Case("slice_stepped", 13, slice_stepped, {"x": normal(3, 6)})
    yield Case("gather", 13, lambda g, x: g.op("Gather", x, g.const([[0, 2], [1, -1]], np.int64), axis=1), {"x": normal(2, 4)})
    yield Case("gather_live", 13, lambda g, i: g.op("Gather", g.normal(6, 3), i), {"i": integers(0, 6, 4)})
    yield Case("gather_elements", 13, gather_elements, {"x": normal(3, 4)})
    yield Case("gather_nd", 13, gather_nd, {"x": normal(3, 4)})
    yield Case("scatter_elements", 16, scatter_elements, {"x": normal(3, 3), "u": normal(2, 3)})
    yield Case("scatter_nd", 16, scatter_nd, {"x": normal(3, 2), "u": normal(2, 2)})
    yield Case("pad", 13, lambda g, x: g.op("Pad", x, g.ints(0, 1, 0, 2), g.const(0.5)), {"x": normal(2, 3)})
    yield Case("pad_reflect", 10, pad_attribute, {"x": normal(2, 4)})
    yield Case("pad_edge", 18, lambda g, x: g.op("Pad", x, g.ints(1, 1), "", g.ints(1), mode="edge"), {"x": normal(2, 3)})
    yield Case("expand", 13, lambda g, x: g.op("Expand", x, g.ints(2, 3, 4)), {"x": normal(3, 1)})
    yield Case("tile", 13, lambda g, x: g.op("Tile", x, g.ints(2, 2)), {"x": normal(2, 3)})
    yield Case("squeeze", 13, lambda g, x: g.op("Squeeze", x, g.ints(0, 2)), {"x": normal(1, 3, 1, 2)})
    yield Case("squeeze_attribute", 11, lambda g, x: g.op("Squeeze", x, axes=[0]), {"x": normal(1, 5)})
    yield Case("unsqueeze", 13, lambda g, x: g.op("Unsqueeze", x, g.ints(-1)), {"x": normal(2, 3)})
    yield Case("trilu", 14, lambda g, x: g.op("Trilu", x, upper=0), {"x": normal(4, 4)})
    yield Case("one_hot", 11, one_hot, {"x": integers(0, 5, 4)})
    yield Case("range", 11, range_and_add, {"x": normal(5)})
    yield Case("eye_like", 9, eye_like, {"x": normal(4, 4)})
    yield Case("depth_to_space", 13, lambda g, x: g.op("DepthToSpace", x, blocksize=2, mode="CRD"), {"x": image(1, 8, 2, 2)})
    yield Case("space_to_depth", 13, lambda g, x: g.op("SpaceToDepth", x, blocksize=2), {"x": image(1, 1, 4, 4)})
    yield Case("resize_nearest", 11, lambda g, x: g.op("Resize", x, g.const([], np.float32), g.const([1, 1, 2, 2]), mode="nearest"), {"x": image(1, 1, 3, 3)})
    yield Case("resize_linear", 13, resize("linear", "half_pixel"), {"x": image(1, 1, 3, 3)})
    yield Case("resize_align_corners", 13, resize("linear", "align_corners"), {"x": image(1, 1, 3, 3)})
    yield Case("resize_size", 19, resize_to_size, {"x": image(1, 1, 3, 4)})
    yield Case("upsample", 9, lambda g, x: g.op("Upsample", x, g.const([1, 1, 2, 2]), mode="nearest"), {"x": image(1, 2, 2, 2)})
    yield Case("constant_of_shape", 9, constant_of_shape, {"x": normal(2, 3)})
    yield Case("shape_arithmetic", 13, shape_arithmetic, {"x": normal(2, 3, 2)})
    yield Case("cast_truncates", 13, lambda g, x: g.op("Cast", x, to=TensorProto.INT64), {"x": normal(8, scale=3)})
