//! The newest frame of each camera, for those who look.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicUsize, Ordering},
};

use axum::body::Bytes;
use fastsam::Segment;
use frame::{Frame, InputSize, Letterbox, NetworkInput, Preprocessor, Size};
use picture::{
    labelmap::{self, Label},
    snapshot,
};
use serde::Serialize;
use tensors::Classes;
use tokio::sync::watch;

/// A frame with its segments.
#[derive(Debug)]
pub struct Shown {
    /// The frame's number.
    pub sequence: u64,
    /// When it was captured, in milliseconds since 1970.
    pub captured_ms: u64,
    /// Columns and rows of the masks.
    pub size: Size,
    /// What ran the network.
    pub backend: &'static str,
    /// The picture, with the camera's own JPEG where it sends such.
    pub picture: Frame,
    /// How it lay in the network's input.
    pub letterbox: Letterbox,
    /// What the network's classes are called.
    pub classes: Classes,
    /// What was found.
    pub outlines: Vec<Outline>,
    /// What happened in this frame, as on `<camera>/events`.
    pub events: Vec<String>,
    encoded: OnceLock<Encoded>,
}

/// A segment.
#[derive(Clone, Debug)]
pub struct Outline {
    /// The object's.
    pub id: u64,
    /// Pixels a second.
    pub velocity: [f32; 2],
    /// Milliseconds since the object was first seen.
    pub age_ms: u64,
    /// Its mask, box and score.
    pub segment: Segment,
}

/// What is sent of a frame; clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Encoded {
    /// The picture alone.
    pub(crate) jpeg: Bytes,
    /// Header, picture and masks: see [`message`].
    pub(crate) message: Bytes,
}

#[derive(Serialize)]
struct Header<'a> {
    sequence: u64,
    captured_ms: u64,
    width: u32,
    height: u32,
    backend: &'a str,
    /// Bytes of the picture.
    jpeg: usize,
    /// Where it lies among the masks' pixels: left, top, width, height. Masks of the network's input reach over it.
    picture: [u32; 4],
    segments: Vec<Object<'a>>,
    events: &'a [String],
}

/// The objects of a frame, for programs.
#[derive(Serialize)]
pub(crate) struct Objects<'a> {
    sequence: u64,
    captured_ms: u64,
    objects: Vec<Object<'a>>,
}

/// What is told of a segment beside its mask.
#[derive(Serialize)]
struct Object<'a> {
    id: u64,
    score: f32,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    bbox: [u32; 4],
    area: u32,
    velocity: [f32; 2],
    age_ms: u64,
    /// How many runs its mask has.
    runs: usize,
}

impl Shown {
    /// A frame that nobody has looked at yet.
    #[expect(clippy::too_many_arguments, reason = "each is a field")]
    pub fn new(
        sequence: u64,
        captured_ms: u64,
        size: Size,
        backend: &'static str,
        picture: Frame,
        letterbox: Letterbox,
        classes: Classes,
        outlines: Vec<Outline>,
        events: Vec<String>,
    ) -> Self {
        Self {
            sequence,
            captured_ms,
            size,
            backend,
            picture,
            letterbox,
            classes,
            outlines,
            events,
            encoded: OnceLock::new(),
        }
    }

    /// What is sent of it, made once for all who look. Takes some milliseconds.
    pub(crate) fn encoded(&self) -> &Encoded {
        self.encoded.get_or_init(|| {
            let own = self.picture.jpeg.as_ref().filter(|own| !own.is_empty());
            let jpeg = own.cloned().or_else(|| self.drawn()).unwrap_or_default();
            let message = message(self, &jpeg);
            Encoded {
                jpeg: jpeg.into(),
                message: message.into(),
            }
        })
    }

    /// What is sent of it, if somebody has had it made.
    pub(crate) fn if_encoded(&self) -> Option<&Encoded> {
        self.encoded.get()
    }

    /// The picture as JPEG, at the page's size; nothing where it can't be made.
    fn drawn(&self) -> Option<Vec<u8>> {
        let (input, letterbox) = self.letterboxed(page_size(self.letterbox.frame))?;
        snapshot::plain(&input, &letterbox).ok()
    }

    /// The picture in an input of this size.
    fn letterboxed(&self, size: InputSize) -> Option<(NetworkInput, Letterbox)> {
        let mut input = NetworkInput::new(size);
        let letterbox = Preprocessor::new().letterbox(&self.picture, &mut input);
        Some((input, letterbox.ok()?))
    }

    /// Whether the masks are the network input's.
    fn is_of_input(&self) -> bool {
        self.size != self.letterbox.frame
    }

    /// Where the picture lies among the masks' pixels.
    fn place(&self) -> [u32; 4] {
        let Letterbox {
            left, top, resized, ..
        } = self.letterbox;
        if self.is_of_input() {
            [left, top, resized.width, resized.height]
        } else {
            [0, 0, self.size.width, self.size.height]
        }
    }

    /// The frame with its masks drawn, as JPEG; empty where it can't be made.
    pub(crate) fn overlay(&self) -> Vec<u8> {
        let size = if self.is_of_input() {
            self.letterbox.input
        } else {
            page_size(self.letterbox.frame)
        };
        let Some((input, letterbox)) = self.letterboxed(size) else {
            return Vec::new();
        };
        let segments = self.outlines.iter().map(|one| (one.id, &one.segment));
        snapshot::encode(&input, &letterbox, segments, &self.classes).unwrap_or_default()
    }

    /// The label map as PNG; empty where it can't be made.
    pub(crate) fn labelmap(&self) -> Vec<u8> {
        let label = |one: &Outline| Label {
            area: one.segment.area,
            runs: one.segment.mask.runs().to_vec(),
        };
        let labels: Vec<_> = self.outlines.iter().map(label).collect();
        labelmap::encode(self.size, &labels).unwrap_or_default()
    }

    /// The objects, without their masks.
    pub(crate) fn objects(&self) -> Objects<'_> {
        Objects {
            sequence: self.sequence,
            captured_ms: self.captured_ms,
            objects: self.told().collect(),
        }
    }

    fn told(&self) -> impl Iterator<Item = Object<'_>> {
        self.outlines.iter().map(|one| {
            let segment = &one.segment;
            let name = self.classes.name(segment.class.into());
            Object {
                id: one.id,
                score: segment.score,
                name: name.filter(|_| self.classes.are_told_apart()),
                bbox: [
                    segment.bbox.x,
                    segment.bbox.y,
                    segment.bbox.width,
                    segment.bbox.height,
                ],
                area: segment.area,
                velocity: one.velocity,
                age_ms: one.age_ms,
                runs: segment.mask.runs().len(),
            }
        })
    }
}

/// The size at which a frame is encoded for the page: its own, as far as that goes.
fn page_size(frame: Size) -> InputSize {
    let most = InputSize::LARGEST.width();
    let longest = frame.width.max(frame.height).max(1);
    let side = |side: u32| {
        let fitted = u64::from(side) * u64::from(most.min(longest)) / u64::from(longest);
        (fitted as u32).clamp(1, most).next_multiple_of(STEP)
    };
    InputSize::new(side(frame.width), side(frame.height)).unwrap_or(InputSize::LARGEST)
}

/// What the sides of an input are multiples of.
const STEP: u32 = 32;

/// The bytes of the header's JSON (32 bits, little-endian), the JSON, the JPEG, and for each segment in turn its
/// runs, `[row, first column, column behind the last]` as numbers of 16 bits, little-endian.
fn message(shown: &Shown, jpeg: &[u8]) -> Vec<u8> {
    let header = Header {
        sequence: shown.sequence,
        captured_ms: shown.captured_ms,
        width: shown.size.width,
        height: shown.size.height,
        backend: shown.backend,
        jpeg: jpeg.len(),
        picture: shown.place(),
        segments: shown.told().collect(),
        events: &shown.events,
    };
    let header = serde_json::to_vec(&header).unwrap_or_default();
    let runs = || {
        shown
            .outlines
            .iter()
            .flat_map(|one| one.segment.mask.runs())
    };
    let mut message = Vec::with_capacity(4 + header.len() + jpeg.len() + 6 * runs().count());
    message.extend_from_slice(&(header.len() as u32).to_le_bytes());
    message.extend_from_slice(&header);
    message.extend_from_slice(jpeg);
    for run in runs() {
        for number in [run.y, run.start, run.end] {
            message.extend_from_slice(&number.to_le_bytes());
        }
    }
    message
}

/// All cameras' newest frames.
#[derive(Debug)]
pub struct Gallery {
    cameras: Vec<Camera>,
}

#[derive(Debug)]
pub(crate) struct Camera {
    pub(crate) name: String,
    viewers: AtomicUsize,
    newest: watch::Sender<Option<Arc<Shown>>>,
}

impl Gallery {
    /// Of these cameras, without frames.
    pub fn new(cameras: impl IntoIterator<Item = String>) -> Arc<Self> {
        let camera = |name| Camera {
            name,
            viewers: AtomicUsize::new(0),
            newest: watch::Sender::new(None),
        };
        Arc::new(Self {
            cameras: cameras.into_iter().map(camera).collect(),
        })
    }

    /// Whether somebody looks at a camera: only then are frames to be shown.
    pub fn is_watched(&self, camera: usize) -> bool {
        let camera = self.cameras.get(camera);
        camera.is_some_and(|camera| camera.viewers.load(Ordering::Acquire) > 0)
    }

    /// Shows a camera's next frame, in place of the one before.
    pub fn show(&self, camera: usize, shown: Shown) {
        if let Some(camera) = self.cameras.get(camera) {
            camera.newest.send_replace(Some(Arc::new(shown)));
        }
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.cameras.iter().map(|camera| camera.name.as_str())
    }

    /// Looks at a camera from now on.
    pub(crate) fn look(self: &Arc<Self>, name: &str) -> Option<Look> {
        let place = self.cameras.iter().position(|camera| camera.name == name)?;
        let camera = &self.cameras[place];
        camera.viewers.fetch_add(1, Ordering::AcqRel);
        Some(Look {
            newest: camera.newest.subscribe(),
            gallery: Arc::clone(self),
            place,
            seen: None,
        })
    }
}

/// Somebody who looks at a camera.
pub(crate) struct Look {
    gallery: Arc<Gallery>,
    place: usize,
    newest: watch::Receiver<Option<Arc<Shown>>>,
    /// The frame that was seen last.
    seen: Option<u64>,
}

impl Look {
    /// The newest frame that was not seen yet; waits for one.
    pub(crate) async fn next(&mut self) -> Option<Arc<Shown>> {
        loop {
            let newest = self.newest.borrow_and_update().clone();
            if let Some(shown) = newest
                && self.seen != Some(shown.sequence)
                && !self.is_stale(&shown)
            {
                self.seen = Some(shown.sequence);
                return Some(shown);
            }
            self.newest.changed().await.ok()?;
        }
    }

    /// Whether a frame is from the time before anybody looked: nothing was shown since.
    fn is_stale(&self, shown: &Shown) -> bool {
        let now = std::time::SystemTime::now();
        let since = now.duration_since(std::time::SystemTime::UNIX_EPOCH);
        let now_ms = since.map_or(0, |since| since.as_millis() as u64);
        self.seen.is_none() && now_ms.saturating_sub(shown.captured_ms) > STALE_MS
    }
}

/// A first frame that is older is no picture of now.
const STALE_MS: u64 = 2000;

impl Drop for Look {
    fn drop(&mut self) {
        let camera = &self.gallery.cameras[self.place];
        if camera.viewers.fetch_sub(1, Ordering::AcqRel) == 1 {
            // The last one: nothing is kept for nobody.
            camera.newest.send_replace(None);
        }
    }
}

#[cfg(test)]
mod tests {
    use fastsam::{Mask, Run};
    use frame::{FrameRect, PixelFormat, PixelRect};

    use super::*;

    fn picture(size: Size) -> Frame {
        Frame {
            size,
            stride: size.width as usize,
            pixel_format: PixelFormat::Grey8,
            data: vec![90; size.pixels()],
            ..Frame::empty()
        }
    }

    fn shown(sequence: u64) -> Shown {
        let now = std::time::SystemTime::now();
        let since = now.duration_since(std::time::SystemTime::UNIX_EPOCH);
        let run = |y| Run {
            y,
            start: 10,
            end: 20,
        };
        let size = Size::new(640, 360);
        let outline = Outline {
            id: 7,
            velocity: [0.0; 2],
            age_ms: 40,
            segment: Segment {
                score: 0.5,
                class: 0,
                bbox: PixelRect {
                    x: 10,
                    y: 5,
                    width: 10,
                    height: 2,
                },
                detection_bbox: FrameRect {
                    x1: 10.0,
                    y1: 5.0,
                    x2: 20.0,
                    y2: 7.0,
                },
                area: 20,
                mask: Mask::from_runs(size, vec![run(5), run(6)]).unwrap(),
            },
        };
        Shown::new(
            sequence,
            since.unwrap().as_millis() as u64,
            size,
            "mock",
            picture(size),
            Letterbox::fit(size, InputSize::DEFAULT),
            Classes::one(),
            vec![outline],
            vec!["{}".to_owned()],
        )
    }

    #[test]
    fn a_message_holds_picture_and_masks_of_one_frame() {
        let shown = shown(9);
        let Encoded { jpeg, message } = shown.encoded();
        assert!(jpeg.starts_with(&[0xff, 0xd8]) && jpeg.ends_with(&[0xff, 0xd9]));
        let length = u32::from_le_bytes(message[..4].try_into().unwrap()) as usize;
        let (header, rest) = message[4..].split_at(length);
        let header: serde_json::Value = serde_json::from_slice(header).unwrap();
        assert_eq!(header["sequence"], 9);
        assert_eq!(header["segments"][0]["runs"], 2);
        let (picture, runs) = rest.split_at(header["jpeg"].as_u64().unwrap() as usize);
        assert_eq!(picture, jpeg);
        let numbers: Vec<u16> = runs
            .as_chunks()
            .0
            .iter()
            .map(|pair| u16::from_le_bytes(*pair))
            .collect();
        assert_eq!(numbers, [5, 10, 20, 6, 10, 20]);
    }

    #[test]
    fn a_cameras_own_picture_is_passed_on_and_any_other_has_the_frames_size() {
        let mut shown = shown(9);
        shown.picture.jpeg = Some(b"as the camera sent it".to_vec());
        assert_eq!(shown.encoded().jpeg.as_ref(), b"as the camera sent it");
        // Somebody looks, and the camera sends no JPEG.
        for (frame, expected) in [
            ((640, 360), (640, 360)),
            ((1280, 720), (1280, 720)),
            ((1920, 1080), (1280, 720)),
            ((300, 4000), (96, 1280)),
            ((1, 1), (32, 32)),
        ] {
            let size = Size::new(frame.0, frame.1);
            shown.picture = picture(size);
            shown.picture.jpeg = Some(Vec::new());
            shown.letterbox = Letterbox::fit(size, InputSize::DEFAULT);
            shown.encoded = OnceLock::new();
            let jpeg = &shown.encoded().jpeg;
            let picture = image::load_from_memory(jpeg).unwrap();
            assert_eq!((picture.width(), picture.height()), expected, "{size}");
        }
    }

    #[test]
    fn masks_of_the_networks_input_reach_over_the_picture() {
        let mut shown = shown(9);
        assert_eq!(shown.place(), [0, 0, 640, 360]);
        shown.size = InputSize::DEFAULT.size();
        assert_eq!(shown.place(), [0, 140, 640, 360]);
        assert!(shown.overlay().starts_with(&[0xff, 0xd8]));
    }

    #[test]
    fn pictures_are_made_of_a_frame_with_its_masks() {
        let shown = shown(9);
        let overlay = shown.overlay();
        assert!(overlay.starts_with(&[0xff, 0xd8]) && overlay != shown.encoded().jpeg);
        assert!(shown.labelmap().starts_with(b"\x89PNG"));
        let objects = serde_json::to_value(shown.objects()).unwrap();
        assert_eq!(objects["objects"][0]["id"], 7);
        assert_eq!(objects["objects"][0]["area"], 20);
    }

    #[test]
    fn only_what_is_looked_at_is_wanted() {
        let gallery = Gallery::new(["door".to_owned(), "yard".to_owned()]);
        assert!(gallery.look("nowhere").is_none());
        let first = gallery.look("yard").unwrap();
        let second = gallery.look("yard").unwrap();
        assert!(gallery.is_watched(1) && !gallery.is_watched(0) && !gallery.is_watched(9));
        gallery.show(1, shown(1));
        drop(first);
        assert!(gallery.is_watched(1) && gallery.cameras[1].newest.borrow().is_some());
        drop(second);
        assert!(!gallery.is_watched(1) && gallery.cameras[1].newest.borrow().is_none());
    }

    #[tokio::test]
    async fn who_looks_gets_the_newest_frame_once() {
        let gallery = Gallery::new(["door".to_owned()]);
        let mut look = gallery.look("door").unwrap();
        gallery.show(0, shown(1));
        gallery.show(0, shown(2));
        assert_eq!(look.next().await.unwrap().sequence, 2);
        let next = tokio::spawn(async move { look.next().await.unwrap().sequence });
        tokio::task::yield_now().await;
        gallery.show(0, shown(3));
        assert_eq!(next.await.unwrap(), 3);
    }
}
