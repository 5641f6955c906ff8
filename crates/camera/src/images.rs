//! Pictures from files and folders, at a rate.
//!
//! A folder's pictures come in the order of their names; one that is played again and again is looked through anew
//! for each round. Invariants: what a picture is shows in its first bytes, and not
//! in its name; what it claims about
//! itself never decides how much memory is used ([`MAX_SIDE`], [`MAX_DECODED_BYTES`]); a picture
//! that was cut off is an error, never a frame that is grey below (decoders let cut JPEGs pass,
//! see `jpeg`); the picture's Exif orientation is applied, and what is transparent shows the colours below.

mod jpeg;
mod kind;

use std::{
    fs::{self, File},
    io::{Cursor, Read},
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime},
};

use frame::{Frame, PixelFormat, Size};
use image::{
    DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, RgbImage, metadata::Orientation,
};

use self::kind::Kind;

use crate::{
    CameraError, Captured, Source,
    pace::{Rate, Turns, wait_until},
};

/// Columns or rows of the largest picture that is decoded.
pub const MAX_SIDE: u32 = 16384;

/// Bytes of the largest picture that is decoded: 178 million pixels of RGB.
pub const MAX_DECODED_BYTES: u64 = 512 << 20;

/// Bytes of the largest file that is read; a picture of [`MAX_DECODED_BYTES`] seldom needs half.
pub const MAX_FILE_BYTES: u64 = 256 << 20;

/// Endings of the files that are taken from a folder, in any case.
///
/// AVIF and HEIC are among them: a folder of photos is to say that it has some, and not to pass over them.
const EXTENSIONS: [&str; 16] = [
    "png", "jpg", "jpeg", "jpe", "jfif", "mpo", "webp", "bmp", "dib", "tif", "tiff", "gif", "avif",
    "heic", "heif", "hif",
];

/// What is expected where there is something else.
const EXPECTED: &str = "expected a picture: JPEG, PNG, WebP, BMP, TIFF or GIF";

/// How pictures are handed out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ImagesSettings {
    /// Pictures per second; 0 hands them out as fast as they are asked for. No picture is left
    /// out because it was asked for late.
    pub fps: f64,
    /// Whether the first picture follows the last one.
    pub repeat: bool,
}

/// A source that reads a file, or all pictures of a folder.
///
/// Frames are RGB without row padding. `frame.sequence` counts turns: a picture that was skipped
/// leaves a gap. `captured_at` is when its turn came, before it was decoded.
#[derive(Debug)]
pub struct Images {
    root: PathBuf,
    paths: Vec<PathBuf>,
    repeat: bool,
    turns: Turns,
    /// Index into `paths` of the next picture; their number at the end.
    next: usize,
    sequence: u64,
    /// Pictures skipped since the last good one.
    skipped: usize,
    /// The picture, decoded, where there is but one to be repeated.
    still: Option<Still>,
    listed_at: Instant,
}

/// A decoded picture, and the file's stamp when it was read.
#[derive(Debug)]
struct Still {
    frame: Frame,
    stamp: Option<Stamp>,
}

/// What changes when a file is replaced: its length and its time.
type Stamp = (u64, SystemTime);

fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.len(), metadata.modified().ok()?))
}

/// How often it is looked whether there are other pictures, at the beginning of a round.
const LOOK_EVERY: Duration = Duration::from_secs(1);

impl Images {
    /// Looks for the pictures; each is read when its turn comes.
    ///
    /// # Errors
    /// [`CameraError::File`] where `path` can't be read or is a folder without pictures,
    /// [`CameraError::Setting`] for a rate that can't be kept.
    pub fn open(path: &Path, settings: ImagesSettings) -> Result<Self, CameraError> {
        let rate = Rate::new(settings.fps)?;
        Ok(Self {
            root: path.to_owned(),
            paths: list(path)?,
            repeat: settings.repeat,
            turns: Turns::new(rate),
            next: 0,
            sequence: 0,
            skipped: 0,
            still: None,
            listed_at: Instant::now(),
        })
    }

    /// Looks for pictures that came, went or were replaced, at the beginning of a round.
    fn renew(&mut self) {
        if self.listed_at.elapsed() < LOOK_EVERY {
            return;
        }
        self.listed_at = Instant::now();
        // A folder that is empty for the moment has the pictures that it had, which then can't be read.
        if let Ok(paths) = list(&self.root)
            && paths != self.paths
        {
            self.paths = paths;
            self.still = None;
        }
        if self
            .still
            .as_ref()
            .is_some_and(|still| still.stamp != stamp(&self.paths[0]))
        {
            self.still = None;
        }
    }

    /// Fills `frame` with the picture at `index`.
    fn fill(&mut self, index: usize, frame: &mut Frame) -> Result<(), String> {
        if let Some(still) = &self.still {
            let still = &still.frame;
            frame.data.clone_from(&still.data);
            frame.size = still.size;
            frame.scaled_from = still.scaled_from;
            frame.stride = still.stride;
            frame.pixel_format = still.pixel_format;
            return Ok(());
        }
        let path = &self.paths[index];
        // Before it is read: a picture that is replaced meanwhile is read again.
        let stamp = stamp(path);
        *frame = decode(path)?;
        if self.repeat && self.paths.len() == 1 {
            self.still = Some(Still {
                frame: frame.clone(),
                stamp,
            });
        }
        Ok(())
    }

    /// What to say of a picture that can't be used: skip it, unless there was no good one in a
    /// whole round, when going on would lead nowhere.
    fn skip(&mut self, index: usize, cause: String) -> CameraError {
        let path = self.paths[index].clone();
        self.skipped += 1;
        match self.paths.len() {
            1 => CameraError::File { path, cause },
            all if self.skipped >= all => CameraError::File {
                path: self.root.clone(),
                cause: format!(
                    "none of its {all} pictures can be used; {last}: {cause}",
                    last = path.display()
                ),
            },
            _ => CameraError::Skipped { path, cause },
        }
    }
}

impl Source for Images {
    fn describe(&self) -> String {
        let files = match self.paths.len() {
            1 => "1 file".to_owned(),
            n => format!("{n} files"),
        };
        format!("images {} ({files})", self.root.display())
    }

    fn capture(&mut self, frame: &mut Frame, timeout: Duration) -> Result<Captured, CameraError> {
        if self.next == self.paths.len() {
            if !self.repeat {
                return Ok(Captured::End);
            }
            self.next = 0;
            self.renew();
        }
        wait_until(self.turns.due(Instant::now()), timeout)?;
        let now = Instant::now();
        self.turns.advance(now);

        let (index, sequence) = (self.next, self.sequence);
        self.next += 1;
        self.sequence += 1;
        self.fill(index, frame)
            .map_err(|cause| self.skip(index, cause))?;
        self.skipped = 0;
        frame.sequence = sequence;
        frame.captured_at = now;
        Ok(Captured::Frame)
    }
}

/// The picture files at `path`: itself where it is a file, whatever its name; a folder's
/// files that are named like pictures, in the order of their names, without hidden ones and without
/// looking into folders below.
///
/// # Errors
/// [`CameraError::File`] where `path` can't be read, or is a folder without pictures.
pub fn list(path: &Path) -> Result<Vec<PathBuf>, CameraError> {
    let file_error = |cause: String| CameraError::File {
        path: path.to_owned(),
        cause,
    };
    let metadata = fs::metadata(path).map_err(|error| file_error(error.to_string()))?;
    if !metadata.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut paths = Vec::new();
    for entry in fs::read_dir(path).map_err(|error| file_error(error.to_string()))? {
        let entry = entry.map_err(|error| file_error(error.to_string()))?.path();
        if is_named_like_a_picture(&entry) && !entry.is_dir() {
            paths.push(entry);
        }
    }
    if paths.is_empty() {
        return Err(file_error(
            "no pictures here: looked for files that end in .jpg, .png, .webp, .bmp, .tif or .gif"
                .to_owned(),
        ));
    }
    paths.sort();
    Ok(paths)
}

/// Whether a file of a folder is taken for a picture: it is named like one, or it is a file that begins like one.
pub fn is_picture(path: &Path) -> bool {
    if is_named_like_a_picture(path) {
        return true;
    }
    // Before it is opened: opening a named pipe waits for its writer.
    if !fs::metadata(path).is_ok_and(|metadata| metadata.is_file()) {
        return false;
    }
    let mut start = Vec::new();
    let read =
        File::open(path).and_then(|file| file.take(kind::START as u64).read_to_end(&mut start));
    read.is_ok() && kind::of(&start).is_some()
}

fn is_named_like_a_picture(path: &Path) -> bool {
    let hidden = path
        .file_name()
        .is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
    let extension = path.extension().and_then(|extension| extension.to_str());
    !hidden
        && extension.is_some_and(|found| EXTENSIONS.iter().any(|e| found.eq_ignore_ascii_case(e)))
}

/// Reads one picture: RGB, upright, `sequence` 0, captured when it was read.
///
/// # Errors
/// [`CameraError::File`] where it can't be read, is no complete picture in a format that can be, or is larger than
/// the limits of this module.
pub fn load(path: &Path) -> Result<Frame, CameraError> {
    decode(path).map_err(|cause| CameraError::File {
        path: path.to_owned(),
        cause,
    })
}

/// Reads a picture from a stream to its end; `name` is what errors call it.
///
/// # Errors
/// As [`load`].
pub fn read(stream: impl Read, name: &Path) -> Result<Frame, CameraError> {
    let captured_at = Instant::now();
    let bytes = bounded(stream);
    let frame = bytes.and_then(|bytes| frame(&bytes, captured_at));
    frame.map_err(|cause| CameraError::File {
        path: name.to_owned(),
        cause,
    })
}

/// As [`load`], with the cause alone for an error.
fn decode(path: &Path) -> Result<Frame, String> {
    let captured_at = Instant::now();
    // Before it is opened: opening a named pipe waits for its writer.
    let metadata = fs::metadata(path).map_err(|error| error.to_string())?;
    if !metadata.is_file() {
        return Err(format!("not a file; {EXPECTED}"));
    }
    let file = File::open(path).map_err(|error| error.to_string())?;
    frame(&bounded(file)?, captured_at)
}

/// Makes a frame of a file's content.
fn frame(bytes: &[u8], captured_at: Instant) -> Result<Frame, String> {
    let picture = decode_bytes(bytes)?.into_rgb8();
    let size = Size::new(picture.width(), picture.height());
    let frame = Frame {
        sequence: 0,
        captured_at,
        size,
        scaled_from: None,
        stride: PixelFormat::Rgb8.min_stride(size.width),
        pixel_format: PixelFormat::Rgb8,
        data: picture.into_raw(),
        jpeg: None,
    };
    frame.validate().map_err(|error| error.to_string())?;
    Ok(frame)
}

/// All that a stream brings, within bounds.
fn bounded(stream: impl Read) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    stream
        .take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| error.to_string())?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(format!(
            "larger than {} MiB, which no picture that can be used needs",
            MAX_FILE_BYTES >> 20
        ));
    }
    if bytes.is_empty() {
        return Err(format!("the file is empty; {EXPECTED}"));
    }
    Ok(bytes)
}

fn decode_bytes(bytes: &[u8]) -> Result<DynamicImage, String> {
    let start = &bytes[..bytes.len().min(kind::START)];
    let format = match kind::of(start) {
        Some(Kind::Jpeg) => return decode_jpeg(bytes),
        Some(Kind::Readable(format)) => format,
        Some(Kind::Foreign { name, convert }) => {
            return Err(format!(
                "{name}, which fastsamd can't read; convert it, for example with: {convert}"
            ));
        }
        None => {
            return Err(format!(
                "not a picture in a format that fastsamd reads; {EXPECTED}"
            ));
        }
    };
    // A panic of a decoder's is what is wrong with this one picture.
    catch_unwind(AssertUnwindSafe(|| decode_with_crate(bytes, format))).unwrap_or_else(|_| {
        Err(format!(
            "the {format:?} file is corrupt, or of a kind that fastsamd can't read; save it as PNG"
        ))
    })
}

fn decode_jpeg(bytes: &[u8]) -> Result<DynamicImage, String> {
    let decoded = jpeg::decode(bytes, |size| {
        if size.width > MAX_SIDE || size.height > MAX_SIDE {
            return Err(format!(
                "a picture of {size}: at most {MAX_SIDE}x{MAX_SIDE} pixels can be used"
            ));
        }
        check_bytes(size, 3 * size.pixels() as u64)
    })?;
    let size = decoded.size;
    let rgb = RgbImage::from_raw(size.width, size.height, decoded.rgb);
    let mut picture = DynamicImage::from(rgb.ok_or("a JPEG with too few pixels")?);
    picture.apply_orientation(decoded.orientation);
    Ok(picture)
}

fn check_bytes(size: Size, bytes: u64) -> Result<(), String> {
    if bytes > MAX_DECODED_BYTES {
        return Err(format!(
            "a picture of {size} takes more than {} MiB decoded",
            MAX_DECODED_BYTES >> 20
        ));
    }
    Ok(())
}

fn decode_with_crate(bytes: &[u8], format: ImageFormat) -> Result<DynamicImage, String> {
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_DECODED_BYTES);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(one_line)?;
    let (width, height) = decoder.dimensions();
    check_bytes(Size::new(width, height), decoder.total_bytes())?;
    // A picture whose Exif block is broken is still a picture.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut picture = DynamicImage::from_decoder(decoder).map_err(one_line)?;
    picture.apply_orientation(orientation);
    if let (ImageFormat::Tiff, DynamicImage::ImageRgba8(rgba)) = (format, &mut picture) {
        // As libtiff hands such pictures to nearly everybody: before black.
        for image::Rgba([colours @ .., alpha]) in rgba.pixels_mut() {
            for colour in colours {
                *colour = ((u32::from(*colour) * u32::from(*alpha) + 127) / 255) as u8;
            }
        }
    }
    Ok(picture)
}

/// A decoder's message in one line.
fn one_line(error: image::ImageError) -> String {
    match error {
        image::ImageError::Limits(error) => format!(
            "{error}: at most {MAX_SIDE}x{MAX_SIDE} pixels and {} MiB decoded can be used",
            MAX_DECODED_BYTES >> 20
        ),
        image::ImageError::Unsupported(error) => {
            let said = error.to_string().replace(['\n', '\r'], " ");
            format!("{said}; save it as PNG, for example with: magick IN OUT.png")
        }
        error => error.to_string().replace(['\n', '\r'], " "),
    }
}

#[cfg(test)]
mod tests;
