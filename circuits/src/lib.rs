//! Dodona's circuits: ONNX in, proof out.
//!
//! A model is imported ([`model`]), quantised to an integer program ([`quant`], [`ops`]), laid out in the universal inference
//! circuit ([`inference`], [`gadgets`]), proved with Halo2 (KZG on BN254), aggregated ([`aggregate`]) and verified on
//! chain ([`evm`]). Keys and the structured reference string live in [`keys`].
//!
//! Not here: the chain and the network (crate `dodona`).

pub mod aggregate;
pub mod api;
pub mod evm;
pub mod gadgets;
pub mod inference;
pub mod keys;
pub mod model;
pub mod ops;
pub mod quant;

#[cfg(test)]
pub(crate) mod testing;
