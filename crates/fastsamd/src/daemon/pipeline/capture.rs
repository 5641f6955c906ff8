//! The first stage: captures from one camera until the shutdown or the end of its pictures.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use camera::{CameraError, Captured};
use crossbeam_channel::Receiver;
use frame::Frame;
use tracing::{debug, info, warn};

use super::{counters::Counters, exchange::Exchange};
use crate::{
    daemon::{
        keep::Keep,
        process::{backoff::Backoff, shutdown::Shutdown, systemd::Heartbeat, threads::PATIENCE},
        settings::live,
    },
    open::cameras::SourceFactory,
};

/// First and longest pause before a camera that failed is tried again.
const BACKOFF: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));

/// What a camera's thread tells of its camera.
pub(crate) trait CameraWatcher: Send {
    /// Its source has been opened, not for the first time perhaps.
    fn opened(&mut self);
    /// A frame came.
    fn captured(&mut self);
    /// No frames come any more, and why.
    fn stopped(&mut self, why: String);
}

/// Captures from one camera until the shutdown or the end of its pictures.
pub(crate) struct Capture<W> {
    pub camera: usize,
    pub name: String,
    pub open: SourceFactory,
    pub watcher: W,
    pub frames: Arc<Exchange<Frame>>,
    /// Where frames are kept for those who look at the page.
    pub shown: Option<Arc<Keep<Frame>>>,
    /// Frames whose buffers may be filled again.
    pub used: Receiver<Frame>,
    pub counters: Arc<Counters>,
    pub live: live::Reader,
    pub shutdown: Shutdown,
    /// The number of the first frame of the source that is opened next: numbers ascend over all of them.
    pub next: u64,
}

/// Why a source was closed without an error.
enum Closed {
    /// Its pictures have come to their end, or the daemon does.
    AtEnd,
    /// The camera was turned off.
    TurnedOff,
}

impl<W: CameraWatcher> Capture<W> {
    /// Runs until the shutdown; reopens the source after a failure, with growing pauses.
    pub(crate) fn run(mut self, heartbeat: &Heartbeat) {
        let mut backoff = BACKOFF;
        while !self.shutdown.is_requested() {
            if !self.live.now().is_enabled(self.camera) {
                heartbeat.beat();
                self.shutdown.wait(PATIENCE);
                continue;
            }
            match self.run_once(&mut backoff, heartbeat) {
                Ok(Closed::AtEnd) => break,
                Ok(Closed::TurnedOff) => {
                    info!(camera = self.name, "turned off");
                    self.watcher
                        .stopped("turned off in the settings".to_owned());
                }
                // Nothing is wrong, and nobody has to wait.
                Err(error @ CameraError::Resized { .. }) => info!(camera = self.name, "{error}"),
                Err(error) => {
                    self.watcher.stopped(error.to_string());
                    let pause = backoff.pause();
                    warn!(camera = self.name, retry_in_s = pause.as_secs(), "{error}");
                    self.wait(pause, heartbeat);
                }
            }
        }
        let why = "its pictures have come to their end";
        self.watcher.stopped(why.to_owned());
    }

    /// Waits for the next attempt, which is progress too.
    fn wait(&self, pause: Duration, heartbeat: &Heartbeat) {
        let until = Instant::now() + pause;
        loop {
            heartbeat.beat();
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || self.shutdown.wait(left.min(PATIENCE)) {
                return;
            }
        }
    }

    fn run_once(
        &mut self,
        backoff: &mut Backoff,
        heartbeat: &Heartbeat,
    ) -> Result<Closed, CameraError> {
        debug!(camera = self.name, "opening");
        let mut opening = Some(Instant::now());
        let mut source = (self.open)()?;
        self.watcher.opened();
        debug!(camera = self.name, "opened {}", source.describe());
        let first = self.next;
        let mut frame = self.used.try_recv().unwrap_or_else(|_| Frame::empty());
        while !self.shutdown.is_requested() {
            heartbeat.beat();
            if !self.live.now().is_enabled(self.camera) {
                return Ok(Closed::TurnedOff);
            }
            self.want_jpeg(&mut frame);
            match source.capture(&mut frame, PATIENCE) {
                Ok(Captured::Frame) => {
                    backoff.reset();
                    if let Some(opening) = opening.take() {
                        info!(camera = self.name, "capturing from {}", source.describe());
                        debug!(
                            camera = self.name,
                            after_ms = opening.elapsed().as_millis() as u64,
                            "first frame: {} {:?}, rows of {} bytes",
                            frame.size,
                            frame.pixel_format,
                            frame.stride,
                        );
                    }
                    frame.sequence += first;
                    self.next = frame.sequence + 1;
                    self.watcher.captured();
                    let replaced = self.frames.put(self.camera, frame);
                    if replaced.is_some() {
                        self.counters.dropped_before_submit.increment();
                    }
                    frame = replaced
                        .or_else(|| self.used.try_recv().ok())
                        .unwrap_or_else(Frame::empty);
                }
                Ok(Captured::End) => {
                    info!(camera = self.name, "the source has come to its end");
                    return Ok(Closed::AtEnd);
                }
                // A slow source is no fault; it is asked again, and looks at the shutdown between.
                Err(CameraError::Timeout(_)) => {}
                Err(error) if error.is_transient() => {
                    self.counters.capture_failures.increment();
                    warn!(camera = self.name, "{error}");
                }
                Err(error @ CameraError::Resized { .. }) => return Err(error),
                Err(error) => {
                    self.counters.capture_failures.increment();
                    return Err(error);
                }
            }
        }
        Ok(Closed::AtEnd)
    }

    /// Asks for the camera's own JPEG while somebody looks, in a buffer that travels with the frame.
    fn want_jpeg(&self, frame: &mut Frame) {
        let looks = |keep: &Arc<Keep<Frame>>| keep.wants(self.camera);
        if self.shown.as_ref().is_some_and(looks) {
            frame.jpeg.get_or_insert_default().clear();
        } else {
            frame.jpeg = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use camera::Source;
    use configuration::Config;
    use crossbeam_channel::bounded;

    use super::{super::exchange::Taken, *};
    use crate::daemon::{process::systemd::Service, settings::live::Live};

    /// A camera that sends Motion JPEG, and ends after three pictures.
    struct Jpegs(u64);

    impl Source for Jpegs {
        fn describe(&self) -> String {
            "three JPEGs".to_owned()
        }

        fn capture(&mut self, frame: &mut Frame, _: Duration) -> Result<Captured, CameraError> {
            self.0 += 1;
            if self.0 > 3 {
                return Ok(Captured::End);
            }
            if let Some(own) = &mut frame.jpeg {
                assert!(own.is_empty());
                own.extend_from_slice(b"own");
            }
            frame.sequence = self.0;
            Ok(Captured::Frame)
        }
    }

    struct Nobody;

    impl CameraWatcher for Nobody {
        fn opened(&mut self) {}
        fn captured(&mut self) {}
        fn stopped(&mut self, _: String) {}
    }

    #[test]
    fn a_cameras_own_jpegs_are_kept_while_somebody_looks() {
        for (is_page, is_watched, expected) in [
            (true, true, Some(b"own".to_vec())),
            (true, false, None),
            (false, false, None),
        ] {
            let keep = Arc::new(Keep::<Frame>::default());
            keep.want(0, is_watched);
            let frames = Arc::new(Exchange::new(1, 1));
            let (_used_in, used) = bounded(1);
            let stage = Capture {
                camera: 0,
                name: "cam".to_owned(),
                open: Box::new(|| Ok(Box::new(Jpegs(0)))),
                watcher: Nobody,
                frames: Arc::clone(&frames),
                shown: is_page.then_some(keep),
                used,
                counters: Arc::default(),
                live: Live::new(&Config::default()).unwrap().reader(),
                shutdown: Shutdown::new(),
                next: 0,
            };
            stage.run(&Service::from_environment().heartbeat("capture"));
            let Taken::Value(0, frame) = frames.take(Duration::ZERO) else {
                panic!("no frame");
            };
            assert_eq!((frame.sequence, frame.jpeg), (3, expected));
        }
    }
}
