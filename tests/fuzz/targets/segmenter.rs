//! The post-processor on tensors that no network gives, in any letterbox: what it finds keeps the
//! promises of masks, boxes and contours.

#![no_main]

use std::cell::RefCell;

use arbitrary::{Arbitrary, Unstructured};
use fastsam::{
    ClassSet, Contours, MaskSize, Segmenter, Segments, Settings, cleanup::Cleanup, contour::Tracer,
    encode::rle,
};
use frame::{InputSize, Letterbox, Size};
use libfuzzer_sys::fuzz_target;
use tensors::{ElementType, Layout, QuantInfo, Role, TensorInfo, Tensors};

/// Masks of larger frames only take longer.
const MAX_SIDE: u32 = 3000;

#[derive(Arbitrary, Debug)]
struct Input {
    /// Columns and rows of the network's input, in 32 pixels.
    network: [u8; 2],
    outputs: [Output; 10],
    letterbox: AnyLetterbox,
    confidence: f32,
    iou: f32,
    max_segments: u8,
    min_area: u16,
    network_size: bool,
    cleanup: [u32; 4],
    large_cleanup: bool,
}

/// An output: quantization, and elements of a pattern with others strewn in.
#[derive(Arbitrary, Debug)]
struct Output {
    wide: bool,
    // Used in place of the usual ones.
    scale: Option<f32>,
    zero_point: Option<f32>,
    background: u16,
    step: u16,
    spots: Vec<Spot>,
}

#[derive(Arbitrary, Debug)]
struct Spot {
    at: u32,
    length: u16,
    value: u16,
}

#[derive(Arbitrary, Debug)]
enum AnyLetterbox {
    Fit([u16; 2]),
    Any([u16; 6]),
}

impl AnyLetterbox {
    fn made(&self, input: InputSize) -> Letterbox {
        let side = |side: u16| u32::from(side) % (MAX_SIDE + 1);
        match *self {
            Self::Fit([width, height]) => {
                Letterbox::fit(Size::new(side(width), side(height)), input)
            }
            Self::Any([width, height, resized_width, resized_height, left, top]) => Letterbox {
                input,
                frame: Size::new(side(width), side(height)),
                resized: Size::new(
                    u32::from(resized_width) % 700,
                    u32::from(resized_height) % 700,
                ),
                left: u32::from(left) % 700,
                top: u32::from(top) % 700,
            },
        }
    }
}

impl Output {
    fn info(&self, role: Role, input: InputSize) -> TensorInfo {
        let usual_scale = match role {
            Role::Scores(_) => 1.0 / 255.0,
            _ => 0.05,
        };
        let usual_zero_point = match role {
            Role::Scores(_) => 0.0,
            _ => 128.0,
        };
        TensorInfo {
            name: role.to_string(),
            shape: role.shape(input, 1),
            element_type: if self.wide {
                ElementType::U16
            } else {
                ElementType::U8
            },
            quant: QuantInfo {
                scale: self.scale.unwrap_or(usual_scale),
                zero_point: self.zero_point.unwrap_or(usual_zero_point),
            },
        }
    }

    fn fill(&self, role: Role, tensors: &mut Tensors) {
        if let Some(elements) = tensors.u8_mut(role) {
            self.paint(elements, |value| value as u8);
        } else if let Some(elements) = tensors.u16_mut(role) {
            self.paint(elements, |value| value);
        }
    }

    fn paint<T: Copy>(&self, elements: &mut [T], convert: impl Fn(u16) -> T) {
        let mut value = self.background;
        for element in &mut *elements {
            *element = convert(value);
            value = value.wrapping_add(self.step);
        }
        for spot in &self.spots {
            let start = spot.at as usize % elements.len();
            let end = (start + usize::from(spot.length)).min(elements.len());
            elements[start..end].fill(convert(spot.value));
        }
    }
}

impl Input {
    fn settings(&self) -> Settings {
        let side = |side: u32| if self.large_cleanup { side } else { side % 64 };
        let [close, open, min_island, max_hole] = self.cleanup.map(side);
        Settings {
            confidence: self.confidence,
            iou: self.iou,
            max_segments: usize::from(self.max_segments) % 16,
            min_area: self.min_area.into(),
            mask_size: if self.network_size {
                MaskSize::Network
            } else {
                MaskSize::Frame
            },
            cleanup: Cleanup {
                close,
                open,
                min_island,
                max_hole,
            },
            classes: ClassSet::ALL,
        }
    }
}

thread_local! {
    /// Reused between inputs, as between frames: nothing of one may show in the next.
    static SEGMENTS: RefCell<Segments> = RefCell::new(Segments::new());
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(input) = Input::arbitrary(&mut Unstructured::new(bytes)) else {
        return;
    };
    // Small ones most often: larger ones only take longer.
    let [width, height] = input.network.map(|side| 32 * (1 + u32::from(side) % 20));
    let network = InputSize::new(width, height).expect("multiples of 32 up to 640");
    let infos: Vec<_> = input
        .outputs
        .iter()
        .zip(Role::ALL)
        .map(|(output, role)| output.info(role, network))
        .collect();
    let Ok(layout) = Layout::bind(&infos, network) else {
        return;
    };
    let mut tensors = Tensors::for_layout(&layout);
    for (output, role) in input.outputs.iter().zip(Role::ALL) {
        output.fill(role, &mut tensors);
    }
    let letterbox = input.letterbox.made(network);
    let settings = input.settings();
    SEGMENTS.with_borrow_mut(|segments| {
        let mut segmenter = Segmenter::new(&layout);
        if segmenter
            .segment(&tensors, &letterbox, &settings, segments)
            .is_ok()
        {
            check(segments, &settings);
        }
    });
});

fn check(segments: &Segments, settings: &Settings) {
    let segments = segments.as_slice();
    assert!(segments.len() <= settings.max_segments);
    assert!(segments.is_sorted_by(|a, b| a.score >= b.score));
    let mut encoder = rle::Encoder::new();
    let mut counts = Vec::new();
    let (mut tracer, mut contours) = (Tracer::new(), Contours::default());
    for segment in segments {
        let mask = &segment.mask;
        let size = mask.size();
        assert!(segment.score > settings.confidence);
        assert_eq!(segment.area, mask.area());
        assert!(segment.area >= settings.min_area.max(1));
        assert_eq!(segment.bbox, mask.bounding_box());
        let within = |run: &fastsam::Run| {
            u32::from(run.y) < size.height
                && run.start < run.end
                && u32::from(run.end) <= size.width
        };
        assert!(mask.runs().iter().all(within));
        // Apart, in order.
        let apart = |a: &fastsam::Run, b: &fastsam::Run| (a.y, a.end) < (b.y, b.start);
        assert!(mask.runs().is_sorted_by(apart));
        counts.clear();
        encoder.encode(mask, &mut counts);
        let text = std::str::from_utf8(&counts).expect("ASCII");
        assert_eq!(rle::decode(size, text).as_ref(), Ok(mask));
        tracer.trace(mask, &mut contours);
        assert_eq!(contours.bounding_box(), segment.bbox);
        for &[x, y] in contours.iter().flatten() {
            assert!(mask.contains(x.into(), y.into()));
        }
    }
}
