//! What tapline said, taken apart into problems with their places.

use std::process::Output;

/// All of it.
pub(crate) struct Said {
    /// How it ended; `-1` when by a signal.
    pub(crate) exit: i32,
    /// What was written to standard error.
    pub(crate) text: String,
    /// The same, problem by problem.
    pub(crate) problems: Vec<Problem>,
}

/// One problem.
pub(crate) struct Problem {
    pub(crate) is_error: bool,
    /// `file:line:column`, if it has a place.
    pub(crate) place: Option<String>,
    /// The message, and the lines that are shown with it.
    pub(crate) text: String,
}

impl Said {
    pub(crate) fn read(output: &Output) -> Self {
        let stdout = text_of(&output.stdout);
        assert!(
            stdout.is_empty(),
            "validate is silent on standard output: {stdout}"
        );
        let text = text_of(&output.stderr);
        Self {
            exit: output.status.code().unwrap_or(-1),
            problems: problems(&text),
            text,
        }
    }

    /// Returns what is kept beside the file.
    pub(crate) fn snapshot(&self) -> String {
        format!("exit {}\n{}", self.exit, self.text)
    }
}

pub(crate) fn text_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A problem begins with its severity; all until the next one belongs to it.
fn problems(text: &str) -> Vec<Problem> {
    let mut problems: Vec<Problem> = Vec::new();
    for line in text.lines() {
        let is_error = line.starts_with("error: ");
        if is_error || line.starts_with("warning: ") || problems.is_empty() {
            problems.push(Problem {
                is_error: is_error || !line.starts_with("warning: "),
                place: None,
                text: String::new(),
            });
        }
        let problem = problems.last_mut().expect("one was begun");
        if let Some(place) = line.trim_start().strip_prefix("--> ") {
            problem.place.get_or_insert_with(|| place.to_owned());
        }
        problem.text.push_str(line);
        problem.text.push('\n');
    }
    problems
}
