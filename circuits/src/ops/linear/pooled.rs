//! Convolutions that a maximum pooling reads, and nothing else: both at once. Every element of a pooled window then is the window's maximum, so that the pooling is free.
//!
//! A vector covers a tile of pooled windows, which share most of what they read.

use std::collections::BTreeSet;

use crate::model::tensor::{Tensor, elements};
use crate::ops::window::Axis;
use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::form::Form;
use crate::quant::layer::LEAST_PRODUCTS;
use crate::quant::pooled::Pooling;
use crate::quant::program::{LANES, OPERANDS};

/// Most pooled windows of a tile along one dimension.
const LARGEST_TILE: usize = 8;
/// Most taps of a pooled window.
const MOST_TAPS: usize = 16;
/// Most spatial dimensions: tiles are tried in all sizes.
const MOST_DIMENSIONS: usize = 3;
/// Most elements of a tile's matrix.
const LARGEST_MATRIX: usize = 1 << 24;
/// A tile's matrix is at most this many times as large as that of its outputs one by one.
const SPARSEST: usize = 6;

/// One dimension, cut into tiles of pooled windows.
struct Tiled {
    axis: Axis,
    /// Taps of a pooled window.
    pool: usize,
    /// Pooled windows of a tile.
    windows: usize,
    /// What a tile reads, from where its first output does.
    reads: Vec<usize>,
}

impl Tiled {
    fn new(axis: Axis, pool: usize, windows: usize) -> Self {
        let at = |o: usize| (0..axis.kernel).map(move |t| o * axis.stride + t * axis.dilation);
        let reads: BTreeSet<usize> = (0..windows * pool).flat_map(at).collect();
        Self { axis, pool, windows, reads: reads.into_iter().collect() }
    }

    fn tiles(&self) -> usize {
        self.axis.output / self.pool / self.windows
    }

    /// Where element `i` of a tile's reads is in the input.
    fn source(&self, tile: usize, i: usize) -> Option<usize> {
        let first = tile * self.windows * self.pool * self.axis.stride;
        (first + self.reads[i]).checked_sub(self.axis.begin).filter(|&at| at < self.axis.input)
    }

    /// Which of a tile's reads tap `t` of output `o` is.
    fn column(&self, o: usize, t: usize) -> usize {
        self.reads.binary_search(&(o * self.axis.stride + t * self.axis.dilation)).unwrap_or(0)
    }
}

/// `[N, M, windows]` as by [`super::conv::convolved`], with every element of a pooled window the largest of it; `None` where this does not apply.
pub(super) fn convolved(
    builder: &mut Builder<'_>,
    x: &Tensor<Form>,
    weights: &[f64],
    bias: &[f64],
    axes: &[Axis],
) -> Result<Option<Vec<Form>>, QuantError> {
    let rank = axes.len();
    let Some(pool) = builder.pool_expected().filter(|p| p.kernel.len() == rank && rank <= MOST_DIMENSIONS) else {
        return Ok(None);
    };
    let (relu, kernel) = (pool.relu, pool.kernel.clone());
    let (batches, inputs, outputs) = (x.shape()[0], x.shape()[1], bias.len());
    let outer: Vec<usize> = axes.iter().map(|a| a.output).collect();
    let inner: Vec<usize> = axes.iter().map(|a| a.kernel).collect();
    let size = [[batches, outputs, inputs].as_slice(), &outer, &inner].concat();
    let large = size.iter().fold(1usize, |n, &s| n.saturating_mul(s)) >= LEAST_PRODUCTS;
    let allocated = elements(&[[batches, outputs].as_slice(), &outer].concat()).is_some()
        && elements(&[[batches, inputs].as_slice(), &outer, &inner].concat()).is_some();
    let whole = outer.iter().zip(&kernel).all(|(&o, &k)| k > 0 && o >= k);
    let live = x.data().iter().all(|f| f.as_constant().is_none());
    let taps: usize = kernel.iter().product();
    if !(large && allocated && whole && live && outputs > 1 && (2..=MOST_TAPS).contains(&taps)) {
        return Ok(None);
    }
    let Some(tiled) = tiled(axes, &kernel, (batches, inputs, outputs)) else { return Ok(None) };
    let positions: usize = outer.iter().product();
    let x = super::product::prepared(builder, x, batches * positions)?;
    let pooling = Pooling { weights, bias, windows: &windows(&tiled, inputs), relu };
    let Some(results) = builder.pooled_layer(&pooling, &vectors(&tiled, &x))? else { return Ok(None) };
    let mut data = vec![Form::default(); batches * outputs * positions];
    let places = (0..batches).flat_map(|batch| {
        let windows = || indices(tiled.iter().map(|t| t.windows));
        let places =
            indices(tiled.iter().map(Tiled::tiles)).flat_map(move |tile| windows().map(move |w| (tile.clone(), w)));
        places.flat_map(move |place| (0..outputs).map(move |channel| (batch * outputs + channel, place.clone())))
    });
    for ((plane, (tile, window)), form) in places.zip(results) {
        for tap in indices(kernel.iter().copied()) {
            let output = |d: usize, t: &Tiled| (tile[d] * t.windows + window[d]) * t.pool + tap[d];
            let at = tiled.iter().enumerate().fold(plane, |at, (d, t)| at * t.axis.output + output(d, t));
            data[at] = form.clone();
        }
    }
    Ok(Some(data))
}

/// The tiles whose check takes the fewest rows; none where the layer and a pooling behind it take fewer.
fn tiled(axes: &[Axis], kernel: &[usize], (batches, inputs, outputs): (usize, usize, usize)) -> Option<Vec<Tiled>> {
    // As `inference::size::checked_block_rows`.
    let check = |vectors: usize, width: usize, lanes: usize| {
        let groups = lanes.div_ceil(LANES);
        vectors * (groups + lanes) + (width + groups) * (vectors.max(groups).div_ceil(OPERANDS) + 1)
    };
    let inner = inputs * axes.iter().map(|a| a.kernel).product::<usize>();
    let taps: usize = kernel.iter().product();
    let pooled = batches * outputs * axes.iter().zip(kernel).map(|(a, k)| a.output / k).product::<usize>();
    // A comparison and its operands take 5 rows for 3, with a lane for each pair of taps instead of each tap.
    let compared = |lanes: usize| pooled * lanes * 5 / 3;
    let apart = check(batches * axes.iter().map(|a| a.output).product::<usize>(), inner, outputs) + compared(taps);
    let mut best = (apart, None);
    for sizes in indices(axes.iter().map(|_| LARGEST_TILE)) {
        let of = |((&axis, &pool), &size): ((&Axis, &usize), &usize)| {
            let windows = size + 1;
            (axis.output / pool).is_multiple_of(windows).then(|| Tiled::new(axis, pool, windows))
        };
        let Some(tiled) = axes.iter().zip(kernel).zip(&sizes).map(of).collect::<Option<Vec<Tiled>>>() else { continue };
        let vectors = batches * tiled.iter().map(Tiled::tiles).product::<usize>();
        let width = inputs * tiled.iter().map(|t| t.reads.len()).product::<usize>();
        let lanes = outputs * tiled.iter().map(|t| t.windows * t.pool).product::<usize>();
        let cost = check(vectors, width, lanes) + compared(taps.div_ceil(2) + 1);
        if width <= SPARSEST * inner && lanes * width <= LARGEST_MATRIX && cost < best.0 {
            best = (cost, Some(tiled));
        }
    }
    best.1
}

/// For each pooled window of a tile, for each of its taps: the elements of a vector that the weights meet.
fn windows(tiled: &[Tiled], inputs: usize) -> Vec<Vec<Vec<usize>>> {
    let columns = |outputs: &[usize]| {
        let mut found = Vec::new();
        for channel in 0..inputs {
            for tap in indices(tiled.iter().map(|t| t.axis.kernel)) {
                let at = |at: usize, (d, t): (usize, &Tiled)| at * t.reads.len() + t.column(outputs[d], tap[d]);
                found.push(tiled.iter().enumerate().fold(channel, at));
            }
        }
        found
    };
    let taps = |window: Vec<usize>| {
        let at = |tap: &[usize]| tiled.iter().enumerate().map(|(d, t)| window[d] * t.pool + tap[d]).collect::<Vec<_>>();
        indices(tiled.iter().map(|t| t.pool)).map(|tap| columns(&at(&tap))).collect()
    };
    indices(tiled.iter().map(|t| t.windows)).map(taps).collect()
}

/// What each tile reads.
fn vectors(tiled: &[Tiled], x: &Tensor<Form>) -> Vec<Vec<Option<Form>>> {
    let (batches, channels) = (x.shape()[0], x.shape()[1]);
    let area: usize = x.shape()[2..].iter().product();
    let mut found = Vec::new();
    for batch in 0..batches {
        for tile in indices(tiled.iter().map(Tiled::tiles)) {
            let mut vector = Vec::new();
            for channel in 0..channels {
                let plane = &x.data()[(batch * channels + channel) * area..][..area];
                for read in indices(tiled.iter().map(|t| t.reads.len())) {
                    let at = tiled
                        .iter()
                        .enumerate()
                        .try_fold(0, |at, (d, t)| Some(at * t.axis.input + t.source(tile[d], read[d])?));
                    vector.push(at.map(|at| plane[at].clone()));
                }
            }
            found.push(vector);
        }
    }
    found
}

/// All indices below `sizes`, the last one fastest.
fn indices(sizes: impl Iterator<Item = usize>) -> impl Iterator<Item = Vec<usize>> {
    let sizes: Vec<usize> = sizes.collect();
    let count: usize = sizes.iter().product();
    (0..count).map(move |mut flat| {
        let mut index = vec![0; sizes.len()];
        for (place, &size) in index.iter_mut().zip(&sizes).rev() {
            *place = flat % size;
            flat /= size;
        }
        index
    })
}

#[cfg(test)]
mod tests {
    use tract_onnx::pb::AttributeProto;

    use crate::model::FloatModel;
    use crate::model::fixture::{OnnxBuilder, ints};
    use crate::quant::program::Step;
    use crate::quant::{Calibration, Compiled, Options, bounds, compile, compile::default_scales};
    use crate::testing::conformance::{Case, op_conformance};

    fn inputs(count: i64, size: f64) -> Vec<Vec<f64>> {
        let wave = |phase: f64| (0..count).map(|i| ((i * i % 97) as f64 * 0.7 + phase).sin() * size).collect();
        vec![wave(0.0), wave(1.0), wave(2.5)]
    }

    /// A convolution of `x` by `w`, then `order`: `R` for a Relu, `M` for the pooling; then the mean of each channel, if asked.
    fn model(x: &[i64], w: &[i64], conv: Vec<AttributeProto>, order: &str, pool: &[i64], mean: bool) -> Vec<u8> {
        let mut m = OnnxBuilder::new(x);
        m.random("w", w, 0.5).random("b", &w[..1], 0.5).node("Conv", &["x", "w", "b"], "y0", conv);
        for (at, op) in order.chars().enumerate() {
            let (from, to) = (format!("y{at}"), format!("y{}", at + 1));
            match op {
                'R' => m.node("Relu", &[&from], &to, vec![]),
                _ => m.node("MaxPool", &[&from], &to, vec![ints("kernel_shape", pool), ints("strides", pool)]),
            };
        }
        let last = format!("y{}", order.len());
        if mean {
            m.node("GlobalAveragePool", &[&last], "y", vec![]);
        } else {
            m.node("Identity", &[&last], "y", vec![]);
        }
        let shape: Vec<i64> = [&x[..1], &w[..1]].concat();
        m.bytes(&shape)
    }

    fn small(order: &str) -> Case {
        let x = [1, 4, 14, 18];
        let onnx = model(&x, &[8, 4, 3, 3], vec![ints("pads", &[1, 1, 1, 1])], order, &[2, 2], true);
        Case::new(onnx, inputs(x.iter().product(), 1.0))
    }

    op_conformance! {
        relu_before_the_pooling: small("RM"),
        relu_behind_the_pooling: small("MR"),
        no_relu: small("M"),
    }

    fn compiled(onnx: &[u8], samples: &[Vec<f64>]) -> (Compiled, Calibration) {
        let scales = default_scales(onnx).unwrap();
        let calibration = Calibration::from_reals(samples, &scales).unwrap();
        (compile(onnx, None, Some(&calibration), &Options::default()).unwrap(), calibration)
    }

    /// Largest error as a share of the largest value, and whether the pooling was part of the block.
    fn error(onnx: &[u8], samples: &[Vec<f64>]) -> (f64, bool) {
        let (compiled, calibration) = compiled(onnx, samples);
        bounds::check(&compiled.program).unwrap();
        let float = FloatModel::from_onnx(onnx).unwrap();
        let (mut worst, mut size) = (0.0f64, 0.0f64);
        for raw in &calibration.samples {
            let run = compiled.program.evaluate(raw).unwrap();
            assert!(run.in_domain && run.unsaturated);
            let want = float.run_flat(&compiled.spec.clamped_reals(raw)).unwrap();
            for (got, want) in compiled.reals(&run.outputs).iter().zip(want) {
                worst = worst.max((got - f64::from(want)).abs());
                size = size.max(f64::from(want).abs());
            }
        }
        (worst / size, compiled.layers.iter().any(|layer| layer.kind == "block, pooled"))
    }

    #[test]
    fn windows_of_every_kind_agree_with_the_float_model() {
        type Kind<'k> = (&'k [i64], &'k [i64], Vec<AttributeProto>, &'k str, &'k [i64], bool);
        let kinds: Vec<Kind<'_>> = vec![
            (&[1, 4, 17, 19], &[8, 4, 3, 3], vec![], "RM", &[2, 2], true),
            (&[2, 3, 12, 12], &[8, 3, 3, 3], vec![ints("pads", &[1, 0, 2, 1])], "RM", &[3, 2], true),
            (&[1, 3, 24, 24], &[8, 3, 5, 5], vec![ints("strides", &[2, 1])], "M", &[2, 4], true),
            (&[1, 4, 22, 22], &[8, 4, 3, 2], vec![ints("dilations", &[2, 1])], "MR", &[3, 3], true),
            (&[1, 16, 128], &[8, 16, 5], vec![ints("pads", &[2, 2])], "RM", &[2], true),
            (&[1, 2, 8, 8, 6], &[8, 2, 3, 3, 3], vec![], "RM", &[2, 2, 2], true),
            // As many inputs as a tile has more than its outputs: apart.
            (&[1, 64, 4, 4], &[64, 64, 3, 3], vec![ints("pads", &[1, 1, 1, 1])], "RM", &[2, 2], false),
            // Too small for a block.
            (&[1, 1, 6, 6], &[2, 1, 3, 3], vec![], "RM", &[2, 2], false),
            (&[1, 4, 17, 19], &[8, 4, 3, 3], vec![], "RM", &[1, 1], false),
        ];
        for (x, w, conv, order, pool, fused) in kinds {
            let onnx = model(x, w, conv, order, pool, false);
            let (error, pooled) = error(&onnx, &inputs(x.iter().product(), 1.0));
            assert!(error < 2e-4 && pooled == fused, "{x:?} {w:?} {order} {pool:?}: {error:.1e}, {pooled}");
        }
    }

    #[test]
    fn what_others_read_too_is_not_pooled_at_once() {
        let x = [1, 4, 18, 18];
        let mut m = OnnxBuilder::new(&x);
        m.random("w", &[8, 4, 3, 3], 0.5).node("Conv", &["x", "w"], "c", vec![]).node("Relu", &["c"], "r", vec![]);
        m.node("MaxPool", &["r"], "p", vec![ints("kernel_shape", &[2, 2]), ints("strides", &[2, 2])]);
        m.node("GlobalAveragePool", &["p"], "a", vec![]).node("GlobalAveragePool", &["r"], "b", vec![]);
        let onnx = m.node("Add", &["a", "b"], "y", vec![]).bytes(&[1, 8, 1, 1]);
        let (error, pooled) = error(&onnx, &inputs(x.iter().product(), 1.0));
        assert!(error < 1e-3 && !pooled, "{error:.1e} {pooled}");
    }

    #[test]
    fn results_are_bounded_as_the_outputs_are() {
        let x = [1, 4, 18, 18];
        let onnx = model(&x, &[8, 4, 3, 3], vec![], "RM", &[2, 2], false);
        let (compiled, calibration) = compiled(&onnx, &inputs(x.iter().product(), 1.0));
        let block = compiled.program.steps.iter().find_map(|s| if let Step::Block(b) = s { Some(b) } else { None });
        // Lanes hold 20 bits of twice the bound at most; no sum of lanes' bounds is left in the results.
        assert_eq!(block.unwrap().lanes.len() % (8 * 4), 0);
        let found = bounds::check(&compiled.program).unwrap();
        let scale = compiled.spec.outputs[0].scale as f64;
        let seen = calibration.samples.iter().flat_map(|raw| compiled.program.evaluate(raw).unwrap().outputs).max();
        for &wire in &compiled.program.outputs {
            let range = found[wire as usize];
            assert!(range.lo >= -2 && (range.hi as f64) < 64.0 * seen.unwrap() as f64, "{range:?} at {scale}");
        }
    }

    #[test]
    fn values_far_beyond_calibration_saturate_with_a_flag() {
        let x = [1, 4, 18, 18];
        let onnx = model(&x, &[8, 4, 3, 3], vec![], "RM", &[2, 2], false);
        let samples = inputs(x.iter().product(), 1.0);
        // One pixel far out widens the domain, and with it the bounds, of all.
        let mut calm: Vec<Vec<f64>> = samples.iter().map(|s| s.iter().map(|v| v / 64.0).collect()).collect();
        calm[0][0] = 1.5;
        let (compiled, calibration) = compiled(&onnx, &calm);
        let layer = compiled.layers.iter().find(|layer| layer.kind == "block, pooled").unwrap();
        assert!(layer.saturating > 0, "{layer:?}");
        assert!(calibration.samples.iter().all(|raw| compiled.program.evaluate(raw).unwrap().unsaturated));
        let loud = |seed: usize| -> Vec<i64> {
            let far = |i: usize| if (i * i + 31 * i * seed + seed) % 7 < 3 { 2.2 } else { -0.7 };
            (0..calibration.samples[0].len()).map(|i| (far(i) * 65_536.0) as i64).collect()
        };
        let runs: Vec<_> = (0..32).map(|seed| compiled.program.evaluate(&loud(seed)).unwrap()).collect();
        assert!(runs.iter().all(|run| run.in_domain) && runs.iter().any(|run| !run.unsaturated));
    }
}
