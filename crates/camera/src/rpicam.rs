//! A Raspberry Pi's CSI cameras, through `rpicam-vid` as a child process.
//!
//! On a Pi 5 a CSI camera's V4L2 nodes give raw sensor data that only libcamera can make pictures
//! of, and libcamera's ABI changes with each release; a child is tied to none. The ISP scales, so
//! asking for little costs little. Source: the rpicam-apps documentation.
//!
//! Assumption: `--codec yuv420` writes the planes as they lie in memory, whose rows libcamera
//! pads to 64 bytes and less; a width that is a multiple of 64 needs no padding, so other widths
//! are rounded up to one. A child that pads after all would show as slanted pictures.

use std::{
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use frame::{Frame, Size};

use crate::{
    CameraError, Captured, Log, MAX_SIZE, Source,
    child::{Child, Feed, Form, Program, Redaction},
};

/// Rows of a multiple of this many pixels need no padding.
const ALIGNMENT: u32 = 64;

/// What to capture, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct RpicamSettings {
    /// Which camera, counted as `rpicam-hello --list-cameras` does.
    pub camera: u32,
    /// Columns and rows; the width is rounded up to a multiple of 64, the height to an even one.
    pub size: Size,
    /// Frames per second.
    pub fps: f64,
    /// More arguments for the program: `--hflip`, `--shutter`, `--tuning-file`.
    pub arguments: Vec<String>,
    /// The longest time without a frame, start included.
    pub timeout: Duration,
    /// The program: a name to be found in `PATH`, or a path.
    pub program: PathBuf,
}

impl Default for RpicamSettings {
    /// The first camera at 720p, of which the network sees half. Starting takes a second or two.
    fn default() -> Self {
        Self {
            camera: 0,
            size: Size::new(1280, 720),
            fps: 30.0,
            arguments: Vec::new(),
            timeout: Duration::from_secs(5),
            program: PathBuf::from("rpicam-vid"),
        }
    }
}

impl RpicamSettings {
    /// The size that frames have.
    pub fn given_size(&self) -> Size {
        Size::new(
            self.size.width.next_multiple_of(ALIGNMENT),
            self.size.height.next_multiple_of(2),
        )
    }

    fn check(&self) -> Result<(), CameraError> {
        let Size { width, height } = self.size;
        if !(2..=MAX_SIZE.width).contains(&width) || !(2..=MAX_SIZE.height).contains(&height) {
            return Err(CameraError::Setting {
                name: "size",
                found: self.size.to_string(),
                expected: "2x2 to 8192x4352",
            });
        }
        if !(0.1..=1000.0).contains(&self.fps) {
            return Err(CameraError::Setting {
                name: "fps",
                found: self.fps.to_string(),
                expected: "0.1 to 1000",
            });
        }
        Ok(())
    }

    fn command(&self) -> Command {
        let Size { width, height } = self.given_size();
        let mut command = Command::new(&self.program);
        // For ever, without a preview window.
        command.args(["--timeout", "0", "--nopreview"]);
        command.args(["--codec", "yuv420", "--output", "-", "--flush"]);
        command.args(["--camera", &self.camera.to_string()]);
        command.args([
            "--width",
            &width.to_string(),
            "--height",
            &height.to_string(),
        ]);
        command.args(["--framerate", &self.fps.to_string()]);
        command.args(&self.arguments);
        command
    }
}

/// A source that reads what `rpicam-vid` captures.
///
/// Frames are I420. `captured_at` is when a frame's first bytes came.
pub struct Rpicam {
    camera: u32,
    fps: f64,
    feed: Feed,
}

impl Rpicam {
    /// Starts the program; frames, and most of what can go wrong, come with the first
    /// [`Source::capture`]. What it says goes to `log` line by line, but for those that it writes
    /// for each frame.
    ///
    /// # Errors
    /// [`CameraError::Setting`] for a size or rate that can't be, [`CameraError::ProgramMissing`]
    /// and [`CameraError::Program`] where the program is not there or can't be started.
    pub fn open(settings: &RpicamSettings, log: Log) -> Result<Self, CameraError> {
        settings.check()?;
        let program = Program {
            path: &settings.program,
            package: "rpicam-apps",
            listener: Box::new(|line| (!is_of_a_frame(line)).then(|| line.to_owned())),
            input: Vec::new(),
        };
        let child = Child::start(program, settings.command(), Redaction::default(), log)?;
        let name = format!("CSI camera {}", settings.camera);
        // What it captures while nobody looks is of no use later.
        let mut feed = Feed::new(child, name, true, settings.timeout);
        feed.set_form(Form {
            prefix: b"",
            size: settings.given_size(),
        })?;
        Ok(Self {
            camera: settings.camera,
            fps: settings.fps,
            feed,
        })
    }
}

/// Whether this is one of the lines `#12 (30.00 fps) exp 9988.00 ag 1.12 dg 1.00`.
fn is_of_a_frame(line: &str) -> bool {
    let number = line.strip_prefix('#').unwrap_or_default();
    number.starts_with(|c: char| c.is_ascii_digit())
}

impl Source for Rpicam {
    fn describe(&self) -> String {
        let size = self.feed.form().map(|form| form.size).unwrap_or_default();
        format!(
            "CSI camera {}, {size} at {} fps by rpicam-vid",
            self.camera, self.fps
        )
    }

    fn capture(&mut self, frame: &mut Frame, timeout: Duration) -> Result<Captured, CameraError> {
        let deadline = Instant::now() + timeout;
        self.feed.capture(frame, timeout, deadline)
    }
}

#[cfg(test)]
mod tests;
