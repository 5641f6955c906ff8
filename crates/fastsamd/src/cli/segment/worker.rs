//! From one input to its message and its pictures.

use std::{
    collections::BTreeMap,
    fs, io,
    path::Path,
    time::{Duration, Instant, SystemTime},
};

use accelerator::{mock::Network, onnx::built_in};
use anyhow::Context;
use clip::{Matcher, Picture, Recollection};
use configuration::{Accelerator, Backend, Hailo, MaskSize, Onnx, Segmentation, WrongInput};
use fastsam::{Segmenter, Segments, prompt::Canvas};
use frame::{Frame, InputSize, Letterbox, NetworkInput, PAD_VALUE, Preprocessor, Size};
use message::prompt::{Prompt, TextChoice};
use picture::{overlay, png};
use recording::{FRAME_PICTURE, Recording};
use tensors::{Layout, Tensors};
use track::{Observation, Settings, Track, Tracker};

use super::{arguments::SegmentArgs, drawing, export::Found, outputs::Product};
use crate::{
    cli::{
        backend::Choice,
        built_in::BuiltIn,
        exit,
        inference::Inference,
        inputs::Input,
        maker::Maker,
        message::{About, Message},
        own::{self, OVERLAY_ENDING},
    },
    open::accelerator::{for_user as open_accelerator, has_chip},
    prompts::{self, Answer, Scene},
};

/// An input's answer, and what it belongs to.
struct Answered {
    backend: &'static str,
    /// Who computed it in FastSAM's place, now or for a recording.
    maker: Option<Maker>,
    layout: Layout,
    tensors: Tensors,
    /// What the same network says at a smaller input, if it was asked twice.
    second: Option<(Layout, Tensors)>,
    /// The size of the frame.
    size: Size,
    /// The frame itself, unless the recording kept none.
    frame: Option<Frame>,
    infer: Duration,
}

/// What an input became.
pub(super) struct Worked {
    answered: Answered,
    /// What the prompt chose, if there is one.
    chosen: Option<Answer>,
    /// Segments in the message.
    pub(super) segments: usize,
    /// Detections that are no segments, because their masks are noise.
    pub(super) noise: usize,
    /// The message, one line of JSON.
    pub(super) message: String,
}

impl Worked {
    /// Who found the segments in FastSAM's place.
    pub(super) fn maker(&self) -> Option<Maker> {
        self.answered.maker
    }
}

/// Segments inputs, reusing what it can.
pub(super) struct Worker<'a> {
    arguments: &'a SegmentArgs,
    segmentation: Segmentation,
    /// Whether recordings answer for themselves.
    replays: bool,
    prompt: Option<Prompt>,
    matcher: Option<Matcher>,
    preprocessor: Preprocessor,
    /// Of the size that the latest answer's network takes.
    input: NetworkInput,
    engine: Engine,
    segments: Segments,
    objects: Objects,
    message: Message,
}

/// Follows the objects of a film.
struct Objects {
    tracker: Tracker,
    /// Whether the input is a frame of one: its objects have ids.
    is_film: bool,
}

impl Objects {
    /// The objects that the segments show; none where the input is no frame of a film.
    fn tracks(&self) -> &[Track] {
        if self.is_film {
            self.tracker.tracks()
        } else {
            &[]
        }
    }
}

/// A frame of a film.
pub(super) struct Shown<'a> {
    pub(super) frame: &'a Frame,
    /// How many stand before it.
    pub(super) before: u64,
    /// How many there are a second.
    pub(super) rate: f64,
}

/// What answers to pictures.
enum Engine {
    Mock(Box<Network>),
    Accelerator(Box<Inference>),
    BuiltIn(Box<BuiltIn>),
    /// Nothing: recordings alone are wanted.
    None,
}

impl Engine {
    fn open(section: &Accelerator) -> anyhow::Result<Self> {
        if let Some(network) = BuiltIn::wanted(section) {
            return Ok(Self::BuiltIn(Box::new(network)));
        }
        let opened = open_accelerator(section)?;
        Ok(Self::Accelerator(Box::new(Inference::new(
            opened.accelerator,
        ))))
    }

    /// A chip where there is one that can be had, else the built-in network.
    fn usual() -> anyhow::Result<Self> {
        if has_chip() {
            let chip = Backend::Hailo(Hailo::default());
            match Self::open(&with_backend(chip)) {
                Ok(engine) => return Ok(engine),
                Err(error) => exit::note(&format!("{error:#}; going on without the chip")),
            }
        }
        Self::open(&with_backend(Backend::Onnx(Onnx::default())))
    }
}

fn with_backend(backend: Backend) -> Accelerator {
    Accelerator {
        backend,
        ..Accelerator::default()
    }
}

impl<'a> Worker<'a> {
    pub(super) fn new(arguments: &'a SegmentArgs) -> anyhow::Result<Self> {
        let choice = arguments.backend.choice()?;
        let replays = matches!(choice, Choice::Replay | Choice::Default);
        let engine = match choice {
            Choice::Replay => Engine::None,
            Choice::Mock(input) => Engine::Mock(Box::new(Network::new(input))),
            Choice::Default => Engine::usual()?,
            Choice::Open(section) => Engine::open(&section)?,
        };
        Ok(Self {
            replays,
            engine,
            arguments,
            segmentation: arguments.settings.segmentation(),
            prompt: arguments.prompt.prompt(),
            matcher: arguments.prompt.matcher(arguments.backend.config())?,
            preprocessor: Preprocessor::new(),
            input: NetworkInput::new(InputSize::DEFAULT),
            segments: Segments::new(),
            objects: Objects {
                tracker: Tracker::new(Settings::default(), 1),
                is_film: false,
            },
            message: Message::new(arguments.settings.mask_format, arguments.settings.tolerance),
        })
    }

    /// Segments the input, which is to be called `name`.
    pub(super) fn work_on(
        &mut self,
        sequence: u64,
        input: &Input,
        name: &str,
    ) -> anyhow::Result<Worked> {
        let answered = self.answer(input)?;
        self.objects.is_film = self.arguments.track;
        let at = Duration::from_secs_f64(sequence as f64 / self.arguments.rate());
        let captured_at = last_change(input.path());
        self.conclude(answered, sequence, at, captured_at, input, name)
    }

    /// Segments a frame of a film.
    pub(super) fn work_on_frame(
        &mut self,
        shown: &Shown<'_>,
        input: &Input,
        name: &str,
    ) -> anyhow::Result<Worked> {
        let answered = self.compute(shown.frame.clone(), input.path())?;
        self.objects.is_film = true;
        if shown.before == 0 {
            // What stands in another film is somebody else.
            self.objects.tracker.reset();
        }
        let at = Duration::from_secs_f64(shown.before as f64 / shown.rate);
        // The file was closed when the last frame had been written; there is nothing better.
        let captured_at = last_change(input.path()) + at;
        self.conclude(answered, shown.before, at, captured_at, input, name)
    }

    /// From the network's answer to the message. `at`: when the frame is shown, if it is one of a film.
    fn conclude(
        &mut self,
        answered: Answered,
        sequence: u64,
        at: Duration,
        captured_at: SystemTime,
        input: &Input,
        name: &str,
    ) -> anyhow::Result<Worked> {
        let letterbox = Letterbox::fit(answered.size, answered.layout.input());
        let settings = self
            .segmentation
            .settings(answered.layout.classes())
            .map_err(|error| WrongInput::new(format_args!("--classes: {error}")))?;
        let started = Instant::now();
        Segmenter::new(&answered.layout)
            .segment(&answered.tensors, &letterbox, &settings, &mut self.segments)
            .with_context(|| input.path().display().to_string())?;
        if let Some((layout, tensors)) = &answered.second {
            let letterbox = Letterbox::fit(answered.size, layout.input());
            let mut second = Segments::new();
            Segmenter::new(layout)
                .segment(tensors, &letterbox, &settings, &mut second)
                .with_context(|| input.path().display().to_string())?;
            self.segments.join(&second, &settings);
        }
        self.follow(sequence, at);
        let chosen = self.choose(answered.frame.as_ref())?;
        let address = input.address();
        let about = About {
            camera: name,
            backend: answered.backend,
            input: Some(&address),
            sequence,
            captured_at,
            size: answered.size,
            tracks: self.objects.tracks(),
            infer: answered.infer,
            segment: started.elapsed(),
        };
        let message = match &chosen {
            Some(answer) => self.message.write_answer(&about, &self.segments, answer)?,
            None => self.message.write(&about, &self.segments)?,
        };
        let message = message.to_owned();
        let all = self.segments.as_slice().len();
        Ok(Worked {
            answered,
            segments: chosen.as_ref().map_or(all, |answer| answer.places.len()),
            noise: self.segments.left_out(),
            chosen,
            message,
        })
    }

    /// Follows the objects of a film from its last frame to this one.
    fn follow(&mut self, sequence: u64, at: Duration) {
        if let (true, Some(canvas)) = (self.objects.is_film, self.segments.canvas()) {
            self.objects.tracker.update(&Observation {
                at,
                sequence,
                canvas,
                segments: self.segments.as_slice(),
            });
        }
    }

    /// What the prompt chooses, if there is one.
    fn choose(&mut self, frame: Option<&Frame>) -> anyhow::Result<Option<Answer>> {
        let Some(canvas) = self.segments.canvas() else {
            return Ok(None);
        };
        let alike = self.look(canvas, frame)?;
        let Some(prompt) = &self.prompt else {
            return Ok(None);
        };
        let scene = Scene {
            segments: self.segments.as_slice(),
            tracks: self.objects.tracks(),
            canvas,
        };
        let answer = prompts::answer(prompt, &scene, alike);
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
        fit(&mut self.input, canvas.letterbox.input);
        self.preprocessor.letterbox(frame, &mut self.input)?;
        let picture = Picture {
            input: &self.input,
            canvas,
        };
        let segments = self.segments.as_slice();
        let mut anew = Recollection::default();
        // Nothing is remembered of other pictures.
        let looked = matcher.look(picture, segments, &[], &mut anew, Instant::now(), || {})?;
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
        match input {
            Input::Recording(folder) if self.replays => {
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
                    maker: Maker::of(&layout),
                    layout,
                    tensors,
                    second: None,
                    size,
                    frame,
                    infer: Duration::ZERO,
                })
            }
            Input::Recording(folder) => self.compute_file(&folder.join(FRAME_PICTURE)),
            // A film's frames come by themselves.
            Input::Picture(path) | Input::Film(path) | Input::Frame(path, _) => {
                self.compute_file(path)
            }
            Input::Standard => {
                let frame = camera::images::read(io::stdin().lock(), input.path());
                self.compute(frame.map_err(WrongInput::new)?, input.path())
            }
        }
    }

    /// Has the network look at a picture.
    fn compute_file(&mut self, path: &Path) -> anyhow::Result<Answered> {
        let frame = load(path)?;
        self.compute(frame, path)
    }

    /// Has the network look at a frame of this file.
    fn compute(&mut self, frame: Frame, path: &Path) -> anyhow::Result<Answered> {
        let started = Instant::now();
        let mut second = None;
        let (backend, layout, tensors) = match &mut self.engine {
            Engine::Mock(network) => {
                fit(&mut self.input, network.input());
                self.preprocessor
                    .letterbox(&frame, &mut self.input)
                    .with_context(|| path.display().to_string())?;
                let layout = Network::layout(network.input());
                let mut tensors = Tensors::for_layout(&layout);
                network.infer(self.input.bytes(), &mut tensors);
                ("mock", layout, tensors)
            }
            Engine::Accelerator(inference) => {
                inference
                    .run(&frame)
                    .with_context(|| path.display().to_string())?;
                let layout = inference.layout().clone();
                (inference.backend(), layout, inference.tensors().clone())
            }
            Engine::BuiltIn(network) => {
                let mut look = |input| -> anyhow::Result<(Layout, Tensors)> {
                    let inference = network.for_input(input)?;
                    inference
                        .run(&frame)
                        .with_context(|| path.display().to_string())?;
                    Ok((inference.layout().clone(), inference.tensors().clone()))
                };
                let [large, small] = built_in::inputs_for_picture(frame.size);
                let (layout, tensors) = look(large)?;
                second = Some(look(small)?);
                ("onnx", layout, tensors)
            }
            Engine::None => {
                return Err(WrongInput::new(format_args!(
                    "{}: a picture, but --backend replay: expected a recording",
                    path.display()
                ))
                .into());
            }
        };
        Ok(Answered {
            backend,
            maker: Maker::of(&layout),
            layout,
            tensors,
            second,
            size: frame.size,
            frame: Some(frame),
            infer: started.elapsed(),
        })
    }

    /// What was found in the latest input.
    pub(super) fn found<'w>(&'w self, worked: &Worked, address: &'w str) -> Found<'w> {
        let tracks = self.objects.tracks();
        let number = |place: usize| tracks.get(place).map_or(place as u64, |track| track.id);
        let all = self.segments.as_slice();
        let numbered = |place: usize| Some((number(place), all.get(place)?));
        Found {
            address,
            size: self.segments.size(),
            classes: self.segments.classes(),
            segments: match &worked.chosen {
                Some(answer) => answer
                    .places
                    .iter()
                    .filter_map(|&place| numbered(place))
                    .collect(),
                None => (0..all.len()).filter_map(numbered).collect(),
            },
        }
    }

    /// The pictures of the latest input's segments, on the pixels that their masks
    /// count, which are the frame's or the network input's.
    pub(super) fn draw(&mut self, worked: &Worked) -> anyhow::Result<Vec<Product>> {
        let answered = &worked.answered;
        let size = self.segments.size();
        let mut rgb = vec![PAD_VALUE; size.pixels() * 3];
        if let Some(frame) = &answered.frame {
            match self.segmentation.mask_size {
                MaskSize::Frame => self.preprocessor.to_rgb(frame, &mut rgb)?,
                MaskSize::Network => {
                    fit(&mut self.input, answered.layout.input());
                    self.preprocessor.letterbox(frame, &mut self.input)?;
                    rgb.copy_from_slice(self.input.bytes());
                }
            }
        }
        let found = self.found(worked, "");
        let mut products = Vec::new();
        if self.arguments.masks {
            let map = drawing::label_map(&found.segments, size)?;
            products.push(Product::picture(own::MASKS_ENDING, map));
        }
        if self.arguments.cutouts {
            for (number, segment) in &found.segments {
                let cut = drawing::cut_out(&rgb, size, segment)?;
                products.push(Product::picture(&own::cutout_ending(*number), cut));
            }
        }
        let caption = answered.maker.map(Maker::caption);
        let marks = drawing::marks(&self.arguments.prompt, self.segments.canvas());
        let style = self.arguments.drawing.style(&marks, caption);
        overlay::draw(&mut rgb, size, found.segments, found.classes, &style)?;
        products.push(Product::picture(OVERLAY_ENDING, png::encode(&rgb, size)?));
        Ok(products)
    }
}

/// Makes the input one of this size, if it is another's.
fn fit(input: &mut NetworkInput, size: InputSize) {
    if input.size() != size {
        *input = NetworkInput::new(size);
    }
}

fn open(folder: &Path) -> Result<Recording, WrongInput> {
    Recording::open(folder).map_err(WrongInput::new)
}

fn load(path: &Path) -> Result<Frame, WrongInput> {
    camera::images::load(path).map_err(WrongInput::new)
}

/// When a file was last written: the best there is for when its picture was taken.
fn last_change(path: &Path) -> SystemTime {
    fs::metadata(path)
        .and_then(|metadata| metadata.modified())
        .unwrap_or_else(|_| SystemTime::now())
}
