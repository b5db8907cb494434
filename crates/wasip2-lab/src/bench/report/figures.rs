//! Numbers as people read them.

use crate::bench::results::Spread;

/// Three significant digits, and thousands apart: `12,600`, `45.3`, `0.0021`.
pub fn number(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return format!("{value}");
    }
    let digits = 2 - value.abs().log10().floor() as i32;
    if digits > 0 {
        return format!("{value:.*}", digits as usize);
    }
    let unit = 10f64.powi(-digits);
    let whole = format!("{:.0}", (value / unit).round() * unit);
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// The median, with the ends of the spread: `12,600 (11,900..13,000)`.
pub fn spread(spread: Spread) -> String {
    if spread.min == spread.max {
        return number(spread.median);
    }
    format!(
        "{} ({}..{})",
        number(spread.median),
        number(spread.min),
        number(spread.max)
    )
}

/// Bytes as mebibytes.
pub fn mebibytes(bytes: f64) -> f64 {
    bytes / f64::from(1 << 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits() {
        let cases = [
            (0.0, "0"),
            (0.00213, "0.00213"),
            (0.5, "0.500"),
            (45.25, "45.2"),
            (999.6, "1,000"),
            (12_619.0, "12,600"),
            (207_819.0, "208,000"),
        ];
        for (value, shown) in cases {
            assert_eq!(number(value), shown);
        }
    }
}
