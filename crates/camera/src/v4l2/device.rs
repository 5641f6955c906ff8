//! The device itself, in our words.
//!
//! The v4l crate panics where a driver answers with something that it has no name for (a card's
//! name that is not UTF-8, a newer colour space); [`guarded`] makes errors of that.

use std::{
    fs, io,
    os::unix::fs::{FileTypeExt, MetadataExt},
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

use frame::Size;
use rustix::io::Errno;
use v4l::{
    Control, Format, FourCC, Fraction,
    buffer::Type,
    capability::Flags,
    control::Value,
    frameinterval::FrameIntervalEnum,
    framesize::FrameSizeEnum,
    io::mmap,
    video::{Capture, capture::Parameters},
};

use super::{
    controls::Knobs,
    negotiate::{self, Choice, Encoding, Interval, Offer, Rates, SizeRange},
    nodes::nodes,
    settings::V4l2Settings,
    stream::{BUFFERS, Stream},
};
use crate::{CameraError, MAX_SIZE};

/// The major number of all video devices.
const VIDEO4LINUX: u32 = 81;

/// What was agreed on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Given {
    pub encoding: Encoding,
    pub size: Size,
    /// Bytes from row to row; of no meaning for Motion JPEG.
    pub stride: usize,
    /// Where the device tells it.
    pub fps: Option<f64>,
}

/// Who a device is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub card: String,
    pub driver: String,
    pub bus: String,
}

/// The sizes of one format.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Sizes {
    Each(Vec<Size>),
    Range(SizeRange),
}

/// An open device.
pub(crate) struct Device {
    name: String,
    device: v4l::Device,
}

/// Finds the path of a device that is given by its path or by its card's name.
pub(super) fn resolve(device: &str) -> Result<PathBuf, CameraError> {
    if device.contains('/') {
        return Ok(PathBuf::from(device));
    }
    // A camera has nodes of the same name that don't capture, for metadata.
    let (mut found, mut first_error) = (Vec::new(), None);
    for node in nodes() {
        if node.name != device {
            continue;
        }
        let usable = Device::open(&node.path).and_then(|device| device.identity());
        match usable {
            Ok(_) => found.push(node.path),
            Err(CameraError::NotACamera { .. }) => {}
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    only(device, found, first_error)
}

/// The one device of this name; which of several is meant can't be told, as their numbers change.
pub(super) fn only(
    name: &str,
    found: Vec<PathBuf>,
    first_error: Option<CameraError>,
) -> Result<PathBuf, CameraError> {
    let mut found = found.into_iter();
    match (found.next(), found.next()) {
        (Some(path), None) => Ok(path),
        (None, _) => Err(first_error.unwrap_or_else(|| CameraError::Missing {
            device: name.to_owned(),
        })),
        (Some(first), Some(second)) => Err(CameraError::Ambiguous {
            name: name.to_owned(),
            devices: [first, second]
                .into_iter()
                .chain(found)
                .map(|path| path.display().to_string())
                .collect::<Vec<_>>()
                .join(", "),
        }),
    }
}

/// What an error of a device means to whoever owns it.
pub(super) fn explain(device: &str, request: &'static str, error: io::Error) -> CameraError {
    let device = device.to_owned();
    match Errno::from_io_error(&error) {
        Some(Errno::NOENT) => CameraError::Missing { device },
        Some(Errno::ACCESS | Errno::PERM) => CameraError::Permission { device },
        Some(Errno::BUSY) => CameraError::Busy { device },
        Some(Errno::NODEV | Errno::NXIO) => CameraError::Unplugged { device },
        Some(Errno::NOSPC) => CameraError::NoBandwidth { device },
        Some(Errno::NOTTY) => CameraError::NotACamera {
            device,
            cause: "a device, but none of video".to_owned(),
        },
        _ => CameraError::Device {
            device,
            request,
            source: error,
        },
    }
}

/// Makes an error of a panic.
fn guarded<T>(ask: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    catch_unwind(AssertUnwindSafe(ask)).unwrap_or_else(|_| {
        Err(io::Error::other(
            "the driver's answer has something in it that is not known here",
        ))
    })
}

impl Device {
    /// Opens a device node, if it is one.
    pub(crate) fn open(path: &Path) -> Result<Self, CameraError> {
        let name = path.display().to_string();
        let not_a_camera = |cause: &str| CameraError::NotACamera {
            device: name.clone(),
            cause: cause.to_owned(),
        };
        let metadata = fs::metadata(path).map_err(|error| explain(&name, "looking", error))?;
        let kind = metadata.file_type();
        if kind.is_dir() {
            return Err(not_a_camera("a folder"));
        }
        if !kind.is_char_device() {
            return Err(not_a_camera(
                "a file; pictures and videos are sources of their own",
            ));
        }
        // Opening a device of another kind may do things.
        if rustix::fs::major(metadata.rdev()) != VIDEO4LINUX {
            return Err(not_a_camera("a device, but none of video"));
        }
        let device = guarded(|| v4l::Device::with_path(path))
            .map_err(|error| explain(&name, "opening", error))?;
        Ok(Self { name, device })
    }

    fn ask<T>(
        &self,
        request: &'static str,
        ask: impl FnOnce(&v4l::Device) -> io::Result<T>,
    ) -> Result<T, CameraError> {
        guarded(|| ask(&self.device)).map_err(|error| explain(&self.name, request, error))
    }

    /// Who it is.
    ///
    /// # Errors
    /// [`CameraError::NotACamera`] for a device that doesn't capture into buffers.
    pub(crate) fn identity(&self) -> Result<Identity, CameraError> {
        let caps = self.ask("asking what it is", v4l::Device::query_caps)?;
        let has = |flags| caps.capabilities.contains(flags);
        let cause = if has(Flags::VIDEO_CAPTURE | Flags::STREAMING) {
            return Ok(Identity {
                card: caps.card,
                driver: caps.driver,
                bus: caps.bus,
            });
        } else if has(Flags::META_CAPTURE) {
            "it captures metadata alone; the camera has another node"
        } else if has(Flags::VIDEO_CAPTURE_MPLANE) || has(Flags::VIDEO_M2M_MPLANE) {
            "its buffers have several planes; for a CSI camera of a Raspberry Pi use `rpicam`"
        } else {
            "it captures no video"
        };
        Err(CameraError::NotACamera {
            device: self.name.clone(),
            cause: format!("{cause} ({}, driver {})", caps.card, caps.driver),
        })
    }

    /// The formats it has, by their four characters and in the driver's words.
    pub(crate) fn formats(&self) -> Result<Vec<([u8; 4], String)>, CameraError> {
        let formats = self.ask("listing its formats", Capture::enum_formats)?;
        let told = formats
            .into_iter()
            .map(|format| (format.fourcc.repr, format.description));
        Ok(told.collect())
    }

    /// The sizes of a format.
    pub(crate) fn sizes(&self, fourcc: [u8; 4]) -> Result<Sizes, CameraError> {
        let found = self.ask("listing its sizes", |device| {
            device.enum_framesizes(FourCC::new(&fourcc))
        })?;
        let mut each = Vec::new();
        for size in found {
            match size.size {
                FrameSizeEnum::Discrete(size) => each.push(Size::new(size.width, size.height)),
                FrameSizeEnum::Stepwise(range) => {
                    return Ok(Sizes::Range(SizeRange {
                        least: Size::new(range.min_width, range.min_height),
                        most: Size::new(range.max_width, range.max_height),
                        step: Size::new(range.step_width, range.step_height),
                    }));
                }
            }
        }
        Ok(Sizes::Each(each))
    }

    /// The rates of a format at a size; none where it doesn't tell.
    pub(crate) fn rates(&self, fourcc: [u8; 4], size: Size) -> Rates {
        let found = self.ask("listing its rates", |device| {
            device.enum_frameintervals(FourCC::new(&fourcc), size.width, size.height)
        });
        let mut each = Vec::new();
        for interval in found.unwrap_or_default() {
            match interval.interval {
                FrameIntervalEnum::Discrete(interval) => each.push(to_interval(interval)),
                // The shortest interval is the highest rate.
                FrameIntervalEnum::Stepwise(range) => {
                    let fps = |fraction| to_interval(fraction).fps();
                    if let (Some(highest), Some(lowest)) = (fps(range.min), fps(range.max)) {
                        return Rates::Between(lowest, highest);
                    }
                }
            }
        }
        Rates::Each(each)
    }

    /// All that it offers and we can read; of a range of sizes the one nearest to the wish.
    fn offers(&self, wish: Size) -> Result<Vec<Offer>, CameraError> {
        let mut offers = Vec::new();
        for (fourcc, _) in self.formats()? {
            let Some(encoding) = Encoding::from_fourcc(fourcc) else {
                continue;
            };
            let sizes = match self.sizes(fourcc) {
                Ok(Sizes::Each(sizes)) => sizes,
                Ok(Sizes::Range(range)) => vec![range.nearest(wish)],
                // Old drivers have no list, and round whatever they are asked for.
                Err(CameraError::NotACamera { .. } | CameraError::Device { .. }) => vec![wish],
                Err(error) => return Err(error),
            };
            offers.extend(sizes.into_iter().map(|size| Offer {
                encoding,
                size,
                rates: self.rates(fourcc, size),
            }));
        }
        Ok(offers)
    }

    /// Chooses, asks, and looks what was given.
    pub(super) fn negotiate(&self, settings: &V4l2Settings) -> Result<Given, CameraError> {
        let refused = |offered: String| {
            let encoding = settings.encoding.map(|encoding| format!("{encoding} "));
            CameraError::Refused {
                device: self.name.clone(),
                wanted: format!("{}{}", encoding.unwrap_or_default(), settings.size),
                offered,
            }
        };
        let offers = self.offers(settings.size)?;
        let choice = negotiate::choose(&offers, settings.encoding, settings.size, settings.fps);
        let Some(choice) = choice else {
            return Err(refused(self.in_words()?));
        };
        let given = self.set_format(&choice)?;
        let encoding = Encoding::from_fourcc(given.fourcc.repr);
        let size = Size::new(given.width, given.height);
        let fits = (1..=MAX_SIZE.width).contains(&size.width)
            && (1..=MAX_SIZE.height).contains(&size.height);
        let Some(encoding) = encoding.filter(|encoding| *encoding == choice.encoding && fits)
        else {
            return Err(refused(format!("{} {size} instead", given.fourcc)));
        };
        let least = encoding
            .pixel_format()
            .map_or(0, |format| format.min_stride(size.width));
        Ok(Given {
            encoding,
            size,
            // Drivers may leave it out where rows have no padding.
            stride: (given.stride as usize).max(least),
            fps: self.set_rate(&choice),
        })
    }

    /// What it offers, for people.
    fn in_words(&self) -> Result<String, CameraError> {
        let formats = self.formats()?;
        if formats.is_empty() {
            return Ok("no format at all".to_owned());
        }
        let names = formats
            .iter()
            .map(|(fourcc, _)| String::from_utf8_lossy(fourcc).into_owned());
        Ok(names.collect::<Vec<_>>().join(", "))
    }

    fn set_format(&self, choice: &Choice) -> Result<Format, CameraError> {
        let Size { width, height } = choice.size;
        let wish = Format::new(width, height, FourCC::new(&choice.encoding.fourcc()));
        self.ask("setting the format", |device| device.set_format(&wish))
    }

    /// Asks for the rate, and answers with the one given; none where the device has no say in it.
    fn set_rate(&self, choice: &Choice) -> Option<f64> {
        let given = self.ask("setting the rate", |device| match choice.interval {
            Some(Interval {
                numerator,
                denominator,
            }) => device.set_params(&Parameters::new(Fraction::new(numerator, denominator))),
            None => device.params(),
        });
        to_interval(given.ok()?.interval).fps()
    }

    /// Starts to stream.
    pub(super) fn stream(&self) -> Result<Stream, CameraError> {
        guarded(|| {
            let stream = mmap::Stream::with_buffers(&self.device, Type::VideoCapture, BUFFERS)?;
            Stream::start(stream)
        })
        .map_err(|error| explain(&self.name, "starting to stream", error))
    }
}

impl Knobs for Device {
    fn set(&self, id: u32, value: i64) -> io::Result<()> {
        let control = Control {
            id,
            value: Value::Integer(value),
        };
        guarded(|| self.device.set_control(control))
    }

    fn get(&self, id: u32) -> io::Result<i64> {
        match guarded(|| self.device.control(id))?.value {
            Value::Integer(value) => Ok(value),
            Value::Boolean(value) => Ok(value.into()),
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

fn to_interval(fraction: Fraction) -> Interval {
    Interval {
        numerator: fraction.numerator,
        denominator: fraction.denominator,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_error_says_what_to_look_at() {
        let cases = [
            (
                Errno::NOENT,
                "/dev/video9: no such camera; is it plugged in?",
            ),
            (
                Errno::ACCESS,
                "/dev/video9: permission denied; add the user to the group `video`",
            ),
            (
                Errno::PERM,
                "/dev/video9: permission denied; add the user to the group `video`",
            ),
            (
                Errno::BUSY,
                "/dev/video9: in use by another program; `fuser -v /dev/video9`",
            ),
            (Errno::NODEV, "/dev/video9: unplugged"),
            (Errno::NOSPC, "/dev/video9: not enough USB bandwidth"),
            (Errno::NOTTY, "/dev/video9: not a camera"),
            (Errno::IO, "/dev/video9: testing failed: "),
        ];
        for (errno, expected) in cases {
            let error = explain("/dev/video9", "testing", errno.into());
            assert!(error.to_string().starts_with(expected), "{error}");
            assert!(!error.to_string().contains('\n'));
            assert!(!error.is_transient());
        }
    }

    #[test]
    fn a_panic_becomes_an_error() {
        let error = guarded::<()>(|| panic!("as the v4l crate does")).unwrap_err();
        assert!(error.to_string().contains("driver's answer"), "{error}");
    }

    #[test]
    fn what_is_no_device_is_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("video0");
        fs::write(&file, "").unwrap();
        let cases = [
            (folder.path().to_owned(), "not a camera: a folder"),
            (file, "not a camera: a file"),
            (folder.path().join("nothing"), "no such camera"),
            (
                PathBuf::from("/dev/null"),
                "not a camera: a device, but none of video",
            ),
            (PathBuf::from("/dev/video\0"), "looking failed"),
        ];
        for (path, expected) in cases {
            let error = Device::open(&path).err().unwrap();
            assert!(error.to_string().contains(expected), "{error}");
        }
    }

    #[test]
    fn a_card_that_is_not_there_is_missing() {
        let error = resolve("A camera that nobody ever built").unwrap_err();
        assert!(matches!(error, CameraError::Missing { .. }), "{error}");
        assert_eq!(
            resolve("/dev/v4l/by-id/x").unwrap(),
            Path::new("/dev/v4l/by-id/x")
        );
    }
}
