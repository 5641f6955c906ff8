//! `segment`: pictures, films and recordings to messages and overlays, once.
//!
//! In the message `node` is `local`, `camera` is the results' name, `input` is the path of what was
//! segmented, `frame.sequence` counts the inputs, or a film's frames, and `captured_at` is when the input was last
//! changed.

mod arguments;
mod film;
mod names;
mod number;
mod outputs;
mod prompt;
mod settings;
mod worker;

use std::{path::Path, time::Instant};

use configuration::WrongInput;

use super::{
    exit::{self, Tally},
    inputs::{self, Input},
    maker::Maker,
    own, progress,
};
use film::Film;
use names::Names;
use outputs::Outputs;
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
    let inputs = find(arguments, tally)?;
    let mut results = match &arguments.out {
        Some(folder) => Results::Folder(Outputs::open(folder, arguments.force, &inputs)?),
        None => Results::Lines(Names::default()),
    };
    let mut worker = Worker::new(arguments)?;
    let mut done = Done::default();
    let bar = progress::bar(inputs.len(), "segmenting");
    for (sequence, input) in (0..).zip(&inputs) {
        if let Input::Film(path) = input {
            let count = |frame: &Input, worked: &Worked| {
                bar.suspend(|| done.count(frame, worked));
            };
            let rate = arguments.fps;
            let outcome = results.work_on_film(&mut worker, path, rate, count);
            bar.suspend(|| tally.note(outcome))?;
        } else {
            let outcome = results.work_on(&mut worker, input, |worker, name| {
                worker.work_on(sequence, input, name)
            });
            bar.suspend(|| tally.note(outcome.map(|worked| done.count(input, &worked))))?;
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    if let (Some(folder), Some(count)) = (&arguments.out, done.text()) {
        let seconds = started.elapsed().as_secs_f64();
        // With a slash at its end: a folder.
        let folder = folder.join("");
        exit::tell(&format!("{count}, {seconds:.1} s -> {}", folder.display()));
    }
    Ok(())
}

/// All inputs that there are. What is wrong with a path is noted, and the others are looked for.
fn find(arguments: &SegmentArgs, tally: &mut Tally) -> anyhow::Result<Vec<Input>> {
    // `*.png` names the overlays of the run before.
    let (overlays, paths): (Vec<_>, Vec<_>) = arguments
        .inputs
        .iter()
        .partition(|path| own::is_overlay_at(path));
    let mut inputs = Vec::new();
    for path in paths {
        match inputs::find(path) {
            Ok(found) => inputs.extend(found),
            Err(error) => tally.note(Err(error.into()))?,
        }
    }
    for path in overlays {
        let left_out = format!(
            "{}: left out, as fastsamd drew this overlay",
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

/// Where results go.
enum Results {
    /// As lines to standard output, under these names.
    Lines(Names),
    /// Into a folder.
    Folder(Outputs),
}

impl Results {
    /// Has an input segmented under a name of its own, and writes its results.
    fn work_on(
        &mut self,
        worker: &mut Worker<'_>,
        input: &Input,
        work: impl FnOnce(&mut Worker<'_>, &str) -> anyhow::Result<Worked>,
    ) -> anyhow::Result<Worked> {
        match self {
            Self::Lines(names) => {
                let name = names.first_free(&input.stem(), |_| true);
                names.insert(&name);
                let worked = work(worker, &name)?;
                exit::say(&worked.message)?;
                Ok(worked)
            }
            Self::Folder(outputs) => {
                // Before any work, which would be for nothing where something is in the way.
                let place = outputs.claim(input)?;
                let worked = work(worker, &place.name)?;
                outputs.write(&place, &worked.message, &worker.draw(&worked)?)?;
                Ok(worked)
            }
        }
    }

    /// Segments a film, frame by frame. `rate` is what the film is to have, in place of its own.
    fn work_on_film(
        &mut self,
        worker: &mut Worker<'_>,
        path: &Path,
        rate: Option<f64>,
        mut done: impl FnMut(&Input, &Worked),
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
            done(&input, &worked);
        }
    }
}

/// What was done so far.
#[derive(Default)]
struct Done {
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
            Input::Picture(_) => self.pictures += 1,
            Input::Recording(_) => self.recordings += 1,
            Input::Film(_) | Input::Frame(..) => self.frames += 1,
        }
        self.segments += worked.segments;
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
