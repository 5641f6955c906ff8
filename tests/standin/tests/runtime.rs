//! The `hailort` crate against the stand-in, through the real dlopen.

// All of this is test code: what can't go on may panic.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout
)]

use std::{fs, path::Path};

use hailort::{
    Architecture, Error, FormatType, Hef, HefFileError, Library, SchedulingOptions, Status,
    VDevice, VDeviceOptions, VStreamDirection, VStreamOptions, Version, Versions,
};
use hailort_standin::{FAST_SAM, Sandbox, sample_hef, sample_hef_of};

/// As fast as the computer can.
const FAST: &str = "pace = 0";

fn open(script: &str) -> (Sandbox, Library) {
    let sandbox = Sandbox::new(&format!("{FAST}\n{script}")).expect("a sandbox");
    let library =
        Library::open(Some(&sandbox.library()), Versions::default()).expect("the stand-in");
    (sandbox, library)
}

fn configured(library: &Library, sandbox: &Sandbox) -> hailort::ConfiguredNetworkGroup {
    let hef = Hef::open(library, &sandbox.hef(), None).expect("a HEF");
    let vdevice = VDevice::create(library, &VDeviceOptions::default()).expect("a vdevice");
    vdevice
        .configure(&hef, None, SchedulingOptions::default())
        .expect("a network group")
}

fn status<T: std::fmt::Debug>(result: Result<T, Error>) -> u32 {
    result
        .expect_err("a failure")
        .status()
        .expect("a status")
        .number()
}

#[test]
fn only_versions_that_were_tried_open_unless_the_user_opts_in() {
    use Versions::{Supported, Untried};
    let version = |minor| Version {
        major: 4,
        minor,
        revision: 0,
    };
    for (minor, versions, opens) in [
        (20, Supported, true),
        (23, Supported, true),
        (19, Supported, false),
        (24, Supported, false),
        (19, Untried, true),
        (23, Untried, true),
        (24, Untried, true),
    ] {
        let sandbox = Sandbox::new(&format!("version = {}", version(minor))).unwrap();
        match Library::open(Some(&sandbox.library()), versions) {
            Ok(library) => {
                assert!(opens, "4.{minor} with {versions:?}");
                assert_eq!(library.version(), version(minor));
            }
            Err(Error::UntriedVersion { found }) => {
                assert!(!opens, "4.{minor} with {versions:?}");
                assert_eq!(found, version(minor));
            }
            Err(other) => panic!("4.{minor} with {versions:?}: {other}"),
        }
        assert_eq!(sandbox.report(), [""; 0]);
    }
}

#[test]
fn an_untried_version_is_one_line_that_says_how_to_go_on() {
    let sandbox = Sandbox::new("version = 4.24.1").unwrap();
    let error = Library::open(Some(&sandbox.library()), Versions::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "libhailort is version 4.24.1, but only 4.20 to 4.23 are tried: install one of those, \
         or set FASTSAMD_UNTRIED_HAILORT=1 to use it at your own risk"
    );
}

#[test]
fn a_version_for_other_chips_never_opens() {
    let sandbox = Sandbox::new("version = 5.2.0").unwrap();
    for versions in [Versions::Supported, Versions::Untried] {
        let error = Library::open(Some(&sandbox.library()), versions).unwrap_err();
        assert!(
            matches!(error, Error::Version { found } if found.to_string() == "5.2.0"),
            "{error}"
        );
    }
}

#[test]
fn a_vdevice_fails_with_the_status_of_its_cause() {
    for (script, expected) in [
        ("device = none", 74),
        ("device = busy", 74),
        ("device = lost", 74),
        ("driver = mismatch", 76),
    ] {
        let (sandbox, library) = open(script);
        let result = VDevice::create(&library, &VDeviceOptions::default());
        assert_eq!(status(result), expected, "{script}");
        let found = library.scan().unwrap().len();
        assert_eq!(
            found,
            usize::from(!script.ends_with("none") && !script.ends_with("lost"))
        );
        assert_eq!(sandbox.report(), [""; 0]);
    }
}

#[test]
fn an_unknown_device_is_an_invalid_argument() {
    let (_sandbox, library) = open("");
    let device = Some(hailort::DeviceId::new("0000:09:00.0").unwrap());
    let options = VDeviceOptions {
        device,
        ..VDeviceOptions::default()
    };
    assert_eq!(status(VDevice::create(&library, &options)), 2);
}

#[test]
fn a_chip_is_taken_alone_unless_shared() {
    let (sandbox, library) = open("");
    let alone = VDevice::create(&library, &VDeviceOptions::default()).unwrap();
    assert_eq!(
        status(VDevice::create(&library, &VDeviceOptions::default())),
        74
    );
    let shared = VDeviceOptions {
        group_id: Some("SHARED".to_owned()),
        ..VDeviceOptions::default()
    };
    drop(alone);
    let _one = VDevice::create(&library, &shared).unwrap();
    let _two = VDevice::create(&library, &shared).unwrap();
    assert_eq!(sandbox.report(), [""; 0]);
}

#[test]
fn hefs_are_checked_before_the_library_sees_them() {
    let (sandbox, library) = open("");
    let good = sample_hef(false);
    let mut damaged = good.clone();
    *damaged.last_mut().unwrap() ^= 1;
    // A good hash around a broken message crashes the real library.
    let mut broken = good.clone();
    broken[44] |= 7;
    let hash = xxhash_rust::xxh3::xxh3_64(&broken[44..]);
    broken[12..20].copy_from_slice(&hash.to_be_bytes());
    // The whole sample, with a letter of the name of the network for the chip flipped.
    let mut flipped = good.clone();
    let name = b"\x0a\x0c\x0a\x0afast_sam_s";
    let places = flipped.windows(name.len()).enumerate();
    let places: Vec<_> = places
        .filter(|(_, bytes)| bytes == name)
        .map(|(at, _)| at)
        .collect();
    *flipped.get_mut(places[1] + name.len() - 1).unwrap() = b'S';
    let hash = xxhash_rust::xxh3::xxh3_64(&flipped[44..]);
    flipped[12..20].copy_from_slice(&hash.to_be_bytes());
    let mut newer = good.clone();
    newer[7] = 4;
    let file = sandbox.folder().join("other.hef");
    type Check = fn(&HefFileError) -> bool;
    let cases: [(&str, &[u8], Check); 7] = [
        ("empty", &[], |e| {
            matches!(e, HefFileError::TooSmall { size: 0 })
        }),
        ("garbage", &[7; 100], |e| {
            matches!(e, HefFileError::Magic { .. })
        }),
        ("cut off", &good[..good.len() - 1], |e| {
            matches!(e, HefFileError::Length { .. })
        }),
        ("damaged", &damaged, |e| {
            matches!(e, HefFileError::Hash { .. })
        }),
        ("broken", &broken, |e| {
            matches!(e, HefFileError::Contents { .. })
        }),
        ("named twice", &flipped, |e| {
            matches!(e, HefFileError::Flaw(_))
        }),
        ("of a newer container", &newer, |e| {
            matches!(e, HefFileError::Version(4))
        }),
    ];
    for (name, bytes, expected) in cases {
        fs::write(&file, bytes).unwrap();
        match Hef::open(&library, &file, None) {
            Err(Error::Hef { cause, path }) => {
                assert!(expected(&cause), "{name}: {cause}");
                assert_eq!(path, file);
            }
            other => panic!("{name}: {other:?}"),
        }
    }
    let error = Hef::open(&library, &sandbox.hef(), Some([0; 32]))
        .err()
        .unwrap()
        .to_string();
    assert!(error.contains("sha256"), "{error}");
    let missing = Hef::open(&library, Path::new("/nowhere.hef"), None)
        .err()
        .unwrap()
        .to_string();
    assert!(missing.contains("/nowhere.hef"), "{missing}");
    assert_eq!(sandbox.report(), [""; 0]);
}

#[test]
fn a_hef_describes_itself_to_the_library_as_to_us() {
    let (sandbox, library) = open("");
    let hef = Hef::open(&library, &sandbox.hef(), None).unwrap();
    let groups = hef.network_groups().unwrap();
    assert_eq!(groups[0].name, "fast_sam_s");
    assert!(groups[0].is_multi_context);

    let theirs = hef.vstreams("fast_sam_s").unwrap();
    let ours = hailort::hef_file::HefFile::read(&sandbox.hef())
        .unwrap()
        .contents()
        .unwrap();
    assert_eq!(ours.network_groups[0].layers.len(), theirs.len());
    for layer in &ours.network_groups[0].layers {
        let vstream = theirs.iter().find(|info| info.name == layer.name).unwrap();
        assert_eq!(vstream.shape.map(|n| n as u32), layer.shape);
        assert_eq!(vstream.format.bytes(), Some(layer.element_bytes as usize));
        assert_eq!(
            (vstream.scale, vstream.zero_point),
            (layer.scale, layer.zero_point)
        );
    }
}

#[test]
fn a_refused_hef_is_named() {
    for (version, expected) in [("4.23.0", 92), ("4.20.0", 26)] {
        let (sandbox, library) = open(&format!("hef = refused\nversion = {version}"));
        let error = Hef::open(&library, &sandbox.hef(), None).err().unwrap();
        assert_eq!(error.status().unwrap().number(), expected);
        assert!(error.is_of_hef());
        let path = sandbox.hef().display().to_string();
        let line = error.to_string();
        assert!(
            line.starts_with(&path) && line.contains("fastsamd fetch"),
            "{line}"
        );
    }
}

#[test]
fn firmware_of_another_version_fails_when_a_network_is_configured() {
    let (sandbox, library) = open("firmware = mismatch");
    let hef = Hef::open(&library, &sandbox.hef(), None).unwrap();
    let vdevice = VDevice::create(&library, &VDeviceOptions::default()).unwrap();
    let result = vdevice.configure(&hef, None, SchedulingOptions::default());
    let error = result.err().unwrap();
    assert_eq!(error.status(), Some(Status::UNSUPPORTED_FW_VERSION));
    assert!(error.to_string().contains("power off and on"), "{error}");
    assert_eq!(sandbox.report(), [""; 0]);
}

#[test]
fn of_several_network_groups_the_named_one_is_found() {
    let outputs = |group: &hailort::ConfiguredNetworkGroup| {
        let outputs = group.output_vstreams(VStreamOptions::default()).unwrap();
        outputs
            .iter()
            .map(|output| output.info().name.clone())
            .collect::<Vec<_>>()
    };
    for groups in [
        &[FAST_SAM, "zz_other"][..],
        &["zz_other", FAST_SAM],
        &["aa_other", FAST_SAM, "zz_other"],
    ] {
        let (sandbox, library) = open("");
        fs::write(sandbox.hef(), sample_hef_of(1, groups)).unwrap();
        let hef = Hef::open(&library, &sandbox.hef(), None).unwrap();
        let infos = hef.network_groups().unwrap();
        assert!(infos.is_sorted_by_key(|info| &info.name), "{infos:?}");
        for name in groups {
            let vdevice = VDevice::create(&library, &VDeviceOptions::default()).unwrap();
            let configure = |name| vdevice.configure(&hef, name, SchedulingOptions::default());
            let group = configure(Some(name)).unwrap();
            let found = outputs(&group);
            let expected = if *name == FAST_SAM { 10 } else { 1 };
            assert_eq!(found.len(), expected, "{groups:?} {name}");
            let prefix = if *name == FAST_SAM { "mock/" } else { name };
            assert!(found[0].starts_with(prefix), "{found:?}");
            assert_eq!(hef.vstreams(name).unwrap().len(), expected + 1);
        }
        let vdevice = VDevice::create(&library, &VDeviceOptions::default()).unwrap();
        let configure = |name| vdevice.configure(&hef, name, SchedulingOptions::default());
        // Without a name there is no telling which.
        assert!(matches!(configure(None), Err(Error::Answer { .. })));
        assert_eq!(status(configure(Some("nobody")).map(|_| ())), 61);
        assert_eq!(sandbox.report(), [""; 0]);
    }
}

#[test]
fn a_hef_for_another_chip_is_refused_when_it_is_configured() {
    for (chip, for_8l, version, expected) in [
        ("hailo8", false, "4.23.0", None),
        ("hailo8", true, "4.23.0", None),
        ("hailo8l", true, "4.23.0", None),
        ("hailo8l", false, "4.23.0", Some(93)),
        ("hailo8l", false, "4.20.0", Some(26)),
    ] {
        let (sandbox, library) = open(&format!("chip = {chip}\nversion = {version}"));
        fs::write(sandbox.hef(), sample_hef(for_8l)).unwrap();
        let hef = Hef::open(&library, &sandbox.hef(), None).unwrap();
        let vdevice = VDevice::create(&library, &VDeviceOptions::default()).unwrap();
        let result = vdevice.configure(&hef, None, SchedulingOptions::default());
        assert_eq!(
            result.err().map(|e| e.status().unwrap().number()),
            expected,
            "{chip} {for_8l}"
        );
    }
}

#[test]
fn other_firmware_is_found_when_a_network_is_configured() {
    let (sandbox, library) = open("firmware = mismatch");
    let hef = Hef::open(&library, &sandbox.hef(), None).unwrap();
    let vdevice = VDevice::create(&library, &VDeviceOptions::default()).unwrap();
    let result = vdevice.configure(&hef, None, SchedulingOptions::default());
    let error = result.err().unwrap();
    assert_eq!(error.status(), Some(Status::UNSUPPORTED_FW_VERSION));
    let line = error.to_string();
    assert!(line.contains("switch the power off and on"), "{line}");
}

#[test]
fn a_service_that_is_not_there_has_a_status_of_its_own() {
    for (service, expected) in [("missing", Some(6)), ("down", Some(77)), ("running", None)] {
        let (sandbox, library) = open(&format!("service = {service}"));
        let options = VDeviceOptions {
            multi_process_service: true,
            ..VDeviceOptions::default()
        };
        let made = VDevice::create(&library, &options);
        let status = made.err().map(|error| error.status().unwrap().number());
        assert_eq!(status, expected, "{service}");
        assert_eq!(sandbox.report(), [""; 0]);
    }
}

#[test]
fn a_page_size_that_is_refused_says_what_to_do() {
    let (sandbox, library) = open("page-size = refused");
    let hef = Hef::open(&library, &sandbox.hef(), None).unwrap();
    let vdevice = VDevice::create(&library, &VDeviceOptions::default()).unwrap();
    let error = vdevice
        .configure(&hef, None, SchedulingOptions::default())
        .err()
        .unwrap();
    assert_eq!(error.status(), Some(Status::INTERNAL_FAILURE));
    assert!(
        error.to_string().contains("force_desc_page_size=4096"),
        "{error}"
    );
}

#[test]
fn the_device_identifies_itself_and_warms_up() {
    let (sandbox, library) = open("chip = hailo8l\ntemperature = 60+2");
    let vdevice = VDevice::create(&library, &VDeviceOptions::default()).unwrap();
    let devices = vdevice.physical_devices().unwrap();
    let identity = devices[0].identify().unwrap();
    assert_eq!(identity.architecture, Architecture::Hailo8L);
    assert_eq!(identity.firmware.to_string(), "4.23.0");
    assert_eq!(identity.board, "Hailo-8L");
    assert_eq!(devices[0].chip_temperature().unwrap().hottest(), 60.0);
    assert_eq!(devices[0].chip_temperature().unwrap().hottest(), 62.0);
    assert_eq!(sandbox.report(), [""; 0]);
}

#[test]
fn vstreams_come_by_name_with_their_own_types() {
    let (sandbox, library) = open("");
    let group = configured(&library, &sandbox);
    let inputs = group.input_vstreams(VStreamOptions::default()).unwrap();
    let outputs = group.output_vstreams(VStreamOptions::default()).unwrap();
    assert_eq!(inputs.len(), 1);
    assert_eq!(inputs[0].info().direction, VStreamDirection::Input);
    assert_eq!(inputs[0].frame_size(), 640 * 640 * 3);
    let names: Vec<_> = outputs
        .iter()
        .map(|output| output.info().name.clone())
        .collect();
    assert!(names.is_sorted() && names.len() == 10, "{names:?}");
    assert!(
        outputs
            .iter()
            .any(|output| output.info().format == FormatType::UInt16)
    );
    assert!(
        outputs
            .iter()
            .any(|output| output.info().format == FormatType::UInt8)
    );
    for output in &outputs {
        assert_eq!(Some(output.frame_size()), output.info().frame_size());
    }
    assert_eq!(sandbox.report(), [""; 0]);
}

#[test]
fn a_buffer_of_the_wrong_size_never_reaches_the_library() {
    let (sandbox, library) = open("");
    let group = configured(&library, &sandbox);
    let mut input = group
        .input_vstreams(VStreamOptions::default())
        .unwrap()
        .remove(0);
    let mut outputs = group.output_vstreams(VStreamOptions::default()).unwrap();
    assert!(matches!(
        input.write(&[0; 12]),
        Err(Error::FrameSize { found: 12, .. })
    ));
    let wide = outputs
        .iter_mut()
        .find(|o| o.info().format == FormatType::UInt16)
        .unwrap();
    let mut narrow = vec![0_u8; wide.frame_size() / 2];
    assert!(matches!(
        wide.read(&mut narrow),
        Err(Error::FrameSize { .. })
    ));
    assert_eq!(sandbox.report(), [""; 0]);
}

#[test]
fn a_read_without_a_frame_times_out_and_can_go_on() {
    let (sandbox, library) = open("");
    let group = configured(&library, &sandbox);
    let options = VStreamOptions {
        timeout_ms: 50,
        ..VStreamOptions::default()
    };
    let input = group.input_vstreams(options).unwrap().remove(0);
    let mut outputs = group
        .output_vstreams(VStreamOptions {
            timeout_ms: 50,
            ..options
        })
        .unwrap();
    let mut frame = vec![0_u8; outputs[0].frame_size()];
    let error = outputs[0].read(&mut frame).unwrap_err();
    assert_eq!(error.status(), Some(Status::TIMEOUT));
    assert!(error.is_transient());
    input.release().unwrap();
    assert_eq!(sandbox.report(), [""; 0]);
}

#[test]
fn any_order_of_dropping_releases_in_the_librarys_order() {
    let (sandbox, library) = open("");
    let hef = Hef::open(&library, &sandbox.hef(), None).unwrap();
    let vdevice = VDevice::create(&library, &VDeviceOptions::default()).unwrap();
    let group = vdevice
        .configure(&hef, None, SchedulingOptions::default())
        .unwrap();
    let inputs = group.input_vstreams(VStreamOptions::default()).unwrap();
    let outputs = group.output_vstreams(VStreamOptions::default()).unwrap();
    // The reverse of what the library wants.
    drop(library);
    drop(hef);
    drop(vdevice);
    drop(group);
    drop(inputs);
    drop(outputs);
    assert_eq!(sandbox.live(), 0);
    assert_eq!(sandbox.report(), [""; 0]);
}

#[test]
fn what_is_kept_is_seen_as_live() {
    let (sandbox, library) = open("");
    let group = configured(&library, &sandbox);
    let _inputs = group.input_vstreams(VStreamOptions::default()).unwrap();
    // vdevice, HEF, input.
    assert_eq!(sandbox.live(), 3);
}
