//! The cameras that there are, and what they offer.
//!
//! V4L2's come from `/sys/class/video4linux`, in the order of their numbers; each is opened for as
//! long as it takes to ask. Nodes that don't capture (metadata, codecs) are left out. CSI cameras
//! come from `rpicam-hello --list-cameras`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use serde::Serialize;

use crate::{
    CameraError,
    child::{Brought, Child, Program, Redaction},
    v4l2::{self, Encoding},
};

/// Links to devices by their makers and serial numbers. Two devices that have the same share one.
const BY_ID: &str = "/dev/v4l/by-id";

/// Links to devices by the ports they are plugged into.
const BY_PATH: &str = "/dev/v4l/by-path";

/// How long the list of CSI cameras may take: a sensor's driver may have to be loaded.
const LISTING: Duration = Duration::from_secs(10);

/// Bytes of the longest list that is read.
const MAX_LIST: usize = 1 << 16;

/// A V4L2 device that captures.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct V4l2Device {
    /// `/dev/video0`.
    pub path: PathBuf,
    /// Paths that stay the same when it is plugged in again.
    pub by_id: Vec<PathBuf>,
    /// Paths that stay the same as long as it is plugged into the same port, which tell two devices of one name and
    /// serial number apart.
    pub by_path: Vec<PathBuf>,
    /// Its name, which it can be opened by.
    pub card: String,
    /// Its driver.
    pub driver: String,
    /// Where it is plugged in.
    pub bus: String,
    /// What it offers.
    pub formats: Vec<Format>,
    /// Why it could not be asked; all but path and name is empty then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// One way in which a device encodes frames.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Format {
    /// V4L2's four characters.
    pub fourcc: String,
    /// The driver's words.
    pub description: String,
    /// Whether frames in this format can be read here.
    pub supported: bool,
    /// The sizes, with their rates.
    pub sizes: Vec<Mode>,
}

/// One size of a format, or the ends of a range.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Mode {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Where sizes up to this one come, in steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub up_to: Option<UpTo>,
    /// Frames per second, the highest first; of a range its ends.
    pub rates: Vec<f64>,
}

/// The end of a range of sizes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct UpTo {
    /// Columns of the largest.
    pub width: u32,
    /// Rows of the largest.
    pub height: u32,
    /// Columns from one to the next.
    pub step_width: u32,
    /// Rows from one to the next.
    pub step_height: u32,
}

/// A camera on a Raspberry Pi's CSI connector.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CsiCamera {
    /// The number to open it by.
    pub camera: u32,
    /// The sensor.
    pub sensor: String,
    /// Columns of its largest picture.
    pub width: u32,
    /// Rows of its largest picture.
    pub height: u32,
    /// What the sensor delivers; the ISP makes any size of it.
    pub modes: Vec<Mode>,
}

/// The V4L2 devices that capture, and those that can't be asked.
pub fn v4l2() -> Vec<V4l2Device> {
    let [ids, ports] = [BY_ID, BY_PATH].map(|folder| links_in(Path::new(folder)));
    let described = v4l2::nodes().into_iter().filter_map(|node| {
        let of_node = |links: &[(PathBuf, PathBuf)]| {
            let links = links.iter().filter(|(_, device)| *device == node.path);
            links.map(|(link, _)| link.clone()).collect()
        };
        let (by_id, by_path) = (of_node(&ids), of_node(&ports));
        match ask(&node.path) {
            Ok((identity, formats)) => Some(V4l2Device {
                path: node.path,
                by_id,
                by_path,
                card: identity.card,
                driver: identity.driver,
                bus: identity.bus,
                formats,
                problem: None,
            }),
            Err(CameraError::NotACamera { .. }) => None,
            Err(error) => Some(V4l2Device {
                path: node.path,
                by_id,
                by_path,
                card: node.name,
                driver: String::new(),
                bus: String::new(),
                formats: Vec::new(),
                problem: Some(error.to_string()),
            }),
        }
    });
    described.collect()
}

/// Links and the devices they lead to, in the order of their names.
fn links_in(folder: &Path) -> Vec<(PathBuf, PathBuf)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut links: Vec<_> = entries
        .filter_map(|entry| Some((entry.path(), fs::canonicalize(entry.path()).ok()?)))
        .collect();
    links.sort();
    links
}

fn ask(path: &Path) -> Result<(v4l2::Identity, Vec<Format>), CameraError> {
    let device = v4l2::Device::open(path)?;
    let identity = device.identity()?;
    let mut formats = Vec::new();
    for (fourcc, description) in device.formats()? {
        let mode = |size: frame::Size, up_to| Mode {
            width: size.width,
            height: size.height,
            up_to,
            rates: in_order(device.rates(fourcc, size)),
        };
        let sizes = match device.sizes(fourcc) {
            Ok(v4l2::Sizes::Each(sizes)) => sizes.into_iter().map(|s| mode(s, None)).collect(),
            Ok(v4l2::Sizes::Range(range)) => {
                let up_to = UpTo {
                    width: range.most.width,
                    height: range.most.height,
                    step_width: range.step.width,
                    step_height: range.step.height,
                };
                vec![mode(range.least, Some(up_to))]
            }
            Err(_) => Vec::new(),
        };
        formats.push(Format {
            fourcc: String::from_utf8_lossy(&fourcc).trim().to_owned(),
            description,
            supported: Encoding::from_fourcc(fourcc).is_some(),
            sizes,
        });
    }
    Ok((identity, formats))
}

/// Rates in frames per second, the highest first.
fn in_order(rates: v4l2::Rates) -> Vec<f64> {
    let mut rates: Vec<_> = match rates {
        v4l2::Rates::Each(intervals) => intervals.into_iter().filter_map(|i| i.fps()).collect(),
        v4l2::Rates::Between(lowest, highest) => vec![highest, lowest],
    };
    rates.sort_by(|a, b| b.total_cmp(a));
    rates.dedup();
    rates
}

/// The CSI cameras, as `program` (`rpicam-hello`) lists them.
///
/// # Errors
/// [`CameraError::ProgramMissing`] where it is not installed, as on all machines that have no CSI
/// cameras; [`CameraError::Program`] where it fails or takes too long.
pub fn csi(program: &Path) -> Result<Vec<CsiCamera>, CameraError> {
    let mut command = Command::new(program);
    command.arg("--list-cameras");
    let described = Program {
        path: program,
        package: "rpicam-apps",
        listener: Box::new(|line| Some(line.to_owned())),
        input: Vec::new(),
    };
    let mut child = Child::start(described, command, Redaction::default(), Box::new(|_| {}))?;
    let deadline = Instant::now() + LISTING;
    let mut list = Vec::new();
    let mut buffer = [0; 4096];
    while list.len() < MAX_LIST {
        match child.read(&mut buffer, deadline)? {
            Brought::Bytes(count) => list.extend_from_slice(&buffer[..count]),
            Brought::Nothing => {
                return Err(child.failure(format!("no list of cameras within {LISTING:?}")));
            }
            Brought::End => break,
        }
    }
    match child.end() {
        Some(status) if !status.success() => Err(child.failure(format!("failed ({status})"))),
        _ => Ok(parse_list(&String::from_utf8_lossy(&list))),
    }
}

/// Reads lines like `0 : imx708 [4608x2592 10-bit RGGB] (/base/...)`, each followed by its modes:
/// `'SRGGB10_CSI2P' : 1536x864 [120.13 fps - ...]`.
fn parse_list(list: &str) -> Vec<CsiCamera> {
    let mut cameras: Vec<CsiCamera> = Vec::new();
    for line in list.lines() {
        if let Some(camera) = parse_camera(line) {
            cameras.push(camera);
        } else if let Some(camera) = cameras.last_mut() {
            camera.modes.extend(parse_mode(line));
        }
    }
    cameras
}

fn parse_camera(line: &str) -> Option<CsiCamera> {
    let (number, rest) = line.split_once(" : ")?;
    let camera = number.trim().parse().ok()?;
    let (sensor, rest) = rest.split_once(" [")?;
    let (width, height) = parse_size(rest.split([' ', ']']).next()?)?;
    Some(CsiCamera {
        camera,
        sensor: sensor.trim().to_owned(),
        width,
        height,
        modes: Vec::new(),
    })
}

fn parse_mode(line: &str) -> Option<Mode> {
    let (size, rate) = line.split_once('[')?;
    let (width, height) = parse_size(size.split_whitespace().next_back()?)?;
    let rate = rate.split_once(" fps")?.0.trim().parse().ok()?;
    Some(Mode {
        width,
        height,
        up_to: None,
        rates: vec![rate],
    })
}

fn parse_size(size: &str) -> Option<(u32, u32)> {
    let (width, height) = size.split_once('x')?;
    Some((width.parse().ok()?, height.parse().ok()?))
}

#[cfg(test)]
mod tests;
