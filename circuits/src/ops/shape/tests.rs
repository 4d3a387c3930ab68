//! Every op of the family against tract or a known answer.

use tract_onnx::pb::{AttributeProto, tensor_proto::DataType};

use crate::model::fixture::{OnnxBuilder, float, int, ints, text};
use crate::ops::OpError;
use crate::quant::{Options, QuantError, compile};
use crate::testing::conformance::{Case, op_conformance};

/// `0.25, 0.75, …` with changing signs.
fn ramp(count: usize) -> Vec<f64> {
    (0..count).map(|i| (i as f64 * 0.5 + 0.25) * if i % 3 == 1 { -1.0 } else { 1.0 }).collect()
}

fn count(shape: &[i64]) -> usize {
    shape.iter().product::<i64>() as usize
}

/// One node of `x` and integer initialisers, against tract.
fn moves(op: &str, opset: i64, from: &[i64], extra: &[&[i64]], attributes: Vec<AttributeProto>, to: &[i64]) -> Case {
    let mut model = OnnxBuilder::new(from);
    let names: Vec<String> = (0..extra.len()).map(|i| format!("i{i}")).collect();
    for (name, data) in names.iter().zip(extra) {
        model.ints(name, data);
    }
    let inputs: Vec<&str> = std::iter::once("x").chain(names.iter().map(String::as_str)).collect();
    let onnx = model.opset(opset).node(op, &inputs, "y", attributes).bytes(to);
    Case::new(onnx, vec![ramp(count(from))])
}

fn split(opset: i64, sizes: Option<&[i64]>, attributes: Vec<AttributeProto>) -> Case {
    let mut model = OnnxBuilder::new(&[2, 5]);
    model.ints("sizes", sizes.unwrap_or(&[0]));
    let inputs: &[&str] = if sizes.is_some() { &["x", "sizes"] } else { &["x"] };
    model.opset(opset).node("Split", inputs, "a", attributes).also("b");
    let onnx = model.node("Concat", &["b", "a"], "y", vec![int("axis", 1)]).bytes(&[2, 5]);
    Case::new(onnx, vec![ramp(10)])
}

fn indexed(op: &str, from: &[i64], index: (&[i64], &[i64]), attributes: Vec<AttributeProto>, to: &[i64]) -> Case {
    let mut model = OnnxBuilder::new(from);
    let onnx = model.int_tensor("i", index.0, index.1).node(op, &["x", "i"], "y", attributes).bytes(to);
    Case::new(onnx, vec![ramp(count(from))])
}

fn scattered(op: &str, opset: i64, index: (&[i64], &[i64]), updates: &[i64], attributes: Vec<AttributeProto>) -> Case {
    let mut model = OnnxBuilder::new(&[3, 3]);
    let values: Vec<f32> = (0..count(updates)).map(|i| 10.0 + i as f32).collect();
    model.opset(opset).int_tensor("i", index.0, index.1).weights("u", updates, &values);
    let onnx = model.node(op, &["x", "i", "u"], "y", attributes).bytes(&[3, 3]);
    Case::new(onnx, vec![ramp(9)])
}

fn padded(mode: &str) -> Case {
    let mut model = OnnxBuilder::new(&[2, 3]);
    model.opset(19).ints("p", &[1, 2, 0, 1]).weights("v", &[], &[1.5]);
    let inputs: &[&str] = if mode == "constant" { &["x", "p", "v"] } else { &["x", "p"] };
    let onnx = model.node("Pad", inputs, "y", vec![text("mode", mode)]).bytes(&[3, 6]);
    let (x, shape) = (ramp(6), (3i64, 6i64));
    let element = |row: i64, column: i64| {
        let outside = !(0..2).contains(&row) || !(0..3).contains(&column);
        let at = |i: i64, size: i64| match mode {
            "edge" => i.clamp(0, size - 1),
            "wrap" => (i + size) % size,
            _ => {
                if i < 0 {
                    -i
                } else if i >= size {
                    2 * (size - 1) - i
                } else {
                    i
                }
            }
        };
        if mode == "constant" && outside { 1.5 } else { x[(at(row, 2) * 3 + at(column, 3)) as usize] }
    };
    let expected = (0..shape.0).flat_map(|r| (0..shape.1).map(move |c| (r - 1, c - 2))).map(|(r, c)| element(r, c));
    Case::new(onnx, vec![ramp(6)]).expecting(vec![expected.collect()])
}

/// `x[ids]` for an integer input of ids.
fn embedding() -> Case {
    let mut model = OnnxBuilder::new(&[1, 3]);
    model.typed(DataType::Int64).random("table", &[7, 4], 2.0);
    let onnx = model.node("Gather", &["table", "x"], "y", vec![]).bytes(&[1, 3, 4]);
    Case::new(onnx, vec![vec![0.0, 6.0, 3.0], vec![2.0, 2.0, 1.0], vec![5.0, 4.0, -1.0]])
}

/// Many indices into a small table: read from the circuit's tables.
fn looked_up() -> Case {
    let mut model = OnnxBuilder::new(&[1, 12]);
    model.typed(DataType::Int32).random("table", &[24, 2], 2.0);
    let onnx = model.node("Gather", &["table", "x"], "y", vec![]).bytes(&[1, 12, 2]);
    Case::new(onnx, vec![(0..12).map(f64::from).collect(), (0..12).map(|i| f64::from(23 - 2 * i)).collect()])
}

/// Rows of `x` by indices that are computed from it.
fn live_gather() -> Case {
    let mut model = OnnxBuilder::new(&[3, 2]);
    model.node("ArgMax", &["x"], "i", vec![int("keepdims", 0)]);
    let onnx = model.node("Gather", &["x", "i"], "y", vec![]).bytes(&[2, 2]);
    let inputs = vec![vec![1.0, 5.0, 3.0, 2.0, 2.0, 9.0], vec![4.0, -5.0, 3.0, -2.0, 2.0, -9.0]];
    Case::new(onnx, inputs).expecting(vec![vec![3.0, 2.0, 2.0, 9.0], vec![4.0, -5.0, 3.0, -2.0]])
}

/// One node that reads `x` at `TopK`-like positions: `i = trunc(x · m)`, reshaped. `extra` are further float constants.
fn by_live(
    op: &str,
    m: &[f32],
    index: &[i64],
    extra: &[(&str, &[i64])],
    attributes: Vec<AttributeProto>,
) -> OnnxBuilder {
    let mut model = OnnxBuilder::new(&[2, 3]);
    let rows = count(index);
    model.weights("m", &[rows as i64, 6], m).ints("flat", &[6, 1]).ints("shape", index);
    model.node("Reshape", &["x", "flat"], "f", vec![]).node("MatMul", &["m", "f"], "p", vec![]);
    model.node("Reshape", &["p", "shape"], "q", vec![]).node("Cast", &["q"], "i", vec![int("to", 7)]);
    let mut inputs = vec!["x", "i"];
    for (name, dims) in extra {
        let values: Vec<f32> = (0..count(dims)).map(|i| 10.0 + i as f32).collect();
        model.weights(name, dims, &values);
        inputs.push(name);
    }
    model.node(op, &inputs, "y", attributes);
    model
}

/// A row of a matrix with a 1 in the columns given.
fn picks<const N: usize>(columns: [usize; N]) -> Vec<f32> {
    columns.iter().flat_map(|&c| (0..6).map(move |i| if i == c { 1.0 } else { 0.0 })).collect()
}

fn live_elements() -> Case {
    // Indices x00 and x11, x02 and x10 along axis 1.
    let onnx = by_live("GatherElements", &picks([0, 4, 2, 3]), &[2, 2], &[], vec![int("axis", 1)]).bytes(&[2, 2]);
    let inputs = vec![vec![1.0, 0.5, 2.0, 0.0, 2.0, -3.25], vec![-1.0, 4.5, 0.0, -2.0, 1.0, 8.0]];
    Case::new(onnx, inputs).expecting(vec![vec![0.5, 2.0, -3.25, 0.0], vec![0.0, 4.5, -2.0, 1.0]])
}

fn live_elements_down() -> Case {
    let onnx = by_live("GatherElements", &picks([0, 4, 3]), &[1, 3], &[], vec![int("axis", 0)]).bytes(&[1, 3]);
    let inputs = vec![vec![1.0, 0.5, 2.0, 0.0, 1.0, -3.25], vec![0.0, 4.5, 7.0, 1.0, 0.0, 8.0]];
    Case::new(onnx, inputs).expecting(vec![vec![0.0, 1.0, 2.0], vec![0.0, 4.5, 8.0]])
}

fn live_tuples() -> Case {
    let onnx = by_live("GatherND", &picks([0, 4, 3, 1]), &[2, 2], &[], vec![]).bytes(&[2]);
    let inputs = vec![vec![1.0, 2.0, 0.5, 0.0, 1.0, -3.25], vec![0.0, -1.0, 7.0, 1.0, 0.0, 8.0]];
    Case::new(onnx, inputs).expecting(vec![vec![1.0, 0.5], vec![0.0, 8.0]])
}

fn live_tuples_in_batches() -> Case {
    let onnx = by_live("GatherND", &picks([0, 4]), &[2, 1], &[], vec![int("batch_dims", 1)]).bytes(&[2]);
    let inputs = vec![vec![1.0, 2.0, 0.5, 0.0, 1.0, -3.25], vec![0.0, -1.0, 7.0, 1.0, 2.0, 8.0]];
    Case::new(onnx, inputs).expecting(vec![vec![2.0, 1.0], vec![0.0, 8.0]])
}

fn live_scatter(reduction: &str, expected: Vec<Vec<f64>>) -> Case {
    let attributes = vec![int("axis", 1), text("reduction", reduction)];
    let updates: &[(&str, &[i64])] = &[("u", &[2, 2])];
    let onnx = by_live("ScatterElements", &picks([0, 4, 2, 3]), &[2, 2], updates, attributes).bytes(&[2, 3]);
    Case::new(onnx, vec![vec![1.0, 0.5, 2.0, 0.0, 2.0, -3.25], vec![-1.0, 4.5, 1.0, 1.0, 2.0, 8.0]]).expecting(expected)
}

/// Rows of `x` itself are moved about.
fn live_scatter_nd() -> Case {
    let mut model = by_live("ScatterND", &picks([0, 4]), &[2, 1], &[], vec![]);
    model.graph().node.last_mut().unwrap().input.push("x".into());
    let onnx = model.bytes(&[2, 3]);
    let inputs = vec![vec![1.0, 2.0, 0.5, 0.0, 0.0, -3.25], vec![1.0, -1.5, 7.0, 1.0, 1.0, 8.0]];
    let moved = vec![0.0, 0.0, -3.25, 1.0, 2.0, 0.5];
    Case::new(onnx, inputs).expecting(vec![moved, vec![1.0, -1.5, 7.0, 1.0, 1.0, 8.0]])
}

fn one_hot() -> Case {
    let mut model = OnnxBuilder::new(&[3]);
    model.typed(DataType::Int64).int_tensor("depth", &[], &[4]).weights("v", &[2], &[-1.0, 2.0]);
    let onnx = model.node("OneHot", &["x", "depth", "v"], "y", vec![int("axis", 0)]).bytes(&[4, 3]);
    let hot =
        |ids: [i64; 3]| (0..4).flat_map(|d| ids.map(|i| if (i + 4) % 4 == d && i < 4 { 2.0 } else { -1.0 })).collect();
    let inputs = vec![vec![0.0, 3.0, 1.0], vec![-1.0, 4.0, 2.0]];
    Case::new(onnx, inputs).expecting(vec![hot([0, 3, 1]), hot([-1, 4, 2])])
}

fn truncation(to: DataType) -> Case {
    let mut model = OnnxBuilder::new(&[8]);
    model.node("Cast", &["x"], "i", vec![int("to", to as i64)]);
    let onnx = model.node("Cast", &["i"], "y", vec![int("to", 1)]).bytes(&[8]);
    Case::new(onnx, vec![vec![0.0, 0.5, 2.0, 2.75, -0.25, -1.0, -1.5, -3.0], vec![1.0; 8]])
}

/// What exporters make of `x.view(x.size(0), -1 // 2 * 2)`: shapes as integers.
fn shape_chain() -> Case {
    let mut model = OnnxBuilder::new(&[2, 3, 4]);
    model.int_tensor("zero", &[], &[0]).int_tensor("one", &[], &[1]).int_tensor("two", &[], &[2]).ints("axis", &[0]);
    model.node("Shape", &["x"], "s", vec![]);
    model.node("Gather", &["s", "zero"], "n", vec![]).node("Gather", &["s", "one"], "c", vec![]);
    model.node("Gather", &["s", "two"], "w", vec![]).node("Mul", &["c", "w"], "cw", vec![]);
    model.node("Add", &["cw", "one"], "odd", vec![]).node("Div", &["odd", "two"], "half", vec![]);
    model.node("Mul", &["n", "two"], "m", vec![]);
    model.node("Unsqueeze", &["m", "axis"], "um", vec![]).node("Unsqueeze", &["half", "axis"], "uh", vec![]);
    model.node("Concat", &["um", "uh"], "shape", vec![int("axis", 0)]);
    let onnx = model.node("Reshape", &["x", "shape"], "y", vec![]).bytes(&[4, 6]);
    Case::new(onnx, vec![ramp(24)])
}

/// Constants alone, added to `x`.
fn constants() -> Case {
    let mut model = OnnxBuilder::new(&[2, 3]);
    model.int_tensor("a", &[], &[1]).int_tensor("b", &[], &[8]).int_tensor("c", &[], &[3]).ints("sel", &[0, 1, 1]);
    model.weights("m", &[2, 3], &[0.0; 6]).ints("shape", &[3]).ints("m3", &[-1]);
    model.node("Range", &["a", "b", "c"], "range", vec![]).node("Cast", &["range"], "real", vec![int("to", 1)]);
    model.node("EyeLike", &["m"], "eye", vec![int("k", 1)]);
    model.node("ConstantOfShape", &["shape"], "zeros", vec![]);
    model.node("NonZero", &["sel"], "set", vec![]).node("ReduceSum", &["set", "m3"], "sum", vec![]);
    model.node("Cast", &["sum"], "three", vec![int("to", 1)]);
    let onnx = model.node("Sum", &["x", "real", "eye", "zeros", "three"], "y", vec![]).bytes(&[2, 3]);
    let added = [1.0, 5.0, 7.0, 1.0, 4.0, 8.0];
    let expected = ramp(6).iter().zip(added).map(|(x, a)| x + a + 3.0).collect();
    Case::new(onnx, vec![ramp(6)]).expecting(vec![expected])
}

fn resized(mode: &str, coordinates: &str, expected: &[f64]) -> Case {
    let mut model = OnnxBuilder::new(&[1, 1, 2, 2]);
    model.ints("sizes", &[1, 1, 4, 4]);
    let attributes =
        vec![text("mode", mode), text("coordinate_transformation_mode", coordinates), text("nearest_mode", "floor")];
    let onnx = model.node("Resize", &["x", "", "", "sizes"], "y", attributes).bytes(&[1, 1, 4, 4]);
    Case::new(onnx, vec![vec![1.0, 2.0, 3.0, 4.0]]).expecting(vec![expected.to_vec()])
}

fn upsampled() -> Case {
    let mut model = OnnxBuilder::new(&[1, 1, 1, 2]);
    model.opset(9).weights("scales", &[4], &[1.0, 1.0, 2.0, 2.0]);
    let onnx = model.node("Upsample", &["x", "scales"], "y", vec![text("mode", "nearest")]).bytes(&[1, 1, 2, 4]);
    Case::new(onnx, vec![vec![1.0, -2.0]]).expecting(vec![[1.0, 1.0, -2.0, -2.0].repeat(2)])
}

fn summed(attributes: Vec<AttributeProto>) -> Case {
    let mut model = OnnxBuilder::new(&[2, 4]);
    let onnx = model.int_tensor("axis", &[], &[1]).node("CumSum", &["x", "axis"], "y", attributes).bytes(&[2, 4]);
    Case::new(onnx, vec![ramp(8)])
}

fn reversed() -> Case {
    let onnx = {
        let mut model = OnnxBuilder::new(&[3, 2]);
        let attributes = vec![int("time_axis", 0), int("batch_axis", 1)];
        model.ints("n", &[2, 3]).node("ReverseSequence", &["x", "n"], "y", attributes).bytes(&[3, 2])
    };
    Case::new(onnx, vec![vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]]).expecting(vec![vec![3.0, 6.0, 1.0, 4.0, 5.0, 2.0]])
}

fn depth(op: &str, from: &[i64], mode: Option<&str>, to: &[i64]) -> Case {
    let mut attributes = vec![int("blocksize", 2)];
    attributes.extend(mode.map(|m| text("mode", m)));
    moves(op, 13, from, &[], attributes, to)
}

/// Rows `0, 2` of the three.
fn compressed() -> Case {
    let mut case = moves("Compress", 13, &[3, 2], &[&[1, 0, 1]], vec![int("axis", 0)], &[2, 2]);
    let x = ramp(6);
    case.expected = Some(vec![[&x[..2], &x[4..]].concat()]);
    case
}

fn triangle(upper: i64, k: i64) -> Case {
    let mut model = OnnxBuilder::new(&[1, 3, 4]);
    let onnx = model.opset(14).int_tensor("k", &[], &[k]).node("Trilu", &["x", "k"], "y", vec![int("upper", upper)]);
    let kept = |i: i64| if upper == 1 { i % 4 - i / 4 >= k } else { i % 4 - i / 4 <= k };
    let expected = ramp(12).into_iter().enumerate().map(|(i, v)| if kept(i as i64) { v } else { 0.0 });
    Case::new(onnx.bytes(&[1, 3, 4]), vec![ramp(12)]).expecting(vec![expected.collect()])
}

/// `x` beside a constant, reordered and reshaped.
fn joined() -> Case {
    let mut model = OnnxBuilder::new(&[2, 1, 3]);
    model.random("c", &[2, 1, 3], 1.0).node("Dropout", &["x"], "d", vec![]).node("Identity", &["d"], "i", vec![]);
    model.node("Concat", &["i", "c", "x"], "j", vec![int("axis", -2)]);
    let onnx = model.node("Transpose", &["j"], "y", vec![ints("perm", &[2, 0, 1])]).bytes(&[3, 2, 3]);
    Case::new(onnx, vec![ramp(6)])
}

/// The type of the second input decides.
fn cast_like() -> Case {
    let mut model = OnnxBuilder::new(&[4]);
    let onnx = model.opset(15).ints("one", &[1]).node("CastLike", &["x", "one"], "y", vec![]).bytes(&[4]);
    Case::new(onnx, vec![vec![1.75, -1.75, 2.0, 0.0]]).expecting(vec![vec![1.0, -1.0, 2.0, 0.0]])
}

op_conformance! {
    concat_and_transpose: joined(),
    reshape_keeps_and_infers: moves("Reshape", 13, &[2, 3, 4], &[&[0, -1, 2]], vec![], &[2, 6, 2]),
    flatten_from_the_end: moves("Flatten", 13, &[2, 3, 4], &[], vec![int("axis", -1)], &[6, 4]),
    squeeze_by_input: moves("Squeeze", 13, &[1, 3, 1], &[&[-1]], vec![], &[1, 3]),
    squeeze_by_attribute: moves("Squeeze", 11, &[1, 3, 1], &[], vec![ints("axes", &[0])], &[3, 1]),
    unsqueeze_by_input: moves("Unsqueeze", 13, &[3, 2], &[&[0, -1]], vec![], &[1, 3, 2, 1]),
    cast_to_the_type_of_a_tensor: cast_like(),
    split_equally: split(18, None, vec![int("axis", 1), int("num_outputs", 2)]),
    split_by_attribute: split(11, None, vec![int("axis", 1), ints("split", &[2, 3])]),
    split_by_input: split(13, Some(&[4, 1]), vec![int("axis", -1)]),
    slice_by_attributes: moves("Slice", 9, &[3, 4], &[], vec![ints("starts", &[1, -3]), ints("ends", &[9, -1])], &[2, 2]),
    slice_by_inputs: moves("Slice", 13, &[3, 4], &[&[-1, 0], &[i64::MIN, 4], &[0, 1], &[-1, 2]], vec![], &[3, 2]),
    gather_along_an_axis: indexed("Gather", &[2, 3, 2], (&[2, 2], &[2, -3, 1, 0]), vec![int("axis", 1)], &[2, 2, 2, 2]),
    gather_one_row: indexed("Gather", &[3, 2], (&[], &[-1]), vec![], &[2]),
    gather_by_an_input: embedding(),
    gather_by_many_inputs: looked_up(),
    gather_by_a_computed_index: live_gather(),
    gather_elements_by_computed_indices: live_elements(),
    gather_elements_of_another_axis: live_elements_down(),
    gather_nd_by_computed_tuples: live_tuples(),
    gather_nd_by_computed_tuples_in_batches: live_tuples_in_batches(),
    scatter_elements_by_computed_indices: live_scatter("none", vec![
        vec![1.0, 10.0, 11.0, 13.0, 2.0, 12.0], vec![-1.0, 4.5, 11.0, 1.0, 13.0, 8.0],
    ]),
    scatter_elements_adds_by_computed_indices: live_scatter("add", vec![
        vec![1.0, 10.5, 13.0, 13.0, 2.0, 8.75], vec![-1.0, 4.5, 22.0, 1.0, 27.0, 8.0],
    ]),
    scatter_nd_by_computed_tuples: live_scatter_nd(),
    gather_elements: indexed("GatherElements", &[3, 3], (&[2, 3], &[1, 2, 0, 2, 0, 0]), vec![int("axis", 0)], &[2, 3]),
    gather_nd_rows: indexed("GatherND", &[2, 3, 2], (&[2, 2], &[0, 1, -1, 2]), vec![], &[2, 2])
        .expecting(vec![vec![1.25, 1.75, -5.25, 5.75]]),
    gather_nd_in_batches: indexed("GatherND", &[2, 3, 2], (&[2, 1], &[1, 0]), vec![int("batch_dims", 1)], &[2, 2]),
    scatter: scattered("Scatter", 9, (&[1, 3], &[2, 0, 1]), &[1, 3], vec![int("axis", 0)]),
    scatter_elements: scattered("ScatterElements", 13, (&[2, 2], &[1, -1, 0, 2]), &[2, 2], vec![int("axis", 1)]),
    scatter_elements_adds: scattered("ScatterElements", 16, (&[1, 3], &[1, 1, 1]), &[1, 3], vec![text("reduction", "add")])
        .expecting(vec![vec![0.25, -0.75, 1.25, 11.75, 8.75, 14.75, 3.25, -3.75, 4.25]]),
    scatter_nd: scattered("ScatterND", 13, (&[2, 1], &[2, 0]), &[2, 3], vec![]),
    pads_with_a_constant: padded("constant"),
    pads_by_reflection: padded("reflect"),
    pads_with_the_edge: padded("edge"),
    pads_by_wrapping: padded("wrap"),
    pads_by_attributes: moves("Pad", 9, &[2, 2], &[], vec![ints("pads", &[0, 1, -1, 0]), float("value", 2.5)], &[1, 3])
        .expecting(vec![vec![2.5, 0.25, -0.75]]),
    expand: moves("Expand", 13, &[3, 1], &[&[2, 1, 4]], vec![], &[2, 3, 4]),
    tile: moves("Tile", 13, &[2, 2], &[&[1, 3]], vec![], &[2, 6]),
    upper_triangle: triangle(1, 1),
    lower_triangle: triangle(0, -1),
    one_hot_of_an_input: one_hot(),
    depth_to_space: depth("DepthToSpace", &[1, 8, 1, 2], None, &[1, 2, 2, 4]),
    depth_to_space_by_columns: depth("DepthToSpace", &[1, 8, 1, 2], Some("CRD"), &[1, 2, 2, 4]),
    space_to_depth: depth("SpaceToDepth", &[1, 2, 2, 4], None, &[1, 8, 1, 2]),
    compress: compressed(),
    reverse_sequence: reversed(),
    cumulative_sum: summed(vec![]),
    cumulative_sum_in_reverse: summed(vec![int("exclusive", 1), int("reverse", 1)]),
    cast_to_integer_truncates: truncation(DataType::Int32),
    cast_to_bool_compares_with_zero: truncation(DataType::Bool),
    integers_of_shapes_are_folded: shape_chain(),
    generated_constants_are_folded: constants(),
    resize_nearest: resized("nearest", "asymmetric", &[
        1.0, 1.0, 2.0, 2.0, 1.0, 1.0, 2.0, 2.0, 3.0, 3.0, 4.0, 4.0, 3.0, 3.0, 4.0, 4.0,
    ]),
    resize_linear: resized("linear", "half_pixel", &[
        1.0, 1.25, 1.75, 2.0, 1.5, 1.75, 2.25, 2.5, 2.5, 2.75, 3.25, 3.5, 3.0, 3.25, 3.75, 4.0,
    ]),
    resize_by_corners: resized("linear", "align_corners", &[
        1.0, 4.0 / 3.0, 5.0 / 3.0, 2.0, 5.0 / 3.0, 2.0, 7.0 / 3.0, 8.0 / 3.0, 7.0 / 3.0, 8.0 / 3.0, 3.0, 10.0 / 3.0, 3.0, 10.0 / 3.0, 11.0 / 3.0, 4.0,
    ]),
    upsample: upsampled(),
}

#[test]
fn bad_arguments_are_refused() {
    let refused = |op: &str, shape: &[i64], extra: &[&[i64]], attributes: Vec<AttributeProto>| {
        let mut model = OnnxBuilder::new(shape);
        let names: Vec<String> = (0..extra.len()).map(|i| format!("i{i}")).collect();
        for (name, data) in names.iter().zip(extra) {
            model.ints(name, data);
        }
        let inputs: Vec<&str> = std::iter::once("x").chain(names.iter().map(String::as_str)).collect();
        let onnx = model.node(op, &inputs, "y", attributes).bytes(&[1]);
        let error = compile(&onnx, None, None, &Options::default()).unwrap_err();
        assert!(matches!(error, QuantError::Op(OpError::Refused { .. })), "{op} {extra:?}: {error}");
    };
    let min = i64::MIN;
    let max = i64::MAX;
    refused("Split", &[2, 5], &[&[2, 4]], vec![int("axis", 1)]);
    refused("Split", &[2, 5], &[&[max, max]], vec![int("axis", 1)]);
    refused("Split", &[2, 5], &[], vec![int("num_outputs", -1)]);
    refused("Slice", &[4], &[&[0], &[1], &[0], &[0]], vec![]);
    refused("Slice", &[4], &[&[0, 1], &[1]], vec![]);
    refused("Slice", &[4], &[&[0], &[1], &[min]], vec![]);
    refused("Gather", &[4], &[&[4]], vec![]);
    refused("Gather", &[4], &[&[min]], vec![]);
    refused("GatherElements", &[2, 2], &[&[0]], vec![]);
    refused("GatherElements", &[4], &[&[5]], vec![]);
    refused("GatherND", &[4], &[&[0, 1]], vec![]);
    refused("GatherND", &[4], &[&[9]], vec![]);
    refused("GatherND", &[4], &[&[0]], vec![int("batch_dims", min)]);
    refused("ScatterElements", &[4], &[&[9], &[1]], vec![]);
    refused("ScatterElements", &[4], &[&[0], &[1]], vec![text("reduction", "xor")]);
    refused("ScatterND", &[4], &[&[0], &[1, 2]], vec![]);
    refused("Pad", &[4], &[&[1]], vec![]);
    refused("Pad", &[4], &[&[max, max]], vec![]);
    refused("Pad", &[4], &[&[1 << 40, 0]], vec![]);
    refused("Pad", &[4], &[&[-9, 0]], vec![]);
    refused("Pad", &[4], &[&[1, 1]], vec![text("mode", "mirror")]);
    refused("Expand", &[4], &[&[3]], vec![]);
    refused("Expand", &[4], &[&[max, max, 4]], vec![]);
    refused("Tile", &[4], &[&[max]], vec![]);
    refused("Tile", &[4], &[&[1, 1]], vec![]);
    refused("Trilu", &[4], &[], vec![]);
    refused("OneHot", &[4], &[&[max], &[0, 1]], vec![]);
    refused("OneHot", &[4], &[&[4], &[0, 1, 2]], vec![]);
    refused("DepthToSpace", &[1, 4, 2, 2], &[], vec![int("blocksize", 3)]);
    refused("DepthToSpace", &[1, 4, 2, 2], &[], vec![int("blocksize", 1 << 40)]);
    refused("SpaceToDepth", &[1, 4, 2, 2], &[], vec![int("blocksize", 0)]);
    refused("ReverseSequence", &[2, 2], &[&[1, 3]], vec![]);
    refused("Resize", &[1, 2], &[&[1], &[1], &[0, 1]], vec![]);
    refused("Resize", &[1, 2], &[&[1], &[1], &[max, max]], vec![]);
    refused("CumSum", &[4], &[&[1]], vec![]);
    refused("NonZero", &[4], &[], vec![]);
    refused("Cast", &[4], &[], vec![int("to", 8)]);
    refused("TopK", &[4], &[&[5]], vec![]);
    refused("ReduceSum", &[4], &[&[1]], vec![]);
    refused("ArgMax", &[4], &[], vec![int("axis", 2)]);
}
