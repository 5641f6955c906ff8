//! The last stage: from segments to messages, and all the daemon says of itself.
//!
//! A frame's message goes out or is dropped and counted; what is retained (`info`, `state`,
//! `summary`, `status`) the MQTT client remembers and publishes again after each connect.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::Receiver,
    },
    time::{Duration, Instant, SystemTime},
};

use anyhow::Context;
use crossbeam_channel::Sender;
use fastsam::{MaskSize, Segments, prompt::Canvas};
use mqtt::{
    CameraTopics, Delivery, Incoming, MasksWriter, NotSent, Options, Publisher, Session, Topic,
    Topics,
    message::{CameraStatus, FrameHeader, Info, Latency, State, Status, Summary},
};
use tracing::{debug, warn};

use super::{
    Extent,
    desk::{Answerable, Desk},
    exchange::Taken,
    health::{AcceleratorHealth, Announcement, CameraHealth, StateOfAccelerator, StateOfCamera},
    live::{self, Live},
    pipeline::Edges,
    service::{Heartbeat, Service},
    shutdown::Shutdown,
    stages::Outcome,
};
use crate::{
    config::Config,
    host::{self, Host},
};

/// The longest the thread waits for a frame before it looks at the clock.
const PATIENCE: Duration = Duration::from_millis(250);

/// What the stage needs from the rest of the daemon.
pub(super) struct Environment<'a> {
    pub config: &'a Config,
    pub extent: Extent,
    pub started: Instant,
    pub live: &'a Arc<Live>,
    pub service: &'a Service,
    pub desk: Arc<Desk>,
    pub edges: Edges,
    pub used: Sender<Segments>,
    pub shutdown: Shutdown,
}

/// The daemon's side of the connection, in parts for their threads.
pub(super) struct Connected {
    pub stage: PublishStage,
    pub session: MqttStage,
    pub accelerator: StateOfAccelerator,
    pub announcement: Arc<Announcement>,
    /// For those who answer requests.
    pub publisher: Publisher,
    pub inbox: Receiver<Incoming>,
    pub farewell: Farewell,
}

/// Runs the connection to the broker until the daemon ends.
pub(super) struct MqttStage {
    session: Session,
    ended: Arc<AtomicBool>,
}

impl MqttStage {
    pub(super) fn run(self, heartbeat: &Heartbeat) {
        let ended = self.ended;
        self.session.run(|| {
            heartbeat.beat();
            ended.load(Ordering::Acquire)
        });
    }
}

/// Publishes; the body of its thread.
pub(super) struct PublishStage {
    node: String,
    publisher: Publisher,
    desk: Arc<Desk>,
    status_topic: Topic,
    cameras: Vec<CameraSide>,
    accelerator: Arc<AcceleratorHealth>,
    host: Host,
    writer: MasksWriter,
    live: live::Reader,
    service: Service,
    message: Vec<u8>,
    /// When the status was last published.
    status_at: Option<Instant>,
    started: Instant,
    extent: Extent,
    edges: Edges,
    used: Sender<Segments>,
    shutdown: Shutdown,
}

/// What is kept for each camera.
struct CameraSide {
    name: String,
    topics: CameraTopics,
    masks_topic: Topic,
    health: Arc<CameraHealth>,
    summary_at: Option<Instant>,
    /// Frames published since the last summary.
    since_summary: u64,
    /// Frames captured until the last status.
    captured_before: u64,
}

/// Prepares the connection and says what the daemon is.
pub(super) fn connect(environment: Environment<'_>) -> anyhow::Result<Connected> {
    let config = environment.config;
    let topics = Topics::new(&config.mqtt.prefix, &config.node)?;
    let client_id = format!("fastsamd-{}-{}", config.node, std::process::id());
    let mut options = Options::new(
        &config.mqtt.host,
        config.mqtt.port,
        &client_id,
        topics.availability(),
    );
    options.keep_alive = Duration::from_secs(u64::from(config.mqtt.keep_alive_s));
    options.max_payload_bytes = config.mqtt.max_payload_bytes;
    options.login = config.mqtt.login();
    options.subscriptions = vec![topics.request("prompt")?, topics.request("prompts")?];
    let (publisher, session, inbox) = mqtt::connect(options).context("mqtt")?;

    let mut cameras = Vec::with_capacity(config.cameras.len());
    for camera in &config.cameras {
        let topics = topics.camera(&camera.name)?;
        publisher.state(
            &topics.state(),
            State::Offline.payload(),
            Delivery::AtLeastOnce,
        )?;
        cameras.push(CameraSide {
            name: camera.name.clone(),
            masks_topic: topics.masks(),
            topics,
            health: Arc::default(),
            summary_at: None,
            since_summary: 0,
            captured_before: 0,
        });
    }
    let announcement = Announcement::new(publisher.clone(), topics.info(), info(config)?)?;
    let accelerator = topics.accelerator_state();
    publisher.state(
        &accelerator,
        State::Offline.payload(),
        Delivery::AtLeastOnce,
    )?;
    let accelerator_health = Arc::default();
    let watcher = StateOfAccelerator {
        publisher: publisher.clone(),
        topic: accelerator.clone(),
        announcement: Arc::clone(&announcement),
        health: Arc::clone(&accelerator_health),
    };

    let ended = Arc::new(AtomicBool::new(false));
    let farewell = Farewell {
        publisher: publisher.clone(),
        accelerator,
        ended: Arc::clone(&ended),
    };
    let stage = PublishStage {
        node: config.node.clone(),
        publisher: publisher.clone(),
        desk: environment.desk,
        status_topic: topics.status(),
        cameras,
        accelerator: accelerator_health,
        host: Host::default(),
        writer: MasksWriter::new(),
        live: environment.live.reader(),
        service: environment.service.clone(),
        message: Vec::new(),
        status_at: None,
        started: environment.started,
        extent: environment.extent,
        edges: environment.edges,
        used: environment.used,
        shutdown: environment.shutdown,
    };
    Ok(Connected {
        stage,
        session: MqttStage { session, ended },
        publisher,
        inbox,
        accelerator: watcher,
        announcement,
        farewell,
    })
}

/// What the daemon is, as far as it is known before the accelerator is open.
fn info(config: &Config) -> anyhow::Result<Info> {
    let started_at = time::OffsetDateTime::now_utc();
    Ok(Info {
        schema: mqtt::message::SCHEMA,
        version: env!("CARGO_PKG_VERSION").into(),
        node: config.node.clone(),
        started_at: started_at.format(&time::format_description::well_known::Rfc3339)?,
        backend: config.accelerator.backend.name().to_owned(),
        network: String::new(),
        versions: BTreeMap::new(),
        cameras: config
            .cameras
            .iter()
            .map(|camera| camera.name.clone())
            .collect(),
        config: serde_json::to_value(config)?,
    })
}

/// Ends the connection, after everything else has ended.
pub(super) struct Farewell {
    publisher: Publisher,
    accelerator: Topic,
    ended: Arc<AtomicBool>,
}

impl Farewell {
    /// The accelerator stops, the session says goodbye.
    pub(super) fn say(&self) {
        // A state is refused only for its size.
        let _ = self.publisher.state(
            &self.accelerator,
            State::Offline.payload(),
            Delivery::AtLeastOnce,
        );
        self.ended.store(true, Ordering::Release);
    }
}

impl PublishStage {
    /// What the cameras' threads tell their news to.
    pub(super) fn watch_cameras(&self) -> Vec<StateOfCamera> {
        let watch = |camera: &CameraSide| StateOfCamera {
            publisher: self.publisher.clone(),
            topic: camera.topics.state(),
            health: Arc::clone(&camera.health),
            service: self.service.clone(),
        };
        self.cameras.iter().map(watch).collect()
    }

    /// Runs until the post-processor has ended.
    pub(super) fn run(mut self, heartbeat: &Heartbeat) -> anyhow::Result<()> {
        let mut published = 0;
        loop {
            heartbeat.beat();
            match self.edges.outcomes.take(PATIENCE) {
                Taken::Value(camera, outcome) => {
                    self.publish(camera, &outcome)?;
                    self.service.ready();
                    // A new buffer is made if this one can't go back at once.
                    let _ = self.used.try_send(outcome.segments);
                    published += 1;
                    if self.extent.frames.is_some_and(|frames| published >= frames) {
                        self.shutdown.request();
                        break;
                    }
                }
                Taken::Nothing => {}
                Taken::Closed => break,
            }
            self.desk.give_up_late(&self.publisher);
            self.publish_status_when_due()?;
            self.service.feed_watchdog();
        }
        Ok(())
    }

    fn publish(&mut self, index: usize, outcome: &Outcome) -> anyhow::Result<()> {
        let camera = &mut self.cameras[index];
        let values = self.live.now();
        let Outcome { flight, segments } = outcome;
        let timeline = flight.timeline;
        let now = Instant::now();
        let latency = Latency {
            capture: timeline.taken.saturating_duration_since(timeline.captured),
            infer: timeline.collected.saturating_duration_since(timeline.taken),
            segment: timeline
                .segmented
                .saturating_duration_since(timeline.collected),
            total: now.saturating_duration_since(timeline.captured),
        };
        let header = FrameHeader {
            node: &self.node,
            camera: &camera.name,
            sequence: flight.sequence,
            // The wall clock may leap; a frame's age doesn't.
            captured_at: SystemTime::now() - timeline.captured.elapsed(),
            size: flight.letterbox.frame,
            latency,
        };
        let limit = self.publisher.payload_limit(&camera.masks_topic);
        let list = segments.as_slice();
        let written = self
            .writer
            .write(&header, list, values.format, limit, &mut self.message);
        if written.dropped_segments > 0 {
            self.edges.counters.reduced.increment();
            debug!(
                "frame {}: {} segments left out",
                flight.sequence, written.dropped_segments
            );
        }
        match self.publisher.frame(&camera.masks_topic, &self.message) {
            Ok(()) => {
                camera.since_summary += 1;
            }
            Err(NotSent::Offline | NotSent::QueueFull) => {}
            Err(error) => warn!("frame {} of {}: {error}", flight.sequence, camera.name),
        }

        let answerable = Answerable {
            camera: index,
            segments: list,
            header: &header,
            canvas: Canvas {
                letterbox: flight.letterbox,
                mask_size: if segments.size() == flight.letterbox.frame {
                    MaskSize::Frame
                } else {
                    MaskSize::Network
                },
            },
            format: values.format,
        };
        self.desk
            .answer(answerable, &mut self.writer, &self.publisher);

        let since = camera
            .summary_at
            .map(|at| now.saturating_duration_since(at));
        if since.is_none_or(|since| since >= values.summary_interval) {
            let fps = since.map_or(0.0, |since| {
                camera.since_summary as f64 / since.as_secs_f64()
            });
            let summary = Summary {
                count: list.len() as u64,
                zones: BTreeMap::new(),
                fps: (fps * 10.0).round() / 10.0,
                latency_ms: latency.into(),
                sequence: flight.sequence,
            };
            let payload = serde_json::to_vec(&summary)?;
            let topic = camera.topics.summary();
            self.publisher
                .state(&topic, &payload, Delivery::AtMostOnce)?;
            camera.summary_at = Some(now);
            camera.since_summary = 0;
        }
        Ok(())
    }

    fn publish_status_when_due(&mut self) -> anyhow::Result<()> {
        let now = Instant::now();
        let since = self.status_at.map(|at| now.saturating_duration_since(at));
        let is_due = since.is_none_or(|since| since >= self.live.now().status_interval);
        if !is_due && !self.accelerator.take_news() {
            return Ok(());
        }
        self.status_at = Some(now);
        let elapsed = since.unwrap_or_else(|| now.saturating_duration_since(self.started));
        let cameras = self.cameras.iter_mut().map(|camera| {
            let captured = camera.health.captured.get();
            let recent = captured - std::mem::replace(&mut camera.captured_before, captured);
            let fps = recent as f64 / elapsed.as_secs_f64().max(1e-3);
            let status = CameraStatus {
                online: camera.health.online.load(Ordering::Relaxed),
                fps: (fps * 10.0).round() / 10.0,
                captured,
                reconnects: camera.health.opened.get().saturating_sub(1),
            };
            (camera.name.clone(), status)
        });
        let cameras = cameras.collect();
        let counters = &self.edges.counters;
        let mqtt = self.publisher.counters();
        let status = Status {
            uptime_s: self.started.elapsed().as_secs(),
            rss_bytes: host::resident_bytes(),
            dropped: BTreeMap::from([
                ("capture_failures".into(), counters.capture_failures.get()),
                ("before_submit".into(), counters.dropped_before_submit.get()),
                ("at_submit".into(), counters.dropped_at_submit.get()),
                ("on_accelerator".into(), counters.lost_on_accelerator.get()),
                ("at_segment".into(), counters.dropped_at_segment.get()),
                (
                    "before_publish".into(),
                    counters.dropped_before_publish.get(),
                ),
                ("offline".into(), mqtt.dropped_offline),
                ("mqtt_queue_full".into(), mqtt.dropped_queue_full),
                ("too_large".into(), mqtt.dropped_too_large),
                ("noise_segments".into(), counters.noise_left_out.get()),
                ("reduced_messages".into(), counters.reduced.get()),
            ]),
            queues: BTreeMap::from([
                ("submit".into(), self.edges.frames.waiting() as u64),
                ("accelerator".into(), self.edges.pending.len() as u64),
                ("publish".into(), self.edges.outcomes.waiting() as u64),
                ("mqtt".into(), mqtt.waiting),
            ]),
            cameras,
            mqtt,
            accelerator: self.accelerator.status(),
            temperatures_c: self.temperatures(),
            throttled: self.host.slowed_by().map(|causes| !causes.is_empty()),
        };
        self.service.status(&in_short(&status));
        let payload = serde_json::to_vec(&status)?;
        self.publisher
            .state(&self.status_topic, &payload, Delivery::AtMostOnce)?;
        Ok(())
    }

    fn temperatures(&self) -> BTreeMap<Cow<'static, str>, f64> {
        let zones = self.host.temperatures().into_iter();
        let chip = self.accelerator.temperature();
        zones
            .map(|(zone, degrees)| (zone.into(), degrees))
            .chain(chip.map(|degrees| ("hailo".into(), degrees)))
            .collect()
    }
}

/// A line for people who ask the service manager.
fn in_short(status: &Status) -> String {
    let cameras = status.cameras.iter().map(|(name, camera)| {
        if camera.online {
            format!("{name} {} fps", camera.fps)
        } else {
            format!("{name} offline")
        }
    });
    let accelerator = State::from(status.accelerator.online).payload();
    let accelerator = String::from_utf8_lossy(accelerator);
    format!(
        "accelerator {accelerator}; {}",
        cameras.collect::<Vec<_>>().join(", ")
    )
}
