//! Folders like the kernel's, and what rpicam-hello prints.

use std::os::unix::fs::symlink;

use super::*;
use crate::child::standin::{StandIn, failed_starts_are_seen};

#[test]
fn links_lead_to_their_devices() {
    let folder = tempfile::tempdir().unwrap();
    let device = folder.path().join("video0");
    fs::write(&device, "").unwrap();
    fs::create_dir(folder.path().join("by-id")).unwrap();
    let link = folder.path().join("by-id/usb-046d_C920-index0");
    symlink("../video0", &link).unwrap();
    symlink("../video9", folder.path().join("by-id/gone")).unwrap();
    let device = fs::canonicalize(device).unwrap();
    assert_eq!(links_in(&folder.path().join("by-id")), [(link, device)]);
}

const LIST: &str = "Available cameras
-----------------
0 : imx708_wide [4608x2592 10-bit RGGB] (/base/axi/pcie@120000/rp1/i2c@88000/imx708@1a)
    Modes: 'SRGGB10_CSI2P' : 1536x864 [120.13 fps - (768, 432)/3072x1728 crop]
                             4608x2592 [14.35 fps - (0, 0)/4608x2592 crop]

1 : ov5647 [2592x1944 10-bit GBRG] (/base/axi/pcie@120000/rp1/i2c@80000/ov5647@36)
    Modes: 'SGBRG10_CSI2P' : 640x480 [58.92 fps - (16, 0)/2560x1920 crop]
";

#[test]
fn csi_cameras_are_listed_with_their_modes() {
    let found = parse_list(LIST);
    let told: Vec<_> = found
        .iter()
        .map(|c| {
            (
                c.camera,
                c.sensor.as_str(),
                c.width,
                c.height,
                c.modes.len(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (0, "imx708_wide", 4608, 2592, 2),
            (1, "ov5647", 2592, 1944, 1)
        ]
    );
    let mode = &found[0].modes[0];
    assert_eq!((mode.width, mode.height), (1536, 864));
    assert_eq!(mode.rates, [120.13]);
    for nothing in [
        "",
        "No cameras available!\n",
        "x : y [z] (w)\n : [] fps\n[x",
    ] {
        assert_eq!(parse_list(nothing), []);
    }
}

#[test]
fn the_program_that_lists_them_may_do_anything() {
    let standin = StandIn::new("cat <<'LIST'\n0 : imx219 [3280x2464 10-bit RGGB] (x)\nLIST");
    let found = csi(&standin.program()).unwrap();
    assert_eq!((found.len(), found[0].sensor.as_str()), (1, "imx219"));

    let standin = StandIn::new("echo broken >&2; exit 4");
    let error = csi(&standin.program()).unwrap_err().to_string();
    assert!(
        error.ends_with("failed (exit status: 4): broken"),
        "{error}"
    );

    let standin = StandIn::new("yes");
    assert_eq!(csi(&standin.program()).unwrap(), []);

    if !failed_starts_are_seen() {
        return;
    }
    let error = csi(Path::new("/nowhere/rpicam-hello")).unwrap_err();
    assert!(
        matches!(error, CameraError::ProgramMissing { .. }),
        "{error}"
    );
}

#[test]
fn devices_become_json() {
    let device = V4l2Device {
        path: "/dev/video0".into(),
        by_id: vec!["/dev/v4l/by-id/usb-C920".into()],
        by_path: vec!["/dev/v4l/by-path/usb-0:1".into()],
        card: "C920".into(),
        driver: "uvcvideo".into(),
        bus: "usb-1".into(),
        formats: vec![Format {
            fourcc: "MJPG".into(),
            description: "Motion-JPEG".into(),
            supported: true,
            sizes: vec![Mode {
                width: 1280,
                height: 720,
                up_to: None,
                rates: vec![30.0],
            }],
        }],
        problem: None,
    };
    assert_eq!(
        serde_json::to_value(device).unwrap(),
        serde_json::json!({
            "path": "/dev/video0", "by_id": ["/dev/v4l/by-id/usb-C920"],
            "by_path": ["/dev/v4l/by-path/usb-0:1"], "card": "C920",
            "driver": "uvcvideo", "bus": "usb-1",
            "formats": [{
                "fourcc": "MJPG", "description": "Motion-JPEG", "supported": true,
                "sizes": [{"width": 1280, "height": 720, "rates": [30.0]}],
            }],
        })
    );
}

#[test]
fn listing_this_machines_devices_never_fails() {
    for device in v4l2() {
        assert!(device.path.starts_with("/dev"));
    }
}
