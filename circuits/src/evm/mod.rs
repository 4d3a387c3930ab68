//! evm.
