//! The subset of HailoRT's C interface that fastsamd calls.
//!
//! `include/hailort_subset.h` declares it, bindgen turns it into types and [`HailoRt`], a table of
//! function pointers filled from the library at run time. A symbol that the library lacks is kept
//! as the loader's error in its own field, so that it fails only the calls that need it. Statuses
//! and other enums are plain integers: a newer library may answer what no header here knows.
//!
//! The layouts are those of libhailort 4.20 to 4.23 on LP64 machines, and are asserted below.

#![allow(
    missing_docs,
    non_camel_case_types,
    non_snake_case,
    non_upper_case_globals,
    unreachable_pub,
    unsafe_op_in_unsafe_fn,
    clippy::all,
    clippy::expect_used,
    clippy::multiple_unsafe_ops_per_block,
    clippy::undocumented_unsafe_blocks
)]

include!(concat!(env!("OUT_DIR"), "/bindings.rs"));

/// Statuses that only 4.21 and later know.
pub const HAILO_HEF_FILE_CORRUPTED: hailo_status = HAILO_HEF_FILE_CORRUPTED_VALUE;
pub const HAILO_HEF_NOT_SUPPORTED: hailo_status = HAILO_HEF_NOT_SUPPORTED_VALUE;
pub const HAILO_HEF_NOT_COMPATIBLE_WITH_DEVICE: hailo_status =
    HAILO_HEF_NOT_COMPATIBLE_WITH_DEVICE_VALUE;

const _: () = {
    use std::mem::{offset_of, size_of};

    assert!(size_of::<hailo_status>() == 4);
    assert!(size_of::<hailo_version_t>() == 12);
    assert!(size_of::<hailo_device_id_t>() == 32);
    assert!(size_of::<hailo_vdevice_params_t>() == 40);
    assert!(offset_of!(hailo_vdevice_params_t, device_ids) == 8);
    assert!(offset_of!(hailo_vdevice_params_t, scheduling_algorithm) == 16);
    assert!(offset_of!(hailo_vdevice_params_t, group_id) == 24);
    assert!(offset_of!(hailo_vdevice_params_t, multi_process_service) == 32);
    assert!(size_of::<hailo_device_identity_t>() == 140);
    assert!(offset_of!(hailo_device_identity_t, device_architecture) == 56);
    assert!(size_of::<hailo_chip_temperature_info_t>() == 12);
    assert!(size_of::<hailo_format_t>() == 12);
    assert!(size_of::<hailo_quant_info_t>() == 16);
    assert!(size_of::<hailo_vstream_info_t>() == 436);
    assert!(offset_of!(hailo_vstream_info_t, network_name) == 128);
    assert!(offset_of!(hailo_vstream_info_t, direction) == 388);
    assert!(offset_of!(hailo_vstream_info_t, format) == 392);
    assert!(offset_of!(hailo_vstream_info_t, __bindgen_anon_1) == 404);
    assert!(offset_of!(hailo_vstream_info_t, quant_info) == 420);
    assert!(size_of::<hailo_vstream_params_t>() == 28);
    assert!(size_of::<hailo_input_vstream_params_by_name_t>() == 156);
    assert!(offset_of!(hailo_input_vstream_params_by_name_t, params) == 128);
    assert!(size_of::<hailo_output_vstream_params_by_name_t>() == 156);
    assert!(offset_of!(hailo_output_vstream_params_by_name_t, params) == 128);
    assert!(size_of::<hailo_network_group_info_t>() == 129);
};
