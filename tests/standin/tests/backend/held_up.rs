//! Devices that are pulled out and chips that hang: nothing holds up recovery, or the end.

use std::ops::Range;

use super::*;

#[test]
fn a_device_that_goes_and_comes_back_takes_a_new_process() {
    let sandbox = Sandbox::new("pace = 0").unwrap();
    let mut running = start(HailoSettings {
        vdevice_attempts: 20,
        ..settings(&sandbox)
    });
    running.answer(0);
    sandbox.script("pace = 0\ndevice = lost").unwrap();
    // Until the backend has seen that it can't be taken again.
    let mut seen: Vec<AcceleratorError> = Vec::new();
    let started = Instant::now();
    while !seen.iter().any(|e| matches!(e.of_backend(), Some(HailoError::Fault { cause, .. }) if cause.to_string().contains("no Hailo device"))) {
        assert!(started.elapsed() < LONG, "{seen:?}");
        let _ = running.submit.submit(1, &picture(1), Duration::from_millis(10));
        seen.extend(running.collect.collect(&mut running.tensors, Duration::from_millis(50)).err());
    }
    assert_eq!(running.monitor.health().state, State::Recovering);
    sandbox.script("pace = 0").unwrap();
    let last = running.answer(2).pop().unwrap();
    assert!(!last.is_transient());
    assert!(last.to_string().contains("starts it afresh"), "{last}");
    let health = running.monitor.health();
    assert_eq!(
        (health.state, health.calls_left_behind),
        (State::GivenUp, 1)
    );
    drop(running);
    assert_clean_but_for_the_device(&sandbox);
}

#[test]
fn a_device_that_stays_away_is_given_up_and_says_why() {
    let sandbox = Sandbox::new("pace = 0").unwrap();
    let mut running = start(HailoSettings {
        vdevice_attempts: 2,
        ..settings(&sandbox)
    });
    running.answer(0);
    sandbox.script("device = lost").unwrap();
    let last = running.answer(1).pop().unwrap().to_string();
    assert!(
        last.contains("given up") && last.contains("no Hailo device found"),
        "{last}"
    );
    drop(running);
    assert_clean_but_for_the_device(&sandbox);
}

#[test]
fn a_device_that_is_pulled_out_is_named_so_and_holds_nothing_up() {
    let sandbox = Sandbox::new("pace = 0\ntemperature = 104").unwrap();
    let mut running = start(settings(&sandbox));
    running.answer(0);
    sandbox.script("device = lost").unwrap();
    let pulled = Instant::now();
    let mut said: Vec<String> = Vec::new();
    while !said.iter().any(|line| line.contains("left behind")) {
        assert!(pulled.elapsed() < LONG, "{said:?}");
        let short = Duration::from_millis(10);
        let _ = running.submit.submit(1, &picture(1), short);
        let collected = running.collect.collect(&mut running.tensors, short);
        said.extend(
            collected
                .err()
                .filter(|e| !matches!(e, AcceleratorError::Timeout(_)))
                .map(|e| e.to_string()),
        );
    }
    assert!(
        pulled.elapsed() < LONGEST_HANG * patience(),
        "{:?}",
        pulled.elapsed()
    );
    // Not the heat's fault.
    assert!(
        said[0].contains("0000:01:00.0 is gone from the bus"),
        "{said:?}"
    );
    let left = Instant::now();
    drop(running);
    assert!(
        left.elapsed() < LONGEST_EXIT * patience(),
        "{:?}",
        left.elapsed()
    );
    assert!(calls_left_behind() > 0);
    assert_clean_but_for_the_device(&sandbox);
}

#[test]
fn a_chip_that_hangs_with_full_batches_is_cured_and_left_in_time() {
    let hanging = |cure: &str, batch_size| {
        let sandbox = Sandbox::new(&format!("pace = 0\nhang = {}:{cure}", batch_size + 1)).unwrap();
        let mut running = start(HailoSettings {
            batch_size,
            in_flight: 2 * batch_size,
            timeout: HailoSettings::new("").timeout * patience(),
            ..settings(&sandbox)
        });
        let count = batch_size as u64;
        // On a busy machine writes seem to wait for the chip, and it is given fewer frames at once.
        let fill = |running: &mut Running, tickets: Range<u64>| {
            let wait = Duration::from_millis(200);
            let taken = tickets
                .clone()
                .take_while(|ticket| running.submit.submit(*ticket, &picture(0), wait).is_ok());
            tickets.start..tickets.start + taken.count() as u64
        };
        let answered = fill(&mut running, 0..count);
        assert!(!answered.is_empty());
        for ticket in answered {
            let collected = running.collect.collect(&mut running.tensors, LONG);
            assert_eq!(collected.unwrap(), ticket);
        }
        assert!(!fill(&mut running, count..3 * count).is_empty());
        (sandbox, running)
    };
    for batch_size in [1, 8] {
        for cure in ["vstreams", "vdevice"] {
            let (sandbox, mut running) = hanging(cure, batch_size);
            let hung = Instant::now();
            running.answer(100);
            let took = hung.elapsed();
            assert!(
                took < LONGEST_HANG * patience(),
                "{cure} {batch_size}: {took:?}"
            );
            drop(running);
            assert_clean(&sandbox);
        }
        let (_sandbox, running) = hanging("never", batch_size);
        let left = Instant::now();
        drop(running);
        let took = left.elapsed();
        assert!(took < LONGEST_EXIT * patience(), "{batch_size}: {took:?}");
    }
}
