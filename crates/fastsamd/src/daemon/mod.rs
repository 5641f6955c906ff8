//! The daemon: the pipeline's threads, what wakes them, and what ends them.
//!
//! [`run`] makes everything a daemon needs, starts one named thread per stage, waits for the
//! shutdown and joins the threads in the order in which frames pass them. Errors that a retry can
//! cure are handled inside a stage; any other ends the daemon with exit code 1, and the service
//! manager starts it anew.

mod counters;
mod demo;
mod exchange;
mod health;
mod logging;
mod pending;
mod publish;
mod shutdown;
pub(crate) mod sources;
mod stages;
mod start;

use std::{
    sync::Arc,
    thread::{self, JoinHandle},
    time::Instant,
};

use accelerator::Tensors;
use anyhow::Context;
use crossbeam_channel::bounded;
use fastsam::Segmenter;
use signal_hook::{
    consts::{SIGINT, SIGTERM},
    iterator::Signals,
};
use tracing::info;

pub use demo::demo;
pub use shutdown::Shutdown;

use crate::config::Config;
use counters::Counters;
use exchange::Exchange;
use pending::Pending;
use publish::Connected;
use stages::{Capture, CollectStage, SegmentStage, SubmitStage};

/// Answers that wait for the post-processor. One is enough to keep it busy; more is only delay.
const WAITING_ANSWERS: usize = 1;

/// Frames of one camera that travel: one being filled, one waiting, one being letterboxed.
const FRAMES_PER_CAMERA: usize = 3;

/// How long the daemon runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// Ends after so many published frames.
    pub frames: Option<u64>,
}

/// Runs the daemon until a signal, the end of all pictures, or a failure.
pub fn run(config: &Config, extent: Extent) -> anyhow::Result<()> {
    logging::start(config.log.level)?;
    let shutdown = Shutdown::new();
    end_on_signals(&shutdown)?;
    run_until(config, extent, &shutdown)
}

/// Runs the daemon until the token, the end of all pictures, or a failure.
pub fn run_until(config: &Config, extent: Extent, shutdown: &Shutdown) -> anyhow::Result<()> {
    let started = Instant::now();
    let first_attempt = start::first_attempt(&config.accelerator)?;
    let cameras = config.cameras.len();
    let counters = Arc::new(Counters::default());
    let frames = Arc::new(Exchange::new(cameras, 1));
    let pending = Arc::new(Pending::with_capacity(
        config.accelerator.frames_in_flight() + 2,
    ));
    // A batch comes out of the chip at once: none of it is to be dropped for that.
    let burst = config.accelerator.batch_size;
    let outcomes = Arc::new(Exchange::new(cameras, burst));
    // One result being filled, those waiting for each camera, one being published.
    let (segments_in, segments_out) = bounded(cameras * burst + 2);
    let Connected {
        stage: publishing,
        session,
        accelerator: mut watcher,
        farewell,
    } = publish::connect(publish::Environment {
        config,
        extent,
        started,
        counters: Arc::clone(&counters),
        frames: Arc::clone(&frames),
        pending: Arc::clone(&pending),
        outcomes: Arc::clone(&outcomes),
        used: segments_in,
        shutdown: shutdown.clone(),
    })?;
    let watchers: Vec<_> = (0..cameras).map(|i| publishing.watch_camera(i)).collect();

    let threads = Threads { shutdown };
    let session = threads.spawn("mqtt", move || {
        session.run();
        Ok(())
    })?;
    let publish = threads.spawn("publish", move || publishing.run())?;
    let end = |outcome: anyhow::Result<()>| {
        if let Err(error) = outcome {
            shutdown.fail(error);
        }
        join([publish]);
        farewell.say();
        join([session]);
        match shutdown.take_failure() {
            Some(failure) => Err(failure),
            None => {
                info!("stopped");
                Ok(())
            }
        }
    };

    let section = &config.accelerator;
    let accelerator = match start::accelerator(section, first_attempt, &mut watcher, shutdown) {
        Ok(Some(accelerator)) => accelerator,
        outcome => {
            outcomes.close();
            return end(outcome.map(|_| ()));
        }
    };
    let (answers_in, answers_out) = bounded(WAITING_ANSWERS);
    // One buffer being filled, one being read, and those that wait between.
    let buffers = WAITING_ANSWERS + 2;
    let (free_in, free_out) = bounded(buffers);
    for _ in 0..buffers {
        free_in.try_send(Tensors::for_layout(accelerator.layout()))?;
    }

    let segmenter = Segmenter::new(accelerator.layout());
    let (submit, collect) = accelerator.split();
    let mut captures = Vec::with_capacity(cameras);
    let mut used_frames = Vec::with_capacity(cameras);
    for (index, (camera, watcher)) in config.cameras.iter().zip(watchers).enumerate() {
        let (used_in, used_out) = bounded(FRAMES_PER_CAMERA);
        used_frames.push(used_in);
        captures.push(Capture {
            camera: index,
            name: camera.name.clone(),
            open: sources::camera(camera),
            watcher,
            frames: Arc::clone(&frames),
            used: used_out,
            counters: Arc::clone(&counters),
            shutdown: shutdown.clone(),
        });
    }
    let (submitting, submit_ended) = bounded::<()>(0);
    let submit_stage = SubmitStage {
        submit,
        frames: Arc::clone(&frames),
        used: used_frames,
        pending: Arc::clone(&pending),
        counters: Arc::clone(&counters),
        shutdown: shutdown.clone(),
    };
    let collect_stage = CollectStage {
        collect,
        watcher,
        pending,
        answers: answers_in,
        free: free_out,
        counters: Arc::clone(&counters),
        submitting: submit_ended,
    };
    let segment_stage = SegmentStage {
        segmenter,
        settings: (&config.segmentation).into(),
        answers: answers_out,
        free: free_in,
        outcomes,
        used: segments_out,
        counters,
    };

    let segment = threads.spawn("segment", move || {
        segment_stage.run();
        Ok(())
    })?;
    let collect = threads.spawn("collect", move || {
        collect_stage
            .run()
            .context("the accelerator gave no more answers")
    })?;
    let submit = threads.spawn("submit", move || {
        let _ends_with_this_thread = submitting;
        submit_stage
            .run()
            .context("the accelerator took no more frames")
    })?;
    let mut capture = Vec::with_capacity(cameras);
    for stage in captures {
        capture.push(
            threads.spawn(&format!("capture-{}", stage.camera), move || {
                stage.run();
                Ok(())
            })?,
        );
    }

    // Every camera ends at the shutdown, or when its pictures do.
    join(capture);
    frames.close();
    join([submit, collect, segment]);
    end(Ok(()))
}

/// Starts threads whose failure or panic ends the daemon.
struct Threads<'a> {
    shutdown: &'a Shutdown,
}

impl Threads<'_> {
    fn spawn(
        &self,
        name: &str,
        body: impl FnOnce() -> anyhow::Result<()> + Send + 'static,
    ) -> anyhow::Result<JoinHandle<()>> {
        let shutdown = self.shutdown.clone();
        let named = name.to_owned();
        let guarded = move || {
            // What the body held is dropped with it; nothing is used after a panic.
            match std::panic::catch_unwind(std::panic::AssertUnwindSafe(body)) {
                Ok(Ok(())) => {}
                Ok(Err(error)) => shutdown.fail(error),
                Err(_) => shutdown.fail(anyhow::anyhow!("the {named} thread met a bug and ended")),
            }
        };
        let spawned = thread::Builder::new().name(name.to_owned()).spawn(guarded);
        // Those that run already end by themselves.
        spawned
            .inspect_err(|_| self.shutdown.request())
            .with_context(|| format!("no {name} thread"))
    }
}

fn join(threads: impl IntoIterator<Item = JoinHandle<()>>) {
    for thread in threads {
        // A panic has been turned into the daemon's failure where it happened.
        let _ = thread.join();
    }
}

/// The first SIGINT or SIGTERM asks for the shutdown, a second ends the process at once.
fn end_on_signals(shutdown: &Shutdown) -> anyhow::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM]).context("signals can't be handled")?;
    let shutdown = shutdown.clone();
    thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
            for signal in signals.forever() {
                if shutdown.is_requested() {
                    std::process::exit(128 + signal);
                }
                info!(signal, "stopping");
                shutdown.request();
            }
        })?;
    Ok(())
}
