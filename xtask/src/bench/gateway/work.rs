//! What is measured, as data: how spans come in, what is done to them, how they go out.

use std::fmt::Write as _;
use std::net::SocketAddr;

/// What both sides speak.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wire {
    Grpc,
    Http,
}

/// How spans leave.
#[derive(Clone, Copy)]
pub(super) enum Packing {
    None,
    /// At the exporter's default level.
    Gzip,
    /// At a level that only HTTP can be told.
    GzipLevel(i32),
}

/// One kind of work.
pub(super) struct Work {
    pub(super) name: &'static str,
    pub(super) wire: Wire,
    /// Whether the load is compressed with gzip.
    pub(super) packed_in: bool,
    pub(super) packed_out: Packing,
    /// Whether an attribute of every span is set on the way.
    pub(super) edit: bool,
    pub(super) batch: bool,
    /// How many spans a request has.
    pub(super) items: u32,
    /// How many different requests there are.
    pub(super) templates: u32,
    /// Spans per second; without it as many as are taken.
    pub(super) rate: Option<u32>,
    /// CPU seconds per million spans that are a goal.
    pub(super) cpu_goal: Option<f64>,
    /// Milliseconds that 99 of 100 spans may be under way.
    pub(super) p99_goal: Option<f64>,
}

/// What most work is like.
const PLAIN: Work = Work {
    name: "gRPC, 100 spans",
    wire: Wire::Grpc,
    packed_in: false,
    packed_out: Packing::None,
    edit: false,
    batch: true,
    items: 100,
    templates: 16,
    rate: None,
    cpu_goal: Some(0.55),
    p99_goal: None,
};

/// What is measured in every round.
pub(super) const WORKS: &[Work] = &[
    PLAIN,
    Work {
        name: "gRPC, 1,000 spans",
        items: 1000,
        cpu_goal: Some(0.40),
        ..PLAIN
    },
    Work {
        name: "gRPC plain to gzip, 100 spans",
        packed_out: Packing::Gzip,
        cpu_goal: Some(2.0),
        ..PLAIN
    },
    Work {
        name: "HTTP gzip to gzip, 100 spans",
        wire: Wire::Http,
        packed_in: true,
        packed_out: Packing::Gzip,
        cpu_goal: Some(2.0),
        ..PLAIN
    },
    Work {
        name: "HTTP gzip to gzip, 1,000 spans",
        wire: Wire::Http,
        packed_in: true,
        packed_out: Packing::Gzip,
        items: 1000,
        cpu_goal: Some(2.0),
        ..PLAIN
    },
    Work {
        name: "gRPC, an attribute set, 100 spans",
        edit: true,
        cpu_goal: Some(1.06), // a quarter of what the best other gateway needs to filter
        ..PLAIN
    },
    Work {
        name: "20,000 spans/s, no batching",
        batch: false,
        rate: Some(20_000),
        cpu_goal: None,
        p99_goal: Some(5.0),
        ..PLAIN
    },
    Work {
        name: "20,000 spans/s, batch of 200 ms",
        rate: Some(20_000),
        cpu_goal: None,
        p99_goal: Some(205.0),
        ..PLAIN
    },
];

/// A load that repeats itself less, compressed as by default and as zlib does by default.
pub(super) const SIZE_WORKS: &[Work] = &[
    Work {
        name: "gzip size, default level",
        packed_out: Packing::Gzip,
        ..VARIED
    },
    Work {
        name: "gzip size, level 6",
        packed_out: Packing::GzipLevel(6),
        ..VARIED
    },
];

const VARIED: Work = Work {
    wire: Wire::Http,
    packed_in: true,
    items: 1000,
    templates: 256,
    cpu_goal: None,
    ..PLAIN
};

/// Where a daemon listens and sends.
pub(super) struct Addresses {
    pub(super) grpc: SocketAddr,
    pub(super) http: SocketAddr,
    pub(super) sink: SocketAddr,
}

impl Work {
    /// Returns the address that the load goes to.
    pub(super) fn target(&self, addresses: &Addresses) -> SocketAddr {
        match self.wire {
            Wire::Grpc => addresses.grpc,
            Wire::Http => addresses.http,
        }
    }

    /// Writes the configuration that does the work.
    pub(super) fn config(&self, addresses: &Addresses) -> String {
        let Addresses { grpc, http, sink } = addresses;
        let mut text = format!(
            "\
receivers:
  otlp:
    protocols:
      grpc: {{endpoint: \"{grpc}\"}}
      http: {{endpoint: \"{http}\"}}
processors:
  memory_limiter: {{check_interval: 1s, limit_mib: 512, spike_limit_mib: 128}}
"
        );
        let mut processors = vec!["memory_limiter"];
        if self.edit {
            text += "  attributes: {actions: [{key: bench, value: edited, action: upsert}]}\n";
            processors.push("attributes");
        }
        if self.batch {
            text += "  batch: {send_batch_size: 8192, timeout: 200ms}\n";
            processors.push("batch");
        }
        let compression = match self.packed_out {
            Packing::None => "compression: none".to_owned(),
            Packing::Gzip => "compression: gzip".to_owned(),
            Packing::GzipLevel(level) => {
                format!("compression: gzip, compression_params: {{level: {level}}}")
            }
        };
        let (exporter, endpoint) = match self.wire {
            Wire::Grpc => ("otlp_grpc", format!("{sink}")),
            Wire::Http => ("otlp_http", format!("http://{sink}")),
        };
        let processors = processors.join(", ");
        write!(
            text,
            "\
exporters:
  {exporter}: {{endpoint: \"{endpoint}\", tls: {{insecure: true}}, {compression}}}
service:
  pipelines:
    traces: {{receivers: [otlp], processors: [{processors}], exporters: [{exporter}]}}
"
        )
        .expect("a string takes everything");
        text
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_told_apart() {
        let works = || WORKS.iter().chain(SIZE_WORKS);
        let names: BTreeSet<&str> = works().map(|work| work.name).collect();
        assert_eq!(names.len(), works().count());
    }

    #[test]
    fn a_work_is_a_configuration() {
        let address = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
        let addresses = Addresses {
            grpc: address(1),
            http: address(2),
            sink: address(3),
        };
        let expected = "\
receivers:
  otlp:
    protocols:
      grpc: {endpoint: \"127.0.0.1:1\"}
      http: {endpoint: \"127.0.0.1:2\"}
processors:
  memory_limiter: {check_interval: 1s, limit_mib: 512, spike_limit_mib: 128}
  batch: {send_batch_size: 8192, timeout: 200ms}
exporters:
  otlp_http: {endpoint: \"http://127.0.0.1:3\", tls: {insecure: true}, compression: gzip, \
compression_params: {level: 6}}
service:
  pipelines:
    traces: {receivers: [otlp], processors: [memory_limiter, batch], exporters: [otlp_http]}
";
        assert_eq!(SIZE_WORKS[1].config(&addresses), expected);
    }
}
