//! What is found in the body of a request or an answer: topics, partitions, counts, an error.

use super::{batch::Records, cursor::TopicId, topics};
use crate::{
    messaging::{Destination, Operation, System, name},
    propagation::TraceContext,
};

/// A topic as a message names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Topic<'a> {
    Name(&'a [u8]),
    Id(TopicId),
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found<'a> {
    /// The first topic.
    pub(super) topic: Option<Topic<'a>>,
    /// How many topics there are, by their count.
    pub(super) topics: Option<usize>,
    /// The first partition.
    pub(super) partition: Option<i32>,
    /// How many partitions the first topic has.
    pub(super) partitions: usize,
    /// How many partitions' records were read.
    pub(super) records_seen: usize,
    /// How many messages, as far as they were seen.
    pub(super) messages: Option<u32>,
    /// The trace of the first message.
    pub(super) trace: Option<TraceContext>,
    /// The first error.
    pub(super) error: Option<i16>,
    pub(super) group: Option<&'a [u8]>,
    pub(super) max_wait_ms: Option<i32>,
    /// Nobody answers.
    pub(super) is_one_way: bool,
    /// It was read to its end.
    pub(super) is_whole: bool,
}

impl<'a> Found<'a> {
    pub(super) fn topic(&mut self, topic: Topic<'a>) {
        self.topic.get_or_insert(topic);
    }

    pub(super) fn error(&mut self, code: i16) {
        if code != 0 {
            self.error.get_or_insert(code);
        }
    }

    /// Adds the records of a partition.
    pub(super) fn records(&mut self, records: Records) {
        self.messages = match (self.records_seen, self.messages) {
            (0, _) => records.count,
            (_, sum) => sum.zip(records.count).map(|(a, b)| a.saturating_add(b)),
        };
        self.records_seen += 1;
        self.trace = self.trace.take().or(records.trace);
    }

    /// Returns the topic, if there is only one.
    fn only_topic(&self) -> Option<String> {
        match (self.topics, self.topic) {
            (Some(1), Some(Topic::Name(bytes))) => name(bytes),
            (Some(1), Some(Topic::Id(id))) => topics::name(id),
            _ => None,
        }
    }

    /// Writes down what was found of the topics, unless it is known.
    pub(super) fn note_topics(&self, operation: &mut Operation) {
        if operation.destination.is_none() {
            let only = self.only_topic();
            operation.destination =
                only.and_then(|name| Destination::new(System::Kafka, name.as_bytes()));
        }
        let several = self.topics.filter(|topics| *topics > 1);
        let several = several.and_then(|topics| u32::try_from(topics).ok());
        operation.destinations = operation.destinations.or(several);
        if operation.partition.is_none() && self.topics == Some(1) && self.partitions == 1 {
            operation.partition = self.partition;
        }
    }

    /// Returns how many messages there are, if every partition was seen.
    pub(super) fn all_messages(&self) -> Option<u32> {
        let only = self.topics == Some(1) && self.partitions == 1 && self.records_seen == 1;
        self.messages.filter(|_| self.is_whole || only)
    }
}
