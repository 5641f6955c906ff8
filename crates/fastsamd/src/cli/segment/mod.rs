//! `segment`: pictures, films and recordings to messages and overlays, once.
//!
//! In the message `node` is `local`, `camera` is the results' name, `input` is the path of what was
//! segmented, `frame.sequence` counts the inputs, or a film's frames, and `captured_at` is when the input was last
//! changed.

mod arguments;
mod drawing;
mod export;
mod film;
mod format;
mod names;
mod number;
mod outputs;
mod prompt;
mod settings;
mod worker;

use std::{
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use configuration::WrongInput;
use signal_hook::{consts::TERM_SIGNALS, flag};

use super::{
    exit::{self, Tally},
    inputs::{self, Input},
    maker::Maker,
    own, progress,
};
use export::{Coco, Outlines};
use film::Film;
use format::Format;
use names::Names;
use outputs::{Kind, Outputs, Place, Product};
use worker::{Shown, Worked, Worker};

pub(super) use arguments::SegmentArgs;

pub(super) fn run(arguments: &SegmentArgs) -> u8 {
    let mut tally = Tally::default();
    match run_all(arguments, &mut tally) {
        Ok(()) => tally.code(),
        Err(error) => exit::conclude(Err(error)),
    }
}

/// Works on one input after another; what is wrong with one does not stop the others.
fn run_all(arguments: &SegmentArgs, tally: &mut Tally) -> anyhow::Result<()> {
    let started = Instant::now();
    arguments.check()?;
    let inputs = find(arguments, tally)?;
    let mut results = Results::open(arguments, &inputs)?;
    let mut worker = Worker::new(arguments)?;
    let mut done = Done::default();
    let interrupted = interruption()?;
    let bar = progress::bar(inputs.len(), "segmenting");
    for (sequence, input) in (0..).zip(&inputs) {
        if interrupted.load(Ordering::Relaxed) {
            break;
        }
        let outcome = if let Input::Film(path) = input {
            let count = |frame: &Input, worked: &Worked| {
                bar.suspend(|| done.count(frame, worked));
                !interrupted.load(Ordering::Relaxed)
            };
            results.work_on_film(&mut worker, path, arguments.fps, count)
        } else {
            let outcome = results.work_on(&mut worker, input, |worker, name| {
                worker.work_on(sequence, input, name)
            });
            outcome.map(|worked| bar.suspend(|| done.count(input, &worked)))
        };
        // Ctrl-C reaches ffmpeg, too, whose end is no news then.
        if outcome.is_ok() || !interrupted.load(Ordering::Relaxed) {
            bar.suspend(|| tally.note(outcome))?;
        }
        done.inputs += 1;
        bar.inc(1);
    }
    bar.finish_and_clear();
    results.finish(&done)?;
    let is_interrupted = interrupted.load(Ordering::Relaxed);
    if let Some(text) = done
        .text()
        .filter(|_| is_interrupted || arguments.out.is_some())
    {
        let seconds = started.elapsed().as_secs_f64();
        let place = match &arguments.out {
            // With a slash at its end: a folder.
            Some(folder) => format!(" -> {}", folder.join("").display()),
            None => String::new(),
        };
        exit::tell(&format!("{text}, {seconds:.1} s{place}"));
    }
    if is_interrupted {
        anyhow::bail!(
            "interrupted after {} of {} inputs",
            done.inputs,
            inputs.len()
        );
    }
    Ok(())
}

/// Becomes true when somebody wants an end. What is being worked on is done first; a second signal ends all at once.
fn interruption() -> io::Result<Arc<AtomicBool>> {
    let interrupted = Arc::new(AtomicBool::new(false));
    for &signal in TERM_SIGNALS {
        // In this order: the first signal finds the flag still down.
        flag::register_conditional_shutdown(signal, 1, Arc::clone(&interrupted))?;
        flag::register(signal, Arc::clone(&interrupted))?;
    }
    Ok(interrupted)
}

/// All inputs that there are. What is wrong with a path is noted, and the others are looked for.
fn find(arguments: &SegmentArgs, tally: &mut Tally) -> anyhow::Result<Vec<Input>> {
    let mut found = Vec::new();
    for path in &arguments.inputs {
        match inputs::expand(path) {
            Ok(paths) => found.extend(paths),
            Err(error) => tally.note(Err(error.into()))?,
        }
    }
    // `*.png` names the overlays of the run before.
    let (ours, paths): (Vec<_>, Vec<_>) = found
        .into_iter()
        .partition(|path| own::is_our_picture_at(path));
    let mut inputs = Vec::new();
    for path in paths {
        match inputs::find(&path, arguments.recursive) {
            Ok(found) => {
                if let Some(left_out) = found.left_out {
                    exit::note(&left_out);
                }
                inputs.extend(found.inputs);
            }
            Err(error) => tally.note(Err(error.into()))?,
        }
    }
    for path in ours {
        let left_out = format!(
            "{}: left out, as fastsamd drew this picture",
            path.display()
        );
        if inputs.is_empty() {
            tally.note(Err(WrongInput::new(left_out).into()))?;
        } else {
            exit::note(&left_out);
        }
    }
    Ok(inputs)
}

/// Where results go, and in which form.
struct Results<'a> {
    arguments: &'a SegmentArgs,
    outlines: Outlines,
    /// With `--format coco`: all inputs, and where they go.
    coco: Option<(Coco, Option<Place>)>,
    /// What file names in COCO's list are relative to.
    root: std::path::PathBuf,
    sink: Sink,
}

enum Sink {
    /// Lines of standard output, under these names.
    Lines(Names),
    Folder(Outputs),
}

/// What the COCO file is called.
const COCO: &str = "coco";

impl<'a> Results<'a> {
    fn open(arguments: &'a SegmentArgs, inputs: &[Input]) -> Result<Self, WrongInput> {
        let sink = match &arguments.out {
            None => Sink::Lines(Names::default()),
            Some(folder) => {
                let mut expected = match arguments.format {
                    Format::Json | Format::Labelme => vec![(".json", Kind::Message)],
                    Format::Yolo => vec![(".txt", Kind::Labels)],
                    Format::Coco => Vec::new(),
                };
                expected.push((own::OVERLAY_ENDING, Kind::Picture));
                Sink::Folder(Outputs::open(folder, arguments.force, expected, inputs)?)
            }
        };
        let coco = match (arguments.format, &sink) {
            (Format::Coco, Sink::Folder(outputs)) => {
                let place = outputs.claim_together(COCO, ".json", Kind::Coco)?;
                Some((Coco::new(), Some(place)))
            }
            (Format::Coco, Sink::Lines(_)) => Some((Coco::new(), None)),
            _ => None,
        };
        Ok(Self {
            arguments,
            outlines: Outlines::new(arguments.settings.tolerance),
            coco,
            root: inputs::common_folder(inputs),
            sink,
        })
    }

    /// Has an input segmented under a name of its own, and writes its results.
    fn work_on(
        &mut self,
        worker: &mut Worker<'_>,
        input: &Input,
        work: impl FnOnce(&mut Worker<'_>, &str) -> anyhow::Result<Worked>,
    ) -> anyhow::Result<Worked> {
        // Before any work, which would be for nothing where something is in the way.
        let (name, place) = match &mut self.sink {
            Sink::Lines(names) => {
                let name = names.first_free(&input.stem(), |_| true);
                names.insert(&name);
                (name, None)
            }
            Sink::Folder(outputs) => {
                let place = outputs.claim(input)?;
                (place.name.clone(), Some(place))
            }
        };
        let worked = work(worker, &name)?;
        let text = self.text(worker, input, &worked)?;
        match (&self.sink, place) {
            (Sink::Folder(outputs), Some(place)) => {
                let mut products = worker.draw(&worked)?;
                products.extend(text);
                outputs.write(&place, &products)?;
            }
            _ => {
                if let Some(product) = text {
                    exit::say(product.line())?;
                }
            }
        }
        Ok(worked)
    }

    /// What is written of the latest input, unless it goes into a file of all.
    fn text(
        &mut self,
        worker: &Worker<'_>,
        input: &Input,
        worked: &Worked,
    ) -> anyhow::Result<Option<Product>> {
        let address = input.address();
        let found = worker.found(worked, &address);
        let line = |text: String| Some(Product::text(".json", Kind::Message, text + "\n"));
        Ok(match self.arguments.format {
            Format::Json => line(worked.message.clone()),
            Format::Yolo => {
                let text = export::yolo(&found, &mut self.outlines);
                Some(Product::text(".txt", Kind::Labels, text))
            }
            Format::Labelme => {
                let folder = match &self.sink {
                    Sink::Folder(outputs) => Some(outputs.folder().canonicalize()?),
                    Sink::Lines(_) => None,
                };
                line(export::labelme(
                    &found,
                    folder.as_deref(),
                    &mut self.outlines,
                )?)
            }
            Format::Coco => {
                if let Some((coco, _)) = &mut self.coco {
                    let file_name = input.file_name(&self.root);
                    let format = self.arguments.settings.mask_format;
                    coco.add(file_name, &found, format, &mut self.outlines);
                }
                None
            }
        })
    }

    /// Writes what belongs to all inputs together.
    fn finish(&self, done: &Done) -> anyhow::Result<()> {
        match (&self.coco, &self.sink) {
            // A list without pictures tells nobody anything.
            _ if done.text().is_none() => Ok(()),
            (Some((coco, Some(place))), Sink::Folder(outputs)) => {
                let text = coco.text()? + "\n";
                outputs.write(place, &[Product::text(".json", Kind::Coco, text)])
            }
            (Some((coco, _)), _) => exit::say(&coco.text()?),
            (None, _) => Ok(()),
        }
    }

    /// Segments a film, frame by frame, as long as `done` wants more. `rate` is what the film is to have, in place of its
    /// own.
    fn work_on_film(
        &mut self,
        worker: &mut Worker<'_>,
        path: &Path,
        rate: Option<f64>,
        mut done: impl FnMut(&Input, &Worked) -> bool,
    ) -> anyhow::Result<()> {
        let mut film = Film::open(path)?;
        let mut before = 0;
        loop {
            let own_rate = film.rate();
            let Some(frame) = film.next(path)? else {
                return Ok(());
            };
            let shown = Shown {
                frame,
                before,
                rate: rate.or(own_rate).unwrap_or(arguments::USUAL_RATE),
            };
            before += 1;
            let input = Input::Frame(path.to_owned(), before);
            let worked = self.work_on(worker, &input, |worker, name| {
                worker.work_on_frame(&shown, &input, name)
            })?;
            if !done(&input, &worked) {
                return Ok(());
            }
        }
    }
}

/// What was done so far.
#[derive(Default)]
struct Done {
    /// What was named or found, done or not.
    inputs: usize,
    pictures: usize,
    recordings: usize,
    frames: usize,
    segments: usize,
    /// Who answered in FastSAM's place so far.
    makers: Vec<Maker>,
}

impl Done {
    /// Counts an input, and says who answers in FastSAM's place when that is so for the first time.
    fn count(&mut self, input: &Input, worked: &Worked) {
        match input {
            Input::Picture(_) | Input::Standard => self.pictures += 1,
            Input::Recording(_) => self.recordings += 1,
            Input::Film(_) | Input::Frame(..) => self.frames += 1,
        }
        self.segments += worked.segments;
        if worked.noise > 0 {
            exit::note(&format!(
                "{}: {} detections are left out, as their masks are noise",
                input.address(),
                worked.noise
            ));
        }
        if let Some(maker) = worked.maker().filter(|maker| !self.makers.contains(maker)) {
            self.makers.push(maker);
            exit::note(&maker.notice());
        }
    }

    /// `17 pictures, 898 segments`; nothing where no input was done.
    fn text(&self) -> Option<String> {
        let counts = [
            (self.pictures, "picture"),
            (self.recordings, "recording"),
            (self.frames, "frame"),
            (self.segments, "segment"),
        ];
        let text: Vec<_> = counts
            .iter()
            .filter(|&&(count, what)| count > 0 || what == "segment")
            .map(|(count, what)| format!("{count} {what}{}", if *count == 1 { "" } else { "s" }))
            .collect();
        (self.pictures + self.recordings + self.frames > 0).then(|| text.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_counts_what_there_is() {
        for ((pictures, recordings, segments), expected) in [
            ((0, 0, 0), None),
            ((1, 0, 0), Some("1 picture, 0 segments")),
            ((17, 0, 898), Some("17 pictures, 898 segments")),
            ((0, 1, 1), Some("1 recording, 1 segment")),
            ((2, 3, 4), Some("2 pictures, 3 recordings, 4 segments")),
        ] {
            let done = Done {
                pictures,
                recordings,
                segments,
                ..Done::default()
            };
            assert_eq!(done.text().as_deref(), expected);
        }
    }
}
