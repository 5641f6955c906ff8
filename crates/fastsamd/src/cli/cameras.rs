//! `cameras`: the capture devices that there are, with formats, sizes and rates.

use std::path::Path;

use camera::{
    CameraError,
    devices::{self, Format, Mode, V4l2Device},
};
use clap::Args;
use serde_json::json;

use super::exit::say;

/// What to list.
#[derive(Debug, Args)]
pub(super) struct CamerasArgs {
    /// Print JSON: `{"v4l2": [...], "csi": [...]}`.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &CamerasArgs) -> anyhow::Result<()> {
    let usb = devices::v4l2();
    let (csi, problem) = match devices::csi(Path::new("rpicam-hello")) {
        Ok(cameras) => (cameras, None),
        // So it is on every machine but a Raspberry Pi.
        Err(CameraError::ProgramMissing { .. }) => (Vec::new(), None),
        Err(error) => (Vec::new(), Some(error.to_string())),
    };
    if arguments.json {
        let mut list = json!({"v4l2": usb, "csi": csi});
        if let Some(problem) = problem {
            list["csi_problem"] = problem.into();
        }
        return say(&serde_json::to_string_pretty(&list)?);
    }
    for device in &usb {
        say(&heading(device))?;
        for path in device.by_id.iter().chain(&device.by_path) {
            say(&format!("  {}", path.display()))?;
        }
        for format in &device.formats {
            say(&format!("  {}", described(format)))?;
            for mode in &format.sizes {
                say(&format!("    {}", sizes(mode)))?;
            }
        }
    }
    for camera in &csi {
        say(&format!(
            "CSI camera {}: {}, {}x{}",
            camera.camera, camera.sensor, camera.width, camera.height
        ))?;
        for mode in &camera.modes {
            say(&format!("    {}", sizes(mode)))?;
        }
    }
    if let Some(problem) = problem {
        say(&format!("CSI cameras: {problem}"))?;
    } else if usb.is_empty() && csi.is_empty() {
        say(
            "no camera found: is it plugged in? `ls /dev/video*`, `lsusb`, `rpicam-hello --list-cameras`",
        )?;
    }
    Ok(())
}

fn heading(device: &V4l2Device) -> String {
    let path = device.path.display();
    match &device.problem {
        Some(problem) => format!("{path}: {} can't be asked: {problem}", device.card),
        None => format!(
            "{path}: {} ({}, {})",
            device.card, device.driver, device.bus
        ),
    }
}

fn described(format: &Format) -> String {
    let unused = if format.supported {
        ""
    } else {
        ", can't be read here"
    };
    format!("{} ({}){unused}", format.fourcc, format.description)
}

fn sizes(mode: &Mode) -> String {
    let rates: Vec<_> = mode.rates.iter().map(|rate| format!("{rate:.4}")).collect();
    let rates: Vec<_> = rates
        .iter()
        .map(|rate| rate.trim_end_matches('0').trim_end_matches('.'))
        .collect();
    let up_to = mode.up_to.as_ref().map_or_else(String::new, |up_to| {
        format!(" to {}x{}", up_to.width, up_to.height)
    });
    let fps = if rates.is_empty() {
        String::new()
    } else {
        format!(" at {} fps", rates.join(", "))
    };
    format!("{}x{}{up_to}{fps}", mode.width, mode.height)
}
