//! Any text as a file, as what its references lead to, and as `--set`: it is read or refused.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tapline_config::{
    Input, KnownTypes, Layout, Lists, LoadOptions, Retrieve, Secrets, explain, gather, load, print,
};

/// Everything leads to the second half of the input.
struct Mirror<'a>(&'a str);

impl Retrieve for Mirror<'_> {
    fn variable(&self, name: &str) -> Option<String> {
        (name != "U").then(|| self.0.to_owned())
    }

    fn file(&self, path: &str) -> Result<String, String> {
        self.variable(path).ok_or_else(|| "not there".to_owned())
    }

    fn page(&self, url: &str) -> Result<String, String> {
        self.file(url)
    }
}

fuzz_target!(|data: &[u8]| {
    let whole = String::from_utf8_lossy(data);
    let (first, second) = whole.split_once('\0').unwrap_or((&whole, ""));
    let retrieve = &Mirror(second);
    let lists = Lists::Append;
    let inputs = [
        Input::text("a.yaml", first),
        Input::text("b.yaml", second),
        Input::set(first.lines().next().unwrap_or_default()),
    ];
    let document = gather(&inputs[..1 + data.len() % 3], &LoadOptions { retrieve, lists });
    let mut problems = document.problems().clone();
    Layout::read(&document, &KnownTypes::default(), &mut problems);
    assert_eq!(problems.to_string().is_empty(), problems.is_empty());
    let _ = explain(&document, Secrets::Hidden);
    let Ok(document) = document.sound() else {
        return;
    };
    let printed = print(&document, Secrets::Shown);
    if printed != "{}\n" {
        let again = load(&[Input::text("c.yaml", &*printed)], retrieve);
        let again = again.expect("we read what we write");
        assert_eq!(print(&again, Secrets::Shown), printed);
    }
});
