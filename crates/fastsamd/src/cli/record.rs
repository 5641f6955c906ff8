//! `record`: saves what the accelerator answers to a camera's frames.
//!
//! `--out` becomes a folder of recordings, `000000`, `000001`, ..., each with its `frame.png`.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::Context;
use camera::{Captured, Source};
use clap::Args;
use frame::{Frame, Preprocessor};
use recording::{FRAME_PICTURE, Recording};

use super::inference::Inference;
use super::progress;
use crate::open::{accelerator as open, cameras};
use configuration::Camera;
use configuration::Config;
use configuration::WrongInput;
use picture::overlay;

/// The longest a camera may leave us without a frame.
const PATIENCE: Duration = Duration::from_secs(30);

/// What to record.
#[derive(Debug, Args)]
pub(super) struct RecordArgs {
    /// The folder to record into; new or empty.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// How many frames.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    frames: u32,
    /// The configuration file: its accelerator, and its first camera unless another is named.
    #[arg(long, value_name = "FILE", default_value = configuration::DEFAULT_PATH)]
    config: PathBuf,
    /// The camera to record from, by its name in the configuration.
    #[arg(long, value_name = "NAME")]
    camera: Option<String>,
}

pub(super) fn run(arguments: &RecordArgs) -> anyhow::Result<()> {
    let config = Config::load(&arguments.config)?;
    let camera = choose(&config, arguments.camera.as_deref())?;
    make_empty_folder(&arguments.out)?;
    let mut source = cameras::camera(&in_full(camera))()?;
    let mut inference = Inference::new(open::accelerator(&config.accelerator)?.accelerator);
    let mut preprocessor = Preprocessor::new();
    let (mut frame, mut rgb) = (Frame::empty(), Vec::new());

    let bar = progress::bar(arguments.frames as usize, "recording");
    for number in 0..arguments.frames {
        if !capture(source.as_mut(), &mut frame)? {
            anyhow::bail!("{} ended after {number} frames", source.describe());
        }
        inference.run(&frame)?;
        let folder = arguments.out.join(format!("{number:06}"));
        fs::create_dir(&folder).with_context(|| folder.display().to_string())?;
        preprocessor.to_rgb(&frame, &mut rgb)?;
        // Before the manifest, which makes the folder a recording.
        let picture = folder.join(FRAME_PICTURE);
        fs::write(&picture, overlay::png(&rgb, frame.size)?)
            .with_context(|| picture.display().to_string())?;
        Recording::save(&folder, frame.size, inference.layout(), inference.tensors())?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(())
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

/// The camera with all its pixels: the recording's picture is to have the frame's size.
fn in_full(camera: &Camera) -> Camera {
    let mut camera = camera.clone();
    if let configuration::Source::V4l2(v4l2) = &mut camera.source {
        v4l2.full_size = true;
    }
    camera
}

/// Recordings are never mixed with older ones: a replay would show both.
fn make_empty_folder(path: &Path) -> anyhow::Result<()> {
    let wrong = |error: &dyn std::fmt::Display| {
        WrongInput::new(format_args!("--out {}: {error}", path.display()))
    };
    fs::create_dir_all(path).map_err(|error| wrong(&error))?;
    let mut entries = fs::read_dir(path).map_err(|error| wrong(&error))?;
    if entries.next().is_some() {
        return Err(wrong(&"not empty; expected a new or empty folder").into());
    }
    Ok(())
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
