//! The script: what goes wrong. It is read anew whenever something depends on it.
//!
//! Each entry is `key = value`; what is not understood is ignored.
//!
//! | key | value | what happens |
//! |---|---|---|
//! | `version` | `1.32.0` | the library's version |
//! | `level` | `32` | the highest level of the interface that it serves |
//! | `lacks` | `118` | the member of this index is not there |
//! | `load` | `fine`, `refused` | whether it takes models |
//! | `elements` | `f32`, `f16`, `i64` | what inputs and outputs of models hold, `i64` only outputs |
//! | `run` | `fine`, `failing`, `hanging` | a run that hangs does so until it is terminated |

use std::path::PathBuf;

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Script {
    pub(crate) version: String,
    pub(crate) level: u32,
    pub(crate) lacks: Option<usize>,
    pub(crate) load: String,
    pub(crate) elements: String,
    pub(crate) run: String,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            version: "1.32.0".to_owned(),
            level: 32,
            lacks: None,
            load: "fine".to_owned(),
            elements: "f32".to_owned(),
            run: "fine".to_owned(),
        }
    }
}

impl Script {
    /// The script as it stands now.
    pub(crate) fn now() -> Self {
        let mut script = Self::default();
        script.read(&std::env::var("ONNXRUNTIME_STANDIN_SCRIPT").unwrap_or_default());
        script.read(&std::fs::read_to_string(beside(".control")).unwrap_or_default());
        script
    }

    fn read(&mut self, text: &str) {
        let entries = text
            .split(['\n', ';'])
            .filter_map(|entry| entry.split_once('='));
        for (key, value) in entries {
            let value = value.trim();
            match key.trim() {
                "version" => value.clone_into(&mut self.version),
                "level" => self.level = value.parse().unwrap_or(self.level),
                "lacks" => self.lacks = value.parse().ok(),
                "load" => value.clone_into(&mut self.load),
                "elements" => value.clone_into(&mut self.elements),
                "run" => value.clone_into(&mut self.run),
                _ => {}
            }
        }
    }
}

/// A file that lies beside the one that this code was loaded from.
pub(crate) fn beside(suffix: &str) -> PathBuf {
    let here = beside as *const () as usize;
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let own = maps.lines().find_map(|line| {
        // 7f12a000-7f12b000 r-xp 00001000 08:01 1234   /path
        let (from, rest) = line.split_once('-')?;
        let (to, rest) = rest.split_once(' ')?;
        let from = usize::from_str_radix(from, 16).ok()?;
        let to = usize::from_str_radix(to, 16).ok()?;
        let path = rest.find('/').map_or("", |at| &rest[at..]);
        (from..to).contains(&here).then(|| path.to_owned())
    });
    format!("{}{suffix}", own.unwrap_or_default()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_read() {
        let mut script = Script::default();
        script.read("level = 16; run=hanging\nwhat = 1");
        assert_eq!((script.level, script.run.as_str()), (16, "hanging"));
    }
}
