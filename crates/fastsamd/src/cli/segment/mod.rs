//! `segment`: pictures and recordings to messages and overlays, once.
//!
//! The options' defaults equal the reference implementation's. In the message `node` is `local`,
//! `camera` is the input's name, `frame.sequence` counts the inputs and `captured_at` is when the
//! input was last changed.

use std::{
    collections::{BTreeMap, HashSet},
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant, SystemTime},
};

use accelerator::mock::Network;
use anyhow::Context;
use clap::{Args, ValueEnum};
use clip::{Matcher, Picture, Recollection};
use fastsam::{Segmenter, Segments, Settings, prompt::Canvas};
use frame::{Frame, INPUT_BYTES, Letterbox, PAD_VALUE, Preprocessor, Size};
use message::prompt::{Point, Prompt, Select, TextChoice};
use recording::{FRAME_PICTURE, Recording};
use tensors::{Layout, Tensors};

use super::exit;
use super::exit::Tally;
use super::inputs;
use super::inputs::Input;
use super::inputs::Kind;
use super::inputs::Names;
use super::message::About;
use super::message::Message;
use super::progress;
use crate::open::text::TextModel;
use crate::prompts;
use crate::prompts::Answer;
use configuration::Cleanup;
use configuration::Config;
use configuration::MaskFormat;
use configuration::MaskSize;
use configuration::Segmentation;
use configuration::WrongInput;
use picture::overlay;

/// What to segment, and how.
#[derive(Debug, Args)]
pub(super) struct SegmentArgs {
    /// Pictures (PNG, JPEG), recordings (folders with manifest.json), or folders of them.
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<PathBuf>,
    /// Write NAME.json and NAME.png (the overlay) here; without it JSON goes to standard output.
    /// Inputs of the same name are numbered: NAME-2, NAME-3.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// What answers: `replay` takes a recording's tensors, `mock` computes from the picture. By
    /// default recordings are replayed, and pictures go through the mock.
    #[arg(long)]
    backend: Option<Backend>,
    #[command(flatten)]
    settings: SettingArgs,
    #[command(flatten)]
    prompt: PromptArgs,
}

/// Which of the segments are wanted, on the command line. Without any of it: all.
#[derive(Debug, Args)]
struct PromptArgs {
    /// A position in frame pixels, wanted (1, the default) or not (0); all points together are one
    /// question.
    #[arg(long = "point", value_name = "X,Y[,0|1]", allow_hyphen_values = true, value_parser = point)]
    points: Vec<Point>,
    /// A box in frame pixels; each is a question of its own.
    #[arg(long = "box", value_name = "X1,Y1,X2,Y2", allow_hyphen_values = true, value_parser = rectangle)]
    boxes: Vec<[f64; 4]>,
    /// Words for what is wanted; each of several is a question of its own. Needs a text model.
    #[arg(long = "text", value_name = "TEXT")]
    texts: Vec<String>,
    /// A configuration whose `text` section names the text model.
    #[arg(long, value_name = "FILE", default_value = configuration::DEFAULT_PATH)]
    config: PathBuf,
    /// A mask must resemble the text with at least this cosine; by default as configured.
    #[arg(long, value_name = "-1..1", allow_hyphen_values = true, value_parser = cosine)]
    min_similarity: Option<f64>,
    /// Which of the masks under a point.
    #[arg(long, value_name = "smallest|best|all", default_value = "smallest", value_parser = select)]
    select: Select,
    /// A mask must fill a box with at least this intersection over union.
    #[arg(long, value_name = "0..1", default_value = "0", value_parser = fraction)]
    min_iou: f64,
    /// Add the union of what was chosen.
    #[arg(long)]
    union: bool,
}

impl PromptArgs {
    /// The prompt, if there is one.
    fn prompt(&self) -> Option<Prompt> {
        let asked = !self.points.is_empty() || !self.boxes.is_empty() || !self.texts.is_empty();
        asked.then(|| Prompt {
            points: self.points.clone(),
            boxes: self.boxes.clone(),
            text: self.texts.first().cloned(),
            select: self.select,
            min_iou: self.min_iou,
            union: self.union,
            ..Prompt::default()
        })
    }

    /// The text model, if there is a text.
    fn matcher(&self) -> Result<Option<Matcher>, WrongInput> {
        if self.texts.is_empty() {
            return Ok(None);
        }
        let config = Config::load(&self.config).map_err(|error| {
            WrongInput::new(format_args!(
                "--text needs a text model: {error} (--config names another file)"
            ))
        })?;
        let Some(section) = &config.text else {
            return Err(WrongInput::new(format_args!(
                "--text needs a text model: {} has no section 'text' (--config names another file)",
                self.config.display()
            )));
        };
        Ok(Some(TextModel::open(section)?.matcher))
    }
}

/// Numbers with commas between them.
fn numbers(text: &str) -> Result<Vec<f64>, String> {
    let number = |word: &str| {
        let word = word.trim();
        word.parse().map_err(|_| format!("'{word}' is no number"))
    };
    text.split(',').map(number).collect()
}

fn point(text: &str) -> Result<Point, String> {
    let label = |label: f64| match label {
        0.0 => Ok(0),
        1.0 => Ok(1),
        other => Err(format!("label {other}: expected 1 for wanted or 0 for not")),
    };
    match numbers(text)?[..] {
        [x, y] => Ok(Point { x, y, label: None }),
        [x, y, l] => Ok(Point {
            x,
            y,
            label: Some(label(l)?),
        }),
        _ => Err("expected X,Y or X,Y,0 or X,Y,1".to_owned()),
    }
}

fn rectangle(text: &str) -> Result<[f64; 4], String> {
    let numbers = numbers(text)?;
    <[f64; 4]>::try_from(numbers).map_err(|_| "expected X1,Y1,X2,Y2".to_owned())
}

fn select(text: &str) -> Result<Select, String> {
    match text {
        "smallest" => Ok(Select::Smallest),
        "best" => Ok(Select::Best),
        "all" => Ok(Select::All),
        _ => Err("expected smallest, best or all".to_owned()),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Backend {
    Mock,
    Replay,
}

/// The post-processor's settings on the command line.
#[derive(Debug, Args)]
struct SettingArgs {
    /// Detections must score above this.
    #[arg(long, value_name = "0..1", default_value = "0.25", value_parser = fraction)]
    confidence: f64,
    /// A detection goes when its box overlaps a better one's by more than this.
    #[arg(long, value_name = "0..1", default_value = "0.7", value_parser = fraction)]
    iou: f64,
    /// Most segments of a frame.
    #[arg(long, value_name = "N", default_value_t = 300,
          value_parser = clap::value_parser!(u32).range(1..=8400))]
    max_segments: u32,
    /// Leave out segments of fewer pixels.
    #[arg(long, value_name = "PIXELS", default_value_t = 0)]
    min_area: u32,
    /// Masks in the frame's pixels, or over the network's 640x640 input.
    #[arg(long, default_value = "frame")]
    mask_size: MaskSize,
    /// How masks are written.
    #[arg(long, default_value = "rle")]
    mask_format: MaskFormat,
    /// Clean masks up: close=3,open=3,min_island=64,max_hole=64 unless other steps are named.
    #[arg(long, value_name = "STEP=PIXELS,...", num_args = 0..=1, require_equals = true,
          default_missing_value = Cleanup::USUAL)]
    cleanup: Option<Cleanup>,
}

impl SettingArgs {
    fn segmentation(&self) -> Segmentation {
        Segmentation {
            confidence: self.confidence,
            iou: self.iou,
            max_segments: self.max_segments as usize,
            min_area: self.min_area,
            mask_size: self.mask_size,
            cleanup: self.cleanup.unwrap_or_default(),
        }
    }
}

fn cosine(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| "expected a number".to_owned())?;
    if (-1.0..=1.0).contains(&value) {
        Ok(value)
    } else {
        Err(format!("{value} is out of range: expected -1 to 1"))
    }
}

fn fraction(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| "expected a number".to_owned())?;
    if (0.0..=1.0).contains(&value) {
        Ok(value)
    } else {
        Err(format!("{value} is out of range: expected 0 to 1"))
    }
}

pub(super) fn run(arguments: &SegmentArgs) -> ExitCode {
    let mut tally = Tally::default();
    match run_all(arguments, &mut tally) {
        Ok(()) => tally.code(),
        Err(error) => exit::conclude(Err(error)),
    }
}

/// Works on one input after another; what is wrong with one does not stop the others.
fn run_all(arguments: &SegmentArgs, tally: &mut Tally) -> anyhow::Result<()> {
    if let Some(out) = &arguments.out {
        fs::create_dir_all(out)
            .map_err(|error| WrongInput::new(format_args!("--out {}: {error}", out.display())))?;
    }
    let mut names = Names::default();
    let mut inputs = Vec::new();
    for path in &arguments.inputs {
        match inputs::find(path, &mut names) {
            Ok(found) => inputs.extend(found),
            Err(error) => tally.note(Err(error.into()))?,
        }
    }
    let bar = progress::bar(inputs.len(), "segmenting");
    let mut worker = Worker::new(arguments, &inputs)?;
    for (sequence, input) in inputs.iter().enumerate() {
        let outcome = worker.work_on(sequence as u64, input);
        bar.suspend(|| tally.note(outcome))?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(())
}

/// An input's answer, and what it belongs to.
struct Answered {
    backend: &'static str,
    layout: Layout,
    tensors: Tensors,
    /// The size of the frame.
    size: Size,
    /// The frame itself, unless the recording kept none.
    frame: Option<Frame>,
    infer: Duration,
}

/// Segments inputs, reusing what it can.
struct Worker<'a> {
    arguments: &'a SegmentArgs,
    settings: Settings,
    prompt: Option<Prompt>,
    matcher: Option<Matcher>,
    /// The files behind all inputs, which nothing may be written over.
    pictures: HashSet<PathBuf>,
    preprocessor: Preprocessor,
    input: Box<[u8; INPUT_BYTES]>,
    network: Network,
    segments: Segments,
    message: Message,
}

impl<'a> Worker<'a> {
    fn new(arguments: &'a SegmentArgs, inputs: &[Input]) -> Result<Self, WrongInput> {
        Ok(Self {
            arguments,
            settings: (&arguments.settings.segmentation()).into(),
            prompt: arguments.prompt.prompt(),
            matcher: arguments.prompt.matcher()?,
            pictures: inputs
                .iter()
                .filter_map(|input| input.path().canonicalize().ok())
                .collect(),
            preprocessor: Preprocessor::new(),
            input: Box::new([0; INPUT_BYTES]),
            network: Network::new(),
            segments: Segments::new(),
            message: Message::new(arguments.settings.mask_format),
        })
    }

    fn work_on(&mut self, sequence: u64, input: &Input) -> anyhow::Result<()> {
        if let Some(out) = &self.arguments.out {
            self.refuse_overwriting(&overlay_path(out, input))?;
        }
        let answered = self.answer(input)?;
        let letterbox = Letterbox::fit(answered.size);
        let started = Instant::now();
        Segmenter::new(&answered.layout)
            .segment(
                &answered.tensors,
                &letterbox,
                &self.settings,
                &mut self.segments,
            )
            .with_context(|| input.path().display().to_string())?;
        let about = About {
            camera: &input.name,
            backend: answered.backend,
            sequence,
            captured_at: last_change(input.path()),
            size: answered.size,
            infer: answered.infer,
            segment: started.elapsed(),
        };
        let answer = self.choose(&letterbox, answered.frame.as_ref())?;
        let line = match &answer {
            Some(answer) => self.message.write_answer(&about, &self.segments, answer)?,
            None => self.message.write(&about, &self.segments)?,
        };
        let Some(out) = &self.arguments.out else {
            return exit::say(line);
        };
        write(
            &out.join(format!("{}.json", input.name)),
            format!("{line}\n").as_bytes(),
        )?;
        let picture = self.draw(&answered, answer.as_ref())?;
        write(&overlay_path(out, input), &picture)
    }

    /// What the prompt chooses, if there is one.
    fn choose(
        &mut self,
        letterbox: &Letterbox,
        frame: Option<&Frame>,
    ) -> anyhow::Result<Option<Answer>> {
        let canvas = Canvas {
            letterbox: *letterbox,
            mask_size: self.settings.mask_size,
        };
        let alike = self.look(canvas, frame)?;
        let Some(prompt) = &self.prompt else {
            return Ok(None);
        };
        let answer = prompts::answer(prompt, self.segments.as_slice(), &canvas, alike);
        Ok(Some(answer.map_err(WrongInput::new)?))
    }

    /// What looks like any of the texts, the most alike first, if there are texts.
    fn look(
        &mut self,
        canvas: Canvas,
        frame: Option<&Frame>,
    ) -> anyhow::Result<Option<Vec<TextChoice>>> {
        let Some(matcher) = &mut self.matcher else {
            return Ok(None);
        };
        let frame = frame.ok_or_else(|| {
            WrongInput::new(format_args!(
                "--text needs a picture: expected {FRAME_PICTURE} in the recording"
            ))
        })?;
        self.preprocessor.letterbox(frame, &mut self.input)?;
        let picture = Picture {
            input: &self.input,
            canvas,
        };
        let segments = self.segments.as_slice();
        let mut anew = Recollection::default();
        let looked = matcher.look(picture, segments, &mut anew, Instant::now(), || {})?;
        let prompt = &self.arguments.prompt;
        let mut best: BTreeMap<usize, f64> = BTreeMap::new();
        for text in &prompt.texts {
            let matches = matcher
                .choose(text, &looked, prompt.min_similarity)
                .map_err(|error| WrongInput::new(format_args!("--text: {error}")))?;
            for found in matches {
                let known = best.entry(found.place).or_insert(found.similarity);
                *known = known.max(found.similarity);
            }
        }
        let mut alike: Vec<_> = best
            .into_iter()
            .map(|(place, similarity)| TextChoice {
                segment: place as u64,
                similarity,
            })
            .collect();
        alike.sort_by(|a, b| b.similarity.total_cmp(&a.similarity));
        Ok(Some(alike))
    }

    /// Gets the answer that the input and `--backend` ask for.
    fn answer(&mut self, input: &Input) -> anyhow::Result<Answered> {
        match (&input.kind, self.arguments.backend) {
            (Kind::Recording(folder), None | Some(Backend::Replay)) => {
                let recording = open(folder)?;
                let frame = recording.picture.as_deref().map(load).transpose()?;
                if let Some(frame) = frame.as_ref().filter(|frame| frame.size != recording.frame) {
                    return Err(WrongInput::new(format_args!(
                        "{}: {FRAME_PICTURE} is {}, the manifest says {}",
                        folder.display(),
                        frame.size,
                        recording.frame
                    ))
                    .into());
                }
                let Recording {
                    layout,
                    tensors,
                    frame: size,
                    ..
                } = recording;
                Ok(Answered {
                    backend: "replay",
                    layout,
                    tensors,
                    size,
                    frame,
                    infer: Duration::ZERO,
                })
            }
            (Kind::Recording(folder), Some(Backend::Mock)) => {
                self.compute(&folder.join(FRAME_PICTURE))
            }
            (Kind::Picture(path), None | Some(Backend::Mock)) => self.compute(path),
            (Kind::Picture(path), Some(Backend::Replay)) => Err(WrongInput::new(format_args!(
                "{}: a picture, but --backend replay: expected a recording",
                path.display()
            ))
            .into()),
        }
    }

    /// Has the mock look at a picture.
    fn compute(&mut self, path: &Path) -> anyhow::Result<Answered> {
        let frame = load(path)?;
        let layout = Network::layout();
        let mut tensors = Tensors::for_layout(&layout);
        let started = Instant::now();
        self.preprocessor
            .letterbox(&frame, &mut self.input)
            .with_context(|| path.display().to_string())?;
        self.network.infer(&self.input[..], &mut tensors);
        let infer = started.elapsed();
        Ok(Answered {
            backend: "mock",
            layout,
            tensors,
            size: frame.size,
            frame: Some(frame),
            infer,
        })
    }

    /// `--out` may be the pictures' own folder: an overlay must not replace a picture.
    fn refuse_overwriting(&self, overlay: &Path) -> Result<(), WrongInput> {
        if overlay
            .canonicalize()
            .is_ok_and(|path| self.pictures.contains(&path))
        {
            return Err(WrongInput::new(format_args!(
                "{}: the overlay would overwrite this input: expected another folder for --out",
                overlay.display()
            )));
        }
        Ok(())
    }

    /// The overlay as a PNG file: the segments on the pixels that their masks count, which are
    /// the frame's or the network input's.
    fn draw(&mut self, answered: &Answered, chosen: Option<&Answer>) -> anyhow::Result<Vec<u8>> {
        let size = self.segments.size();
        let mut rgb = vec![PAD_VALUE; size.pixels() * 3];
        if let Some(frame) = &answered.frame {
            match self.settings.mask_size {
                fastsam::MaskSize::Frame => self.preprocessor.to_rgb(frame, &mut rgb)?,
                fastsam::MaskSize::Network => {
                    let input: &mut [u8; INPUT_BYTES] = rgb.as_mut_slice().try_into()?;
                    self.preprocessor.letterbox(frame, input)?;
                }
            }
        }
        let all = self.segments.as_slice().iter().enumerate();
        let is_wanted =
            |(place, _): &(usize, _)| chosen.is_none_or(|answer| answer.places.contains(place));
        overlay::draw(&mut rgb, size, all.filter(is_wanted))?;
        Ok(overlay::png(&rgb, size)?)
    }
}

fn open(folder: &Path) -> Result<Recording, WrongInput> {
    Recording::open(folder).map_err(WrongInput::new)
}

fn load(path: &Path) -> Result<Frame, WrongInput> {
    camera::images::load(path).map_err(WrongInput::new)
}

fn overlay_path(out: &Path, input: &Input) -> PathBuf {
    out.join(format!("{}.png", input.name))
}

fn write(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    fs::write(path, content).with_context(|| path.display().to_string())
}

/// When a file was last written: the best there is for when its picture was taken.
fn last_change(path: &Path) -> SystemTime {
    fs::metadata(path)
        .and_then(|metadata| metadata.modified())
        .unwrap_or_else(|_| SystemTime::now())
}
