//! Micro-benchmarks of the core.
fn main() {}
