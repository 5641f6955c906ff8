//! `/metrics`: what `status` says, in the text format that Prometheus reads.
//!
//! Source: OpenMetrics 1.0, <https://prometheus.io/docs/specs/om/open_metrics_spec/>; the crate prometheus-client
//! writes it. Everything is read when somebody asks; only the times of stages are added up under way.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use message::{LatencyMs, Status};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, NoLabelSet, text},
    metrics::MetricType,
    registry::Registry,
};
use serde_json::Value;

/// What the answer is.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Upper ends of the buckets, in seconds: from a fast processor's segmentation to a network on a slow one.
const BOUNDS: [f64; 14] = [
    0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0,
];

/// How often something took how long.
#[derive(Debug, Default)]
struct Histogram {
    /// By bucket; the last is of what took longer than all bounds.
    counts: [AtomicU64; BOUNDS.len() + 1],
    sum_us: AtomicU64,
}

impl Histogram {
    fn observe(&self, ms: f64) {
        let seconds = ms / 1000.0;
        let place = BOUNDS.partition_point(|bound| seconds > *bound);
        self.counts[place].fetch_add(1, Ordering::Relaxed);
        self.sum_us
            .fetch_add((ms * 1000.0) as u64, Ordering::Relaxed);
    }

    /// Seconds altogether, how often, and how often by bucket.
    fn read(&self) -> (f64, u64, Vec<(f64, u64)>) {
        let counts = self
            .counts
            .each_ref()
            .map(|count| count.load(Ordering::Relaxed));
        let bounds = BOUNDS.into_iter().chain([f64::INFINITY]);
        let sum = self.sum_us.load(Ordering::Relaxed) as f64 / 1e6;
        (sum, counts.iter().sum(), bounds.zip(counts).collect())
    }
}

/// How long the frames of each camera took on their way. Adding to it costs some nanoseconds.
#[derive(Debug)]
pub struct StageTimes {
    cameras: Vec<(String, [Histogram; STAGES.len()])>,
}

/// The stages of a frame, as in a message's `latency_ms`.
const STAGES: [&str; 4] = ["capture", "infer", "segment", "total"];

impl StageTimes {
    /// Of these cameras, without frames.
    pub fn new(cameras: impl IntoIterator<Item = String>) -> Arc<Self> {
        let camera = |name| (name, Default::default());
        Arc::new(Self {
            cameras: cameras.into_iter().map(camera).collect(),
        })
    }

    /// Adds a camera's frame.
    pub fn add(&self, camera: usize, latency: &LatencyMs) {
        let Some((_, stages)) = self.cameras.get(camera) else {
            return;
        };
        let times = [
            latency.capture,
            latency.infer,
            latency.segment,
            latency.total,
        ];
        for (stage, ms) in stages.iter().zip(times) {
            stage.observe(ms);
        }
    }
}

/// The whole answer.
pub(crate) fn encode(status: Status, info: &Value, stages: Arc<StageTimes>) -> String {
    let text = |key: &str| info[key].as_str().unwrap_or_default().to_owned();
    let identity = ["node", "version", "backend", "network"].map(|key| (key, text(key)));
    let mut registry = Registry::with_prefix("fastsamd");
    registry.register_collector(Box::new(Now {
        status,
        identity,
        stages,
    }));
    let mut answer = String::new();
    // Writing to memory does not fail.
    let _ = text::encode(&mut answer, &registry);
    answer
}

#[derive(Debug)]
struct Now {
    status: Status,
    identity: [(&'static str, String); 4],
    stages: Arc<StageTimes>,
}

/// A family of metrics with one label at most.
struct Family<'a> {
    name: &'a str,
    help: &'a str,
    label: &'a str,
}

impl Family<'_> {
    fn gauges<'v>(
        &self,
        encoder: &mut DescriptorEncoder<'_>,
        values: impl IntoIterator<Item = (&'v str, f64)>,
    ) -> fmt::Result {
        let mut family =
            encoder.encode_descriptor(self.name, self.help, None, MetricType::Gauge)?;
        for (name, value) in values {
            family
                .encode_family(&[(self.label, name)])?
                .encode_gauge(&value)?;
        }
        Ok(())
    }

    fn counters<'v>(
        &self,
        encoder: &mut DescriptorEncoder<'_>,
        values: impl IntoIterator<Item = (&'v str, u64)>,
    ) -> fmt::Result {
        let mut family =
            encoder.encode_descriptor(self.name, self.help, None, MetricType::Counter)?;
        for (name, value) in values {
            let label = [(self.label, name)];
            let mut metric = family.encode_family(&label)?;
            metric.encode_counter::<NoLabelSet, _, u64>(&value, None)?;
        }
        Ok(())
    }
}

fn gauge(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: f64) -> fmt::Result {
    encoder
        .encode_descriptor(name, help, None, MetricType::Gauge)?
        .encode_gauge(&value)
}

impl Now {
    fn node(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let status = &self.status;
        encoder
            .encode_descriptor("node", "What runs here", None, MetricType::Info)?
            .encode_info(&self.identity)?;
        gauge(
            encoder,
            "uptime_seconds",
            "Since the start of the daemon",
            status.uptime_s as f64,
        )?;
        if let Some(bytes) = status.rss_bytes {
            gauge(
                encoder,
                "resident_memory_bytes",
                "Memory in use",
                bytes as f64,
            )?;
        }
        if let Some(throttled) = status.throttled {
            let help = "Whether heat or power slows the machine down";
            gauge(encoder, "throttled", help, f64::from(u8::from(throttled)))?;
        }
        Family {
            name: "temperature_celsius",
            help: "Temperature by sensor",
            label: "sensor",
        }
        .gauges(
            encoder,
            status
                .temperatures_c
                .iter()
                .map(|(name, value)| (&**name, *value)),
        )?;
        Family {
            name: "dropped",
            help: "Frames lost by the place where they were lost, segments left out as noise, messages reduced",
            label: "edge",
        }
        .counters(encoder, status.dropped.iter().map(|(name, count)| (&**name, *count)))?;
        Family {
            name: "queue_items",
            help: "What waits now, by queue",
            label: "queue",
        }
        .gauges(
            encoder,
            status
                .queues
                .iter()
                .map(|(name, count)| (&**name, *count as f64)),
        )
    }

    fn cameras(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let family = |name, help| Family {
            name,
            help,
            label: "camera",
        };
        let cameras = || self.status.cameras.iter();
        family("camera_online", "Whether frames flow").gauges(
            encoder,
            cameras().map(|(name, camera)| (name.as_str(), f64::from(u8::from(camera.online)))),
        )?;
        family(
            "camera_frames_per_second",
            "Frames captured over the last ten seconds",
        )
        .gauges(
            encoder,
            cameras().map(|(name, camera)| (name.as_str(), camera.fps)),
        )?;
        family("frames_captured", "Frames captured since the start").counters(
            encoder,
            cameras().map(|(name, camera)| (name.as_str(), camera.captured)),
        )?;
        family(
            "camera_reconnects",
            "Times that the camera had to be opened again",
        )
        .counters(
            encoder,
            cameras().map(|(name, camera)| (name.as_str(), camera.reconnects)),
        )?;
        let help = "How long frames took, by stage; total is from capture to message";
        let mut times =
            encoder.encode_descriptor("stage_seconds", help, None, MetricType::Histogram)?;
        for (camera, stages) in &self.stages.cameras {
            for (stage, histogram) in STAGES.iter().zip(stages) {
                let labels = [("camera", camera.as_str()), ("stage", *stage)];
                let (sum, count, buckets) = histogram.read();
                let mut metric = times.encode_family(&labels)?;
                metric.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)?;
            }
        }
        Ok(())
    }

    fn accelerator(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let accelerator = &self.status.accelerator;
        let online = f64::from(u8::from(accelerator.online));
        gauge(
            encoder,
            "accelerator_online",
            "Whether the accelerator answers",
            online,
        )?;
        encoder
            .encode_descriptor(
                "accelerator_faults",
                "Faults since the start",
                None,
                MetricType::Counter,
            )?
            .encode_counter::<NoLabelSet, _, u64>(&accelerator.faults, None)?;
        Family {
            name: "accelerator_recovery",
            help: "Steps of recovery taken, and frames lost by them",
            label: "step",
        }
        .counters(
            encoder,
            accelerator
                .recovery
                .iter()
                .map(|(name, count)| (&**name, *count)),
        )
    }

    fn mqtt(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mqtt = &self.status.mqtt;
        let connected = f64::from(u8::from(mqtt.connected));
        gauge(
            encoder,
            "mqtt_connected",
            "Whether the broker is connected",
            connected,
        )?;
        gauge(
            encoder,
            "mqtt_waiting",
            "Messages that wait to be written",
            mqtt.waiting as f64,
        )?;
        gauge(
            encoder,
            "mqtt_events_waiting",
            "Events that the broker does not have yet",
            mqtt.events_waiting as f64,
        )?;
        Family {
            name: "mqtt_messages",
            help: "Messages by what became of them",
            label: "outcome",
        }
        .counters(
            encoder,
            [
                ("published", mqtt.published),
                ("dropped_offline", mqtt.dropped_offline),
                ("dropped_queue_full", mqtt.dropped_queue_full),
                ("dropped_too_large", mqtt.dropped_too_large),
                ("dropped_events", mqtt.dropped_events),
                ("refused", mqtt.refused),
                ("inbox_overflows", mqtt.inbox_overflows),
            ],
        )?;
        Family {
            name: "mqtt_connections",
            help: "Attempts to connect, and those that the broker accepted",
            label: "outcome",
        }
        .counters(
            encoder,
            [("attempted", mqtt.attempts), ("accepted", mqtt.connects)],
        )
    }
}

impl Collector for Now {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.node(&mut encoder)?;
        self.cameras(&mut encoder)?;
        self.accelerator(&mut encoder)?;
        self.mqtt(&mut encoder)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_are_counted_in_their_buckets() {
        let stages = StageTimes::new(["cam".to_owned()]);
        let latency = LatencyMs {
            capture: 0.5,
            infer: 20.8,
            segment: 1.2,
            total: 6000.0,
        };
        stages.add(0, &latency);
        stages.add(0, &latency);
        // Nobody's.
        stages.add(1, &latency);
        let text = encode(Status::default(), &json!({"node": "a\"b"}), stages);
        for line in [
            "fastsamd_stage_seconds_bucket{le=\"0.0005\",camera=\"cam\",stage=\"capture\"} 2",
            "fastsamd_stage_seconds_bucket{le=\"0.02\",camera=\"cam\",stage=\"infer\"} 0",
            "fastsamd_stage_seconds_bucket{le=\"0.03\",camera=\"cam\",stage=\"infer\"} 2",
            "fastsamd_stage_seconds_bucket{le=\"5.0\",camera=\"cam\",stage=\"total\"} 0",
            "fastsamd_stage_seconds_bucket{le=\"+Inf\",camera=\"cam\",stage=\"total\"} 2",
            "fastsamd_stage_seconds_sum{camera=\"cam\",stage=\"total\"} 12.0",
            "fastsamd_stage_seconds_count{camera=\"cam\",stage=\"segment\"} 2",
            "fastsamd_accelerator_faults_total 0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        assert!(text.contains("node=\"a\\\"b\""), "{text}");
        assert!(text.ends_with("# EOF\n"));
    }
}
