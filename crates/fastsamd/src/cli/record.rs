//! `record`: saves what the accelerator answers to a camera's frames.
//!
//! `--out` becomes a folder of recordings, `000000`, `000001`, ..., each with its `frame.png`. Each is
//! written beside its place and appears there when it is whole. A folder that is not empty needs
//! `--force`, which removes the recordings in it and keeps everything else.

use std::{
    ffi::OsStr,
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::Context;
use camera::{Captured, Source};
use clap::Args;
use frame::{Frame, Preprocessor, Size};
use recording::{FRAME_PICTURE, Recording};

use super::{backend, exit, inference::Inference, maker::Maker, own, progress};
use crate::open::{accelerator as open, cameras};
use configuration::Camera;
use configuration::Config;
use configuration::WrongInput;
use picture::png;

/// The longest a camera may leave us without a frame.
const PATIENCE: Duration = Duration::from_secs(30);

/// What to record.
#[derive(Debug, Args)]
pub(super) struct RecordArgs {
    /// The folder to record into; new or empty, unless --force is given.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Replace the recordings in --out. Other files there are kept.
    #[arg(long)]
    force: bool,
    /// How many frames.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    frames: u32,
    /// The configuration file: its accelerator, and its first camera unless another is named.
    #[arg(long, value_name = "FILE", default_value = configuration::DEFAULT_PATH)]
    config: PathBuf,
    /// What answers, in place of the configuration's accelerator.
    #[arg(long, value_enum)]
    backend: Option<backend::Name>,
    /// The network, in place of the configuration's: a HEF for a Hailo chip.
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// The camera to record from, by its name in the configuration.
    #[arg(long, value_name = "NAME")]
    camera: Option<String>,
}

pub(super) fn run(arguments: &RecordArgs) -> anyhow::Result<()> {
    let config = Config::load(&arguments.config)?;
    let camera = choose(&config, arguments.camera.as_deref())?;
    let earlier = prepare(&arguments.out, arguments.force)?;
    // With all its pixels: the recording's picture is to have the frame's size.
    let mut source = cameras::camera(camera, None)()?;
    let section = match (arguments.backend, &arguments.model) {
        (None, None) => config.accelerator.clone(),
        (name, model) => backend::section(name, model.as_deref(), Some(&config.accelerator))?,
    };
    let mut inference = Inference::new(open::for_user(&section)?.accelerator);
    if let Some(maker) = Maker::of(inference.layout()) {
        exit::note(&maker.notice());
    }
    let mut preprocessor = Preprocessor::new();
    let (mut frame, mut rgb) = (Frame::empty(), Vec::new());

    let bar = progress::bar(arguments.frames as usize, "recording");
    for number in 0..arguments.frames {
        if !capture(source.as_mut(), &mut frame)? {
            anyhow::bail!("{} ended after {number} frames", source.describe());
        }
        inference.run(&frame)?;
        preprocessor.to_rgb(&frame, &mut rgb)?;
        // Not before there is something to take their place.
        if number == 0 {
            for folder in &earlier {
                Recording::remove(folder)?;
            }
        }
        save(
            &arguments.out.join(name(number)),
            frame.size,
            &rgb,
            &inference,
        )?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(())
}

/// What the recording of a frame is called.
fn name(number: u32) -> String {
    format!("{number:06}")
}

/// Writes a recording beside its place, and moves it there when it is whole.
fn save(folder: &Path, size: Size, rgb: &[u8], inference: &Inference) -> anyhow::Result<()> {
    let save = || {
        let unfinished = tempfile::Builder::new()
            .prefix(own::UNFINISHED)
            // Less what the user's mask takes away.
            .permissions(Permissions::from_mode(0o777))
            .tempdir_in(folder.parent().unwrap_or(folder))?;
        fs::write(
            unfinished.path().join(FRAME_PICTURE),
            png::encode(rgb, size)?,
        )?;
        Recording::save(
            unfinished.path(),
            size,
            inference.layout(),
            inference.tensors(),
        )?;
        fs::rename(unfinished.path(), folder)?;
        // It is not there any more, and nothing is to be removed.
        let _ = unfinished.keep();
        anyhow::Ok(())
    };
    save().with_context(|| folder.display().to_string())
}

/// The camera of that name, or the first.
fn choose<'a>(config: &'a Config, name: Option<&str>) -> Result<&'a Camera, WrongInput> {
    let wanted = |camera: &&Camera| name.is_none_or(|name| camera.name == name);
    config.cameras.iter().find(wanted).ok_or_else(|| {
        let known: Vec<_> = config
            .cameras
            .iter()
            .map(|camera| camera.name.as_str())
            .collect();
        WrongInput::new(format_args!(
            "--camera {}: the configuration has {}",
            name.unwrap_or_default(),
            known.join(", ")
        ))
    })
}

/// Makes the folder, if need be, and finds the recordings that are to be replaced. Recordings are
/// never mixed with older ones: a replay would show both.
fn prepare(out: &Path, force: bool) -> anyhow::Result<Vec<PathBuf>> {
    let wrong = |cause: &dyn std::fmt::Display| {
        WrongInput::new(format_args!("--out {}: {cause}", out.display()))
    };
    if out.exists() && !out.is_dir() {
        return Err(wrong(&"not a folder").into());
    }
    fs::create_dir_all(out).map_err(|error| wrong(&error))?;
    let mut earlier = Vec::new();
    for entry in fs::read_dir(out).map_err(|error| wrong(&error))? {
        let entry = entry.map_err(|error| wrong(&error))?;
        // Left by a run that was killed.
        if entry
            .file_name()
            .as_encoded_bytes()
            .starts_with(own::UNFINISHED.as_bytes())
        {
            continue;
        }
        if !force {
            return Err(wrong(
                &"not empty; choose a new or empty folder, or replace the recordings in it with \
                  --force",
            )
            .into());
        }
        if is_numbered(&entry.file_name()) {
            // In the way if it is something else, even with --force.
            Recording::check_removable(&entry.path()).map_err(|error| wrong(&error))?;
            earlier.push(entry.path());
        }
    }
    Ok(earlier)
}

/// Whether a recording might be called so.
fn is_numbered(file_name: &OsStr) -> bool {
    let number = file_name.to_str().and_then(|text| text.parse().ok());
    number.is_some_and(|number| *name(number) == *file_name)
}

/// Waits for the camera's next frame; false at its end.
fn capture(source: &mut dyn Source, frame: &mut Frame) -> anyhow::Result<bool> {
    let started = Instant::now();
    loop {
        match source.capture(frame, PATIENCE) {
            Ok(Captured::Frame) => return Ok(true),
            Ok(Captured::End) => return Ok(false),
            Err(error) if error.is_transient() && started.elapsed() < PATIENCE => {}
            Err(error) => return Err(error).context("no frame from the camera"),
        }
    }
}
