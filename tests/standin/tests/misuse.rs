//! The stand-in against callers that do it wrong: it must notice, or it proves nothing.

// All of this is test code: what can't go on may panic.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout
)]
// Raw calls, wrong on purpose; the stand-in never dereferences a handle.
#![allow(
    clippy::undocumented_unsafe_blocks,
    clippy::multiple_unsafe_ops_per_block
)]

use std::ptr;

use hailort_standin::Sandbox;
use hailort_sys::*;

struct Raw {
    sandbox: Sandbox,
    lib: HailoRt,
    vdevice: hailo_vdevice,
    hef: hailo_hef,
    group: hailo_configured_network_group,
    input: hailo_input_vstream,
}

/// Everything up to an input vstream.
fn raw() -> Raw {
    let sandbox = Sandbox::new("pace = 0").unwrap();
    let hef_bytes = std::fs::read(sandbox.hef()).unwrap();
    let (mut vdevice, mut hef) = (ptr::null_mut(), ptr::null_mut());
    let (mut group, mut input) = (ptr::null_mut(), ptr::null_mut());
    let mut params = hailo_input_vstream_params_by_name_t::default();
    let mut count = 1;
    let lib = unsafe {
        let lib = HailoRt::new(sandbox.library()).unwrap();
        assert_eq!(lib.hailo_create_vdevice(ptr::null_mut(), &mut vdevice), 0);
        let bytes = hef_bytes.as_ptr().cast();
        assert_eq!(
            lib.hailo_create_hef_buffer(&mut hef, bytes, hef_bytes.len()),
            0
        );
        let none = ptr::null_mut();
        assert_eq!(
            lib.hailo_configure_vdevice(vdevice, hef, none, &mut group, &mut count),
            0
        );
        assert_eq!(
            lib.hailo_make_input_vstream_params(group, false, 0, &mut params, &mut count),
            0
        );
        assert_eq!(
            lib.hailo_create_input_vstreams(group, &params, 1, &mut input),
            0
        );
        lib
    };
    Raw {
        sandbox,
        lib,
        vdevice,
        hef,
        group,
        input,
    }
}

#[track_caller]
fn assert_reported(sandbox: &Sandbox, expected: &str) {
    let report = sandbox.report();
    assert!(
        report.iter().any(|line| line.contains(expected)),
        "{expected}: {report:?}"
    );
}

#[test]
fn double_release() {
    let raw = raw();
    unsafe {
        assert_eq!(raw.lib.hailo_release_input_vstreams(&raw.input, 1), 0);
        assert_eq!(raw.lib.hailo_release_input_vstreams(&raw.input, 1), 2);
    }
    assert_reported(&raw.sandbox, "the input vstream was released before");
}

#[test]
fn use_after_release() {
    let raw = raw();
    let frame = vec![0_u8; 640 * 640 * 3];
    unsafe {
        raw.lib.hailo_release_input_vstreams(&raw.input, 1);
        let frame = frame.as_ptr().cast();
        assert_eq!(
            raw.lib
                .hailo_vstream_write_raw_buffer(raw.input, frame, 640 * 640 * 3),
            2
        );
    }
    assert_reported(
        &raw.sandbox,
        "hailo_vstream_write_raw_buffer: the input vstream was released",
    );
}

#[test]
fn release_in_the_wrong_order() {
    let raw = raw();
    unsafe {
        raw.lib.hailo_release_hef(raw.hef);
        raw.lib.hailo_release_vdevice(raw.vdevice);
    }
    assert_reported(
        &raw.sandbox,
        "hailo_release_hef: a vdevice that it is configured on",
    );
    assert_reported(
        &raw.sandbox,
        "hailo_release_vdevice: 1 of its vstreams are not released",
    );
}

#[test]
fn wrong_sizes_and_null() {
    let raw = raw();
    let frame = [0_u8; 16];
    unsafe {
        let frame = frame.as_ptr().cast();
        assert_eq!(
            raw.lib.hailo_vstream_write_raw_buffer(raw.input, frame, 16),
            2
        );
        assert_eq!(raw.lib.hailo_get_library_version(ptr::null_mut()), 2);
        let mut hef = ptr::null_mut();
        raw.lib.hailo_create_hef_buffer(&mut hef, frame, 0);
    }
    assert_reported(&raw.sandbox, "the buffer has 16 bytes, the frame 1228800");
    assert_reported(&raw.sandbox, "a pointer to write to is NULL");
    assert_reported(&raw.sandbox, "an empty buffer crashes the real library");
}

#[test]
fn a_handle_of_another_kind() {
    let raw = raw();
    unsafe {
        assert_eq!(raw.lib.hailo_release_vdevice(raw.hef.cast()), 2);
        assert_eq!(raw.lib.hailo_release_hef(0x1234 as hailo_hef), 2);
    }
    assert_reported(&raw.sandbox, "the handle is a HEF, not a vdevice");
    assert_reported(&raw.sandbox, "the handle was never a HEF");
}

#[test]
fn two_threads_on_one_vstream() {
    let raw = raw();
    let (lib, input) = (&raw.lib, raw.input as usize);
    let write = move || {
        let frame = vec![0_u8; 640 * 640 * 3];
        for _ in 0..500 {
            let frame = frame.as_ptr().cast();
            let input = input as hailo_input_vstream;
            // The other thread's violation is an invalid argument here: enough seen.
            if unsafe { lib.hailo_vstream_write_raw_buffer(input, frame, 640 * 640 * 3) } == 2 {
                return;
            }
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(write);
        scope.spawn(write);
    });
    assert_reported(&raw.sandbox, "two threads use the same object at once");
}

#[test]
fn counts_are_written_back_but_not_by_configure() {
    let raw = raw();
    unsafe {
        let mut count = 0;
        let mut params = hailo_output_vstream_params_by_name_t::default();
        assert_eq!(
            raw.lib
                .hailo_make_output_vstream_params(raw.group, false, 0, &mut params, &mut count),
            5
        );
        assert_eq!(count, 10);
        count = 0;
        let none = ptr::null_mut();
        let mut group = ptr::null_mut();
        assert_eq!(
            raw.lib
                .hailo_configure_vdevice(raw.vdevice, raw.hef, none, &mut group, &mut count),
            5
        );
        assert_eq!(count, 0);
    }
}

#[test]
fn without_a_name_the_last_group_of_the_file_is_meant() {
    let raw = raw();
    for (groups, expected) in [
        (["fast_sam_s", "aa_other"], 2),
        (["aa_other", "fast_sam_s"], 11),
    ] {
        let bytes = hailort_standin::sample_hef_of(1, &groups);
        let mut infos = [hailo_vstream_info_t::default(); 40];
        let (mut hef, mut count) = (ptr::null_mut(), infos.len());
        let (mut handles, mut room) = ([ptr::null_mut(); 2], 1);
        unsafe {
            let (lib, from) = (&raw.lib, bytes.as_ptr().cast());
            assert_eq!(lib.hailo_create_hef_buffer(&mut hef, from, bytes.len()), 0);
            let (none, to) = (ptr::null(), infos.as_mut_ptr());
            assert_eq!(
                lib.hailo_hef_get_all_vstream_infos(hef, none, to, &mut count),
                0
            );
            // There is room for one, and there are two.
            let (none, to) = (ptr::null_mut(), handles.as_mut_ptr());
            let vdevice = raw.vdevice;
            assert_eq!(
                lib.hailo_configure_vdevice(vdevice, hef, none, to, &mut room),
                5
            );
        }
        assert_eq!(count, expected);
        assert_eq!(room, 1);
    }
}

#[test]
fn outputs_come_by_name_whatever_the_callers_order() {
    let raw = raw();
    let mut params = [hailo_output_vstream_params_by_name_t::default(); 10];
    let mut handles = [ptr::null_mut(); 10];
    let mut count = 10;
    let name = |name: &[std::ffi::c_char]| name.iter().map(|c| *c as u8).collect::<Vec<_>>();
    unsafe {
        raw.lib.hailo_make_output_vstream_params(
            raw.group,
            false,
            0,
            params.as_mut_ptr(),
            &mut count,
        );
        assert!(params.is_sorted_by_key(|param| name(&param.name)));
        assert_eq!(params[0].params.timeout_ms, 10_000);
        assert_eq!(params[0].params.queue_size, 2);
        let by_name = params;
        params.reverse();
        let out = handles.as_mut_ptr();
        assert_eq!(
            raw.lib
                .hailo_create_output_vstreams(raw.group, params.as_ptr(), 10, out),
            0
        );
        for (handle, expected) in handles.iter().zip(by_name) {
            let mut info = hailo_vstream_info_t::default();
            raw.lib.hailo_get_output_vstream_info(*handle, &mut info);
            assert_eq!(name(&info.name), name(&expected.name));
        }
        raw.lib.hailo_release_output_vstreams(handles.as_ptr(), 10);

        // An unknown name, and a type that is not the output's.
        params[0].name[0] = b'?' as std::ffi::c_char;
        assert_eq!(
            raw.lib
                .hailo_create_output_vstreams(raw.group, params.as_ptr(), 10, out),
            61
        );
        let mut typed = by_name;
        for param in &mut typed {
            param.params.user_buffer_format.type_ = HAILO_FORMAT_TYPE_UINT8;
        }
        assert_eq!(
            raw.lib
                .hailo_create_output_vstreams(raw.group, typed.as_ptr(), 10, out),
            2
        );
    }
}

#[test]
fn leaks_are_reported_when_the_library_is_closed_or_the_process_ends() {
    const SELF: &str = "STANDIN_LEAK_IN";
    // The child leaks; the parent reads what was reported of it.
    if let Some(library) = std::env::var_os(SELF) {
        let lib = unsafe { HailoRt::new(library).unwrap() };
        let mut vdevice = ptr::null_mut();
        assert_eq!(
            unsafe { lib.hailo_create_vdevice(ptr::null_mut(), &mut vdevice) },
            0
        );
        std::mem::forget(lib);
        return;
    }
    let sandbox = Sandbox::new("pace = 0").unwrap();
    let test = "leaks_are_reported_when_the_library_is_closed_or_the_process_ends";
    let status = this_test()
        .args([test, "--exact"])
        .env(SELF, sandbox.library())
        .stdout(std::process::Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    assert_reported(&sandbox, "leak: vdevice");
}

/// This test program once more, in the emulator that it runs in, if it does.
fn this_test() -> std::process::Command {
    let program = std::env::current_exe().unwrap();
    match std::env::var("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER") {
        Ok(runner) if cfg!(target_arch = "aarch64") => {
            let mut words = runner.split_whitespace();
            let mut command = std::process::Command::new(words.next().unwrap());
            command.args(words).arg(program);
            command
        }
        _ => std::process::Command::new(program),
    }
}
