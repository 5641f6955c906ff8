//! Where frames come from.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use ::camera::{
    Login,
    v4l2::{Encoding, Level, PowerLine},
    without_secrets,
};
use frame::Size;
use schemars::{JsonSchema, Schema};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, MapAccess},
};

use crate::{
    Secret,
    check::{self, Checked, Section, bounded},
    choice::{self, Choice},
    error,
    named::{self, Named},
    number,
    quote::quoted,
    watch::{self, Corners, Crossing, Zone},
};

/// Each camera has a thread and buffers of its own; one accelerator serves no more than this.
const MAX_CAMERAS: usize = 16;

/// One camera.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Camera {
    /// Its name in topics and messages; no two cameras may share one.
    #[serde(deserialize_with = "check::camera_name")]
    #[schemars(regex(pattern = r"^[A-Za-z0-9_.-]{1,64}$"))]
    pub name: String,
    /// What takes the pictures: `v4l2` (a USB camera), `rpicam` (a Raspberry Pi's CSI camera), `ffmpeg` (a network stream
    /// or video file), `images` (files from a folder) or `synthetic` (moving objects with known
    /// outlines).
    pub source: Source,
    /// Areas in which objects are counted. Others may be set over MQTT.
    #[serde(deserialize_with = "named::list")]
    #[schemars(length(max = 32))]
    pub zones: Vec<Zone>,
    /// Lines that objects cross.
    #[serde(deserialize_with = "named::list")]
    #[schemars(length(max = 32))]
    pub lines: Vec<Crossing>,
    /// Areas whose objects make no events: each a list of corners, as for zones. What has more than half of its
    /// mask in one is passed over.
    #[serde(deserialize_with = "watch::ignored")]
    #[schemars(length(max = 32))]
    pub ignore: Vec<Corners>,
}

impl Default for Camera {
    fn default() -> Self {
        Self {
            name: "cam0".into(),
            source: Source::default(),
            zones: Vec::new(),
            lines: Vec::new(),
            ignore: Vec::new(),
        }
    }
}

/// The kinds of source, with their settings.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(transform = allow_bare_names)]
pub enum Source {
    /// Moving, overlapping, textured objects with known ground truth.
    Synthetic(Synthetic),
    /// Pictures from files.
    Images(Images),
    /// A USB camera, or another that V4L2 gives finished pictures of.
    V4l2(V4l2),
    /// A Raspberry Pi's CSI camera, through rpicam-vid.
    Rpicam(Rpicam),
    /// A network stream or a video file, through ffmpeg.
    Ffmpeg(Ffmpeg),
}

impl Default for Source {
    fn default() -> Self {
        Self::Synthetic(Synthetic::default())
    }
}

impl Source {
    /// The size that its frames are asked for; `None` where the source decides by itself.
    pub fn size(&self) -> Option<Size> {
        let (width, height) = match self {
            Self::Synthetic(synthetic) => (synthetic.width, synthetic.height),
            Self::V4l2(v4l2) => (v4l2.width, v4l2.height),
            Self::Rpicam(rpicam) => (rpicam.width, rpicam.height),
            Self::Ffmpeg(ffmpeg) => (ffmpeg.width?, ffmpeg.height?),
            Self::Images(_) => return None,
        };
        Some(Size { width, height })
    }
}

impl Choice for Source {
    const NAMES: &'static [&'static str] = &["synthetic", "images", "v4l2", "rpicam", "ffmpeg"];

    fn bare(name: &str) -> Result<Self, String> {
        match name {
            "synthetic" => Ok(Self::Synthetic(Synthetic::default())),
            "images" => Err("images need a path: {images: {path: FILE or FOLDER}}".into()),
            "v4l2" => Ok(Self::V4l2(V4l2::default())),
            "rpicam" => Ok(Self::Rpicam(Rpicam::default())),
            "ffmpeg" => Err("ffmpeg needs an input: {ffmpeg: {input: ADDRESS or FILE}}".into()),
            other => Err(Self::unknown(other)),
        }
    }

    fn with_settings<'de, A: MapAccess<'de>>(name: &str, map: &mut A) -> Result<Self, A::Error> {
        match name {
            "synthetic" => map.next_value().map(Self::Synthetic),
            "images" => map.next_value().map(Self::Images),
            "v4l2" => map.next_value().map(Self::V4l2),
            "rpicam" => map.next_value().map(Self::Rpicam),
            "ffmpeg" => map
                .next_value()
                .map(|Checked(section)| Self::Ffmpeg(section)),
            other => Err(A::Error::custom(Self::unknown(other))),
        }
    }

    /// People write the address or the device itself, as other programs want it.
    fn unknown(name: &str) -> String {
        if name.contains("://") || name.contains('@') {
            "an address can't be a source by itself: expected 'source: {ffmpeg: {input: ADDRESS}}'"
                .into()
        } else if name.starts_with("/dev/") {
            format!(
                "{} can't be a source by itself: expected 'source: {{v4l2: {{device: DEVICE}}}}'",
                quoted(name)
            )
        } else {
            error::unknown("value", name, Self::NAMES)
        }
    }
}

impl<'de> Deserialize<'de> for Source {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        choice::read(deserializer)
    }
}

fn allow_bare_names(schema: &mut Schema) {
    choice::allow_bare_names(schema, &["synthetic", "v4l2", "rpicam"]);
}

/// A synthetic scene.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Synthetic {
    /// Columns. Default: 640, what every camera can do.
    #[serde(deserialize_with = "side")]
    #[schemars(range(min = 16, max = 4096))]
    pub width: u32,
    /// Rows. Default: 480.
    #[serde(deserialize_with = "side")]
    #[schemars(range(min = 16, max = 4096))]
    pub height: u32,
    /// Frames per second. Default: 30, as most cameras.
    #[serde(deserialize_with = "check::rate")]
    #[schemars(range(min = 0.01, max = 1000))]
    pub fps: f64,
    /// Moving objects. Default: 8, few enough to tell apart.
    #[serde(deserialize_with = "objects")]
    #[schemars(range(max = 200))]
    pub objects: usize,
    /// The scene is a function of this number. Default: 1.
    pub seed: u64,
}

bounded!(side: u32, 16..=4096);
bounded!(objects: usize, 0..=200);

impl Default for Synthetic {
    fn default() -> Self {
        Self {
            width: 640,
            height: 480,
            fps: 30.0,
            objects: 8,
            seed: 1,
        }
    }
}

/// Pictures from files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Images {
    /// A PNG or JPEG file, or a folder of them, taken in the order of their names; it must exist.
    #[serde(deserialize_with = "check::existing_path")]
    pub path: PathBuf,
    /// Frames per second. Default: 1, slow enough to look at each.
    #[serde(default = "images_fps", deserialize_with = "check::rate")]
    #[schemars(range(min = 0.01, max = 1000))]
    pub fps: f64,
    /// Whether to start again after the last one. Default: true, as a camera never ends.
    #[serde(default = "images_repeat")]
    pub repeat: bool,
}

fn images_fps() -> f64 {
    1.0
}

fn images_repeat() -> bool {
    true
}

/// A USB camera, or another that V4L2 gives finished pictures of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct V4l2 {
    /// Which one: `/dev/video0` (the default), a path in `/dev/v4l/by-id`, or the card's name as
    /// `fastsamd cameras` shows it. The last two stay the same when it is plugged in again.
    #[serde(deserialize_with = "check::filled")]
    pub device: String,
    /// Columns wished for; what the camera has nearest is taken. Default: 1280, twice what the
    /// network sees.
    #[serde(deserialize_with = "any_width")]
    #[schemars(range(min = 16, max = 8192))]
    pub width: u32,
    /// Rows wished for. Default: 720.
    #[serde(deserialize_with = "any_height")]
    #[schemars(range(min = 16, max = 4352))]
    pub height: u32,
    /// Frames per second wished for. Default: 30.
    #[serde(deserialize_with = "check::rate")]
    #[schemars(range(min = 0.01, max = 1000))]
    pub fps: f64,
    /// How the camera is to encode frames. Default: the best that it offers.
    pub format: Option<Encoding>,
    /// Exposure in units of 100 microseconds. Here and below: `auto`, a number, or as it is.
    pub exposure: Option<Level>,
    /// Gain, in the camera's own units.
    pub gain: Option<Level>,
    /// Focus, in the camera's own units.
    pub focus: Option<Level>,
    /// White balance in kelvin.
    pub white_balance: Option<Level>,
    /// The frequency that lamps flicker with.
    pub power_line: Option<PowerLine>,
    /// Whether Motion JPEG is decoded at full size. Default: false, as most networks see
    /// 640 columns; masks have the frame's full size either way.
    pub full_size: bool,
    /// Seconds without a good frame after which the camera is opened anew. Default: 5.
    #[serde(deserialize_with = "timeout_s")]
    #[schemars(range(min = 1, max = 300))]
    pub timeout_s: f64,
}

bounded!(any_width: u32, 16..=8192);
bounded!(any_height: u32, 16..=4352);

impl Default for V4l2 {
    fn default() -> Self {
        Self {
            device: "/dev/video0".into(),
            width: 1280,
            height: 720,
            fps: 30.0,
            format: None,
            exposure: None,
            gain: None,
            focus: None,
            white_balance: None,
            power_line: None,
            full_size: false,
            timeout_s: 5.0,
        }
    }
}

/// A Raspberry Pi's CSI camera.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Rpicam {
    /// Which one, counted as `rpicam-hello --list-cameras` does. Default: 0.
    pub camera: u32,
    /// Columns; rounded up to a multiple of 64, whose rows need no padding. Default: 1280, twice
    /// what the network sees.
    #[serde(deserialize_with = "width")]
    #[schemars(range(min = 64, max = 8192))]
    pub width: u32,
    /// Rows. Default: 720.
    #[serde(deserialize_with = "height")]
    #[schemars(range(min = 2, max = 4352))]
    pub height: u32,
    /// Frames per second. Default: 30.
    #[serde(deserialize_with = "check::rate")]
    #[schemars(range(min = 0.01, max = 1000))]
    pub fps: f64,
    /// More arguments for rpicam-vid, such as `--hflip` or `--shutter`.
    pub arguments: Vec<String>,
}

bounded!(width: u32, 64..=8192);
bounded!(height: u32, 2..=4352);

impl Default for Rpicam {
    fn default() -> Self {
        Self {
            camera: 0,
            width: 1280,
            height: 720,
            fps: 30.0,
            arguments: Vec::new(),
        }
    }
}

/// A network stream or a video file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ffmpeg {
    /// An address, such as `rtsp://camera/stream`, or the path of a video file.
    pub input: StreamAddress,
    /// User name, where the camera asks for one. Default: the one in the address, if there is one.
    #[serde(default)]
    pub username: Option<String>,
    /// Password, just as the camera knows it; in an address `@`, `/`, `?`, `#` and `%` have to be
    /// percent-encoded. A text that is no plain word is better quoted: YAML ends it at ` #`.
    #[serde(default)]
    pub password: Option<Secret>,
    /// What the pictures of an `rtsp://` address come over. Default: `any`, TCP where the camera has it, else UDP.
    #[serde(default)]
    pub transport: Transport,
    /// More of ffmpeg's options for the input, such as `[-hwaccel, drm]`. Other users of the machine can read them.
    #[serde(default)]
    pub options: Vec<String>,
    /// Columns to scale to, even, together with `height`. Default: the input's own.
    #[serde(default, deserialize_with = "even_width")]
    #[schemars(range(min = 64, max = 8192))]
    pub width: Option<u32>,
    /// Rows to scale to, together with `width`. Default: the input's own.
    #[serde(default, deserialize_with = "optional_height")]
    #[schemars(range(min = 2, max = 4352))]
    pub height: Option<u32>,
    /// The most frames per second that are taken. Default: all.
    #[serde(default, deserialize_with = "optional_rate")]
    #[schemars(range(min = 0.01, max = 1000))]
    pub fps: Option<f64>,
    /// Whether a file begins anew at its end. Default: true, as a camera never ends.
    #[serde(default = "images_repeat")]
    pub repeat: bool,
    /// Seconds without a frame after which the stream is opened anew. Default: 10, as streams begin
    /// with a key frame, which some cameras send every five seconds only.
    #[serde(default = "stream_timeout_s", deserialize_with = "timeout_s")]
    #[schemars(range(min = 1, max = 300))]
    pub timeout_s: f64,
}

/// What RTSP's pictures come over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// TCP; UDP where the camera has no TCP.
    #[default]
    Any,
    /// TCP alone.
    Tcp,
    /// UDP alone: some cameras have no TCP, and with others it is smoother on a good network.
    Udp,
}

impl Ffmpeg {
    /// Name and password for the camera, where they are set beside the address.
    pub fn login(&self) -> Option<Login> {
        let password = self.password.as_ref().map_or("", Secret::expose);
        Some(Login {
            username: self.username.clone()?,
            password: password.to_owned(),
        })
    }
}

impl Section for Ffmpeg {
    fn check(&self) -> Result<(), String> {
        if self.password.is_some() && self.username.is_none() {
            return Err("a password without 'username': expected both".into());
        }
        if self.username.is_some() && !self.input.expose().contains("://") {
            return Err("'username' beside a file: expected an address as 'input'".into());
        }
        self.input.check()
    }
}

bounded!(timeout_s: f64, 1.0..=300.0);

fn stream_timeout_s() -> f64 {
    10.0
}

fn even_width<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    let width = number::optional_within(deserializer, 64..=8192)?;
    match width {
        Some(odd) if odd % 2 == 1 => Err(D::Error::custom(format_args!(
            "{odd} is odd: expected an even width"
        ))),
        width => Ok(width),
    }
}

fn optional_height<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    number::optional_within(deserializer, 2..=4352)
}

fn optional_rate<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    number::optional_within(deserializer, 0.01..=1000.0)
}

/// Where a stream comes from; shown without user, password and query.
#[derive(Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct StreamAddress(String);

impl StreamAddress {
    /// The address as it was given, secrets included.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// An address without its scheme would be looked for as a file.
    fn check(&self) -> Result<(), String> {
        let is_path =
            self.0.contains("://") || !self.0.contains('@') || Path::new(&self.0).exists();
        if is_path {
            Ok(())
        } else {
            Err(
                "'input' is neither a file nor an address: an address begins with 'rtsp://' or \
                 another scheme"
                    .into(),
            )
        }
    }
}

impl fmt::Debug for StreamAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&without_secrets(&self.0))
    }
}

impl Serialize for StreamAddress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&without_secrets(&self.0))
    }
}

/// The list of cameras: not empty either.
pub(crate) fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Camera>, D::Error> {
    let cameras = named::list::<_, Camera>(deserializer)?;
    if cameras.is_empty() {
        return Err(D::Error::custom(
            "no camera: expected at least one, or no such key",
        ));
    }
    Ok(cameras)
}

impl Named for Camera {
    const KIND: [&'static str; 2] = ["camera", "cameras"];
    const MOST: usize = MAX_CAMERAS;

    fn name(&self) -> &str {
        &self.name
    }
}
