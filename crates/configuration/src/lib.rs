//! The configuration file: one YAML document, one tree of structs.
//!
//! Every key is optional and has a default with a reason; `config/fastsamd.yaml` shows them all.
//! Unknown keys are errors. Values are checked while they are parsed, so that a wrong one is
//! reported with the line and column it stands at; all mistakes are reported at once. Two
//! environment variables override the file: `FASTSAMD_MQTT_PASSWORD` and `FASTSAMD_LOG`.

mod accelerator;
mod access;
mod broker;
mod camera;
mod check;
mod choice;
mod classes;
mod document;
mod error;
mod file;
mod input_size;
mod machine;
mod mqtt;
mod named;
mod number;
mod onnx;
mod output;
mod password;
mod prompts;
mod quote;
mod segmentation;
mod sieve;
#[cfg(test)]
mod tests;
mod text;
mod watch;
mod web;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use ::camera::without_secrets;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use ::message::Secret;

pub use self::{
    accelerator::{Accelerator, Backend, Hailo, Mock, Replay, Sha256},
    access::closed_to_the_service,
    broker::Broker,
    camera::{Camera, Ffmpeg, Images, Rpicam, Source, StreamAddress, Synthetic, Transport, V4l2},
    classes::{Class, ClassError},
    error::{ConfigError, Mistake, WrongInput},
    mqtt::{HomeAssistant, Mqtt},
    onnx::{Onnx, OnnxEngine},
    output::{Level, Log, LogFormat, MaskFormat, Masks, Publish},
    prompts::StandingPrompt,
    quote::revealed,
    segmentation::{Cleanup, MaskSize, Segmentation},
    text::Text,
    watch::{Corners, Crossing, Ends, MAX_AREAS, Point, Tracking, Zone},
    web::Web,
};

/// Where the daemon looks for its configuration unless told otherwise.
pub const DEFAULT_PATH: &str = "/etc/fastsamd/config.yaml";

/// The configuration of fastsamd. Every key is optional; an empty file means all defaults.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Name of this machine in topics and messages; several nodes may share a broker. `auto` makes one of the
    /// hardware's serial number or MAC address, so that copies of a card have names of their own.
    #[serde(deserialize_with = "check::topic_level")]
    #[schemars(regex(pattern = r"^[A-Za-z0-9_.-]{1,64}$"))]
    pub node: String,
    /// The MQTT broker that everything is published to.
    #[serde(deserialize_with = "mqtt::section")]
    #[schemars(schema_with = "mqtt::schema")]
    pub mqtt: Mqtt,
    /// What runs the network.
    pub accelerator: Accelerator,
    /// Where frames come from: at least one, at most 16. Left out: one synthetic camera, `cam0`.
    #[serde(deserialize_with = "camera::list")]
    #[schemars(length(min = 1, max = 16))]
    pub cameras: Vec<Camera>,
    /// From the network's answer to segments.
    pub segmentation: Segmentation,
    /// When objects appear, leave and stand still.
    pub tracking: Tracking,
    /// Prompts that are asked of every frame. Others may be set over MQTT.
    pub prompts: Vec<StandingPrompt>,
    /// What text prompts are understood with. Default: null, nothing; they are refused.
    #[serde(deserialize_with = "check::optional_section")]
    pub text: Option<Text>,
    /// What goes out, and how often.
    pub publish: Publish,
    /// A page with live pictures and their masks, for browsers. Default: null, none.
    #[serde(deserialize_with = "check::optional_section")]
    pub web: Option<Web>,
    /// A folder of the daemon's own, for what is to outlive a restart: the ids that were given, and prompts, zones and
    /// lines that were set over MQTT. Default: the one that systemd gives; without one they are forgotten.
    pub state_directory: Option<PathBuf>,
    /// What the daemon says of itself on standard error.
    pub log: Log,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            node: "fastsamd".into(),
            mqtt: Mqtt::default(),
            accelerator: Accelerator::default(),
            cameras: vec![Camera::default()],
            segmentation: Segmentation::default(),
            tracking: Tracking::default(),
            prompts: Vec::new(),
            text: None,
            publish: Publish::default(),
            web: None,
            state_directory: None,
            log: Log::default(),
        }
    }
}

impl Config {
    /// Reads and checks a configuration file, fetches the password from `mqtt.password_file` or
    /// systemd's credentials, and applies the environment. Relative paths in the file are taken from the working directory.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = file::read(path)?;
        let mut config = Self::from_yaml(&text, path)?;
        config.check_prompts(&text, path)?;
        if config.node == machine::AUTO {
            config.node = machine::name().ok_or_else(|| ConfigError::File {
                path: path.to_owned(),
                cause: "node: auto: this machine has neither a serial number nor a network device; name it".into(),
            })?;
        }
        let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
        config.mqtt.read_password(credentials.as_deref())?;
        if let Some(web) = &mut config.web {
            web.read_token()?;
        }
        config.apply_environment(|name| std::env::var(name).ok())?;
        Ok(config)
    }

    /// Parses and checks a configuration text; `path` names it in errors. Paths that the text
    /// names must exist.
    pub fn from_yaml(text: &str, path: &Path) -> Result<Self, ConfigError> {
        if let Some((line, column)) = password::cut_off(text) {
            return Err(ConfigError::Text(vec![Mistake {
                path: path.to_owned(),
                line,
                column,
                cause: "a '#' behind a blank begins a comment: put the password in quotes".into(),
            }]));
        }
        // Nothing but comments is a null document.
        document::parse(text, path, &environment()).map(Option::unwrap_or_default)
    }

    /// Checks the standing prompts beside the cameras and the text model.
    fn check_prompts(&self, text: &str, path: &Path) -> Result<(), ConfigError> {
        let names: Vec<_> = self.cameras.iter().map(|camera| &*camera.name).collect();
        let wrong = prompts::mistakes(&self.prompts, &names, self.text.is_some());
        if wrong.is_empty() {
            return Ok(());
        }
        Err(document::mistakes_of_prompts(
            text,
            path,
            &environment(),
            wrong,
        ))
    }

    /// What may be shown of it: no password, and of texts that are addresses neither user nor query,
    /// wherever they stand.
    pub fn public(&self) -> serde_json::Value {
        let mut shown = serde_json::to_value(self).unwrap_or_default();
        hide_addresses(&mut shown);
        shown
    }

    /// Overrides what the environment sets; `variable` looks one up.
    fn apply_environment(
        &mut self,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<(), ConfigError> {
        if let Some(password) = variable("FASTSAMD_MQTT_PASSWORD") {
            self.mqtt.password = Some(Secret::new(password));
        }
        if let Some(level) = variable("FASTSAMD_LOG") {
            self.log.level = Level::from_name(&level).ok_or(ConfigError::Environment {
                variable: "FASTSAMD_LOG",
                expected: "error, warn, info, debug or trace",
            })?;
        }
        Ok(())
    }
}

/// The variables of the environment that are texts.
fn environment() -> HashMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// Takes the secrets out of every text that is an address.
fn hide_addresses(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::String(text) => *text = without_secrets(text),
        serde_json::Value::Array(list) => list.iter_mut().for_each(hide_addresses),
        serde_json::Value::Object(map) => map.values_mut().for_each(hide_addresses),
        _ => {}
    }
}
