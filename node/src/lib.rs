//! The Dodona node: watches requests, collects signed observations, runs the committed model, proves the run
//! and delivers answer and proof.
//!
//! It is a library only so that its parts can be tested; the product is the binary `dodona`. Circuits live in
//! `dodona-circuits`, the rules of the chain in `contracts/`.
//!
//! # Assumptions
//! - The JSON-RPC endpoint is honest; the node trusts it as a light client trusts its server.
//! - One process works on one data directory, with one operator account that nothing else uses.
//!
//! # Invariants
//! - A job changes only by [`job::Job::apply`], in one transaction, and every change can be undone.
//! - No transaction is sent that is not in the store, and a job never has live transactions on two nonces.
//! - A publisher never signs two headers for one sequence number.
//!
//! # Rooms
//! | folder | what |
//! |---|---|
//! | `cli` | commands, exit codes, progress |
//! | `config` | the TOML file |
//! | `wallet` | keys |
//! | `job` | the state machine of one request |
//! | `store` | SQLite and blobs |
//! | `runtime` | services, supervisor, shutdown |
//! | `chain` | JSON-RPC behind a trait |
//! | `bindings` | the contracts' interfaces |
//! | `watcher`, `collector`, `inference`, `prover`, `submitter` | the stages, in this order |
//! | `publisher` | signs and serves observations |
//! | `api`, `telemetry` | status, metrics, logs |
//! | `deploy` | contracts onto a chain, registrations |

pub mod api;
pub mod bindings;
pub mod chain;
pub mod cli;
pub mod collector;
pub mod config;
pub mod deadline;
pub mod deploy;
pub mod engine;
pub mod feed;
pub mod inference;
pub mod job;
pub mod prover;
pub mod publisher;
pub mod runtime;
pub mod store;
pub mod submitter;
pub mod telemetry;
pub mod wallet;
pub mod watcher;
