//! `doctor`: each thing that goes wrong for users is recognised, in its row, with its fix.

#![expect(clippy::expect_used, clippy::panic, reason = "this is a test")]

use std::{fs, path::Path};

use configuration::{Backend, Config, Hailo};
use fastsamd::{
    doctor::{Finding, Machine, Outcome, examine, examine_unconfigured},
    host::Host,
};
use fastsamd_tests::{Mosquitto, fastsamd, free_port};
use hailort::host::SysFs;
use hailort_standin::{Sandbox, sample_hef};

/// A configuration for the stand-in of a sandbox.
fn config(sandbox: &Sandbox) -> Config {
    let mut config = Config::default();
    config.mqtt.port = free_port();
    config.accelerator.backend = Backend::Hailo(Hailo {
        hef: sandbox.hef(),
        library: Some(sandbox.library()),
        timeout_ms: 300,
        ..Hailo::default()
    });
    config
}

/// A machine whose `/sys`, `/dev` and `/proc` lie in a folder.
fn machine(root: &Path) -> Machine {
    Machine {
        sysfs: SysFs::at(root),
        host: Host::at(root),
        dev: root.join("dev"),
        proc: root.join("proc"),
        modules: root.join("lib/modules"),
    }
}

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().expect("a folder above")).expect("a folder");
    fs::write(path, text).expect("a written file");
}

fn row<'a>(findings: &'a [Finding], check: &str) -> &'a Finding {
    let found = findings.iter().find(|finding| finding.check == check);
    found.unwrap_or_else(|| panic!("no row {check} in {findings:#?}"))
}

#[test]
fn a_machine_with_everything_in_order() {
    let broker = Mosquitto::start();
    let sandbox = Sandbox::new("").expect("a sandbox");
    let mut config = config(&sandbox);
    config.mqtt.port = broker.port();
    let root = sandbox.folder();
    write(root, "module/hailo_pci/version", "4.23.0\n");
    let findings = examine(&config, &machine(root));
    for check in [
        "library",
        "driver",
        "hef",
        "device",
        "inference",
        "temperature",
        "camera cam0",
        "broker",
    ] {
        let finding = row(&findings, check);
        assert_eq!(finding.outcome, Outcome::Ok, "{finding}");
    }
    assert!(row(&findings, "device").detail.contains("Hailo-8"));
    assert!(row(&findings, "camera cam0").detail.contains("640x480"));
    assert_eq!(sandbox.report(), [""; 0]);
    assert_eq!(sandbox.live(), 0);
}

#[test]
fn what_the_library_answers_is_recognised() {
    // Script; the row that fails; what it shows; what the fix says.
    let cases = [
        ("device = none", "device", "none found", "lspci -d 1e60:"),
        ("device = busy", "device", "in use", "fuser -v /dev/hailo0"),
        ("driver = mismatch", "driver", "4.23.0", "full-upgrade"),
        (
            "firmware = mismatch",
            "firmware",
            "(16)",
            "power off and on",
        ),
        (
            "chip = hailo8l",
            "hef",
            "the device is a Hailo-8L",
            "fast_sam_s --for hailo8l",
        ),
        (
            "page-size = refused",
            "device",
            "(8)",
            "force_desc_page_size=4096",
        ),
        ("lose = 3", "inference", "HAILO_TIMEOUT (4)", "power supply"),
        (
            "abort = 3",
            "inference",
            "HAILO_STREAM_ABORT (63)",
            "cool down",
        ),
        (
            "version = 5.0.0",
            "library",
            "5.0.0",
            "install HailoRT 4.23",
        ),
        (
            "version = 4.24.0",
            "library",
            "FASTSAMD_UNTRIED_HAILORT=1",
            "install HailoRT 4.23",
        ),
    ];
    for (script, check, detail, fix) in cases {
        let sandbox = Sandbox::new(script).expect("a sandbox");
        let root = sandbox.folder();
        // Where the driver is not what the case is about, it fits.
        if check != "driver" {
            write(root, "module/hailo_pci/version", "4.23.0\n");
        }
        let findings = examine(&config(&sandbox), &machine(root));
        let failed = findings
            .iter()
            .find(|finding| finding.check == check && finding.outcome == Outcome::Failed)
            .unwrap_or_else(|| panic!("{script}: {findings:#?}"));
        assert!(failed.detail.contains(detail), "{script}: {failed}");
        let said = failed.fix.as_deref().unwrap_or_default();
        assert!(said.contains(fix), "{script}: {failed}");
        assert_eq!(sandbox.report(), [""; 0], "{script}");
        assert_eq!(sandbox.live(), 0, "{script}");
    }
}

#[test]
fn what_the_machine_shows_is_recognised() {
    let sandbox = Sandbox::new("").expect("a sandbox");
    let root = sandbox.folder();
    write(root, "module/hailo_pci/version", "4.21.0\n");
    let link = "bus/pci/devices/0000:01:00.0";
    write(
        root,
        &format!("{link}/current_link_speed"),
        "5.0 GT/s PCIe\n",
    );
    write(root, &format!("{link}/current_link_width"), "1\n");
    write(root, "class/thermal/thermal_zone0/temp", "71000\n");
    write(
        root,
        "bus/platform/devices/soc:firmware/get_throttled",
        "50001\n",
    );
    let findings = examine(&config(&sandbox), &machine(root));
    let cases = [
        ("driver", Outcome::Failed, "4.21.0", "full-upgrade"),
        ("pcie", Outcome::Warning, "5 GT/s", "pciex1_gen=3"),
        ("machine", Outcome::Warning, "under-voltage", "5 A"),
    ];
    for (check, outcome, detail, fix) in cases {
        let finding = row(&findings, check);
        assert_eq!(finding.outcome, outcome, "{finding}");
        assert!(finding.detail.contains(detail), "{finding}");
        assert!(
            finding.fix.as_deref().unwrap_or_default().contains(fix),
            "{finding}"
        );
    }
}

#[test]
fn a_device_node_that_can_not_be_opened_is_shown() {
    let sandbox = Sandbox::new("node = closed").expect("a sandbox");
    let root = sandbox.folder();
    for (is_there, detail) in [(false, "dev/hailo0: No such file"), (true, "has mode 0600")] {
        if is_there {
            write(root, "dev/hailo0", "");
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
            fs::set_permissions(root.join("dev/hailo0"), mode).expect("a mode");
        }
        let findings = examine(&config(&sandbox), &machine(root));
        let finding = row(&findings, "device");
        assert_eq!(finding.outcome, Outcome::Failed, "{finding}");
        assert!(finding.detail.contains("(36)"), "{finding}");
        assert!(finding.detail.contains(detail), "{finding}");
        let fix = finding.fix.as_deref().unwrap_or_default();
        assert!(fix.contains("ls -l /dev/hailo0"), "{finding}");
        assert!(fix.contains("usermod -aG"), "{finding}");
    }
}

#[test]
fn who_holds_the_device_is_named() {
    let sandbox = Sandbox::new("device = busy").expect("a sandbox");
    let root = sandbox.folder();
    for (process, state, outcome, shown) in [
        ("rpicam-vid", 'S', Outcome::Failed, "rpicam-vid (4711)"),
        (
            "python3",
            'T',
            Outcome::Failed,
            "python3 (4711), which is stopped",
        ),
        ("fastsamd", 'S', Outcome::Warning, "fastsamd (4711)"),
    ] {
        write(root, "dev/hailo0", "");
        write(root, "proc/4711/comm", &format!("{process}\n"));
        write(root, "proc/4711/stat", &format!("4711 (a ) b) {state} 1 1"));
        let open_file = root.join("proc/4711/fd/5");
        fs::create_dir_all(root.join("proc/4711/fd")).expect("a folder");
        let _ = fs::remove_file(&open_file);
        std::os::unix::fs::symlink(root.join("dev/hailo0"), open_file).expect("a link");
        let findings = examine(&config(&sandbox), &machine(root));
        let finding = row(&findings, "device");
        assert_eq!(finding.outcome, outcome, "{finding}");
        assert!(finding.detail.ends_with(shown), "{finding}");
    }
}

#[test]
fn of_two_drivers_the_one_that_is_loaded_is_named() {
    let sandbox = Sandbox::new("").expect("a sandbox");
    let root = sandbox.folder();
    write(root, "module/hailo_pci/version", "4.21.0\n");
    write(root, "proc/sys/kernel/osrelease", "6.12.0-v8\n");
    let [old, new] = [
        "kernel/drivers/media/hailo_pci.ko.xz",
        "updates/dkms/hailo_pci.ko",
    ];
    for module in [old, new] {
        write(root, &format!("lib/modules/6.12.0-v8/{module}"), "");
    }
    let list = format!("kernel/fs/ext4.ko: kernel/lib/crc16.ko\n{old}:\n");
    write(root, "lib/modules/6.12.0-v8/modules.dep", &list);
    let findings = examine(&config(&sandbox), &machine(root));
    let finding = row(&findings, "driver");
    assert!(finding.detail.contains("there are 2 modules"), "{finding}");
    assert!(finding.detail.contains(new), "{finding}");
    let ends = format!("{old} is the one that is loaded");
    assert!(finding.detail.ends_with(&ends), "{finding}");
    let fix = finding.fix.as_deref().unwrap_or_default();
    assert!(fix.contains("sudo depmod -a"), "{finding}");
}

#[test]
fn a_hailo_10h_is_told_once() {
    let sandbox = Sandbox::new("").expect("a sandbox");
    let root = sandbox.folder();
    write(root, "bus/pci/devices/0001:01:00.0/vendor", "0x1e60\n");
    write(root, "bus/pci/devices/0001:01:00.0/device", "0x45c4\n");
    let findings = examine(&config(&sandbox), &machine(root));
    let told: Vec<_> = findings
        .iter()
        .filter(|finding| finding.to_string().contains("Hailo-10H"))
        .collect();
    assert_eq!(told.len(), 1, "{findings:#?}");
    assert!(
        told[0]
            .detail
            .starts_with("this is a Hailo-10H; fastsamd supports"),
        "{}",
        told[0]
    );
    for other in ["library", "driver", "hef"] {
        assert!(
            findings.iter().all(|finding| finding.check != other),
            "{findings:#?}"
        );
    }
}

#[test]
fn a_laptop_where_nothing_is_configured_has_no_failures() {
    let root = tempfile::tempdir().expect("a folder");
    let findings = examine_unconfigured(&machine(root.path()));
    for finding in &findings {
        assert_ne!(finding.outcome, Outcome::Failed, "{finding}");
    }
    assert!(
        row(&findings, "device").detail.contains("no Hailo chip"),
        "{findings:#?}"
    );
    assert!(
        row(&findings, "model").detail.contains("built-in"),
        "{findings:#?}"
    );
}

#[test]
fn a_hef_that_cant_be_used_is_recognised() {
    let sandbox = Sandbox::new("").expect("a sandbox");
    let mut broken = sample_hef(false);
    let last = broken.len() - 1;
    broken[last] ^= 1;
    for (content, detail) in [
        (&broken[..], "damaged"),
        (&[7; 100], "not a HEF"),
        (&[], "too few"),
    ] {
        fs::write(sandbox.hef(), content).expect("a written file");
        let findings = examine(&config(&sandbox), &machine(sandbox.folder()));
        let finding = row(&findings, "hef");
        assert_eq!(finding.outcome, Outcome::Failed);
        assert!(finding.detail.contains(detail), "{finding}");
        let fix = finding.fix.as_deref().unwrap_or_default();
        assert!(fix.contains("fastsamd fetch"), "{finding}");
    }
}

#[test]
fn without_libhailort_the_program_says_what_to_install() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("config.yaml");
    let port = free_port();
    for backend in ["hailo", "mock"] {
        let text = format!("mqtt: {{port: {port}}}\naccelerator: {{backend: {backend}}}\n");
        fs::write(&path, text).expect("a written file");
        let output = fastsamd()
            .args(["doctor", "--json", "--config"])
            .arg(&path)
            .output()
            .expect("an ended doctor");
        // Nobody listens on that port.
        assert_eq!(output.status.code(), Some(1));
        let report: serde_json::Value =
            serde_json::from_slice(&output.stdout).expect("a JSON report");
        let rows = report["checks"].as_array().expect("a list");
        let find = |check: &str| {
            rows.iter()
                .find(|row| row["check"] == check)
                .expect("a row")
        };
        if backend == "hailo" {
            assert_eq!(find("library")["status"], "failed");
            let fix = find("library")["fix"].to_string();
            assert!(fix.contains("apt install hailo-all"), "{fix}");
        } else {
            assert_eq!(find("device")["status"], "ok");
        }
        assert_eq!(find("broker")["status"], "failed");
        assert_eq!(find("camera cam0")["status"], "ok");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}
