//! The limits of schemas: the numbers that an operator may set, and what follows from them for one schema.

/// The settings of `[limits]` about schemas, which are documented there.
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
    /// The default settings.
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

/// The limits of one schema.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The largest value that it can be asked to check, in bytes of its JSON text.
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
