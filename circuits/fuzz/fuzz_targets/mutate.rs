//! Changes an ONNX file in its own terms: most changed bytes are no ONNX any more.

use dodona_circuits::ops::registry;
use prost::Message;
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, attribute_proto::AttributeType,
    tensor_proto::DataType, tensor_shape_proto::dimension::Value as Dim, type_proto::Value as Type,
};

/// Sizes and integers that break arithmetic somewhere, small ones more often.
const INTEGERS: [i64; 24] = [
    0,
    0,
    1,
    1,
    2,
    2,
    3,
    4,
    -1,
    -1,
    -2,
    -3,
    7,
    8,
    33,
    64,
    1 << 10,
    1 << 16,
    1 << 24,
    1 << 31,
    1 << 32,
    1 << 62,
    i64::MAX,
    i64::MIN,
];
const REALS: [f32; 16] =
    [0.0, 0.0, 1.0, -1.0, 0.5, -0.5, 2.0, 3.0, 1e-7, 1e-38, 1e7, 1e30, f32::MAX, f32::MIN, f32::INFINITY, f32::NAN];
const NAMES: [&str; 24] = [
    "axis",
    "axes",
    "perm",
    "pads",
    "strides",
    "dilations",
    "kernel_shape",
    "group",
    "alpha",
    "beta",
    "mode",
    "to",
    "keepdims",
    "epsilon",
    "k",
    "size",
    "split",
    "block_size",
    "blocksize",
    "batch_dims",
    "output_padding",
    "p",
    "value",
    "direction",
];

/// Random draws from one seed.
pub struct Draw(u64);

impl Draw {
    pub fn new(seed: u32) -> Self {
        Self(u64::from(seed))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    fn one<'a, T>(&mut self, list: &'a mut [T]) -> Option<&'a mut T> {
        let at = self.below(list.len());
        list.get_mut(at)
    }

    fn integer(&mut self) -> i64 {
        match self.below(8) {
            0 => self.next() as i64,
            1 => self.below(16) as i64 - 8,
            _ => INTEGERS[self.below(INTEGERS.len())],
        }
    }

    fn real(&mut self) -> f32 {
        match self.below(4) {
            0 => f32::from_bits(self.next() as u32),
            1 => self.below(2000) as f32 / 100.0 - 10.0,
            _ => REALS[self.below(REALS.len())],
        }
    }
}

/// The file with a few changes; nothing if it is no ONNX.
pub fn mutated(bytes: &[u8], draw: &mut Draw) -> Option<Vec<u8>> {
    let mut model = ModelProto::decode(bytes).ok()?;
    for _ in 0..=draw.below(3) {
        match draw.below(24) {
            0 => model.opset_import.iter_mut().for_each(|o| o.version = 7 + draw.below(15) as i64),
            at => change(model.graph.as_mut()?, at, draw),
        }
    }
    Some(model.encode_to_vec())
}

fn change(graph: &mut GraphProto, what: usize, draw: &mut Draw) {
    match what {
        1..=6 => attribute(graph, draw),
        7..=10 => tensor(graph, draw),
        11..=13 => {
            let name = value(graph, draw);
            let Some(node) = draw.one(&mut graph.node) else { return };
            match draw.one(&mut node.input) {
                Some(input) if draw.below(4) > 0 => *input = name,
                _ => node.input.push(name),
            }
        }
        14..=16 => {
            let (op, domain) = operation(draw);
            let Some(node) = draw.one(&mut graph.node) else { return };
            (node.op_type, node.domain) = (op, domain);
        }
        17 | 18 => input_size(graph, draw),
        19..=21 => added(graph, draw),
        22 => {
            let name = value(graph, draw);
            if let Some(output) = draw.one(&mut graph.output) {
                output.name = name;
            }
        }
        _ => {
            let at = draw.below(graph.node.len());
            if graph.node.len() > 1 {
                graph.node.remove(at);
            }
        }
    }
}

fn operation(draw: &mut Draw) -> (String, String) {
    let all: Vec<_> = registry().map(|op| (op.name(), op.domain())).collect();
    let (name, domain) = all[draw.below(all.len())];
    (name.into(), domain.into())
}

/// The name of some value.
fn value(graph: &GraphProto, draw: &mut Draw) -> String {
    let made = graph.node.iter().flat_map(|n| &n.output);
    let given = graph.initializer.iter().map(|t| &t.name).chain(graph.input.iter().map(|i| &i.name));
    let all: Vec<&String> = made.chain(given).collect();
    if all.is_empty() { String::new() } else { all[draw.below(all.len())].clone() }
}

fn attribute(graph: &mut GraphProto, draw: &mut Draw) {
    let Some(node) = draw.one(&mut graph.node) else { return };
    if node.attribute.is_empty() || draw.below(4) == 0 {
        let name = NAMES[draw.below(NAMES.len())].into();
        let new = match draw.below(3) {
            0 => AttributeProto { r#type: AttributeType::Int as i32, i: draw.integer(), ..Default::default() },
            1 => AttributeProto { r#type: AttributeType::Float as i32, f: draw.real(), ..Default::default() },
            _ => {
                let ints = (0..draw.below(6)).map(|_| draw.integer()).collect();
                AttributeProto { r#type: AttributeType::Ints as i32, ints, ..Default::default() }
            }
        };
        node.attribute.push(AttributeProto { name, ..new });
        return;
    }
    let at = draw.below(node.attribute.len());
    if draw.below(12) == 0 {
        node.attribute.remove(at);
        return;
    }
    let a = &mut node.attribute[at];
    (a.i, a.f) = (draw.integer(), draw.real());
    list(&mut a.ints, draw, Draw::integer);
    list(&mut a.floats, draw, Draw::real);
    if let Some(t) = &mut a.t {
        data(t, draw);
    }
}

/// One element changed, added or removed.
fn list<T>(list: &mut Vec<T>, draw: &mut Draw, value: fn(&mut Draw) -> T) {
    let at = draw.below(list.len());
    match draw.below(6) {
        _ if list.is_empty() => {}
        0 => list.push(value(draw)),
        1 => drop(list.remove(at)),
        _ => list[at] = value(draw),
    }
}

fn tensor(graph: &mut GraphProto, draw: &mut Draw) {
    if draw.below(4) == 0 {
        let name = format!("t{}", graph.initializer.len());
        let values: Vec<i64> = (0..draw.below(5)).map(|_| draw.integer()).collect();
        let dims = vec![values.len() as i64];
        let kind = DataType::Int64 as i32;
        graph.initializer.push(TensorProto { name, dims, data_type: kind, int64_data: values, ..Default::default() });
    } else if let Some(t) = draw.one(&mut graph.initializer) {
        data(t, draw);
    }
}

fn data(t: &mut TensorProto, draw: &mut Draw) {
    match draw.below(6) {
        0 if t.dims.len() > 1 => t.dims.rotate_left(1),
        1 => t.dims.insert(draw.below(t.dims.len() + 1), 1),
        // Nothing left: a size of 0.
        2 if draw.below(3) == 0 => {
            let at = draw.below(t.dims.len());
            t.dims.get_mut(at).into_iter().for_each(|d| *d = 0);
            (t.raw_data, t.float_data, t.int64_data, t.int32_data) = (vec![], vec![], vec![], vec![]);
        }
        _ => {
            for list in [&mut t.int64_data] {
                let at = draw.below(list.len());
                list.get_mut(at).into_iter().for_each(|v| *v = draw.integer());
            }
            let at = draw.below(t.float_data.len());
            t.float_data.get_mut(at).into_iter().for_each(|v| *v = draw.real());
            let bytes = match DataType::try_from(t.data_type) {
                Ok(DataType::Int64) => draw.integer().to_le_bytes().to_vec(),
                _ => draw.real().to_le_bytes().to_vec(),
            };
            let at = draw.below(t.raw_data.len() / bytes.len()) * bytes.len();
            t.raw_data.get_mut(at..at + bytes.len()).into_iter().for_each(|part| part.copy_from_slice(&bytes));
        }
    }
}

fn input_size(graph: &mut GraphProto, draw: &mut Draw) {
    let input = draw.one(&mut graph.input);
    let Some(Type::TensorType(t)) = input.and_then(|i| i.r#type.as_mut()?.value.as_mut()) else { return };
    if draw.below(6) == 0 {
        t.elem_type = 1 + draw.below(16) as i32;
    }
    if let Some(dim) = t.shape.as_mut().and_then(|s| draw.one(&mut s.dim)) {
        dim.value = Some(Dim::DimValue(1 + draw.below(8) as i64));
    }
}

/// A node of some operation, whose result becomes the output.
fn added(graph: &mut GraphProto, draw: &mut Draw) {
    let (op_type, domain) = operation(draw);
    let input = (0..=draw.below(3)).map(|_| value(graph, draw)).collect();
    let name = format!("n{}", graph.node.len());
    graph.node.push(NodeProto { op_type, domain, input, output: vec![name.clone()], ..Default::default() });
    if let Some(output) = draw.one(&mut graph.output) {
        output.name = name;
    }
}
