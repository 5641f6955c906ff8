//! What is well and what is not, in the doctor's words, as the running daemon knows it: nothing is opened or asked.

use std::sync::atomic::Ordering;

use super::{
    health::{AcceleratorHealth, CameraHealth},
    publish::status::Vitals,
};
use crate::doctor::{advice, finding::Finding, heat};

/// The broker, as the configuration names it.
#[derive(Clone, Debug)]
pub(crate) struct BrokerAddress {
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// A finding for each camera, the accelerator, the broker, and the machine where it has something to say.
pub(crate) fn examine(vitals: &Vitals, backend: &str, broker: &BrokerAddress) -> Vec<Finding> {
    let now = vitals.clock.now();
    let cameras = vitals.cameras.iter();
    let mut findings: Vec<_> = cameras
        .map(|(name, health)| camera(name, health, health.status(now).fps))
        .collect();
    findings.push(accelerator(backend, &vitals.accelerator));
    findings.push(connection(vitals, broker));
    findings.extend(heat::examine(&vitals.host));
    findings
}

fn camera(name: &str, health: &CameraHealth, fps: f64) -> Finding {
    let check = format!("camera {name}");
    if health.online.load(Ordering::Relaxed) {
        return Finding::ok(check, format!("{fps:.1} frames a second"));
    }
    match health.why_stopped() {
        // What to do stands in the error.
        Some(why) => Finding::failed(check, why, None),
        None => Finding::warning(check, "no frame has come yet", None),
    }
}

fn accelerator(backend: &str, health: &AcceleratorHealth) -> Finding {
    const CHECK: &str = "accelerator";
    let status = health.status();
    let fix = || advice::FOR_ACCELERATOR.to_owned();
    match (status.online, status.last_fault) {
        (true, Some(fault)) => Finding::warning(
            CHECK,
            format!(
                "{backend} answers again, after {} faults; the last: {fault}",
                status.faults
            ),
            fix(),
        ),
        (true, None) => Finding::ok(CHECK, format!("{backend} answers")),
        (false, Some(fault)) => Finding::failed(CHECK, fault, fix()),
        (false, None) => Finding::warning(CHECK, format!("{backend} is being opened"), None),
    }
}

fn connection(vitals: &Vitals, broker: &BrokerAddress) -> Finding {
    const CHECK: &str = "broker";
    let BrokerAddress { host, port } = broker;
    if vitals.publisher.is_connected() {
        return Finding::ok(CHECK, format!("connected to {host}:{port}"));
    }
    match vitals.publisher.failure() {
        Some(cause) => Finding::failed(
            CHECK,
            format!("{host}:{port}: {cause}"),
            advice::for_broker(host, *port),
        ),
        None => Finding::warning(CHECK, format!("{host}:{port}: no connection yet"), None),
    }
}

#[cfg(test)]
mod tests {
    use accelerator::AcceleratorError;

    use super::*;
    use crate::doctor::Outcome;

    #[test]
    fn what_is_down_says_why_and_what_to_do() {
        let health = CameraHealth::default();
        assert_eq!(camera("door", &health, 0.0).outcome, Outcome::Warning);
        health.note_stop("/dev/video0: unplugged".to_owned());
        let finding = camera("door", &health, 0.0);
        assert_eq!(finding.outcome, Outcome::Failed);
        assert_eq!(finding.detail, "/dev/video0: unplugged");
        health.online.store(true, Ordering::Relaxed);
        let finding = camera("door", &health, 29.97);
        assert_eq!(
            (finding.outcome, finding.detail.as_str()),
            (Outcome::Ok, "30.0 frames a second")
        );

        let health = AcceleratorHealth::default();
        assert_eq!(accelerator("hailo", &health).outcome, Outcome::Warning);
        health.note_fault(&AcceleratorError::Closed);
        let finding = accelerator("hailo", &health);
        assert_eq!(finding.outcome, Outcome::Failed);
        assert!(
            finding
                .fix
                .is_some_and(|fix| fix.contains("fastsamd doctor"))
        );
        health.online.store(true, Ordering::Relaxed);
        assert_eq!(accelerator("hailo", &health).outcome, Outcome::Warning);
    }
}
