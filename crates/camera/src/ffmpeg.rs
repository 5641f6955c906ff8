//! Network streams and video files, decoded by `ffmpeg` as a child process.
//!
//! It writes YUV4MPEG2: a header that tells the size, then `FRAME` and the planes of an I420
//! picture, over and over; so one program and one connection do, and bytes that went missing show.
//! From a live stream the newest frame is taken, and ffmpeg is told not to hold any back; from a
//! file every frame comes, at its own pace or as fast as it is asked for. A stream that ends or
//! hangs is an error: opening it again is the caller's business.
//!
//! Invariant: an address's user, password and query appear in no error, no description and no line
//! of the log. (They do appear among the arguments of the child, which users of the same machine
//! can read where `/proc` is not mounted with `hidepid`.)
//!
//! Colours are read as BT.601, limited range, which ffmpeg converts full range to; high definition
//! is mostly BT.709, whose greens and reds then are off by a few levels.

use std::{
    fmt,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use frame::{Frame, Size};

use crate::{
    CameraError, Captured, Log, MAX_SIZE, Source,
    child::{Child, Feed, Form, Program, Redaction},
};

/// Bytes of the longest header that is read; ffmpeg's has about 80.
const MAX_HEADER: usize = 512;

/// What stands before each frame.
const FRAME: &[u8] = b"FRAME\n";

/// When a file's frames come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilePace {
    /// As the file says; a late reader gets them later, not fewer.
    Own,
    /// As fast as they are asked for.
    Asked,
}

/// What to capture, and how.
#[derive(Clone, PartialEq)]
pub struct FfmpegSettings {
    /// An address (`rtsp://user:password@camera/stream`) or the path of a file.
    pub input: String,
    /// The size to scale to, with an even width; the input's own without it.
    pub size: Option<Size>,
    /// The most frames per second that are handed on; all without it.
    pub fps: Option<f64>,
    /// When a file's frames come; of no meaning with an address.
    pub pace: FilePace,
    /// Whether a file begins anew at its end.
    pub repeat: bool,
    /// The longest time without a frame, connecting included.
    pub timeout: Duration,
    /// The program: a name to be found in `PATH`, or a path.
    pub program: PathBuf,
}

impl FfmpegSettings {
    /// All of the input at its own size and pace. Ten seconds without a frame are too many: a
    /// camera's stream begins with a key frame, which some send every five seconds only.
    pub fn new(input: impl Into<String>) -> Self {
        Self {
            input: input.into(),
            size: None,
            fps: None,
            pace: FilePace::Own,
            repeat: false,
            timeout: Duration::from_secs(10),
            program: PathBuf::from("ffmpeg"),
        }
    }

    /// Whether the input is a stream that doesn't wait.
    pub fn is_live(&self) -> bool {
        scheme(&self.input).is_some_and(|scheme| scheme != "file")
    }

    fn check(&self) -> Result<(), CameraError> {
        if let Some(size) = self.size {
            let fits = (2..=MAX_SIZE.width).contains(&size.width)
                && (1..=MAX_SIZE.height).contains(&size.height)
                && size.width.is_multiple_of(2);
            if !fits {
                return Err(CameraError::Setting {
                    name: "size",
                    found: size.to_string(),
                    expected: "at most 8192x4352, with an even width",
                });
            }
        }
        if self.fps.is_some_and(|fps| !(0.01..=1000.0).contains(&fps)) {
            return Err(CameraError::Setting {
                name: "fps",
                found: self.fps.map_or_else(String::new, |fps| fps.to_string()),
                expected: "0.01 to 1000",
            });
        }
        if !self.is_live() {
            let path = Path::new(self.input.strip_prefix("file://").unwrap_or(&self.input));
            // ffmpeg says it too, in words of its own.
            std::fs::metadata(path).map_err(|error| CameraError::File {
                path: path.to_owned(),
                cause: error.to_string(),
            })?;
        }
        Ok(())
    }

    /// The arguments, in ffmpeg's order: what concerns the input, the input, the output.
    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args([
            "-hide_banner",
            "-nostdin",
            "-nostats",
            "-loglevel",
            "warning",
        ]);
        if self.is_live() {
            // No frames held back by decoding several at once. (What piles up while the stream is
            // analysed needs no flag: it comes at once then, and is left out here. With ffmpeg's
            // `nobuffer` the first key frame would be lost with it.)
            command.args(["-flags", "low_delay"]);
            if matches!(scheme(&self.input), Some("rtsp" | "rtsps")) {
                // Over UDP a lost packet smears the picture until the next key frame.
                command.args(["-rtsp_transport", "tcp"]);
            }
            command.arg("-i").arg(&self.input);
        } else {
            if self.pace == FilePace::Own {
                command.arg("-re");
            }
            if self.repeat {
                command.args(["-stream_loop", "-1"]);
            }
            let path = self.input.strip_prefix("file://").unwrap_or(&self.input);
            // So that a name with a colon is not taken for a protocol.
            command.arg("-i").arg(format!("file:{path}"));
        }
        command.args(["-map", "0:v:0", "-an", "-sn", "-dn", "-vf", &self.filters()]);
        // As they come: none twice, none left out, to keep a rate.
        command.args(["-fps_mode", "passthrough", "-flush_packets", "1"]);
        command.args([
            "-pix_fmt",
            "yuv420p",
            "-strict",
            "-1",
            "-f",
            "yuv4mpegpipe",
            "-",
        ]);
        command
    }

    fn filters(&self) -> String {
        let mut filters = String::new();
        if let Some(fps) = self.fps {
            filters += &format!("fps={fps},");
        }
        match self.size {
            Some(Size { width, height }) => filters += &format!("scale={width}:{height}"),
            // An odd width leaves half a chroma sample.
            None => filters += "crop=floor(iw/2)*2:ih,scale=iw:ih",
        }
        filters + ":out_range=tv"
    }
}

impl fmt::Debug for FfmpegSettings {
    /// Without secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FfmpegSettings")
            .field("input", &redacted(&self.input))
            .field("size", &self.size)
            .field("fps", &self.fps)
            .field("pace", &self.pace)
            .field("repeat", &self.repeat)
            .field("timeout", &self.timeout)
            .field("program", &self.program)
            .finish()
    }
}

/// An address as it may be shown: without user, password and query.
pub fn redacted(address: &str) -> String {
    Redaction::of(address).shown().to_owned()
}

fn scheme(input: &str) -> Option<&str> {
    input.split_once("://").map(|(scheme, _)| scheme)
}

/// An input as it may be shown: an address without its user, password and query.
pub fn without_secrets(input: &str) -> String {
    Redaction::of(input).shown().to_owned()
}

/// A source that reads what ffmpeg decodes.
///
/// Frames are I420. `captured_at` is when a frame's first bytes came from ffmpeg: what the network
/// and the decoder took is not known.
pub struct Ffmpeg {
    input: String,
    feed: Feed,
    header: Vec<u8>,
}

impl Ffmpeg {
    /// Starts ffmpeg; frames, and most of what can go wrong, come with the first
    /// [`Source::capture`]. Each line that it says goes to `log`.
    ///
    /// # Errors
    /// [`CameraError::Setting`] for a size or rate that can't be, [`CameraError::File`] for a file
    /// that isn't there, [`CameraError::ProgramMissing`] and [`CameraError::Program`] where the
    /// program is not there or can't be started.
    pub fn open(settings: &FfmpegSettings, log: Log) -> Result<Self, CameraError> {
        settings.check()?;
        let redaction = Redaction::of(&settings.input);
        let input = redaction.shown().to_owned();
        let program = Program {
            path: &settings.program,
            package: "ffmpeg",
            chatter: |_| false,
        };
        let child = Child::start(&program, settings.command(), redaction, log)?;
        let live = settings.is_live();
        Ok(Self {
            feed: Feed::new(child, input.clone(), live, settings.timeout),
            input,
            header: Vec::new(),
        })
    }

    /// Reads the header, at most until the deadline.
    fn read_header(&mut self, timeout: Duration, deadline: Instant) -> Result<(), CameraError> {
        self.feed
            .read_line(&mut self.header, MAX_HEADER, deadline)?
            .ok_or(CameraError::Timeout(timeout))?;
        let size = parse_header(&self.header)
            .ok_or_else(|| self.feed.failure("sends something that is no video"))?;
        self.feed.set_form(Form {
            prefix: FRAME,
            size,
        })
    }
}

/// The size that a YUV4MPEG2 header tells, if it is of 4:2:0 frames.
fn parse_header(header: &[u8]) -> Option<Size> {
    let mut words = std::str::from_utf8(header).ok()?.split(' ');
    if words.next() != Some("YUV4MPEG2") {
        return None;
    }
    let (mut width, mut height) = (None, None);
    for word in words {
        match word.split_at_checked(1)? {
            ("W", number) => width = number.parse().ok(),
            ("H", number) => height = number.parse().ok(),
            // Without it, 4:2:0 is meant; depths other than 8 bits have a `p` behind it.
            ("C", "420" | "420jpeg" | "420mpeg2" | "420paldv") => {}
            ("C", _) => return None,
            _ => {}
        }
    }
    Some(Size::new(width?, height?))
}

impl Source for Ffmpeg {
    fn describe(&self) -> String {
        match self.feed.form() {
            Some(form) => format!("{}, {} by ffmpeg", self.input, form.size),
            None => format!("{} by ffmpeg", self.input),
        }
    }

    fn capture(&mut self, frame: &mut Frame, timeout: Duration) -> Result<Captured, CameraError> {
        let deadline = Instant::now() + timeout;
        if self.feed.form().is_none() {
            self.read_header(timeout, deadline)?;
        }
        self.feed.capture(frame, timeout, deadline)
    }
}

#[cfg(test)]
mod tests;
