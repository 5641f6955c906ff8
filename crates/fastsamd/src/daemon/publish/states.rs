//! What is retained and changes now and then: the states of cameras and accelerator, and `info`.
//!
//! A change of state is published at once, by the thread that sees it.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
};

use accelerator::{
    AcceleratorError, Description,
    hailo::{DeviceReport, Monitor},
    onnx,
};
use configuration::Config;
use message::{Info, State, Topic};
use mqtt::{Delivery, Publisher};
use tracing::warn;

use crate::daemon::{
    clock::Clock,
    health::{AcceleratorHealth, CameraHealth},
    pipeline::{capture::CameraWatcher, collect::AcceleratorWatcher},
    process::systemd::Service,
};

/// Publishes a camera's state when it changes.
pub(crate) struct StateOfCamera {
    pub(crate) publisher: Publisher,
    pub(crate) topic: Topic,
    pub(crate) health: Arc<CameraHealth>,
    pub(crate) service: Service,
    pub(crate) clock: Clock,
}

impl CameraWatcher for StateOfCamera {
    fn opened(&mut self) {
        self.health.opened.increment();
    }

    fn captured(&mut self) {
        self.health.captured(self.clock.now());
        self.set(true);
    }

    fn stopped(&mut self, why: String) {
        self.health.note_stop(why);
        self.set(false);
        // It is tried again, and that may take a while.
        self.service.ready();
    }
}

impl StateOfCamera {
    fn set(&mut self, online: bool) {
        if self.health.online.swap(online, Ordering::Relaxed) != online {
            publish(&self.publisher, &self.topic, online);
        }
    }
}

/// What the daemon says that it is: the `info` message, which grows as more is known.
#[derive(Debug)]
pub(crate) struct Announcement {
    publisher: Publisher,
    topic: Topic,
    info: Mutex<Info>,
}

impl Announcement {
    /// Publishes what is known at the start, before the accelerator is open.
    pub(crate) fn new(
        publisher: Publisher,
        topic: Topic,
        config: &Config,
    ) -> anyhow::Result<Arc<Self>> {
        let announcement = Self {
            publisher,
            topic,
            info: Mutex::new(info(config)?),
        };
        announcement.change(|_| ())?;
        Ok(Arc::new(announcement))
    }

    /// Publishes a configuration that is in force now.
    pub(crate) fn configured(&self, config: &Config) -> anyhow::Result<()> {
        self.change(|info| info.config = config.public())
    }

    /// What is known now.
    pub(crate) fn now(&self) -> serde_json::Value {
        let info = self.info.lock().unwrap_or_else(PoisonError::into_inner);
        serde_json::to_value(&*info).unwrap_or_default()
    }

    fn change(&self, change: impl FnOnce(&mut Info)) -> anyhow::Result<()> {
        let mut info = self.info.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut info);
        let payload = serde_json::to_vec(&*info)?;
        self.publisher
            .state(&self.topic, &payload, Delivery::AtLeastOnce)?;
        Ok(())
    }
}

fn info(config: &Config) -> anyhow::Result<Info> {
    let started_at = time::OffsetDateTime::now_utc();
    Ok(Info {
        schema: message::SCHEMA,
        version: env!("CARGO_PKG_VERSION").into(),
        node: config.node.clone(),
        started_at: started_at.format(&time::format_description::well_known::Rfc3339)?,
        backend: config.accelerator.backend.name().to_owned(),
        network: String::new(),
        inference_ms: None,
        expected_fps: None,
        versions: BTreeMap::new(),
        cameras: config
            .cameras
            .iter()
            .map(|camera| camera.name.clone())
            .collect(),
        config: config.public(),
    })
}

/// Publishes the accelerator's state when it changes, and what it is.
pub(crate) struct StateOfAccelerator {
    pub(crate) publisher: Publisher,
    pub(crate) topic: Topic,
    pub(crate) announcement: Arc<Announcement>,
    pub(crate) health: Arc<AcceleratorHealth>,
}

impl StateOfAccelerator {
    fn set(&self, online: bool) {
        if self.health.online.swap(online, Ordering::Relaxed) != online {
            publish(&self.publisher, &self.topic, online);
            self.health.note_news();
        }
    }
}

impl AcceleratorWatcher for StateOfAccelerator {
    fn not_opened(&mut self, error: &AcceleratorError) {
        self.health.note_failed_start(error);
    }

    fn opened(
        &mut self,
        description: &Description,
        monitor: Option<Monitor>,
        onnx: Option<&onnx::Report>,
    ) -> anyhow::Result<()> {
        self.announcement.change(|info| {
            description.network.clone_into(&mut info.network);
            if let Some(monitor) = &monitor {
                info.versions.extend(versions(monitor.device()));
            }
            if let Some(report) = onnx {
                let rounded = |value: f64| (value * 10.0).round() / 10.0;
                info.inference_ms = Some(rounded(report.inference.as_secs_f64() * 1000.0));
                info.expected_fps = Some(rounded(report.frames_per_second()));
                if let Some((engine, version)) = report.engine.split_once(' ') {
                    info.versions
                        .insert(engine.to_owned().into(), version.to_owned());
                }
            }
        })?;
        if let Some(monitor) = monitor {
            self.health.watch(monitor);
        }
        self.set(true);
        Ok(())
    }

    fn answered(&mut self) {
        self.set(true);
    }

    fn failed(&mut self, error: &AcceleratorError) {
        warn!("accelerator: {error}");
        self.health.note_fault(error);
        self.set(false);
    }
}

fn publish(publisher: &Publisher, topic: &Topic, online: bool) {
    // A state is refused only for its size.
    let _ = publisher.state(topic, State::from(online).payload(), Delivery::AtLeastOnce);
}

/// The versions of what drives a chip, and of what runs on it.
fn versions(device: &DeviceReport) -> Vec<(Cow<'static, str>, String)> {
    let library = ("libhailort".into(), device.library_version.to_string());
    let driver = device.driver_version.clone();
    let firmware = device.firmware.map(|version| version.to_string());
    std::iter::once(library)
        .chain(driver.map(|version| ("hailo_pci".into(), version)))
        .chain(firmware.map(|version| ("firmware".into(), version)))
        .collect()
}
