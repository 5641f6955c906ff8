//! Which of the HEFs that fastsamd is made for a file is, by the manifest.

use fetch::{HefEntry, Manifest};
use hailort::hef_file::{HefArchitecture, LayerDirection, NetworkGroup, hex};
use serde::Serialize;

/// What a HEF is published as.
#[derive(Debug, PartialEq, Eq, Serialize)]
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
        let manifest = Manifest::built_in()?;
        let sha256 = hex(sha256);
        Ok(Self::among(&manifest.hef, &sha256, architecture, network))
    }

    fn among(
        entries: &[HefEntry],
        sha256: &str,
        architecture: HefArchitecture,
        network: &NetworkGroup,
    ) -> Self {
        let (mut is, mut may_be) = (Vec::new(), Vec::new());
        for entry in entries {
            match &entry.sha256 {
                Some(sum) if sum.as_str() == sha256 => is.push(Published::from(entry)),
                None if describes(entry, architecture, network) => {
                    may_be.push(Published::from(entry));
                }
                _ => {}
            }
        }
        let (verdict, entries) = match (is.is_empty(), may_be.is_empty()) {
            (false, _) => (Verdict::Is, is),
            (true, false) => (Verdict::MayBe, may_be),
            (true, true) => (Verdict::NotListed, Vec::new()),
        };
        Self { verdict, entries }
    }
}

impl From<&HefEntry> for Published {
    fn from(entry: &HefEntry) -> Self {
        Self {
            name: entry.name.clone(),
            chip: entry.chip.clone(),
            zoo: entry.zoo.clone(),
        }
    }
}

/// Names are the compiler's to choose: chip and shapes are compared.
fn describes(entry: &HefEntry, architecture: HefArchitecture, network: &NetworkGroup) -> bool {
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
    let mut outputs = entry.outputs.clone();
    outputs.sort_unstable();
    // The input's type and colours stand behind its shape.
    let input = entry.input.split(' ').next().unwrap_or_default();
    entry.chip == chip
        && shapes(LayerDirection::Input) == [input]
        && shapes(LayerDirection::Output) == outputs
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
    fn a_sum_says_what_it_is_and_shapes_what_it_may_be() {
        const SUM: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let text = format!(
            r#"
            places = []
            hailort = {{}}
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
        let manifest = Manifest::read(&text).unwrap();
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
            let found = Origin::among(&manifest.hef, sum, chip, network);
            assert_eq!(found.verdict, verdict);
            let zoos: Vec<_> = found.entries.iter().map(|entry| &*entry.zoo).collect();
            assert_eq!(zoos.join(" "), zoo);
        }
    }
}
