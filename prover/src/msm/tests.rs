use std::iter::repeat_n;

use halo2_proofs::arithmetic::best_multiexp;
use halo2_proofs::halo2curves::group::{Curve, prime::PrimeCurveAffine};
use proptest::prelude::*;
use rand::{Rng, SeedableRng, rngs::StdRng};

use super::*;

/// 2^253 as a scalar, larger than half the group's order.
fn large() -> Fr {
    Fr::from(2).pow([253])
}

/// Values at which a sign, a length or a digit changes.
fn edges() -> Vec<Fr> {
    let half = -Fr::ONE * Fr::TWO_INV;
    let powers = (0..254).map(|bits| Fr::from(2).pow([bits]));
    let near = powers.flat_map(|power| [power, power - Fr::ONE, power + Fr::ONE]);
    let edges = near.flat_map(|value| [value, -value]);
    edges.chain([Fr::ZERO, Fr::ONE, -Fr::ONE, half, half + Fr::ONE, half - Fr::ONE, large()]).collect()
}

fn points(n: usize, rng: &mut StdRng) -> Vec<G1Affine> {
    let step = G1::generator() * Fr::random(&mut *rng);
    let first = G1::generator() * Fr::random(&mut *rng);
    let points: Vec<G1> = std::iter::successors(Some(first), |point| Some(point.double() + step)).take(n).collect();
    let mut affine = vec![G1Affine::identity(); n];
    G1::batch_normalize(&points, &mut affine);
    affine
}

/// A scalar of one of the kinds of a proof's columns.
fn scalar_of(kind: usize, rng: &mut StdRng) -> Fr {
    let small = Fr::from(rng.r#gen::<u64>() >> 22);
    match kind {
        0 => Fr::random(rng),
        1 => small,
        2 => -small,
        3 => Fr::from(rng.gen_range(0..2)),
        4 => [Fr::ZERO, small][usize::from(rng.gen_ratio(1, 10))],
        5 => Fr::random(rng) * large().invert().unwrap(),
        _ => (0..6).fold(small, |sum, _| sum * Fr::from(1 << 42) - small),
    }
}

fn naive(scalars: &[Fr], bases: &[G1Affine]) -> G1 {
    scalars.iter().zip(bases).map(|(s, base)| base * s).sum()
}

/// The scalar unit, and the vectors where the processor has them.
fn units() -> [Unit; 2] {
    [Unit::Scalar, Unit::best()]
}

fn assert_all(scalars: &[Fr], bases: &[G1Affine], expected: G1) {
    for threads in [1, 2, 5] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        for unit in units() {
            let sum = pool.install(|| multiexp_on(unit, scalars, bases));
            assert_eq!(sum, expected, "{} terms, {threads} threads, {unit:?}", scalars.len());
        }
    }
}

/// Adds up runs of `lens` sources on every unit and compares each run's sum with the naive one. A single point must be
/// the very limbs.
fn assert_runs(points: &[G1Affine], sources: &[u32], lens: &[usize]) {
    let mut rest = sources.iter();
    let run_sum = |len: &usize| {
        let signed = |source: &u32| {
            let point = points[(source >> 1) as usize].to_curve();
            if source & 1 == 1 { -point } else { point }
        };
        rest.by_ref().take(*len).map(signed).sum::<G1>()
    };
    let expected: Vec<G1> = lens.iter().map(run_sum).collect();
    for unit in units() {
        let runs: Vec<Run> = (1..).zip(lens).map(|(digit, len)| Run { digit, len: *len }).collect();
        let buckets = unit.add_up(points, sources, runs);
        assert_eq!(buckets.digits.len(), buckets.points.len());
        assert!(buckets.digits.is_sorted());
        for (digit, expected) in (1..).zip(&expected) {
            let own = buckets.digits.iter().zip(&buckets.points).filter(|(own, _)| **own == digit);
            let own: Vec<G1Affine> = own.map(|(_, point)| *point).collect();
            match own[..] {
                [only] => assert_eq!(only, expected.to_affine(), "run {digit} of {lens:?} on {unit:?}"),
                _ => assert_eq!(
                    own.iter().map(|point| point.to_curve()).sum::<G1>(),
                    *expected,
                    "run {digit} of {lens:?} on {unit:?}"
                ),
            }
        }
    }
}

#[test]
fn every_kind_and_size_agrees_with_halo2() {
    let mut rng = StdRng::seed_from_u64(1);
    let bases = points(20_000, &mut rng);
    for n in [0, 1, 2, 3, 31, 32, 33, 1000, 4096, 5003, 20_000] {
        for kind in 0..7 {
            let mut scalars: Vec<Fr> = (0..n).map(|_| scalar_of(kind, &mut rng)).collect();
            scalars.iter_mut().rev().take(6).for_each(|s| *s = Fr::random(&mut rng));
            assert_all(&scalars, &bases[..n], best_multiexp(&scalars, &bases[..n]));
        }
    }
}

#[test]
fn small_sums_agree_with_the_naive_sum() {
    let mut rng = StdRng::seed_from_u64(2);
    let bases = points(33, &mut rng);
    for n in [0, 1, 2, 3, 31, 32, 33] {
        for kind in 0..7 {
            let scalars: Vec<Fr> = (0..n).map(|_| scalar_of(kind, &mut rng)).collect();
            assert_all(&scalars, &bases[..n], naive(&scalars, &bases[..n]));
        }
    }
}

#[test]
fn edge_scalars_one_by_one_and_together() {
    let mut rng = StdRng::seed_from_u64(3);
    let edges = edges();
    let bases = points(edges.len(), &mut rng);
    for (edge, base) in edges.iter().zip(&bases) {
        for unit in units() {
            assert_eq!(multiexp_on(unit, &[*edge], &[*base]), base * edge, "{edge:?}");
        }
    }
    assert_all(&edges, &bases, naive(&edges, &bases));
}

#[test]
fn one_scalar_everywhere() {
    let mut rng = StdRng::seed_from_u64(4);
    let bases = points(3000, &mut rng);
    let sum: G1 = bases.iter().map(|base| base.to_curve()).sum();
    for edge in [Fr::ZERO, Fr::ONE, -Fr::ONE, -Fr::ONE * Fr::TWO_INV, Fr::TWO_INV, large(), Fr::from(777)] {
        assert_all(&vec![edge; 3000], &bases, sum * edge);
    }
}

#[test]
fn one_nonzero_scalar() {
    let mut rng = StdRng::seed_from_u64(5);
    let bases = points(5000, &mut rng);
    let mut scalars = vec![Fr::ZERO; 5000];
    scalars[4321] = Fr::random(&mut rng);
    assert_all(&scalars, &bases, bases[4321] * scalars[4321]);
}

#[test]
fn equal_opposite_and_identity_bases() {
    let mut rng = StdRng::seed_from_u64(6);
    let point = points(1, &mut rng)[0];
    for kind in 0..7 {
        let scalars: Vec<Fr> = (0..5000).map(|_| scalar_of(kind, &mut rng)).collect();
        let sum: Fr = scalars.iter().sum();
        assert_all(&scalars, &vec![point; 5000], point * sum);
        assert_all(&scalars, &vec![G1Affine::identity(); 5000], G1::identity());
        let alternating: Vec<G1Affine> = [point, -point].into_iter().cycle().take(5000).collect();
        let difference: Fr = scalars.chunks(2).map(|pair| pair[0] - pair[1]).sum();
        assert_all(&scalars, &alternating, point * difference);
        let gaps: Vec<G1Affine> = [point, G1Affine::identity()].into_iter().cycle().take(5000).collect();
        assert_all(&scalars, &gaps, point * scalars.iter().step_by(2).sum::<Fr>());
    }
}

#[test]
fn everything_cancels_inside_the_buckets() {
    let mut rng = StdRng::seed_from_u64(7);
    let half = points(5000, &mut rng);
    let bases: Vec<G1Affine> = half.iter().flat_map(|point| [*point, -point]).collect();
    assert_all(&vec![Fr::from(5); 10_000], &bases, G1::identity());
    let scalars: Vec<Fr> = (0..5000).map(|_| scalar_of(0, &mut rng)).flat_map(|s| repeat_n(s, 2)).collect();
    assert_all(&scalars, &bases, G1::identity());
    let sorted: Vec<G1Affine> = half.iter().copied().chain(half.iter().map(|point| -point)).collect();
    assert_all(&vec![-Fr::from(3); 10_000], &sorted, G1::identity());
}

#[test]
fn the_shorter_argument_counts() {
    let mut rng = StdRng::seed_from_u64(8);
    let bases = points(10, &mut rng);
    let scalars: Vec<Fr> = (0..10).map(|_| scalar_of(0, &mut rng)).collect();
    assert_eq!(multiexp(&scalars[..7], &bases), naive(&scalars[..7], &bases[..7]));
    assert_eq!(multiexp(&scalars, &bases[..4]), naive(&scalars[..4], &bases[..4]));
}

#[test]
fn many_threads_cut_a_window_into_parts() {
    let mut rng = StdRng::seed_from_u64(9);
    let bases = points(3 * MIN_PART + 5, &mut rng);
    let scalars: Vec<Fr> = (0..bases.len()).map(|_| scalar_of(3, &mut rng)).collect();
    assert_all(&scalars, &bases, best_multiexp(&scalars, &bases));
}

#[test]
fn digits_add_up_to_the_value() {
    let mut rng = StdRng::seed_from_u64(10);
    let half: [u64; 4] = (-Fr::ONE * Fr::TWO_INV).into();
    let mut values = edges();
    values.extend((0..500).map(|i| scalar_of(i % 7, &mut rng)));
    for value in values {
        let limbs = signed(&value, &G1Affine::generator(), &half);
        let magnitude = if is_negative(&limbs) { -value } else { value };
        for width in 1..=MAX_WIDTH {
            let windows = (0..=bit_length(&limbs)).step_by(width).map(|start| Window { start, width });
            let digit = |window: Window| {
                let digit = window.digit(&limbs);
                assert!(digit.unsigned_abs() as usize <= window.buckets());
                let size = Fr::from(u64::from(digit.unsigned_abs()));
                Fr::from(2).pow([window.start as u64]) * if digit < 0 { -size } else { size }
            };
            // The last window may reach the sign, which the plan's never do: leave those out.
            if windows.clone().all(|window| window.start + width <= 255) {
                assert_eq!(windows.map(digit).sum::<Fr>(), magnitude, "{value:?} in windows of {width}");
            }
        }
    }
}

#[test]
fn plans_cover_every_length_without_gaps() {
    for (longest, unit) in (0..=MAX_BITS).flat_map(|longest| units().map(|unit| (longest, unit))) {
        for count in [1, 6, 1000, 1 << 15, 1 << 20] {
            let mut reach = [0; MAX_BITS + 2];
            reach[..=longest].fill(count * usize::from(longest > 0));
            let windows = plan(&reach, &unit.costs());
            let end = windows.iter().fold(0, |end, window| {
                assert_eq!(window.start, end);
                end + window.width
            });
            assert_eq!(end, if longest > 0 { longest + 1 } else { 0 });
        }
    }
}

#[test]
fn every_number_of_pairs() {
    let mut rng = StdRng::seed_from_u64(11);
    let points = points(200, &mut rng);
    let sources: Vec<u32> = (0..200).map(|_| rng.gen_range(0..400)).collect();
    for pairs in 0..=40 {
        assert_runs(&points, &sources[..2 * pairs], &vec![2; pairs]);
        assert_runs(&points, &sources[..2 * pairs], &[2 * pairs]);
        assert_runs(&points, &sources[..2 * pairs + 1], &[2 * pairs + 1]);
        assert_runs(&points, &sources[..5 * pairs], &vec![5; pairs]);
    }
}

#[test]
fn runs_of_every_length() {
    let mut rng = StdRng::seed_from_u64(12);
    let points = points(3000, &mut rng);
    for turn in 0..40 {
        let lens: Vec<usize> = (0..60).map(|_| rng.gen_range(1..=1 + turn)).collect();
        let sources: Vec<u32> = (0..lens.iter().sum()).map(|_| rng.gen_range(0..6000)).collect();
        assert_runs(&points, &sources, &lens);
    }
    let lens: Vec<usize> = (1..70).collect();
    let sources: Vec<u32> = (0..lens.iter().sum::<usize>() as u32).map(|i| 2 * i + i % 3 % 2).collect();
    assert_runs(&points, &sources, &lens);
}

/// Runs of four sources whose two pairs, or the pairs' sums, have no line through them or are equal. The points are
/// the identity, P, Q, P + Q and P again.
const SPECIAL: [[u32; 4]; 16] = {
    const ZERO: u32 = 0;
    const P: u32 = 2;
    const Q: u32 = 4;
    const SUM: u32 = 6;
    const SAME: u32 = 8;
    [
        [ZERO, P, Q, SUM],
        [P, ZERO, Q, SUM],
        [ZERO | 1, P, Q, ZERO | 1],
        [ZERO, ZERO, P, Q],
        [ZERO, ZERO | 1, ZERO | 1, ZERO],
        [P, P, Q, SUM],
        [P, SAME, Q, SUM],
        [P | 1, SAME | 1, Q, Q],
        [P, P | 1, Q, SUM],
        [P | 1, SAME, Q, Q | 1],
        [P, Q, P, Q],
        [P, Q, ZERO, SUM],
        [P, Q, SUM | 1, ZERO],
        [P, Q, P | 1, Q | 1],
        [P, P, P, P],
        [P, P | 1, SAME | 1, P],
    ]
};

#[test]
fn special_pairs_in_every_lane() {
    let mut rng = StdRng::seed_from_u64(13);
    let mut points = points(100, &mut rng);
    points[0] = G1Affine::identity();
    points[3] = (points[1] + points[2]).to_affine();
    points[4] = points[1];
    let runs = 37;
    let usual: Vec<u32> = (0..4 * runs).map(|_| rng.gen_range(10..200)).collect();
    for special in SPECIAL {
        for at in 0..runs {
            let mut sources = usual.clone();
            sources[4 * at..][..4].copy_from_slice(&special);
            assert_runs(&points, &sources, &vec![4; runs]);
            assert_runs(&points, &sources, &vec![2; 2 * runs]);
        }
        assert_runs(&points, &special.repeat(runs), &vec![4; runs]);
        assert_runs(&points, &special.repeat(runs), &[4 * runs]);
    }
    let mixed: Vec<u32> = (0..400).flat_map(|_| SPECIAL[rng.gen_range(0..16)]).collect();
    assert_runs(&points, &mixed, &[4; 400]);
    assert_runs(&points, &mixed, &[5; 320]);
    assert_runs(&points, &mixed, &[1600]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    /// Few different scalars and points, either sign, often repeated: doublings and cancellations at every level.
    #[test]
    fn repeats_agree_with_the_naive_sum(
        terms in prop::collection::vec((0_usize..8, 0_usize..8, any::<bool>(), any::<bool>()), 0..400),
        seed in any::<u64>(),
    ) {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut few = points(7, &mut rng);
        few.push(G1Affine::identity());
        let mut values: Vec<Fr> = (0..6).map(|kind| scalar_of(kind, &mut rng)).collect();
        values.extend([Fr::ONE, Fr::from(2)]);
        let scalars: Vec<Fr> = terms.iter().map(|t| if t.2 { -values[t.0] } else { values[t.0] }).collect();
        let bases: Vec<G1Affine> = terms.iter().map(|t| if t.3 { -few[t.1] } else { few[t.1] }).collect();
        for unit in units() {
            prop_assert_eq!(multiexp_on(unit, &scalars, &bases), naive(&scalars, &bases));
        }
    }
}
