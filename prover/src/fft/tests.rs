use halo2_proofs::arithmetic::eval_polynomial;
use halo2_proofs::halo2curves::ff::WithSmallOrderMulGroup;
use halo2_proofs::poly::EvaluationDomain;
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;

fn elements(len: usize, seed: u64) -> Vec<Fr> {
    let mut rng = StdRng::seed_from_u64(seed);
    (0..len).map(|_| Fr::random(&mut rng)).collect()
}

/// Without vectors, and with them where the processor has them.
fn domains(k: u32) -> Vec<Domain> {
    let mut domains = vec![Domain::on(k, None).unwrap()];
    domains.extend(Ifma::detect().and_then(|ifma| Domain::on(k, Some(ifma))));
    domains
}

fn with_threads(threads: usize, test: impl FnOnce() + Send) {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(test);
}

/// The definition: one evaluation a point.
fn naive(coefficients: &[Fr], shift: Fr, domain: &Domain) -> Vec<Fr> {
    (0..domain.len() as i64).map(|i| eval_polynomial(coefficients, shift * domain.power(i))).collect()
}

#[test]
fn memory_is_used_again_without_a_trace() {
    for domain in domains(9) {
        let coset = domain.coset(Fr::from(5));
        let polys = [3_u64, 70, 512].map(|len| (0..len).map(|i| Fr::from(i * i + len)).collect::<Vec<_>>());
        let mut values = vec![Fr::from(9); 1000];
        for poly in &polys {
            coset.evaluate_into(poly, &mut values);
            assert_eq!(values, coset.evaluate(poly));
        }
    }
}

#[test]
fn the_largest_domain_is_that_of_the_field() {
    assert!(Domain::new(29).is_none());
    assert!(Domain::new(u32::MAX).is_none());
    assert_eq!(Domain::new(0).unwrap().omega(), Fr::ONE);
}

#[test]
fn the_generator_is_halo2s() {
    for k in 1..=12 {
        let (domain, halo2) = (Domain::new(k).unwrap(), EvaluationDomain::<Fr>::new(5, k));
        assert_eq!((domain.k(), domain.len()), (k, 1 << k));
        assert_eq!(domain.omega(), halo2.get_omega());
        for i in [0, 1, 7, 1 << k, i64::MAX] {
            assert_eq!(domain.power(i), domain.omega().pow_vartime([i as u64]));
            assert_eq!(domain.power(-i), domain.power(i).invert().unwrap());
        }
        assert_eq!(domain.power(i64::MIN), Fr::ONE);
    }
}

#[test]
fn values_are_those_of_the_definition() {
    for domain in (0..=8).flat_map(domains) {
        let k = domain.k();
        for len in [0, 1, 2, domain.len() / 2, domain.len() - 1, domain.len(), domain.len() + 1, 3 * domain.len() + 5] {
            let coefficients = elements(len, u64::from(k));
            for shift in [Fr::ONE, Fr::ZERO, -Fr::ONE, Fr::ZETA, Fr::from(7), domain.omega()] {
                assert_eq!(domain.evaluate(&coefficients, shift), naive(&coefficients, shift, &domain), "{k} {len}");
            }
        }
    }
}

#[test]
fn extreme_values_survive() {
    for domain in [3, 6, 7, 13].into_iter().flat_map(domains) {
        let k = domain.k();
        for value in [Fr::ZERO, Fr::ONE, -Fr::ONE] {
            let coefficients = vec![value; domain.len()];
            let values = domain.evaluate(&coefficients, Fr::ONE);
            assert_eq!(values[0], value * Fr::from(1 << k));
            assert!(values[1..].iter().all(|value| value.is_zero_vartime()));
            assert_eq!(domain.interpolate(&values), coefficients);
        }
    }
}

#[test]
fn halo2_gets_the_same_with_any_number_of_threads() {
    for k in 1..=16 {
        let halo2 = EvaluationDomain::<Fr>::new(5, k);
        let input = elements(1 << k, 100 + u64::from(k));
        let coefficients = halo2.lagrange_to_coeff(halo2.lagrange_from_vec(input.clone()));
        let factor = halo2.get_extended_omega();
        let part = halo2.coeff_to_extended_part(halo2.coeff_from_vec(input.clone()), factor);
        for threads in [1, 2, 5] {
            with_threads(threads, || {
                for domain in domains(k) {
                    assert_eq!(domain.interpolate(&input), coefficients.values());
                    assert_eq!(domain.evaluate(&input, Fr::ZETA * factor), part.values());
                }
            });
        }
    }
}

#[test]
fn round_trips_end_where_they_began() {
    for domain in (0..=17).flat_map(domains) {
        let input = elements(domain.len(), 200 + u64::from(domain.k()));
        assert_eq!(domain.evaluate(&domain.interpolate(&input), Fr::ONE), input);
        assert_eq!(domain.interpolate(&domain.evaluate(&input, Fr::ONE)), input);
        for shift in [Fr::ONE, Fr::from(5)] {
            assert_eq!(domain.interpolate_coset(&domain.evaluate(&input, shift), shift).unwrap(), input);
        }
    }
}

#[test]
fn no_polynomial_is_found_from_one_point() {
    assert_eq!(Domain::new(3).unwrap().interpolate_coset(&elements(8, 0), Fr::ZERO), None);
}

#[test]
fn missing_values_are_zero_and_those_past_the_end_ignored() {
    for domain in [0, 4, 7, 13].into_iter().flat_map(domains) {
        let mut values = elements(domain.len() + 3, 1);
        let whole = domain.interpolate(&values[..domain.len()]);
        assert_eq!(domain.interpolate(&values), whole);
        values.truncate(domain.len() / 3);
        let short = domain.interpolate(&values);
        values.resize(domain.len(), Fr::ZERO);
        assert_eq!(domain.interpolate(&values), short);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Any length and shift, at a point chosen by chance; sums are transformed to sums.
    #[test]
    fn any_polynomial_has_its_values(k in 0u32..15, part in 0usize..2000, seed: u64, point: i64) {
        for domain in domains(k) {
        let coefficients = elements((domain.len() * part).div_ceil(1000), seed);
        let shift = elements(1, !seed)[0];
        let values = domain.coset(shift).evaluate(&coefficients);
        let expected = eval_polynomial(&coefficients, shift * domain.power(point));
        prop_assert_eq!(values[point.rem_euclid(1 << k) as usize], expected);
        }
    }
}
