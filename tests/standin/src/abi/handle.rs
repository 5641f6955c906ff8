//! Handles that the caller passes, as the objects they stand for.
//!
//! A handle of another kind, or of what was released, is a violation. Objects that one thread at a
//! time may use are held for the length of a call.

use std::sync::Arc;

use hailort_sys::*;

use crate::registry::{Group, Hef, InUse, Object, VDevice, VStream, standin};

pub(super) fn vdevice(function: &str, handle: usize) -> Option<Arc<VDevice>> {
    standin().get(function, handle, "vdevice", |object| match object {
        Object::VDevice(vdevice) => Some(Arc::clone(vdevice)),
        _ => None,
    })
}

/// A vdevice in use by this call alone.
pub(super) fn vdevice_alone(function: &str, handle: usize) -> Option<InUse<VDevice>> {
    vdevice(function, handle).and_then(|vdevice| standin().enter(function, vdevice))
}

/// The vdevice of a physical device, in use by this call alone.
pub(super) fn device_alone(function: &str, device: hailo_device) -> Option<InUse<VDevice>> {
    let owner = standin().get(function, device as usize, "device", |object| match object {
        Object::Device(vdevice) => Some(*vdevice),
        _ => None,
    })?;
    vdevice_alone(function, owner)
}

pub(super) fn hef(function: &str, handle: hailo_hef) -> Option<Arc<Hef>> {
    standin().get(function, handle as usize, "HEF", |object| match object {
        Object::Hef(hef) => Some(Arc::clone(hef)),
        _ => None,
    })
}

pub(super) fn group(function: &str, handle: hailo_configured_network_group) -> Option<Arc<Group>> {
    standin().get(
        function,
        handle as usize,
        "network group",
        |object| match object {
            Object::Group(group) => Some(Arc::clone(group)),
            _ => None,
        },
    )
}

pub(super) fn input(function: &str, handle: hailo_input_vstream) -> Option<InUse<VStream>> {
    let vstream = standin().get(
        function,
        handle as usize,
        "input vstream",
        |object| match object {
            Object::Input(vstream) => Some(Arc::clone(vstream)),
            _ => None,
        },
    )?;
    standin().enter(function, vstream)
}

pub(super) fn output(function: &str, handle: hailo_output_vstream) -> Option<InUse<VStream>> {
    let vstream = standin().get(
        function,
        handle as usize,
        "output vstream",
        |object| match object {
            Object::Output(vstream) => Some(Arc::clone(vstream)),
            _ => None,
        },
    )?;
    standin().enter(function, vstream)
}
