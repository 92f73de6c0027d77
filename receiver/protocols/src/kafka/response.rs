//! Reads of an answer what it says failed, what it brings, and how topics are called.

use super::{
    api::{self, Answer, Api},
    cursor::{Cursor, TopicId},
    found::{Found, Topic},
    request::{records, topic},
    topics,
};
use crate::messaging::name;

/// Reads the answer to a request of this kind, behind its correlation id.
pub(super) fn read<'a>(api: &Api, version: i16, bytes: &'a [u8]) -> Found<'a> {
    let mut found = Found::default();
    let is_flexible = api.is_flexible(version);
    let mut cursor = Cursor::new(bytes, is_flexible);
    if api.key != api::API_VERSIONS && cursor.tags().is_none() {
        return found;
    }
    found.is_whole = what(api, version, &mut cursor, &mut found).is_some();
    found
}

fn what<'a>(api: &Api, version: i16, cursor: &mut Cursor<'a>, found: &mut Found<'a>) -> Option<()> {
    match api.answer {
        Answer::Error => found.error(cursor.i16()?),
        Answer::Throttled(since) => {
            throttle(version >= since, cursor)?;
            found.error(cursor.i16()?);
        }
        Answer::Named(since) => {
            throttle(version >= since, cursor)?;
            if cursor.len32()? > 0 {
                // What follows differs; the first one says enough.
                cursor.text()?;
                found.error(cursor.i16()?);
            }
        }
        Answer::Partitions(since) => {
            throttle(version >= since, cursor)?;
            partitions(api, version, cursor, found)?;
        }
        Answer::Other => return other(api.key, version, cursor, found),
    }
    Some(())
}

fn throttle(is_there: bool, cursor: &mut Cursor<'_>) -> Option<()> {
    if is_there {
        cursor.i32()?;
    }
    Some(())
}

/// Topics with partitions that begin with their number and error; the first one of all is read,
/// and all of them where nothing follows.
fn partitions<'a>(
    api: &Api,
    version: i16,
    cursor: &mut Cursor<'a>,
    found: &mut Found<'a>,
) -> Option<()> {
    let is_only_error = matches!(api.key, api::OFFSET_COMMIT | api::TXN_OFFSET_COMMIT);
    let by_id = api.key == api::OFFSET_COMMIT && version >= 10;
    for _ in 0..cursor.len32()? {
        topic(by_id, cursor)?;
        for _ in 0..cursor.len32()? {
            cursor.i32()?;
            found.error(cursor.i16()?);
            if !is_only_error {
                return Some(());
            }
            cursor.tags()?;
        }
        cursor.tags()?;
    }
    Some(())
}

fn other<'a>(key: i16, version: i16, cursor: &mut Cursor<'a>, found: &mut Found<'a>) -> Option<()> {
    match key {
        api::PRODUCE => {
            cursor.len32()?;
            topic(version >= 13, cursor)?;
            cursor.len32()?;
            cursor.i32()?;
            found.error(cursor.i16()?);
            Some(())
        }
        api::FETCH => fetch(version, cursor, found),
        api::METADATA => metadata(version, cursor, found),
        api::FIND_COORDINATOR => {
            throttle(version >= 1, cursor)?;
            if version >= 4 {
                cursor.len32()?;
                cursor.text()?;
                cursor.i32()?;
                cursor.text()?;
                cursor.i32()?;
            }
            found.error(cursor.i16()?);
            Some(())
        }
        api::CREATE_TOPICS | api::DELETE_TOPICS => {
            let is_create = key == api::CREATE_TOPICS;
            throttle(version >= if is_create { 2 } else { 1 }, cursor)?;
            cursor.len32()?;
            let name = cursor.text()?;
            if version >= if is_create { 7 } else { 6 } {
                note(cursor.topic_id()?, name);
            }
            found.error(cursor.i16()?);
            Some(())
        }
        _ => Some(()),
    }
}

fn fetch<'a>(version: i16, cursor: &mut Cursor<'a>, found: &mut Found<'a>) -> Option<()> {
    throttle(version >= 1, cursor)?;
    if version >= 7 {
        found.error(cursor.i16()?);
        cursor.i32()?;
    }
    let topics = cursor.len32()?;
    found.topics = Some(topics);
    if topics == 0 {
        found.messages = Some(0);
    }
    for number in 0..topics {
        let topic = topic(version >= 13, cursor)?;
        found.topic(topic);
        let partitions = cursor.len32()?;
        if number == 0 {
            found.partitions = partitions;
        }
        for _ in 0..partitions {
            fetched(version, cursor, found)?;
        }
        cursor.tags()?;
    }
    Some(())
}

fn fetched<'a>(version: i16, cursor: &mut Cursor<'a>, found: &mut Found<'a>) -> Option<()> {
    let partition = cursor.i32()?;
    found.partition.get_or_insert(partition);
    found.error(cursor.i16()?);
    cursor.i64()?;
    if version >= 4 {
        cursor.i64()?;
        if version >= 5 {
            cursor.i64()?;
        }
        aborted(cursor)?;
    }
    if version >= 11 {
        cursor.i32()?;
    }
    records(cursor, found)?;
    cursor.tags()
}

/// Transactions that were given up, each a producer and an offset.
fn aborted(cursor: &mut Cursor<'_>) -> Option<()> {
    for _ in 0..cursor.len32()? {
        cursor.take(16)?;
        cursor.tags()?;
    }
    Some(())
}

/// Learns the names of topics, and whether one is not there.
fn metadata<'a>(version: i16, cursor: &mut Cursor<'a>, found: &mut Found<'a>) -> Option<()> {
    throttle(version >= 3, cursor)?;
    for _ in 0..cursor.len32()? {
        cursor.i32()?;
        cursor.text()?;
        cursor.i32()?;
        if version >= 1 {
            cursor.text()?;
        }
        cursor.tags()?;
    }
    if version >= 2 {
        cursor.text()?;
    }
    if version >= 1 {
        cursor.i32()?;
    }
    for _ in 0..cursor.len32()? {
        found.error(cursor.i16()?);
        let name = cursor.text()?;
        if version >= 10 {
            note(cursor.topic_id()?, name);
        }
        found.topic(Topic::Name(name));
        if version >= 1 {
            cursor.i8()?;
        }
        for _ in 0..cursor.len32()? {
            placed(version, cursor)?;
        }
        if version >= 8 {
            cursor.i32()?;
        }
        cursor.tags()?;
    }
    Some(())
}

/// A partition, and the brokers that have it.
fn placed(version: i16, cursor: &mut Cursor<'_>) -> Option<()> {
    cursor.i16()?;
    cursor.i64()?;
    if version >= 7 {
        cursor.i32()?;
    }
    cursor.skip_array(4)?;
    cursor.skip_array(4)?;
    if version >= 5 {
        cursor.skip_array(4)?;
    }
    cursor.tags()
}

fn note(id: TopicId, text: &[u8]) {
    if let Some(name) = name(text) {
        topics::remember(id, name);
    }
}
