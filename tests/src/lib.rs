//! End-to-end scenarios on a local chain: the harness. The scenarios are in `tests/tests`, one file each; the demo is
//! `src/bin/demo.rs`.
//!
//! It is not part of the product: only tests and the demo use it. Everything runs on loopback with anvil's public
//! accounts and the INSECURE development SRS.
//!
//! | file | what |
//! |---|---|
//! | [`paths`] | where contracts, models, binaries and the cache lie |
//! | [`abi`] | the contracts that the node does not know: risk oracle, envelope, market, constructors |
//! | [`anvil`] | the chain as a process, ended on drop |
//! | [`chain`] | JSON-RPC: transactions, exact reverts, time, snapshots |
//! | [`artifacts`] | compiled contracts and generated verifiers |
//! | [`kit`] | the compiled risk model, its keys, verifiers and provers, cached |
//! | [`fixtures`] | aggregated proofs, made once for each statement |
//! | [`market`] | observations of the market with the float model's answers |
//! | [`publisher`] | a publisher that serves what it is told, right or wrong |
//! | [`scene`] | chain, stack, an open request and its right answer: where most scenarios begin |
//! | [`stack`] | all contracts on a chain, everything registered |
//! | [`answer`] | requests, signed observations, proven answers |
//! | [`attack`] | wrong variants of a right answer |
//! | [`process`] | the real `dodona` binary: publisher and operator |

pub mod abi;
pub mod answer;
pub mod anvil;
pub mod artifacts;
pub mod attack;
pub mod chain;
pub mod fixtures;
pub mod kit;
pub mod market;
pub mod paths;
pub mod process;
pub mod publisher;
pub mod scene;
pub mod stack;
