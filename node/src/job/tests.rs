//! Any sequence of events keeps the invariants of a job.

use alloy::primitives::{Address, U256};
use proptest::prelude::*;

use super::*;

fn request(mode: Mode) -> Request {
    Request {
        id: B256::repeat_byte(7),
        model_id: B256::repeat_byte(8),
        requester: Address::repeat_byte(9),
        mode,
        fee: U256::from(1),
        created_at: 1_000,
        deadline: 2_000,
        max_data_age: 600,
        max_delivery_age: 0,
        allow_later: false,
        callback_gas_limit: 0,
        verifier_version: 1,
        public_words: Vec::new(),
    }
}

fn block(number: u64) -> BlockId {
    BlockId { number, hash: B256::repeat_byte(u8::try_from(number).unwrap_or(u8::MAX)) }
}

fn fulfilment() -> Fulfilment {
    Fulfilment { block: block(5), tx: B256::repeat_byte(1), payee: Address::repeat_byte(2), own: true }
}

fn any_event() -> impl Strategy<Value = Event> {
    let blob = any::<[u8; 32]>().prop_map(B256::from).boxed();
    prop_oneof![
        blob.clone().prop_map(Event::Collected),
        blob.clone().prop_map(Event::Inferred),
        blob.prop_map(Event::Proved),
        Just(Event::Submitted),
        Just(Event::Fulfilled(fulfilment())),
        Just(Event::Unfulfilled),
        Just(Event::Expired("late".to_owned())),
        Just(Event::RequestGone),
        Just(Event::RequestSeen(Box::new(request(Mode::Direct)), block(9))),
        Just(Event::Failed("no".to_owned())),
        prop::sample::select(State::ALL.to_vec()).prop_map(|to| Event::RolledBack { to, reason: "again".to_owned() }),
        any::<u64>().prop_map(|at| Event::Deferred { not_before: at, reason: "wait".to_owned() }),
    ]
}

fn assert_invariants(job: &Job) {
    assert_eq!(job.fulfilment.is_some(), job.state == State::Final, "{job:?}");
    assert!(job.answer.is_none() || job.observations.is_some(), "an answer without observations: {job:?}");
    assert!(job.proof.is_none() || job.answer.is_some(), "a proof without an answer: {job:?}");
    let held = [job.observations.is_some(), job.answer.is_some(), job.proof.is_some()];
    let expected = match job.state {
        State::Requested | State::Reorged => Some([false, false, false]),
        State::Collected => Some([true, false, false]),
        State::Inferred => Some([true, true, false]),
        State::Proved | State::Aggregated | State::Submitted => Some([true, true, true]),
        State::Final | State::Expired | State::Failed => None,
    };
    assert!(expected.is_none_or(|e| e == held), "{job:?}");
    let wrong = match job.request.mode {
        Mode::Direct => State::Aggregated,
        Mode::Aggregated => State::Proved,
    };
    assert_ne!(job.state, wrong);
    assert!(job.not_before == 0 || job.attempts > 0);
}

proptest! {
    #[test]
    fn any_sequence_of_events_keeps_the_invariants(
        aggregated in any::<bool>(),
        events in prop::collection::vec(any_event(), 0..60),
    ) {
        let mode = if aggregated { Mode::Aggregated } else { Mode::Direct };
        let mut job = Job::new(request(mode), block(1));
        for mut event in events {
            if let Event::RequestSeen(request, _) = &mut event {
                request.mode = mode;
            }
            match job.apply(event) {
                Ok(next) => {
                    prop_assert_eq!(next.version, job.version + 1);
                    job = next;
                }
                Err(error) => prop_assert_eq!(error.got, job.state),
            }
            assert_invariants(&job);
        }
    }

    /// Whatever happened, a reorg of the request and its return start the job over.
    #[test]
    fn a_reorged_request_starts_over(events in prop::collection::vec(any_event(), 0..30)) {
        let mut job = Job::new(request(Mode::Direct), block(1));
        for event in events {
            job = job.apply(event).unwrap_or(job);
        }
        if job.state != State::Reorged {
            job = job.apply(Event::RequestGone).unwrap();
        }
        let again = job.apply(Event::RequestSeen(Box::new(request(Mode::Direct)), block(3))).unwrap();
        let fresh = Job { version: again.version, ..Job::new(request(Mode::Direct), block(3)) };
        prop_assert_eq!(again, fresh);
    }
}

fn at(mode: Mode, state: State) -> Job {
    let mut job = Job::new(request(mode), block(1));
    let path = [
        Event::Collected(B256::repeat_byte(1)),
        Event::Inferred(B256::repeat_byte(2)),
        Event::Proved(B256::repeat_byte(3)),
        Event::Submitted,
    ];
    for event in path {
        if job.state == state {
            break;
        }
        job = job.apply(event).unwrap();
    }
    assert_eq!(job.state, state);
    job
}

#[test]
fn the_pipeline_of_each_mode() {
    assert_eq!(at(Mode::Direct, State::Submitted).resumable(), State::Proved);
    assert_eq!(at(Mode::Aggregated, State::Submitted).resumable(), State::Aggregated);
}

#[test]
fn a_stage_out_of_order_is_refused_with_expected_and_got() {
    let error = at(Mode::Direct, State::Collected).apply(Event::Proved(B256::ZERO)).unwrap_err();
    let expected =
        TransitionError { id: B256::repeat_byte(7), event: "proved", expected: "inferred", got: State::Collected };
    assert_eq!(error, expected);
}

#[test]
fn an_answer_taken_back_returns_to_its_proof() {
    let done = at(Mode::Aggregated, State::Submitted).apply(Event::Fulfilled(fulfilment())).unwrap();
    assert_eq!(done.state, State::Final);
    let back = done.apply(Event::Unfulfilled).unwrap();
    assert_eq!((back.state, back.fulfilment), (State::Aggregated, None));
}

#[test]
fn a_job_that_failed_here_is_final_when_another_answers() {
    let failed = at(Mode::Direct, State::Inferred).apply(Event::Failed("no key".to_owned())).unwrap();
    let other = Fulfilment { own: false, ..fulfilment() };
    let done = failed.apply(Event::Fulfilled(other.clone())).unwrap();
    assert_eq!((done.state, done.fulfilment), (State::Final, Some(other)));
}

#[test]
fn rolling_back_drops_the_later_artefacts_only() {
    let back = at(Mode::Direct, State::Submitted)
        .apply(Event::RolledBack { to: State::Inferred, reason: "proof blob damaged".to_owned() })
        .unwrap();
    assert_eq!((back.state, back.proof), (State::Inferred, None));
    assert_eq!(back.answer, Some(B256::repeat_byte(2)));
    let forward = back.apply(Event::RolledBack { to: State::Proved, reason: String::new() }).unwrap_err();
    assert_eq!(forward.expected, "an open state later than the target");
}
