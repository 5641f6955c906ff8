//! `bench`: how long the post-processing takes on this machine, stage by stage, on one thread.
//!
//! Frames take turns, as they do in the daemon: one frame that is repeated for ever stays in the processor's
//! caches, and takes half the time or less. The time of that stands beside it. Medians, as a busy machine makes
//! some rounds slow and none fast. `total_us` is what a frame costs: decode, NMS and masks together. Encode, the
//! `masks` message with run lengths, stands beside it, and so do contours, which no message needs.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime},
};

use accelerator::mock::Network;
use camera::synthetic::{Scene, SceneSettings};
use clap::Args;
use fastsam::{Contours, Segmenter, Segments, Settings, StageTimes, contour::Tracer};
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

/// So many different frames take turns at least; where fewer are asked for, synthetic scenes come between.
const TURNS: usize = 4;

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
    let folders = match &arguments.recording {
        Some(path) => Recording::list(path).map_err(WrongInput::new)?,
        None => Vec::new(),
    };
    let mut subjects = Vec::new();
    for folder in folders {
        subjects.push(Subject::recorded(&folder)?);
    }
    if subjects.is_empty() {
        subjects.push(Subject::synthetic(
            engine.input().unwrap_or_default(),
            SCENE.seed,
        )?);
    }
    let reported = subjects.len();
    let size = subjects[0].layout.input();
    for number in reported..TURNS {
        subjects.push(Subject::synthetic(size, SCENE.seed + number as u64)?);
    }

    let bar = progress::bar(repeat * (subjects.len() + 2 * reported), "timing");
    let times = in_turns(&subjects, reported, repeat, &bar)?;
    let mut reports = Vec::new();
    for (subject, turns) in subjects.iter().zip(times) {
        let repeated = subject.repeated(repeat, &bar)?;
        let pipeline = subject.measure_pipeline(repeat, &mut engine, &bar)?;
        reports.push(Report::new(subject, turns, repeated, pipeline));
    }
    bar.finish_and_clear();
    for (subject, report) in subjects.iter().zip(&reports) {
        if arguments.json {
            exit::say(&serde_json::to_string(report)?)?;
        } else {
            exit::say(&report.table(&subject.name, repeat))?;
        }
    }
    Ok(())
}

/// The times of the first subjects while all take turns. Those of one layout share a post-processor, as the
/// frames of a daemon do.
fn in_turns(
    subjects: &[Subject],
    reported: usize,
    repeat: usize,
    bar: &ProgressBar,
) -> anyhow::Result<Vec<Rounds>> {
    let mut processors: Vec<(&Layout, PostProcessor)> = Vec::new();
    let mut times = vec![Rounds::default(); reported];
    for round in 0..WARM_UP + repeat {
        for (number, subject) in subjects.iter().enumerate() {
            let known = processors
                .iter()
                .position(|(layout, _)| **layout == subject.layout);
            let index = known.unwrap_or_else(|| {
                processors.push((&subject.layout, PostProcessor::new(&subject.layout)));
                processors.len() - 1
            });
            let time = processors[index].1.time(subject)?;
            if round >= WARM_UP {
                bar.inc(1);
                if let Some(rounds) = times.get_mut(number) {
                    rounds.push(time);
                }
            }
        }
    }
    Ok(times)
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

    fn synthetic(size: InputSize, seed: u64) -> anyhow::Result<Self> {
        let mut frame = Frame::empty();
        Scene::new(SceneSettings { seed, ..SCENE })?.render(0, &mut frame);
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

    /// The times where this frame alone is repeated.
    fn repeated(&self, repeat: usize, bar: &ProgressBar) -> anyhow::Result<Rounds> {
        let mut processor = PostProcessor::new(&self.layout);
        let mut rounds = Rounds::default();
        for round in 0..WARM_UP + repeat {
            let time = processor.time(self)?;
            if round >= WARM_UP {
                rounds.push(time);
                bar.inc(1);
            }
        }
        Ok(rounds)
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

/// From tensors to a message.
struct PostProcessor {
    segmenter: Segmenter,
    segments: Segments,
    message: Message,
    tracer: Tracer,
    contours: Contours,
}

impl PostProcessor {
    fn new(layout: &Layout) -> Self {
        Self {
            segmenter: Segmenter::new(layout),
            segments: Segments::new(),
            message: Message::new(MaskFormat::Rle, 0.0),
            tracer: Tracer::new(),
            contours: Contours::default(),
        }
    }

    /// Takes one frame's answer through all stages.
    fn time(&mut self, subject: &Subject) -> anyhow::Result<Time> {
        let letterbox = Letterbox::fit(subject.frame.size, subject.layout.input());
        let about = About {
            camera: "bench",
            backend: "mock",
            input: None,
            sequence: 0,
            captured_at: SystemTime::now(),
            size: subject.frame.size,
            tracks: &[],
            infer: Duration::ZERO,
            segment: Duration::ZERO,
        };
        self.segmenter.segment(
            &subject.tensors,
            &letterbox,
            &Settings::default(),
            &mut self.segments,
        )?;
        let segmented = Instant::now();
        self.message.write(&about, &self.segments)?;
        let encoded = Instant::now();
        for segment in self.segments.as_slice() {
            self.tracer.trace(&segment.mask, &mut self.contours);
        }
        Ok(Time {
            stages: self.segmenter.last_times(),
            encode: encoded - segmented,
            contours: encoded.elapsed(),
            segments: self.segments.as_slice().len(),
        })
    }
}

/// What one frame took.
struct Time {
    stages: StageTimes,
    encode: Duration,
    /// Outer borders, which a frame's messages need nothing of: for those who use the crate.
    contours: Duration,
    segments: usize,
}

#[derive(Clone, Debug, Default)]
struct Rounds {
    segments: usize,
    decode: Vec<Duration>,
    nms: Vec<Duration>,
    masks: Vec<Duration>,
    contours: Vec<Duration>,
    encode: Vec<Duration>,
    total: Vec<Duration>,
}

impl Rounds {
    fn push(&mut self, time: Time) {
        self.segments = time.segments;
        self.decode.push(time.stages.decode);
        self.nms.push(time.stages.nms);
        self.masks.push(time.stages.masks);
        self.contours.push(time.contours);
        self.encode.push(time.encode);
        self.total.push(time.stages.total());
    }

    fn medians(self) -> (StagesUs, f64) {
        let stages = StagesUs {
            decode: median_us(self.decode),
            nms: median_us(self.nms),
            masks: median_us(self.masks),
            contours: median_us(self.contours),
            encode: median_us(self.encode),
        };
        (stages, median_us(self.total))
    }
}

/// What came out; the JSON is part of the contract with users.
#[derive(Debug, Serialize)]
struct Report {
    segments: usize,
    frame: FrameSize,
    /// While frames take turns.
    stages_us: StagesUs,
    total_us: f64,
    /// Where this frame alone is repeated.
    repeated: Repeated,
    pipeline_us: PipelineUs,
}

#[derive(Debug, Serialize)]
struct Repeated {
    stages_us: StagesUs,
    total_us: f64,
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
    fn new(subject: &Subject, turns: Rounds, repeated: Rounds, pipeline_us: PipelineUs) -> Self {
        let Size { width, height } = subject.frame.size;
        let segments = turns.segments;
        let (stages_us, total_us) = turns.medians();
        let (stages, total) = repeated.medians();
        Self {
            segments,
            frame: FrameSize { width, height },
            stages_us,
            total_us,
            repeated: Repeated {
                stages_us: stages,
                total_us: total,
            },
            pipeline_us,
        }
    }

    fn table(&self, name: &str, repeat: usize) -> String {
        let Self {
            segments,
            frame,
            stages_us,
            total_us,
            repeated,
            pipeline_us,
        } = self;
        let stages = [
            ("decode", stages_us.decode, repeated.stages_us.decode),
            ("nms", stages_us.nms, repeated.stages_us.nms),
            ("masks", stages_us.masks, repeated.stages_us.masks),
            ("total", *total_us, repeated.total_us),
            ("encode", stages_us.encode, repeated.stages_us.encode),
            ("contours", stages_us.contours, repeated.stages_us.contours),
        ];
        let stages = stages.map(|(stage, turns, repeated)| {
            format!("{stage:<12} {turns:>10.1} us {repeated:>10.1} us")
        });
        let others = [
            ("preprocess", Some(pipeline_us.preprocess)),
            ("mock network", pipeline_us.mock),
            ("inference", pipeline_us.infer),
        ];
        let others = others
            .into_iter()
            .filter_map(|(name, us)| Some(format!("{name:<12} {:>10.1} us", us?)));
        format!(
            "{name}: {segments} segments in {}x{}, median of {repeat} rounds on one thread\n\
             {:<12} {:>13} {:>13}\n{}",
            frame.width,
            frame.height,
            "",
            "in turns",
            "repeated",
            stages
                .into_iter()
                .chain(others)
                .collect::<Vec<_>>()
                .join("\n")
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
