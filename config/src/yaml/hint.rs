//! What to write instead of text that is not YAML.
//!
//! The parser says what it stumbled over, which is often not what is wrong: a missing colon is
//! noticed a line later, an open bracket at the next key. This module looks at the text around and
//! guesses; it must not know what the keys mean.

use crate::{Place, Problem, Source};

/// Where the mistake is, and what to say beside it.
pub(super) struct Hint {
    /// The place to show: the parser's, or an earlier one that is to blame.
    pub(super) place: Place,
    /// What to do about it, if that can be told.
    pub(super) label: Option<String>,
}

/// Looks at a place where a parser stopped for a reason.
pub(super) fn hint(reason: &str, place: Place) -> Hint {
    let source = place.source();
    let line = source.line(place.line()).unwrap_or_default();
    if let Some(label) = hint_of_line(line) {
        return Hint {
            place,
            label: Some(label.to_owned()),
        };
    }
    if reason.contains("simple key")
        && let Some((blamed, label)) = key_without_colon(&place)
    {
        return Hint {
            place: blamed,
            label: Some(label.to_owned()),
        };
    }
    let label = hint_of_bracket(&place).or_else(|| hint_of_reason(reason, line, &place));
    Hint { place, label }
}

/// Says that a map or a list stands where a key is wanted, as in a template that nobody rendered.
pub(super) fn bad_key(place: &Place) -> Problem {
    let problem = Problem::error(place, "a key must be a text");
    let line = place.source().line(place.line()).unwrap_or_default();
    match hint_of_line(line) {
        Some(label) => problem.with_label(label),
        None => problem,
    }
}

/// What a line shows by itself.
fn hint_of_line(line: &str) -> Option<&'static str> {
    let indent = &line[..line.len() - line.trim_start().len()];
    if indent.contains('\t') {
        Some("YAML is indented with spaces, not with tabs")
    } else if line.contains("{{") {
        Some("`{{ … }}` is a template, which has to be rendered first")
    } else if line.starts_with("```") {
        Some("this is Markdown: leave out the lines with ```")
    } else {
        None
    }
}

/// Finds the line before a place that was meant to be a key and is none.
fn key_without_colon(place: &Place) -> Option<(Place, &'static str)> {
    let source = place.source();
    let is_text = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    let number = (1..place.line())
        .rev()
        .find(|number| source.line(*number).is_some_and(is_text))?;
    let line = source.line(number)?;
    let text = line.trim();
    if text.contains(": ") || text.ends_with(':') {
        return None;
    }
    let label = if text.contains(':') {
        "a space is missing after the colon"
    } else {
        "a colon is missing"
    };
    let column = line.chars().count() - line.trim_start().chars().count() + 1;
    let blamed = Place::new(source, number, column, text.chars().count());
    Some((blamed, label))
}

/// Says which bracket is still open where the parser stopped, if it was opened on an earlier line.
fn hint_of_bracket(place: &Place) -> Option<String> {
    let (bracket, line) = open_bracket(place.source(), place.line())?;
    Some(format!("the `{bracket}` on line {line} is not closed"))
}

/// Returns the innermost bracket that is open where a line begins, and its line.
///
/// Roughly: quotes and comments are left out, block scalars are not known.
fn open_bracket(source: &Source, until: usize) -> Option<(char, usize)> {
    let mut open: Vec<(char, usize)> = Vec::new();
    for number in 1..until {
        let (mut quote, mut before) = (None, ' ');
        for c in source.line(number).unwrap_or_default().chars() {
            let begins = matches!(before, ' ' | '[' | '{' | ',' | ':');
            match (quote, c) {
                (Some(end), _) if end == c => quote = None,
                (None, '"' | '\'') if begins => quote = Some(c),
                (None, '#') if before == ' ' => break,
                (None, '[' | '{') if begins => open.push((c, number)),
                (None, ']' | '}') => drop(open.pop()),
                _ => (),
            }
            before = c;
        }
    }
    open.pop()
}

/// What the parser's words mean for somebody who does not write parsers.
fn hint_of_reason(reason: &str, line: &str, place: &Place) -> Option<String> {
    let is = |part: &str| reason.contains(part);
    let here = line.chars().nth(place.column() - 1);
    let is_first = place.column() == line.chars().count() - line.trim_start().chars().count() + 1;
    if line.contains("${") && line.contains(['[', '{']) {
        Some("put quotes around `${…}` inside of `[…]` or `{…}`".to_owned())
    } else if is("unexpected character") || is("scanning an anchor or alias") {
        here.map(|first| format!("a text that begins with `{first}` needs quotes"))
    } else if is("unknown anchor") {
        // Its name may be a password that was not quoted.
        Some("no such `&` stands above; a text that begins with `*` needs quotes".to_owned())
    } else if is("mapping values are not allowed") {
        Some("a value with `: ` in it needs quotes; two keys need two lines".to_owned())
    } else if is("quoted scalar") && is("indentation") {
        Some("this quote is not closed".to_owned())
    } else if is("trailing content") {
        Some("nothing may follow the closing quote".to_owned())
    } else if is("expected key") && is_first {
        Some("its indentation fits none of the lines above".to_owned())
    } else if is("expected key") {
        Some("a text that begins with a bracket or a quote needs quotes as a whole".to_owned())
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use crate::{Problems, Source, yaml};

    /// Returns the places and hints of what is wrong with a text.
    fn hints(text: &str) -> Vec<String> {
        let mut problems = Problems::new();
        yaml::read(&Source::new("a.yaml", text, 0), &mut problems);
        let shown = |problem: &crate::Problem| {
            let place = problem.place.as_ref().map(ToString::to_string);
            let label = problem.label.clone().unwrap_or_default();
            format!("{} {label}", place.unwrap_or_default())
        };
        problems.iter().map(shown).collect()
    }

    #[test]
    fn says_what_to_write_instead() {
        for (text, expected) in [
            (
                "a:\n\tb: 1",
                "2:2 YAML is indented with spaces, not with tabs",
            ),
            (
                "a: 1\n{{- if b }}\nc: 1",
                "2:3 `{{ … }}` is a template, which has to be rendered first",
            ),
            (
                "a: {{ .b }}:1",
                "1:5 `{{ … }}` is a template, which has to be rendered first",
            ),
            (
                "```yaml\na: 1\n```",
                "1:1 this is Markdown: leave out the lines with ```",
            ),
            (
                "a:\n  b: 1\n  c:5s\nd: 1",
                "3:3 a space is missing after the colon",
            ),
            ("a:\n  b: 1\n  c\nd: 1", "3:3 a colon is missing"),
            ("a: {b: [1, 2}\nc: 1\n", "1:13 "),
            (
                "a: {b: {c: 1}\nd: 1\n",
                "2:1 the `{` on line 1 is not closed",
            ),
            (
                "a: [\"[\",\n  '{', # {\n  1\nb: 1\n",
                "4:2 the `[` on line 1 is not closed",
            ),
            (
                "a: {b: ${c}:1}",
                "1:9 put quotes around `${…}` inside of `[…]` or `{…}`",
            ),
            ("a: @b", "1:4 a text that begins with `@` needs quotes"),
            ("a: [*]", "1:5 a text that begins with `*` needs quotes"),
            (
                "a: *b",
                "1:4 no such `&` stands above; a text that begins with `*` needs quotes",
            ),
            (
                "a: b: c",
                "1:5 a value with `: ` in it needs quotes; two keys need two lines",
            ),
            ("a:\n  b: \"c\nd: 1", "2:6 this quote is not closed"),
            ("a: \"b\" c", "1:8 nothing may follow the closing quote"),
            (
                "a:\n    b: 1\n   c: 1",
                "3:4 its indentation fits none of the lines above",
            ),
            (
                "a: [::]:4317",
                "1:8 a text that begins with a bracket or a quote needs quotes as a whole",
            ),
        ] {
            assert_eq!(hints(text), [format!("a.yaml:{expected}")], "{text}");
        }
    }
}
