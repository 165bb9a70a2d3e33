//! Histograms of spans that the store counts itself.

use std::fmt;
use std::sync::Arc;

use postrider_store::counts::{Counts, SPAN_BOUNDS, Spans};
use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

/// Adds the histograms of a store.
pub(super) fn register(registry: &mut Registry, counts: &Arc<Counts>) {
    let mut add = |name: &str, help: &str, spans: fn(&Counts) -> &Spans| {
        let counts = Arc::clone(counts);
        registry.register_with_unit(name, help, Unit::Seconds, Histogram { counts, spans });
    };
    add(
        "store_commit",
        "How long commits took, sync included",
        Counts::commit_spans,
    );
    add(
        "store_begin_wait",
        "How long begins waited until they were durable",
        Counts::begin_waits,
    );
}

/// Spans of a store as a metric.
struct Histogram {
    counts: Arc<Counts>,
    spans: fn(&Counts) -> &Spans,
}

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (self.spans)(&self.counts).fmt(f)
    }
}

impl EncodeMetric for Histogram {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        let spans = (self.spans)(&self.counts);
        let sizes = spans.sizes();
        let bounds = SPAN_BOUNDS.iter().map(|micros| *micros as f64 / 1e6);
        let buckets: Vec<_> = bounds.chain([f64::INFINITY]).zip(sizes).collect();
        let count = sizes.iter().sum();
        let sum = spans.sum().as_secs_f64();
        encoder.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus_client::encoding::text::encode;

    #[test]
    fn spans_are_a_histogram_in_seconds_with_all_of_its_bounds() {
        let mut registry = Registry::default();
        register(&mut registry, &Arc::default());
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        for line in [
            "# TYPE store_begin_wait_seconds histogram",
            "store_commit_seconds_bucket{le=\"0.0001\"} 0",
            "store_commit_seconds_bucket{le=\"+Inf\"} 0",
            "store_begin_wait_seconds_count 0",
        ] {
            assert!(text.contains(line), "no {line} in\n{text}");
        }
    }
}
