//! Arithmetic between live forms at its edges: zero widths, constants, signs, huge and tiny ranges; every input in the raw range must run.

use rand::{Rng, SeedableRng, rngs::StdRng};

use super::bounds;
use super::builder::{Builder, Finished};
use super::form::Form;
use super::{Calibration, Options, QuantError};

const UNIT: f64 = 65536.0;

type Lowering<'a> = &'a dyn Fn(&mut Builder<'_>, &[Form]) -> Result<Vec<Form>, QuantError>;

/// Largest error of `lower` against `want` over random inputs of the domains, `share` of the largest expected value. Runs the ends of the raw range too.
fn worst(
    domains: &[(f64, f64)],
    calibrated: bool,
    scale: f64,
    lower: Lowering<'_>,
    want: &dyn Fn(&[f64]) -> Vec<f64>,
) -> f64 {
    let mut rng = StdRng::seed_from_u64(3);
    let ends = [0.0, 0.25, 0.5, 0.75, 1.0];
    let mut samples: Vec<Vec<f64>> =
        (0..60).map(|_| domains.iter().map(|d| rng.gen_range(d.0..=d.1)).collect()).collect();
    samples.extend(ends.map(|t| domains.iter().map(|d| d.0 + (d.1 - d.0) * t).collect()));
    let raw = Calibration::from_reals(&samples, &vec![UNIT as u64; domains.len()]).unwrap();
    let options = Options::default();
    let mut builder = Builder::new(vec![domains.len()], calibrated.then_some(&raw), &options).unwrap();
    let units: Vec<(f64, f64)> = domains.iter().map(|d| (d.0 * UNIT, d.1 * UNIT)).collect();
    let inputs = builder.inputs(&units, &vec![UNIT; domains.len()]).unwrap();
    let results = lower(&mut builder, &inputs).unwrap_or_else(|e| panic!("{domains:?}: {e}"));
    let scales = vec![scale; results.len()];
    let Finished { program, .. } = builder.finish(&results, &scales).unwrap();
    bounds::check(&program).unwrap();
    for end in [bounds::Interval::RAW.lo, -1, 0, 1, bounds::Interval::RAW.hi] {
        program.evaluate(&vec![end; domains.len()]).unwrap();
    }
    let (mut error, mut size): (f64, f64) = (0.0, 1e-12);
    for sample in &raw.samples {
        let run = program.evaluate(sample).unwrap();
        assert!(run.in_domain && run.unsaturated, "{sample:?}");
        let reals: Vec<f64> = sample.iter().map(|&v| v as f64 / UNIT).collect();
        for (got, want) in run.outputs.iter().zip(want(&reals)) {
            error = error.max((*got as f64 / scale - want).abs());
            size = size.max(want.abs());
        }
    }
    error / size
}

/// `worst`, with and without calibration.
fn check(name: &str, domains: &[(f64, f64)], tolerance: f64, lower: Lowering<'_>, want: &dyn Fn(&[f64]) -> Vec<f64>) {
    for calibrated in [false, true] {
        let error = worst(domains, calibrated, UNIT, lower, want);
        assert!(error <= tolerance, "{name}, calibrated {calibrated}: {error:.2e}");
    }
}

#[test]
fn products_of_any_ranges() {
    let mul: Lowering<'_> = &|b, x| b.multiply(&x[..1], &x[1..]);
    let want = |x: &[f64]| vec![x[0] * x[1]];
    for (a, b) in [
        ((-16.0, 16.0), (-16.0, 16.0)),
        ((1000.0, 1001.0), (-0.01, 0.01)),
        ((0.0, 0.0), (-1.0, 1.0)),
        ((-4000.0, 4000.0), (-900.0, 900.0)),
        ((3.0, 3.0), (5.0, 5.0)),
        ((-2.0, -1.0), (0.001, 0.5)),
    ] {
        check(&format!("{a:?} {b:?}"), &[a, b], 2e-5, mul, &want);
    }
    let square: Lowering<'_> = &|b, x| b.multiply(x, x);
    check("square", &[(-16.0, 16.0)], 1e-5, square, &|x| vec![x[0] * x[0]]);
    let shifted: Lowering<'_> = &|b, x| b.multiply(&[x[0].shifted(1e4)], &[x[0].shifted(-1e4)]);
    let error = worst(&[(-16.0, 16.0)], false, 64.0, shifted, &|x| vec![x[0] * x[0] - 1e8]);
    assert!(error < 1e-5, "large offsets: {error:.2e}");
}

#[test]
fn products_with_constants_are_free() {
    let options = Options::default();
    let mut builder = Builder::new(vec![1], None, &options).unwrap();
    let x = builder.inputs(&[(-10.0, 10.0)], &[1.0]).unwrap();
    let steps = builder.steps.len();
    let two = Form::constant(2.0);
    let products =
        builder.multiply(&[x[0].clone(), two.clone(), two.clone()], &[two.clone(), x[0].clone(), two.clone()]).unwrap();
    assert_eq!(products, vec![x[0].scaled(2.0), x[0].scaled(2.0), Form::constant(4.0)]);
    let quotients = builder.divide(&[x[0].clone(), two.clone()], &[two.clone(), two]).unwrap();
    assert_eq!(quotients, vec![x[0].scaled(0.5), Form::constant(1.0)]);
    assert_eq!(builder.steps.len(), steps);
    assert!(builder.divide(&x, &[Form::constant(0.0)]).is_err());
    assert!(builder.multiply(&x, &[]).is_err());
}

#[test]
fn quotients_of_any_signs() {
    let div: Lowering<'_> = &|b, x| b.divide(&x[..1], &x[1..]);
    let want = |x: &[f64]| vec![x[0] / x[1]];
    for (a, b) in [
        ((-16.0, 16.0), (1.0, 16.0)),
        ((-16.0, 16.0), (-16.0, -0.5)),
        ((0.0, 100.0), (100.0, 101.0)),
        ((5.0, 5.0), (2.0, 2.0)),
        ((-1000.0, 1000.0), (0.5, 4000.0)),
    ] {
        check(&format!("{a:?} {b:?}"), &[a, b], 2e-4, div, &want);
    }
}

#[test]
fn denominators_that_change_their_sign() {
    let domains = [(-16.0, 16.0), (-16.0, 16.0)];
    let div: Lowering<'_> = &|b, x| b.divide(&x[..1], &x[1..]);
    let options = Options::default();
    // Calibrated away from 0, on both sides.
    let samples: Vec<Vec<f64>> = (0..64)
        .map(|i| vec![f64::from(i) / 4.0 - 8.0, if i % 2 == 0 { 2.0 } else { -1.0 } * (1.0 + f64::from(i) / 32.0)])
        .collect();
    let raw = Calibration::from_reals(&samples, &[65536; 2]).unwrap();
    for calibration in [None, Some(&raw)] {
        let mut builder = Builder::new(vec![2], calibration, &options).unwrap();
        let inputs = builder.inputs(&domains.map(|d| (d.0 * UNIT, d.1 * UNIT)), &[UNIT; 2]).unwrap();
        let results = div(&mut builder, &inputs).unwrap();
        let Finished { program, .. } = builder.finish(&results, &[1024.0]).unwrap();
        bounds::check(&program).unwrap();
        for (raw, x) in raw.samples.iter().zip(&samples) {
            let run = program.evaluate(raw).unwrap();
            let error = run.outputs[0] as f64 / 1024.0 - x[0] / x[1];
            // Without calibration the bounds reach to a quotient by the smallest unit: nothing is left of 20 bits.
            assert!(error.abs() < 2e-2 || calibration.is_none(), "{x:?}: {error}");
            assert!(run.unsaturated);
        }
        // Zero and its neighbours run; where they are held, a flag says so.
        for x in [[65536, 0], [0, 0], [-65536, 1], [1 << 38, -1]] {
            assert!(!program.evaluate(&x).unwrap().unsaturated || calibration.is_none() && x[1] != 0, "{x:?}");
        }
    }
}

#[test]
fn a_shared_denominator() {
    let div: Lowering<'_> = &|b, x| b.divide(&x[..3], &vec![x[3].clone(); 3]);
    let want = |x: &[f64]| (0..3).map(|i| x[i] / x[3]).collect();
    check("shared", &[(-1.0, 1.0), (0.0, 5.0), (-2.0, 0.0), (0.25, 16.0)], 5e-4, div, &want);
}

#[test]
fn roots() {
    let sqrt: Lowering<'_> = &|b, x| b.sqrt(x);
    let want = |x: &[f64]| vec![x[0].max(0.0).sqrt()];
    for domain in [(0.0, 16.0), (-16.0, 16.0), (4.0, 4.0), (1000.0, 1001.0), (-3.0, -1.0), (0.0, 6e6)] {
        check(&format!("{domain:?}"), &[domain], 2e-3, sqrt, &want);
    }
}

#[test]
fn matrices_of_any_ranges() {
    let matmul: Lowering<'_> = &|b, x| b.matmul(&x[..4], &x[4..], 2);
    let want = |x: &[f64]| {
        let cell = |i: usize, j: usize| x[2 * i] * x[4 + j] + x[2 * i + 1] * x[6 + j];
        vec![cell(0, 0), cell(0, 1), cell(1, 0), cell(1, 1)]
    };
    let wide = [(-16.0, 16.0); 8];
    check("equal", &wide, 1e-5, matmul, &want);
    let mut mixed = wide;
    (mixed[0], mixed[1], mixed[5], mixed[7]) = ((0.0, 0.0), (3.0, 3.0), (-0.01, 0.01), (-900.0, 900.0));
    check("mixed", &mixed, 1e-4, matmul, &want);
    check("zero", &[(0.0, 0.0); 8], 1e-9, matmul, &want);
    let many: Lowering<'_> = &|b, x| b.matmul(&vec![x[0].clone(); 300], &vec![x[1].clone(); 300], 300);
    check("long", &[(-16.0, 16.0), (-16.0, 16.0)], 1e-4, many, &|x| vec![300.0 * x[0] * x[1]]);
}

#[test]
fn magnitudes_and_comparisons() {
    let d = [(-16.0, 16.0), (-16.0, 16.0)];
    check("max", &d, 1e-5, &|b, x| b.maximum(&x[..1], &x[1..]), &|x| vec![x[0].max(x[1])]);
    check("min", &d, 1e-5, &|b, x| b.minimum(&x[..1], &x[1..]), &|x| vec![x[0].min(x[1])]);
    check("abs", &d, 1e-5, &|b, x| b.absolute(x), &|x| x.iter().map(|v| v.abs()).collect());
    check("sign", &d, 0.0, &|b, x| b.sign(x), &|x| x.iter().map(|v| f64::from(u8::from(*v >= 0.0))).collect());
    check("positive", &d, 0.0, &|b, x| b.positive(x), &|x| x.iter().map(|v| f64::from(u8::from(*v > 0.0))).collect());
    check("floor", &d, 0.0, &|b, x| b.floor(x), &|x| x.iter().map(|v| v.floor()).collect());
}

#[test]
fn denominators_with_weights_of_a_few_units_keep_their_precision() {
    // A sum that a clip leaves in a lane of 40 bits: its weight in the denominator is about 18, and the quotients are not 3 % off.
    let lower: Lowering<'_> = &|b, x| {
        let fine = b.clip(&[x[0].plus(&x[1]).plus(&x[2])], 0.9, 3.5)?;
        b.divide(x, &[fine[0].clone(), fine[0].clone(), fine[0].clone()])
    };
    let want = |x: &[f64]| x.iter().map(|v| v / (x[0] + x[1] + x[2]).clamp(0.9, 3.5)).collect();
    check("fine denominators", &[(0.0, 14.0), (0.0, 13.0), (0.0, 0.125)], 1e-3, lower, &want);
}
