//! gadgets.
