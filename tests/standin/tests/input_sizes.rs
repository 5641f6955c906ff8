//! The Hailo backend with HEFs for inputs of other sizes than 640 x 640: the vstreams say the size.

// All of this is test code: what can't go on may panic.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    time::{Duration, Instant},
};

use accelerator::{
    Accelerator, AcceleratorError, Collect, Ticket,
    hailo::{HailoSettings, open},
    mock::Network,
};
use frame::InputSize;
use hailort::host::SysFs;
use hailort_standin::{Sandbox, sample_hef_for};
use tensors::Tensors;

const LONG: Duration = Duration::from_secs(20);

/// How much more time to give: for runs under valgrind, which is 30 times slower, or an emulator.
fn patience() -> u32 {
    std::env::var("STANDIN_PATIENCE").map_or(1, |patience| patience.parse().unwrap())
}

fn settings(sandbox: &Sandbox) -> HailoSettings {
    HailoSettings {
        library: Some(sandbox.library()),
        timeout: Duration::from_secs(1) * patience(),
        sysfs: SysFs::at(sandbox.folder()),
        ..HailoSettings::new(sandbox.hef())
    }
}

fn collect_one(collect: &mut dyn Collect, tensors: &mut Tensors) -> Ticket {
    let started = Instant::now();
    loop {
        match collect.collect(tensors, Duration::from_millis(100)) {
            Err(AcceleratorError::Timeout(_)) if started.elapsed() < LONG * patience() => {}
            answer => return answer.unwrap(),
        }
    }
}

#[test]
fn a_hef_for_inputs_of_another_size_is_run() {
    for (width, height) in [(320, 320), (640, 384), (384, 640), (1024, 1024)] {
        let input = InputSize::new(width, height).unwrap();
        let sandbox = Sandbox::new("pace = 0").unwrap();
        fs::write(sandbox.hef(), sample_hef_for(input, false)).unwrap();
        let hailo = open(settings(&sandbox)).unwrap();
        assert_eq!(hailo.layout().input(), input);
        let mut tensors = Tensors::for_layout(hailo.layout());
        let mut expected = tensors.clone();
        let (mut submit, mut collect) = Box::new(hailo).split();

        let of_640 = submit.submit(0, &vec![0; InputSize::DEFAULT.bytes()], LONG);
        assert!(
            matches!(of_640, Err(AcceleratorError::InputSize { expected, .. }) if expected == input.bytes())
        );

        // A bar across the picture.
        let mut picture = vec![40; input.bytes()];
        let row = input.row_bytes();
        picture[100 * row..200 * row].fill(200);
        submit.submit(1, &picture, LONG).unwrap();
        assert_eq!(collect_one(&mut *collect, &mut tensors), 1);
        Network::new(input).infer(&picture, &mut expected);
        assert!(tensors == expected, "{input}");

        drop((submit, collect));
        assert_eq!(sandbox.report(), [""; 0]);
        assert_eq!(sandbox.live(), 0);
    }
}

/// What hangs is mended with vstreams of the same size.
#[test]
fn vstreams_made_anew_take_the_same_input() {
    let input = InputSize::new(640, 384).unwrap();
    let sandbox = Sandbox::new("pace = 0\nhang = 1:vstreams").unwrap();
    fs::write(sandbox.hef(), sample_hef_for(input, false)).unwrap();
    let hailo = open(settings(&sandbox)).unwrap();
    let mut tensors = Tensors::for_layout(hailo.layout());
    let (mut submit, mut collect) = Box::new(hailo).split();
    let picture = vec![90; input.bytes()];
    submit.submit(1, &picture, LONG).unwrap();
    let started = Instant::now();
    // The frame is lost, and says so.
    while !matches!(
        collect.collect(&mut tensors, Duration::from_millis(100)),
        Err(AcceleratorError::Backend(_))
    ) {
        assert!(started.elapsed() < LONG * patience());
    }
    while submit
        .submit(2, &picture, Duration::from_millis(100))
        .is_err()
    {
        let _ = collect.collect(&mut tensors, Duration::from_millis(100));
        assert!(started.elapsed() < LONG * patience());
    }
    assert_eq!(collect_one(&mut *collect, &mut tensors), 2);
}
