//! Where functions begin and end, and where the tests at the bottom of a file begin.
//!
//! Works on code whose literals and comments are blanked, so braces can simply be counted. Knows
//! no limits.

use super::source::{LITERAL, Language, words};

/// A function with a body; lines are counted from one, both included.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Function {
    pub(super) name: String,
    pub(super) first_line: usize,
    pub(super) last_line: usize,
}

impl Function {
    fn new(code: &str, name: &str, start: usize, open: usize) -> Self {
        let line = |offset: usize| 1 + code[..offset].matches('\n').count();
        let last_line = line(block_end(code, open));
        Self {
            name: name.to_owned(),
            first_line: line(start),
            last_line,
        }
    }

    pub(super) fn lines(&self) -> usize {
        self.last_line - self.first_line + 1
    }
}

/// Finds every function that has a body, nested ones too.
pub(super) fn functions(language: Language, code: &str) -> Vec<Function> {
    match language {
        Language::Rust => in_rust(code),
        Language::C => in_c(&without_preprocessor(code)),
    }
}

/// Counts the lines above the `#[cfg(test)] mod` that ends the file, or all of them.
pub(super) fn lines_without_tests(code: &str) -> usize {
    let all = code.lines().count();
    let Some(start) = code.rfind("#[cfg(test)]") else {
        return all;
    };
    let Some(open) = code[start..].find('{').map(|length| start + length) else {
        return all;
    };
    let is_module = words(&code[start..open]).any(|(_, word)| word == "mod");
    let is_last = code[block_end(code, open)..].trim().is_empty();
    if is_module && is_last {
        code[..start].lines().count()
    } else {
        all
    }
}

fn in_rust(code: &str) -> Vec<Function> {
    let mut found = Vec::new();
    for (start, word) in words(code) {
        let after = code[start..].trim_start_matches("fn");
        // `fn(u8)` is a type.
        if word != "fn" || after.trim_start().starts_with('(') {
            continue;
        }
        let name = words(after).next().map_or("", |(_, name)| name);
        if let Some(open) = body(code, start) {
            found.push(Function::new(code, name, start, open));
        }
    }
    found
}

/// Finds the brace that opens the body; a `;` outside of all brackets says that there is none.
fn body(code: &str, start: usize) -> Option<usize> {
    let mut depth = 0_i32;
    for (offset, c) in code[start..].char_indices() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            '{' if depth == 0 => return Some(start + offset),
            ';' if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

/// Takes a brace at file level for a body when a parameter list stands before it.
fn in_c(code: &str) -> Vec<Function> {
    let mut found = Vec::new();
    let mut declaration = 0;
    let mut at = 0;
    while let Some(offset) = code[at..].find(['{', '}', ';']) {
        let mark = at + offset;
        at = mark + 1;
        if code[mark..].starts_with('{') {
            let head = &code[declaration..mark];
            if let Some(name) = name_of_function(head) {
                let start = mark - head.trim_start().len();
                found.push(Function::new(code, name, start, mark));
            }
            at = block_end(code, mark);
        }
        declaration = at;
    }
    found
}

/// Reads `SEC("…") int name(struct a *b)`; none for data, records and initialisers.
fn name_of_function(head: &str) -> Option<&str> {
    let record = words(head)
        .next()
        .is_some_and(|(_, word)| ["struct", "union", "enum", "typedef"].contains(&word));
    let parameters = head.trim_end().ends_with(')');
    if head.contains('=') || !head.contains('(') || (record && !parameters) {
        return None;
    }
    // The parenthesis of a section holds a literal; the first other one holds the parameters.
    let mut parentheses = head.match_indices('(').map(|(at, _)| at);
    let open = parentheses.find(|at| !head[at + 1..].starts_with(LITERAL))?;
    words(&head[..open]).last().map(|(_, word)| word)
}

/// Blanks directives and their continuation lines: a macro's braces need not match.
fn without_preprocessor(code: &str) -> String {
    let mut kept = String::with_capacity(code.len());
    let mut continued = false;
    for line in code.lines() {
        let directive = continued || line.trim_start().starts_with('#');
        continued = directive && line.ends_with('\\');
        kept.push_str(if directive { "" } else { line });
        kept.push('\n');
    }
    kept
}

/// Returns the offset just beyond the brace that closes the one at `open`.
fn block_end(code: &str, open: usize) -> usize {
    let mut depth = 0_u32;
    for (offset, c) in code[open..].char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return open + offset + 1;
        }
    }
    // Not code that compiles: all there is counts as the body.
    code.trim_end().len()
}

#[cfg(test)]
mod tests;
