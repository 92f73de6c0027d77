//! The gateway's own metrics: a page of text, and the books of `tapline_items` on it.

use std::collections::BTreeMap;

/// All series of one look at the page.
pub(crate) struct Page(Vec<Series>);

struct Series {
    name: String,
    labels: BTreeMap<String, String>,
    value: String,
}

/// What a component says became of the items of a signal, by state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Book {
    states: BTreeMap<String, u64>,
}

impl Page {
    /// Reads the text format of Prometheus; labels here have no commas and no quotes in them.
    pub(crate) fn read(text: &str) -> Self {
        let lines = text.lines();
        let samples = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        Self(samples.map(Series::read).collect())
    }

    /// Returns every book, by kind, component and signal.
    pub(crate) fn books(&self) -> BTreeMap<String, Book> {
        let mut books = BTreeMap::<String, Book>::new();
        for series in &self.0 {
            let label = |name: &str| series.labels.get(name).map_or("", String::as_str);
            let owner = ["kind", "component", "signal"].map(label).join(" ");
            let state = match series.name.as_str() {
                "tapline_items" => label("state").to_owned(),
                "tapline_items_queued" => "queued".to_owned(),
                _ => continue,
            };
            *books
                .entry(owner)
                .or_default()
                .states
                .entry(state)
                .or_default() += series.count();
        }
        books
    }

    /// Sums every series of a name that has this label.
    pub(crate) fn sum(&self, name: &str, (label, value): (&str, &str)) -> u64 {
        let wanted = |series: &&Series| {
            series.name == name && series.labels.get(label).is_some_and(|it| it == value)
        };
        self.0.iter().filter(wanted).map(Series::count).sum()
    }
}

impl Series {
    fn read(line: &str) -> Self {
        let (series, value) = line.rsplit_once(' ').expect("a sample has a value");
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let pairs = labels.trim_end_matches('}').split(',');
        let pairs = pairs.filter_map(|pair| pair.split_once('='));
        Self {
            name: name.to_owned(),
            labels: pairs
                .map(|(name, value)| (name.to_owned(), value.trim_matches('"').to_owned()))
                .collect(),
            value: value.to_owned(),
        }
    }

    fn count(&self) -> u64 {
        self.value.parse().expect("what is counted is whole")
    }
}

impl Book {
    /// Returns how many items are in a state.
    pub(crate) fn items(&self, state: &str) -> u64 {
        self.states.get(state).copied().unwrap_or(0)
    }

    /// Returns whether every item that was received is somewhere.
    pub(crate) fn balances(&self) -> bool {
        let after = ["sent", "refused", "dropped", "stored", "queued"];
        let after: u64 = after.into_iter().map(|state| self.items(state)).sum();
        self.items("received") == after
    }
}

#[test]
fn a_book_with_a_missing_item_does_not_balance() {
    let page = "\
# TYPE tapline_items counter
tapline_items{component=\"batch\",kind=\"processor\",signal=\"traces\",state=\"received\"} 5
tapline_items{component=\"batch\",kind=\"processor\",signal=\"traces\",state=\"sent\"} 3
tapline_items{component=\"batch\",kind=\"processor\",reason=\"a\",signal=\"traces\",state=\"dropped\"} 1
# TYPE tapline_items_queued gauge
tapline_items_queued{component=\"batch\",kind=\"processor\",signal=\"traces\"} 0
";
    let book = &Page::read(page).books()["processor batch traces"];
    assert!(!book.balances(), "{book:?}");
    let reason = "tapline_items{component=\"batch\",kind=\"processor\",reason=\"b\",\
                  signal=\"traces\",state=\"dropped\"} 1\n";
    let book = &Page::read(&[page, reason].concat()).books()["processor batch traces"];
    assert!(book.balances(), "{book:?}");
}
