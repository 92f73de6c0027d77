//! The receiver's own counters as OTLP metrics, so that loss reaches whatever backend there is.

use tapline_pdata::{
    Signal,
    write::{self, MetricHead, Monotonic, Number, NumberPoint},
};

use super::SCOPE;

/// One counter or gauge of the receiver.
#[derive(Clone, Debug)]
pub(crate) struct OwnReading {
    /// Metric name.
    pub(crate) name: &'static str,
    /// What it counts.
    pub(crate) description: &'static str,
    /// UCUM unit.
    pub(crate) unit: &'static str,
    /// Whether it only grows.
    pub(crate) monotonic: Monotonic,
    /// Attributes and value of each point.
    pub(crate) points: Vec<(Vec<(&'static str, String)>, Number)>,
    /// Since when it counts, nanoseconds since 1970.
    pub(crate) start_ns: u64,
}

/// Writes one block with all readings; returns how many points that were.
pub(super) fn write(out: &mut Vec<u8>, readings: &[OwnReading], host: &str, now_ns: u64) -> u32 {
    if readings.is_empty() {
        return 0;
    }
    let mut records = Vec::new();
    let mut points = 0;
    for reading in readings {
        let OwnReading {
            name,
            description,
            unit,
            ..
        } = *reading;
        let head = MetricHead {
            name,
            description,
            unit,
        };
        points += write::sum(&mut records, &head, reading.monotonic, |out| {
            for (attributes, value) in &reading.points {
                let point = NumberPoint {
                    start_ns: reading.start_ns,
                    time_ns: now_ns,
                    value: *value,
                    exemplars: &[],
                };
                out.point(&point, |writer| {
                    for (key, value) in attributes {
                        writer.str(key, value);
                    }
                });
            }
        });
    }
    let resource = write::resource(|attributes| {
        attributes.str("service.name", "tapline");
        attributes.str("service.version", env!("CARGO_PKG_VERSION"));
        attributes.str(
            "service.instance.id",
            &format!("{host}:{}", std::process::id()),
        );
        attributes.str("host.name", host);
    });
    write::resource_block(out, Signal::Metrics, &resource, &SCOPE, &records);
    points
}
