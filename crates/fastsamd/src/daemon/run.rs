//! From a configuration to a running daemon, and to its end.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, mpsc},
    thread::JoinHandle,
    time::Duration,
};

use ::web::{Gallery, Server, StageTimes};
use clip::{Matcher, Recollection};
use configuration::{Config, WrongInput};
use crossbeam_channel::{Receiver, Sender};
use message::{MasksWriter, SettingTopics, State, Topic, Topics};
use mqtt::{Delivery, EmbeddedBroker, Incoming, Publisher};
use tracing::{info, warn};

use super::{
    checks::BrokerAddress,
    clock::Clock,
    health::CameraHealth,
    keep::Keep,
    objects::{areas::Watched, following::Following, ids::Ids},
    pipeline::{self, Edges, Parts, Pipeline, flight::Spent, start},
    process::{
        errands::Errands,
        logging::{self, LogLevel},
        shutdown::Shutdown,
        signals,
        systemd::Service,
        threads::{Threads, join, join_with_grace},
    },
    prompts::{
        desk::Desk,
        pictures::{Job, Room},
        requests::{RequestStage, Served},
        text::TextStage,
    },
    publish::{
        PublishStage,
        connection::{self, Connection},
        discovery::{Discovery, Sources},
        frames::{CameraSide, FramePublisher},
        pictures::{self, Pictures},
        remains::Remains,
        states::{Announcement, StateOfAccelerator, StateOfCamera},
        status::Vitals,
    },
    settings::{live::Live, registry::Registry, reload::Reload},
    store::Store,
    uploads::{self, Uploads},
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
    if let Some(listen) = config.mqtt.embedded {
        EmbeddedBroker::start(listen, config.mqtt.login())?;
    }
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
    let (log_level, _lines) = logging::start(&config.log)?;
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
        settings: setting_topics,
        birth,
        publisher,
        session,
        inbox,
        farewell,
    } = connection::connect(config)?;
    let settings = shared.settings(log_level, &setting_topics, &publisher)?;
    let (spent_in, spent) = pipeline::spent(config);
    let (mut publishing, pictures) = shared.publishing(&topics, &publisher, spent_in, extent)?;
    let cameras = shared.watch_cameras(&topics, &publisher, &publishing.vitals)?;
    let mut accelerator = shared.watch_accelerator(&topics, &publisher, &publishing.vitals)?;
    shared.listen_to_signals(file, &settings, &accelerator)?;

    let mut keeps: Vec<_> = room.iter().map(|room| Arc::clone(room.keep())).collect();
    keeps.push(Arc::clone(publishing.frames.pictures.keep()));
    let vitals = publishing.vitals.clone();
    let page = server
        .map(|server| shared.show(server, &mut publishing, &accelerator, &topics))
        .transpose()?;
    let shown = publishing.frames.showing.as_ref();
    let shown = shown.map(|showing| Arc::clone(&showing.keep));

    let threads = &shared.threads;
    let session = threads.spawn("mqtt", move |heartbeat| {
        session.run(heartbeat);
        Ok(())
    })?;
    let pictures = shared.make_pictures(
        pictures,
        Arc::clone(publishing.frames.pictures.keep()),
        &publisher,
    )?;
    let publish = threads.spawn("publish", move |heartbeat| publishing.run(heartbeat))?;
    let looking = text
        .map(|(matcher, (room, jobs))| shared.look(matcher, room, jobs, &publisher))
        .transpose()?;
    let serving = Serving {
        file,
        topics,
        settings,
        setting_topics,
        birth,
        vitals,
        publisher,
    };
    let requests = shared.take_requests(serving, inbox)?;

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
                spent,
                live: &shared.live,
                keeps,
                shown,
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
    let others = [publish, pictures, requests]
        .into_iter()
        .chain(looking)
        .chain(page.into_iter().flatten());
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

/// What is served to those who ask.
struct Serving<'a> {
    file: Option<&'a Path>,
    topics: Topics,
    settings: Arc<Registry>,
    setting_topics: Vec<(String, SettingTopics)>,
    birth: Option<Topic>,
    vitals: Vitals,
    publisher: Publisher,
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
        used: Sender<Spent>,
        extent: Extent,
    ) -> anyhow::Result<(PublishStage, Receiver<pictures::Job>)> {
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
        let of_cameras = config
            .cameras
            .iter()
            .map(|camera| topics.camera(&camera.name));
        let of_cameras = of_cameras.collect::<Result<Vec<_>, _>>()?;
        let (pictures, jobs) = Pictures::new(of_cameras.iter(), publisher.clone());
        let healthy = |camera: &configuration::Camera| (camera.name.clone(), Arc::default());
        let stage = PublishStage {
            frames: FramePublisher {
                node: config.node.clone(),
                backend: config.accelerator.backend.name(),
                cameras,
                publisher: publisher.clone(),
                clock: self.clock.clone(),
                writer: MasksWriter::new(),
                message: Vec::new(),
                ids,
                pictures,
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
        };
        Ok((stage, jobs))
    }

    /// The settings that may be set under way, each published where it is in force.
    fn settings(
        &self,
        log_level: LogLevel,
        topics: &[(String, SettingTopics)],
        publisher: &Publisher,
    ) -> anyhow::Result<Arc<Registry>> {
        let settings = Registry::new(
            self.config,
            Arc::clone(&self.live),
            Arc::clone(&self.desk),
            move |level| log_level.set(level),
            self.store.clone(),
        )?;
        let states = topics
            .iter()
            .map(|(name, topics)| (name.clone(), topics.state.clone()));
        let states: BTreeMap<String, Topic> = states.collect();
        let publisher = publisher.clone();
        settings.listen(move |name, value| {
            if let Some(topic) = states.get(name) {
                // A value is not too large; what else may go wrong is counted.
                let _ = publisher.state(topic, value.as_bytes(), Delivery::AtLeastOnce);
            }
        });
        Ok(Arc::new(settings))
    }

    /// Starts the thread that makes pictures.
    fn make_pictures(
        &self,
        jobs: Receiver<pictures::Job>,
        keep: Arc<Keep>,
        publisher: &Publisher,
    ) -> anyhow::Result<JoinHandle<()>> {
        let publisher = publisher.clone();
        self.threads.spawn("pictures", move |heartbeat| {
            pictures::make(&jobs, &keep, &publisher, heartbeat);
            Ok(())
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
        settings: &Arc<Registry>,
        accelerator: &StateOfAccelerator,
    ) -> anyhow::Result<()> {
        let reload = Reload {
            settings: Arc::clone(settings),
            watched: Arc::clone(&self.watched),
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

    /// Starts the threads that serve the page and work on pictures that are sent there, and has frames shown.
    fn show(
        &self,
        server: Server,
        publishing: &mut PublishStage,
        accelerator: &StateOfAccelerator,
        topics: &Topics,
    ) -> anyhow::Result<[JoinHandle<()>; 2]> {
        info!("the page: http://{}/", server.address());
        let names = || self.config.cameras.iter().map(|camera| camera.name.clone());
        let gallery = Gallery::new(names());
        let stages = StageTimes::new(names());
        publishing.frames.showing = Some(Showing {
            gallery: Arc::clone(&gallery),
            keep: Arc::default(),
            stages: Arc::clone(&stages),
        });
        let (uploads, inbox) = uploads::queue();
        let broker = self.config.mqtt.broker();
        let node = Arc::new(Answers {
            vitals: publishing.vitals.clone(),
            announcement: Arc::clone(&accelerator.announcement),
            stages,
            topics: topics.clone(),
            publisher: publishing.frames.publisher.clone(),
            backend: publishing.frames.backend,
            broker: BrokerAddress {
                host: broker.host,
                port: broker.port,
            },
            uploads,
        });
        let uploads = Uploads {
            node: self.config.node.clone(),
            backend: publishing.frames.backend,
            stills: Arc::clone(&self.edges.stills),
            live: Arc::clone(&self.live),
            clock: self.clock.clone(),
            inbox,
        };
        let shutdown = self.threads.shutdown.clone();
        // A large picture takes its time.
        let uploads = self.threads.spawn_unwatched("uploads", move || {
            uploads.run(&shutdown);
            Ok(())
        })?;
        let shutdown = self.threads.shutdown.clone();
        let page = self.threads.spawn("web", move |heartbeat| {
            server.run(node, gallery, web::machine(), || {
                heartbeat.beat();
                shutdown.is_requested()
            })?;
            Ok(())
        })?;
        Ok([page, uploads])
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

    /// Starts the thread that takes requests, and tells Home Assistant what there is.
    fn take_requests(
        &self,
        serving: Serving<'_>,
        inbox: mpsc::Receiver<Incoming>,
    ) -> anyhow::Result<JoinHandle<()>> {
        let Serving {
            file,
            topics,
            settings,
            setting_topics,
            birth,
            vitals,
            publisher,
        } = serving;
        let config = self.config;
        let errands = Errands::new(self.threads.clone(), file.map(Path::to_owned));
        let sources = Sources {
            cameras: config.cameras.clone(),
            settings: Arc::clone(&settings),
            watched: Arc::clone(&self.watched),
            desk: Arc::clone(&self.desk),
            vitals,
            publisher: publisher.clone(),
            clock: self.clock.clone(),
            backend: config.accelerator.backend.name(),
            summary_interval_s: config.publish.summary_interval_s,
            can_restart: errands.can_restart(),
            has_doctor: errands.has_doctor(),
        };
        let discovery = Discovery::new(config, topics.clone(), sources, self.store.clone());
        let remains = self.look_for_remains(topics, &discovery, &publisher)?;
        let served = Served {
            desk: Arc::clone(&self.desk),
            watched: Arc::clone(&self.watched),
            settings,
            discovery,
            remains: Some(remains),
            errands,
            publisher,
            store: self.store.clone(),
            clock: self.clock.clone(),
        };
        let set = setting_topics
            .into_iter()
            .map(|(name, topics)| (name, topics.set));
        let stage = RequestStage::new(served, inbox, set.collect(), birth)?;
        let shutdown = self.threads.shutdown.clone();
        self.threads.spawn("requests", move |heartbeat| {
            stage.run(heartbeat, &shutdown);
            Ok(())
        })
    }

    /// Starts to look for what an earlier daemon of the node left behind on the broker.
    fn look_for_remains(
        &self,
        topics: Topics,
        discovery: &Discovery,
        publisher: &Publisher,
    ) -> anyhow::Result<Remains> {
        let config = self.config;
        let id = format!("{}-remains", connection::client_id(config));
        let options = connection::options(config, &id)?;
        let former = discovery.former_topics();
        let home_assistant = &config.mqtt.homeassistant;
        Remains::look(
            &self.threads,
            publisher.clone(),
            options,
            topics,
            former,
            home_assistant
                .discovery
                .then_some(home_assistant.prefix.as_str()),
        )
    }
}
