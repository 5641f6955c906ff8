//! The stages between the cameras and the publisher, wired and started.
//!
//! `capture -> [latest wins] -> submit | collect -> [bounded] -> segment -> [latest wins] -> publish`
//!
//! Each stage is the body of one named thread. It ends when the one before it has ended and what it
//! left is worked off: capture ends on the shutdown token, and each stage closes its way out when it
//! returns. No stage waits longer than [`PATIENCE`](super::process::threads::PATIENCE) in one call.
//!
//! Buffers circulate: what a stage has used goes back, by a bounded channel, to the stage that
//! fills it. So the steady state allocates nothing.

pub(crate) mod capture;
pub(crate) mod collect;
pub(crate) mod counters;
pub(crate) mod exchange;
pub(crate) mod flight;
pub(crate) mod pacing;
mod pending;
mod segment;
pub(crate) mod start;
pub(crate) mod stills;
mod submit;

use std::{sync::Arc, thread::JoinHandle};

use accelerator::Accelerator;
use anyhow::Context;
use configuration::Config;
use crossbeam_channel::{Receiver, Sender, bounded};
use fastsam::{Segmenter, encode::rle::Encoder};
use frame::{Frame, NetworkInput};
use tensors::Tensors;

use crate::{
    daemon::{
        keep::Keep,
        process::{
            shutdown::Shutdown,
            threads::{Threads, join},
        },
        settings::live::Live,
    },
    open::cameras,
};
use capture::{CameraWatcher, Capture};
use collect::{AcceleratorWatcher, CollectStage};
use counters::Counters;
use exchange::Exchange;
use flight::{Flight, Outcome, Spent};
use pacing::Pacing;
use pending::Pending;
use segment::SegmentStage;
use stills::Stills;
use submit::SubmitStage;

/// Answers that wait for the post-processor. One is enough to keep it busy; more is only delay.
const WAITING_ANSWERS: usize = 1;

/// Frames of one camera that travel: one being filled, one waiting, one being letterboxed.
const FRAMES_PER_CAMERA: usize = 3;

/// Where frames wait between stages, and what is counted on the way. Clones share it.
#[derive(Clone)]
pub(crate) struct Edges {
    pub(crate) counters: Arc<Counters>,
    pub(crate) frames: Arc<Exchange<Frame>>,
    pub(crate) pending: Arc<Pending<Flight>>,
    pub(crate) outcomes: Arc<Exchange<Outcome>>,
    /// Pictures that no camera takes.
    pub(crate) stills: Arc<Stills>,
}

impl Edges {
    /// Room for what travels by this configuration.
    pub(crate) fn new(config: &Config) -> Self {
        let cameras = config.cameras.len();
        // One more place, for pictures that no camera takes.
        let frames = Arc::new(Exchange::new(cameras + 1, 1));
        Self {
            counters: Arc::default(),
            stills: Arc::new(Stills::new(cameras, Arc::clone(&frames))),
            frames,
            pending: Arc::new(Pending::with_capacity(
                config.accelerator.frames_in_flight() + 2,
            )),
            // A batch comes out of the chip at once: none of it is to be dropped for that.
            outcomes: Arc::new(Exchange::new(cameras, config.accelerator.batch_size)),
        }
    }
}

/// The way back for what was published: one being filled, those that wait, one being published.
pub(crate) fn spent(config: &Config) -> (Sender<Spent>, Receiver<Spent>) {
    bounded(config.cameras.len() * config.accelerator.batch_size + 2)
}

/// What the stages are made of.
pub(crate) struct Parts<'a, A, C> {
    pub(crate) config: &'a Config,
    pub(crate) edges: Edges,
    pub(crate) accelerator: Box<dyn Accelerator>,
    pub(crate) watcher: A,
    pub(crate) cameras: Vec<C>,
    pub(crate) spent: Receiver<Spent>,
    pub(crate) live: &'a Arc<Live>,
    /// Where pictures are kept for those who want some.
    pub(crate) keeps: Vec<Arc<Keep>>,
    /// Where frames are kept for those who look at the page.
    pub(crate) shown: Option<Arc<Keep<Frame>>>,
}

/// The running stages.
pub(crate) struct Pipeline {
    capture: Vec<JoinHandle<()>>,
    others: [JoinHandle<()>; 3],
    frames: Arc<Exchange<Frame>>,
    outcomes: Arc<Exchange<Outcome>>,
    shutdown: Shutdown,
}

impl Pipeline {
    /// Starts the stages, the last first, so that each finds the next one there.
    pub(crate) fn start<A, C>(parts: Parts<'_, A, C>, threads: &Threads) -> anyhow::Result<Self>
    where
        A: AcceleratorWatcher + 'static,
        C: CameraWatcher + 'static,
    {
        let Parts {
            config,
            edges,
            accelerator,
            watcher,
            cameras,
            spent,
            live,
            keeps,
            shown,
        } = parts;
        edges.stills.open(accelerator.layout());
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
            outcomes: Arc::clone(&edges.outcomes),
            encoder: Encoder::new(),
            used: spent,
            stills: edges.stills,
            counters: Arc::clone(&edges.counters),
        };
        let segment = threads.spawn("segment", move |heartbeat| {
            segment_stage.run(heartbeat);
            Ok(())
        })?;

        let input = accelerator.layout().input();
        let description = accelerator.description();
        let pacing = Arc::new(Pacing::new(description.batch_size, description.in_flight));
        let (submit, collect) = accelerator.split();
        let (submitting, submit_ended) = bounded::<()>(0);
        let collect_stage = CollectStage {
            collect,
            watcher,
            pending: Arc::clone(&edges.pending),
            pacing: Arc::clone(&pacing),
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
            pacing,
            keeps,
            shown: shown.clone(),
            counters: Arc::clone(&edges.counters),
            live: live.reader(),
            shutdown: threads.shutdown.clone(),
            refused: false,
            input: NetworkInput::new(input),
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
                open: cameras::camera(camera, Some(input)),
                watcher,
                frames: Arc::clone(&edges.frames),
                shown: shown.clone(),
                used,
                counters: Arc::clone(&edges.counters),
                live: live.reader(),
                shutdown: threads.shutdown.clone(),
                next: 0,
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
            outcomes: edges.outcomes,
            shutdown: threads.shutdown.clone(),
        })
    }

    /// Waits for the end of all stages, in the order in which frames pass them. Every camera ends at
    /// the shutdown, or when its pictures do.
    pub(crate) fn join(self) {
        join(self.capture, &self.shutdown);
        self.frames.close();
        join(self.others, &self.shutdown);
        // The segmenting thread does so, unless it was left behind.
        self.outcomes.close();
    }
}
