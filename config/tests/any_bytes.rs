//! Whatever is given to the reader, it says something about it, soon.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use tapline_config::{
    Document, Environment, Input, KnownTypes, Layout, Lists, LoadOptions, Node, Retrieve, Secrets,
    explain, gather, load, print,
};

/// Far more than any small input takes, even on a machine that does other things.
const TIME_MAX: Duration = Duration::from_secs(20);

/// A world in which everything leads back into itself.
struct Mirror {
    text: String,
}

impl Retrieve for Mirror {
    fn variable(&self, name: &str) -> Option<String> {
        (!name.len().is_multiple_of(3)).then(|| self.text.clone())
    }

    fn file(&self, path: &str) -> Result<String, String> {
        self.variable(path).ok_or_else(|| "not there".to_owned())
    }

    fn page(&self, url: &str) -> Result<String, String> {
        self.file(url)
    }
}

fn nodes(node: &Node) -> usize {
    let below = node.entries().iter().map(|(_, value)| value);
    1 + below.chain(node.items()).map(nodes).sum::<usize>()
}

/// Loads, reads, and prints; returns the document.
fn exercise(inputs: &[Input], retrieve: &dyn Retrieve) -> Document {
    let started = Instant::now();
    let lists = Lists::Append;
    let document = gather(inputs, &LoadOptions { retrieve, lists });
    let mut problems = document.problems().clone();
    Layout::read(&document, &KnownTypes::default(), &mut problems);
    let said = problems.to_string();
    assert_eq!(said.is_empty(), problems.is_empty());
    explain(&document, Secrets::Hidden);
    assert!(nodes(document.root()) < 1 << 20, "it has a bound");
    assert!(started.elapsed() < TIME_MAX, "{:?}", started.elapsed());
    document
}

/// Pieces that mean something to the reader.
fn yaml_like() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("\n"),
        Just(" "),
        Just("  "),
        Just(": "),
        Just(":"),
        Just("::"),
        Just("- "),
        Just("a"),
        Just("b"),
        Just("receivers"),
        Just("service"),
        Just("pipelines"),
        Just("'"),
        Just("\""),
        Just("{"),
        Just("}"),
        Just("["),
        Just("]"),
        Just(", "),
        Just("&x "),
        Just("*x"),
        Just("<<: "),
        Just("${"),
        Just("$"),
        Just("${a}"),
        Just("${env:aa:-"),
        Just("${file:b}"),
        Just("${yaml:"),
        Just("${http://h/}"),
        Just("|\n"),
        Just("!!int "),
        Just("#"),
        Just("0x1"),
        Just("~"),
        Just("---\n"),
        Just("é"),
        Just("\t"),
        Just("\\"),
    ];
    prop::collection::vec(piece, 0..80).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 200,
        failure_persistence: None,
        ..Default::default()
    })]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        exercise(&[Input::text("a.yaml", &*text)], &Environment::default());
        exercise(&[Input::set(&*text), Input::uri(&*text)], &Environment::default());
    }

    #[test]
    fn yaml_that_leads_into_itself_is_read_or_refused(text in yaml_like(), inner in yaml_like()) {
        let mirror = Mirror { text: inner.clone() };
        exercise(&[Input::text("a.yaml", &*text), Input::text("b.yaml", inner)], &mirror);
        exercise(&[Input::text("a.yaml", &*text), Input::set(text)], &mirror);
    }

    #[test]
    fn what_is_printed_reads_back_as_itself(text in yaml_like()) {
        let environment = Environment::default();
        let document = exercise(&[Input::text("a.yaml", text)], &environment);
        let printed = print(&document, Secrets::Shown);
        if let Ok(document) = document.sound() && !document.root().entries().is_empty() {
            let again = load(&[Input::text("b.yaml", &*printed)], &environment);
            let again = again.map(|again| print(&again, Secrets::Shown));
            prop_assert_eq!(again.map_err(|problems| problems.to_string()), Ok(printed));
        }
    }
}

#[test]
fn hostile_texts_take_bounded_time() {
    let many = |piece: &str, count: usize| piece.repeat(count);
    let long_line = format!("a: [{}]", many("'$HOME ${UNSET:-x} é', ", 20_000));
    let texts = [
        long_line,
        format!("a: '{}'", many("${UNSET}", 100_000)),
        format!("a: '{}'", many("${", 200_000)),
        format!("a: '{}'", many("}", 200_000)),
        format!("a: {}", many("[", 200_000)),
        (0..50_000).fold(String::new(), |text, n| text + &format!("a::k{n}: 1\n")),
        many("a: 1\n", 100_000),
        many("a::b: 1\n", 50_000),
        format!("a: [{}]", many("'${yaml:[a, b, c]}', ", 20_000)),
        format!(
            "a: &a [{}]\nb: [{}]",
            many("x, ", 1000),
            many("*a, ", 10_000)
        ),
        format!("? {}", many("a", 200_000)),
        many("- ", 100_000),
        many("\n", 500_000),
    ];
    for text in texts {
        exercise(&[Input::text("a.yaml", &*text)], &Environment::default());
    }
}
