//! The books of all components: opened once each, read together.
//!
//! What was counted and what is queued are two families, because one only grows and the other does
//! not; so that the sum holds across both, they are listed from one reading.

use std::collections::BTreeMap;

use super::{
    Kind, Labels, Meters, Value,
    account::{Account, Reason, Tally},
    names,
};
use tapline_pdata::Signal;

/// The number of books one registry lists; later ones still count, but are not listed.
pub const MAX_BOOKS: usize = 1_000;

/// The labels that name a component, which are also the kinds of components with a book.
const OWNERS: [&str; 4] = ["receiver", "processor", "connector", "exporter"];

/// Every book, each read at one moment.
#[derive(Clone, Debug, Default)]
pub struct Books(Vec<Book>);

#[derive(Clone, Debug)]
struct Book {
    labels: Labels,
    tally: Tally,
    expected: &'static [Reason],
}

impl Meters {
    /// Opens the book of this view's component for one signal, listed as [`names::ITEMS`] and
    /// [`names::ITEMS_QUEUED`].
    ///
    /// `expected` are the losses to list even before they happen. Opening a book twice gives the
    /// same one, so it survives a rebuild of the graph.
    pub fn account(&self, signal: Signal, expected: &'static [Reason]) -> Account {
        let owner = OWNERS
            .iter()
            .find_map(|kind| self.labels.get_key_value(*kind));
        let mut labels = Labels::from([("signal", signal.name().to_owned())]);
        if let Some((kind, component)) = owner {
            labels.insert("component", component.clone());
            labels.insert("kind", (*kind).to_owned());
        }
        let account = {
            let mut state = self.registry.lock();
            if let Some((known, _)) = state.accounts.get(&labels) {
                return known.clone();
            }
            let account = Account::new();
            if state.accounts.len() < MAX_BOOKS {
                state.accounts.insert(labels, (account.clone(), expected));
            }
            account
        };
        self.tell_of_books();
        account
    }

    /// Reads every book.
    pub fn books(&self) -> Books {
        let accounts = self.registry.lock().accounts.clone();
        let books = accounts
            .into_iter()
            .map(|(labels, (account, expected))| Book {
                labels,
                tally: account.tally(),
                expected,
            });
        Books(books.collect())
    }

    /// Lists what every book says is lost, by its labels and why.
    pub(crate) fn losses(&self) -> BTreeMap<(Labels, Reason), u64> {
        let mut losses = BTreeMap::new();
        for Book { labels, tally, .. } in self.books().0 {
            let lost = tally.losses();
            losses.extend(lost.map(|(why, items)| ((labels.clone(), why), items)));
        }
        losses
    }

    /// Tells the follower that there are books.
    pub(super) fn tell_of_books(&self) {
        for ((name, help), kind) in [
            (names::ITEMS, Kind::Counter),
            (names::ITEMS_QUEUED, Kind::Gauge),
        ] {
            self.registry.tell_of(name, help, kind);
        }
    }
}

impl Books {
    /// Lists what only grows: items by what became of them.
    pub fn counted(&self) -> Vec<(Labels, Value)> {
        let rows = |book: &Book| {
            let labels = book.labels.clone();
            let rows = book.tally.rows(book.expected).into_iter();
            rows.map(move |(state, reason, count)| {
                let mut labels = labels.clone();
                labels.insert("state", state.to_owned());
                if let Some(reason) = reason {
                    labels.insert("reason", reason.to_owned());
                }
                (labels, number(count))
            })
        };
        self.0.iter().flat_map(rows).collect()
    }

    /// Lists what each component holds.
    pub fn queued(&self) -> Vec<(Labels, Value)> {
        let row = |book: &Book| (book.labels.clone(), number(book.tally.queued()));
        self.0.iter().map(row).collect()
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "readings are floats, exact up to 2^53"
)]
fn number(count: u64) -> Value {
    Value::Number(count as f64)
}
