//! What an ONNX file holds: read and tried with the engine that would run it.

use std::{collections::BTreeMap, path::Path};

use accelerator::onnx::{self, Examined, Heads, Kind, Model, OnnxSettings, Report};
use configuration::WrongInput;
use hailort::hef_file::hex;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::cli::exit;

/// What its exporter writes into a file that says what the file is.
const KEYS: [&str; 7] = [
    "description",
    "author",
    "version",
    "license",
    "task",
    "imgsz",
    "date",
];

pub(super) fn run(path: &Path, json: bool) -> anyhow::Result<()> {
    let wrong = |error: onnx::OnnxBackendError| WrongInput::new(error);
    let bytes = ::onnx::read(path, onnx::MOST_BYTES).map_err(|error| wrong(error.into()))?;
    let (size, sha256) = (bytes.len(), hex(Sha256::digest(&bytes).into()));
    drop(bytes);
    let examined = onnx::examine(&OnnxSettings::new(Model::of(Some(path)))).map_err(wrong)?;
    let description = Description::new(path, size, sha256, examined);
    exit::say(&if json {
        serde_json::to_string_pretty(&description)?
    } else {
        description.table()
    })
}

/// What is in an ONNX file; the JSON is part of the contract with users.
#[derive(Debug, Serialize)]
struct Description {
    file: String,
    format: &'static str,
    size: usize,
    sha256: String,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
    metadata: BTreeMap<&'static str, String>,
    engine: String,
    fastsam: Fit,
    /// `null` where it can't be run.
    network: Option<Network>,
}

#[derive(Debug, Serialize)]
struct Port {
    name: String,
    /// `null` for an axis that is free.
    shape: Vec<Option<usize>>,
    format: String,
}

/// Whether the daemon can run it.
#[derive(Debug, Serialize)]
struct Fit {
    fits: bool,
    reason: Option<String>,
}

/// What the daemon sees in it.
#[derive(Debug, Serialize)]
struct Network {
    /// Columns and rows.
    input: [u32; 2],
    heads: &'static str,
    classes: usize,
    class_names: Vec<String>,
    inference_ms: f64,
    frames_per_second: f64,
}

impl Description {
    fn new(path: &Path, size: usize, sha256: String, examined: Examined) -> Self {
        let ports = |ports: &[::onnx::SessionPort]| {
            let port = |port: &::onnx::SessionPort| Port {
                name: port.name.clone(),
                shape: port.shape.clone(),
                format: port.element_type.to_string(),
            };
            ports.iter().map(port).collect()
        };
        let metadata = |key| Some((key, examined.metadata(key)?));
        let metadata = KEYS.into_iter().filter_map(metadata).collect();
        let (inputs, outputs) = (ports(examined.inputs()), ports(examined.outputs()));
        let engine = examined.engine().to_owned();
        let tried = match examined.kind() {
            Ok(_) => examined.try_out().map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        let (network, reason) = match tried {
            Ok(report) => (Some(Network::from(&report)), None),
            Err(reason) => (None, Some(reason)),
        };
        Self {
            file: path.display().to_string(),
            format: "onnx",
            size,
            sha256,
            inputs,
            outputs,
            metadata,
            engine,
            fastsam: Fit {
                fits: network.is_some(),
                reason,
            },
            network,
        }
    }

    fn table(&self) -> String {
        let mut rows = vec![
            ("file", self.file.clone()),
            ("size", format!("{} bytes", self.size)),
            ("sha256", self.sha256.clone()),
        ];
        let metadata = self.metadata.iter();
        rows.extend(metadata.map(|(key, text)| (*key, text.clone())));
        rows.extend(self.inputs.iter().map(|port| ("input", port.row())));
        rows.extend(self.outputs.iter().map(|port| ("output", port.row())));
        match (&self.network, &self.fastsam.reason) {
            (Some(network), _) => rows.extend(network.rows(&self.engine)),
            (None, reason) => {
                let reason = reason.clone().unwrap_or_default();
                rows.push(("FastSAM", format!("does not fit: {reason}")));
            }
        }
        let row = |(what, text): (&str, String)| format!("{what:<11} {}", exit::printable(&text));
        // Names and metadata are outside text.
        rows.into_iter().map(row).collect::<Vec<_>>().join("\n")
    }
}

impl From<&Report> for Network {
    fn from(report: &Report) -> Self {
        let Kind {
            input,
            classes,
            heads,
        } = &report.kind;
        Self {
            input: [input.width(), input.height()],
            heads: match heads {
                Heads::Two { .. } => "predictions and prototypes",
                Heads::Ten { .. } => "ten heads",
            },
            classes: classes.count(),
            class_names: classes.names().to_vec(),
            inference_ms: report.inference.as_micros() as f64 / 1000.0,
            frames_per_second: (report.frames_per_second() * 10.0).round() / 10.0,
        }
    }
}

impl Network {
    fn rows(&self, engine: &str) -> Vec<(&'static str, String)> {
        let Self {
            input: [width, height],
            heads,
            classes,
            class_names,
            inference_ms,
            frames_per_second,
        } = self;
        let mut rows = Vec::new();
        if *classes > 1 {
            let names = class_names.join(", ");
            rows.push(("classes", format!("{classes}: {names}")));
        }
        rows.push((
            "FastSAM",
            format!("fits: {heads} of FastSAM's form, for an input of {width}x{height}"),
        ));
        rows.push((
            "speed",
            format!(
                "one inference takes {inference_ms:.1} ms here with {engine}: \
                 {frames_per_second:.1} frames per second"
            ),
        ));
        rows
    }
}

impl Port {
    fn row(&self) -> String {
        let side = |side: &Option<usize>| side.map_or("?".to_owned(), |side| side.to_string());
        let sides: Vec<String> = self.shape.iter().map(side).collect();
        format!("{}  {}  {}", self.name, sides.join("x"), self.format)
    }
}
