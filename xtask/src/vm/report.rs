//! What a kernel made of the tests, read from its console.

use std::fmt::Write as _;
use std::time::Duration;

/// The result of one kernel.
pub(super) struct Report {
    kernel: &'static str,
    release: String,
    passed: u32,
    skipped: u32,
    failed: Vec<String>,
    /// The kind of capture that the tests ask for by now.
    capture: String,
    /// The status of the test program, once it ended.
    status: Option<i32>,
    /// What kept the tests from being run, or from coming to an end.
    trouble: Option<String>,
    /// From power on to power off.
    pub(super) took: Duration,
}

impl Report {
    pub(super) fn new(kernel: &'static str, release: &str) -> Self {
        Self {
            kernel,
            release: release.to_owned(),
            passed: 0,
            skipped: 0,
            failed: Vec::new(),
            capture: String::new(),
            status: None,
            trouble: None,
            took: Duration::ZERO,
        }
    }

    /// Takes notice of one line of the console.
    pub(super) fn read(&mut self, line: &str) {
        if let Some(status) = line.strip_prefix("@@status ") {
            self.status = status.parse().ok();
        } else if let Some(broken) = line.strip_prefix("@@broken ") {
            self.trouble = Some(broken.to_owned());
        } else if let Some(capture) = line.strip_prefix("@@capture ") {
            capture.clone_into(&mut self.capture);
        } else if let Some((name, outcome)) = line
            .strip_prefix("test ")
            .and_then(|rest| rest.split_once(" ... "))
        {
            match outcome {
                "ok" => self.passed += 1,
                "FAILED" => self.failed.push(format!("{}:{name}", self.capture)),
                _ => self.skipped += 1,
            }
        }
    }

    pub(super) fn give_up(&mut self, limit: Duration) {
        self.trouble = Some(format!("not done after {} min", limit.as_secs() / 60));
    }

    /// Whether all went well and something was tested at all.
    pub(super) fn is_good(&self) -> bool {
        self.status == Some(0) && self.trouble.is_none() && self.passed > 0
    }

    fn verdict(&self) -> String {
        if let Some(trouble) = &self.trouble {
            return trouble.clone();
        }
        match self.status {
            None => "ended without a word".to_owned(),
            Some(0) if self.passed == 0 => "nothing was tested".to_owned(),
            Some(0) => "pass".to_owned(),
            Some(status) if self.failed.is_empty() => format!("status {status}"),
            Some(_) => format!("FAILED {}", self.failed.join(" ")),
        }
    }
}

/// Prints one line for each kernel.
pub(super) fn table(reports: &[Report]) -> String {
    let mut text = format!(
        "{:<8} {:<28} {:>6} {:>6} {:>7} {:>6}  result\n",
        "kernel", "release", "passed", "failed", "skipped", "s"
    );
    for report in reports {
        writeln!(
            text,
            "{:<8} {:<28} {:>6} {:>6} {:>7} {:>6}  {}",
            report.kernel,
            report.release,
            report.passed,
            report.failed.len(),
            report.skipped,
            report.took.as_secs(),
            report.verdict()
        )
        .expect("a string takes everything");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(console: &str) -> Report {
        let mut report = Report::new("6.1", "6.1.0-57-amd64");
        console.lines().for_each(|line| report.read(line));
        report
    }

    #[test]
    fn counts_what_the_console_says() {
        let report = report(
            "@@booted 4.2\n@@capture auto\ntest a::b ... ok\ntest a::c ... FAILED\n\
             test a::d ... SKIP: no node\n@@status 1",
        );
        assert_eq!((report.passed, report.skipped), (1, 1));
        assert_eq!(report.failed, ["auto:a::c"]);
        assert!(!report.is_good());
        assert!(table(&[report]).contains("FAILED auto:a::c"));
    }

    #[test]
    fn a_kernel_that_tested_nothing_is_not_good() {
        assert!(!report("@@status 0").is_good());
        assert!(!report("test a::b ... ok").is_good(), "it never ended");
        assert!(report("test a::b ... ok\n@@status 0").is_good());
    }

    #[test]
    fn a_broken_guest_is_not_good() {
        let report = report("@@broken overlay\ntest a::b ... ok\n@@status 0");
        assert!(!report.is_good());
    }
}
