//! Makes text from strangers fit for a terminal: nothing in it moves the cursor, changes colours or
//! hides what follows. And shortens it in the middle, where it is missed least.

use std::fmt::Write;

/// Stands for what was left out.
const ELLIPSIS: char = '…';

/// Returns `text` with every character escaped that a terminal would obey, or a reader not see.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if is_harmless(c) {
            safe.push(c);
        } else if u32::from(c) < 0x100 {
            // Writing to a string cannot fail.
            let _infallible = write!(safe, "\\x{:02x}", u32::from(c));
        } else {
            let _infallible = write!(safe, "\\u{{{:x}}}", u32::from(c));
        }
    }
    safe
}

/// Cuts the middle out of a text that has more than `width` characters.
pub(super) fn shortened(text: &str, width: usize) -> String {
    let length = text.chars().count();
    if length <= width {
        return text.to_owned();
    }
    let kept = width.saturating_sub(1);
    let tail = kept / 2;
    let head = kept - tail;
    let mut short: String = text.chars().take(head).collect();
    short.push(ELLIPSIS);
    short.extend(text.chars().skip(length - tail));
    short
}

fn is_harmless(c: char) -> bool {
    let invisible = matches!(c,
        // Joiners and marks of direction; overrides and isolates; line and paragraph ends.
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        // A hyphen that may not show, an Arabic mark of direction, a byte order mark, tags.
        | '\u{ad}' | '\u{61c}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}');
    !c.is_control() && !invisible
}

#[cfg(test)]
mod tests {
    use super::{escaped, shortened};

    #[test]
    fn nothing_that_a_terminal_obeys_survives() {
        let cases = [
            ("/orders/7?x=é€", "/orders/7?x=é€"),
            ("\x1b[2J\x1b]0;owned\x07", "\\x1b[2J\\x1b]0;owned\\x07"),
            ("a\r\nb\tc", "a\\x0d\\x0ab\\x09c"),
            ("\u{9b}31m", "\\x9b31m"),
            ("gpj.\u{202e}exe", "gpj.\\u{202e}exe"),
            (
                "\u{feff}a\u{200b}b\u{2028}c",
                "\\u{feff}a\\u{200b}b\\u{2028}c",
            ),
            ("\u{7f}", "\\x7f"),
        ];
        for (text, safe) in cases {
            assert_eq!(escaped(text), safe);
        }
        for c in (0..=0x0011_0000)
            .filter_map(char::from_u32)
            .filter(|c| c.is_control())
        {
            assert!(!escaped(&c.to_string()).contains(c), "{c:?}");
        }
    }

    #[test]
    fn the_middle_goes_first() {
        assert_eq!(shortened("/api/v1/orders/77", 17), "/api/v1/orders/77");
        assert_eq!(shortened("/api/v1/orders/77", 9), "/api…s/77");
        assert_eq!(shortened("éééé", 3), "é…é");
        assert_eq!(shortened("abc", 1), "…");
        assert_eq!(shortened("abc", 0), "…");
    }
}
