//! The wire: events, results, progress and dead letters, mirroring schemas/.
