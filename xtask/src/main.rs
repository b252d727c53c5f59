//! Set-up, build, tests and benchmarks.
fn main() {}
