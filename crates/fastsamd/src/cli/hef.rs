//! `hef`: what a HEF holds, read without the runtime.
//!
//! A damaged file is described as far as it can be read, and then reported as wrong input.

mod manifest;

use std::path::{Path, PathBuf};

use clap::Args;
use frame::InputSize;
use hailort::hef_file::{Contents, Header, HefFile, Layer, LayerDirection, NetworkGroup, hex};
use serde::Serialize;
use tensors::{ElementType, Layout, QuantInfo, TensorInfo};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use self::manifest::{Origin, Published, Verdict, shape};
use super::exit;
use configuration::WrongInput;

/// Which HEF.
#[derive(Debug, Args)]
pub(super) struct HefArgs {
    /// The HEF.
    file: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &HefArgs) -> anyhow::Result<()> {
    let path = arguments.file.display();
    let wrong = |cause: &dyn std::fmt::Display| WrongInput::new(format!("{path}: {cause}"));
    let file = HefFile::read(&arguments.file).map_err(|error| wrong(&error))?;
    let header = file.header().map_err(|error| wrong(&error))?;
    let verified = file.verify().map_err(|error| wrong(&error));
    let contents = match (file.contents(), &verified) {
        (Ok(contents), _) => contents,
        // Why it can't be read is that it is damaged.
        (Err(_), Err(damage)) => return Err(WrongInput::new(damage).into()),
        (Err(error), Ok(())) => return Err(wrong(&error).into()),
    };
    let report = Report::new(&arguments.file, &file, &header, verified.is_ok(), contents)?;
    exit::say(&if arguments.json {
        serde_json::to_string_pretty(&report)?
    } else {
        report.table()
    })?;
    Ok(verified?)
}

/// What is in a HEF; the JSON is part of the contract with users.
#[derive(Debug, Serialize)]
struct Report {
    file: String,
    size: usize,
    sha256: String,
    container: Container,
    architecture: String,
    compiler: String,
    compiled_at: Option<String>,
    networks: Vec<Network>,
    fastsam: Fit,
    manifest: Origin,
}

#[derive(Debug, Serialize)]
struct Container {
    version: u32,
    header_size: usize,
    message_size: u32,
    ccws_size: Option<u64>,
    padding_size: u32,
    additional_size: u64,
    hash: HashReport,
}

#[derive(Debug, Serialize)]
struct HashReport {
    kind: &'static str,
    value: String,
    verified: bool,
}

#[derive(Debug, Serialize)]
struct Network {
    name: String,
    contexts: usize,
    inputs: Vec<Stream>,
    outputs: Vec<Stream>,
}

/// An input or an output.
#[derive(Debug, Serialize)]
struct Stream {
    name: String,
    shape: [u32; 3],
    format: String,
    scale: f32,
    zero_point: f32,
}

/// Whether the daemon can run it.
#[derive(Debug, Serialize)]
struct Fit {
    fits: bool,
    reason: Option<String>,
}

impl Report {
    fn new(
        path: &Path,
        file: &HefFile,
        header: &Header,
        verified: bool,
        contents: Contents,
    ) -> anyhow::Result<Self> {
        let sha256 = file.sha256();
        // As the library does, the daemon takes the first network.
        let first = contents.network_groups.first().cloned().unwrap_or_default();
        let misfit = check_fit(&first).err();
        Ok(Self {
            file: path.display().to_string(),
            size: file.bytes().len(),
            sha256: hex(sha256),
            container: Container {
                version: header.version,
                header_size: header.size(),
                message_size: header.message_size,
                ccws_size: header.ccws_size,
                padding_size: header.padding_size,
                additional_size: header.additional_size,
                hash: HashReport {
                    kind: header.hash.kind(),
                    value: header.hash.to_string(),
                    verified,
                },
            },
            architecture: contents.architecture.to_string(),
            compiler: contents.sdk_version,
            compiled_at: rfc3339(contents.timestamp),
            manifest: Origin::find(sha256, contents.architecture, &first)?,
            networks: contents
                .network_groups
                .into_iter()
                .map(Network::from)
                .collect(),
            fastsam: Fit {
                fits: misfit.is_none(),
                reason: misfit,
            },
        })
    }

    fn table(&self) -> String {
        let Container {
            version,
            header_size,
            message_size,
            ccws_size,
            additional_size,
            hash,
            ..
        } = &self.container;
        let mut rows = vec![
            ("file", self.file.clone()),
            ("size", format!("{} bytes", self.size)),
            ("sha256", self.sha256.clone()),
            (
                "container",
                format!(
                    "version {version}: header {header_size}, description {message_size}, \
                     weights {}, additional {additional_size} bytes",
                    ccws_size.unwrap_or(0)
                ),
            ),
            (
                "hash",
                format!(
                    "{} {}, {}",
                    hash.kind,
                    hash.value,
                    if hash.verified { "verified" } else { "wrong" }
                ),
            ),
            ("chip", self.architecture.clone()),
            (
                "compiled",
                format!(
                    "{} by Dataflow Compiler {}",
                    self.compiled_at.as_deref().unwrap_or("at an unknown time"),
                    self.compiler
                ),
            ),
        ];
        for network in &self.networks {
            rows.push((
                "network",
                format!("{}, contexts: {}", network.name, network.contexts),
            ));
            let width = network.longest_name();
            let streams = [("input", &network.inputs), ("output", &network.outputs)];
            for (direction, streams) in streams {
                rows.extend(streams.iter().map(|stream| (direction, stream.row(width))));
            }
        }
        rows.push(("FastSAM", self.fastsam.text()));
        rows.push(("manifest", self.manifest.text()));
        rows.into_iter()
            // Names in the file are outside text.
            .map(|(what, text)| format!("{what:<10} {}", exit::printable(&text)))
            .collect::<Vec<_>>()
            .join("\n")
    }
}

impl From<NetworkGroup> for Network {
    fn from(group: NetworkGroup) -> Self {
        let (inputs, outputs): (Vec<_>, Vec<_>) = group
            .layers
            .into_iter()
            .partition(|layer| layer.direction == LayerDirection::Input);
        let streams = |layers: Vec<Layer>| layers.into_iter().map(Stream::from).collect();
        Self {
            name: group.name,
            contexts: group.contexts,
            inputs: streams(inputs),
            outputs: streams(outputs),
        }
    }
}

impl Network {
    fn longest_name(&self) -> usize {
        let streams = self.inputs.iter().chain(&self.outputs);
        streams
            .map(|stream| stream.name.chars().count())
            .max()
            .unwrap_or(0)
    }
}

impl From<Layer> for Stream {
    fn from(layer: Layer) -> Self {
        Self {
            format: match element_type(&layer) {
                Some(ElementType::U8) => "uint8".to_owned(),
                Some(ElementType::U16) => "uint16".to_owned(),
                None => format!("{} bytes", layer.element_bytes),
            },
            name: layer.name,
            shape: layer.shape,
            scale: layer.scale,
            zero_point: layer.zero_point,
        }
    }
}

impl Stream {
    fn row(&self, name_width: usize) -> String {
        let Self {
            name,
            shape: sides,
            format,
            scale,
            zero_point,
        } = self;
        let shape = shape(*sides);
        format!("{name:<name_width$}  {shape:<11}  {format:<6}  (q - {zero_point}) * {scale}")
    }
}

impl Fit {
    fn text(&self) -> String {
        match &self.reason {
            None => "fits: the input and the ten outputs are FastSAM's".to_owned(),
            Some(reason) => format!("does not fit: {reason}"),
        }
    }
}

impl Origin {
    fn text(&self) -> String {
        let entries: Vec<_> = self
            .entries
            .iter()
            .map(|Published { name, chip, zoo }| format!("{name} {chip} {zoo}"))
            .collect();
        let entries = entries.join(" or ");
        match self.verdict {
            Verdict::Is => format!("is {entries}"),
            Verdict::MayBe => format!("may be {entries}, by its shapes: no sha256 is known"),
            Verdict::NotListed => "not listed".to_owned(),
        }
    }
}

/// Seconds since 1970 as a date; `None` for 0, which stands for unknown, and for what is no date.
fn rfc3339(timestamp: u64) -> Option<String> {
    let seconds = i64::try_from(timestamp).ok().filter(|&s| s != 0)?;
    let date = OffsetDateTime::from_unix_timestamp(seconds).ok()?;
    date.format(&Rfc3339).ok()
}

fn element_type(layer: &Layer) -> Option<ElementType> {
    match layer.element_bytes {
        1 => Some(ElementType::U8),
        2 => Some(ElementType::U16),
        _ => None,
    }
}

/// Says why the daemon can't run a network.
fn check_fit(network: &NetworkGroup) -> Result<(), String> {
    let (inputs, outputs): (Vec<&Layer>, Vec<&Layer>) = network
        .layers
        .iter()
        .partition(|layer| layer.direction == LayerDirection::Input);
    let [input] = inputs[..] else {
        return Err(format!("it has {} inputs, FastSAM has one", inputs.len()));
    };
    let [height, width, channels] = input.shape;
    if channels != 3 || input.element_bytes != 1 {
        return Err(format!(
            "its input is {} of {} bytes, FastSAM's height x width x 3 of 1",
            shape(input.shape),
            input.element_bytes
        ));
    }
    let size = InputSize::new(width, height).map_err(|error| format!("its input is {error}"))?;
    let outputs = outputs
        .into_iter()
        .map(tensor_info)
        .collect::<Result<Vec<_>, _>>()?;
    Layout::bind(&outputs, size)
        .map(|_| ())
        .map_err(|error| error.to_string())
}

fn tensor_info(layer: &Layer) -> Result<TensorInfo, String> {
    let element_type = element_type(layer).ok_or_else(|| {
        format!(
            "output '{}' has elements of {} bytes, expected 1 or 2",
            layer.name, layer.element_bytes
        )
    })?;
    Ok(TensorInfo {
        name: layer.name.clone(),
        shape: layer.shape.map(|side| side as usize),
        element_type,
        quant: QuantInfo {
            scale: layer.scale,
            zero_point: layer.zero_point,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_that_are_none() {
        for (timestamp, expected) in [
            (0, None),
            (1_735_689_600, Some("2025-01-01T00:00:00Z")),
            (1 << 62, None),
            (u64::MAX, None),
        ] {
            assert_eq!(rfc3339(timestamp).as_deref(), expected, "{timestamp}");
        }
    }
}
