//! The Hailo backend of `accelerator` against the stand-in: answers, faults, recovery, pace.

// All of this is test code: what can't go on may panic.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout
)]

#[path = "backend/held_up.rs"]
mod held_up;

use std::{
    fs,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use accelerator::{
    Accelerator, AcceleratorError, Collect, Submit,
    hailo::{HailoError, HailoSettings, Monitor, State, Step, calls_left_behind, open},
    mock::Network,
};
use frame::InputSize;
use hailort::{TemperatureZone, host::SysFs};
use hailort_standin::{Sandbox, sample_hef};
use tensors::{ElementType, Elements, Layout, Role, Tensors};

const LONG: Duration = Duration::from_secs(20);
/// The backend's promise: nothing hangs longer.
const LONGEST_HANG: Duration = Duration::from_secs(3);
/// And letting go of a chip takes no longer than this, whatever its condition.
const LONGEST_EXIT: Duration = Duration::from_secs(2);

/// How much more time to give: for runs under valgrind, which is 30 times slower, or an emulator.
fn patience() -> u32 {
    std::env::var("STANDIN_PATIENCE").map_or(1, |patience| patience.parse().unwrap())
}

fn settings(sandbox: &Sandbox) -> HailoSettings {
    HailoSettings {
        library: Some(sandbox.library()),
        timeout: Duration::from_millis(400) * patience(),
        sysfs: SysFs::at(sandbox.folder()),
        vdevice_attempts: 4,
        ..HailoSettings::new(sandbox.hef())
    }
}

/// What the sandbox's HEF takes.
const INPUT: InputSize = InputSize::DEFAULT;

/// A picture with a box in it, another for each number.
fn picture(number: u64) -> Vec<u8> {
    let mut picture = vec![40; INPUT.bytes()];
    let left = 40 + (number as usize % 16) * 24;
    for y in 200..400 {
        for x in left..left + 120 {
            let at = (y * 640 + x) * 3;
            picture[at..at + 3].copy_from_slice(&[220, 60, 40]);
        }
    }
    picture
}

struct Running {
    submit: Box<dyn Submit>,
    collect: Box<dyn Collect>,
    monitor: Monitor,
    tensors: Tensors,
    expected: Tensors,
    network: Network,
}

fn start(settings: HailoSettings) -> Running {
    let hailo = open(settings).expect("a backend");
    let monitor = hailo.monitor();
    let tensors = Tensors::for_layout(hailo.layout());
    let expected = Tensors::for_layout(&Network::layout(INPUT));
    let (submit, collect) = Box::new(hailo).split();
    Running {
        submit,
        collect,
        monitor,
        tensors,
        expected,
        network: Network::new(INPUT),
    }
}

impl Running {
    /// Submits a picture and collects until its answer comes; returns the errors on the way.
    /// A picture whose answer was lost is submitted anew.
    fn answer(&mut self, ticket: u64) -> Vec<AcceleratorError> {
        let mut errors = Vec::new();
        let mut submitted = false;
        let started = Instant::now();
        while started.elapsed() < LONG * patience() {
            if !submitted {
                match self
                    .submit
                    .submit(ticket, &picture(ticket), Duration::from_millis(100))
                {
                    Ok(()) => submitted = true,
                    Err(AcceleratorError::Timeout(_)) => {}
                    Err(error) => errors.push(error),
                }
            }
            let call = Instant::now();
            match self
                .collect
                .collect(&mut self.tensors, Duration::from_millis(100))
            {
                Ok(found) => {
                    assert_eq!(found, ticket);
                    return errors;
                }
                Err(AcceleratorError::Timeout(_)) => {}
                Err(error) => {
                    submitted = false;
                    let final_one = !error.is_transient();
                    errors.push(error);
                    if final_one {
                        return errors;
                    }
                }
            }
            let longest = LONGEST_HANG * patience();
            assert!(call.elapsed() < longest, "{:?}", call.elapsed());
        }
        panic!("no answer: {errors:?}, {:?}", self.monitor.health());
    }

    /// The answer is of this picture, in all ten outputs.
    #[track_caller]
    fn assert_answers(&mut self, ticket: u64) {
        self.network.infer(&picture(ticket), &mut self.expected);
        for role in Role::ALL {
            let same = self.tensors.view(role) == self.expected.view(role);
            assert!(same, "the {role} are not of picture {ticket}");
        }
    }
}

fn fault(error: &AcceleratorError) -> (Step, usize) {
    match error.of_backend() {
        Some(HailoError::Fault { step, lost, .. }) => (*step, *lost),
        _ => panic!("no fault: {error}"),
    }
}

/// Nothing was called out of order, and nothing leaked but what the release of a device that is gone
/// holds: it never returns.
#[track_caller]
fn assert_clean_but_for_the_device(sandbox: &Sandbox) {
    assert_eq!(sandbox.report(), [""; 0]);
    // The HEF, which is released after the vdevice.
    assert_eq!(sandbox.live(), 1);
}

#[track_caller]
fn assert_clean(sandbox: &Sandbox) {
    assert_eq!(sandbox.report(), [""; 0]);
    assert_eq!(sandbox.live(), 0);
}

#[test]
fn answers_are_those_of_the_network_behind_the_library() {
    let sandbox = Sandbox::new("pace = 0").unwrap();
    let mut running = start(settings(&sandbox));
    for ticket in 0..20 {
        assert!(running.answer(ticket).is_empty());
        running.assert_answers(ticket);
    }
    let health = running.monitor.health();
    assert_eq!((health.frames, health.frames_lost), (20, 0));
    assert_eq!(health.temperature, Some(50.0));
    drop(running);
    assert_clean(&sandbox);
}

#[test]
fn frames_overlap_and_keep_their_order() {
    let sandbox = Sandbox::new("pace = 0").unwrap();
    let Running {
        mut submit,
        mut collect,
        mut tensors,
        ..
    } = start(settings(&sandbox));
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for ticket in 0..40 {
                submit
                    .submit(ticket, &picture(ticket), LONG)
                    .expect("room in time");
            }
        });
        let (mut network, mut expected) = (Network::new(INPUT), tensors.clone());
        for ticket in 0..40 {
            assert_eq!(
                collect.collect(&mut tensors, LONG).expect("an answer"),
                ticket
            );
            network.infer(&picture(ticket), &mut expected);
            assert!(tensors == expected, "{ticket}");
        }
        // The writer has gone, and all is answered.
        assert!(matches!(
            collect.collect(&mut tensors, LONG),
            Err(AcceleratorError::Closed)
        ));
    });
    drop(collect);
    assert_clean(&sandbox);
}

#[test]
fn a_lost_frame_costs_new_vstreams() {
    let late = format!("late = 3:{}", 700 * patience());
    for script in ["lose = 3", "lose-output = 3:4", "lose-output = 3:0", &late] {
        let sandbox = Sandbox::new(&format!("pace = 0\n{script}")).unwrap();
        let mut running = start(settings(&sandbox));
        for ticket in 0..8 {
            let errors = running.answer(ticket);
            let expected: &[_] = if ticket == 2 {
                &[(Step::RestartVStreams, 1)]
            } else {
                &[]
            };
            assert_eq!(
                errors.iter().map(fault).collect::<Vec<_>>(),
                expected,
                "{script}"
            );
            // Above all: never parts of different frames.
            running.assert_answers(ticket);
        }
        let health = running.monitor.health();
        assert_eq!(
            (health.vstream_restarts, health.vdevice_restarts),
            (1, 0),
            "{script}"
        );
        assert_eq!(
            (health.frames_lost, health.state),
            (1, State::Running),
            "{script}"
        );
        drop(running);
        assert_clean(&sandbox);
    }
}

#[test]
fn a_frame_swallowed_under_load_is_missed_in_time() {
    let sandbox = Sandbox::new("lose = 20").unwrap();
    let Running {
        mut submit,
        mut collect,
        monitor,
        mut tensors,
        ..
    } = start(HailoSettings {
        drain_every: Duration::from_millis(500) * patience(),
        ..settings(&sandbox)
    });
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        // Always something under way: each read finds an answer, if not its own.
        scope.spawn(|| {
            let mut ticket = 0;
            while !stop.load(Ordering::Relaxed) {
                ticket += 1;
                let _ = submit.submit(ticket, &picture(ticket), Duration::from_millis(100));
            }
            drop(submit);
        });
        let started = Instant::now();
        let mut missed = None;
        while missed.is_none() && started.elapsed() < LONG * patience() {
            missed = collect
                .collect(&mut tensors, Duration::from_millis(100))
                .err()
                .filter(|error| !matches!(error, AcceleratorError::Timeout(_)));
        }
        let missed = missed.expect("the lost frame was missed");
        assert_eq!(fault(&missed), (Step::RestartVStreams, 1));
        // From then on answers are right again.
        let (mut network, mut expected) = (
            Network::new(INPUT),
            Tensors::for_layout(&Network::layout(INPUT)),
        );
        let mut checked = 0;
        while checked < 5 && started.elapsed() < LONG * patience() {
            if let Ok(ticket) = collect.collect(&mut tensors, Duration::from_millis(100)) {
                network.infer(&picture(ticket), &mut expected);
                for role in Role::ALL {
                    assert!(
                        tensors.view(role) == expected.view(role),
                        "{role} of {ticket}"
                    );
                }
                checked += 1;
            }
        }
        assert_eq!(checked, 5);
        stop.store(true, Ordering::Relaxed);
    });
    assert_eq!(monitor.health().frames_lost, 1);
    drop(collect);
    assert_clean(&sandbox);
}

#[test]
fn aborted_streams_are_made_anew() {
    let sandbox = Sandbox::new("pace = 0\nabort = 4\ntemperature = 104").unwrap();
    let mut running = start(settings(&sandbox));
    let errors: Vec<_> = (0..6).flat_map(|ticket| running.answer(ticket)).collect();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(
        errors[0].to_string().contains("HAILO_STREAM_ABORT (63)"),
        "{}",
        errors[0]
    );
    assert_eq!(running.monitor.health().temperature, Some(104.0));
    running.assert_answers(5);
    drop(running);
    assert_clean(&sandbox);
}

#[test]
fn a_hanging_chip_takes_the_steps_it_needs() {
    for (cure, vstreams, vdevices) in [("vstreams", 1, 0), ("vdevice", 1, 1)] {
        let sandbox = Sandbox::new(&format!("pace = 0\nhang = 2:{cure}")).unwrap();
        let mut running = start(settings(&sandbox));
        for ticket in 0..4 {
            running.answer(ticket);
            running.assert_answers(ticket);
        }
        let health = running.monitor.health();
        assert_eq!(
            (health.vstream_restarts, health.vdevice_restarts),
            (vstreams, vdevices)
        );
        drop(running);
        assert_clean(&sandbox);
    }
}

#[test]
fn a_chip_that_nothing_helps_is_given_up() {
    let sandbox = Sandbox::new("pace = 0\nhang = 2:never").unwrap();
    let mut running = start(HailoSettings {
        vdevice_attempts: 2,
        ..settings(&sandbox)
    });
    running.answer(0);
    let errors = running.answer(1);
    let last = errors.last().unwrap();
    assert!(
        matches!(
            last.of_backend(),
            Some(HailoError::GaveUp { attempts: 2, .. })
        ),
        "{errors:?}"
    );
    assert!(last.to_string().contains("HAILO_TIMEOUT"), "{last}");
    assert_eq!(running.monitor.health().state, State::GivenUp);
    // It stays so, and the writer learns of it.
    assert!(running.collect.collect(&mut running.tensors, LONG).is_err());
    let submitted = running.submit.submit(9, &picture(9), LONG);
    assert!(matches!(submitted, Err(AcceleratorError::Closed)));
    drop(running);
    assert_clean(&sandbox);
}

#[test]
fn what_the_chip_tells_of_heat_and_current_is_known() {
    let sandbox = Sandbox::new("pace = 0\nalarm = 2:too-hot\nthrottling = off").unwrap();
    let mut running = start(settings(&sandbox));
    assert_eq!(running.monitor.device().throttling, Some(false));
    for ticket in 0..3 {
        assert!(running.answer(ticket).is_empty());
    }
    let alarms = running.monitor.health().alarms;
    assert_eq!(
        (alarms.temperature_zone, alarms.temperature_alarms),
        (TemperatureZone::Red, 1)
    );
    assert!(!alarms.is_overcurrent);
    drop(running);
    assert_clean(&sandbox);
}

#[test]
fn what_stops_a_start_is_named_with_its_fix() {
    for (script, expected) in [
        ("device = none", "lspci -d 1e60:"),
        ("device = busy", "0000:01:00.0 is in use"),
        (
            "driver = mismatch",
            "libhailort 4.23.0 and kernel driver 4.20.0 differ",
        ),
        ("firmware = mismatch", "switch the power off and on"),
        (
            "chip = hailo8l",
            "made for a Hailo-8, but the device is a Hailo-8L",
        ),
        ("page-size = refused", "force_desc_page_size=4096"),
        ("version = 5.2.0", "install HailoRT 4.20 to 4.23"),
        ("frame-size = short", "frames of"),
        ("frame-size = padded", "frames of"),
    ] {
        let sandbox = Sandbox::new(&format!("pace = 0\n{script}")).unwrap();
        let module = sandbox.folder().join("module/hailo_pci");
        fs::create_dir_all(&module).unwrap();
        fs::write(module.join("version"), "4.20.0\n").unwrap();
        let line = open(settings(&sandbox)).err().expect(script).to_string();
        assert!(line.contains(expected), "{script}: {line}");
        assert!(!line.contains('\n'), "{script}: {line}");
        assert_clean(&sandbox);
    }
}

#[test]
fn a_hailo_8_runs_a_hef_for_an_8l() {
    let sandbox = Sandbox::new("pace = 0").unwrap();
    fs::write(sandbox.hef(), sample_hef(true)).unwrap();
    let mut running = start(settings(&sandbox));
    assert!(running.answer(0).is_empty());
}

#[test]
fn outputs_are_read_in_the_types_that_the_chip_has() {
    for (types, expected) in [("u8", ElementType::U8), ("u16", ElementType::U16)] {
        let sandbox = Sandbox::new(&format!("pace = 0\ntypes = {types}")).unwrap();
        let hailo = open(settings(&sandbox)).unwrap();
        let layout = hailo.layout().clone();
        drop(hailo);
        let mut running = start(settings(&sandbox));
        assert!(running.answer(3).is_empty());
        let native = Network::layout(INPUT);
        running.network.infer(&picture(3), &mut running.expected);
        for role in Role::ALL {
            assert_eq!(layout.info(role).element_type, expected);
            let (found, wanted) = (
                real(&running.tensors, role, &layout),
                real(&running.expected, role, &native),
            );
            let step = layout.info(role).quant.scale;
            for (found, wanted) in found.iter().zip(&wanted) {
                assert!(
                    (found - wanted).abs() <= step * 1.01,
                    "{role}: {found} {wanted}"
                );
            }
        }
        drop(running);
        assert_clean(&sandbox);
    }
}

fn real(tensors: &Tensors, role: Role, layout: &Layout) -> Vec<f32> {
    let quant = layout.info(role).quant;
    let real = |q: f32| (q - quant.zero_point) * quant.scale;
    match tensors.view(role).elements {
        Elements::U8(elements) => elements.iter().map(|q| real(f32::from(*q))).collect(),
        Elements::U16(elements) => elements.iter().map(|q| real(f32::from(*q))).collect(),
    }
}

#[test]
fn a_network_that_changes_under_way_is_given_up() {
    let sandbox = Sandbox::new("pace = 0\nhang = 2:vdevice").unwrap();
    let mut running = start(settings(&sandbox));
    running.answer(0);
    // From the next vdevice on, every output is 16-bit.
    sandbox
        .script("pace = 0\nhang = 2:vdevice\ntypes = u16")
        .unwrap();
    let last = running.answer(1).pop().unwrap().to_string();
    assert!(last.contains("outputs changed"), "{last}");
    drop(running);
    assert_clean(&sandbox);
}

#[test]
fn the_device_is_described() {
    let sandbox = Sandbox::new("pace = 0").unwrap();
    let device = sandbox.folder().join("bus/pci/devices/0000:01:00.0");
    fs::create_dir_all(&device).unwrap();
    fs::write(device.join("current_link_speed"), "5.0 GT/s PCIe\n").unwrap();
    fs::write(device.join("current_link_width"), "1\n").unwrap();
    let hailo = open(settings(&sandbox)).unwrap();
    assert_eq!(hailo.description().backend, "hailo");
    assert_eq!(hailo.description().network, "fast_sam_s");
    let monitor = hailo.monitor();
    let report = monitor.device();
    assert_eq!(report.device.as_deref(), Some("0000:01:00.0"));
    assert_eq!(report.architecture, Some(hailort::Architecture::Hailo8));
    assert_eq!(report.library_version.to_string(), "4.23.0");
    assert!(
        report
            .pcie_link
            .is_some_and(hailort::host::PcieLink::is_slow)
    );
    assert_eq!(report.driver_version, None);
}

/// Frames per second over two seconds, with writer and reader on threads of their own.
fn rate(batch_size: usize, in_flight: usize) -> f64 {
    let sandbox = Sandbox::new("").unwrap();
    let settings = HailoSettings {
        batch_size,
        in_flight,
        ..settings(&sandbox)
    };
    let Running {
        mut submit,
        mut collect,
        mut tensors,
        ..
    } = start(settings);
    let (warm, frames) = (batch_size as u64 * 2, 128_u64);
    let picture = picture(0);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for ticket in 0..warm + frames {
                submit.submit(ticket, &picture, LONG).expect("room in time");
            }
        });
        for _ in 0..warm {
            collect.collect(&mut tensors, LONG).expect("an answer");
        }
        let started = Instant::now();
        for _ in 0..frames {
            collect.collect(&mut tensors, LONG).expect("an answer");
        }
        frames as f64 / started.elapsed().as_secs_f64()
    })
}

#[test]
fn the_chip_is_kept_busy() {
    for (batch_size, in_flight, published) in [(1, 4, 48.0), (8, 16, 65.0)] {
        let rate = rate(batch_size, in_flight);
        println!("batch {batch_size}: {rate:.2} FPS of {published}");
        // Exactly is for a quiet machine; tests share theirs.
        let least = published * 0.8 / f64::from(patience());
        assert!(
            rate > least && rate < published * 1.1,
            "{batch_size}: {rate}"
        );
    }
}
