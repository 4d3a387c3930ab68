//! The store keeps what it was told, over restarts, reorgs and damage.
