//! The HEFs that fastsamd is made for: `hef/manifest.toml`, built into the program.

use hailort::hef_file::{HefArchitecture, LayerDirection, NetworkGroup, hex};
use serde::{Deserialize, Serialize};

const TEXT: &str = include_str!("../../../../../hef/manifest.toml");

/// The sha256 of an entry whose sum nobody has entered.
const UNKNOWN: &str = "unknown";

#[derive(Debug, Deserialize)]
struct Manifest {
    hef: Vec<Entry>,
}

/// A published HEF; what else the manifest says is `scripts/fetch-hef`'s.
#[derive(Debug, Deserialize)]
struct Entry {
    #[serde(flatten)]
    published: Published,
    input: String,
    outputs: Vec<String>,
    sha256: String,
}

/// What a HEF is published as.
#[derive(Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(super) struct Published {
    pub(super) name: String,
    pub(super) chip: String,
    pub(super) zoo: String,
}

/// What the manifest says of a file.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Origin {
    pub(super) verdict: Verdict,
    pub(super) entries: Vec<Published>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    /// It has the entry's sha256.
    Is,
    /// It has the entries' chip, inputs and outputs, and their sha256 is not known.
    MayBe,
    /// It is none of them.
    NotListed,
}

impl Origin {
    pub(super) fn find(
        sha256: [u8; 32],
        architecture: HefArchitecture,
        network: &NetworkGroup,
    ) -> anyhow::Result<Self> {
        let manifest: Manifest = toml::from_str(TEXT)?;
        Ok(manifest.find(&hex(sha256), architecture, network))
    }
}

impl Manifest {
    fn find(self, sha256: &str, architecture: HefArchitecture, network: &NetworkGroup) -> Origin {
        let (mut is, mut may_be) = (Vec::new(), Vec::new());
        for entry in self.hef {
            if entry.sha256.eq_ignore_ascii_case(sha256) {
                is.push(entry.published);
            } else if entry.sha256 == UNKNOWN && entry.describes(architecture, network) {
                may_be.push(entry.published);
            }
        }
        let (verdict, entries) = match (is.is_empty(), may_be.is_empty()) {
            (false, _) => (Verdict::Is, is),
            (true, false) => (Verdict::MayBe, may_be),
            (true, true) => (Verdict::NotListed, Vec::new()),
        };
        Origin { verdict, entries }
    }
}

impl Entry {
    /// Names are the compiler's to choose: chip and shapes are compared.
    fn describes(&self, architecture: HefArchitecture, network: &NetworkGroup) -> bool {
        let chip = match architecture {
            HefArchitecture::Hailo8 => "hailo8",
            HefArchitecture::Hailo8L => "hailo8l",
            _ => return false,
        };
        let shapes = |direction| {
            let mut shapes: Vec<String> = network
                .layers
                .iter()
                .filter(|layer| layer.direction == direction)
                .map(|layer| shape(layer.shape))
                .collect();
            shapes.sort_unstable();
            shapes
        };
        let mut outputs = self.outputs.clone();
        outputs.sort_unstable();
        // The input's type and colours stand behind its shape.
        let input = self.input.split(' ').next().unwrap_or_default();
        self.published.chip == chip
            && shapes(LayerDirection::Input) == [input]
            && shapes(LayerDirection::Output) == outputs
    }
}

/// Rows, columns and channels as the manifest writes them.
pub(super) fn shape([rows, columns, channels]: [u32; 3]) -> String {
    format!("{rows}x{columns}x{channels}")
}

#[cfg(test)]
mod tests {
    use hailort::hef_file::{DataOrder, Layer};

    use super::*;

    fn network(input: [u32; 3], output: [u32; 3]) -> NetworkGroup {
        let layer = |direction, shape| Layer {
            name: "layer".to_owned(),
            direction,
            shape,
            element_bytes: 1,
            scale: 1.0,
            zero_point: 0.0,
            order: DataOrder::Nhwc,
            transposed: false,
            scale_per_channel: false,
            muxed: false,
        };
        NetworkGroup {
            name: "network".to_owned(),
            contexts: 1,
            layers: vec![
                layer(LayerDirection::Input, input),
                layer(LayerDirection::Output, output),
            ],
            host_ops: Vec::new(),
        }
    }

    #[test]
    fn the_manifest_is_readable_and_its_sums_are_sums() {
        let manifest: Manifest = toml::from_str(TEXT).unwrap();
        for Entry {
            published, sha256, ..
        } in manifest.hef
        {
            let is_sum = sha256.len() == 64 && sha256.bytes().all(|c| c.is_ascii_hexdigit());
            assert!(sha256 == UNKNOWN || is_sum, "{published:?}: {sha256}");
        }
    }

    #[test]
    fn a_sum_says_what_it_is_and_shapes_what_it_may_be() {
        const SUM: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let text = format!(
            r#"
            [[hef]]
            name = "clip"
            chip = "hailo8"
            zoo = "v2"
            input = "224x224x3 uint8 RGB"
            outputs = ["1x1x512"]
            sha256 = "unknown"
            [[hef]]
            name = "clip"
            chip = "hailo8"
            zoo = "v1"
            input = "224x224x3 uint8 RGB"
            outputs = ["1x1x512"]
            sha256 = "{SUM}"
            "#
        );
        let clip = network([224, 224, 3], [1, 1, 512]);
        let larger = network([288, 288, 3], [1, 1, 640]);
        let other = "0".repeat(64);
        use HefArchitecture::{Hailo8, Hailo8L};
        for (sum, chip, network, verdict, zoo) in [
            (SUM, Hailo8, &clip, Verdict::Is, "v1"),
            // Another file than v1's, but perhaps v2's.
            (&other, Hailo8, &clip, Verdict::MayBe, "v2"),
            (&other, Hailo8L, &clip, Verdict::NotListed, ""),
            (&other, Hailo8, &larger, Verdict::NotListed, ""),
        ] {
            let manifest: Manifest = toml::from_str(&text).unwrap();
            let found = manifest.find(sum, chip, network);
            assert_eq!(found.verdict, verdict);
            let zoos: Vec<_> = found.entries.iter().map(|entry| &*entry.zoo).collect();
            assert_eq!(zoos.join(" "), zoo);
        }
    }
}
