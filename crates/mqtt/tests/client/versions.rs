//! Versions of MQTT, and brokers that lack something.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener},
    sync::{Arc, Mutex},
    thread,
};

use message::Secret;
use mqtt::{Delivery, Echo, EmbeddedBroker, Version};

use crate::support::{self, Mosquitto, Node, Subscriber, eventually, options, topics};

/// Answers each CONNECT with what `answer` makes of its version and of how many came before; says which versions came.
fn answering(answer: impl Fn(u8, usize) -> Vec<u8> + Send + 'static) -> (u16, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let came = Arc::new(Mutex::new(Vec::new()));
    let versions = Arc::clone(&came);
    thread::spawn(move || {
        for mut socket in listener.incoming().map_while(Result::ok) {
            // The level stands behind the fixed header of two bytes (or three) and "MQTT" with its length.
            let mut connect = [0; 1024];
            let count = socket.read(&mut connect).unwrap();
            let name = connect[..count].windows(4).position(|name| name == b"MQTT");
            let level = connect[name.unwrap() + 4];
            let before = versions.lock().unwrap().len();
            versions.lock().unwrap().push(level);
            let answer = answer(level, before);
            if answer.first() == Some(&0x20) && answer[3] == 0 {
                socket.write_all(&answer).unwrap();
                // Until the client says goodbye.
                thread::spawn(move || while matches!(socket.read(&mut connect), Ok(1..)) {});
            } else if !answer.is_empty() {
                socket.write_all(&answer).unwrap();
            }
        }
    });
    (port, came)
}

/// CONNACK in MQTT 3.1.1 and in 5: accepted.
const ACCEPTED: [&[u8]; 2] = [b"\x20\x02\x00\x00", b"\x20\x03\x00\x00\x00"];

fn accepted(version: u8) -> Vec<u8> {
    ACCEPTED[usize::from(version == 5)].to_vec()
}

#[test]
fn a_broker_of_mqtt_3_is_known_by_what_it_answers_to_mqtt_5() {
    type Answer = &'static [u8];
    let cases: [(&str, Answer, &[u8]); 3] = [
        ("reason code 0x84", b"\x20\x03\x00\x84\x00", &[5, 4]),
        ("return code 1", b"\x20\x02\x00\x01", &[5, 4, 5, 4]),
        ("a closed connection", b"", &[5, 4, 5, 4]),
    ];
    for (what, answer, expected) in cases {
        let (port, came) = answering(move |version, _| match version {
            5 => answer.to_vec(),
            version => accepted(version),
        });
        let probe = mqtt::probe(&options(port), None, support::DEADLINE).unwrap();
        let probe = probe.unwrap_or_else(|cause| panic!("{what}: {cause}"));
        assert_eq!(probe.version, Version::V3, "{what}");
        assert_eq!(*came.lock().unwrap(), expected, "{what}");
    }
}

#[test]
fn a_broker_that_starts_behind_a_proxy_is_no_broker_of_mqtt_3() {
    let (port, came) = answering(|version, before| match before {
        0 => Vec::new(),
        _ => accepted(version),
    });
    let probe = mqtt::probe(&options(port), None, support::DEADLINE).unwrap();
    assert_eq!(probe.unwrap().version, Version::V5);
    assert_eq!(*came.lock().unwrap(), [5, 4, 5]);

    // Where nobody ever answers, that is what is said.
    let (port, _) = answering(|_, _| Vec::new());
    let refused = mqtt::probe(&options(port), None, support::DEADLINE).unwrap();
    let cause = refused.unwrap_err();
    assert!(cause.contains("closed the connection"), "{cause}");
}

#[test]
fn a_wrong_password_is_named_by_a_broker_of_mqtt_3_too() {
    let (port, _) = answering(|version, _| match version {
        5 => Vec::new(),
        _ => b"\x20\x02\x00\x04".to_vec(),
    });
    let refused = mqtt::probe(&options(port), None, support::DEADLINE).unwrap();
    let cause = refused.unwrap_err();
    assert!(cause.contains("wrong user name or password"), "{cause}");
}

#[test]
fn a_broker_without_retained_messages_or_qos_1_is_lived_with() {
    let mut broker = Mosquitto::prepare("allow_anonymous true\nretain_available false\nmax_qos 0");
    broker.launch();
    let subscriber = Subscriber::connect(broker.port());
    let mut node = Node::start(options(broker.port()));
    subscriber.wait_for("test/availability", "online");
    let camera = topics().camera("cam0").unwrap();
    let (state, events) = (camera.state(), camera.events());
    node.publisher
        .state(&state, b"online", Delivery::AtLeastOnce)
        .unwrap();
    subscriber.wait_for("cam0/state", "online");
    for number in 0..40 {
        let number = format!("{number}");
        node.publisher.event(&events, number.as_bytes()).unwrap();
    }
    for number in 0..40 {
        subscriber.wait_for("cam0/events", &format!("{number}"));
    }
    eventually("nothing waits", || {
        (node.publisher.counters().events_waiting == 0).then_some(())
    });
    assert_eq!(node.publisher.counters().connects, 1);
    node.stop();
    subscriber.wait_for("test/availability", "offline");
}

#[test]
fn the_embedded_broker_asks_for_its_login() {
    let login = |password: &str| Some(("node".to_owned(), Secret::new(password)));
    let address = (Ipv4Addr::LOCALHOST, 0).into();
    let broker = EmbeddedBroker::start(address, login("right")).unwrap();
    let mut options = options(broker.address().port());
    for given in [None, login("wrong"), login("")] {
        options.login = given;
        let refused = mqtt::probe(&options, None, support::DEADLINE).unwrap();
        let cause = refused.unwrap_err();
        assert!(cause.contains("wrong user name or password"), "{cause}");
    }
    options.login = login("right");
    let echo = topics().response("echo").unwrap();
    let probe = mqtt::probe(&options, Some(&echo), support::DEADLINE).unwrap();
    let probe = probe.unwrap();
    assert_eq!((probe.version, probe.retains), (Version::V5, true));
    assert_eq!(probe.echo, Some(Echo::Whole));
}

#[test]
fn a_limit_that_the_broker_does_not_announce_is_learnt() {
    let mut broker = Mosquitto::prepare("allow_anonymous true\nmessage_size_limit 3000");
    broker.launch();
    let node = Node::start(options(broker.port()));
    let (info, status) = (topics().info(), topics().status());
    let publish = |topic, payload: &[u8]| {
        let delivery = Delivery::AtLeastOnce;
        node.publisher.state(topic, payload, delivery).unwrap();
    };
    publish(&info, &[b'x'; 6000]);
    publish(&status, b"small");
    Subscriber::connect(broker.port()).wait_for("test/status", "small");
    let limit = eventually("the limit", || {
        let limit = node.publisher.payload_limit(&info);
        (limit < 6000 && node.publisher.is_connected()).then_some(limit)
    });
    assert!(limit >= 3000, "{limit}");
    // The connection holds: what did not fit is left out.
    publish(&status, b"later");
    Subscriber::connect(broker.port()).wait_for("test/status", "later");
    assert_eq!(node.publisher.counters().connects, 2);
}
