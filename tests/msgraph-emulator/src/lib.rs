//! A tenant in memory.
