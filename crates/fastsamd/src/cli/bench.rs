//! `bench`: how long the post-processing takes on this machine, stage by stage, on one thread.
//!
//! Medians, as a busy machine makes some rounds slow and none fast. `total_us` is decode, NMS,
//! masks and contours together; encode, the `masks` message with run lengths, stands beside it.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime},
};

use accelerator::mock::Network;
use camera::synthetic::{Scene, SceneSettings};
use clap::Args;
use fastsam::{Segmenter, Segments, Settings};
use frame::{Frame, InputSize, Letterbox, NetworkInput, PixelFormat, Preprocessor, Size};
use indicatif::ProgressBar;
use recording::Recording;
use serde::Serialize;
use tensors::{Layout, Tensors};

use super::{
    backend::{BackendArgs, Choice},
    exit,
    inference::Inference,
    message::{About, Message},
    progress,
};
use crate::open::accelerator as open;
use configuration::{MaskFormat, WrongInput};

/// Rounds before the first that counts: buffers grow, caches fill.
const WARM_UP: usize = 3;

/// The scene without a recording: a usual camera's size, with objects enough to keep every stage
/// busy.
const SCENE: SceneSettings = SceneSettings {
    size: Size::new(1280, 720),
    objects: 24,
    seed: 1,
    fps: 30.0,
};

/// What to time.
#[derive(Debug, Args)]
pub(super) struct BenchArgs {
    /// A recording, or a folder of them, each reported for itself; without one the mock network
    /// answers to a synthetic scene.
    #[arg(long, value_name = "DIR")]
    recording: Option<PathBuf>,
    /// Rounds, of which the median is taken.
    #[arg(long, value_name = "N", default_value_t = 100,
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    repeat: u32,
    #[command(flatten)]
    backend: BackendArgs,
    /// Print JSON, one line per recording.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &BenchArgs) -> anyhow::Result<()> {
    let repeat = arguments.repeat as usize;
    let mut engine = match arguments.backend.choice()? {
        Choice::Open(section) => Engine::Accelerator(Box::new(Inference::new(
            open::for_user(&section)?.accelerator,
        ))),
        Choice::Mock(input) => Engine::Mock(Some(input)),
        Choice::Replay | Choice::Default => Engine::Mock(None),
    };
    let subjects = match &arguments.recording {
        Some(path) => Recording::list(path).map_err(WrongInput::new)?,
        None => Vec::new(),
    };
    if subjects.is_empty() {
        let input = engine.input().unwrap_or_default();
        return Subject::synthetic(input)?.report(arguments, repeat, &mut engine);
    }
    for folder in subjects {
        Subject::recorded(&folder)?.report(arguments, repeat, &mut engine)?;
    }
    Ok(())
}

/// What the network's time is taken of.
enum Engine {
    /// The mock's, for inputs of this size, or of the subject's network.
    Mock(Option<InputSize>),
    Accelerator(Box<Inference>),
}

impl Engine {
    /// Columns and rows of its inputs, where they are its own.
    fn input(&self) -> Option<InputSize> {
        match self {
            Self::Mock(input) => *input,
            Self::Accelerator(inference) => Some(inference.layout().input()),
        }
    }
}

/// One frame and its answer.
struct Subject {
    name: String,
    frame: Frame,
    layout: Layout,
    tensors: Tensors,
}

impl Subject {
    fn recorded(folder: &Path) -> anyhow::Result<Self> {
        let recording = Recording::open(folder).map_err(WrongInput::new)?;
        Ok(Self {
            name: recording.name,
            frame: grey(recording.frame),
            layout: recording.layout,
            tensors: recording.tensors,
        })
    }

    fn synthetic(size: InputSize) -> anyhow::Result<Self> {
        let mut frame = Frame::empty();
        Scene::new(SCENE)?.render(0, &mut frame);
        let mut input = NetworkInput::new(size);
        Preprocessor::new().letterbox(&frame, &mut input)?;
        let layout = Network::layout(size);
        let mut tensors = Tensors::for_layout(&layout);
        Network::new(size).infer(input.bytes(), &mut tensors);
        let name = format!("synthetic scene, {} objects", SCENE.objects);
        Ok(Self {
            name,
            frame,
            layout,
            tensors,
        })
    }

    fn report(
        &self,
        arguments: &BenchArgs,
        repeat: usize,
        engine: &mut Engine,
    ) -> anyhow::Result<()> {
        let bar = progress::bar(2 * repeat, "timing");
        let report = self.measure(repeat, engine, &bar)?;
        bar.finish_and_clear();
        if arguments.json {
            exit::say(&serde_json::to_string(&report)?)
        } else {
            exit::say(&report.table(&self.name, repeat))
        }
    }

    fn measure(
        &self,
        repeat: usize,
        engine: &mut Engine,
        bar: &ProgressBar,
    ) -> anyhow::Result<Report> {
        let letterbox = Letterbox::fit(self.frame.size, self.layout.input());
        let settings = Settings::default();
        let mut segmenter = Segmenter::new(&self.layout);
        let mut segments = Segments::new();
        let mut message = Message::new(MaskFormat::Rle, 0.0);
        let about = About {
            camera: "bench",
            backend: "mock",
            input: None,
            sequence: 0,
            captured_at: SystemTime::now(),
            size: self.frame.size,
            tracks: &[],
            infer: Duration::ZERO,
            segment: Duration::ZERO,
        };
        let mut rounds = Rounds::default();
        for round in 0..WARM_UP + repeat {
            segmenter.segment(&self.tensors, &letterbox, &settings, &mut segments)?;
            let started = Instant::now();
            message.write(&about, &segments)?;
            let encode = started.elapsed();
            if round >= WARM_UP {
                let times = segmenter.last_times();
                rounds.decode.push(times.decode);
                rounds.nms.push(times.nms);
                rounds.masks.push(times.masks);
                rounds.contours.push(times.contours);
                rounds.encode.push(encode);
                rounds.total.push(times.total());
                bar.inc(1);
            }
        }
        let pipeline = self.measure_pipeline(repeat, engine, bar)?;
        let Size { width, height } = self.frame.size;
        Ok(Report {
            segments: segments.as_slice().len(),
            frame: FrameSize { width, height },
            stages_us: StagesUs {
                decode: median_us(rounds.decode),
                nms: median_us(rounds.nms),
                masks: median_us(rounds.masks),
                contours: median_us(rounds.contours),
                encode: median_us(rounds.encode),
            },
            total_us: median_us(rounds.total),
            pipeline_us: pipeline,
        })
    }

    /// Times what comes before the post-processing: the letterbox, and the network one frame after
    /// the other.
    fn measure_pipeline(
        &self,
        repeat: usize,
        engine: &mut Engine,
        bar: &ProgressBar,
    ) -> anyhow::Result<PipelineUs> {
        let size = engine.input().unwrap_or(self.layout.input());
        let mut preprocessor = Preprocessor::new();
        let mut input = NetworkInput::new(size);
        let mut network = Network::new(size);
        let mut answer = Tensors::for_layout(&Network::layout(size));
        let (mut preprocess, mut infer) = (Vec::new(), Vec::new());
        for round in 0..WARM_UP + repeat {
            let started = Instant::now();
            preprocessor.letterbox(&self.frame, &mut input)?;
            let preprocessed = Instant::now();
            match engine {
                Engine::Mock(_) => network.infer(input.bytes(), &mut answer),
                Engine::Accelerator(inference) => inference.submit(&input)?,
            }
            if round >= WARM_UP {
                preprocess.push(preprocessed - started);
                infer.push(preprocessed.elapsed());
                bar.inc(1);
            }
        }
        let infer = median_us(infer);
        let mock = matches!(engine, Engine::Mock(..));
        Ok(PipelineUs {
            preprocess: median_us(preprocess),
            mock: mock.then_some(infer),
            infer: (!mock).then_some(infer),
        })
    }
}

/// What a recording without its picture is letterboxed from: the time depends on the size alone.
fn grey(size: Size) -> Frame {
    let stride = PixelFormat::Rgb8.min_stride(size.width);
    let data = vec![128; PixelFormat::Rgb8.min_bytes(size, stride)];
    Frame {
        size,
        stride,
        pixel_format: PixelFormat::Rgb8,
        data,
        ..Frame::empty()
    }
}

#[derive(Debug, Default)]
struct Rounds {
    decode: Vec<Duration>,
    nms: Vec<Duration>,
    masks: Vec<Duration>,
    contours: Vec<Duration>,
    encode: Vec<Duration>,
    total: Vec<Duration>,
}

/// What came out; the JSON is part of the contract with users.
#[derive(Debug, Serialize)]
struct Report {
    segments: usize,
    frame: FrameSize,
    stages_us: StagesUs,
    total_us: f64,
    pipeline_us: PipelineUs,
}

#[derive(Debug, Serialize)]
struct FrameSize {
    width: u32,
    height: u32,
}

#[derive(Debug, Serialize)]
struct StagesUs {
    decode: f64,
    nms: f64,
    masks: f64,
    contours: f64,
    encode: f64,
}

#[derive(Debug, Serialize)]
struct PipelineUs {
    preprocess: f64,
    /// The mock's network.
    #[serde(skip_serializing_if = "Option::is_none")]
    mock: Option<f64>,
    /// The accelerator's, from input to answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    infer: Option<f64>,
}

impl Report {
    fn table(&self, name: &str, repeat: usize) -> String {
        let Self {
            segments,
            frame,
            stages_us,
            total_us,
            pipeline_us,
        } = self;
        let rows = [
            ("decode", stages_us.decode),
            ("nms", stages_us.nms),
            ("masks", stages_us.masks),
            ("contours", stages_us.contours),
            ("total", *total_us),
            ("encode", stages_us.encode),
            ("preprocess", pipeline_us.preprocess),
        ];
        let networks = [
            ("mock network", pipeline_us.mock),
            ("inference", pipeline_us.infer),
        ];
        let networks = networks
            .into_iter()
            .filter_map(|(name, us)| Some((name, us?)));
        let rows = rows
            .into_iter()
            .chain(networks)
            .map(|(stage, us)| format!("{stage:<12} {us:>10.1} us"));
        format!(
            "{name}: {segments} segments in {}x{}, median of {repeat} rounds on one thread\n{}",
            frame.width,
            frame.height,
            rows.collect::<Vec<_>>().join("\n")
        )
    }
}

/// The middle of the sorted times, the mean of both where there are two; 0 without any.
fn median_us(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    let middle = times.len() / 2;
    let lower = times.len().saturating_sub(1) / 2;
    match (times.get(lower), times.get(middle)) {
        // Tenths are as fine as a clock is good for.
        (Some(a), Some(b)) => ((*a + *b).as_secs_f64() * 5e6).round() / 10.0,
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_one() {
        let us = |times: &[u64]| times.iter().map(|&us| Duration::from_micros(us)).collect();
        for (times, expected) in [
            (&[][..], 0.0),
            (&[7], 7.0),
            (&[9, 1], 5.0),
            (&[100, 1, 3], 3.0),
            (&[4, 1, 9, 2], 3.0),
        ] {
            assert_eq!(median_us(us(times)), expected, "{times:?}");
        }
    }
}
