//! Network streams and video files, decoded by `ffmpeg` as a child process.
//!
//! It writes YUV4MPEG2: a header that tells the size, then `FRAME` and the planes of an I420
//! picture, over and over; so one program and one connection do, and bytes that went missing show.
//! From a live stream the newest frame is taken, and ffmpeg is told not to hold any back; from a
//! file every frame comes, at its own pace or as fast as it is asked for. A stream that ends or
//! hangs, or whose pictures have another size from now on, is an error: opening it again is the caller's business.
//!
//! Invariants: an address's user, password and query appear in no error, no description, no line
//! of the log, and not among the arguments of the child, which everybody on the machine can read.
//!
//! ffmpeg 4.4 and later will do. That it does not know what a later one is told is seen from what it says, and
//! it is then told in the older way.
//!
//! Colours are read as BT.601, limited range, which ffmpeg converts full range to; high definition
//! is mostly BT.709, whose greens and reds then are off by a few levels.

mod dialect;
mod said;
mod script;

use std::{
    fmt,
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use frame::{Frame, Size};

pub use self::dialect::Transport;
use self::{dialect::Dialect, said::Said};

use crate::{
    CameraError, Captured, Log, Login, MAX_SIZE, Source,
    address::{Address, MAX_RTSP_LOGIN, without_secrets},
    child::{Child, Feed, Form, Program, Redaction},
};

/// Bytes of the longest header that is read; ffmpeg's has about 80.
const MAX_HEADER: usize = 512;

/// Bytes of the longest address: the script that names it then fits into a pipe.
const MAX_ADDRESS: usize = 4096;

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
    /// Name and password for the camera, in place of those in the address.
    pub login: Option<Login>,
    /// What RTSP's pictures come over; of no meaning with other addresses.
    pub transport: Transport,
    /// More of ffmpeg's options for the input, such as `-hwaccel drm`. Everybody on the machine can read them.
    pub options: Vec<String>,
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
            login: None,
            transport: Transport::Any,
            options: Vec::new(),
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
        self.address().is_some()
    }

    /// The address, where the input is no file.
    fn address(&self) -> Option<Address<'_>> {
        Address::parse(&self.input)
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
        match self.address() {
            Some(address) => self.check_address(&address),
            None => {
                // ffmpeg says it too, in words of its own.
                std::fs::metadata(self.path()).map_err(|error| CameraError::File {
                    path: without_secrets(self.path()).into(),
                    cause: error.to_string(),
                })?;
                Ok(())
            }
        }
    }

    /// Checks what ffmpeg would cut off or take for something else, without a word.
    fn check_address(&self, address: &Address<'_>) -> Result<(), CameraError> {
        let unusable = |expected| CameraError::Setting {
            name: "input",
            found: without_secrets(&self.input).replace(char::is_control, " "),
            expected,
        };
        let encoded = address.encoded(self.login.as_ref());
        if encoded.len() > MAX_ADDRESS {
            return Err(unusable("an address of at most 4096 bytes"));
        }
        if encoded.contains(char::is_control) {
            return Err(unusable("an address without line breaks"));
        }
        let login = address.login_encoded(self.login.as_ref());
        let is_rtsp = matches!(address.scheme, "rtsp" | "rtsps");
        if is_rtsp && login.is_some_and(|login| login.len() > MAX_RTSP_LOGIN) {
            return Err(unusable(
                "user and password of at most 127 bytes, which is what ffmpeg keeps for RTSP",
            ));
        }
        Ok(())
    }

    /// The file, where the input is no address.
    fn path(&self) -> &str {
        self.input.strip_prefix("file://").unwrap_or(&self.input)
    }

    /// The arguments, in ffmpeg's order: what concerns the input, the input, the output.
    fn command(&self, dialect: Dialect) -> Command {
        let mut command = Command::new(&self.program);
        command.args([
            "-hide_banner",
            "-nostdin",
            "-nostats",
            "-loglevel",
            said::LEVEL,
        ]);
        command.args(&self.options);
        if let Some(address) = self.address() {
            // No frames held back by decoding several at once. (What piles up while the stream is
            // analysed needs no flag: it comes at once then, and is left out here. With ffmpeg's
            // `nobuffer` the first key frame would be lost with it.)
            command.args(["-flags", "low_delay"]);
            script::read_by(&mut command, address.scheme);
        } else {
            if self.pace == FilePace::Own {
                command.arg("-re");
            }
            if self.repeat {
                command.args(["-stream_loop", "-1"]);
            }
            // So that a name with a colon is not taken for a protocol.
            command.arg("-i").arg(format!("file:{}", self.path()));
        }
        command.args(["-map", "0:v:0", "-an", "-sn", "-dn", "-vf", &self.filters()]);
        // As they come: none twice, none left out, to keep a rate.
        let mode = match dialect {
            Dialect::Current => "-fps_mode",
            Dialect::Before5_1 | Dialect::Before5_0 => "-vsync",
        };
        command.args([mode, "passthrough", "-flush_packets", "1"]);
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

    /// Starts ffmpeg.
    fn start(&self, dialect: Dialect, said: &Said) -> Result<Feed, CameraError> {
        let input = without_secrets(&self.input);
        let (sent, script) = match self.address() {
            Some(address) => {
                let sent = address.encoded(self.login.as_ref());
                let script = script::naming(&sent, address.scheme, self.transport, dialect);
                (sent, script)
            }
            None => (self.input.clone(), String::new()),
        };
        let redaction = Redaction::of(&self.input, self.login.as_ref(), &sent)
            .and(script::PLACE, input.clone());
        let program = Program {
            path: &self.program,
            package: "ffmpeg",
            listener: said.listener(),
            input: script.into_bytes(),
        };
        let child = Child::start(program, self.command(dialect), redaction, said.log())?;
        Ok(Feed::new(child, input, self.is_live(), self.timeout))
    }

    /// Whether frames have the size that the stream has just now. ffmpeg itself scales all to the first one's; a file
    /// can't be opened anew without beginning again.
    fn follows_size(&self) -> bool {
        self.size.is_none() && self.is_live()
    }

    fn filters(&self) -> String {
        let mut filters = String::new();
        if self.follows_size() {
            filters += said::SIZE_FILTER;
        }
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
            .field("input", &without_secrets(&self.input))
            .field("login", &self.login)
            .field("transport", &self.transport)
            .field("options", &self.options)
            .field("size", &self.size)
            .field("fps", &self.fps)
            .field("pace", &self.pace)
            .field("repeat", &self.repeat)
            .field("timeout", &self.timeout)
            .field("program", &self.program)
            .finish()
    }
}

/// A source that reads what ffmpeg decodes.
///
/// Frames are I420. `captured_at` is when a frame's first bytes came from ffmpeg: what the network
/// and the decoder took is not known.
pub struct Ffmpeg {
    settings: FfmpegSettings,
    said: Said,
    dialect: Dialect,
    input: String,
    feed: Feed,
    header: Vec<u8>,
    rate: Option<f64>,
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
        let said = Said::new(log);
        let dialect = Dialect::Current;
        Ok(Self {
            feed: settings.start(dialect, &said)?,
            settings: settings.clone(),
            said,
            dialect,
            input: without_secrets(&settings.input),
            header: Vec::new(),
            rate: None,
        })
    }

    /// Starts ffmpeg once more where it is too old for what it was told.
    fn start_older(&mut self) -> Result<bool, CameraError> {
        let Some(older) = self.dialect.older().filter(|_| self.said.take_too_old()) else {
            return Ok(false);
        };
        self.dialect = older;
        self.header.clear();
        self.feed = self.settings.start(older, &self.said)?;
        Ok(true)
    }

    /// Frames per second as ffmpeg says them, once the first frame is there.
    pub fn rate(&self) -> Option<f64> {
        self.rate
    }

    /// Reads the header, at most until the deadline.
    fn read_header(&mut self, timeout: Duration, deadline: Instant) -> Result<(), CameraError> {
        self.feed
            .read_line(&mut self.header, MAX_HEADER, deadline)?
            .ok_or(CameraError::Timeout(timeout))?;
        let Header { size, rate } = parse_header(&self.header)
            .ok_or_else(|| self.feed.failure("sends something that is no video"))?;
        self.rate = rate;
        self.feed.set_form(Form {
            prefix: FRAME,
            size,
        })
    }
}

/// What a YUV4MPEG2 header tells.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Header {
    size: Size,
    /// Frames per second.
    rate: Option<f64>,
}

/// Reads a YUV4MPEG2 header, if it is of 4:2:0 frames.
fn parse_header(header: &[u8]) -> Option<Header> {
    let mut words = std::str::from_utf8(header).ok()?.split(' ');
    if words.next() != Some("YUV4MPEG2") {
        return None;
    }
    let (mut width, mut height, mut rate) = (None, None, None);
    for word in words {
        match word.split_at_checked(1)? {
            ("W", number) => width = number.parse().ok(),
            ("H", number) => height = number.parse().ok(),
            ("F", ratio) => rate = quotient(ratio),
            // Without it, 4:2:0 is meant; depths other than 8 bits have a `p` behind it.
            ("C", "420" | "420jpeg" | "420mpeg2" | "420paldv") => {}
            ("C", _) => return None,
            _ => {}
        }
    }
    Some(Header {
        size: Size::new(width?, height?),
        rate,
    })
}

/// A ratio such as `30000:1001`; `0:0` is one that is not known.
fn quotient(ratio: &str) -> Option<f64> {
    let (above, below) = ratio.split_once(':')?;
    let (above, below): (f64, f64) = (above.parse().ok()?, below.parse().ok()?);
    let quotient = above / below;
    (0.01..=1000.0).contains(&quotient).then_some(quotient)
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
        while self.feed.form().is_none() {
            match self.read_header(timeout, deadline) {
                Ok(()) => {}
                Err(error) => {
                    if !self.start_older()? {
                        return Err(error);
                    }
                }
            }
        }
        let captured = self.feed.capture(frame, timeout, deadline);
        match self
            .said
            .new_size()
            .filter(|_| self.settings.follows_size())
        {
            Some(size) => Err(CameraError::Resized {
                what: self.input.clone(),
                size,
            }),
            None => captured,
        }
    }
}

#[cfg(test)]
mod tests;
