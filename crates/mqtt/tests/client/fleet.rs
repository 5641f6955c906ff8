//! The access list and the bridge of `config/fleet`, in real mosquittos.

use std::{fs, path::Path, process::Command};

use message::{Secret, Topics};
use mqtt::{Delivery, Echo, Options};

use crate::support::{self, Mosquitto, Node, Subscriber, eventually};

/// A file of `config/fleet` for a site, without what needs TLS.
fn of_fleet(name: &str, central: u16) -> String {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/fleet");
    let text = fs::read_to_string(place.join(name)).unwrap();
    let text = text.replace("CENTRAL:8883", &format!("127.0.0.1:{central}"));
    let text = text.replace("SITE", "berlin").replace("PASSWORD", "secret");
    let lines = text
        .lines()
        .filter(|line| !line.starts_with("bridge_capath"));
    lines.collect::<Vec<_>>().join("\n")
}

fn password(broker: &Mosquitto, users: &[&str]) {
    let file = broker.folder().join("passwords");
    fs::write(&file, "").unwrap();
    for user in users {
        let made = Command::new("mosquitto_passwd");
        let mut made = made;
        let status = made.arg("-b").arg(&file).args([user, "secret"]).status();
        assert!(
            status.is_ok_and(|status| status.success()),
            "mosquitto_passwd"
        );
    }
    broker.configure(&format!("password_file {}", file.display()));
}

/// A node's options: its user has its name.
fn node(name: &str, user: &str, port: u16) -> (Topics, Options) {
    let topics = Topics::new("fastsam/berlin", name).unwrap();
    let mut options = support::options(port);
    options.client_id = format!("fastsamd-{name}-{user}");
    options.availability = topics.availability();
    options.login = Some((user.to_owned(), Secret::new("secret")));
    (topics, options)
}

#[test]
fn a_site_keeps_its_masks_and_hands_on_its_events() {
    let mut central = Mosquitto::prepare("allow_anonymous true");
    central.launch();
    let mut site = Mosquitto::prepare("allow_anonymous false");
    password(&site, &["garden", "yard", "operator"]);
    let acl = site.folder().join("acl");
    fs::write(&acl, of_fleet("acl", 0)).unwrap();
    site.configure(&format!("acl_file {}", acl.display()));
    site.configure(&of_fleet("bridge.conf", central.port()));
    site.launch();

    // A node has its own topics, and nobody else's.
    let (topics, options) = node("garden", "garden", site.port());
    let echo = topics.response("echo").unwrap();
    let probe = |options: &Options| mqtt::probe(options, Some(&echo), support::DEADLINE).unwrap();
    assert_eq!(probe(&options).unwrap().echo, Some(Echo::Whole));
    let (_, other) = node("garden", "yard", site.port());
    assert!(matches!(
        probe(&other).unwrap().echo,
        Some(Echo::Refused(_) | Echo::NoSubscription(_) | Echo::Lost)
    ));

    let centre = Subscriber::connect(central.port());
    let mut options = options;
    options.subscriptions = vec![topics.request("prompt").unwrap()];
    let node = Node::start(options);
    node.wait_until_connected();
    centre.wait_for("berlin/garden/availability", "online");
    let camera = topics.camera("cam0").unwrap();
    eventually("room", || node.publisher.frame(&camera.masks(), b"{}").ok());
    node.publisher.event(&camera.events(), b"{}").unwrap();
    let state = camera.state();
    node.publisher
        .state(&state, b"online", Delivery::AtLeastOnce)
        .unwrap();
    // Whatever comes first: the masks, which were sent before, never do.
    let mut missing = vec!["cam0/events", "cam0/state"];
    while !missing.is_empty() {
        let message = centre.next("");
        assert!(!message.topic.ends_with("masks"), "{message:?}");
        missing.retain(|topic| !message.topic.ends_with(topic));
    }
    // Requests come the other way.
    eventually("the request", || {
        centre.publish("fastsam/berlin/garden/request/prompt", false, "{}");
        node.inbox.try_recv().ok()
    });
}
