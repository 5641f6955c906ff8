//! From a configuration to a running daemon, and to its end.

use std::{
    path::Path,
    sync::{Arc, mpsc},
    thread::JoinHandle,
    time::Duration,
};

use ::web::{Gallery, Server};
use clip::{Matcher, Recollection};
use configuration::{Config, WrongInput};
use crossbeam_channel::{Receiver, Sender};
use fastsam::Segments;
use message::{MasksWriter, State, Topics};
use mqtt::{Delivery, Incoming, Publisher};
use tracing::{info, warn};

use super::{
    clock::Clock,
    health::CameraHealth,
    keep::Keep,
    objects::{areas::Watched, following::Following, ids::Ids},
    pipeline::{self, Edges, Parts, Pipeline, start},
    process::{
        logging::{self, LogLevel},
        shutdown::Shutdown,
        signals,
        systemd::Service,
        threads::{Threads, join, join_with_grace},
    },
    prompts::{
        desk::Desk,
        pictures::{Job, Room},
        requests::RequestStage,
        text::TextStage,
    },
    publish::{
        PublishStage,
        connection::{self, Connection},
        frames::{CameraSide, FramePublisher},
        states::{Announcement, StateOfAccelerator, StateOfCamera},
        status::Vitals,
    },
    settings::{live::Live, reload::Reload},
    store::Store,
    web::{self, Answers, Showing},
};
use crate::{
    host::Host,
    open::{accelerator as open, text::TextModel},
};

/// What the connection has for the last messages, whatever held the other threads up.
const FAREWELL_TIME: Duration = Duration::from_millis(250);

/// The file that keeps embeddings of texts over a restart.
const EMBEDDINGS: &str = "text-embeddings.json";

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
    let server = web::listen(config)?;
    run_with(config, file, extent, text, server)
}

/// What all parts of a daemon share.
struct Shared<'a> {
    config: &'a Config,
    clock: Clock,
    threads: Threads,
    live: Arc<Live>,
    edges: Edges,
    desk: Arc<Desk>,
    watched: Arc<Watched>,
    store: Option<Store>,
}

/// The same with a text model and a server of the caller's.
pub(crate) fn run_with(
    config: &Config,
    file: Option<&Path>,
    extent: Extent,
    text: Option<TextModel>,
    server: Option<Server>,
) -> anyhow::Result<()> {
    let log_level = logging::start(config.log.level)?;
    let clock = Clock::default();
    let shutdown = Shutdown::new();
    let service = Service::from_environment();
    let section = open::fitted(config);
    let first_attempt = start::first_attempt(&section)?;

    let text = text.map(|model| (model.matcher, Room::new(model.refresh)));
    let room = text.as_ref().map(|(_, (room, _))| Arc::clone(room));
    let desk = Desk::new(config, room.clone(), clock.clone()).map_err(WrongInput::new)?;
    let shared = Shared {
        config,
        clock,
        threads: Threads {
            shutdown: shutdown.clone(),
            service: service.clone(),
        },
        live: Live::new(config)?,
        edges: Edges::new(config),
        desk: Arc::new(desk),
        watched: Watched::new(&config.cameras),
        store: Store::of(config),
    };
    let Connection {
        topics,
        publisher,
        session,
        inbox,
        farewell,
    } = connection::connect(config)?;
    let (segments_in, used_segments) = pipeline::used_segments(config);
    let mut publishing = shared.publishing(&topics, &publisher, segments_in, extent)?;
    let cameras = shared.watch_cameras(&topics, &publisher, &publishing.vitals)?;
    let mut accelerator = shared.watch_accelerator(&topics, &publisher, &publishing.vitals)?;
    shared.listen_to_signals(file, log_level, &accelerator)?;

    let mut keeps: Vec<_> = room.iter().map(|room| Arc::clone(room.keep())).collect();
    let page = server
        .map(|server| shared.show(server, &mut publishing, &accelerator, &mut keeps))
        .transpose()?;

    let threads = &shared.threads;
    let session = threads.spawn("mqtt", move |heartbeat| {
        session.run(heartbeat);
        Ok(())
    })?;
    let publish = threads.spawn("publish", move |heartbeat| publishing.run(heartbeat))?;
    let looking = text
        .map(|(matcher, (room, jobs))| shared.look(matcher, room, jobs, &publisher))
        .transpose()?;
    let requests = shared.take_requests(publisher, inbox)?;

    let opened = start::accelerator(
        &section,
        first_attempt,
        &mut accelerator,
        &service,
        &shutdown,
    );
    let opened = opened.and_then(|opened| {
        if let Some(opened) = &opened {
            shared.live.network(opened.layout().classes())?;
        }
        Ok(opened)
    });
    match opened {
        Ok(Some(opened)) => {
            let parts = Parts {
                config,
                edges: shared.edges.clone(),
                accelerator: opened,
                watcher: accelerator,
                cameras,
                used_segments,
                live: &shared.live,
                keeps,
            };
            Pipeline::start(parts, threads)?.join();
        }
        Ok(None) => shared.edges.outcomes.close(),
        Err(error) => {
            shared.edges.outcomes.close();
            shutdown.fail(error);
        }
    }
    service.stopping();
    shutdown.request();
    let others = [publish, requests].into_iter().chain(looking).chain(page);
    join(others, &shutdown);
    farewell.say();
    join_with_grace([session], &shutdown, FAREWELL_TIME);
    match shutdown.take_failure() {
        Some(failure) => Err(failure),
        None => {
            info!("stopped");
            Ok(())
        }
    }
}

impl Shared<'_> {
    fn service(&self) -> &Service {
        &self.threads.service
    }

    /// The last stage.
    fn publishing(
        &self,
        topics: &Topics,
        publisher: &Publisher,
        used: Sender<Segments>,
        extent: Extent,
    ) -> anyhow::Result<PublishStage> {
        let config = self.config;
        let started = self.clock.now();
        let mut ids = Ids::open(self.store.clone(), self.clock.time_of_day());
        let side = |(index, camera): (usize, &configuration::Camera)| {
            let topics = topics.camera(&camera.name)?;
            let first = ids.first(&camera.name);
            let watched = Arc::clone(&self.watched);
            let following = Following::new(index, &config.tracking, watched, first, started)?;
            CameraSide::new(&config.node, &camera.name, topics, following, publisher)
        };
        let cameras = config.cameras.iter().enumerate().map(side);
        let cameras = cameras.collect::<Result<_, _>>()?;
        let healthy = |camera: &configuration::Camera| (camera.name.clone(), Arc::default());
        Ok(PublishStage {
            frames: FramePublisher {
                node: config.node.clone(),
                backend: config.accelerator.backend.name(),
                cameras,
                publisher: publisher.clone(),
                clock: self.clock.clone(),
                writer: MasksWriter::new(),
                message: Vec::new(),
                ids,
                showing: None,
            },
            vitals: Vitals {
                started,
                clock: self.clock.clone(),
                edges: self.edges.clone(),
                cameras: config.cameras.iter().map(healthy).collect(),
                accelerator: Arc::default(),
                publisher: publisher.clone(),
                host: Host::default(),
            },
            status_topic: topics.status(),
            desk: Arc::clone(&self.desk),
            live: self.live.reader(),
            service: self.service().clone(),
            most_frames: extent.frames,
            used,
            shutdown: self.threads.shutdown.clone(),
        })
    }

    /// What the cameras' threads tell their news to. Each is offline until a frame comes.
    fn watch_cameras(
        &self,
        topics: &Topics,
        publisher: &Publisher,
        vitals: &Vitals,
    ) -> anyhow::Result<Vec<StateOfCamera>> {
        let watch = |(name, health): &(String, Arc<CameraHealth>)| {
            let topic = topics.camera(name)?.state();
            publisher.state(&topic, State::Offline.payload(), Delivery::AtLeastOnce)?;
            Ok(StateOfCamera {
                publisher: publisher.clone(),
                topic,
                health: Arc::clone(health),
                service: self.service().clone(),
                clock: self.clock.clone(),
            })
        };
        vitals.cameras.iter().map(watch).collect()
    }

    /// What the accelerator's threads tell their news to. It is offline until it is open.
    fn watch_accelerator(
        &self,
        topics: &Topics,
        publisher: &Publisher,
        vitals: &Vitals,
    ) -> anyhow::Result<StateOfAccelerator> {
        // What the node is comes before how it is.
        let announcement = Announcement::new(publisher.clone(), topics.info(), self.config)?;
        let topic = topics.accelerator_state();
        publisher.state(&topic, State::Offline.payload(), Delivery::AtLeastOnce)?;
        Ok(StateOfAccelerator {
            publisher: publisher.clone(),
            topic,
            announcement,
            health: Arc::clone(&vitals.accelerator),
        })
    }

    fn listen_to_signals(
        &self,
        file: Option<&Path>,
        log_level: LogLevel,
        accelerator: &StateOfAccelerator,
    ) -> anyhow::Result<()> {
        let reload = Reload {
            live: Arc::clone(&self.live),
            watched: Arc::clone(&self.watched),
            log_level,
            announcement: Arc::clone(&accelerator.announcement),
            service: self.service().clone(),
        };
        let file = file.map(Path::to_owned);
        let mut in_force = self.config.clone();
        signals::act(&self.threads, move || match &file {
            Some(file) => reload.read_again(file, &mut in_force),
            None => warn!("there is no configuration file to read again"),
        })
    }

    /// Starts the thread that serves the page, and has frames shown there.
    fn show(
        &self,
        server: Server,
        publishing: &mut PublishStage,
        accelerator: &StateOfAccelerator,
        keeps: &mut Vec<Arc<Keep>>,
    ) -> anyhow::Result<JoinHandle<()>> {
        info!("the page: http://{}/", server.address());
        let names = self.config.cameras.iter().map(|camera| camera.name.clone());
        let gallery = Gallery::new(names);
        let keep = Arc::new(Keep::default());
        keeps.push(Arc::clone(&keep));
        publishing.frames.showing = Some(Showing {
            gallery: Arc::clone(&gallery),
            keep,
        });
        let node = Arc::new(Answers {
            vitals: publishing.vitals.clone(),
            announcement: Arc::clone(&accelerator.announcement),
        });
        let shutdown = self.threads.shutdown.clone();
        self.threads.spawn("web", move |heartbeat| {
            server.run(node, gallery, web::machine(), || {
                heartbeat.beat();
                shutdown.is_requested()
            })?;
            Ok(())
        })
    }

    /// Starts the thread that looks at segments for texts.
    fn look(
        &self,
        matcher: Matcher,
        room: Arc<Room>,
        jobs: Receiver<Job>,
        publisher: &Publisher,
    ) -> anyhow::Result<JoinHandle<()>> {
        let cameras = self.config.cameras.iter();
        let stage = TextStage {
            matcher,
            room,
            jobs,
            desk: Arc::clone(&self.desk),
            publisher: publisher.clone(),
            clock: self.clock.clone(),
            cache: self.store.as_ref().map(|store| store.path(EMBEDDINGS)),
            recollections: cameras.map(|_| Recollection::default()).collect(),
        };
        let shutdown = self.threads.shutdown.clone();
        self.threads.spawn("text", move |heartbeat| {
            stage.run(heartbeat, &shutdown);
            Ok(())
        })
    }

    /// Starts the thread that takes requests.
    fn take_requests(
        &self,
        publisher: Publisher,
        inbox: mpsc::Receiver<Incoming>,
    ) -> anyhow::Result<JoinHandle<()>> {
        let (desk, watched) = (Arc::clone(&self.desk), Arc::clone(&self.watched));
        let (store, clock) = (self.store.clone(), self.clock.clone());
        let shutdown = self.threads.shutdown.clone();
        self.threads.spawn("requests", move |heartbeat| {
            RequestStage::new(&desk, &watched, publisher, inbox, store, clock)?
                .run(heartbeat, &shutdown);
            Ok(())
        })
    }
}
