//! The daemon: the pipeline's threads, what wakes them, and what ends them.
//!
//! [`run`] makes everything a daemon needs, starts one named thread per stage, waits for the
//! shutdown and joins the threads in the order in which frames pass them. Errors that a retry can
//! cure are handled inside a stage; any other ends the daemon with exit code 1, and the service
//! manager starts it anew.

mod counters;
mod demo;
mod desk;
mod exchange;
mod health;
mod live;
mod logging;
mod pending;
mod pipeline;
mod publish;
mod requests;
mod service;
mod shutdown;
mod signals;
pub(crate) mod sources;
mod stages;
mod start;
mod text;
mod threads;

use std::{path::Path, sync::Arc, time::Instant};

use clip::Recollection;
use tracing::info;

pub use demo::demo;

use crate::{cli::WrongInput, config::Config, text::TextModel};
use desk::Desk;
use live::{Live, Reload};
use pipeline::{Edges, Parts, Pipeline};
use publish::Connected;
use requests::{RequestStage, Store};
use service::Service;
use shutdown::Shutdown;
use text::{Room, TextStage};
use threads::{Threads, join};

/// How long the daemon runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// Ends after so many published frames.
    pub frames: Option<u64>,
}

/// Runs the daemon until a signal, the end of all pictures, or a failure. SIGHUP has `file`, where
/// there is one, read again.
pub fn run(config: &Config, file: Option<&Path>, extent: Extent) -> anyhow::Result<()> {
    let text = config.text.as_ref().map(TextModel::open).transpose()?;
    run_with(config, file, extent, text)
}

/// The same with a text model of the caller's.
fn run_with(
    config: &Config,
    file: Option<&Path>,
    extent: Extent,
    text: Option<TextModel>,
) -> anyhow::Result<()> {
    let started = Instant::now();
    let log_level = logging::start(config.log.level)?;
    let shutdown = Shutdown::new();
    let service = Service::from_environment();
    let threads = Threads {
        shutdown: shutdown.clone(),
        service: service.clone(),
    };
    let live = Live::new(config.into());
    let first_attempt = start::first_attempt(&config.accelerator)?;

    let edges = Edges::new(config);
    let (segments_in, used_segments) = pipeline::used_segments(config);
    let text = text.map(|model| (model.matcher, Room::new(model.refresh)));
    let room = text.as_ref().map(|(_, (room, _))| Arc::clone(room));
    let desk = Arc::new(Desk::new(config, room.clone()).map_err(WrongInput::new)?);
    let Connected {
        stage: publishing,
        session,
        accelerator: watcher,
        announcement,
        publisher,
        inbox,
        farewell,
    } = publish::connect(publish::Environment {
        config,
        extent,
        started,
        live: &live,
        service: &service,
        desk: Arc::clone(&desk),
        edges: edges.clone(),
        used: segments_in,
        shutdown: shutdown.clone(),
    })?;
    let reload = Reload {
        live: Arc::clone(&live),
        log_level,
        announcement,
        service: service.clone(),
    };
    let file = file.map(Path::to_owned);
    signals::act(&shutdown, reload, file, config.clone())?;

    let cameras = publishing.watch_cameras();
    let session = threads.spawn("mqtt", move |heartbeat| {
        session.run(heartbeat);
        Ok(())
    })?;
    let publish = threads.spawn("publish", move |heartbeat| publishing.run(heartbeat))?;

    let store = Store::of(config);
    let looking = text.map(|(matcher, (room, jobs))| {
        let stage = TextStage {
            matcher,
            room,
            jobs,
            desk: Arc::clone(&desk),
            publisher: publisher.clone(),
            cache: store.as_ref().map(Store::embeddings),
            recollections: config
                .cameras
                .iter()
                .map(|_| Recollection::default())
                .collect(),
        };
        let ends = shutdown.clone();
        threads.spawn("text", move |heartbeat| {
            stage.run(heartbeat, &ends);
            Ok(())
        })
    });
    let looking = looking.transpose()?;
    let ends = shutdown.clone();
    let requests = threads.spawn("requests", move |heartbeat| {
        RequestStage::new(&desk, publisher, inbox, store)?.run(heartbeat, &ends);
        Ok(())
    })?;

    let section = &config.accelerator;
    match start::accelerator(section, first_attempt, &watcher, &service, &shutdown) {
        Ok(Some(accelerator)) => {
            let parts = Parts {
                config,
                edges,
                accelerator,
                watcher,
                cameras,
                used_segments,
                live: &live,
                text: room,
            };
            Pipeline::start(parts, &threads)?.join();
        }
        Ok(None) => edges.outcomes.close(),
        Err(error) => {
            edges.outcomes.close();
            shutdown.fail(error);
        }
    }
    service.stopping();
    shutdown.request();
    join([publish, requests].into_iter().chain(looking));
    farewell.say();
    join([session]);
    match shutdown.take_failure() {
        Some(failure) => Err(failure),
        None => {
            info!("stopped");
            Ok(())
        }
    }
}
