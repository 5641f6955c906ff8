//! The live page at its place: what it may ask the daemon for, and how it gets its frames.

use std::{fs, sync::Arc, time::SystemTime};

use configuration::{Config, WrongInput};
use crossbeam_channel::Sender;
use fastsam::Segments;
use frame::Frame;
use message::{Status, Topics, Track};
use mqtt::{Asker, Publisher};
use web::{
    Answer, Gallery, Node, Options, Outline, SegmentAnswer, Server, Shown, StageTimes, Token,
};

use super::{
    checks::{self, BrokerAddress},
    keep::Keep,
    pipeline::flight::Flight,
    publish::{states::Announcement, status::Vitals},
    uploads::Upload,
};

/// Takes the configured address.
pub(crate) fn listen(config: &Config) -> Result<Option<Server>, WrongInput> {
    let Some(web) = &config.web else {
        return Ok(None);
    };
    let token = web.token.as_ref().map(|token| Token::new(token.expose()));
    let server = Server::listen(web.listen, token);
    server
        .map(Some)
        .map_err(|error| WrongInput::new(format_args!("{error}: see 'web.listen'")))
}

/// What this machine is called, by itself and by browsers.
pub(crate) fn machine() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname");
    name.unwrap_or_default().trim().to_owned()
}

/// What the page asks for.
pub(crate) struct Answers {
    pub(crate) vitals: Vitals,
    pub(crate) announcement: Arc<Announcement>,
    pub(crate) stages: Arc<StageTimes>,
    pub(crate) topics: Topics,
    pub(crate) publisher: Publisher,
    pub(crate) backend: &'static str,
    pub(crate) broker: BrokerAddress,
    pub(crate) uploads: Sender<Upload>,
}

impl Node for Answers {
    fn status(&self) -> Status {
        self.vitals.status()
    }

    fn info(&self) -> serde_json::Value {
        self.announcement.now()
    }

    fn stages(&self) -> Arc<StageTimes> {
        Arc::clone(&self.stages)
    }

    fn request(&self, what: &str, body: Vec<u8>, answer: Answer) {
        // What is no level of a topic is nothing that can be asked.
        if let Ok(topic) = self.topics.request(what) {
            self.publisher.ask(&topic, body, Asker::new(answer));
        }
    }

    fn checks(&self) -> serde_json::Value {
        let findings = checks::examine(&self.vitals, self.backend, &self.broker);
        serde_json::json!({ "checks": findings })
    }

    fn segment(&self, picture: Vec<u8>, options: Options, answer: SegmentAnswer) {
        // Where too many wait the answer is dropped, which tells its sender.
        let _ = self.uploads.try_send(Upload {
            picture,
            options,
            answer,
        });
    }
}

/// Shows frames to those who look.
pub(crate) struct Showing {
    pub(crate) gallery: Arc<Gallery>,
    pub(crate) keep: Arc<Keep<Frame>>,
    pub(crate) stages: Arc<StageTimes>,
}

/// A frame that may be shown.
pub(crate) struct Showable<'a> {
    pub(crate) camera: usize,
    pub(crate) flight: &'a Flight,
    pub(crate) segments: &'a Segments,
    pub(crate) tracks: &'a [track::Track],
    pub(crate) captured_at: SystemTime,
    pub(crate) backend: &'static str,
}

impl Showing {
    /// Whether somebody looks at a camera. From then on its pictures are kept.
    pub(crate) fn is_watched(&self, camera: usize) -> bool {
        let is_watched = self.gallery.is_watched(camera);
        if is_watched != self.keep.wants(camera) {
            self.keep.want(camera, is_watched);
        }
        is_watched
    }

    /// Shows a frame, with what happened in it, if its picture was kept.
    pub(crate) fn show(&self, showable: &Showable<'_>, events: Vec<String>) {
        let Showable {
            camera,
            flight,
            segments,
            ..
        } = *showable;
        let Some(picture) = self.keep.take(camera, flight.sequence) else {
            return;
        };
        let outline = |(place, segment): (usize, &fastsam::Segment)| {
            let track = showable.tracks.get(place);
            let told = track.map(Track::from);
            Outline {
                id: track.map_or(place as u64, |track| track.id),
                velocity: told.map_or([0.0; 2], |told| told.velocity),
                age_ms: told.map_or(0, |told| told.age_ms),
                segment: segment.clone(),
            }
        };
        let outlines = segments.as_slice().iter().enumerate().map(outline);
        let since = showable.captured_at.duration_since(SystemTime::UNIX_EPOCH);
        let shown = Shown::new(
            flight.sequence,
            since.map_or(0, |since| since.as_millis() as u64),
            segments.size(),
            showable.backend,
            picture,
            flight.letterbox,
            segments.classes().clone(),
            outlines.collect(),
            events,
        );
        self.gallery.show(camera, shown);
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read as _, Write as _},
        net::{SocketAddr, TcpStream},
        sync::{
            atomic::{AtomicBool, Ordering},
            mpsc::{Receiver, RecvTimeoutError, channel},
        },
        time::Duration,
    };

    use mqtt::Incoming;

    use super::*;
    use crate::{
        daemon::{clock::Clock, pipeline::Edges, uploads},
        host::Host,
    };

    /// What the page asks of a daemon that reads no requests.
    fn answers() -> (Answers, Receiver<Incoming>) {
        let config = Config::default();
        let topics = Topics::new("fastsam", "node").unwrap();
        let options = mqtt::Options::new("127.0.0.1", 1, "test", topics.availability());
        let (publisher, _session, inbox) = mqtt::connect(options).unwrap();
        let clock = Clock::standing();
        let vitals = Vitals {
            started: clock.now(),
            clock,
            edges: Edges::new(&config),
            cameras: Vec::new(),
            accelerator: Arc::default(),
            publisher: publisher.clone(),
            host: Host::at("/nowhere"),
        };
        let answers = Answers {
            vitals,
            announcement: Announcement::new(publisher.clone(), topics.info(), &config).unwrap(),
            stages: StageTimes::new([]),
            topics,
            publisher,
            backend: "mock",
            broker: BrokerAddress {
                host: "broker.lan".to_owned(),
                port: 1883,
            },
            uploads: uploads::queue().0,
        };
        (answers, inbox)
    }

    #[test]
    fn an_inbox_that_is_full_of_messages_is_a_503_and_not_a_queue() {
        let (answers, inbox) = answers();
        let answers = Arc::new(answers);
        // Requests until one is dropped; those before it wait.
        let waiting: Vec<_> = (0..1000)
            .map_while(|_| {
                let (asker, answer) = channel::<()>();
                let keep = Box::new(move |_: &[u8]| drop(asker));
                answers.request("zones", b"{}".to_vec(), keep);
                match answer.recv_timeout(Duration::ZERO) {
                    Err(RecvTimeoutError::Timeout) => Some(answer),
                    _ => None,
                }
            })
            .collect();
        assert!((1..1000).contains(&waiting.len()), "{}", waiting.len());

        let server = Server::listen(SocketAddr::from(([127, 0, 0, 1], 0)), None).unwrap();
        let address = server.address();
        let node: Arc<dyn Node> = Arc::clone(&answers) as _;
        let ends = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&ends);
        let serves = std::thread::spawn(move || {
            server.run(node, Gallery::new([]), String::new(), || {
                stop.load(Ordering::Relaxed)
            })
        });
        let ask = || {
            let mut stream = TcpStream::connect(address).unwrap();
            let timeout = Some(Duration::from_secs(60));
            stream.set_read_timeout(timeout).unwrap();
            write!(
                stream,
                "POST /api/v1/zones HTTP/1.1\r\nHost: {address}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}"
            )
            .unwrap();
            stream
        };
        let mut said = String::new();
        ask().read_to_string(&mut said).unwrap();
        assert!(said.starts_with("HTTP/1.1 503 "), "{said}");
        assert!(
            said.ends_with("too much is asked at once: try again\n"),
            "{said}"
        );
        // What is not a request is answered all the same; and so are requests as soon as there is room.
        let health = answers.checks();
        assert_eq!(health["checks"][1]["check"], "broker", "{health}");
        inbox.recv_timeout(Duration::from_secs(60)).unwrap();
        let _asks = ask();
        let is_ours = |request: &Incoming| request.payload == b"{}" && request.asker.is_some();
        let taken = (0..waiting.len()).filter(|_| {
            let request = inbox.recv_timeout(Duration::from_secs(60));
            request.is_ok_and(|request| is_ours(&request))
        });
        assert_eq!(taken.count(), waiting.len());
        ends.store(true, Ordering::Relaxed);
        serves.join().unwrap().unwrap();
    }
}
