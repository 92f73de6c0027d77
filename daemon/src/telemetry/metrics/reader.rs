//! A reader of the SDK that collects when it is asked, by a page or by a push.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use opentelemetry_sdk::{
    error::OTelSdkResult,
    metrics::{
        InstrumentKind, ManualReader, Pipeline, Temporality, data::ResourceMetrics,
        reader::MetricReader,
    },
};

/// A manual reader that both the SDK and its user hold. Clones are one reader.
#[derive(Clone, Debug)]
pub(super) struct Reader(Arc<ManualReader>);

impl Reader {
    /// Makes a reader that tells sums in this way.
    pub(super) fn new(temporality: Temporality) -> Self {
        let reader = ManualReader::builder().with_temporality(temporality);
        Self(Arc::new(reader.build()))
    }

    /// Collects everything there is.
    pub(super) fn read(&self) -> Result<ResourceMetrics, String> {
        let mut collected = ResourceMetrics::default();
        self.0
            .collect(&mut collected)
            .map(|()| collected)
            .map_err(|error| error.to_string())
    }
}

impl MetricReader for Reader {
    fn register_pipeline(&self, pipeline: Weak<Pipeline>) {
        self.0.register_pipeline(pipeline);
    }

    fn collect(&self, metrics: &mut ResourceMetrics) -> OTelSdkResult {
        self.0.collect(metrics)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn temporality(&self, kind: InstrumentKind) -> Temporality {
        self.0.temporality(kind)
    }
}
