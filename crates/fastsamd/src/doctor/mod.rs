//! `doctor`: looks at everything the daemon needs, and says what to do about what is missing.
//!
//! [`examine`] goes from the library to the broker; each look is a [`Finding`]. Nothing is changed:
//! the only messages that are published come back to their sender alone, and a chip or camera that is in use is left alone. The rows follow what
//! goes wrong for users of a Hailo-8: the table stands in `accelerator.rs`.

mod accelerator;
pub(crate) mod advice;
mod broker;
mod cameras;
pub(crate) mod finding;
pub(crate) mod heat;
mod machine;
mod onnx;

use configuration::{Backend, Config, Hailo};

use crate::open::accelerator::fitted;

pub use finding::{Finding, Outcome};
pub use machine::Machine;

/// Looks at everything a configuration needs, in the order in which things depend on each other.
pub fn examine(config: &Config, machine: &Machine) -> Vec<Finding> {
    let mut findings = onnx::examine(&fitted(config));
    findings.extend(accelerator::examine(&config.accelerator, machine));
    findings.extend(heat::examine(&machine.host));
    findings.extend(config.cameras.iter().map(cameras::examine));
    findings.push(broker::examine(config));
    findings
}

/// Looks at a machine where nothing is configured yet: with all defaults, and with a Hailo chip if there is a
/// trace of one. That nothing answers where a broker would be is no fault yet.
pub fn examine_unconfigured(machine: &Machine) -> Vec<Finding> {
    let mut config = Config::default();
    if machine.has_trace_of_hailo() {
        config.accelerator.backend = Backend::Hailo(Hailo::default());
    }
    let mut findings = examine(&config, machine);
    for finding in &mut findings {
        if finding.check == broker::CHECK && finding.outcome == Outcome::Failed {
            finding.outcome = Outcome::Warning;
            finding.fix = Some(
                "`fastsamd demo` brings a broker of its own; for the daemon: sudo apt install mosquitto, or set \
                 mqtt.host in a configuration"
                    .to_owned(),
            );
        }
    }
    findings
}
