//! The real `dodona` binary as a process.
