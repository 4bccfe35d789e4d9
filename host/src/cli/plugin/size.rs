//! Sizes for people.

/// `812 bytes`, `68 KiB`, `3.4 MiB`
pub fn shown(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..0x10_0000 => format!("{} KiB", bytes.div_ceil(1024)),
        _ => {
            let tenths = bytes.saturating_mul(10).div_ceil(0x10_0000);
            format!("{}.{} MiB", tenths / 10, tenths % 10)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn sizes_are_rounded_up_in_the_unit_that_fits() {
        let sizes = [0, 1023, 1024, 1025, 0x10_0000, 0x10_0001].map(shown);
        assert_eq!(sizes, ["0 bytes", "1023 bytes", "1 KiB", "2 KiB", "1.0 MiB", "1.1 MiB"]);
    }
}
