//! A tenant in memory, as a program.

fn main() {}
