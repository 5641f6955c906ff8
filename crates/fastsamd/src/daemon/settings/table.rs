//! The settings that may be set under way: one table for every way in.
//!
//! A row says what a setting is called, what values it takes, how it is read and how it is changed. Whoever lets
//! people set something (MQTT, Home Assistant, a page) reads this table and knows no setting by name.

use std::borrow::Cow;

use configuration::{Cleanup, Level, MaskFormat, Masks};
use message::{SettingKind, prompt::MAX_TEXT};

use super::adjustable::Adjustable;

/// A setting: of the node, or one for each camera.
pub(crate) struct Handler {
    /// Its name; for a camera's, what stands behind the camera's.
    pub(crate) name: &'static str,
    /// What it is, for people.
    pub(crate) label: &'static str,
    pub(crate) kind: fn() -> SettingKind,
    /// Its value as a text that `apply` takes. The number is the camera's.
    pub(crate) read: fn(&Adjustable, usize) -> String,
    /// Changes it, or says what is expected instead.
    pub(crate) apply: fn(&mut Adjustable, usize, &str) -> Result<(), String>,
}

/// The most pixels that a smallest area may have: more than any frame's.
const MOST_PIXELS: f64 = 100_000_000.0;

/// Most segments of a frame: as many as the published networks have anchors.
const MOST_SEGMENTS: f64 = 8400.0;

/// The longest pause between two snapshots: a day.
const LONGEST_INTERVAL_S: f64 = 86_400.0;

/// Settings of the node.
pub(crate) const OF_NODE: [Handler; 11] = [
    Handler {
        name: "detection",
        label: "Detection",
        kind: || SettingKind::Switch,
        read: |now, _| switch(now.detection),
        apply: |now, _, text| {
            now.detection = read_switch(text)?;
            Ok(())
        },
    },
    Handler {
        name: "confidence",
        label: "Confidence",
        kind: || number(0.0, 1.0, 0.01, None),
        read: |now, _| now.segmentation.confidence.to_string(),
        apply: |now, _, text| {
            now.segmentation.confidence = read_number(text, 0.0, 1.0)?;
            Ok(())
        },
    },
    Handler {
        name: "iou",
        label: "Overlap of boxes",
        kind: || number(0.0, 1.0, 0.01, None),
        read: |now, _| now.segmentation.iou.to_string(),
        apply: |now, _, text| {
            now.segmentation.iou = read_number(text, 0.0, 1.0)?;
            Ok(())
        },
    },
    Handler {
        name: "min_area",
        label: "Smallest area",
        kind: || number(0.0, MOST_PIXELS, 1.0, Some("px")),
        read: |now, _| now.segmentation.min_area.to_string(),
        apply: |now, _, text| {
            now.segmentation.min_area = read_whole(text, 0.0, MOST_PIXELS)?;
            Ok(())
        },
    },
    Handler {
        name: "max_segments",
        label: "Most segments",
        kind: || number(1.0, MOST_SEGMENTS, 1.0, None),
        read: |now, _| now.segmentation.max_segments.to_string(),
        apply: |now, _, text| {
            now.segmentation.max_segments = read_whole(text, 1.0, MOST_SEGMENTS)? as usize;
            Ok(())
        },
    },
    Handler {
        name: "cleanup",
        label: "Clean-up",
        kind: || {
            choice(
                &CLEANUPS,
                Some("steps as close=3,open=3,min_island=64,max_hole=64"),
            )
        },
        read: |now, _| cleanup(now.segmentation.cleanup),
        apply: |now, _, text| {
            now.segmentation.cleanup = read_cleanup(text)?;
            Ok(())
        },
    },
    Handler {
        name: "mask_format",
        label: "Mask format",
        kind: || choice(&FORMATS, None),
        read: |now, _| {
            match now.publish.mask_format {
                MaskFormat::Rle => FORMATS[0],
                MaskFormat::Counts => FORMATS[1],
                MaskFormat::Polygon => FORMATS[2],
                MaskFormat::None => FORMATS[3],
            }
            .to_owned()
        },
        apply: |now, _, text| {
            now.publish.mask_format = match position(text, &FORMATS, None)? {
                0 => MaskFormat::Rle,
                1 => MaskFormat::Counts,
                2 => MaskFormat::Polygon,
                _ => MaskFormat::None,
            };
            Ok(())
        },
    },
    Handler {
        name: "masks",
        label: "Masks",
        kind: || choice(&MASKS, Some(A_RATE)),
        read: |now, _| match now.publish.masks {
            Masks::All => MASKS[0].to_owned(),
            Masks::Changed => MASKS[1].to_owned(),
            Masks::Never => MASKS[2].to_owned(),
            Masks::PerSecond(rate) => rate.to_string(),
        },
        apply: |now, _, text| {
            now.publish.masks = read_masks(text)?;
            Ok(())
        },
    },
    Handler {
        name: "labelmap",
        label: "Label map",
        kind: || SettingKind::Switch,
        read: |now, _| switch(now.publish.labelmap),
        apply: |now, _, text| {
            now.publish.labelmap = read_switch(text)?;
            Ok(())
        },
    },
    Handler {
        name: "snapshot_interval_s",
        label: "Time between snapshots",
        kind: || number(0.0, LONGEST_INTERVAL_S, 1.0, Some("s")),
        read: |now, _| now.publish.snapshot_interval_s.to_string(),
        apply: |now, _, text| {
            let seconds = read_number(text, 0.0, LONGEST_INTERVAL_S)?;
            if seconds != 0.0 && seconds < 0.1 {
                return Err(expected("0 for none, or 0.1 to 86400", text));
            }
            now.publish.snapshot_interval_s = seconds;
            Ok(())
        },
    },
    Handler {
        name: "log_level",
        label: "Log level",
        kind: || choice(&Level::ALL.map(Level::name), None),
        read: |now, _| now.log.name().to_owned(),
        apply: |now, _, text| {
            let names = Level::ALL.map(Level::name);
            now.log = Level::ALL[position(text, &names, None)?];
            Ok(())
        },
    },
];

/// Whether a camera is open.
pub(crate) const ENABLED: Handler = Handler {
    name: "enabled",
    label: "Camera",
    kind: || SettingKind::Switch,
    read: |now, camera| switch(now.cameras.get(camera).is_some_and(|camera| camera.enabled)),
    apply: |now, camera, text| {
        let enabled = read_switch(text)?;
        if let Some(camera) = now.cameras.get_mut(camera) {
            camera.enabled = enabled;
        }
        Ok(())
    },
};

/// What is looked for in every frame. Only where texts are understood.
pub(crate) const PROMPT: Handler = Handler {
    name: "prompt",
    label: "Look for",
    kind: || SettingKind::Text {
        max_length: MAX_TEXT,
    },
    read: |now, camera| {
        let camera = now.cameras.get(camera);
        camera.map_or_else(String::new, |camera| camera.prompt.clone())
    },
    apply: |now, camera, text| {
        let text = text.trim();
        if text.chars().count() > MAX_TEXT {
            return Err(format!("expected at most {MAX_TEXT} characters"));
        }
        if text.chars().any(char::is_control) {
            return Err("expected a text without control characters".to_owned());
        }
        if let Some(camera) = now.cameras.get_mut(camera) {
            text.clone_into(&mut camera.prompt);
        }
        Ok(())
    },
};

const FORMATS: [&str; 4] = ["rle", "counts", "polygon", "none"];
const CLEANUPS: [&str; 2] = ["off", "usual"];
/// With some rates, for those who choose from a list.
const MASKS: [&str; 7] = ["all", "changed", "never", "1", "2", "5", "10"];
const A_RATE: &str = "how many a second, 0.01 to 1000";

fn number(min: f64, max: f64, step: f64, unit: Option<&'static str>) -> SettingKind {
    SettingKind::Number {
        min,
        max,
        step,
        unit: unit.map(Cow::Borrowed),
    }
}

fn choice(options: &[&'static str], also: Option<&'static str>) -> SettingKind {
    SettingKind::Choice {
        options: options.iter().copied().map(Cow::Borrowed).collect(),
        also: also.map(Cow::Borrowed),
    }
}

fn switch(on: bool) -> String {
    if on { "ON" } else { "OFF" }.to_owned()
}

fn read_switch(text: &str) -> Result<bool, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "on" | "true" => Ok(true),
        "off" | "false" => Ok(false),
        _ => Err(expected("ON or OFF", text)),
    }
}

fn read_number(text: &str, min: f64, max: f64) -> Result<f64, String> {
    let number = text.trim().parse().ok();
    number
        .filter(|number| (min..=max).contains(number))
        .ok_or_else(|| expected(&format!("a number from {min} to {max}"), text))
}

fn read_whole(text: &str, min: f64, max: f64) -> Result<u32, String> {
    // "300.0" is a whole number: some programs know no other.
    let number = text.trim().parse().ok();
    number
        .filter(|number: &f64| number.fract() == 0.0 && (min..=max).contains(number))
        .map(|number| number as u32)
        .ok_or_else(|| expected(&format!("a whole number from {min} to {max}"), text))
}

/// The place of a word among others.
fn position(text: &str, words: &[&str], also: Option<&str>) -> Result<usize, String> {
    let wanted = text.trim();
    words
        .iter()
        .position(|word| word.eq_ignore_ascii_case(wanted))
        .ok_or_else(|| {
            let also = also.map_or_else(String::new, |also| format!(", or {also}"));
            expected(&format!("one of {}{also}", words.join(", ")), text)
        })
}

fn cleanup(cleanup: Cleanup) -> String {
    if cleanup == Cleanup::default() {
        return CLEANUPS[0].to_owned();
    }
    if Cleanup::USUAL.parse() == Ok(cleanup) {
        return CLEANUPS[1].to_owned();
    }
    let Cleanup {
        close,
        open,
        min_island,
        max_hole,
    } = cleanup;
    format!("close={close},open={open},min_island={min_island},max_hole={max_hole}")
}

fn read_cleanup(text: &str) -> Result<Cleanup, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "off" => Ok(Cleanup::default()),
        "usual" => Cleanup::USUAL.parse(),
        steps if steps.contains('=') => steps.parse(),
        _ => Err(expected(
            "off, usual, or steps as close=3,open=3,min_island=64,max_hole=64",
            text,
        )),
    }
}

fn read_masks(text: &str) -> Result<Masks, String> {
    let text = text.trim();
    if let Ok(rate) = text.parse::<f64>() {
        let is_in_range = (0.01..=1000.0).contains(&rate);
        return is_in_range
            .then_some(Masks::PerSecond(rate))
            .ok_or_else(|| expected(A_RATE, text));
    }
    Ok(match position(text, &MASKS[..3], Some(A_RATE))? {
        0 => Masks::All,
        1 => Masks::Changed,
        _ => Masks::Never,
    })
}

/// What is wrong with a value; the value itself is cut and has no control characters.
fn expected(what: &str, found: &str) -> String {
    const SHOWN: usize = 40;
    let found = found.trim();
    let shown: String = found
        .chars()
        .take(SHOWN)
        .flat_map(char::escape_debug)
        .collect();
    let more = if found.chars().count() > SHOWN {
        "..."
    } else {
        ""
    };
    format!("expected {what}, found '{shown}{more}'")
}

#[cfg(test)]
mod tests {
    use configuration::Config;
    use message::{CAMERA_SETTINGS, NODE_SETTINGS};

    use super::*;

    fn all() -> impl Iterator<Item = Handler> {
        OF_NODE.into_iter().chain([ENABLED, PROMPT])
    }

    fn handler(name: &str) -> Handler {
        all().find(|handler| handler.name == name).unwrap()
    }

    #[test]
    fn topics_are_reserved_for_exactly_these_settings() {
        let mut names = OF_NODE.map(|handler| handler.name);
        names.sort_unstable();
        assert_eq!(names, NODE_SETTINGS);
        assert_eq!([ENABLED.name, PROMPT.name], CAMERA_SETTINGS);
    }

    #[test]
    fn what_is_read_can_be_applied() {
        let mut now = Adjustable::of(&Config::default());
        for handler in all() {
            let value = (handler.read)(&now, 0);
            let before = now.clone();
            (handler.apply)(&mut now, 0, &value).unwrap();
            assert_eq!(now, before, "{}", handler.name);
        }
    }

    #[test]
    fn every_option_of_a_choice_is_taken_as_it_stands() {
        let mut now = Adjustable::of(&Config::default());
        for handler in all() {
            if let SettingKind::Choice { options, .. } = (handler.kind)() {
                for option in options {
                    (handler.apply)(&mut now, 0, &option).unwrap();
                    assert_eq!((handler.read)(&now, 0), option, "{}", handler.name);
                }
            }
        }
    }

    #[test]
    fn values_are_taken_or_refused_with_what_is_expected() {
        let cases = [
            ("confidence", " 0.5 ", Ok("0.5")),
            ("confidence", "1", Ok("1")),
            ("confidence", "1.01", Err("0 to 1, found '1.01'")),
            ("confidence", "NaN", Err("0 to 1")),
            ("confidence", "inf", Err("0 to 1")),
            ("confidence", "", Err("found ''")),
            ("confidence", "0,5", Err("0 to 1")),
            ("max_segments", "10.0", Ok("10")),
            ("max_segments", "0", Err("whole number from 1 to 8400")),
            ("max_segments", "1.5", Err("whole number")),
            ("min_area", "-1", Err("0 to 100000000")),
            ("cleanup", "Usual", Ok("usual")),
            (
                "cleanup",
                "close=5",
                Ok("close=5,open=0,min_island=0,max_hole=0"),
            ),
            ("cleanup", "close=4", Err("4 is no kernel")),
            ("cleanup", "a lot", Err("off, usual, or steps")),
            ("mask_format", "Polygon", Ok("polygon")),
            (
                "mask_format",
                "png",
                Err("one of rle, counts, polygon, none, found 'png'"),
            ),
            ("masks", "2.5", Ok("2.5")),
            ("masks", "changed", Ok("changed")),
            ("masks", "0", Err("0.01 to 1000")),
            ("masks", "sometimes", Err("or how many a second")),
            ("labelmap", "on", Ok("ON")),
            ("labelmap", "yes", Err("ON or OFF")),
            ("snapshot_interval_s", "0", Ok("0")),
            ("snapshot_interval_s", "0.05", Err("0 for none")),
            ("log_level", "DEBUG", Ok("debug")),
            (
                "log_level",
                "loud",
                Err("one of error, warn, info, debug, trace"),
            ),
            ("enabled", "OFF", Ok("OFF")),
            ("prompt", " a red cup ", Ok("a red cup")),
            ("prompt", "", Ok("")),
            ("prompt", "a\nb", Err("control")),
        ];
        for (name, text, expected) in cases {
            let mut now = Adjustable::of(&Config::default());
            let before = now.clone();
            let handler = handler(name);
            let outcome = (handler.apply)(&mut now, 0, text);
            match expected {
                Ok(value) => {
                    assert_eq!(outcome, Ok(()), "{name} {text:?}");
                    assert_eq!((handler.read)(&now, 0), value, "{name} {text:?}");
                }
                Err(cause) => {
                    let error = outcome.unwrap_err();
                    assert!(error.contains(cause), "{name} {text:?}: {error}");
                    assert_eq!(now, before, "{name} {text:?}");
                }
            }
        }
        let long = "x\u{7}".repeat(500);
        let error = read_switch(&long).unwrap_err();
        assert!(error.len() < 400 && !error.contains('\u{7}'), "{error}");
    }
}
