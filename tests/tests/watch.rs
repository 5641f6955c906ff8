//! `fastsamd watch` beside a daemon that publishes.

use std::io::Read as _;

use fastsamd_tests::{Daemon, Mosquitto, fastsamd, free_port};

#[test]
fn counts_and_events_are_lines() {
    let broker = Mosquitto::start();
    let watch = Daemon::start(["watch", "--mqtt", &broker.address()]);
    watch.wait_until_it_said("watching");
    let mut demo = Daemon::start([
        "demo",
        "--backend",
        "mock",
        "--http",
        "127.0.0.1:0",
        "--mqtt",
        &broker.address(),
        "--frames",
        "40",
    ]);
    for words in ["demo: online", "demo/cam0: online", "objects", " appeared"] {
        watch.wait_until_it_said(words);
    }
    assert!(demo.wait().0.success(), "{}", demo.output());
    watch.wait_until_it_said("demo: offline");
}

#[test]
fn without_a_broker_it_ends_with_the_cause() {
    let address = format!("127.0.0.1:{}", free_port());
    let mut watch = Daemon::start(["watch", "--mqtt", &address]);
    let (status, _) = watch.wait();
    assert_eq!(status.code(), Some(1));
    let said = watch.output();
    assert!(
        said.contains(&address) && said.contains("refused"),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn who_has_seen_enough_ends_it() {
    let broker = Mosquitto::start();
    let mut demo = Daemon::start([
        "demo",
        "--backend",
        "mock",
        "--http",
        "127.0.0.1:0",
        "--mqtt",
        &broker.address(),
    ]);
    let (mut reader, writer) = std::io::pipe().expect("a pipe");
    let mut command = fastsamd();
    command
        .args(["watch", "--mqtt", &broker.address()])
        .stdout(writer);
    let mut watch = command.spawn().expect("a started program");
    drop(command);
    reader.read_exact(&mut [0]).expect("a first byte");
    drop(reader);
    // The synthetic objects come and go, so that there is a next line.
    let status = watch.wait().expect("an end");
    assert_eq!(status.code(), Some(0));
    demo.signal("TERM");
    assert!(demo.wait().0.success(), "{}", demo.output());
}
