//! An ordinary MQTT 3.1.1 subscriber, as any user's program is one.

use std::{
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    time::{Duration, Instant},
};

use rumqttc::{Client, Event, MqttOptions, Packet, QoS};

use crate::DEADLINE;

/// A message that came.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its topic.
    pub topic: String,
    /// Whether the broker had kept it.
    pub retained: bool,
    /// Its bytes.
    pub payload: Vec<u8>,
    /// When it came.
    pub at: Instant,
}

impl Message {
    /// The payload as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.payload).into_owned()
    }

    /// The payload as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.payload).expect("a JSON payload")
    }
}

/// A connected subscriber.
pub struct Subscriber {
    client: Client,
    messages: Receiver<Message>,
}

impl Subscriber {
    /// Connects to a broker on this machine and subscribes; returns once both are acknowledged.
    pub fn connect(port: u16, filter: &str) -> Self {
        let mut options = MqttOptions::new(format!("test-{port}-{}", unique()), "127.0.0.1", port);
        options.set_keep_alive(Duration::from_secs(30));
        options.set_max_packet_size(16 << 20, 16 << 20);
        let (client, mut connection) = Client::new(options, 64);
        let (sender, messages) = channel();
        let (ready_in, ready) = channel();
        client
            .subscribe(filter, QoS::AtLeastOnce)
            .expect("a subscription");
        std::thread::spawn(move || {
            for event in connection.iter() {
                match event {
                    Ok(Event::Incoming(Packet::SubAck(_))) => {
                        let _ = ready_in.send(());
                    }
                    Ok(Event::Incoming(Packet::Publish(publish))) => {
                        let message = Message {
                            topic: publish.topic,
                            retained: publish.retain,
                            payload: publish.payload.to_vec(),
                            at: Instant::now(),
                        };
                        if sender.send(message).is_err() {
                            return;
                        }
                    }
                    Ok(_) => {}
                    Err(_) => return,
                }
            }
        });
        ready
            .recv_timeout(DEADLINE)
            .expect("an acknowledged subscription");
        Self { client, messages }
    }

    /// The next message, if it comes in time.
    pub fn next(&self, timeout: Duration) -> Option<Message> {
        match self.messages.recv_timeout(timeout) {
            Ok(message) => Some(message),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => panic!("the broker has gone"),
        }
    }

    /// Everything that the broker had for us until now, and that was not taken yet. For
    /// subscribers to all below `fastsam/test/`.
    ///
    /// A message of our own comes back behind all of it: nothing is waited for but that.
    pub fn until_now(&self) -> Vec<Message> {
        const ECHO: &str = "fastsam/test/echo";
        self.client
            .publish(ECHO, QoS::AtLeastOnce, false, "")
            .expect("a connection");
        let mut messages = Vec::new();
        loop {
            let message = self.next(DEADLINE).expect("our own message");
            if message.topic == ECHO {
                return messages;
            }
            messages.push(message);
        }
    }

    /// The next message for which `wanted` holds; others are passed over.
    pub fn wait_for(&self, what: &str, wanted: impl Fn(&Message) -> bool) -> Message {
        let started = Instant::now();
        while started.elapsed() < DEADLINE {
            if let Some(message) = self.next(Duration::from_secs(1))
                && wanted(&message)
            {
                return message;
            }
        }
        panic!("{what} did not come");
    }

    /// The next message whose topic ends so, and whose text is this.
    pub fn wait_for_text(&self, topic: &str, text: &str) -> Message {
        self.wait_for(&format!("'{text}' on {topic}"), |message| {
            message.topic.ends_with(topic) && message.payload == text.as_bytes()
        })
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        let _ = self.client.disconnect();
    }
}

fn unique() -> u128 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.as_nanos())
}
