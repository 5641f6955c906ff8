//! USB and other cameras that V4L2 gives finished pictures of, through memory-mapped buffers.
//!
//! `resolve -> open -> negotiate -> controls -> stream`: each step says what is wrong in the words
//! of the one who plugged the camera in. What is asked for is a wish: the nearest thing that the
//! device offers is taken, and [`Source::describe`] tells what was given.
//!
//! Invariants: every wait has an end, and a wait that ended without a frame leaves the stream as it
//! was (see `stream`); frames with the driver's error flag, too few bytes, or a JPEG that is not
//! whole are left out, and counted by the caller; without a good frame for
//! [`V4l2Settings::timeout`] the camera counts as hung. Only `device` and `stream` touch a device.

mod controls;
mod device;
mod negotiate;
mod nodes;
mod settings;
mod stream;

use std::time::{Duration, Instant};

use frame::{Frame, Size};
use rustix::time::{ClockId, clock_gettime};

pub use self::{
    controls::{Controls, Level, PowerLine},
    negotiate::Encoding,
    settings::V4l2Settings,
};
pub(crate) use self::{
    device::{Device, Identity, Sizes},
    negotiate::Rates,
    nodes::nodes,
};
use self::{
    device::{Given, resolve},
    stream::{Buffer, Stream},
};
use crate::{CameraError, Captured, Source, mjpeg::Decoder};

/// A driver's time that is further back than this is no time of a capture.
const MAX_AGE: Duration = Duration::from_secs(10);

/// A source that captures from a V4L2 device.
///
/// `captured_at` is the driver's monotonic timestamp. Of frames that piled up because nobody asked
/// for them, only the newest comes.
pub struct V4l2 {
    name: String,
    description: String,
    stream: Stream,
    given: Given,
    decoder: Decoder,
    numbers: Numbers,
    timeout: Duration,
    last_good: Instant,
}

impl V4l2 {
    /// Opens the device, agrees on a format, sets the controls and starts to stream.
    ///
    /// A control that the device lacks or sets otherwise is no error; the description tells.
    ///
    /// # Errors
    /// [`CameraError::Missing`], [`CameraError::Permission`], [`CameraError::Busy`],
    /// [`CameraError::NotACamera`], [`CameraError::Refused`], [`CameraError::NoBandwidth`],
    /// [`CameraError::Unplugged`] or [`CameraError::Device`], each with what to look at, and
    /// [`CameraError::Setting`] for a size or rate that can't be.
    pub fn open(settings: &V4l2Settings) -> Result<Self, CameraError> {
        settings.check()?;
        let path = resolve(&settings.device)?;
        let device = Device::open(&path)?;
        let identity = device.identity()?;
        let given = device.negotiate(settings)?;
        let notes = controls::apply(&settings.controls, &device);
        let stream = device.stream()?;
        let name = path.display().to_string();
        Ok(Self {
            description: describe(&name, &identity.card, settings, &given, &notes),
            name,
            stream,
            given,
            // Cameras round sizes up to whole blocks.
            decoder: Decoder::new(
                Size::new(
                    given.size.width.next_multiple_of(16),
                    given.size.height.next_multiple_of(16),
                ),
                settings.input,
            ),
            numbers: Numbers::default(),
            timeout: settings.timeout,
            last_good: Instant::now(),
        })
    }

    /// A frame that can't be used is left out, unless there was no good one for too long.
    fn unless_hung(&self, error: CameraError) -> CameraError {
        if self.last_good.elapsed() < self.timeout {
            return error;
        }
        CameraError::Stalled {
            device: self.name.clone(),
            after: self.timeout,
        }
    }
}

impl Source for V4l2 {
    fn describe(&self) -> String {
        self.description.clone()
    }

    fn capture(&mut self, frame: &mut Frame, timeout: Duration) -> Result<Captured, CameraError> {
        let (given, decoder, numbers) = (self.given, &mut self.decoder, &mut self.numbers);
        let filled = self.stream.capture(timeout, |buffer| {
            frame.sequence = numbers.next(buffer.sequence);
            frame.captured_at = captured_at(&buffer);
            fill(frame, &buffer, &given, decoder)
        });
        match filled.map_err(|error| device::explain(&self.name, "capturing", error))? {
            None => Err(self.unless_hung(CameraError::Timeout(timeout))),
            Some(Err(error)) => Err(self.unless_hung(error)),
            Some(Ok(())) => {
                self.last_good = Instant::now();
                Ok(Captured::Frame)
            }
        }
    }
}

/// One line about what was given, and where it differs from what was asked for.
fn describe(
    path: &str,
    card: &str,
    settings: &V4l2Settings,
    given: &Given,
    notes: &[String],
) -> String {
    let mut line = format!("{path} ({card}), {} {}", given.encoding, given.size);
    match given.fps {
        Some(fps) => line += &format!(" at {} fps", tidy(fps)),
        None => line += " at the camera's own rate",
    }
    if given.size != settings.size || given.fps.is_some_and(|fps| fps < settings.fps * 0.95) {
        line += &format!("; asked for {} at {} fps", settings.size, settings.fps);
    }
    for note in notes {
        line += "; ";
        line += note;
    }
    line
}

/// With two decimals at most.
fn tidy(fps: f64) -> f64 {
    (fps * 100.0).round() / 100.0
}

/// Turns a buffer into a frame.
fn fill(
    frame: &mut Frame,
    buffer: &Buffer<'_>,
    given: &Given,
    decoder: &mut Decoder,
) -> Result<(), CameraError> {
    if buffer.is_broken {
        return Err(CameraError::BadFrame {
            cause: "the driver calls it corrupt; look at the cable, or at USB bandwidth".to_owned(),
        });
    }
    let Some(pixel_format) = given.encoding.pixel_format() else {
        return decoder.decode(buffer.bytes, frame);
    };
    let needed = pixel_format.min_bytes(given.size, given.stride);
    let Some(bytes) = buffer.bytes.get(..needed) else {
        return Err(CameraError::BadFrame {
            cause: format!(
                "{} bytes came, a {} frame of {} has {needed}; look at the cable, or at USB bandwidth",
                buffer.bytes.len(),
                given.encoding,
                given.size
            ),
        });
    };
    frame.size = given.size;
    frame.scaled_from = None;
    frame.stride = given.stride;
    frame.pixel_format = pixel_format;
    frame.data.clear();
    frame.data.extend_from_slice(bytes);
    Ok(())
}

/// When the driver says that the buffer was captured; now, where it has no idea.
fn captured_at(buffer: &Buffer<'_>) -> Instant {
    let now = Instant::now();
    let clock = clock_gettime(ClockId::Monotonic);
    let clock = Duration::new(
        clock.tv_sec.try_into().unwrap_or(0),
        clock.tv_nsec.try_into().unwrap_or(0),
    );
    age(buffer.monotonic, clock)
        .and_then(|age| now.checked_sub(age))
        .unwrap_or(now)
}

/// How long ago a moment was, if it can be one of a capture.
fn age(moment: Option<Duration>, clock: Duration) -> Option<Duration> {
    clock.checked_sub(moment?).filter(|age| *age <= MAX_AGE)
}

/// The driver's 32-bit frame numbers as ours, which begin at 0 and never stand still.
#[derive(Debug, Default)]
struct Numbers {
    last: Option<(u32, u64)>,
}

impl Numbers {
    fn next(&mut self, number: u32) -> u64 {
        let sequence = match self.last {
            None => 0,
            // A step back, or none, is a driver that begins anew or doesn't count.
            Some((last, sequence)) => {
                let step = number.wrapping_sub(last);
                sequence + u64::from(if step > u32::MAX / 2 { 1 } else { step.max(1) })
            }
        };
        self.last = Some((number, sequence));
        sequence
    }
}

#[cfg(test)]
mod tests;
