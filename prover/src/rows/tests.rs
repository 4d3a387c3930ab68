//! The loops against their definitions, with and without vectors.

use rand::{SeedableRng, rngs::StdRng};

use super::*;

const LENGTHS: [usize; 17] = [0, 1, 2, 7, 8, 9, 31, 32, 33, 63, 64, 65, 119, 120, 121, 300, 1001];

/// Random elements among those at the field's edges.
fn values(rng: &mut StdRng, len: usize) -> Vec<Fr> {
    let edges = [Fr::zero(), Fr::one(), -Fr::one(), -Fr::from(2)];
    (0..len).map(|i| edges.get(i * 7 % 13).copied().unwrap_or_else(|| Fr::random(&mut *rng))).collect()
}

/// With and without vectors, on random elements of all lengths.
fn check(mut test: impl FnMut(Arithmetic, &mut StdRng, usize)) {
    let mut rng = StdRng::seed_from_u64(1);
    for len in LENGTHS {
        for rows in [Arithmetic(None), Arithmetic::detect()] {
            test(rows, &mut rng, len);
        }
    }
}

#[test]
fn weighted_sums_take_polynomials_of_all_lengths() {
    check(|rows, rng, len| {
        for lengths in [
            vec![],
            vec![len],
            vec![len / 2, len],
            vec![len; 15],
            vec![len + 3; 16],
            vec![len, len, 3, 0],
            vec![len; 40],
        ] {
            let polys: Vec<Vec<Fr>> = lengths.iter().map(|len| values(rng, *len)).collect();
            let weights = values(rng, polys.len());
            let terms: Vec<(&[Fr], Fr)> = polys.iter().map(|poly| &poly[..]).zip(weights).collect();
            let mut sum = values(rng, len);
            let expected: Vec<Fr> = (0..len)
                .map(|i| terms.iter().map(|(poly, w)| poly.get(i).map_or(Fr::zero(), |v| v * w)).sum::<Fr>() + sum[i])
                .collect();
            rows.add_weighted(&mut sum, &terms);
            assert_eq!(sum, expected);
        }
    });
}

#[test]
fn products_are_the_fields() {
    check(|rows, rng, len| {
        let (values, mut others) = (values(rng, len), values(rng, len));
        others.reverse();
        let mut products = values.clone();
        rows.multiply(&mut products, &others);
        assert_eq!(products, values.iter().zip(&others).map(|(a, b)| a * b).collect::<Vec<_>>());
        for factor in [Fr::zero(), Fr::one(), -Fr::one(), Fr::random(rng)] {
            let mut scaled = values.clone();
            rows.scale(&mut scaled, factor);
            assert_eq!(scaled, values.iter().map(|value| value * factor).collect::<Vec<_>>());
        }
    });
}

#[test]
fn values_are_sums_of_powers() {
    check(|rows, rng, len| {
        let coefficients = values(rng, len);
        for x in [Fr::zero(), Fr::one(), -Fr::one(), Fr::random(rng)] {
            let mut powers = vec![Fr::zero(); len];
            rows.geometric(Fr::one(), x, &mut powers);
            assert!((0..len).all(|i| powers[i] == x.pow_vartime([i as u64])));
            let expected = coefficients.iter().zip(&powers).map(|(c, power)| c * power).sum::<Fr>();
            assert_eq!(rows.value(&coefficients, x), expected);
            rows.geometric(-Fr::from(3), x, &mut powers);
            assert!((0..len).all(|i| powers[i] == -Fr::from(3) * x.pow_vartime([i as u64])));
        }
    });
}

#[test]
fn inverses_of_all_but_zeros() {
    check(|rows, rng, len| {
        for values in [values(rng, len), vec![Fr::zero(); len]] {
            let mut inverses = values.clone();
            rows.invert(&mut inverses);
            assert!(values.iter().zip(inverses).all(|(v, inverse)| inverse == v.invert().unwrap_or(Fr::zero())));
        }
    });
}

/// Lengths at which whole segments and blocks of them end.
fn longer(len: usize) -> [usize; 4] {
    [len, SEGMENT + len, LANES * SEGMENT + len, 2 * LANES * SEGMENT + SEGMENT - 1 + len]
}

#[test]
fn running_products_start_with_the_start() {
    check(|rows, rng, len| {
        for len in longer(len) {
            for start in [Fr::zero(), Fr::one(), Fr::random(&mut *rng)] {
                let mut ratios: Vec<Fr> = values(rng, len);
                ratios.iter_mut().filter(|ratio| **ratio == Fr::zero()).skip(1).for_each(|ratio| *ratio = -Fr::one());
                ratios.reverse();
                let mut products = ratios.clone();
                rows.running_products(start, &mut products);
                let mut next = start;
                for (product, ratio) in products.iter().zip(&ratios) {
                    assert_eq!(*product, next);
                    next *= ratio;
                }
            }
        }
    });
}

#[test]
fn quotients_are_those_of_long_division() {
    check(|rows, rng, len| {
        for len in longer(len) {
            for point in [Fr::zero(), Fr::one(), Fr::random(&mut *rng)] {
                let poly = values(rng, len);
                let mut quotient = poly.clone();
                rows.divide(&mut quotient, point);
                let mut carry = Fr::zero();
                for (found, coefficient) in quotient.iter().zip(&poly).rev() {
                    assert_eq!(*found, carry);
                    carry = carry * point + coefficient;
                }
            }
        }
    });
}
