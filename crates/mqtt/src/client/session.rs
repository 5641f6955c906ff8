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

use rumqttc::{
    Outgoing,
    v5::{
        AsyncClient, Event, EventLoop,
        mqttbytes::{
            QoS,
            v5::{
                ConnAck, Filter, Packet, PubAckReason, Publish, RetainForwardRule, SubAck,
                SubscribeReasonCode,
            },
        },
    },
};
use tokio::{
    runtime::Runtime,
    select,
    time::{sleep, timeout},
};
use tracing::{debug, info, warn};

use super::{
    backoff::Pauses,
    exchange::Incoming,
    failure::Failure,
    options::{Options, QUEUE},
    shared::Shared,
};
use crate::MqttError;

/// How often a wait looks whether it should end.
const TICK: Duration = Duration::from_millis(50);

/// How long a stopped session waits for the broker to acknowledge `offline`.
const FAREWELL: Duration = Duration::from_millis(500);

/// How long it then waits for the broker to close the connection.
const CLOSE: Duration = Duration::from_millis(200);

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

/// A connection, or the attempt at one.
struct Connection {
    client: AsyncClient,
    event_loop: EventLoop,
    /// What the broker said when it accepted, until the subscriptions are made.
    accepted: Option<ConnAck>,
    opened: Option<Instant>,
}

impl Worker {
    async fn run(&self, stop: &impl Fn() -> bool) {
        let address = self.options.address();
        let mut pauses = Pauses::new(self.options.backoff);
        // What was last said of the broker: a line per change, not per attempt.
        let mut last_said = String::new();
        while !stop() {
            self.shared.tally.attempts.add(1);
            let mut connection = match self.connection() {
                Ok(connection) => connection,
                Err(error) => return warn!(broker = address, "no connection: {error}"),
            };
            let outcome = self.serve(&mut connection, stop).await;
            if outcome.is_ok() && connection.opened.is_some() {
                self.say_farewell(&mut connection).await;
            }
            self.shared.close();
            let Err(failure) = outcome else { return };
            if let Some(opened) = connection.opened {
                last_said.clear();
                pauses.held_for(opened.elapsed());
            }
            let pause = pauses.pause();
            let said = failure.to_string();
            self.shared.failed(&said);
            if said == last_said {
                debug!(broker = address, "still: {said}");
            } else if connection.opened.is_some() {
                warn!(broker = address, "connection lost: {said}; trying again");
            } else {
                warn!(broker = address, "no connection: {said}; trying again");
            }
            last_said = said;
            wait(pause, stop).await;
        }
    }

    fn connection(&self) -> Result<Connection, MqttError> {
        let mut options = self.options.for_rumqttc()?;
        options.set_last_will(self.options.last_will());
        let (client, event_loop) = AsyncClient::new(options, QUEUE);
        Ok(Connection {
            client,
            event_loop,
            accepted: None,
            opened: None,
        })
    }

    /// Works until the connection fails, or `stop` says so.
    async fn serve(
        &self,
        connection: &mut Connection,
        stop: &impl Fn() -> bool,
    ) -> Result<(), Failure> {
        while let Some(event) = self.next_event(&mut connection.event_loop, stop).await? {
            match event {
                Event::Incoming(Packet::ConnAck(ack)) => self.accepted(connection, ack),
                Event::Incoming(Packet::SubAck(ack)) => self.subscribed(connection, &ack),
                Event::Incoming(Packet::Publish(publish)) => self.receive(publish),
                event => self.note(&event),
            }
            self.send();
        }
        Ok(())
    }

    /// The next event, or `None` once `stop` says so.
    async fn next_event(
        &self,
        event_loop: &mut EventLoop,
        stop: &impl Fn() -> bool,
    ) -> Result<Option<Event>, Failure> {
        // A connection that is alive shows at least a ping in this time.
        // The broker may have asked for another time than the options.
        let patience = event_loop.options.keep_alive() * 2;
        let started = Instant::now();
        // One future for the whole wait: a new one would forget a packet that is half written.
        let mut poll = pin!(event_loop.poll());
        while !stop() {
            if started.elapsed() > patience {
                return Err(Failure::Stalled(patience));
            }
            select! {
                event = &mut poll => return Ok(Some(event?)),
                () = self.shared.changed.notified() => {
                    self.send();
                }
                () = sleep(TICK) => self.shared.mark_when_due(),
            }
        }
        Ok(None)
    }

    fn accepted(&self, connection: &mut Connection, ack: ConnAck) {
        connection.accepted = Some(ack);
        let filters = self.options.subscriptions.iter().map(|topic| Filter {
            retain_forward_rule: RetainForwardRule::Never,
            ..Filter::new(topic.as_str(), QoS::AtLeastOnce)
        });
        if self.options.subscriptions.is_empty() {
            self.open(connection);
        } else if connection.client.try_subscribe_many(filters).is_err() {
            // The queue of a new connection is empty, and topics have no wildcards.
            warn!("subscriptions could not be made");
            self.open(connection);
        }
    }

    fn subscribed(&self, connection: &mut Connection, ack: &SubAck) {
        if connection.opened.is_some() {
            // Subscriptions are made once; this is the answer to a mark.
            return self.shared.confirmed();
        }
        for (topic, code) in self.options.subscriptions.iter().zip(&ack.return_codes) {
            if !matches!(code, SubscribeReasonCode::Success(_)) {
                warn!(%topic, "the broker refuses the subscription: {code:?}");
            }
        }
        self.open(connection);
    }

    /// Opens the connection for publishing, once subscriptions are made: who says `online` hears.
    fn open(&self, connection: &mut Connection) {
        let Some(ack) = connection.accepted.take() else {
            return;
        };
        let max_packet_bytes = ack.properties.and_then(|given| given.max_packet_size);
        connection.opened = Some(Instant::now());
        self.shared.tally.connects.add(1);
        self.shared.open(
            connection.client.clone(),
            max_packet_bytes,
            &self.options.availability,
        );
        info!(broker = self.options.address(), "connected");
    }

    fn receive(&self, publish: Publish) {
        if publish.retain {
            return;
        }
        let properties = publish.properties.unwrap_or_default();
        let incoming = Incoming {
            topic: String::from_utf8_lossy(&publish.topic).into_owned(),
            payload: publish.payload.into(),
            response_topic: properties.response_topic,
            correlation_data: properties.correlation_data.map(Into::into),
            asker: None,
        };
        if let Err(TrySendError::Full(_)) = self.inbox.try_send(incoming) {
            self.shared.tally.inbox_overflows.add(1);
        }
    }

    fn note(&self, event: &Event) {
        match event {
            Event::Outgoing(Outgoing::Publish(packet)) => self.shared.written(*packet),
            Event::Incoming(Packet::PubAck(ack)) => {
                // Nobody listens: that is the listeners' matter.
                let is_taken = matches!(
                    ack.reason,
                    PubAckReason::Success | PubAckReason::NoMatchingSubscribers
                );
                let refused = (!is_taken).then(|| format!("{:?}", ack.reason));
                self.shared.acknowledged(ack.pkid, refused.as_deref());
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
    async fn say_farewell(&self, connection: &mut Connection) {
        let acknowledged = timeout(FAREWELL, self.publish_offline(connection)).await;
        if !matches!(acknowledged, Ok(Ok(()))) {
            debug!("the broker did not acknowledge 'offline' in time: the last will says it");
            return;
        }
        if connection.client.try_disconnect().is_ok() {
            // The broker closes the connection; to close it first could cut off what is under way.
            let closed = async { while connection.event_loop.poll().await.is_ok() {} };
            let _ = timeout(CLOSE, closed).await;
        }
        info!(broker = self.options.address(), "disconnected");
    }

    async fn publish_offline(&self, connection: &mut Connection) -> Result<(), Failure> {
        let mut said = false;
        loop {
            if !said && self.send() {
                said = self.shared.send_last(&self.options.availability);
            }
            let acknowledged = connection.event_loop.state.inflight() == 0;
            if said && acknowledged && self.shared.under_way() == 0 {
                return Ok(());
            }
            let event = connection.event_loop.poll().await?;
            self.note(&event);
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
