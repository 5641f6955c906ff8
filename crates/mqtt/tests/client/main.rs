//! The client against real brokers: the embedded one, one of MQTT 3.1.1 alone, and mosquitto.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod fleet;
mod support;
mod tls;
mod versions;

use std::{
    net::{Ipv4Addr, TcpListener},
    process::Command,
    time::Duration,
};

use message::Secret;
use mqtt::{Delivery, EmbeddedBroker, MqttError, NotSent};
use support::{Cable, Mosquitto, Node, Subscriber, eventually, nobody, options, topics};

/// A test for each kind of broker.
macro_rules! with_each_broker {
    ($($name:ident),* $(,)?) => {
        mod on_the_embedded_broker {
            $(#[test] fn $name() { super::$name(super::support::embedded()) })*
        }
        mod on_a_broker_of_mqtt_3 {
            $(#[test] fn $name() { super::$name(super::support::older()) })*
        }
        mod on_mosquitto {
            $(#[test] fn $name() {
                let broker = super::Mosquitto::start();
                super::$name(broker.port());
            })*
        }
    };
}

with_each_broker!(
    a_late_subscriber_learns_every_state,
    frames_arrive_in_order_and_are_not_kept,
    the_last_will_says_that_a_connection_broke,
    after_a_break_the_current_states_are_published_again,
    events_arrive_in_order_over_broken_connections,
    a_topic_that_is_no_more_is_cleared,
    a_stopped_session_sends_what_is_queued_and_says_offline,
    a_large_payload_arrives,
    a_command_comes_once_and_never_from_the_past,
    a_broker_that_answers_no_more_does_not_hold_up_the_end,
);

fn a_late_subscriber_learns_every_state(broker: u16) {
    let node = Node::start(options(broker));
    let (info, status) = (topics().info(), topics().status());
    node.publisher
        .state(&info, b"{\"version\":\"0\"}", Delivery::AtLeastOnce)
        .unwrap();
    node.publisher
        .state(&status, b"first", Delivery::AtMostOnce)
        .unwrap();
    node.wait_until_connected();
    node.publisher
        .state(&status, b"second", Delivery::AtMostOnce)
        .unwrap();
    Subscriber::connect(broker).wait_for("test/status", "second");

    let late = Subscriber::connect(broker);
    let mut seen: Vec<_> = (0..3).map(|_| late.next("")).collect();
    seen.sort_by(|a, b| a.topic.cmp(&b.topic));
    let expected = [
        ("fastsam/test/availability", "online"),
        ("fastsam/test/info", "{\"version\":\"0\"}"),
        ("fastsam/test/status", "second"),
    ];
    for (message, (topic, text)) in seen.iter().zip(expected) {
        assert_eq!(message.topic, topic);
        assert_eq!(message.payload, text.as_bytes());
        assert!(message.retained, "{topic}");
    }
}

fn frames_arrive_in_order_and_are_not_kept(broker: u16) {
    let masks = topics().camera("cam0").unwrap().masks();
    let subscriber = Subscriber::connect(broker);
    let node = Node::start(options(broker));
    node.wait_until_connected();
    for i in 0..50 {
        let text = i.to_string();
        eventually("room in the queue", || {
            node.publisher.frame(&masks, text.as_bytes()).ok()
        });
    }
    for i in 0..50 {
        let message = subscriber.next("cam0/masks");
        assert_eq!(message.payload, i.to_string().as_bytes());
        assert!(!message.retained);
    }
    // Whoever comes later sees `online` first, and no frame before it.
    let late = Subscriber::connect(broker);
    assert_eq!(late.next("").topic, "fastsam/test/availability");
}

fn the_last_will_says_that_a_connection_broke(broker: u16) {
    let cable = Cable::to(broker);
    let subscriber = Subscriber::connect(broker);
    let node = Node::start(options(cable.port()));
    subscriber.wait_for("test/availability", "online");
    node.wait_until_connected();
    cable.cut();
    subscriber.wait_for("test/availability", "offline");
    eventually("the loss is noticed", || {
        (!node.publisher.is_connected()).then_some(())
    });
    let late = Subscriber::connect(broker);
    let kept = late.next("test/availability");
    assert_eq!(
        (kept.payload.as_slice(), kept.retained),
        (b"offline".as_slice(), true)
    );
}

fn after_a_break_the_current_states_are_published_again(broker: u16) {
    let cable = Cable::to(broker);
    let camera = topics().camera("cam0").unwrap();
    let subscriber = Subscriber::connect(broker);
    let node = Node::start(options(cable.port()));
    node.publisher
        .state(&camera.state(), b"online", Delivery::AtLeastOnce)
        .unwrap();
    subscriber.wait_for("cam0/state", "online");
    node.wait_until_connected();
    let before = node.publisher.counters();
    assert_eq!((before.connects, before.dropped_offline), (1, 0));

    cable.cut();
    eventually("the loss is noticed", || {
        (!node.publisher.is_connected()).then_some(())
    });
    for _ in 0..5 {
        assert_eq!(
            node.publisher.frame(&camera.masks(), b"old"),
            Err(NotSent::Offline)
        );
    }
    node.publisher
        .state(&camera.state(), b"offline", Delivery::AtLeastOnce)
        .unwrap();
    subscriber.wait_for("test/availability", "offline");
    eventually("another attempt", || {
        (node.publisher.counters().attempts > before.attempts + 1).then_some(())
    });
    assert!(node.publisher.failure().is_some());

    cable.plug();
    // What is true now, not what was true when it was first said; and no old frame before it.
    subscriber.wait_for("test/availability", "online");
    let next = subscriber.next("");
    assert_eq!(next.topic, "fastsam/test/cam0/state");
    assert_eq!(next.payload, b"offline");
    let after = node.publisher.counters();
    assert_eq!((after.connects, after.dropped_offline), (2, 5));
    assert_eq!(node.publisher.failure(), None);
}

fn events_arrive_in_order_over_broken_connections(broker: u16) {
    let cable = Cable::to(broker);
    let events = topics().camera("cam0").unwrap().events();
    let subscriber = Subscriber::connect(broker);
    let node = Node::start(options(cable.port()));
    node.wait_until_connected();
    let mut number = 0;
    let mut happen = |times| {
        for _ in 0..times {
            node.publisher
                .event(&events, format!("{number:05}").as_bytes())
                .unwrap();
            number += 1;
        }
    };
    // Cut with some under way, again and again.
    for _ in 0..3 {
        happen(100);
        cable.cut();
        eventually("the loss is noticed", || {
            (!node.publisher.is_connected()).then_some(())
        });
        happen(100);
        cable.plug();
        node.wait_until_connected();
    }
    happen(100);
    let mut last = -1;
    while last < number - 1 {
        let message = subscriber.next("cam0/events");
        assert!(!message.retained);
        let text = String::from_utf8(message.payload).unwrap();
        let came: i32 = text.parse().unwrap();
        // Twice where the acknowledgement was lost, which begins again at an older one; never with a gap.
        assert!(came <= last + 1, "{came} after {last}");
        last = last.max(came);
    }
    eventually("all are acknowledged", || {
        (node.publisher.counters().events_waiting == 0).then_some(())
    });
    assert_eq!(node.publisher.counters().dropped_events, 0);
}

fn a_topic_that_is_no_more_is_cleared(broker: u16) {
    let subscriber = Subscriber::connect(broker);
    let node = Node::start(options(broker));
    let camera = topics().camera("cam0").unwrap();
    let zone = camera.zone_count("porch").unwrap();
    node.publisher
        .state(&zone, b"2", Delivery::AtMostOnce)
        .unwrap();
    subscriber.wait_for("porch/count", "2");
    node.publisher.forget(&zone);
    subscriber.wait_for("porch/count", "");
    let state = camera.state();
    node.publisher
        .state(&state, b"online", Delivery::AtLeastOnce)
        .unwrap();
    subscriber.wait_for("cam0/state", "online");
    // A late subscriber hears of it nothing.
    let late = Subscriber::connect(broker);
    node.publisher
        .state(&state, b"offline", Delivery::AtLeastOnce)
        .unwrap();
    loop {
        let message = late.next("");
        assert!(!message.topic.contains("porch"), "{message:?}");
        if message.payload == b"offline" {
            break;
        }
    }
}

fn a_stopped_session_sends_what_is_queued_and_says_offline(broker: u16) {
    let camera = topics().camera("cam0").unwrap();
    let subscriber = Subscriber::connect(broker);
    let mut node = Node::start(options(broker));
    node.wait_until_connected();
    node.publisher
        .state(&camera.state(), b"offline", Delivery::AtLeastOnce)
        .unwrap();
    eventually("room", || {
        node.publisher.frame(&camera.masks(), b"last").ok()
    });
    node.stop();
    let came: Vec<_> = (0..4).map(|_| subscriber.next("")).collect();
    assert!(
        came.iter()
            .any(|message| message.topic.ends_with("cam0/state")),
        "{came:?}"
    );
    assert!(
        came.iter()
            .any(|message| message.topic.ends_with("cam0/masks")),
        "{came:?}"
    );
    assert_eq!(came[3].topic, "fastsam/test/availability");
    assert_eq!(came[3].payload, b"offline");
    assert_eq!(
        node.publisher.frame(&camera.masks(), b"late"),
        Err(NotSent::Offline)
    );
}

fn a_large_payload_arrives(broker: u16) {
    let masks = topics().camera("cam0").unwrap().masks();
    let subscriber = Subscriber::connect(broker);
    let node = Node::start(options(broker));
    node.wait_until_connected();
    let payload: Vec<u8> = (0..1_500_000_u32).map(|i| (i % 251) as u8).collect();
    eventually("room", || node.publisher.frame(&masks, &payload).ok());
    assert!(
        subscriber.next("cam0/masks").payload == payload,
        "the payload has changed"
    );

    let too_large = vec![0; 1_900_001];
    let refused = node.publisher.frame(&masks, &too_large);
    assert_eq!(
        refused,
        Err(NotSent::TooLarge {
            bytes: 1_900_001,
            limit: 1_900_000
        })
    );
    let refused = node
        .publisher
        .state(&topics().info(), &too_large, Delivery::AtLeastOnce);
    assert!(refused.is_err());
    assert_eq!(node.publisher.counters().dropped_too_large, 2);
    assert_eq!(node.publisher.counters().connects, 1);
}

fn a_command_comes_once_and_never_from_the_past(broker: u16) {
    let request = topics().request("segment").unwrap();
    let subscriber = Subscriber::connect(broker);
    subscriber.publish(request.as_str(), true, "kept");
    subscriber.wait_for("request/segment", "kept");
    let mut options = options(broker);
    options.subscriptions = vec![request.clone()];
    let node = Node::start(options);
    node.wait_until_connected();
    subscriber.publish(request.as_str(), false, "now");
    let incoming = node.inbox.recv_timeout(support::DEADLINE).unwrap();
    assert_eq!(
        (incoming.topic.as_str(), incoming.payload.as_slice()),
        (request.as_str(), b"now".as_slice())
    );
    assert!(node.inbox.try_recv().is_err());
}

fn a_broker_that_answers_no_more_does_not_hold_up_the_end(broker: u16) {
    let cable = Cable::to(broker);
    let masks = topics().camera("cam0").unwrap().masks();
    let subscriber = Subscriber::connect(broker);
    let mut options = options(cable.port());
    // So long that a session which waits to notice the silence outlasts the deadline of the stop.
    options.keep_alive = Duration::from_secs(3600);
    let mut node = Node::start(options);
    node.wait_until_connected();
    cable.die();
    node.publisher.frame(&masks, &vec![0; 1_000_000]).unwrap();
    node.stop();
    // `offline` never got there: the broken connection says it.
    subscriber.wait_for("test/availability", "offline");
}

#[test]
fn frames_that_waited_when_a_connection_broke_are_counted() {
    let broker = Mosquitto::start();
    let cable = Cable::to(broker.port());
    let masks = topics().camera("cam0").unwrap().masks();
    let mut options = options(cable.port());
    options.max_payload_bytes = 64 << 20;
    let node = Node::start(options);
    node.wait_until_connected();
    eventually("`online` is written", || {
        (node.publisher.counters().published == 1).then_some(())
    });
    cable.jam();
    // More than sockets take.
    let payload = vec![0; 32 << 20];
    let mut accepted = 0;
    while node.publisher.frame(&masks, &payload).is_ok() {
        accepted += 1;
        assert!(accepted < 10, "the queue never fills");
    }
    assert_eq!(node.publisher.counters().dropped_behind, 1);
    cable.cut();
    let after = eventually("the loss is noticed", || {
        let counters = node.publisher.counters();
        (!counters.connected).then_some(counters)
    });
    assert!(after.dropped_offline > 0);
    // Each frame is written or lost, none both or neither.
    assert_eq!(after.published - 1 + after.dropped_offline, accepted);
    assert_eq!(after.waiting, 0);
}

#[test]
fn a_connection_that_takes_nothing_is_given_up() {
    let broker = Mosquitto::start();
    let cable = Cable::to(broker.port());
    let masks = topics().camera("cam0").unwrap().masks();
    let mut options = options(cable.port());
    options.keep_alive = Duration::from_secs(5);
    options.max_payload_bytes = 64 << 20;
    let node = Node::start(options);
    node.wait_until_connected();
    cable.jam();
    // More than sockets take.
    while node.publisher.frame(&masks, &vec![0; 32 << 20]).is_ok() {}
    let failure = eventually("being given up", || node.publisher.failure());
    assert!(failure.contains("not taken or sent anything"), "{failure}");
}

#[test]
fn a_broker_that_comes_late_and_restarts_learns_everything_anew() {
    let mut broker = Mosquitto::prepare("allow_anonymous true");
    let masks = topics().camera("cam0").unwrap().masks();
    let node = Node::start(options(broker.port()));
    node.publisher
        .state(&topics().info(), b"1", Delivery::AtLeastOnce)
        .unwrap();
    let failure = eventually("a failed attempt", || node.publisher.failure());
    assert!(failure.contains("refused"), "{failure}");

    broker.launch();
    let subscriber = Subscriber::connect(broker.port());
    subscriber.wait_for("test/info", "1");
    node.wait_until_connected();
    broker.kill();
    eventually("the loss is noticed", || {
        (!node.publisher.is_connected()).then_some(())
    });
    assert_eq!(node.publisher.frame(&masks, b"old"), Err(NotSent::Offline));
    node.publisher
        .state(&topics().info(), b"2", Delivery::AtLeastOnce)
        .unwrap();

    // Without persistence: it knows nothing any more.
    broker.launch();
    let subscriber = Subscriber::connect(broker.port());
    subscriber.wait_for("test/availability", "online");
    subscriber.wait_for("test/info", "2");
    assert_eq!(node.publisher.counters().dropped_offline, 1);
}

#[test]
fn a_wrong_password_is_no_connection_and_says_so() {
    let mut broker = Mosquitto::prepare("allow_anonymous false");
    let passwords = broker.folder().join("passwords");
    let made = Command::new("mosquitto_passwd")
        .args(["-b", "-c"])
        .arg(&passwords)
        .args(["node", "right"])
        .status();
    assert!(
        made.is_ok_and(|status| status.success()),
        "mosquitto_passwd"
    );
    broker.configure(&format!("password_file {}", passwords.display()));
    broker.launch();

    let mut wrong = options(broker.port());
    wrong.login = Some(("node".into(), Secret::new("wrong")));
    let node = Node::start(wrong);
    let failure = eventually("a refusal", || node.publisher.failure());
    assert!(failure.contains("wrong user name or password"), "{failure}");
    eventually("another attempt", || {
        (node.publisher.counters().attempts > 2).then_some(())
    });
    assert!(!node.publisher.is_connected());
    assert_eq!(node.publisher.counters().connects, 0);

    let mut right = options(broker.port());
    right.login = Some(("node".into(), Secret::new("right")));
    Node::start(right).wait_until_connected();
}

#[test]
fn the_brokers_own_limit_is_kept() {
    let mut broker = Mosquitto::prepare("allow_anonymous true\nmax_packet_size 20000");
    broker.launch();
    let masks = topics().camera("cam0").unwrap().masks();
    let subscriber = Subscriber::connect(broker.port());
    let node = Node::start(options(broker.port()));
    // Before the broker has said so, it is what the options say.
    node.publisher
        .state(&topics().info(), &[b'x'; 30_000], Delivery::AtLeastOnce)
        .unwrap();
    node.wait_until_connected();
    let limit = node.publisher.payload_limit(&masks);
    assert!((19_900..20_000).contains(&limit), "{limit}");
    let refused = node.publisher.frame(&masks, &vec![0; limit + 1]);
    assert_eq!(
        refused,
        Err(NotSent::TooLarge {
            bytes: limit + 1,
            limit
        })
    );
    node.publisher.frame(&masks, &vec![0; limit]).unwrap();
    assert_eq!(subscriber.next("cam0/masks").payload.len(), limit);
    assert_eq!(node.publisher.counters().connects, 1);
    // The frame and the state from before.
    assert_eq!(node.publisher.counters().dropped_too_large, 2);
}

#[test]
fn more_states_than_the_queue_holds_all_arrive() {
    let broker = Mosquitto::start();
    let node = Node::start(options(broker.port()));
    let all: Vec<_> = (0..100)
        .map(|i| topics().camera(&format!("cam{i}")).unwrap().state())
        .collect();
    for topic in &all {
        node.publisher
            .state(topic, b"online", Delivery::AtLeastOnce)
            .unwrap();
    }
    node.wait_until_connected();
    let subscriber = Subscriber::connect(broker.port());
    for topic in &all {
        subscriber.wait_for(topic.as_str(), "online");
    }
}

#[test]
fn a_stop_while_there_is_no_broker_waits_for_none() {
    let mut options = options(nobody().port());
    // So long that a session which waits for its next attempt outlasts the deadline of the stop.
    options.backoff.first = Duration::from_secs(3600);
    options.backoff.longest = options.backoff.first;
    let mut node = Node::start(options);
    eventually("a failed attempt", || node.publisher.failure());
    node.stop();
    assert_eq!(node.publisher.counters().attempts, 1);
}

#[test]
fn a_stop_does_not_wait_for_a_broker_that_says_nothing() {
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let mut node = Node::start(options(silent.local_addr().unwrap().port()));
    let _connection = silent.accept().unwrap();
    node.stop();
    // The attempt was given up, and did not fail for lack of an answer.
    assert_eq!(node.publisher.failure(), None);
    assert_eq!(node.publisher.counters().attempts, 1);
}

#[test]
fn a_taken_port_is_a_clear_error() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = taken.local_addr().unwrap();
    let error = EmbeddedBroker::start(address, None).unwrap_err();
    assert!(matches!(error, MqttError::Listen { address: at, .. } if at == address));
    assert!(error.to_string().contains(&address.to_string()), "{error}");
}
