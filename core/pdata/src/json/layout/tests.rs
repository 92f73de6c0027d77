//! The names of fields and the shapes that `check` walks along describe the same messages.

use super::*;
use crate::{
    json::table::{Count, Kind},
    shape::{self, Kind as ShapeKind, Shape},
};

fn assert_agree(table: &'static Table, shape: &'static Shape, seen: &mut Vec<&'static str>) {
    if seen.contains(&shape.name) {
        return;
    }
    seen.push(shape.name);
    assert_eq!(table.item, shape.item, "{}", shape.name);
    assert_eq!(table.nests, shape.nests, "{}", shape.name);
    for number in 1..=32 {
        let field = table.index(number).map(|index| &table.fields[index]);
        let name = field.map_or("no field", |field| field.name);
        let once = field.is_none_or(|field| field.count != Count::Many);
        let agree = match (field, shape.kind(number)) {
            (None, ShapeKind::Unknown) => true,
            (Some(field), kind) => match (field.kind, kind) {
                (Message(inner), ShapeKind::Many(shape)) => {
                    assert_agree(inner, shape, seen);
                    !once
                }
                (Message(inner), ShapeKind::One(shape, _)) => {
                    assert_agree(inner, shape, seen);
                    once
                }
                (Text | Id(_) | Binary, ShapeKind::Bytes) => true,
                (Double | Fixed64, ShapeKind::Packed64)
                | (Uint64 | Int64 | Int32, ShapeKind::PackedVarint) => !once,
                (Double | Fixed64 | Sfixed64, ShapeKind::Fixed64)
                | (Fixed32, ShapeKind::Fixed32) => once,
                (kind, ShapeKind::Varint) if is_varint(kind) => once,
                _ => false,
            },
            (None, _) => false,
        };
        assert!(agree, "{} disagrees about {name} ({number})", shape.name);
    }
}

fn is_varint(kind: Kind) -> bool {
    matches!(
        kind,
        Bool | Uint32 | Int32 | Sint32 | Enum(_) | Uint64 | Int64
    )
}

#[test]
fn names_and_shapes_agree() {
    let mut seen = Vec::new();
    assert_agree(&TRACES, &shape::TRACES, &mut seen);
    assert_agree(&METRICS, &shape::METRICS, &mut seen);
    assert_agree(&LOGS, &shape::LOGS, &mut seen);
    assert_agree(&PROFILES, &shape::PROFILES, &mut seen);
    assert!(seen.contains(&"ValueAtQuantile"));
    assert!(seen.contains(&"KeyValueAndUnit"));
}
