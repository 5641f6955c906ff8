//! Captures from a V4L2 device and says what comes: `capture DEVICE [FRAMES] [WIDTHxHEIGHT] [FPS]
//! [ENCODING]`, where the encoding is V4L2's four characters. Without arguments, lists the devices.
//!
//! Ends with 0 after so many frames, and with 1 at the first error that is not transient.

#![expect(clippy::print_stdout, reason = "that is what it is for")]

use std::{env, process::ExitCode, time::Duration};

use camera::{
    Source, devices,
    v4l2::{Encoding, V4l2, V4l2Settings},
};
use frame::{Frame, Size};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let Some(device) = arguments.first() else {
        for device in devices::v4l2() {
            println!("{device:#?}");
        }
        return ExitCode::SUCCESS;
    };
    let number = |at: usize| arguments.get(at).and_then(|text| text.parse::<f64>().ok());
    let mut settings = V4l2Settings::new(device);
    let size = arguments.get(2).and_then(|size| size.split_once('x'));
    if let Some((width, height)) = size {
        let side = |text: &str| text.parse().unwrap_or_default();
        settings.size = Size::new(side(width), side(height));
    }
    settings.fps = number(3).unwrap_or(settings.fps);
    settings.encoding = arguments
        .get(4)
        .and_then(|name| name.as_bytes().try_into().ok())
        .and_then(Encoding::from_fourcc);
    match capture(&settings, number(1).unwrap_or(10.0) as usize) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn capture(settings: &V4l2Settings, frames: usize) -> Result<(), camera::CameraError> {
    let mut source = V4l2::open(settings)?;
    println!("{}", source.describe());
    let mut frame = Frame::empty();
    let mut captured = 0;
    while captured < frames {
        match source.capture(&mut frame, Duration::from_millis(500)) {
            Ok(_) => captured += 1,
            Err(error) if error.is_transient() => {
                println!("{error}");
                continue;
            }
            Err(error) => return Err(error),
        }
        let sum: u64 = frame.data.iter().map(|level| u64::from(*level)).sum();
        println!(
            "frame {}: {} of {}, {} bytes of {:?}, mean {}, {} ms old",
            frame.sequence,
            frame.size,
            frame.full_size(),
            frame.data.len(),
            frame.pixel_format,
            sum / frame.data.len().max(1) as u64,
            frame.captured_at.elapsed().as_millis()
        );
    }
    Ok(())
}
