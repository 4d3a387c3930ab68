//! inference.
