//! The script: what goes wrong, and how the chip is.
//!
//! Each entry is `key = value`; what is not understood is reported as a violation. Frames are
//! numbered from 1 as they are written, since the library was opened.
//!
//! | key | value | what happens |
//! |---|---|---|
//! | `version` | `4.23.0` | the library's version |
//! | `device` | `present`, `none`, `busy`, `lost` | a lost device ends its streams, and releasing what was made on it never returns |
//! | `driver` | `ok`, `mismatch` | no vdevice: 76 |
//! | `service` | `running`, `missing`, `down` | of a vdevice shared between processes: 6, 77 |
//! | `firmware`, `page-size` | `ok`, `mismatch` or `refused` | no configuring: 16, 8 |
//! | `node` | `ok`, `closed` | no vdevice: 36, as without the device node or the right to it |
//! | `hef` | `ok`, `refused`, `crashes`, `hangs` | what becomes of a HEF: taken, 92, the process dies, the call never returns |
//! | `chip` | `hailo8`, `hailo8l` | refuses HEFs for another |
//! | `lose` | `5` | frame 5 never comes out |
//! | `lose-output` | `5:3` | frame 5 never comes out of the fourth output, by name |
//! | `late` | `5:1500` | frame 5 and what follows come 1500 ms late |
//! | `hang` | `5:vstreams`, `5:vdevice`, `5:never` | at frame 5 the chip hangs (for good, also if the script comes later); what cures it |
//! | `abort` | `5` | at frame 5 the streams abort until they are made anew |
//! | `alarm` | `5:hot`, `5:too-hot`, `5:cool`, `5:current` | at frame 5 the chip tells so |
//! | `throttling` | `on`, `off` | whether it slows down by itself |
//! | `frame-size` | `exact`, `short`, `padded` | what the first output's frames measure |
//! | `types` | `native`, `u8`, `u16` | what type all outputs have |
//! | `temperature` | `50` or `50+0.5` | degrees, and how many more with every reading |
//! | `pace` | `1` | times a Hailo-8's; 0 for as fast as the computer can |

use std::{
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use crate::alarm::Alarm;

/// Whether there is a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    /// There is.
    Present,
    /// There never was.
    None,
    /// Another process holds it.
    Busy,
    /// It has gone, and took what was made on it along.
    Lost,
}

/// The service that shares a chip between processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// It answers.
    Running,
    /// The library was built without it.
    Missing,
    /// Nobody answers.
    Down,
}

/// What gets a hanging chip going again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cure {
    /// New vstreams.
    VStreams,
    /// A new vdevice.
    VDevice,
    /// Nothing.
    Never,
}

/// What becomes of a HEF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hefs {
    /// It is judged by what is in it.
    Judged,
    /// It is not supported.
    Refused,
    /// It takes the process down.
    Crashing,
    /// The call does not return.
    Hanging,
}

/// What the first output's frames measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameSize {
    /// What its shape says.
    Exact,
    /// Less.
    Short,
    /// More.
    Padded,
}

/// What type the outputs have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Types {
    /// As the mock's network has them.
    Native,
    /// All 8-bit.
    U8,
    /// All 16-bit.
    U16,
}

/// What goes wrong, and how the chip is.
#[derive(Clone, Debug, PartialEq)]
pub struct Script {
    pub(crate) version: [u32; 3],
    pub(crate) device: Device,
    pub(crate) driver_mismatch: bool,
    pub(crate) node_closed: bool,
    pub(crate) firmware_mismatch: bool,
    pub(crate) page_size_refused: bool,
    pub(crate) hailo8l: bool,
    pub(crate) hefs: Hefs,
    pub(crate) lose: Vec<u64>,
    pub(crate) lose_output: Vec<(u64, usize)>,
    pub(crate) late: Option<(u64, u64)>,
    pub(crate) hang: Option<(u64, Cure)>,
    pub(crate) abort: Option<u64>,
    pub(crate) frame_size: FrameSize,
    pub(crate) types: Types,
    pub(crate) temperature: f32,
    pub(crate) temperature_rise: f32,
    pub(crate) pace: f64,
    pub(crate) service: Service,
    pub(crate) throttling: bool,
    pub(crate) alarm: Option<(u64, Alarm)>,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            version: [4, 23, 0],
            device: Device::Present,
            driver_mismatch: false,
            node_closed: false,
            firmware_mismatch: false,
            page_size_refused: false,
            hailo8l: false,
            hefs: Hefs::Judged,
            lose: Vec::new(),
            lose_output: Vec::new(),
            late: None,
            hang: None,
            abort: None,
            frame_size: FrameSize::Exact,
            types: Types::Native,
            temperature: 50.0,
            temperature_rise: 0.0,
            pace: 1.0,
            service: Service::Missing,
            throttling: true,
            alarm: None,
        }
    }
}

impl Script {
    /// Takes the entries of a text, separated by lines or `;`. Returns what was not understood.
    pub(crate) fn read(&mut self, text: &str) -> Vec<String> {
        text.split(['\n', ';'])
            .map(str::trim)
            .filter(|entry| !entry.is_empty() && !entry.starts_with('#'))
            .filter(|entry| self.entry(entry).is_none())
            .map(str::to_owned)
            .collect()
    }

    fn entry(&mut self, entry: &str) -> Option<()> {
        let (key, value) = entry.split_once('=')?;
        let value = value.trim();
        match key.trim() {
            "version" => {
                let numbers: Vec<u32> = value
                    .split('.')
                    .map(str::parse)
                    .collect::<Result<_, _>>()
                    .ok()?;
                self.version = numbers.try_into().ok()?;
            }
            "device" => {
                self.device = match value {
                    "present" => Device::Present,
                    "none" => Device::None,
                    "busy" => Device::Busy,
                    "lost" => Device::Lost,
                    _ => return None,
                }
            }
            "driver" => self.driver_mismatch = either(value, "ok", "mismatch")?,
            "node" => self.node_closed = either(value, "ok", "closed")?,
            "firmware" => self.firmware_mismatch = either(value, "ok", "mismatch")?,
            "page-size" => self.page_size_refused = either(value, "ok", "refused")?,
            "chip" => self.hailo8l = either(value, "hailo8", "hailo8l")?,
            "hef" => {
                self.hefs = match value {
                    "ok" => Hefs::Judged,
                    "refused" => Hefs::Refused,
                    "crashes" => Hefs::Crashing,
                    "hangs" => Hefs::Hanging,
                    _ => return None,
                }
            }
            "lose" => self.lose.push(value.parse().ok()?),
            "lose-output" => {
                let (frame, output) = value.split_once(':')?;
                self.lose_output
                    .push((frame.parse().ok()?, output.parse().ok()?));
            }
            "late" => {
                let (frame, by) = value.split_once(':')?;
                self.late = Some((frame.parse().ok()?, by.parse().ok()?));
            }
            "hang" => {
                let (frame, cure) = value.split_once(':')?;
                let cure = match cure {
                    "vstreams" => Cure::VStreams,
                    "vdevice" => Cure::VDevice,
                    "never" => Cure::Never,
                    _ => return None,
                };
                self.hang = Some((frame.parse().ok()?, cure));
            }
            "abort" => self.abort = Some(value.parse().ok()?),
            "frame-size" => {
                self.frame_size = match value {
                    "exact" => FrameSize::Exact,
                    "short" => FrameSize::Short,
                    "padded" => FrameSize::Padded,
                    _ => return None,
                }
            }
            "types" => {
                self.types = match value {
                    "native" => Types::Native,
                    "u8" => Types::U8,
                    "u16" => Types::U16,
                    _ => return None,
                }
            }
            "temperature" => {
                let (start, rise) = value.split_once('+').unwrap_or((value, "0"));
                self.temperature = start.parse().ok()?;
                self.temperature_rise = rise.parse().ok()?;
            }
            "service" => {
                self.service = match value {
                    "running" => Service::Running,
                    "missing" => Service::Missing,
                    "down" => Service::Down,
                    _ => return None,
                }
            }
            "throttling" => self.throttling = either(value, "off", "on")?,
            "alarm" => {
                let (frame, alarm) = value.split_once(':')?;
                let alarm = match alarm {
                    "cool" => Alarm::Temperature(0),
                    "hot" => Alarm::Temperature(1),
                    "too-hot" => Alarm::Temperature(2),
                    "current" => Alarm::Overcurrent,
                    _ => return None,
                };
                self.alarm = Some((frame.parse().ok()?, alarm));
            }
            "pace" => self.pace = value.parse().ok().filter(|pace: &f64| *pace >= 0.0)?,
            _ => return None,
        }
        Some(())
    }
}

fn either(value: &str, no: &str, yes: &str) -> Option<bool> {
    (value == yes || value == no).then_some(value == yes)
}

/// The script with the file it is read from.
pub(crate) struct ScriptFile {
    path: PathBuf,
    seen: Option<(SystemTime, u64)>,
    inline: String,
    script: Script,
}

impl ScriptFile {
    pub(crate) fn new(library: &Path) -> Self {
        Self {
            path: beside(library, "HAILORT_STANDIN_CONTROL", ".control"),
            seen: None,
            inline: std::env::var("HAILORT_STANDIN_SCRIPT").unwrap_or_default(),
            script: Script::default(),
        }
    }

    /// Reads the inline entries; done once.
    pub(crate) fn start(&mut self) -> Vec<String> {
        let inline = std::mem::take(&mut self.inline);
        let not_understood = self.script.read(&inline);
        self.inline = inline;
        not_understood
    }

    /// The script as it stands now, and what of it was not understood since last time.
    pub(crate) fn now(&mut self) -> (Script, Vec<String>) {
        let mut not_understood = Vec::new();
        let found = fs::metadata(&self.path)
            .and_then(|metadata| Ok((metadata.modified()?, metadata.len())))
            .ok();
        if found != self.seen {
            self.seen = found;
            self.script = Script::default();
            self.script.read(&self.inline);
            not_understood = self
                .script
                .read(&fs::read_to_string(&self.path).unwrap_or_default());
        }
        (self.script.clone(), not_understood)
    }
}

/// A file named by the environment, or lying beside the library.
pub(crate) fn beside(library: &Path, variable: &str, suffix: &str) -> PathBuf {
    std::env::var_os(variable).map_or_else(
        || {
            let mut path = library.as_os_str().to_owned();
            path.push(suffix);
            path.into()
        },
        PathBuf::from,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_read_and_others_named() {
        let mut script = Script::default();
        let wrong = script.read(
            "device = busy; lose = 3\n# note\nhang=7:vdevice\ntemperature = 50+0.5; pace = -1; what = 1",
        );
        assert_eq!(script.device, Device::Busy);
        assert_eq!(script.lose, [3]);
        assert_eq!(script.hang, Some((7, Cure::VDevice)));
        assert_eq!((script.temperature, script.temperature_rise), (50.0, 0.5));
        assert_eq!(wrong, ["pace = -1", "what = 1"]);
    }
}
