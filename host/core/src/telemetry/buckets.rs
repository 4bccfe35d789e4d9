//! The buckets of histograms, by the names of their metrics.

/// The upper bounds of the buckets of histograms of seconds.
pub const SECONDS: &[f64] =
    &[0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0];
/// The upper bounds of the buckets of the writer's batches.
pub const WRITES: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

/// The upper bounds of a histogram's buckets.
pub fn buckets(name: &str) -> &'static [f64] {
    if name.ends_with("_writes") { WRITES } else { SECONDS }
}
