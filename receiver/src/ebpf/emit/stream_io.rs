//! Bytes of connections that nobody reads, counted per process, bounded.

use std::collections::HashMap;

use tapline_pdata::write::{self, MetricHead, Monotonic, Number, NumberPoint};

/// The most ports per process; the bytes of further ones share an overflow series.
const PORTS_MAX: usize = 500;

/// Where bytes moved: by which port the service is known, and whether there are ports at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Service {
    /// Its port; 0 for one without, or when it is not known which end is the service.
    pub(crate) port: u16,
    /// Whether it is a local socket.
    pub(crate) is_unix: bool,
}

/// The counters of one process.
#[derive(Debug, Default)]
pub(super) struct Io {
    services: HashMap<Service, [u64; 2]>,
    overflow: [u64; 2],
    start_ns: u64,
}

impl Io {
    pub(super) fn add(&mut self, service: Service, sent: u64, received: u64, now_ns: u64) {
        if self.start_ns == 0 {
            self.start_ns = now_ns;
        }
        let is_full = self.services.len() >= PORTS_MAX && !self.services.contains_key(&service);
        let counters = if is_full {
            &mut self.overflow
        } else {
            self.services.entry(service).or_default()
        };
        counters[0] += sent;
        counters[1] += received;
    }

    /// Appends the counters as a framed metric; returns how many points that were.
    pub(super) fn write(&self, out: &mut Vec<u8>, time_ns: u64) -> u32 {
        let head = MetricHead {
            name: "tapline.stream.io",
            description: "Bytes of connections whose protocol is not read.",
            unit: "By",
        };
        if self.services.is_empty() {
            return 0;
        }
        write::sum(out, &head, Monotonic::Yes, |points| {
            let known = self.services.iter().map(|(key, bytes)| (Some(key), bytes));
            let rest = Some((None, &self.overflow)).filter(|(_, bytes)| **bytes != [0; 2]);
            for (service, bytes) in known.chain(rest) {
                for (direction, bytes) in ["transmit", "receive"].iter().zip(bytes) {
                    let point = NumberPoint {
                        start_ns: self.start_ns,
                        time_ns,
                        value: Number::Int(bytes.cast_signed()),
                        exemplars: &[],
                    };
                    points.point(&point, |attributes| {
                        attributes.str("network.io.direction", direction);
                        match service {
                            None => {
                                attributes.bool("otel.metric.overflow", true);
                            }
                            Some(service) if service.is_unix => {
                                attributes.str("network.transport", "unix");
                            }
                            Some(service) if service.port != 0 => {
                                attributes.int("server.port", service.port.into());
                            }
                            Some(_) => {}
                        }
                    });
                }
            }
        })
    }
}
