//! Outputs behind a commitment (STM-7).

use ff::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff;

use super::{set_lane, settle};
use crate::gadgets::RowKind;
use crate::inference::layout::{Layout, Task, words};
use crate::inference::statement::{COMMITTED_OUTPUT_WORDS, IN_DOMAIN_BIT, commit_outputs, output_salt, pow2};
use crate::quant::program::Requant;
use crate::testing::{assert_refused, failures, inputs, task};

const INPUTS: [i64; 8] = [700, -1500, 3, 4, 5, 6, 7, 650];

fn committed() -> Task {
    Task { commit_outputs: true, ..task() }
}

fn layout() -> Layout {
    Layout::new(&committed(), Fr::from(42), &inputs(INPUTS), None).unwrap()
}

/// Places of the flags and of the commitment among the words.
fn shown() -> [usize; COMMITTED_OUTPUT_WORDS] {
    let range = committed().output_words().next().unwrap();
    [range.start, range.start + 1]
}

#[test]
fn honest_commitment_is_accepted_and_opens_to_the_interpreters_answer() {
    let honest = layout();
    assert_eq!(failures(&honest), Vec::<String>::new());
    let run = task().program.evaluate(&INPUTS).unwrap();
    let salt = output_salt(inputs(INPUTS)[0][0].salt, Fr::from(42));
    let expected = commit_outputs(&run.outputs, run.in_domain, run.unsaturated, salt);
    assert_eq!(shown().map(|word| honest.words[word]), expected);
    assert_eq!(words(&committed(), Fr::from(42), &inputs(INPUTS)).unwrap(), honest.words);
    // Another context hides the same answer behind another commitment, with the same flags.
    let other = words(&committed(), Fr::from(43), &inputs(INPUTS)).unwrap();
    let [flags, digest] = shown();
    assert_eq!(other[flags], honest.words[flags]);
    assert_ne!(other[digest], honest.words[digest]);
}

#[test]
fn another_commitment_or_flag_is_refused_by_the_copy() {
    let [flags, digest] = shown();
    for (word, change) in [(digest, Fr::ONE), (flags, -pow2(IN_DOMAIN_BIT)), (flags, Fr::ONE)] {
        let mut forged = layout();
        forged.words[word] += change;
        forged.values[word].a[0] += change;
        assert_refused(&forged, &format!("word {word} changed"), &["copy"]);
    }
}

#[test]
fn another_answer_in_the_committed_words_is_refused() {
    // The forger changes an output's lane and everything after it, hash excepted.
    let mut forged = layout();
    let wire = (0..forged.rows.len()).find(|i| forged.rows[*i].kind == RowKind::Requant(Requant::Identity)).unwrap();
    set_lane(&mut forged, wire, 12345);
    settle(&mut forged);
    assert!(!failures(&forged).is_empty());
}
