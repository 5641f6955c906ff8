//! What the service manager is told, and when: systemd's notification protocol, `sd_notify(3)`.
//!
//! The daemon is *ready* once masks are published, or once something that is missing (a camera, the
//! chip) is being tried again: waiting longer would only hold up what starts after it. The
//! *watchdog* is fed by progress, never by a timer: every stage beats its [`Heartbeat`] when it has
//! got round its loop, and the publishing stage feeds the watchdog only if all of them have beaten
//! since it last did. So one thread that hangs is enough to have the daemon started anew.
//!
//! Invariant: no stage waits longer in one turn of its loop than a watchdog's time allows; all waits
//! of the pipeline are bounded by a few seconds.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use sd_notify::NotifyState;
use tracing::{debug, warn};

/// A stage's sign of life. It counts no more once it is dropped.
#[derive(Debug)]
pub(crate) struct Heartbeat {
    heart: Arc<Heart>,
}

#[derive(Debug)]
struct Heart {
    name: String,
    beats: AtomicU64,
    stopped: AtomicBool,
}

impl Heartbeat {
    /// One turn of the loop is done.
    pub(crate) fn beat(&self) {
        self.heart.beats.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        self.heart.stopped.store(true, Ordering::Relaxed);
    }
}

/// The line to the service manager; clones share it. Without one, nothing is said.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    ready: AtomicBool,
    watched: Mutex<Watched>,
    /// The pause between two feedings, where there is a watchdog.
    interval: Option<Duration>,
}

#[derive(Debug)]
struct Watched {
    /// With the beats when the watchdog was last fed.
    hearts: Vec<(Arc<Heart>, Option<u64>)>,
    fed_at: Instant,
    warned: bool,
}

impl Service {
    /// As the environment says: `NOTIFY_SOCKET`, `WATCHDOG_USEC`.
    pub(crate) fn from_environment() -> Self {
        Self::with_watchdog(sd_notify::watchdog_enabled())
    }

    /// Fed three times as often as it must be.
    fn with_watchdog(time: Option<Duration>) -> Self {
        Self {
            shared: Arc::new(Shared {
                ready: AtomicBool::new(false),
                watched: Mutex::new(Watched {
                    hearts: Vec::new(),
                    fed_at: Instant::now(),
                    warned: false,
                }),
                interval: time.map(|time| time / 3),
            }),
        }
    }

    fn watched(&self) -> MutexGuard<'_, Watched> {
        // Each change is whole in itself.
        self.shared
            .watched
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// A heartbeat for one more stage.
    pub(crate) fn heartbeat(&self, name: &str) -> Heartbeat {
        let heart = Arc::new(Heart {
            name: name.to_owned(),
            beats: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
        });
        self.watched().hearts.push((Arc::clone(&heart), None));
        Heartbeat { heart }
    }

    /// The daemon does its work, or does what it can to get there. Said once.
    pub(crate) fn ready(&self) {
        if !self.shared.ready.swap(true, Ordering::Relaxed) {
            tell(&[NotifyState::Ready]);
        }
    }

    /// A line for `systemctl status`.
    pub(crate) fn status(&self, line: &str) {
        tell(&[NotifyState::Status(line)]);
    }

    /// The configuration is being read again; [`Service::reloaded`] follows.
    pub(crate) fn reloading(&self) {
        match NotifyState::monotonic_usec_now() {
            Ok(now) => tell(&[NotifyState::Reloading, now]),
            Err(error) => debug!("no monotonic clock: {error}"),
        }
    }

    /// The configuration has been read again.
    pub(crate) fn reloaded(&self) {
        tell(&[NotifyState::Ready]);
    }

    /// The daemon ends.
    pub(crate) fn stopping(&self) {
        tell(&[NotifyState::Stopping]);
    }

    /// Feeds the watchdog if it is time and every stage has moved.
    pub(crate) fn feed_watchdog(&self) {
        let Some(interval) = self.shared.interval else {
            return;
        };
        let mut watched = self.watched();
        if watched.fed_at.elapsed() < interval {
            return;
        }
        match watched.stalled() {
            None => {
                watched.feed();
                drop(watched);
                tell(&[NotifyState::Watchdog]);
            }
            Some(name) if !watched.warned => {
                warn!("the {name} thread has not moved for {interval:?}: the watchdog is not fed");
                watched.warned = true;
            }
            Some(_) => {}
        }
    }
}

impl Watched {
    /// A stage that has not moved since the watchdog was last fed.
    fn stalled(&mut self) -> Option<String> {
        self.hearts
            .retain(|(heart, _)| !heart.stopped.load(Ordering::Relaxed));
        let still = |(heart, before): &&(Arc<Heart>, Option<u64>)| {
            *before == Some(heart.beats.load(Ordering::Relaxed))
        };
        let stalled = self.hearts.iter().find(still)?;
        Some(stalled.0.name.clone())
    }

    fn feed(&mut self) {
        for (heart, before) in &mut self.hearts {
            *before = Some(heart.beats.load(Ordering::Relaxed));
        }
        self.fed_at = Instant::now();
        self.warned = false;
    }
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        debug!("the service manager was not told: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_watchdog_goes_hungry_while_one_stage_stands_still() {
        let service = Service::with_watchdog(Some(Duration::ZERO));
        let (first, second) = (service.heartbeat("first"), service.heartbeat("second"));
        // A stage that is new has the benefit of the doubt.
        assert_eq!(service.watched().stalled(), None);
        service.watched().feed();
        first.beat();
        assert_eq!(service.watched().stalled().as_deref(), Some("second"));
        second.beat();
        assert_eq!(service.watched().stalled(), None);
        service.watched().feed();
        first.beat();
        // What has ended need not move.
        drop(second);
        assert_eq!(service.watched().stalled(), None);
    }

    #[test]
    fn feeding_waits_for_its_time() {
        let service = Service::with_watchdog(Some(Duration::from_secs(3600)));
        let heart = service.heartbeat("only");
        let fed_at = service.watched().fed_at;
        heart.beat();
        service.feed_watchdog();
        assert_eq!(service.watched().fed_at, fed_at);
    }
}
