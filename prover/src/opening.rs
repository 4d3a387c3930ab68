//! One opening of many polynomials at many points: SHPLONK ([2020/081](https://eprint.iacr.org/2020/081), section 4), with the challenges and the order of terms of
//! halo2's.
//!
//! Polynomials that are opened at the same rotations form a set. With `N_i = ∑_j y^j p_ij`, `R_i` the polynomial that takes its values on the points of set `i`, and `Z_i` the one that
//! vanishes there, the proof is a commitment to `H = ∑_i v^i (N_i − R_i) / Z_i`, and one to `L / (X − u)` with
//! `L = ∑_i v^i Z_{T∖i}(u) (N_i − R_i(u)) − Z_T(u) H`, divided by `Z_{T∖0}(u)`.

use halo2_proofs::halo2curves::bn256::{Fr, G1Affine};
use halo2_proofs::halo2curves::group::Curve;
use halo2_proofs::transcript::{EncodedChallenge, TranscriptWrite};
use rayon::prelude::*;

use crate::bases::Bases;
use crate::error::Error;
use crate::quotient::weighted_sum;
use crate::rows::Arithmetic;

/// Coefficients that one thread handles at a time.
const CHUNK: usize = 1 << 11;

/// A polynomial's value at a point.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a> {
    /// The same for the same polynomial.
    pub polynomial: usize,
    /// Its coefficients.
    pub coefficients: &'a [Fr],
    /// Where it is opened.
    pub point: Fr,
    /// Its value there.
    pub value: Fr,
}

/// Polynomials that are opened at the same points.
struct Set<'a> {
    points: Vec<Fr>,
    /// Coefficients, and values at the points.
    members: Vec<(&'a [Fr], Vec<Fr>)>,
}

/// Writes the two commitments.
///
/// # Errors
/// [`Error::Challenge`] if a challenge hits one of the points; the transcript's errors.
pub fn open<E: EncodedChallenge<G1Affine>, T: TranscriptWrite<G1Affine, E>>(
    bases: Bases<'_>,
    queries: &[Query<'_>],
    transcript: &mut T,
) -> Result<(), Error> {
    let y = *transcript.squeeze_challenge_scalar::<()>();
    let v = *transcript.squeeze_challenge_scalar::<()>();
    let sets = sets(queries);
    let sums: Vec<Sum> = sets.par_iter().map(|set| Sum::new(set, y)).collect::<Option<_>>().ok_or(Error::Challenge)?;
    let quotients: Vec<Vec<Fr>> = sums.par_iter().map(Sum::quotient).collect();
    let h = weighted_sum(quotients.iter().map(|q| &q[..]).zip(powers(v)));
    drop(quotients);
    transcript.write_point(bases.commit(&h).to_affine())?;

    let u = *transcript.squeeze_challenge_scalar::<()>();
    let all = all_points(&sets);
    let vanishing =
        |points: &mut dyn Iterator<Item = Fr>| points.fold(Fr::one(), |product, point| product * (u - point));
    let others = |set: &Sum| vanishing(&mut all.iter().copied().filter(|point| !set.points.contains(point)));
    let weights: Vec<Fr> = sums.iter().zip(powers(v)).map(|(set, v)| v * others(set)).collect();
    let terms = sums.iter().map(|set| &set.combined[..]).zip(weights.iter().copied());
    let whole = vanishing(&mut all.iter().copied());
    let mut l = weighted_sum(terms.chain([(&h[..], -whole)]));
    let at_u = sums.iter().zip(&weights).map(|(set, weight)| horner(&set.interpolated, u) * weight).sum::<Fr>();
    if let Some(constant) = l.first_mut() {
        *constant -= at_u;
    }
    Arithmetic::detect().divide(&mut l, u);
    let scale = sums.first().map_or(Fr::one(), others);
    let scale = Option::<Fr>::from(scale.invert()).ok_or(Error::Challenge)?;
    l.par_chunks_mut(CHUNK).for_each(|part| Arithmetic::detect().scale(part, scale));
    transcript.write_point(bases.commit(&l).to_affine())?;
    Ok(())
}

/// Sets in the order in which a polynomial of theirs comes first.
fn sets<'a>(queries: &[Query<'a>]) -> Vec<Set<'a>> {
    let mut seen: Vec<usize> = Vec::new();
    let mut sets: Vec<Set<'a>> = Vec::new();
    for Query { polynomial, coefficients, .. } in queries {
        if seen.contains(polynomial) {
            continue;
        }
        seen.push(*polynomial);
        let same = queries.iter().filter(|query| query.polynomial == *polynomial);
        let mut openings: Vec<(Fr, Fr)> = same.map(|query| (query.point, query.value)).collect();
        openings.sort_unstable();
        openings.dedup();
        let (points, values): (Vec<Fr>, Vec<Fr>) = openings.into_iter().unzip();
        match sets.iter_mut().find(|set| set.points == points) {
            Some(set) => set.members.push((coefficients, values)),
            None => sets.push(Set { points, members: vec![(coefficients, values)] }),
        }
    }
    sets
}

fn all_points(sets: &[Set<'_>]) -> Vec<Fr> {
    let mut all: Vec<Fr> = sets.iter().flat_map(|set| set.points.iter().copied()).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// What a set's polynomials come to.
struct Sum {
    points: Vec<Fr>,
    /// Their weighted sum.
    combined: Vec<Fr>,
    /// Coefficients of what takes its values on the points.
    interpolated: Vec<Fr>,
}

impl Sum {
    /// `None` if two points are equal.
    fn new(set: &Set<'_>, y: Fr) -> Option<Self> {
        let combined = weighted_sum(set.members.iter().map(|(poly, _)| *poly).zip(powers(y)));
        let value = |i: usize| set.members.iter().zip(powers(y)).map(|((_, values), y)| values[i] * y).sum();
        let values: Vec<Fr> = (0..set.points.len()).map(value).collect();
        let interpolated = interpolate(&set.points, &values)?;
        Some(Self { points: set.points.clone(), combined, interpolated })
    }

    fn quotient(&self) -> Vec<Fr> {
        let mut poly = self.combined.clone();
        poly.iter_mut().zip(&self.interpolated).for_each(|(a, b)| *a -= b);
        self.points.iter().for_each(|point| Arithmetic::detect().divide(&mut poly, *point));
        poly
    }
}

/// `1, x, x², …`
fn powers(x: Fr) -> impl Iterator<Item = Fr> {
    std::iter::successors(Some(Fr::one()), move |power| Some(power * x))
}

/// The value of a polynomial.
pub fn horner(coefficients: &[Fr], x: Fr) -> Fr {
    Arithmetic::detect().value(coefficients, x)
}

/// Coefficients of the polynomial of the lowest degree through the points (Newton's form, multiplied out). `None` if two points are equal.
fn interpolate(points: &[Fr], values: &[Fr]) -> Option<Vec<Fr>> {
    let mut sum = vec![Fr::zero(); points.len()];
    let mut basis = vec![Fr::one()];
    for (i, (point, value)) in points.iter().zip(values).enumerate() {
        let scale = Option::<Fr>::from(horner(&basis, *point).invert())?;
        let scale = (value - horner(&sum[..i], *point)) * scale;
        sum.iter_mut().zip(&basis).for_each(|(sum, basis)| *sum += scale * basis);
        basis.insert(0, Fr::zero());
        for at in 0..=i {
            let above = basis[at + 1];
            basis[at] -= above * point;
        }
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poly(len: u64) -> Vec<Fr> {
        (0..len).map(|i| Fr::from(i * i * 7 + 3) - Fr::from(1 << 20)).collect()
    }

    fn value(coefficients: &[Fr], x: Fr) -> Fr {
        coefficients.iter().zip(powers(x)).map(|(c, power)| c * power).sum()
    }

    #[test]
    fn values_are_sums_of_powers() {
        for len in [0, 1, 2, 63, 64, 65, 67, 128, 1001] {
            for x in [Fr::zero(), Fr::one(), Fr::from(12345)] {
                assert_eq!(horner(&poly(len), x), value(&poly(len), x), "{len}");
            }
        }
    }

    #[test]
    fn division_by_a_root_gives_the_other_factor() {
        let (root, factor) = (Fr::from(99), poly(20));
        let mut product: Vec<Fr> = std::iter::once(Fr::zero()).chain(factor.clone()).collect();
        product.iter_mut().zip(&factor).for_each(|(a, b)| *a -= b * root);
        Arithmetic::detect().divide(&mut product, root);
        assert_eq!(product[..20], factor);
        assert_eq!(product[20], Fr::zero());
    }

    #[test]
    fn interpolation_goes_through_its_points() {
        let points: Vec<Fr> = (5..10).map(Fr::from).collect();
        let values = poly(5);
        let found = interpolate(&points, &values).unwrap();
        assert_eq!(points.iter().map(|point| value(&found, *point)).collect::<Vec<_>>(), values);
        assert!(interpolate(&[Fr::one(), Fr::one()], &values[..2]).is_none());
    }

    #[test]
    fn sets_are_polynomials_with_the_same_points() {
        let coefficients = poly(4);
        let at = |polynomial, point: u64| Query {
            polynomial,
            coefficients: &coefficients,
            point: Fr::from(point),
            value: Fr::from(point + polynomial as u64),
        };
        let sets = sets(&[at(7, 1), at(2, 1), at(7, 2), at(5, 1), at(7, 1), at(3, 2), at(3, 1)]);
        let found: Vec<(usize, usize)> = sets.iter().map(|set| (set.points.len(), set.members.len())).collect();
        assert_eq!(found, [(2, 2), (1, 2)]);
        assert_eq!(all_points(&sets), [Fr::from(1), Fr::from(2)]);
    }
}
