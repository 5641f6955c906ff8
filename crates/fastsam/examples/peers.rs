//! Our side of `scripts/bench-peers`.
//!
//! ```text
//! peers paint FOLDER       writes recordings of painted scenes: 10, 32, 100 and 300 objects
//! peers turns FOLDER       likewise, a folder of several scenes for each number, to be taken in turns
//! peers time FOLDER...     a JSON line for each recording: stages' median times in microseconds
//! ```

#![expect(clippy::print_stdout, reason = "the answer goes to the script")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use frame::{Letterbox, Size};
use recording::Recording;
use support::scene::{self, Mix};
use support::stages::Stages;

/// Each stage is repeated for so long, and so often at least.
const AT_LEAST: (Duration, usize) = (Duration::from_millis(300), 15);

const OBJECTS: [usize; 4] = [10, 32, 100, 300];

/// Scenes in turns: together larger than the caches of second level.
const SCENES: u64 = 8;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (command, folders) = arguments
        .split_first()
        .ok_or("expected: paint, turns or time")?;
    for folder in folders {
        match command.as_str() {
            "paint" => paint(Path::new(folder))?,
            "turns" => turns(Path::new(folder))?,
            "time" => time(Path::new(folder))?,
            other => return Err(format!("expected paint, turns or time, found {other}").into()),
        }
    }
    Ok(())
}

fn paint(folder: &Path) -> Result<(), Box<dyn Error>> {
    let sizes = [
        ("720p", Size::new(1280, 720)),
        ("1080p", Size::new(1920, 1080)),
    ];
    for (size_name, size) in sizes {
        for (type_name, mix) in Mix::ALL {
            for objects in OBJECTS {
                let layout = mix.layout();
                let (tensors, _) = scene::paint(&layout, size, objects, 1);
                let name = format!("{size_name}_{type_name}_{objects:03}");
                Recording::save(&folder.join(name), size, &layout, &tensors)?;
            }
        }
    }
    Ok(())
}

fn turns(folder: &Path) -> Result<(), Box<dyn Error>> {
    let size = Size::new(1280, 720);
    for (type_name, mix) in Mix::ALL.into_iter().take(2) {
        for objects in OBJECTS {
            let layout = mix.layout();
            let kind = folder.join(format!("720p_{type_name}_{objects:03}"));
            for seed in 0..SCENES {
                let (tensors, _) = scene::paint(&layout, size, objects, seed);
                Recording::save(&kind.join(seed.to_string()), size, &layout, &tensors)?;
            }
        }
    }
    Ok(())
}

fn time(folder: &Path) -> Result<(), Box<dyn Error>> {
    let recording = Recording::open(folder)?;
    let letterbox = Letterbox::fit(recording.frame, recording.layout.input());
    let mut scene = Stages::of(&recording.layout, recording.tensors, letterbox);
    let mut medians = serde_json::Map::new();
    for (name, stage) in Stages::ALL {
        let begun = Instant::now();
        let mut times = Vec::new();
        while begun.elapsed() < AT_LEAST.0 || times.len() < AT_LEAST.1 {
            let begun = Instant::now();
            stage(&mut scene);
            times.push(begun.elapsed());
        }
        times.sort_unstable();
        let median = times[times.len() / 2].as_secs_f64() * 1e6;
        medians.insert(name.into(), median.into());
    }
    let masks = scene.masks.iter().filter(|mask| !mask.is_empty());
    let answer = serde_json::json!({
        "name": recording.name,
        "segments": masks.count(),
        "microseconds": medians,
    });
    println!("{answer}");
    Ok(())
}
