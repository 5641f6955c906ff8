//! The `status` message as a value: whoever wants to know how the node is asks [`Vitals`].
//!
//! Invariant: asking changes nothing.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc, time::Instant};

use message::{State, Status};
use mqtt::Publisher;

use crate::{
    daemon::{
        clock::Clock,
        health::{AcceleratorHealth, CameraHealth},
        pipeline::Edges,
    },
    host::{self, Host},
};

/// Everything that a status is made of.
#[derive(Clone)]
pub(crate) struct Vitals {
    pub(crate) started: Instant,
    pub(crate) clock: Clock,
    pub(crate) edges: Edges,
    /// Each camera's name and health.
    pub(crate) cameras: Vec<(String, Arc<CameraHealth>)>,
    pub(crate) accelerator: Arc<AcceleratorHealth>,
    pub(crate) publisher: Publisher,
    pub(crate) host: Host,
}

impl Vitals {
    /// How the node is now.
    pub(crate) fn status(&self) -> Status {
        let now = self.clock.now();
        let mqtt = self.publisher.counters();
        Status {
            uptime_s: now.saturating_duration_since(self.started).as_secs(),
            rss_bytes: host::resident_bytes(),
            dropped: self.dropped(),
            queues: BTreeMap::from([
                ("submit".into(), self.edges.frames.waiting() as u64),
                ("accelerator".into(), self.edges.pending.len() as u64),
                ("publish".into(), self.edges.outcomes.waiting() as u64),
                ("mqtt".into(), mqtt.waiting),
            ]),
            cameras: self
                .cameras
                .iter()
                .map(|(name, health)| (name.clone(), health.status(now)))
                .collect(),
            mqtt,
            accelerator: self.accelerator.status(),
            temperatures_c: self.temperatures(),
            throttled: self.host.slowed_by().map(|causes| !causes.is_empty()),
            clock_set: self.host.is_clock_set(),
        }
    }

    /// What was lost, by the place where it was lost.
    fn dropped(&self) -> BTreeMap<Cow<'static, str>, u64> {
        let counters = &self.edges.counters;
        let mqtt = self.publisher.counters();
        BTreeMap::from([
            ("capture_failures".into(), counters.capture_failures.get()),
            ("before_submit".into(), counters.dropped_before_submit.get()),
            ("at_submit".into(), counters.dropped_at_submit.get()),
            ("on_accelerator".into(), counters.lost_on_accelerator.get()),
            ("at_segment".into(), counters.dropped_at_segment.get()),
            (
                "before_publish".into(),
                counters.dropped_before_publish.get(),
            ),
            ("at_pictures".into(), counters.dropped_at_pictures.get()),
            ("offline".into(), mqtt.dropped_offline),
            ("mqtt_queue_full".into(), mqtt.dropped_queue_full),
            ("mqtt_behind".into(), mqtt.dropped_behind),
            ("too_large".into(), mqtt.dropped_too_large),
            ("noise_segments".into(), counters.noise_left_out.get()),
            ("reduced_messages".into(), counters.reduced.get()),
        ])
    }

    /// Degrees Celsius by sensor.
    pub(crate) fn temperatures(&self) -> BTreeMap<Cow<'static, str>, f64> {
        let zones = self.host.temperatures().into_iter();
        let chip = self.accelerator.temperature();
        zones
            .map(|(zone, degrees)| (zone.into(), degrees))
            .chain(chip.map(|degrees| ("hailo".into(), degrees)))
            .collect()
    }
}

/// A line for people who ask the service manager.
pub(crate) fn in_short(status: &Status) -> String {
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

#[cfg(test)]
mod tests {
    use std::{sync::atomic::Ordering, time::Duration};

    use accelerator::AcceleratorError;
    use configuration::Config;
    use message::Topics;

    use super::*;

    /// Of a node that is connected to nobody.
    fn vitals() -> Vitals {
        let topics = Topics::new("fastsam", "node").unwrap();
        let options = mqtt::Options::new("127.0.0.1", 1, "test", topics.availability());
        let clock = Clock::standing();
        Vitals {
            started: clock.now(),
            clock,
            edges: Edges::new(&Config::default()),
            cameras: vec![
                ("door".into(), Arc::default()),
                ("yard".into(), Arc::default()),
            ],
            accelerator: Arc::default(),
            publisher: mqtt::connect(options).unwrap().0,
            host: Host::at("/nowhere"),
        }
    }

    #[test]
    fn a_status_tells_rates_losses_and_faults_and_asking_changes_nothing() {
        let vitals = vitals();
        let door = Arc::clone(&vitals.cameras[0].1);
        door.online.store(true, Ordering::Relaxed);
        door.opened.add(3);
        for _ in 0..50 {
            vitals.clock.turn(Duration::from_millis(100));
            door.captured(vitals.clock.now());
        }
        vitals.edges.counters.dropped_at_segment.add(2);
        vitals.accelerator.note_fault(&AcceleratorError::Closed);

        let status = vitals.status();
        assert_eq!(status.uptime_s, 5);
        let door = status.cameras["door"];
        assert!(door.online && (9.5..=10.5).contains(&door.fps), "{door:?}");
        assert_eq!((door.captured, door.reconnects), (50, 2));
        assert!(!status.cameras["yard"].online);
        assert_eq!(status.dropped["at_segment"], 2);
        assert_eq!(status.accelerator.faults, 1);
        assert_eq!(
            status.accelerator.last_fault.as_deref(),
            Some("the accelerator has shut down")
        );
        assert_eq!(
            in_short(&status),
            format!("accelerator offline; door {} fps, yard offline", door.fps)
        );
        assert_eq!(vitals.status().cameras, status.cameras);
        assert!(vitals.accelerator.take_news() && !vitals.accelerator.take_news());
    }
}
