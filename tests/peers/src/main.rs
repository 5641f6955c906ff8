//! edgefirst-decoder with edgefirst-image beside fastsam, for `scripts/bench-peers`.
//!
//! ```text
//! fastsamd-peers FOLDER    a JSON line: both sides' median microseconds a frame, the folder's recordings in turns
//! ```
//!
//! fastsam: from quantized tensors to segments. edgefirst: `decode_proto` and masks of the frame's size from real
//! numbers in one tensor of boxes, scores and coefficients and one of prototypes: its boxes are decoded and everything
//! is dequantized before the clock starts. Its masks are cut to rounded boxes, and no contours come with either side's.
//! One thread: `RAYON_NUM_THREADS=1`.

use std::{
    error::Error,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use edgefirst_decoder::{Decoder, DecoderBuilder, Nms, configs};
use edgefirst_image::CPUProcessor;
use edgefirst_tensor::{DetectBox, Tensor, TensorDyn, TensorMapTrait, TensorTrait};
use fastsam::{ClassSet, Segmenter, Segments, Settings};
use frame::{InputRect, Letterbox};
use recording::Recording;
use tensors::{Elements, Grid, Level, Role, TensorView};

const CONFIDENCE: f32 = 0.4;
const IOU: f32 = 0.9;
const ANCHORS: usize = 8400;
const COEFFICIENTS: usize = 32;
const ROUNDS: usize = 15;

type Anything<T> = Result<T, Box<dyn Error>>;

/// A recording as each side takes it.
struct Subject {
    ours: Recording,
    letterbox: Letterbox,
    theirs: [TensorDyn; 2],
}

fn main() -> Anything<()> {
    let folder = std::env::args()
        .nth(1)
        .ok_or("expected a folder of recordings")?;
    let mut folders: Vec<PathBuf> = std::fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<Anything<_>>()?;
    folders.sort();
    let subjects: Vec<Subject> = folders
        .iter()
        .map(|folder| Subject::open(folder))
        .collect::<Anything<_>>()?;
    let decoder = decoder()?;
    let processor = CPUProcessor::new();
    let layout = &subjects.first().ok_or("no recordings")?.ours.layout;
    let mut segmenter = Segmenter::new(layout);
    let mut segments = Segments::new();
    let settings = Settings {
        confidence: CONFIDENCE,
        iou: IOU,
        ..Settings::default()
    };
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let (mut our_count, mut their_count) = (0, 0);
    for round in 0..ROUNDS {
        for subject in &subjects {
            let (time, count) = timed(|| {
                let Subject {
                    ours, letterbox, ..
                } = subject;
                segmenter.segment(&ours.tensors, letterbox, &settings, &mut segments)?;
                Ok(segments.as_slice().len())
            })?;
            ours.push(time);
            our_count += count;
            assert!(round > 0 || count > 0);
        }
    }
    for _ in 0..ROUNDS {
        for subject in &subjects {
            let (time, count) = timed(|| subject.edgefirst(&decoder, &processor))?;
            theirs.push(time);
            their_count += count;
        }
    }
    let answer = serde_json::json!({
        "segments": our_count as f64 / ours.len() as f64,
        "edgefirst_segments": their_count as f64 / theirs.len() as f64,
        "fastsam": median_us(ours),
        "edgefirst": median_us(theirs),
    });
    println!("{answer}");
    Ok(())
}

fn timed(work: impl FnOnce() -> Anything<usize>) -> Anything<(Duration, usize)> {
    let begun = Instant::now();
    let count = work()?;
    Ok((begun.elapsed(), count))
}

fn median_us(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1e6
}

fn decoder() -> Anything<Decoder> {
    let decoder = configs::DecoderType::Ultralytics;
    let detection = configs::Detection {
        decoder,
        quantization: None,
        shape: vec![1, 5 + COEFFICIENTS, ANCHORS],
        anchors: None,
        dshape: Vec::new(),
        normalized: Some(true),
    };
    let protos = configs::Protos {
        decoder,
        quantization: None,
        shape: vec![1, 160, 160, COEFFICIENTS],
        dshape: Vec::new(),
    };
    Ok(DecoderBuilder::new()
        .with_config_yolo_segdet(detection, protos, Some(configs::DecoderVersion::Yolov8))
        .with_score_threshold(CONFIDENCE)
        .with_iou_threshold(IOU)
        .with_nms(Some(Nms::ClassAgnostic))
        .with_pre_nms_top_k(0)
        .build()?)
}

impl Subject {
    fn open(folder: &Path) -> Anything<Self> {
        let ours = Recording::open(folder)?;
        let input = ours.layout.input();
        let letterbox = Letterbox::fit(ours.frame, input);
        // Every anchor's box, and its score, by our own decoder.
        let mut every = Vec::new();
        let any_score = -1.0;
        fastsam::Decoder::new(&ours.layout).decode(
            &ours.tensors,
            any_score,
            &ClassSet::ALL,
            &mut every,
        );
        let mut values = vec![0.0; (5 + COEFFICIENTS) * ANCHORS];
        let side = input.width() as f32;
        for detection in &every {
            let at = detection.anchor.index();
            let InputRect { x1, y1, x2, y2 } = detection.bbox;
            let numbers = [(x1 + x2) / 2.0, (y1 + y2) / 2.0, x2 - x1, y2 - y1].map(|x| x / side);
            for (row, number) in numbers.into_iter().chain([detection.score]).enumerate() {
                values[row * ANCHORS + at] = number;
            }
            let (level, cell) = detection.anchor.cell(input);
            let coefficients = ours.tensors.view(Role::Coefficients(level));
            for channel in 0..COEFFICIENTS {
                let number = real(coefficients, cell * COEFFICIENTS + channel);
                values[(5 + channel) * ANCHORS + at] = number;
            }
        }
        let cells: usize = Level::ALL
            .iter()
            .map(|level| {
                let Grid { columns, rows } = level.grid(input);
                columns * rows
            })
            .sum();
        assert_eq!(
            (cells, every.len()),
            (ANCHORS, ANCHORS),
            "a 640x640 network"
        );
        let prototypes = ours.tensors.view(Role::Prototypes);
        let all: Vec<f32> = (0..160 * 160 * COEFFICIENTS)
            .map(|i| real(prototypes, i))
            .collect();
        let theirs = [
            tensor(&[1, 5 + COEFFICIENTS, ANCHORS], &values)?,
            tensor(&[1, 160, 160, COEFFICIENTS], &all)?,
        ];
        Ok(Self {
            ours,
            letterbox,
            theirs,
        })
    }

    fn edgefirst(&self, decoder: &Decoder, processor: &CPUProcessor) -> Anything<usize> {
        let [one, two] = &self.theirs;
        let mut boxes: Vec<DetectBox> = Vec::new();
        let protos = decoder.decode_proto(&[one, two], &mut boxes)?;
        let protos = protos.ok_or("no prototypes")?;
        let Letterbox {
            left,
            top,
            resized,
            input,
            frame,
        } = self.letterbox;
        let share = |pixels: u32, of: u32| pixels as f32 / of as f32;
        let content = [
            share(left, input.width()),
            share(top, input.height()),
            share(left + resized.width, input.width()),
            share(top + resized.height, input.height()),
        ];
        let masks = processor.materialize_scaled_segmentations(
            &boxes,
            &protos,
            Some(content),
            frame.width,
            frame.height,
        )?;
        Ok(masks.len())
    }
}

fn tensor(shape: &[usize], values: &[f32]) -> Anything<TensorDyn> {
    let tensor = Tensor::<f32>::new(shape, None, None)?;
    tensor.map()?.as_mut_slice().copy_from_slice(values);
    Ok(TensorDyn::F32(tensor))
}

fn real(view: TensorView<'_>, at: usize) -> f32 {
    let q = match view.elements {
        Elements::U8(q) => f32::from(q[at]),
        Elements::U16(q) => f32::from(q[at]),
    };
    (q - view.quant.zero_point) * view.quant.scale
}
