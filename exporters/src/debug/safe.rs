//! Keeps what strangers wrote from speaking to the terminal it is shown on.

use std::fmt::Write;

/// Escapes the control characters of a text, but for the line breaks and tabs it is laid out with.
/// Those are also what the Collector shows of a value of several lines.
pub(super) fn shown(text: String) -> String {
    let obeys = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    if !text.contains(obeys) {
        return text;
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if obeys(c) {
            // Writing to a string cannot fail.
            let _infallible = write!(safe, "\\x{:02x}", u32::from(c));
        } else {
            safe.push(c);
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn nothing_that_a_terminal_obeys_survives() {
        let cases = [
            ("Body: Str(größer)\n\t-> a\n", "Body: Str(größer)\n\t-> a\n"),
            ("\x1b]0;owned\x07\x1b[2J", "\\x1b]0;owned\\x07\\x1b[2J"),
            ("a\r\u{8}b\u{7f}", "a\\x0d\\x08b\\x7f"),
            ("\u{9b}31m\u{85}\0", "\\x9b31m\\x85\\x00"),
        ];
        for (text, safe) in cases {
            assert_eq!(shown(text.to_owned()), safe);
        }
        for c in (0..0xa0)
            .filter_map(char::from_u32)
            .filter(|c| c.is_control())
        {
            let survives = shown(c.to_string()).contains(c);
            assert_eq!(survives, matches!(c, '\n' | '\t'), "{c:?}");
        }
    }
}
