//! The daemon on a Hailo chip: the real binary, the real dlopen, the stand-in libhailort, mosquitto.

#![expect(clippy::expect_used, reason = "this is a test")]

use std::{
    collections::BTreeMap,
    fs,
    time::{Duration, Instant},
};

use fastsamd_tests::{Daemon, Message, Mosquitto, Subscriber, fastsamd};
use hailort_standin::Sandbox;

/// The promise: nothing hangs longer. Masks flow again within it, where no waiting is scripted.
const LONGEST_HANG: Duration = Duration::from_secs(3);

/// And nothing holds up its end longer.
const LONGEST_EXIT: Duration = Duration::from_secs(2);

/// How much more time to give: for runs in an emulator.
fn patience() -> u32 {
    std::env::var("STANDIN_PATIENCE").map_or(1, |patience| patience.parse().expect("a number"))
}

/// A chip with a script, and a broker to watch what becomes of it.
struct Setup {
    broker: Mosquitto,
    sandbox: Sandbox,
}

impl Setup {
    fn new(script: &str) -> Self {
        Self {
            broker: Mosquitto::start(),
            sandbox: Sandbox::new(script).expect("a sandbox"),
        }
    }

    /// The backend's part of a configuration.
    fn hailo(&self, more: &str) -> String {
        format!(
            "hailo: {{hef: {}, library: {}, timeout_ms: {}{more}}}",
            self.sandbox.hef().display(),
            self.sandbox.library().display(),
            // The most that may be asked for is still too little for an emulator in a hurry.
            (400 * patience()).min(1200)
        )
    }

    fn config(&self, name: &str, backend: &str, fps: u32) -> String {
        self.config_with(name, backend, fps, "batch_size: 1")
    }

    fn config_with(&self, name: &str, backend: &str, fps: u32, more: &str) -> String {
        let path = self.sandbox.folder().join(name);
        let text = format!(
            "node: test\n\
             mqtt: {{host: 127.0.0.1, port: {}}}\n\
             accelerator: {{backend: {{{backend}}}, {more}}}\n\
             cameras: [{{name: cam, source: {{synthetic: {{fps: {fps}, seed: 5}}}}}}]\n\
             publish: {{status_interval_s: 0.5}}\n",
            self.broker.port()
        );
        fs::write(&path, text).expect("a written file");
        path.to_str().expect("a UTF-8 path").to_owned()
    }

    fn start(&self) -> Daemon {
        self.start_with(", restart_attempts: 3")
    }

    fn start_with(&self, more: &str) -> Daemon {
        let config = self.config("config.yaml", &self.hailo(more), 60);
        Daemon::start(["run", "--config", &config])
    }

    fn subscribe(&self) -> Subscriber {
        Subscriber::connect(self.broker.port(), "fastsam/test/#")
    }

    /// Nothing leaked, nothing called out of order.
    #[track_caller]
    fn assert_clean(&self) {
        assert_eq!(self.sandbox.report(), [""; 0]);
    }
}

#[track_caller]
fn stop(mut daemon: Daemon) {
    daemon.signal("TERM");
    let (status, took) = daemon.wait();
    assert!(status.success(), "{status}: {}", daemon.output());
    assert!(took < LONGEST_HANG * patience(), "stopping took {took:?}");
}

fn is_masks(message: &Message) -> bool {
    message.topic.ends_with("/masks")
}

/// The first `status` for which the accelerator's part is as wanted.
fn wait_for_status(
    subscriber: &Subscriber,
    what: &str,
    wanted: impl Fn(&serde_json::Value) -> bool,
) -> serde_json::Value {
    let message = subscriber.wait_for(what, |message| {
        message.topic.ends_with("/status") && wanted(&message.json()["accelerator"])
    });
    message.json()
}

/// The segments of the first frames, by sequence number.
fn segments(setup: &Setup, backend: &str, frames: usize) -> BTreeMap<u64, serde_json::Value> {
    let subscriber = setup.subscribe();
    // Slower than the accelerator, so that no frame is dropped; slower still under an emulator.
    let patience =
        std::env::var("STANDIN_PATIENCE").map_or(1, |times| times.parse().expect("a number"));
    let config = setup.config("equal.yaml", backend, (10 / patience).max(1));
    let daemon = Daemon::start(["run", "--config", &config]);
    let mut found = BTreeMap::new();
    while found.len() < frames {
        let message = subscriber.wait_for("masks", is_masks).json();
        let sequence = message["frame"]["sequence"].as_u64().expect("a sequence");
        let mut segments = message["segments"].clone();
        // Two daemons give other ids, and one may have seen a frame more.
        for segment in segments.as_array_mut().expect("a list") {
            let segment = segment.as_object_mut().expect("a segment");
            assert!(segment.remove("id").is_some() && segment.remove("track").is_some());
        }
        found.insert(sequence, segments);
    }
    stop(daemon);
    found
}

#[test]
fn masks_are_those_of_the_mock() {
    let setup = Setup::new("");
    let mock = segments(&setup, "mock: {}", 12);
    let hailo = segments(&setup, &setup.hailo(""), 12);
    let common: Vec<_> = mock.keys().filter(|key| hailo.contains_key(key)).collect();
    assert!(common.len() >= 6, "only frames {common:?} were seen twice");
    for sequence in common {
        assert_eq!(mock[sequence], hailo[sequence], "frame {sequence}");
        let list = mock[sequence].as_array().expect("a list");
        assert!(list.len() > 3, "too few segments to compare");
    }
    setup.assert_clean();
}

#[test]
fn what_the_chip_is_stands_in_info_and_status() {
    let setup = Setup::new("temperature = 60+1.5");
    let subscriber = setup.subscribe();
    let daemon = setup.start();
    let info = subscriber.wait_for("an info with versions", |message| {
        message.topic.ends_with("/info") && message.json()["versions"]["libhailort"].is_string()
    });
    let info = info.json();
    assert_eq!(info["backend"], "hailo");
    assert_eq!(info["network"], "fast_sam_s");
    assert_eq!(info["versions"]["libhailort"], "4.23.0");
    subscriber.wait_for_text("accelerator/state", "online");
    let status = wait_for_status(&subscriber, "a status of the device", |accelerator| {
        accelerator["device"]["architecture"] == "Hailo-8"
    });
    assert_eq!(status["accelerator"]["device"]["library"], "4.23.0");
    // It gets warmer with each reading.
    subscriber.wait_for("a rising temperature", |message| {
        message.topic.ends_with("/status")
            && message.json()["temperatures_c"]["hailo"]
                .as_f64()
                .is_some_and(|degrees| degrees > 60.0)
    });
    stop(daemon);
    setup.assert_clean();
}

#[test]
fn masks_flow_again_after_each_fault() {
    // Script, what the ladder did at least, and how long the scripted cause itself lasts.
    let cases = [
        ("late = 30:1500", "vstream_restarts", 1500),
        ("hang = 30:vstreams", "vstream_restarts", 0),
        ("hang = 30:vdevice", "vdevice_restarts", 0),
        ("abort = 30", "vstream_restarts", 0),
    ];
    for (script, step, lasts_ms) in cases {
        let setup = Setup::new(script);
        let subscriber = setup.subscribe();
        let daemon = setup.start();
        subscriber.wait_for("masks", is_masks);
        let offline = subscriber.wait_for_text("accelerator/state", "offline");
        let online = subscriber.wait_for_text("accelerator/state", "online");
        let masks = subscriber.wait_for("masks after the fault", is_masks);
        let status = wait_for_status(&subscriber, "a status of the fault", |accelerator| {
            accelerator["online"] == true
                && accelerator["recovery"][step]
                    .as_u64()
                    .is_some_and(|n| n > 0)
        });
        let took = masks.at.max(online.at) - offline.at;
        let limit = (LONGEST_HANG + Duration::from_millis(lasts_ms)) * patience();
        assert!(took < limit, "{script}: {took:?}");
        let accelerator = &status["accelerator"];
        assert!(accelerator["faults"].as_u64() > Some(0), "{script}");
        assert!(accelerator["last_fault"].is_string(), "{script}");
        stop(daemon);
        setup.assert_clean();
    }
}

#[test]
fn a_device_that_is_pulled_out_ends_the_daemon_once_it_is_back() {
    let setup = Setup::new("");
    let subscriber = setup.subscribe();
    let mut daemon = setup.start_with(", restart_attempts: 1000");
    subscriber.wait_for("masks", is_masks);
    setup.sandbox.script("device = lost").expect("a script");
    subscriber.wait_for_text("accelerator/state", "offline");
    let status = wait_for_status(&subscriber, "a call left behind", |accelerator| {
        accelerator["recovery"]["calls_left_behind"] == 1
    });
    let said = status["accelerator"]["last_fault"].to_string();
    assert!(!said.contains("temperature"), "{said}");
    setup.sandbox.script("").expect("a script");
    // The library is stuck for this process: the next one finds the device.
    let (status, _) = daemon.wait();
    let said = daemon.output();
    assert_eq!(status.code(), Some(1), "{said}");
    let last = said.lines().last().unwrap_or_default();
    assert!(last.contains("starts it afresh"), "{said}");
    let back = Instant::now();
    let daemon = setup.start();
    subscriber.wait_for_text("accelerator/state", "online");
    subscriber.wait_for("masks", is_masks);
    let longest = LONGEST_HANG * patience();
    assert!(back.elapsed() < longest, "{:?}", back.elapsed());
    stop(daemon);
    setup.assert_clean();
}

#[test]
fn a_chip_in_whatever_condition_holds_up_no_end() {
    // What happened to it, and what the configuration says of batches.
    for (script, batch_size) in [
        ("device = lost", 1),
        ("hang = 1:never", 1),
        ("hang = 1:never", 8),
    ] {
        let setup = Setup::new("");
        let subscriber = setup.subscribe();
        let backend = setup.hailo(", restart_attempts: 1000");
        let path = setup.config_with(
            "config.yaml",
            &backend,
            60,
            &format!("batch_size: {batch_size}"),
        );
        let mut daemon = Daemon::start(["run", "--config", &path]);
        subscriber.wait_for("masks", is_masks);
        // From the next frame on.
        setup.sandbox.script(script).expect("a script");
        subscriber.wait_for_text("accelerator/state", "offline");
        daemon.signal("TERM");
        let (status, took) = daemon.wait();
        assert!(status.success(), "{script}: {status}: {}", daemon.output());
        assert!(
            took < LONGEST_EXIT * patience(),
            "{script}, {batch_size}: {took:?}"
        );
        subscriber.wait_for_text("test/availability", "offline");
    }
}

#[test]
fn a_device_in_use_is_waited_for() {
    let setup = Setup::new("device = busy");
    let subscriber = setup.subscribe();
    let daemon = setup.start_with(", restart_attempts: 1000");
    let status = wait_for_status(&subscriber, "a failed start", |accelerator| {
        accelerator["recovery"]["failed_starts"].as_u64() > Some(0)
    });
    let said = status["accelerator"]["last_fault"].to_string();
    assert!(said.contains("in use") && said.contains("fuser"), "{said}");
    setup.sandbox.script("").expect("a script");
    subscriber.wait_for_text("accelerator/state", "online");
    subscriber.wait_for("masks", is_masks);
    stop(daemon);
    setup.assert_clean();
}

#[test]
fn a_chip_that_nothing_helps_ends_the_daemon() {
    let setup = Setup::new("hang = 30:never");
    let subscriber = setup.subscribe();
    let mut daemon = setup.start();
    subscriber.wait_for("masks", is_masks);
    subscriber.wait_for_text("accelerator/state", "offline");
    let (status, _) = daemon.wait();
    let said = daemon.output();
    assert_eq!(status.code(), Some(1), "{said}");
    let last = said.lines().last().unwrap_or_default();
    assert!(last.contains("given up after 3 attempts"), "{said}");
    assert!(last.contains("HAILO_TIMEOUT (4)"), "{said}");
    subscriber.wait_for_text("test/availability", "offline");
    setup.assert_clean();
}

#[test]
fn what_stops_a_start_is_one_line_with_its_fix() {
    // Script, exit code, what the line says.
    let cases: [(&str, i32, &[&str]); 11] = [
        (
            "device = none",
            1,
            &["no Hailo device found", "lspci", "given up after 3"],
        ),
        ("device = busy", 1, &["in use", "fuser"]),
        ("driver = mismatch", 1, &["differ", "full-upgrade"]),
        (
            "firmware = mismatch",
            1,
            &["HAILO_UNSUPPORTED_FW_VERSION", "power off and on"],
        ),
        ("page-size = refused", 1, &["force_desc_page_size=4096"]),
        // Of a HEF at fault, the user has to name another.
        (
            "hef = refused",
            2,
            &["fast_sam_s.hef", "(92)", "fastsamd fetch"],
        ),
        (
            "hef = refused\nversion = 4.20.0",
            2,
            &["fast_sam_s.hef", "(26)"],
        ),
        (
            "chip = hailo8l",
            2,
            &["Hailo-8", "Hailo-8L", "fastsamd fetch"],
        ),
        ("version = 5.1.0", 1, &["5.1.0", "4.20 to 4.23"]),
        ("frame-size = short", 1, &["frames of"]),
        ("frame-size = padded", 1, &["frames of"]),
    ];
    for (script, code, words) in cases {
        let setup = Setup::new(script);
        let started = Instant::now();
        let mut daemon = setup.start();
        let (status, _) = daemon.wait();
        let said = daemon.output();
        assert_eq!(status.code(), Some(code), "{script}: {said}");
        let last = said.lines().last().unwrap_or_default();
        for word in words {
            assert!(last.contains(word), "{script}: '{word}' in {said}");
        }
        let took = started.elapsed();
        assert!(took < 3 * LONGEST_HANG * patience(), "{script}: {took:?}");
        setup.assert_clean();
    }
}

#[test]
fn outputs_of_other_types_make_masks_too() {
    for types in ["u8", "u16"] {
        let setup = Setup::new(&format!("types = {types}"));
        let subscriber = setup.subscribe();
        let daemon = setup.start();
        let masks = subscriber.wait_for("masks", is_masks).json();
        let segments = masks["segments"].as_array().expect("a list");
        assert!(!segments.is_empty(), "{types}");
        stop(daemon);
        setup.assert_clean();
    }
}

#[test]
fn an_untried_library_is_used_only_where_the_user_opts_in() {
    let setup = Setup::new("version = 4.24.0");
    let (code, said) = failure(&format!("{{{}}}", setup.hailo("")));
    assert_eq!(code, Some(1), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    for words in ["4.24.0", "4.20 to 4.23", "FASTSAMD_UNTRIED_HAILORT=1"] {
        assert!(said.contains(words), "{words}: {said}");
    }

    let config = setup.config("config.yaml", &setup.hailo(""), 60);
    let subscriber = setup.subscribe();
    let mut command = fastsamd();
    command
        .args(["run", "--config", &config])
        .env("FASTSAMD_UNTRIED_HAILORT", "1");
    let daemon = Daemon::spawn(&mut command);
    subscriber.wait_for("masks", is_masks);
    daemon.wait_until_it_said("libhailort 4.24.0 is untried");
    stop(daemon);
    setup.assert_clean();
}

#[test]
fn verbs_put_pictures_through_the_chip() {
    let setup = Setup::new("");
    let folder = setup.sandbox.folder();
    let config = setup.config("config.yaml", &setup.hailo(""), 30);
    let run = |arguments: &[&str]| {
        let output = fastsamd()
            .args(arguments)
            .output()
            .expect("an ended program");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {said}");
        let lines = String::from_utf8_lossy(&output.stdout).into_owned();
        (lines, said)
    };
    let recordings = folder.join("recordings");
    let recordings = recordings.to_str().expect("a UTF-8 path");
    let (_, said) = run(&[
        "record", "--out", recordings, "--frames", "1", "--config", &config,
    ]);
    assert!(said.contains("not FastSAM"), "{said}");
    let picture = format!("{recordings}/000000/frame.png");
    let segments = |arguments: &[&str]| {
        let (line, _) = run(&[&["segment", &picture], arguments].concat());
        let message: serde_json::Value = serde_json::from_str(&line).expect("a message");
        let segments = message["segments"].as_array().expect("a list").clone();
        (message["backend"].clone(), segments)
    };
    let (backend, chip) = segments(&["--config", &config]);
    assert_eq!(backend, "hailo");
    assert!(chip.len() > 3);
    let (backend, mock) = segments(&["--backend", "mock"]);
    assert_eq!(backend, "mock");
    assert_eq!(chip, mock);

    let (report, _) = run(&["bench", "--config", &config, "--repeat", "5", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&report).expect("a report");
    // At the pace of a Hailo-8, one by one.
    let infer = report["pipeline_us"]["infer"].as_f64().expect("a time");
    assert!(infer > 15_000.0, "{infer}");
    setup.assert_clean();

    let mut command = fastsamd();
    command.args([
        "segment",
        &picture,
        "--config",
        &config,
        "--model",
        "/nowhere.hef",
    ]);
    let output = command.output().expect("an ended program");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("/nowhere.hef"), "{said}");
}

/// Runs a configuration with this backend to its end, which comes by itself.
fn failure(backend: &str) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("config.yaml");
    fs::write(&path, format!("accelerator: {{backend: {backend}}}\n")).expect("a written file");
    let output = fastsamd()
        .args(["run", "--config"])
        .arg(&path)
        .output()
        .expect("an ended daemon");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), said)
}

#[test]
fn without_a_library_there_is_one_clear_line() {
    for backend in ["hailo", "{hailo: {library: /nowhere/libhailort.so}}"] {
        let (code, said) = failure(backend);
        assert_eq!(code, Some(1), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(
            said.contains("libhailort") && said.contains("apt install hailo-all"),
            "{said}"
        );
    }
}

#[test]
fn a_hef_that_is_not_there_is_the_users_to_mend() {
    let sandbox = Sandbox::new("").expect("a sandbox");
    let library = sandbox.library().display().to_string();
    let garbage = sandbox.folder().join("garbage.hef");
    fs::write(&garbage, [7; 100]).expect("a written file");
    let hef = sandbox.hef().display().to_string();
    let other = "0".repeat(64);
    for (settings, word) in [
        ("hef: /nowhere.hef".to_owned(), "/nowhere.hef"),
        (format!("hef: {}", garbage.display()), "not a HEF"),
        (format!("hef: {hef}, sha256: '{other}'"), "sha256"),
    ] {
        let (code, said) = failure(&format!("{{hailo: {{library: {library}, {settings}}}}}"));
        assert_eq!(code, Some(2), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.contains(word), "{said}");
    }
}
