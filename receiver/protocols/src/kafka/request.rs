//! Reads the head of a request, and of its body what it works on.

use super::{
    api::{self, Api},
    batch,
    cursor::Cursor,
    found::{Found, Topic},
};

/// Bytes of the head that follow the correlation id are read with the body.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) api: &'static Api,
    pub(super) version: i16,
    pub(super) correlation: i32,
}

/// Reads length, key, version and correlation id.
pub(super) fn head(bytes: &[u8]) -> Option<Head> {
    let mut cursor = Cursor::new(bytes, false);
    cursor.i32()?;
    Some(Head {
        api: api::find(cursor.i16()?)?,
        version: cursor.i16()?,
        correlation: cursor.i32()?,
    })
}

/// Reads what follows: the client's name for itself, and what it asks for.
pub(super) fn body<'a>(head: &Head, bytes: &'a [u8]) -> (Option<&'a [u8]>, Found<'a>) {
    let mut found = Found::default();
    let mut classic = Cursor::new(bytes, false);
    if head.api.key == api::CONTROLLED_SHUTDOWN && head.version == 0 {
        return (None, found);
    }
    let client = classic.text();
    let mut cursor = Cursor::new(classic.rest(), head.api.is_flexible(head.version));
    if client.is_some() && cursor.tags().is_some() {
        found.is_whole = what(head, &mut cursor, &mut found).is_some();
    }
    (client, found)
}

fn what<'a>(head: &Head, cursor: &mut Cursor<'a>, found: &mut Found<'a>) -> Option<()> {
    let version = head.version;
    match head.api.key {
        api::PRODUCE => produce(version, cursor, found),
        api::FETCH => fetch(version, cursor, found),
        api::METADATA => metadata(version, cursor, found),
        api::OFFSET_COMMIT => offset_commit(version, cursor, found),
        api::TXN_OFFSET_COMMIT => {
            cursor.text()?;
            found.group = cursor.text();
            Some(())
        }
        api::FIND_COORDINATOR => find_coordinator(version, cursor, found),
        api::CREATE_TOPICS => named(cursor, found),
        api::DELETE_TOPICS if version < 6 => named(cursor, found),
        _ if head.api.begins_with_group(version) => {
            found.group = cursor.text();
            Some(())
        }
        _ => Some(()),
    }
}

fn produce<'a>(version: i16, cursor: &mut Cursor<'a>, found: &mut Found<'a>) -> Option<()> {
    if version >= 3 {
        cursor.text()?;
    }
    found.is_one_way = cursor.i16()? == 0;
    cursor.i32()?;
    let topics = cursor.len32()?;
    found.topics = Some(topics);
    for number in 0..topics {
        let topic = topic(version >= 13, cursor)?;
        found.topic(topic);
        let partitions = cursor.len32()?;
        if number == 0 {
            found.partitions = partitions;
        }
        for _ in 0..partitions {
            let partition = cursor.i32()?;
            found.partition.get_or_insert(partition);
            records(cursor, found)?;
            cursor.tags()?;
        }
        cursor.tags()?;
    }
    Some(())
}

/// Reads the records of a partition, as far as they are here.
pub(super) fn records<'a>(cursor: &mut Cursor<'a>, found: &mut Found<'a>) -> Option<()> {
    let len = cursor.len32()?;
    let seen = cursor.rest();
    found.records(batch::read(&seen[..seen.len().min(len)], len));
    cursor.take(len).map(|_| ())
}

pub(super) fn topic<'a>(by_id: bool, cursor: &mut Cursor<'a>) -> Option<Topic<'a>> {
    if by_id {
        cursor.topic_id().map(Topic::Id)
    } else {
        cursor.text().map(Topic::Name)
    }
}

fn fetch<'a>(version: i16, cursor: &mut Cursor<'a>, found: &mut Found<'a>) -> Option<()> {
    if version < 15 {
        cursor.i32()?;
    }
    found.max_wait_ms = cursor.i32();
    cursor.i32()?;
    if version >= 3 {
        cursor.i32()?;
    }
    if version >= 4 {
        cursor.i8()?;
    }
    if version >= 7 {
        cursor.i64()?;
    }
    let topics = cursor.len32()?;
    // A session goes on with the topics of before, which only its answer names.
    found.topics = Some(topics).filter(|topics| *topics > 0);
    let partition_bytes = [(5, 8), (9, 4), (12, 4)]
        .into_iter()
        .filter(|(since, _)| version >= *since)
        .map(|(_, bytes)| bytes)
        .sum::<usize>();
    for number in 0..topics {
        let topic = topic(version >= 13, cursor)?;
        found.topic(topic);
        let partitions = cursor.len32()?;
        if number == 0 {
            found.partitions = partitions;
        }
        for _ in 0..partitions {
            let partition = cursor.i32()?;
            found.partition.get_or_insert(partition);
            cursor.take(8 + 4 + partition_bytes)?;
            cursor.tags()?;
        }
        cursor.tags()?;
    }
    Some(())
}

fn metadata<'a>(version: i16, cursor: &mut Cursor<'a>, found: &mut Found<'a>) -> Option<()> {
    let topics = cursor.len32()?;
    found.topics = Some(topics).filter(|topics| *topics > 0);
    if topics > 0 {
        if version >= 10 {
            cursor.topic_id()?;
        }
        let name = cursor.text()?;
        found.topic(Topic::Name(name));
    }
    Some(())
}

fn offset_commit<'a>(version: i16, cursor: &mut Cursor<'a>, found: &mut Found<'a>) -> Option<()> {
    found.group = cursor.text();
    if version >= 1 {
        cursor.i32()?;
        cursor.text()?;
    }
    if version >= 7 {
        cursor.text()?;
    }
    if (2..=4).contains(&version) {
        cursor.i64()?;
    }
    found.topics = cursor.len32();
    let topic = topic(version >= 10, cursor)?;
    found.topic(topic);
    found.partitions = cursor.len32()?;
    found.partition = cursor.i32();
    Some(())
}

fn find_coordinator<'a>(
    version: i16,
    cursor: &mut Cursor<'a>,
    found: &mut Found<'a>,
) -> Option<()> {
    const OF_GROUP: i8 = 0;
    if version >= 4 {
        let kind = cursor.i8()?;
        if cursor.len32()? == 1 && kind == OF_GROUP {
            found.group = cursor.text();
        }
        return Some(());
    }
    let key = cursor.text()?;
    if version == 0 || cursor.i8()? == OF_GROUP {
        found.group = Some(key);
    }
    Some(())
}

fn named<'a>(cursor: &mut Cursor<'a>, found: &mut Found<'a>) -> Option<()> {
    found.topics = cursor.len32();
    let name = cursor.text()?;
    found.topic(Topic::Name(name));
    Some(())
}
