//! Finds the name that was probably meant.

/// Names longer than this are not compared: the work is the product of both lengths.
const MAX_NAME_BYTES: usize = 128;

/// How many known names are listed.
const MAX_LISTED: usize = 20;

/// Returns the known name nearest to what was written, if it is near enough to be a typing mistake.
pub fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if written.len() > MAX_NAME_BYTES {
        return None;
    }
    // Of three letters, one that differs is a third: `1.4` is no mistyped `1.0`.
    let reach = if written.chars().count() > 3 {
        written.chars().count() / 3
    } else {
        0
    };
    known
        .into_iter()
        .filter(|name| name.len() <= MAX_NAME_BYTES && *name != written)
        .map(|name| (distance(written, name), name))
        .filter(|(distance, _)| *distance <= reach)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Returns a list of names for a message: `` `a`, `b` ``.
pub(crate) fn listed(names: &[&str]) -> String {
    let shown = names
        .iter()
        .take(MAX_LISTED)
        .map(|name| format!("`{name}`"));
    let rest = if names.len() > MAX_LISTED {
        ", …"
    } else {
        ""
    };
    format!("{}{rest}", shown.collect::<Vec<_>>().join(", "))
}

/// Counts the letters to insert, drop, replace or swap with their neighbour; case is free.
pub(crate) fn distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.to_lowercase().chars().collect();
    let right: Vec<char> = right.to_lowercase().chars().collect();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=right.len()).collect();
    for row in 1..=left.len() {
        let mut current = vec![row];
        for column in 1..=right.len() {
            let (a, b) = (left[row - 1], right[column - 1]);
            let replaced = last[column - 1] + usize::from(a != b);
            let mut best = replaced.min(last[column] + 1).min(current[column - 1] + 1);
            let swapped = row > 1 && column > 1 && a == right[column - 2] && left[row - 2] == b;
            if swapped {
                best = best.min(before_last[column - 2] + 1);
            }
            current.push(best);
        }
        before_last = std::mem::replace(&mut last, current);
    }
    last[right.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn suggests_only_what_is_near() {
        let known = ["receivers", "processors", "max_size_mib", "otlp"];
        let nearest = |written| nearest(written, known);
        assert_eq!(nearest("recievers"), Some("receivers"));
        assert_eq!(nearest("max_sise_mib"), Some("max_size_mib"));
        assert_eq!(nearest("oltp"), Some("otlp"));
        assert_eq!(nearest("OTLP"), Some("otlp"));
        assert_eq!(nearest("kafka"), None);
        assert_eq!(nearest("otl"), None);
        assert_eq!(nearest(&"x".repeat(1000)), None);
    }
}
