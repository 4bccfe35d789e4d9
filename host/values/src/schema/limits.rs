//! What bounds schemas: the numbers that an operator may set, and what follows for one schema where it stands.

/// The limits of `[limits]` that speak of schemas; each is described there.
#[derive(Clone, Copy, Debug)]
pub struct SchemaLimits {
    pub manifest_patterns: usize,
    pub manifest_pattern_bytes: usize,
    pub manifest_cpu_ms: u64,
    pub validation_ms: u64,
    pub default_values: usize,
    pub default_bytes: usize,
}

impl SchemaLimits {
    /// Where nobody has set others.
    pub const DEFAULT: Self = Self {
        manifest_patterns: 1_000,
        manifest_pattern_bytes: 64 << 20,
        manifest_cpu_ms: 10_000,
        validation_ms: 50,
        default_values: 20_000,
        default_bytes: 1 << 20,
    };
}

impl Default for SchemaLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// What bounds a schema where it stands.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The largest value that can come here, in bytes of its JSON text.
    pub value_bytes: usize,
    pub validation_ms: u64,
    pub default_values: usize,
    pub default_bytes: usize,
}

impl Bounds {
    pub fn new(limits: &SchemaLimits, value_bytes: usize) -> Bounds {
        Bounds {
            value_bytes,
            validation_ms: limits.validation_ms,
            default_values: limits.default_values,
            default_bytes: limits.default_bytes,
        }
    }
}
