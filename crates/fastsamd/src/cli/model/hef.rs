//! What a HEF holds, read without the runtime.
//!
//! A file that is damaged, or that libhailort would crash on, is described as far as it can be read,
//! and then reported as wrong input.

use std::path::Path;

use accelerator::hailo::fitting_group;
use hailort::hef_file::{Contents, Header, HefFile, Layer, LayerDirection, NetworkGroup, hex};
use serde::Serialize;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::manifest::{Origin, Published, Verdict, shape};
use crate::cli::exit;
use configuration::WrongInput;

pub(super) fn run(path: &Path, json: bool) -> anyhow::Result<()> {
    let shown = path.display();
    let wrong = |cause: &dyn std::fmt::Display| WrongInput::new(format!("{shown}: {cause}"));
    let file = HefFile::read(path).map_err(|error| wrong(&error))?;
    let header = file.header().map_err(|error| wrong(&error))?;
    let verified = file.verify().map_err(|error| wrong(&error));
    let contents = match (file.contents(), &verified) {
        (Ok(contents), _) => contents,
        // Why it can't be read is that it is damaged.
        (Err(_), Err(damage)) => return Err(WrongInput::new(damage).into()),
        (Err(error), Ok(())) => return Err(wrong(&error).into()),
    };
    let survives = contents.check().map_err(|error| wrong(&error));
    let report = Report::new(path, &file, &header, verified.is_ok(), contents)?;
    exit::say(&if json {
        serde_json::to_string_pretty(&report)?
    } else {
        report.table()
    })?;
    Ok(verified.and(survives)?)
}

/// What is in a HEF; the JSON is part of the contract with users.
#[derive(Debug, Serialize)]
struct Report {
    file: String,
    format: &'static str,
    size: usize,
    sha256: String,
    container: Container,
    architecture: String,
    compiler: String,
    compiled_at: Option<String>,
    format_version: u64,
    /// The oldest HailoRT that reads it.
    oldest_hailort: String,
    networks: Vec<Network>,
    /// Networks beyond those that HailoRT takes.
    more_networks: usize,
    fastsam: Fit,
    /// The network group that the daemon takes.
    network_group: Option<String>,
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
    /// What is computed on the host behind it.
    host_ops: Vec<String>,
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
        let (group, misfit) = match fitting_group(&contents) {
            Ok(group) => (Some(group), None),
            Err(why) => (None, Some(why.to_string())),
        };
        // What does not fit is compared with the manifest by its first network.
        let compared = group.or(contents.network_groups.first()).cloned();
        let manifest = Origin::find(sha256, contents.architecture, &compared.unwrap_or_default())?;
        let network_group = group.map(|group| group.name.clone());
        Ok(Self {
            file: path.display().to_string(),
            format: "hef",
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
            format_version: contents.format_version,
            oldest_hailort: format!("4.{}", contents.oldest_library),
            manifest,
            network_group,
            more_networks: contents.more_network_groups,
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
            ("HailoRT", format!("{} or later", self.oldest_hailort)),
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
            rows.extend(network.host_ops.iter().map(|op| ("on host", op.clone())));
        }
        if self.more_networks > 0 {
            rows.push(("network", format!("and {} more", self.more_networks)));
        }
        rows.push(("FastSAM", self.fastsam.text(self.network_group.as_deref())));
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
            host_ops: group.host_ops,
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
            format: match layer.element_bytes {
                1 => "uint8".to_owned(),
                2 => "uint16".to_owned(),
                bytes => format!("{bytes} bytes"),
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
    fn text(&self, group: Option<&str>) -> String {
        match (&self.reason, group) {
            (None, group) => format!(
                "fits: the input and the ten outputs of {} are FastSAM's",
                group.unwrap_or_default()
            ),
            (Some(reason), _) => format!("does not fit: {reason}"),
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
