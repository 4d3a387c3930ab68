//! Outputs behind a commitment (STM-7).

use ff::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff;

use super::{cell, cut, set_word, settle, settle_sponges};
use crate::gadgets::{RowKind, poseidon};
use crate::inference::assembler::{Cell, Column, Part};
use crate::inference::layout::{Layout, SlotInput, Task, words};
use crate::inference::statement::{
    COMMITTED_OUTPUT_WORDS, IN_DOMAIN_BIT, INPUT_TAG, OUTPUT_TAG, UNSATURATED_BIT, commit_outputs, output_salt, pow2,
};
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
    let salt = output_salt([Fr::from(99); 2], Fr::from(42), 0);
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

/// The outputs' part of a layout: the row of the flags' sum, those of the committed words' sums, and those that absorb the message, an element each.
struct Rows {
    flags: usize,
    sums: Vec<usize>,
    absorb: Vec<usize>,
}

fn rows(layout: &Layout) -> Rows {
    let first = layout.parts.iter().find(|(_, part)| *part == Part::Outputs).unwrap().0;
    let starts: Vec<usize> =
        (first..layout.rows.len()).filter(|row| layout.rows[*row].kind == RowKind::Dot { start: true }).collect();
    let weights = |row: usize| layout.rows[row].f;
    Rows {
        flags: first,
        sums: starts.iter().copied().filter(|row| *row > first && weights(*row)[..2] == [-Fr::ONE, Fr::ONE]).collect(),
        absorb: starts.into_iter().filter(|row| weights(*row) == [Fr::ONE, Fr::ONE, -Fr::ONE, Fr::ZERO]).collect(),
    }
}

fn a(column: usize, row: usize) -> Cell {
    Cell { column: [Column::A0, Column::A1, Column::A2][column], row }
}

/// Changes a cell, lets all follow from it but what is copied to `cut`, hash and shown words included, and returns the forgery.
fn forged(honest: &Layout, edit: impl FnOnce(&mut Layout), free: &[Cell]) -> Layout {
    let mut forged = honest.clone();
    let kept = cut(&mut forged, free);
    edit(&mut forged);
    settle_sponges(&mut forged);
    settle(&mut forged);
    forged.copies = kept;
    forged
}

#[test]
fn fixtures_rows_are_the_flags_the_words_and_their_sponge() {
    let rows = rows(&layout());
    assert_eq!((rows.sums.len(), rows.absorb.len()), (2, 4), "two words; count, salt and words are absorbed");
}

#[test]
fn another_answer_in_the_committed_words_is_refused() {
    // Each forger lies one cell earlier; hash, commitment and instance follow and agree.
    let honest = layout();
    let digest = shown()[1];
    let sum = rows(&honest).sums[0];
    let wire = honest.copies.iter().find(|(_, to)| *to == a(1, sum)).unwrap().0;
    let RowKind::Requant(_) = honest.rows[wire.row].kind else { panic!("an output is a lane's result") };
    let word = forged(&honest, |l| *cell(l, a(0, sum)) += Fr::ONE, &[]);
    assert_refused(&word, "another committed word", &["start: acc = 0"]);
    let both = |l: &mut Layout| (0..2).for_each(|i| *cell(l, a(i, sum)) += Fr::ONE);
    let operand = forged(&honest, both, &[a(1, sum)]);
    assert_refused(&operand, "and the operand of its sum", &["copy"]);
    let result = |l: &mut Layout| [a(0, sum), wire].into_iter().for_each(|at| *cell(l, at) += Fr::ONE);
    let result = forged(&honest, result, &[]);
    assert_refused(&result, "and the lane's result", &["z = shifted y"]);
    for (forged, what) in [(word, "word"), (operand, "operand"), (result, "result")] {
        assert_ne!(forged.words[digest], honest.words[digest], "{what}");
        let others = (0..honest.words.len()).filter(|word| *word != digest);
        assert!(others.into_iter().all(|word| forged.words[word] == honest.words[word]), "{what}");
    }
}

#[test]
fn hash_of_other_words_than_those_of_the_outputs_is_refused_by_the_copy() {
    let honest = layout();
    let absorb = rows(&honest).absorb;
    for (element, what) in [(0, "another number of outputs"), (2, "another word"), (3, "another second word")] {
        let at = a(1, absorb[element]);
        let forged = forged(&honest, |l| *cell(l, at) += Fr::ONE, &[at]);
        assert_ne!(forged.words, honest.words);
        assert_refused(&forged, what, &["copy"]);
    }
}

#[test]
fn commitment_under_the_tag_of_inputs_is_refused_by_the_copy() {
    // An input's message starts with a schema; a schema that is a number of outputs would make it an answer's.
    let honest = layout();
    let absorb = rows(&honest).absorb[0];
    let start = (absorb..honest.rows.len())
        .find(|row| matches!(honest.rows[*row].kind, RowKind::Poseidon { .. }))
        .map(|row| a(0, row))
        .unwrap();
    let difference = poseidon::tag(INPUT_TAG) - poseidon::tag(OUTPUT_TAG);
    let forged = forged(&honest, |l| *cell(l, start) += difference, &[start]);
    assert_refused(&forged, "another tag", &["copy"]);
}

#[test]
fn padding_of_an_odd_message_is_the_constant_zero() {
    let mut program = task().program.as_ref().clone();
    program.outputs.truncate(2);
    let task = Task { program: std::sync::Arc::new(program), ..committed() };
    let honest = Layout::new(&task, Fr::from(42), &inputs(INPUTS), None).unwrap();
    assert_eq!(failures(&honest), Vec::<String>::new());
    let absorb = rows(&honest).absorb;
    assert_eq!(absorb.len(), 4, "count, salt, one word, padding");
    let at = a(1, absorb[3]);
    assert_eq!(*cell(&mut honest.clone(), at), Fr::ZERO);
    let forged = forged(&honest, |l| *cell(l, at) += Fr::ONE, &[at]);
    assert_refused(&forged, "a second word that nothing binds", &["copy"]);
}

#[test]
fn salt_is_the_provers_own() {
    // It hides the answer and binds nothing: another one gives another commitment to the same answer.
    let honest = layout();
    let at = a(1, rows(&honest).absorb[1]);
    let other = forged(&honest, |l| *cell(l, at) += Fr::ONE, &[]);
    assert_eq!(failures(&other), Vec::<String>::new());
    assert_ne!(other.words[shown()[1]], honest.words[shown()[1]]);
}

#[test]
fn answer_is_hidden_if_any_source_has_a_secret_salt() {
    // A salt that follows from the first source alone would be known to all where that source is public.
    let shown_with = |edit: fn(&mut Vec<SlotInput>)| {
        let mut slots = inputs(INPUTS);
        edit(&mut slots);
        words(&committed(), Fr::from(42), &slots).unwrap()[shown()[1]]
    };
    let honest = shown_with(|_| ());
    assert_ne!(shown_with(|slots| slots[0][0].salt += Fr::ONE), honest);
    assert_ne!(shown_with(|slots| slots[0][1].salt += Fr::ONE), honest);
}

#[test]
fn equal_answers_of_a_batch_do_not_look_alike() {
    let task = Task { slots: 2, ..committed() };
    let found = words(&task, Fr::from(42), &[inputs(INPUTS), inputs(INPUTS)].concat()).unwrap();
    let [first, second] = [0, 1].map(|slot| task.output_words().nth(slot).unwrap());
    assert_eq!(found[first.start], found[second.start], "the flags are in the open");
    assert_ne!(found[first.end - 1], found[second.end - 1]);
}

#[test]
fn flags_in_the_open_are_those_of_the_wires() {
    let honest = layout();
    let [flags, _] = shown();
    let sum = rows(&honest).flags;
    for (bit, what) in
        [(IN_DOMAIN_BIT, "in domain"), (UNSATURATED_BIT, "unsaturated"), (0, "an answer beside the flags")]
    {
        let change = |l: &mut Layout| set_word(l, flags, honest.words[flags] + pow2(bit));
        assert_refused(&forged(&honest, change, &[]), what, &["start: acc = 0"]);
    }
    for slot in [1, 2] {
        let change = |l: &mut Layout| {
            *cell(l, a(slot, sum)) += Fr::ONE;
            set_word(l, flags, honest.words[flags] + l.rows[sum].f[slot]);
        };
        assert_refused(&forged(&honest, change, &[a(slot, sum)]), "and the sum's operand", &["copy"]);
    }
}

#[test]
fn commitments_of_a_batch_cannot_trade_places() {
    let task = Task { slots: 2, ..committed() };
    let slots = [inputs(INPUTS), inputs([7; 8])].concat();
    let honest = Layout::new(&task, Fr::from(42), &slots, None).unwrap();
    assert_eq!(failures(&honest), Vec::<String>::new());
    let digests: Vec<usize> = task.output_words().map(|range| range.end - 1).collect();
    let mut forged = honest.clone();
    for (word, other) in [(digests[0], digests[1]), (digests[1], digests[0])] {
        assert_ne!(honest.words[word], honest.words[other]);
        set_word(&mut forged, word, honest.words[other]);
    }
    assert_refused(&forged, "commitments exchanged", &["copy"]);
}
