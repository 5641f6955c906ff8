//! Numbers in options, and what they may be.

/// A number from 0 to 1.
pub(super) fn fraction(text: &str) -> Result<f64, String> {
    within(text, 0.0, 1.0)
}

/// A number from -1 to 1.
pub(super) fn cosine(text: &str) -> Result<f64, String> {
    within(text, -1.0, 1.0)
}

/// How far polygons may stray, in pixels.
pub(super) fn tolerance(text: &str) -> Result<f64, String> {
    within(text, 0.0, 100.0)
}

fn within(text: &str, least: f64, most: f64) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| "expected a number".to_owned())?;
    if (least..=most).contains(&value) {
        Ok(value)
    } else {
        Err(format!(
            "{value} is out of range: expected {least} to {most}"
        ))
    }
}

/// Numbers with commas between them.
pub(super) fn list(text: &str) -> Result<Vec<f64>, String> {
    let number = |word: &str| {
        let word = word.trim();
        let number = word.parse().ok().filter(|number: &f64| number.is_finite());
        number.ok_or_else(|| format!("'{word}' is no number"))
    };
    text.split(',').map(number).collect()
}
