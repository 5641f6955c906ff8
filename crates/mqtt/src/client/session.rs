//! The side of the client that owns the connection.
//!
//! Each connection gets a client and an event loop of its own. rumqttc can reconnect by itself,
//! but then queues, packet ids and collisions of the last connection reach into the next.

use std::{
    pin::pin,
    sync::{
        Arc,
        mpsc::{SyncSender, TrySendError},
    },
    time::{Duration, Instant},
};

use tokio::{
    runtime::Runtime,
    select,
    time::{sleep, timeout},
};
use tracing::{debug, info, warn};

use super::{
    backoff::Pauses,
    dial::{Known, dial},
    exchange::Incoming,
    failure::Failure,
    options::Options,
    shared::Shared,
    wire::{Accepted, Arrived, Delivery, Happened, Line, Version},
};
use crate::MqttError;

/// How often a wait looks whether it should end.
const TICK: Duration = Duration::from_millis(50);

/// How long a stopped session waits for the broker to acknowledge `offline`.
const FAREWELL: Duration = Duration::from_millis(500);

/// The connection to the broker; runs on a thread of the caller's.
#[derive(Debug)]
pub struct Session {
    runtime: Runtime,
    worker: Worker,
}

impl Session {
    pub(super) fn new(
        options: Options,
        shared: Arc<Shared>,
        inbox: SyncSender<Incoming>,
    ) -> Result<Self, MqttError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(MqttError::Runtime)?;
        Ok(Self {
            runtime,
            worker: Worker {
                options,
                shared,
                inbox,
            },
        })
    }

    /// Connects, and again whenever the connection ends, until `stop` says true, which is asked
    /// every 50 ms. Then sends what is queued, publishes `offline`, and disconnects: all within a
    /// second.
    pub fn run(self, stop: impl Fn() -> bool) {
        self.runtime.block_on(self.worker.run(&stop));
        // Resolving a host name can't be interrupted: don't wait for its thread.
        self.runtime.shutdown_background();
    }
}

#[derive(Debug)]
struct Worker {
    options: Options,
    shared: Arc<Shared>,
    inbox: SyncSender<Incoming>,
}

/// A connection.
struct Connection {
    line: Line,
    accepted: Accepted,
    opened: Option<Instant>,
}

impl Worker {
    async fn run(&self, stop: &impl Fn() -> bool) {
        let address = self.options.address();
        let mut pauses = Pauses::new(self.options.backoff);
        let mut known = Known::default();
        // What was last said of the broker: a line per change, not per attempt.
        let mut last_said = String::new();
        let mut last_accepted = None;
        while !stop() {
            self.shared.tally.attempts.add(1);
            let mut opened = None;
            let outcome = match self.dial(&mut known, stop).await {
                Ok(None) => return,
                Ok(Some((line, accepted))) => {
                    if last_accepted.replace(accepted) != Some(accepted) {
                        self.tell(&accepted);
                    }
                    let mut connection = Connection {
                        line,
                        accepted,
                        opened: None,
                    };
                    let outcome = self.serve(&mut connection, stop).await;
                    opened = connection.opened;
                    if outcome.is_ok() && opened.is_some() {
                        self.say_farewell(connection).await;
                    }
                    outcome
                }
                Err(failure) => Err(failure),
            };
            if let Err(failure) = &outcome
                && failure.is_too_large()
            {
                self.shared.learn_limit();
            }
            self.shared.close();
            let Err(failure) = outcome else { return };
            if let Some(opened) = opened {
                last_said.clear();
                pauses.held_for(opened.elapsed());
            }
            let pause = pauses.pause();
            let said = failure.to_string();
            self.shared.failed(&said);
            if said == last_said {
                debug!(broker = address, "still: {said}");
            } else if opened.is_some() {
                warn!(broker = address, "connection lost: {said}; trying again");
            } else {
                warn!(broker = address, "no connection: {said}; trying again");
            }
            last_said = said;
            wait(pause, stop).await;
        }
    }

    /// Connects, or ends with nothing once `stop` says so.
    async fn dial(
        &self,
        known: &mut Known,
        stop: &impl Fn() -> bool,
    ) -> Result<Option<(Line, Accepted)>, Failure> {
        let mut made = pin!(dial(&self.options, true, known));
        while !stop() {
            select! {
                made = &mut made => return made.map(Some),
                () = sleep(TICK) => {}
            }
        }
        Ok(None)
    }

    /// Says what this broker lacks, and what follows from that.
    fn tell(&self, accepted: &Accepted) {
        let broker = self.options.address();
        if accepted.version == Version::V3 {
            warn!(
                broker,
                "it speaks MQTT 3.1.1 and not 5: messages go out without expiry and content type, and answers to \
                 requests on the usual topics only"
            );
        }
        if !accepted.can.retain {
            warn!(
                broker,
                "it keeps no retained messages: subscribers see states only when they change or the connection is \
                 made anew"
            );
        }
        if !accepted.can.acknowledge {
            warn!(
                broker,
                "it knows no QoS 1: events are lost with a connection"
            );
        }
    }

    /// Works until the connection fails, or `stop` says so.
    async fn serve(
        &self,
        connection: &mut Connection,
        stop: &impl Fn() -> bool,
    ) -> Result<(), Failure> {
        self.subscribe(connection);
        while let Some(happened) = self.next(&mut connection.line, stop).await? {
            match happened {
                Happened::Subscribed(refusals) => self.subscribed(connection, &refusals),
                Happened::Arrived(message) => self.receive(message),
                happened => self.note(happened),
            }
            self.send();
        }
        Ok(())
    }

    /// What happens next, or `None` once `stop` says so.
    async fn next(
        &self,
        line: &mut Line,
        stop: &impl Fn() -> bool,
    ) -> Result<Option<Happened>, Failure> {
        // A connection that is alive shows at least a ping in this time.
        let patience = line.keep_alive() * 2;
        let started = Instant::now();
        // One future for the whole wait: a new one would forget a packet that is half written.
        let mut poll = pin!(line.poll());
        while !stop() {
            if started.elapsed() > patience {
                return Err(Failure::Stalled(patience));
            }
            select! {
                happened = &mut poll => return happened.map(Some),
                () = self.shared.changed.notified() => {
                    self.send();
                }
                () = sleep(TICK) => self.shared.mark_when_due(),
            }
        }
        Ok(None)
    }

    fn subscribe(&self, connection: &mut Connection) {
        let filters = self
            .options
            .subscriptions
            .iter()
            .map(|topic| topic.as_str());
        if self.options.subscriptions.is_empty() {
            self.open(connection);
        } else if connection
            .line
            .outbox()
            .subscribe(filters, Delivery::AtLeastOnce, false)
            .is_err()
        {
            // The queue of a new connection is empty, and topics have no wildcards.
            warn!("subscriptions could not be made");
            self.open(connection);
        }
    }

    fn subscribed(&self, connection: &mut Connection, refusals: &[Option<String>]) {
        if connection.opened.is_some() {
            // Subscriptions are made once; this is the answer to a mark.
            return self.shared.confirmed();
        }
        for (topic, refusal) in self.options.subscriptions.iter().zip(refusals) {
            if let Some(cause) = refusal {
                warn!(%topic, "the broker refuses the subscription: {cause}");
            }
        }
        self.open(connection);
    }

    /// Opens the connection for publishing, once subscriptions are made: who says `online` hears.
    fn open(&self, connection: &mut Connection) {
        connection.opened = Some(Instant::now());
        self.shared.tally.connects.add(1);
        self.shared.open(
            connection.line.outbox().clone(),
            &connection.accepted,
            &self.options.availability,
        );
        info!(broker = self.options.address(), "connected");
    }

    fn receive(&self, message: Arrived) {
        if message.retain {
            return;
        }
        let incoming = Incoming {
            topic: message.topic,
            payload: message.payload,
            response_topic: message.response_topic,
            correlation_data: message.correlation_data,
            asker: None,
        };
        if let Err(TrySendError::Full(request)) = self.inbox.try_send(incoming) {
            self.shared.tally.inbox_overflows.add(1);
            let refuse = self.options.refuse.as_ref();
            if let Some((to, answer)) = refuse.and_then(|refuse| refuse.answer(&request)) {
                // What can't be refused either has been counted.
                let _ = self.shared.answer(&to, &answer);
            }
        }
    }

    fn note(&self, happened: Happened) {
        match happened {
            Happened::Written(packet) => self.shared.written(packet),
            Happened::Acknowledged { packet, refused } => {
                self.shared.acknowledged(packet, refused.as_deref());
            }
            _ => {}
        }
    }

    /// Queues what waits, as far as there is room: states, then events. Says whether nothing is left.
    fn send(&self) -> bool {
        let states = self.shared.send_states();
        self.shared.mark_when_due();
        self.shared.send_backlog() && states
    }

    /// Sends all that is queued, `offline`, and, when that has been acknowledged, that this is
    /// the end. Otherwise the connection just breaks, and the broker publishes the last will.
    async fn say_farewell(&self, mut connection: Connection) {
        let acknowledged = timeout(FAREWELL, self.publish_offline(&mut connection.line)).await;
        if !matches!(acknowledged, Ok(Ok(()))) {
            debug!("the broker did not acknowledge 'offline' in time: the last will says it");
            return;
        }
        connection.line.leave().await;
        info!(broker = self.options.address(), "disconnected");
    }

    async fn publish_offline(&self, line: &mut Line) -> Result<(), Failure> {
        let mut said = false;
        loop {
            if !said && self.send() {
                said = self.shared.send_last(&self.options.availability);
            }
            let acknowledged = line.inflight() == 0;
            if said && acknowledged && self.shared.under_way() == 0 {
                return Ok(());
            }
            let happened = line.poll().await?;
            self.note(happened);
        }
    }
}

/// Sleeps, but not longer than until `stop` says so.
async fn wait(duration: Duration, stop: &impl Fn() -> bool) {
    let started = Instant::now();
    while !stop() {
        let left = duration.saturating_sub(started.elapsed());
        if left.is_zero() {
            return;
        }
        sleep(left.min(TICK)).await;
    }
}
