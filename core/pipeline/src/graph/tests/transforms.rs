//! Transforms for the tests, and log records for them to look at.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use tapline_pdata::{
    Batch, Signal,
    rewrite::{Keep, LogEdit, NewValue, Reach, ResourceEdit, Surroundings, Transform},
    write,
};

use super::cast::{Story, tell};

/// `mark` adds itself to the trail that its resource keeps, and tells; `odd` drops every other
/// record; `all` drops every one; `trip` panics on a record behind a mark.
pub(super) struct FakeTransform {
    /// Its id, and its settings behind an equals sign if there are any.
    name: String,
    story: Story,
    /// How many records it was shown.
    seen: Mutex<u32>,
}

impl FakeTransform {
    /// Makes one if there is a transform of this kind.
    pub(super) fn of(kind: &str, name: String, story: &Story) -> Option<Arc<dyn Transform>> {
        let story = Arc::clone(story);
        let seen = Mutex::default();
        let known = ["mark", "odd", "all", "trip"].contains(&kind);
        known.then(|| Arc::new(Self { name, story, seen }) as Arc<dyn Transform>)
    }

    fn is(&self, kind: &str) -> bool {
        self.name.starts_with(kind)
    }
}

impl Transform for FakeTransform {
    fn reach(&self) -> Reach {
        Reach::Record
    }

    fn resource(&self, _: &Surroundings<'_>, resource: &mut ResourceEdit<'_>) -> Keep {
        if self.is("mark") {
            let mut attributes = resource.attributes();
            let before = attributes.get("trail");
            let before = before.and_then(|value| value.as_str().map(|text| format!("{text} ")));
            let trail = before.unwrap_or_default() + &self.name;
            attributes.upsert("trail", NewValue::Str(&trail));
            tell(&self.story, trail);
        }
        Keep::Yes
    }

    fn log(&self, cx: &Surroundings<'_>, _: &mut LogEdit<'_>) -> Keep {
        let marked = cx.resource.attributes().get("trail").is_some();
        assert!(!(self.is("trip") && marked), "tripped");
        let mut seen = self.seen.lock().expect("not poisoned");
        *seen += 1;
        if self.is("all") || (self.is("odd") && *seen % 2 == 1) {
            Keep::No
        } else {
            Keep::Yes
        }
    }
}

/// Makes a well-formed batch of log records.
pub(super) fn logs(items: u32) -> Batch {
    let mut records = Vec::new();
    let head = write::LogHead {
        time_ns: 1,
        observed_ns: 1,
        severity_number: 9,
        severity_text: "",
        body: "hello",
        event_name: "",
        trace: None,
        flags: 0,
    };
    for _ in 0..items {
        write::log_record(&mut records, &head, |_| ());
    }
    let scope = write::Scope {
        name: "test",
        version: "",
    };
    let resource = write::resource(|_| ());
    let mut out = Vec::new();
    write::resource_block(&mut out, Signal::Logs, &resource, &scope, &records);
    Batch::written(Signal::Logs, Bytes::from(out), items)
}
