//! Which component a name in a configuration means.
//!
//! Names changed over the Collector's life, and both generations are in use: a component of ours is
//! found by every name it had, and by spellings that differ in case and underscores. Its id stays
//! the text that was written. This module must not know what a component does.

use tapline_config::{Standing, nearest};

use crate::{
    components::{CONNECTORS, EXPORTERS, EXTENSIONS, PROCESSORS, RECEIVERS, Row},
    upstream::{self, Fate},
};

/// Returns the names of today of what one table holds.
pub(crate) fn of<M>(table: &[Row<M>]) -> Vec<&'static str> {
    table.iter().map(|row| row.names[0]).collect()
}

/// Says what is known of a component type that is written in a section.
pub(crate) fn judge(section: &str, kind: &str) -> Standing {
    let ours = ours(section);
    if let Some((place, how)) = place(&ours, section, kind) {
        let name = ours[place][0];
        return match how {
            How::Exactly => Standing::Here,
            How::Formerly => Standing::Older(name),
            How::Nearly => Standing::Spelled(name),
        };
    }
    match upstream::find(section, kind) {
        Some(entry) => match entry.fate {
            Fate::Present => Standing::Missing(entry.instead),
            Fate::Removed => Standing::Removed(entry.instead),
        },
        None => Standing::Unknown(meant(&ours, section, kind)),
    }
}

/// Finds the row of a component type, by any name.
pub(crate) fn row<'t, M>(table: &'t [Row<M>], section: &str, kind: &str) -> Option<&'t Row<M>> {
    let names: Vec<Names> = table.iter().map(|row| row.names).collect();
    place(&names, section, kind).map(|(place, _)| &table[place])
}

/// Returns the name of today of a component of ours, by any name.
pub(crate) fn canonical(section: &str, kind: &str) -> Option<&'static str> {
    let ours = ours(section);
    place(&ours, section, kind).map(|(place, _)| ours[place][0])
}

/// The names of one component, that of today first.
type Names = &'static [&'static str];

/// How a name leads to a component.
#[derive(Clone, Copy)]
enum How {
    Exactly,
    Formerly,
    Nearly,
}

fn ours(section: &str) -> Vec<Names> {
    fn names<M>(table: &[Row<M>]) -> Vec<Names> {
        table.iter().map(|row| row.names).collect()
    }
    match section {
        "receivers" => names(RECEIVERS),
        "processors" => names(PROCESSORS),
        "exporters" => names(EXPORTERS),
        "connectors" => names(CONNECTORS),
        "extensions" => names(EXTENSIONS),
        _ => Vec::new(),
    }
}

/// Finds the component among ours that a name means: exactly, by a former name of the tables here
/// or of the Collector, or nearly.
fn place(ours: &[Names], section: &str, kind: &str) -> Option<(usize, How)> {
    let find = |is_meant: &dyn Fn(&str) -> bool| {
        ours.iter()
            .position(|names| names.iter().any(|name| is_meant(name)))
    };
    if let Some(place) = find(&|name| name == kind) {
        let how = if ours[place][0] == kind {
            How::Exactly
        } else {
            How::Formerly
        };
        return Some((place, how));
    }
    let entry = upstream::find(section, kind).filter(|entry| entry.fate == Fate::Present);
    if let Some(entry) = entry {
        let place = find(&|name| entry.names().any(|its| its == name))?;
        let how = if entry.older.contains(&kind) {
            How::Formerly
        } else {
            How::Nearly
        };
        return Some((place, how));
    }
    find(&|name| upstream::is_same(name, kind)).map(|place| (place, How::Nearly))
}

/// Returns the name that was probably meant: rather one of ours than one of the Collector's.
fn meant(ours: &[Names], section: &str, kind: &str) -> Option<&'static str> {
    let here = ours.iter().flat_map(|names| names.iter().copied());
    let theirs = upstream::all().filter(|entry| entry.section == section);
    nearest(kind, here).or_else(|| nearest(kind, theirs.map(|entry| entry.name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_name_of_what_we_have_leads_to_it() {
        let table = [
            ("exporters", "otlp", Standing::Older("otlp_grpc")),
            ("exporters", "otlphttp", Standing::Older("otlp_http")),
            ("exporters", "otlp_grpc", Standing::Here),
            ("receivers", "otlp", Standing::Here),
            (
                "processors",
                "memorylimiter",
                Standing::Spelled("memory_limiter"),
            ),
            (
                "processors",
                "MemoryLimiter",
                Standing::Spelled("memory_limiter"),
            ),
            ("extensions", "basic_auth", Standing::Spelled("basicauth")),
            (
                "extensions",
                "healthcheck",
                Standing::Spelled("health_check"),
            ),
            ("connectors", "forward", Standing::Here),
        ];
        for (section, kind, expected) in table {
            assert_eq!(judge(section, kind), expected, "{section} {kind}");
        }
    }

    #[test]
    fn what_the_collector_has_and_had_is_not_unknown() {
        let table = [
            ("exporters", "nowhere_to_be_seen", Standing::Unknown(None)),
            ("exporters", "kafka", Standing::Missing(None)),
            ("receivers", "kafak", Standing::Unknown(Some("kafka"))),
            ("receivers", "oltp", Standing::Unknown(Some("otlp"))),
            (
                "exporters",
                "logging",
                Standing::Removed(Some("use `debug`")),
            ),
        ];
        for (section, kind, expected) in table {
            assert_eq!(judge(section, kind), expected, "{section} {kind}");
        }
        for (section, kind) in [
            ("extensions", "memory_ballast"),
            ("processors", "k8s_tagger"),
            ("processors", "spanmetrics"),
            ("processors", "servicegraph"),
            ("processors", "routing"),
            ("exporters", "jaeger"),
            ("exporters", "opencensus"),
            ("receivers", "opencensus"),
        ] {
            let standing = judge(section, kind);
            assert!(
                matches!(standing, Standing::Removed(Some(_))),
                "{section} {kind}"
            );
        }
    }

    #[test]
    fn every_component_of_ours_that_the_collector_has_goes_by_one_of_its_names() {
        let own = ["ebpf", "terminal"];
        for section in [
            "receivers",
            "processors",
            "exporters",
            "connectors",
            "extensions",
        ] {
            for names in ours(section)
                .iter()
                .filter(|names| !own.contains(&names[0]))
            {
                let entry = upstream::find(section, names[0]);
                let entry = entry.unwrap_or_else(|| panic!("{section} {names:?}"));
                assert!(
                    entry.names().any(|name| name == names[0]),
                    "{section} {names:?}"
                );
            }
        }
    }
}
