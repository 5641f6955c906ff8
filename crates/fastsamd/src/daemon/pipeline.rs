//! The stages between the cameras and the publisher, wired and started.
//!
//! Buffers circulate: what a stage has used goes back, by a bounded channel, to the stage that
//! fills it. So the steady state allocates nothing.

use std::{sync::Arc, thread::JoinHandle};

use accelerator::{Accelerator, Tensors};
use anyhow::Context;
use crossbeam_channel::{Receiver, Sender, bounded};
use fastsam::{Segmenter, Segments};
use frame::Frame;

use super::{
    counters::Counters,
    exchange::Exchange,
    health::{StateOfAccelerator, StateOfCamera},
    live::Live,
    pending::Pending,
    sources,
    stages::{Capture, CollectStage, Flight, Outcome, SegmentStage, SubmitStage},
    text::Room,
    threads::{Threads, join},
};
use crate::config::Config;

/// Answers that wait for the post-processor. One is enough to keep it busy; more is only delay.
const WAITING_ANSWERS: usize = 1;

/// Frames of one camera that travel: one being filled, one waiting, one being letterboxed.
const FRAMES_PER_CAMERA: usize = 3;

/// Where frames wait between stages, and what is counted on the way. Clones share it.
#[derive(Clone)]
pub(super) struct Edges {
    pub(super) counters: Arc<Counters>,
    pub(super) frames: Arc<Exchange<Frame>>,
    pub(super) pending: Arc<Pending<Flight>>,
    pub(super) outcomes: Arc<Exchange<Outcome>>,
}

impl Edges {
    /// Room for what travels by this configuration.
    pub(super) fn new(config: &Config) -> Self {
        let cameras = config.cameras.len();
        Self {
            counters: Arc::default(),
            frames: Arc::new(Exchange::new(cameras, 1)),
            pending: Arc::new(Pending::with_capacity(
                config.accelerator.frames_in_flight() + 2,
            )),
            // A batch comes out of the chip at once: none of it is to be dropped for that.
            outcomes: Arc::new(Exchange::new(cameras, config.accelerator.batch_size)),
        }
    }
}

/// The way back for published segments: one being filled, those that wait, one being published.
pub(super) fn used_segments(config: &Config) -> (Sender<Segments>, Receiver<Segments>) {
    bounded(config.cameras.len() * config.accelerator.batch_size + 2)
}

/// What the stages are made of.
pub(super) struct Parts<'a> {
    pub(super) config: &'a Config,
    pub(super) edges: Edges,
    pub(super) accelerator: Box<dyn Accelerator>,
    pub(super) watcher: StateOfAccelerator,
    pub(super) cameras: Vec<StateOfCamera>,
    pub(super) used_segments: Receiver<Segments>,
    pub(super) live: &'a Arc<Live>,
    /// Where pictures are kept for texts that are asked, if texts are understood.
    pub(super) text: Option<Arc<Room>>,
}

/// The running stages.
pub(super) struct Pipeline {
    capture: Vec<JoinHandle<()>>,
    others: [JoinHandle<()>; 3],
    frames: Arc<Exchange<Frame>>,
}

impl Pipeline {
    /// Starts the stages, the last first, so that each finds the next one there.
    pub(super) fn start(parts: Parts<'_>, threads: &Threads) -> anyhow::Result<Self> {
        let Parts {
            config,
            edges,
            accelerator,
            watcher,
            cameras,
            used_segments,
            live,
            text,
        } = parts;
        let (answers_in, answers_out) = bounded(WAITING_ANSWERS);
        // One buffer being filled, one being read, and those that wait between.
        let buffers = WAITING_ANSWERS + 2;
        let (free_in, free_out) = bounded(buffers);
        for _ in 0..buffers {
            free_in.try_send(Tensors::for_layout(accelerator.layout()))?;
        }
        let segment_stage = SegmentStage {
            segmenter: Segmenter::new(accelerator.layout()),
            live: live.reader(),
            answers: answers_out,
            free: free_in,
            outcomes: edges.outcomes,
            used: used_segments,
            counters: Arc::clone(&edges.counters),
        };
        let segment = threads.spawn("segment", move |heartbeat| {
            segment_stage.run(heartbeat);
            Ok(())
        })?;

        let (submit, collect) = accelerator.split();
        let (submitting, submit_ended) = bounded::<()>(0);
        let collect_stage = CollectStage {
            collect,
            watcher,
            pending: Arc::clone(&edges.pending),
            answers: answers_in,
            free: free_out,
            counters: Arc::clone(&edges.counters),
            submitting: submit_ended,
        };
        let collect = threads.spawn("collect", move |heartbeat| {
            collect_stage
                .run(heartbeat)
                .context("the accelerator gave no more answers")
        })?;

        let (used_in, used_out): (Vec<_>, Vec<_>) =
            cameras.iter().map(|_| bounded(FRAMES_PER_CAMERA)).unzip();
        let submit_stage = SubmitStage {
            submit,
            frames: Arc::clone(&edges.frames),
            used: used_in,
            pending: edges.pending,
            text,
            counters: Arc::clone(&edges.counters),
            shutdown: threads.shutdown.clone(),
        };
        let submit = threads.spawn("submit", move |heartbeat| {
            let _ends_with_this_thread = submitting;
            submit_stage
                .run(heartbeat)
                .context("the accelerator took no more frames")
        })?;

        let mut capture = Vec::with_capacity(cameras.len());
        for (index, ((camera, watcher), used)) in
            config.cameras.iter().zip(cameras).zip(used_out).enumerate()
        {
            let stage = Capture {
                camera: index,
                name: camera.name.clone(),
                open: sources::camera(camera),
                watcher,
                frames: Arc::clone(&edges.frames),
                used,
                counters: Arc::clone(&edges.counters),
                shutdown: threads.shutdown.clone(),
            };
            let name = format!("capture-{index}");
            capture.push(threads.spawn(&name, move |heartbeat| {
                stage.run(heartbeat);
                Ok(())
            })?);
        }
        Ok(Self {
            capture,
            others: [submit, collect, segment],
            frames: edges.frames,
        })
    }

    /// Waits for the end of all stages, in the order in which frames pass them. Every camera ends at
    /// the shutdown, or when its pictures do.
    pub(super) fn join(self) {
        join(self.capture);
        self.frames.close();
        join(self.others);
    }
}
