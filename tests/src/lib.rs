//! Gatehouse seen from outside.
