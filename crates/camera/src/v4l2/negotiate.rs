//! Which of the things that a device offers to ask it for.
//!
//! Pure: over lists, without a device. In this order, what counts is
//! 1. colour: GREY is taken only where there is nothing else, or where it was asked for;
//! 2. size: the one that was wished for, else the smallest that covers it, else the largest;
//! 3. rate: one that reaches the wish (within 5 %), else the highest;
//! 4. encoding: raw before Motion JPEG, which costs a decoder and some quality; of the raw ones
//!    those with fewer bytes.

use std::{cmp::Ordering, fmt};

use frame::{PixelFormat, Size};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a device may encode frames, among the ways that can be read.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// 4:2:0, luma and one plane of chroma (`NV12`).
    Nv12,
    /// 4:2:0, three planes (`YU12`).
    I420,
    /// 4:2:2, packed (`YUYV`).
    Yuyv,
    /// Red, green, blue (`RGB3`).
    #[serde(rename = "rgb")]
    Rgb8,
    /// Blue, green, red (`BGR3`).
    #[serde(rename = "bgr")]
    Bgr8,
    /// Luminance alone (`GREY`).
    #[serde(rename = "grey")]
    Grey8,
    /// A JPEG for each frame (`MJPG`).
    Mjpeg,
}

impl Encoding {
    /// All of them, the raw ones first, each of them by its bytes per pixel.
    pub const ALL: [Self; 7] = [
        Self::Nv12,
        Self::I420,
        Self::Yuyv,
        Self::Rgb8,
        Self::Bgr8,
        Self::Grey8,
        Self::Mjpeg,
    ];

    /// V4L2's four characters.
    pub const fn fourcc(self) -> [u8; 4] {
        match self {
            Self::Nv12 => *b"NV12",
            Self::I420 => *b"YU12",
            Self::Yuyv => *b"YUYV",
            Self::Rgb8 => *b"RGB3",
            Self::Bgr8 => *b"BGR3",
            Self::Grey8 => *b"GREY",
            Self::Mjpeg => *b"MJPG",
        }
    }

    /// The encoding with these four characters, if it can be read.
    pub fn from_fourcc(fourcc: [u8; 4]) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|encoding| encoding.fourcc() == fourcc)
    }

    /// The pixel format of frames that need no decoding.
    pub const fn pixel_format(self) -> Option<PixelFormat> {
        match self {
            Self::Nv12 => Some(PixelFormat::Nv12),
            Self::I420 => Some(PixelFormat::I420),
            Self::Yuyv => Some(PixelFormat::Yuyv),
            Self::Rgb8 => Some(PixelFormat::Rgb8),
            Self::Bgr8 => Some(PixelFormat::Bgr8),
            Self::Grey8 => Some(PixelFormat::Grey8),
            Self::Mjpeg => None,
        }
    }
}

impl fmt::Display for Encoding {
    /// As it is mostly called: `MJPEG`, `YUYV`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Nv12 => "NV12",
            Self::I420 => "I420",
            Self::Yuyv => "YUYV",
            Self::Rgb8 => "RGB",
            Self::Bgr8 => "BGR",
            Self::Grey8 => "GREY",
            Self::Mjpeg => "MJPEG",
        })
    }
}

/// Seconds between two frames, as a fraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Interval {
    pub numerator: u32,
    pub denominator: u32,
}

impl Interval {
    /// The interval of a rate, to a thousandth of a frame per second.
    fn of(fps: f64) -> Self {
        Self {
            numerator: 1000,
            denominator: ((fps * 1000.0).round() as u32).max(1),
        }
    }

    /// Frames per second; none for an interval that isn't one.
    pub(crate) fn fps(self) -> Option<f64> {
        let valid = self.numerator > 0 && self.denominator > 0;
        valid.then(|| f64::from(self.denominator) / f64::from(self.numerator))
    }
}

/// The rates at which a device offers frames of one encoding and size.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Rates {
    /// These.
    Each(Vec<Interval>),
    /// All from the lowest to the highest, in frames per second.
    Between(f64, f64),
}

impl Rates {
    /// The rate nearest above the wish, else the highest; none where none is known.
    fn nearest(&self, wish: f64) -> Option<Interval> {
        match self {
            Self::Between(lowest, highest) if lowest <= highest => {
                Some(Interval::of(wish.clamp(*lowest, *highest)))
            }
            Self::Between(..) => None,
            Self::Each(intervals) => {
                let known = intervals.iter().filter_map(|i| Some((i.fps()?, *i)));
                known
                    .min_by(|(a, _), (b, _)| {
                        let misses = |fps: f64| !reaches(fps, wish);
                        misses(*a).cmp(&misses(*b)).then_with(|| match misses(*a) {
                            true => b.total_cmp(a),
                            false => a.total_cmp(b),
                        })
                    })
                    .map(|(_, interval)| interval)
            }
        }
    }
}

fn reaches(fps: f64, wish: f64) -> bool {
    fps >= wish * 0.95
}

/// One encoding and size that a device offers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Offer {
    pub encoding: Encoding,
    pub size: Size,
    pub rates: Rates,
}

/// What to ask the device for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Choice {
    pub encoding: Encoding,
    pub size: Size,
    /// Where the device tells its rates.
    pub interval: Option<Interval>,
}

/// The best of what is offered; none where nothing is, of the encoding that was asked for.
pub(super) fn choose(
    offers: &[Offer],
    encoding: Option<Encoding>,
    size: Size,
    fps: f64,
) -> Option<Choice> {
    let asked_for = |offer: &&Offer| encoding.is_none_or(|encoding| offer.encoding == encoding);
    let choices = offers.iter().filter(asked_for).map(|offer| Choice {
        encoding: offer.encoding,
        size: offer.size,
        interval: offer.rates.nearest(fps),
    });
    choices.min_by(|a, b| {
        let without_colour = |c: &Choice| c.encoding == Encoding::Grey8;
        without_colour(a)
            .cmp(&without_colour(b))
            .then_with(|| by_size(a.size, b.size, size))
            .then_with(|| by_rate(a.interval, b.interval, fps))
            .then_with(|| a.encoding.cmp(&b.encoding))
    })
}

/// The better size first.
fn by_size(a: Size, b: Size, wish: Size) -> Ordering {
    let covers = |size: Size| size.width >= wish.width && size.height >= wish.height;
    match (covers(a), covers(b)) {
        (true, true) => a.pixels().cmp(&b.pixels()),
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => b.pixels().cmp(&a.pixels()),
    }
}

/// The better rate first: all that reach the wish are alike, and one that is not known may.
fn by_rate(a: Option<Interval>, b: Option<Interval>, wish: f64) -> Ordering {
    let rate = |interval: Option<Interval>| {
        let fps = interval.and_then(Interval::fps).unwrap_or(wish);
        if reaches(fps, wish) { wish } else { fps }
    };
    rate(b).total_cmp(&rate(a))
}

/// From the least size in steps to the largest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SizeRange {
    pub least: Size,
    pub most: Size,
    pub step: Size,
}

impl SizeRange {
    /// The size in the range that covers the wish most tightly, or else comes nearest.
    pub(crate) fn nearest(self, wish: Size) -> Size {
        let fit = |wish: u32, least: u32, most: u32, step: u32| {
            let step = step.max(1);
            let steps = wish.saturating_sub(least).div_ceil(step);
            let last = most.saturating_sub(least) / step;
            least.saturating_add(steps.min(last).saturating_mul(step))
        };
        Size::new(
            fit(
                wish.width,
                self.least.width,
                self.most.width,
                self.step.width,
            ),
            fit(
                wish.height,
                self.least.height,
                self.most.height,
                self.step.height,
            ),
        )
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn offer(encoding: Encoding, width: u32, height: u32, rates: &[u32]) -> Offer {
        let intervals = rates.iter().map(|&fps| Interval {
            numerator: 1,
            denominator: fps,
        });
        Offer {
            encoding,
            size: Size::new(width, height),
            rates: Rates::Each(intervals.collect()),
        }
    }

    /// What a webcam of the usual kind offers.
    fn webcam() -> Vec<Offer> {
        vec![
            offer(Encoding::Yuyv, 640, 480, &[30, 15]),
            offer(Encoding::Yuyv, 1280, 720, &[10, 5]),
            offer(Encoding::Yuyv, 1920, 1080, &[5]),
            offer(Encoding::Mjpeg, 640, 480, &[60, 30]),
            offer(Encoding::Mjpeg, 1280, 720, &[30, 15]),
            offer(Encoding::Mjpeg, 1920, 1080, &[30]),
        ]
    }

    #[test]
    fn what_is_chosen_of_a_webcam() {
        use Encoding::{Grey8, Mjpeg, Nv12, Yuyv};
        // Wished encoding, size and rate, then what is given.
        let cases = [
            (
                "raw is too slow",
                None,
                (1280, 720),
                30,
                Some((Mjpeg, 1280, 720, 30)),
            ),
            (
                "raw suffices",
                None,
                (1280, 720),
                10,
                Some((Yuyv, 1280, 720, 10)),
            ),
            (
                "raw suffices there",
                None,
                (640, 480),
                30,
                Some((Yuyv, 640, 480, 30)),
            ),
            (
                "only one is that fast",
                None,
                (640, 480),
                60,
                Some((Mjpeg, 640, 480, 60)),
            ),
            (
                "none is that fast",
                None,
                (1280, 720),
                90,
                Some((Mjpeg, 1280, 720, 30)),
            ),
            (
                "no such rate, the next",
                None,
                (640, 480),
                20,
                Some((Yuyv, 640, 480, 30)),
            ),
            (
                "no such size, covered",
                None,
                (800, 600),
                5,
                Some((Yuyv, 1280, 720, 5)),
            ),
            (
                "one side too large",
                None,
                (640, 600),
                30,
                Some((Mjpeg, 1280, 720, 30)),
            ),
            (
                "no size that large",
                None,
                (4000, 3000),
                5,
                Some((Yuyv, 1920, 1080, 5)),
            ),
            (
                "smaller than any",
                None,
                (160, 120),
                30,
                Some((Yuyv, 640, 480, 30)),
            ),
            (
                "as asked",
                Some(Yuyv),
                (1280, 720),
                30,
                Some((Yuyv, 1280, 720, 10)),
            ),
            (
                "as asked, too",
                Some(Mjpeg),
                (640, 480),
                15,
                Some((Mjpeg, 640, 480, 30)),
            ),
            ("not offered", Some(Nv12), (640, 480), 30, None),
            ("not offered either", Some(Grey8), (640, 480), 30, None),
        ];
        for (name, encoding, (width, height), fps, expected) in cases {
            let size = Size::new(width, height);
            let choice = choose(&webcam(), encoding, size, f64::from(fps));
            let expected = expected.map(|(encoding, width, height, fps)| Choice {
                encoding,
                size: Size::new(width, height),
                interval: Some(Interval {
                    numerator: 1,
                    denominator: fps,
                }),
            });
            assert_eq!(choice, expected, "{name}");
        }
    }

    #[test]
    fn what_else_devices_offer() {
        use Encoding::{Grey8, I420, Mjpeg, Nv12, Rgb8, Yuyv};
        let all_alike = Encoding::ALL.map(|encoding| offer(encoding, 640, 480, &[30]));
        let infrared = [offer(Grey8, 640, 480, &[30])];
        let grey_fits = [offer(Grey8, 640, 480, &[30]), offer(Mjpeg, 320, 240, &[15])];
        let silent = [offer(Mjpeg, 640, 480, &[30]), offer(Yuyv, 640, 480, &[])];
        let odd = [offer(Yuyv, 640, 480, &[0]), offer(Rgb8, 640, 480, &[25])];
        let without_nv12 = &all_alike[1..];
        let cases: [(&str, &[Offer], Option<Encoding>); 8] = [
            ("the fewest bytes", &all_alike, Some(Nv12)),
            ("the next fewest", without_nv12, Some(I420)),
            ("nothing but grey", &infrared, Some(Grey8)),
            ("colour before all else", &grey_fits, Some(Mjpeg)),
            ("a rate not told may do", &silent, Some(Yuyv)),
            ("a rate of 0 is none", &odd, Some(Yuyv)),
            ("nothing", &[], None),
            ("one", &odd[1..], Some(Rgb8)),
        ];
        for (name, offers, expected) in cases {
            let choice = choose(offers, None, Size::new(640, 480), 30.0);
            assert_eq!(choice.map(|choice| choice.encoding), expected, "{name}");
        }
    }

    #[test]
    fn rates_between_two_are_taken_as_wished() {
        let rates = Rates::Between(5.0, 60.0);
        for (wish, given) in [(29.97, 29.97), (1.0, 5.0), (100.0, 60.0)] {
            let fps = rates.nearest(wish).and_then(Interval::fps).unwrap();
            assert!((fps - given).abs() < 1e-3, "{fps} for {wish}");
        }
        assert_eq!(Rates::Between(60.0, 5.0).nearest(30.0), None);
        // 30000 / 1001 is what a wish of 30 means.
        let ntsc = Interval {
            numerator: 1001,
            denominator: 30000,
        };
        let sixty = Interval {
            numerator: 1,
            denominator: 60,
        };
        assert_eq!(Rates::Each(vec![sixty, ntsc]).nearest(30.0), Some(ntsc));
    }

    proptest! {
        #[test]
        fn sizes_in_steps_stay_in_their_range(
            least in 1u32..5000, more in 0u32..5000, step in 0u32..600, wish in 0u32..20_000,
        ) {
            let range = SizeRange {
                least: Size::new(least, 7),
                most: Size::new(least + more, 7),
                step: Size::new(step, 0),
            };
            let Size { width, height } = range.nearest(Size::new(wish, wish));
            prop_assert_eq!(height, 7);
            prop_assert!((least..=least + more).contains(&width));
            prop_assert_eq!((width - least) % step.max(1), 0);
            // One step less would not cover the wish, if it is in the range.
            if width > least && width >= wish {
                prop_assert!(width - step.max(1) < wish);
            }
        }
    }
}
