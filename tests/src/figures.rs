//! Figures as people read them: medians, and three digits.

/// The middle figure; of an even count, the mean of the two in the middle.
pub fn median(figures: &mut [f64]) -> Option<f64> {
    figures.sort_by(f64::total_cmp);
    let middle = figures.len() / 2;
    match figures.len() {
        0 => None,
        count if count % 2 == 1 => Some(figures[middle]),
        _ => Some((figures[middle - 1] + figures[middle]) / 2.0),
    }
}

/// Three significant digits or all before the point, thousands set apart.
pub fn digits(figure: f64) -> String {
    let decimals = match figure {
        _ if figure < 0.9995 => 3,
        _ if figure < 9.995 => 2,
        _ if figure < 99.95 => 1,
        _ => 0,
    };
    let plain = format!("{figure:.decimals$}");
    if decimals > 0 {
        return plain;
    }
    let mut grouped = String::new();
    for (index, digit) in plain.chars().enumerate() {
        if index > 0 && (plain.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::{digits, median};

    #[test]
    fn median_is_the_middle() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&mut [4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(&mut []), None);
    }

    #[test]
    fn digits_are_as_many_as_can_be_read() {
        let shown: Vec<String> = [0.5, 9.999, 99.96, 999.6, 1234567.8]
            .into_iter()
            .map(digits)
            .collect();
        assert_eq!(shown, ["0.500", "10.0", "100", "1,000", "1,234,568"]);
    }
}
