//! rumqttc's clients for MQTT 5 and for MQTT 3.1.1, behind one set of words.
//!
//! This is the one place that knows two versions. What only MQTT 5 has (expiry, content types, response topics,
//! reasons of a refusal, limits that the broker names) is left out where the broker speaks 3.1.1; nobody else asks
//! which it is. The same holds for what a broker of MQTT 5 says that it lacks: retained messages, and QoS 1.

use std::time::Duration;

use message::State;
use rumqttc::{
    AsyncClient, Event, EventLoop, LastWill, Outgoing, Packet, QoS, SubscribeFilter,
    SubscribeReasonCode,
    v5::{
        self,
        mqttbytes::{
            QoS as QoS5,
            v5::{
                ConnAck, Filter, LastWill as LastWill5, Packet as Packet5, PubAckReason,
                Publish as Publish5, PublishProperties, RetainForwardRule,
                SubscribeReasonCode as SubscribeReasonCode5,
            },
        },
    },
};
use tokio::time::timeout;

use super::{
    failure::{Failure, spaced},
    options::{Options, QUEUE, network},
};

/// How long a broker may take to close a connection that is left.
const CLOSE: Duration = Duration::from_millis(200);

/// A version of MQTT.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// MQTT 3.1.1.
    V3,
    /// MQTT 5.
    V5,
}

/// How surely a message reaches the broker while the connection lasts (MQTT's QoS).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Delivery {
    /// QoS 0: for values that are soon replaced.
    AtMostOnce,
    /// QoS 1: acknowledged.
    AtLeastOnce,
}

/// What a broker said when it accepted a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Accepted {
    pub(crate) version: Version,
    /// The largest packet it takes, in bytes, where it said so.
    pub(crate) max_packet_bytes: Option<u32>,
    pub(crate) can: Abilities,
}

/// What a broker can. Those of MQTT 3.1.1 can't say, and are taken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Abilities {
    /// It keeps retained messages.
    pub(crate) retain: bool,
    /// It takes messages of QoS 1.
    pub(crate) acknowledge: bool,
}

impl Abilities {
    pub(crate) const ALL: Self = Self {
        retain: true,
        acknowledge: true,
    };
}

/// What goes with a message in MQTT 5.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Properties<'a> {
    /// Seconds after which nobody gets it any more.
    pub(crate) expiry_s: Option<u32>,
    pub(crate) content_type: Option<&'a str>,
    /// What the asker knows an answer by.
    pub(crate) correlation_data: Option<&'a [u8]>,
}

/// What came of a turn of the connection.
#[derive(Debug)]
pub(crate) enum Happened {
    /// Subscriptions were answered, in their order: why the broker refuses each, if it does.
    Subscribed(Vec<Option<String>>),
    /// A message.
    Arrived(Arrived),
    /// The broker has a packet of ours, or refuses it for a reason.
    Acknowledged {
        packet: u16,
        refused: Option<String>,
    },
    /// A message of ours was written: as this packet with QoS 1, as 0 with QoS 0.
    Written(u16),
    /// Something that nobody waits for.
    Nothing,
}

/// A message that came.
#[derive(Debug)]
pub(crate) struct Arrived {
    pub(crate) topic: String,
    pub(crate) payload: Vec<u8>,
    pub(crate) retain: bool,
    pub(crate) response_topic: Option<String>,
    pub(crate) correlation_data: Option<Vec<u8>>,
}

/// The queue has no room.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Full;

/// The way into a connection; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Outbox {
    client: Client,
    can: Abilities,
}

#[derive(Clone, Debug)]
enum Client {
    V3(AsyncClient),
    V5(v5::AsyncClient),
}

impl Outbox {
    /// Queues a message. What the broker lacks is left out.
    pub(crate) fn publish(
        &self,
        topic: &str,
        delivery: Delivery,
        retain: bool,
        payload: Vec<u8>,
        properties: Properties<'_>,
    ) -> Result<(), Full> {
        let retain = retain && self.can.retain;
        let acknowledge = delivery == Delivery::AtLeastOnce && self.can.acknowledge;
        match &self.client {
            Client::V3(client) => {
                let qos = qos_3(acknowledge);
                let sent = client.try_publish(topic, qos, retain, payload);
                sent.map_err(|_| Full)
            }
            Client::V5(client) => {
                let properties = PublishProperties {
                    message_expiry_interval: properties.expiry_s,
                    content_type: properties.content_type.map(Into::into),
                    correlation_data: properties.correlation_data.map(|data| data.to_vec().into()),
                    ..PublishProperties::default()
                };
                let qos = qos_5(acknowledge);
                let sent =
                    client.try_publish_with_properties(topic, qos, retain, payload, properties);
                sent.map_err(|_| Full)
            }
        }
    }

    /// Queues subscriptions, answered all together. Without `kept`, retained messages need not be sent: a broker of
    /// MQTT 3.1.1 sends them all the same.
    pub(crate) fn subscribe<'a>(
        &self,
        filters: impl IntoIterator<Item = &'a str>,
        delivery: Delivery,
        kept: bool,
    ) -> Result<(), Full> {
        let acknowledge = delivery == Delivery::AtLeastOnce;
        let filters = filters.into_iter();
        match &self.client {
            Client::V3(client) => {
                let filters =
                    filters.map(|path| SubscribeFilter::new(path.into(), qos_3(acknowledge)));
                client.try_subscribe_many(filters).map_err(|_| Full)
            }
            Client::V5(client) => {
                let retain_forward_rule = if kept {
                    RetainForwardRule::OnEverySubscribe
                } else {
                    RetainForwardRule::Never
                };
                let filters = filters.map(|path| Filter {
                    retain_forward_rule: retain_forward_rule.clone(),
                    ..Filter::new(path, qos_5(acknowledge))
                });
                client.try_subscribe_many(filters).map_err(|_| Full)
            }
        }
    }

    /// Queues the end of the connection.
    pub(crate) fn disconnect(&self) -> Result<(), Full> {
        match &self.client {
            Client::V3(client) => client.try_disconnect().map_err(|_| Full),
            Client::V5(client) => client.try_disconnect().map_err(|_| Full),
        }
    }
}

fn qos_3(acknowledge: bool) -> QoS {
    if acknowledge {
        QoS::AtLeastOnce
    } else {
        QoS::AtMostOnce
    }
}

fn qos_5(acknowledge: bool) -> QoS5 {
    if acknowledge {
        QoS5::AtLeastOnce
    } else {
        QoS5::AtMostOnce
    }
}

/// A connection.
pub(crate) struct Line {
    outbox: Outbox,
    events: Events,
}

enum Events {
    V3(Box<EventLoop>),
    V5(Box<v5::EventLoop>),
}

impl Line {
    /// Connects in this version. `will` says what of the last will the broker can do; there is none without it.
    pub(crate) async fn connect(
        options: &Options,
        version: Version,
        will: Option<Abilities>,
    ) -> Result<(Self, Accepted), Failure> {
        match version {
            Version::V3 => Self::connect_v3(options, will).await,
            Version::V5 => Self::connect_v5(options, will).await,
        }
    }

    async fn connect_v3(
        options: &Options,
        will: Option<Abilities>,
    ) -> Result<(Self, Accepted), Failure> {
        let mut settings = options.for_v3()?;
        if let Some(can) = will {
            let (topic, payload) = (options.availability.as_str(), State::Offline.payload());
            let will = LastWill::new(topic, payload, qos_3(can.acknowledge), can.retain);
            settings.set_last_will(will);
        }
        let (client, mut event_loop) = AsyncClient::new(settings, QUEUE);
        event_loop.set_network_options(network());
        let mut event_loop = Box::new(event_loop);
        while !matches!(
            event_loop.poll().await?,
            Event::Incoming(Packet::ConnAck(_))
        ) {}
        let line = Self {
            outbox: Outbox {
                client: Client::V3(client),
                can: Abilities::ALL,
            },
            events: Events::V3(event_loop),
        };
        let accepted = Accepted {
            version: Version::V3,
            max_packet_bytes: None,
            can: Abilities::ALL,
        };
        Ok((line, accepted))
    }

    async fn connect_v5(
        options: &Options,
        will: Option<Abilities>,
    ) -> Result<(Self, Accepted), Failure> {
        let mut settings = options.for_v5()?;
        if let Some(can) = will {
            let (topic, payload) = (options.availability.as_str(), State::Offline.payload());
            let will = LastWill5::new(topic, payload, qos_5(can.acknowledge), can.retain, None);
            settings.set_last_will(will);
        }
        let (client, event_loop) = v5::AsyncClient::new(settings, QUEUE);
        let mut event_loop = Box::new(event_loop);
        let ack: ConnAck = loop {
            if let v5::Event::Incoming(Packet5::ConnAck(ack)) = event_loop.poll().await? {
                break ack;
            }
        };
        let said = ack.properties;
        let said = said.as_ref();
        let can = Abilities {
            retain: said.and_then(|said| said.retain_available) != Some(0),
            acknowledge: said.and_then(|said| said.max_qos) != Some(0),
        };
        let accepted = Accepted {
            version: Version::V5,
            max_packet_bytes: said.and_then(|said| said.max_packet_size),
            can,
        };
        let line = Self {
            outbox: Outbox {
                client: Client::V5(client),
                can,
            },
            events: Events::V5(event_loop),
        };
        Ok((line, accepted))
    }

    pub(crate) fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// The next that happens. A future that is dropped forgets a packet that is half written.
    pub(crate) async fn poll(&mut self) -> Result<Happened, Failure> {
        Ok(match &mut self.events {
            Events::V3(events) => of_v3(events.poll().await?),
            Events::V5(events) => of_v5(events.poll().await?),
        })
    }

    /// Messages of QoS 1 that the broker has not acknowledged.
    pub(crate) fn inflight(&self) -> u16 {
        match &self.events {
            Events::V3(events) => events.state.inflight(),
            Events::V5(events) => events.state.inflight(),
        }
    }

    /// Time without traffic after which to ask; the broker may have asked for another than the options.
    pub(crate) fn keep_alive(&self) -> Duration {
        match &self.events {
            Events::V3(events) => events.mqtt_options.keep_alive(),
            Events::V5(events) => events.options.keep_alive(),
        }
    }

    /// Ends the connection politely: a broker that has gone has nothing to miss.
    pub(crate) async fn leave(mut self) {
        if self.outbox.disconnect().is_ok() {
            // The broker closes the connection; to close it first could cut off what is under way.
            let closed = async { while self.poll().await.is_ok() {} };
            let _ = timeout(CLOSE, closed).await;
        }
    }
}

fn of_v3(event: Event) -> Happened {
    match event {
        Event::Incoming(Packet::SubAck(ack)) => {
            let refusal = |code: &SubscribeReasonCode| match code {
                SubscribeReasonCode::Success(_) => None,
                SubscribeReasonCode::Failure => Some("refused".to_owned()),
            };
            Happened::Subscribed(ack.return_codes.iter().map(refusal).collect())
        }
        Event::Incoming(Packet::Publish(message)) => Happened::Arrived(Arrived {
            topic: message.topic,
            payload: message.payload.into(),
            retain: message.retain,
            response_topic: None,
            correlation_data: None,
        }),
        Event::Incoming(Packet::PubAck(ack)) => Happened::Acknowledged {
            packet: ack.pkid,
            refused: None,
        },
        Event::Outgoing(Outgoing::Publish(packet)) => Happened::Written(packet),
        _ => Happened::Nothing,
    }
}

fn of_v5(event: v5::Event) -> Happened {
    match event {
        v5::Event::Incoming(Packet5::SubAck(ack)) => {
            let refusal = |code: &SubscribeReasonCode5| match code {
                SubscribeReasonCode5::Success(_) => None,
                refusal => Some(spaced(refusal)),
            };
            Happened::Subscribed(ack.return_codes.iter().map(refusal).collect())
        }
        v5::Event::Incoming(Packet5::Publish(message)) => Happened::Arrived(arrived(message)),
        v5::Event::Incoming(Packet5::PubAck(ack)) => {
            // Nobody listens: that is the listeners' matter.
            let is_taken = matches!(
                ack.reason,
                PubAckReason::Success | PubAckReason::NoMatchingSubscribers
            );
            Happened::Acknowledged {
                packet: ack.pkid,
                refused: (!is_taken).then(|| spaced(&ack.reason)),
            }
        }
        v5::Event::Outgoing(Outgoing::Publish(packet)) => Happened::Written(packet),
        _ => Happened::Nothing,
    }
}

fn arrived(message: Publish5) -> Arrived {
    let properties = message.properties.unwrap_or_default();
    Arrived {
        topic: String::from_utf8_lossy(&message.topic).into_owned(),
        payload: message.payload.into(),
        retain: message.retain,
        response_topic: properties.response_topic,
        correlation_data: properties.correlation_data.map(Into::into),
    }
}
