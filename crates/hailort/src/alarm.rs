//! Alarms: what a chip tells of itself unasked, when it gets hot or draws too much current.
//!
//! Source: `hailo_notification_t` of hailort.h, 4.20 to 4.23. The library calls back on a thread of
//! its own, so all that happens there is storing numbers.
//!
//! Invariant: what the library was given a pointer to is kept for ever, since nothing says when its
//! last call is over. That is one object for each [`Alarms`], however often a vdevice is made anew.

use std::{
    ffi::c_void,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
};

use hailort_sys::{
    HAILO_NOTIFICATION_ID_HEALTH_MONITOR_OVERCURRENT_ALARM,
    HAILO_NOTIFICATION_ID_HEALTH_MONITOR_TEMPERATURE_ALARM, hailo_device, hailo_notification_t,
};

use crate::{
    Error, PhysicalDevice,
    call::{check, function},
};

/// Where on its way from cool to too hot a chip is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TemperatureZone {
    /// Nothing was told, or it has cooled down.
    #[default]
    Green,
    /// It slows down.
    Orange,
    /// It stops its streams.
    Red,
}

/// What was told so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AlarmReport {
    /// By the latest alarm.
    pub temperature_zone: TemperatureZone,
    /// Alarms of temperature, those that end one included.
    pub temperature_alarms: u64,
    /// Whether it drew too much current, by the latest alarm.
    pub is_overcurrent: bool,
    /// Alarms of current, those that end one included.
    pub overcurrent_alarms: u64,
}

/// Where alarms are noted; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Alarms {
    noted: Arc<Noted>,
}

#[derive(Debug, Default)]
struct Noted {
    temperature_zone: AtomicU32,
    temperature_alarms: AtomicU64,
    overcurrent_zone: AtomicU32,
    overcurrent_alarms: AtomicU64,
}

/// What the library may still write to.
static KEPT: Mutex<Vec<Arc<Noted>>> = Mutex::new(Vec::new());

impl Alarms {
    /// A pointer for the library, valid for ever.
    fn keep(&self) -> *const Noted {
        let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
        if !kept.iter().any(|other| Arc::ptr_eq(other, &self.noted)) {
            kept.push(Arc::clone(&self.noted));
        }
        Arc::as_ptr(&self.noted)
    }

    /// What was told so far.
    pub fn report(&self) -> AlarmReport {
        let noted = &self.noted;
        AlarmReport {
            temperature_zone: match noted.temperature_zone.load(Ordering::Relaxed) {
                0 => TemperatureZone::Green,
                1 => TemperatureZone::Orange,
                _ => TemperatureZone::Red,
            },
            temperature_alarms: noted.temperature_alarms.load(Ordering::Relaxed),
            is_overcurrent: noted.overcurrent_zone.load(Ordering::Relaxed) != 0,
            overcurrent_alarms: noted.overcurrent_alarms.load(Ordering::Relaxed),
        }
    }
}

impl Noted {
    fn note(&self, notification: &hailo_notification_t) {
        match notification.id {
            HAILO_NOTIFICATION_ID_HEALTH_MONITOR_TEMPERATURE_ALARM => {
                // SAFETY: the id says which message this is; it is made of plain numbers.
                let alarm = unsafe {
                    notification
                        .body
                        .health_monitor_temperature_alarm_notification
                };
                self.temperature_zone
                    .store(alarm.temperature_zone, Ordering::Relaxed);
                self.temperature_alarms.fetch_add(1, Ordering::Relaxed);
            }
            HAILO_NOTIFICATION_ID_HEALTH_MONITOR_OVERCURRENT_ALARM => {
                // SAFETY: the id says which message this is. Its first field is a plain number, and
                // the others are not looked at.
                let zone = unsafe {
                    notification
                        .body
                        .health_monitor_overcurrent_alert_notification
                        .overcurrent_zone
                };
                self.overcurrent_zone.store(zone, Ordering::Relaxed);
                self.overcurrent_alarms.fetch_add(1, Ordering::Relaxed);
            }
            _ => {}
        }
    }
}

/// What the library calls.
unsafe extern "C" fn notice(
    _device: hailo_device,
    notification: *const hailo_notification_t,
    noted: *mut c_void,
) {
    // SAFETY: the library passes a notification that is valid for the call, or none at all; packed,
    // it may lie at any address.
    let Some(notification) = (unsafe { notification.as_ref() }) else {
        return;
    };
    // SAFETY: this is a pointer that `keep` gave, to an object that is never freed.
    if let Some(noted) = unsafe { noted.cast::<Noted>().as_ref() } {
        noted.note(notification);
    }
}

impl PhysicalDevice<'_> {
    /// Has the chip's alarms noted from now on.
    #[doc(alias = "hailo_set_notification_callback")]
    pub fn watch(&self, alarms: &Alarms) -> Result<(), Error> {
        let set = function!(self.library(), hailo_set_notification_callback)?;
        for id in [
            HAILO_NOTIFICATION_ID_HEALTH_MONITOR_TEMPERATURE_ALARM,
            HAILO_NOTIFICATION_ID_HEALTH_MONITOR_OVERCURRENT_ALARM,
        ] {
            let noted = alarms.keep().cast_mut().cast();
            let _vdevice = self.lock();
            // SAFETY: the vdevice that lends the handle is alive and locked; the callback takes any
            // number of calls from any thread, with a pointer that stays valid for ever.
            let status = unsafe { set(self.as_ptr(), Some(notice), id, noted) };
            check("hailo_set_notification_callback", status)?;
        }
        Ok(())
    }

    /// Whether the chip slows down by itself when it gets hot or draws too much current.
    #[doc(alias = "hailo_get_throttling_state")]
    pub fn is_throttling_enabled(&self) -> Result<bool, Error> {
        let mut enabled = false;
        let get = function!(self.library(), hailo_get_throttling_state)?;
        let vdevice = self.lock();
        // SAFETY: the vdevice that lends the handle is alive and locked; the pointer is to a bool,
        // valid for the call.
        let status = unsafe { get(self.as_ptr(), &raw mut enabled) };
        drop(vdevice);
        check("hailo_get_throttling_state", status)?;
        Ok(enabled)
    }
}

#[cfg(test)]
mod tests {
    use hailort_sys::{
        hailo_health_monitor_overcurrent_alert_notification_message_t as Overcurrent,
        hailo_health_monitor_temperature_alarm_notification_message_t as Temperature,
        hailo_notification_message_parameters_t as Body,
    };

    use super::*;

    fn tell(alarms: &Alarms, id: u32, body: Body) {
        let notification = hailo_notification_t {
            id,
            sequence: 0,
            body,
        };
        let noted = Arc::as_ptr(&alarms.noted).cast_mut().cast();
        // SAFETY: both pointers are to what lives longer than the call.
        unsafe { notice(std::ptr::null_mut(), &raw const notification, noted) };
    }

    #[test]
    fn alarms_are_noted_by_their_kind() {
        let alarms = Alarms::default();
        assert_eq!(alarms.report(), AlarmReport::default());
        let hot = Temperature {
            temperature_zone: 2,
            ..Temperature::default()
        };
        let current = Overcurrent {
            overcurrent_zone: 1,
            ..Overcurrent::default()
        };
        tell(
            &alarms,
            HAILO_NOTIFICATION_ID_HEALTH_MONITOR_TEMPERATURE_ALARM,
            Body {
                health_monitor_temperature_alarm_notification: hot,
            },
        );
        tell(
            &alarms,
            HAILO_NOTIFICATION_ID_HEALTH_MONITOR_OVERCURRENT_ALARM,
            Body {
                health_monitor_overcurrent_alert_notification: current,
            },
        );
        tell(&alarms, 4, Body { others: [1; 20] });
        assert_eq!(
            alarms.report(),
            AlarmReport {
                temperature_zone: TemperatureZone::Red,
                temperature_alarms: 1,
                is_overcurrent: true,
                overcurrent_alarms: 1,
            }
        );
    }
}
