//! Runs, and what ends them.

use std::{
    ffi::{CStr, c_char},
    slice,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use half::f16;
use onnxruntime::sys;

use super::kind::*;
use crate::{object::give, script::Script};

pub(super) unsafe extern "C" fn CreateRunOptions(out: *mut *mut sys::RunOptions) -> Answer {
    let terminate = AtomicBool::new(false);
    put!(out, give(RunOptions { terminate }).cast())
}

pub(super) unsafe extern "C" fn RunOptionsSetTerminate(options: *mut sys::RunOptions) -> Answer {
    object!(options, RunOptions)
        .terminate
        .store(true, Ordering::SeqCst);
    FINE
}

pub(super) unsafe extern "C" fn Run(
    session: *mut sys::Session,
    options: *const sys::RunOptions,
    input_names: *const *const c_char,
    inputs: *const *const sys::Value,
    input_count: usize,
    output_names: *const *const c_char,
    output_count: usize,
    out: *mut *mut sys::Value,
) -> Answer {
    let session = object!(session, Session);
    let options = object!(options, RunOptions);
    let terminated = || options.terminate.load(Ordering::SeqCst);
    match Script::now().run.as_str() {
        "failing" => return failed("Non-zero status code returned while running Conv node"),
        "hanging" => {
            while !terminated() {
                thread::sleep(Duration::from_millis(5));
            }
        }
        _ => {}
    }
    if terminated() {
        return failed("Exiting due to terminate flag being set to true.");
    }
    if input_count != 1 {
        return failed("one input is expected");
    }
    // SAFETY: the caller passes one name and one value.
    let input_name = unsafe { *input_names };
    // SAFETY: as above.
    let input = unsafe { *inputs };
    let input = object!(input, Value);
    // SAFETY: the caller passes so many names.
    let output_names = unsafe { slice::from_raw_parts(output_names, output_count) };
    // SAFETY: the caller passes as many places.
    let out = unsafe { slice::from_raw_parts_mut(out, output_count) };

    let [takes, gives] = session.element_types;
    let is = |port: &onnx::SessionPort, name| {
        // SAFETY: names are C strings.
        let name = unsafe { CStr::from_ptr(name) };
        name.to_bytes() == port.name.as_bytes()
    };
    let ports = session.ports(1);
    let places = output_names
        .iter()
        .map(|name| ports.iter().position(|port| is(port, *name)));
    let Some(places) = places.collect::<Option<Vec<usize>>>() else {
        return failed("Invalid output name");
    };
    if !session
        .ports(0)
        .first()
        .is_some_and(|port| is(port, input_name))
    {
        return failed("Invalid input name");
    }
    if input.element_type != takes {
        return failed("Unexpected input data type");
    }
    let shape: Vec<usize> = input
        .shape
        .iter()
        .map(|&size| usize::try_from(size).unwrap_or(0))
        .collect();
    let count = shape.iter().product();
    let Data::Borrowed(data) = input.data else {
        return failed("an output is no input");
    };
    let elements: Vec<f32> = if takes == sys::FLOAT16 {
        // SAFETY: the tensor was made of so many elements of this type.
        let bits = unsafe { slice::from_raw_parts(data.cast::<u16>(), count) };
        bits.iter()
            .map(|&bits| f16::from_bits(bits).to_f32())
            .collect()
    } else {
        // SAFETY: as above.
        unsafe { slice::from_raw_parts(data.cast::<f32>(), count) }.to_vec()
    };
    let mut out = out.iter_mut();
    let outcome = session.with(|session| {
        session.run(&shape, &elements, &places, |_, shape, elements| {
            let data = match gives {
                sys::FLOAT16 => {
                    let elements = elements.iter();
                    Data::F16(elements.map(|&x| f16::from_f32(x).to_bits()).collect())
                }
                sys::FLOAT => Data::F32(elements.to_vec()),
                _ => Data::I64(elements.iter().map(|&x| x as i64).collect()),
            };
            let size = |&size: &usize| i64::try_from(size).unwrap_or(i64::MAX);
            let value = Value {
                element_type: gives,
                shape: shape.iter().map(size).collect(),
                data,
            };
            if let Some(out) = out.next() {
                *out = give(value).cast();
            }
        })
    });
    outcome.map_or_else(failed, |()| FINE)
}
