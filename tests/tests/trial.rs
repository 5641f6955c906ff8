//! A HEF is tried in a process of its own: what takes the library down, or never ends, is one line.

#![expect(clippy::expect_used, reason = "this is a test")]

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output},
    time::{Duration, Instant},
};

use fastsamd_tests::{binary, fastsamd, free_port};
use hailort::{CheckedHef, Error, Trial, TrialEnd};
use hailort_standin::{Sandbox, sample_hef_of};

/// How the program ended, and what it said.
fn ended(command: &mut Command) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = command.output().expect("an ended program");
    (status.code(), String::from_utf8(stderr).expect("UTF-8"))
}

fn config(sandbox: &Sandbox) -> PathBuf {
    let path = sandbox.folder().join("config.yaml");
    let text = format!(
        "mqtt: {{port: {}}}\naccelerator: {{backend: {{hailo: {{hef: {}, library: {}}}}}}}\n",
        free_port(),
        sandbox.hef().display(),
        sandbox.library().display(),
    );
    fs::write(&path, text).expect("a written file");
    path
}

/// Whether the tests run in an emulator, which can't start the program by itself.
fn is_emulated() -> bool {
    std::env::var_os("FASTSAMD_TEST_RUNNER").is_some()
}

#[test]
fn a_hef_that_crashes_the_library_is_one_line_of_the_daemon_and_of_doctor() {
    if is_emulated() {
        return;
    }
    let sandbox = Sandbox::new("hef = crashes").expect("a sandbox");
    let config = config(&sandbox);
    let (code, said) = ended(fastsamd().args(["run", "--config"]).arg(&config));
    assert_eq!(code, Some(2), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    for words in ["fast_sam_s.hef", "SIGABRT", "not handed to the library"] {
        assert!(said.contains(words), "{words}: {said}");
    }

    let output = fastsamd()
        .args(["doctor", "--json", "--config"])
        .arg(&config)
        .output()
        .expect("an ended doctor");
    assert_eq!(output.status.code(), Some(1));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let rows = report["checks"].as_array().expect("a list");
    let hef = rows
        .iter()
        .find(|row| row["check"] == "hef")
        .expect("a row");
    assert_eq!(hef["status"], "failed");
    assert!(hef["detail"].to_string().contains("SIGABRT"), "{hef}");
    assert!(hef["fix"].to_string().contains("fastsamd fetch"), "{hef}");
    // The device is not opened with it.
    let device = rows.iter().find(|row| row["check"] == "device");
    let device = device.expect("a row")["detail"].to_string();
    assert!(device.contains("not opened"), "{device}");
}

#[test]
fn the_verb_ends_with_a_line_where_the_hef_is_at_fault() {
    let sandbox = Sandbox::new("").expect("a sandbox");
    let sum = CheckedHef::read(&sandbox.hef(), None)
        .expect("a HEF")
        .sha256();
    let sum = hailort::hef_file::hex(sum);
    let try_hef = |sum: &str| {
        let mut command = fastsamd();
        command
            .args(["try-hef", "--library"])
            .arg(sandbox.library())
            .args(["--sha256", sum])
            .arg(sandbox.hef());
        ended(&mut command)
    };
    assert_eq!(try_hef(&sum), (Some(0), String::new()));
    assert_eq!(sandbox.report(), [""; 0]);
    for (sum, script, words) in [
        ("0".repeat(64), "", "sha256"),
        (sum, "hef = refused", "HAILO_HEF_NOT_SUPPORTED (92)"),
    ] {
        sandbox.script(script).expect("a script");
        let (code, said) = try_hef(&sum);
        assert_eq!(code, Some(2), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(
            said.contains(words) && said.contains("fast_sam_s.hef"),
            "{said}"
        );
    }
    let (code, said) = try_hef("12");
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("64 hexadecimal digits"), "{said}");
}

#[test]
fn the_verb_is_not_for_users() {
    let output = fastsamd().arg("--help").output().expect("a help");
    let help = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        help.contains("doctor") && !help.contains("try-hef"),
        "{help}"
    );
}

#[test]
fn several_network_groups_are_tried_and_run() {
    let sandbox = Sandbox::new("").expect("a sandbox");
    let bytes = sample_hef_of(1, &["fast_sam_s", "zz_other"]);
    fs::write(sandbox.hef(), bytes).expect("a written file");
    let hef = CheckedHef::read(&sandbox.hef(), None).expect("a HEF");
    let trial = Trial::by(binary());
    if !is_emulated() {
        trial
            .run(Some(&sandbox.library()), &hef)
            .expect("a good end");
    }
    assert_eq!(sandbox.report(), [""; 0]);
}

/// A program that ends as a script says, whatever it is called with.
fn script(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("a written file");
    let mode = fs::Permissions::from_mode(0o755);
    fs::set_permissions(&path, mode).expect("an executable file");
    path
}

#[test]
fn each_end_of_a_trial_is_told() {
    let sandbox = Sandbox::new("").expect("a sandbox");
    let hef = CheckedHef::read(&sandbox.hef(), None).expect("a HEF");
    let path = sandbox.hef().display().to_string();
    // What the program does; what is made of it; whether the HEF is at fault; what the line says.
    type IsEnd = fn(&TrialEnd) -> bool;
    let cases: [(&str, IsEnd, bool, &str); 6] = [
        (
            "kill -SEGV $$",
            |end| matches!(end, TrialEnd::Killed { signal: 11 }),
            true,
            "signal 11, SIGSEGV",
        ),
        (
            "kill -RTMIN $$",
            |end| matches!(end, TrialEnd::Killed { .. }),
            true,
            "signal 34",
        ),
        (
            "echo first >&2; echo 'fastsamd: it says why' >&2; exit 2",
            |end| matches!(end, TrialEnd::Refused { said } if said == "it says why"),
            true,
            "it says why",
        ),
        (
            "echo 'no library' >&2; exit 1",
            |end| matches!(end, TrialEnd::Failed { .. }),
            false,
            "no library",
        ),
        (
            "exit 101",
            |end| matches!(end, TrialEnd::Failed { .. }),
            false,
            "it said nothing",
        ),
        // More than a pipe holds, and a bell.
        (
            "head -c 1000000 /dev/zero | tr '\\0' 'x' >&2; printf '\\n\\007last' >&2; exit 1",
            |end| matches!(end, TrialEnd::Failed { said } if said == " last"),
            false,
            "last",
        ),
    ];
    // qemu 7.2 tells the end by a signal without a name as an end with exit code 0.
    let is_emulated = std::env::var_os("FASTSAMD_TEST_RUNNER").is_some();
    let is_told = |text: &str| !(is_emulated && text.contains("RTMIN"));
    let cases = cases.into_iter().filter(|(text, ..)| is_told(text));
    for (number, (text, is_end, is_of_hef, words)) in cases.enumerate() {
        let program = script(sandbox.folder(), &format!("program{number}"), text);
        let error = Trial::by(program).run(None, &hef).expect_err(text);
        assert_eq!(error.is_of_hef(), is_of_hef, "{text}");
        let line = error.to_string();
        assert!(line.contains(words) && !line.contains('\n'), "{line}");
        if !line.starts_with("it says") {
            assert!(line.starts_with(&path), "{line}");
        }
        let Error::Trial { end, .. } = error else {
            panic!("{error}")
        };
        assert!(is_end(&end), "{text}: {end:?}");
    }
    let missing = Trial::by("/nowhere/fastsamd").run(None, &hef);
    let line = missing.expect_err("no program").to_string();
    assert!(
        line.contains("/nowhere/fastsamd can't be started"),
        "{line}"
    );
}

#[test]
fn a_trial_that_does_not_end_is_ended() {
    let sandbox = Sandbox::new("hef = hangs").expect("a sandbox");
    let hef = CheckedHef::read(&sandbox.hef(), None).expect("a HEF");
    let deaf = script(sandbox.folder(), "deaf", "trap '' TERM INT; exec sleep 600");
    let mut programs = vec![deaf];
    if !is_emulated() {
        programs.push(binary().to_owned());
    }
    for program in programs {
        let limit = Duration::from_millis(700);
        let started = Instant::now();
        let trial = Trial::by(program).within(limit);
        let error = trial.run(Some(&sandbox.library()), &hef);
        let error = error.expect_err("no end");
        let took = started.elapsed();
        assert!(took >= limit && took < Duration::from_secs(20), "{took:?}");
        assert!(error.is_of_hef());
        let line = error.to_string();
        assert!(
            line.contains("did not come back") && line.contains("700ms"),
            "{line}"
        );
    }
}
