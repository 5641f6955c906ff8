//! Heat and power of the machine.

use super::finding::Finding;
use crate::host::Host;

pub(crate) fn examine(host: &Host) -> Option<Finding> {
    let temperatures: Vec<_> = host
        .temperatures()
        .into_iter()
        .map(|(zone, degrees)| format!("{zone} {degrees:.1} °C"))
        .collect();
    let slowed_by = host.slowed_by();
    if temperatures.is_empty() && slowed_by.is_none() {
        return None;
    }
    let slowed_by = slowed_by.unwrap_or_default();
    if slowed_by.is_empty() {
        return Some(Finding::ok("machine", temperatures.join(", ")));
    }
    let fix = if slowed_by.contains(&"under-voltage") {
        "use a power supply that gives 5 V and 5 A, and a short cable"
    } else {
        "cool it: a fan, a heat sink, air"
    };
    let detail = format!(
        "slowed by {} ({})",
        slowed_by.join(" and "),
        temperatures.join(", ")
    );
    Some(Finding::warning("machine", detail, fix.to_owned()))
}
