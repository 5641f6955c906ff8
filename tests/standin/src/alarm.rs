//! Alarms: who wants to be told of heat and current, and telling them.

use std::{ffi::c_void, ptr};

use hailort_sys::*;

/// What the chip tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alarm {
    /// It has become this hot: 0 green, 1 orange, 2 red.
    Temperature(u32),
    /// It draws too much current.
    Overcurrent,
}

/// A callback of the caller's.
#[derive(Clone, Copy)]
pub(crate) struct Listener {
    pub(crate) id: hailo_notification_id_t,
    pub(crate) callback:
        unsafe extern "C" fn(hailo_device, *const hailo_notification_t, *mut c_void),
    /// The caller's own pointer, which is nothing but a number here.
    pub(crate) opaque: usize,
}

impl Alarm {
    fn notification(self) -> hailo_notification_t {
        let (id, body) = match self {
            Self::Temperature(zone) => (
                HAILO_NOTIFICATION_ID_HEALTH_MONITOR_TEMPERATURE_ALARM,
                hailo_notification_message_parameters_t {
                    health_monitor_temperature_alarm_notification:
                        hailo_health_monitor_temperature_alarm_notification_message_t {
                            temperature_zone: zone,
                            ..Default::default()
                        },
                },
            ),
            Self::Overcurrent => (
                HAILO_NOTIFICATION_ID_HEALTH_MONITOR_OVERCURRENT_ALARM,
                hailo_notification_message_parameters_t {
                    health_monitor_overcurrent_alert_notification:
                        hailo_health_monitor_overcurrent_alert_notification_message_t {
                            overcurrent_zone: 1,
                            ..Default::default()
                        },
                },
            ),
        };
        hailo_notification_t {
            id,
            sequence: 0,
            body,
        }
    }

    /// Calls who wants to know this.
    pub(crate) fn tell(self, listeners: &[Listener]) {
        let notification = self.notification();
        for listener in listeners {
            if listener.id == notification.id {
                // SAFETY: the caller promises that its function takes this at any time, with the
                // pointer that it gave.
                unsafe {
                    (listener.callback)(
                        ptr::null_mut(),
                        &raw const notification,
                        listener.opaque as *mut c_void,
                    );
                }
            }
        }
    }
}
