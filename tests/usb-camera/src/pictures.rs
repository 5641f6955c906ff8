//! The pictures that the camera sends: a few of the synthetic scene, over and over, made when
//! their format is first asked for.

use std::collections::HashMap;

use anyhow::Context as _;
use camera::synthetic::{Scene, SceneSettings};
use frame::{Frame, Size};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

/// How many there are of each format and size.
const PICTURES: u64 = 8;
/// What webcams compress to.
const QUALITY: u8 = 80;

/// What a picture is sent as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Encoding {
    Mjpeg,
    Yuyv,
}

/// All pictures that were asked for so far.
pub(crate) struct Pictures {
    seed: u64,
    huffman_tables: bool,
    made: HashMap<(Encoding, Size), Vec<Vec<u8>>>,
}

impl Pictures {
    /// Pictures of one scene; JPEGs may go without their Huffman tables.
    pub(crate) fn new(seed: u64, huffman_tables: bool) -> Self {
        Self {
            seed,
            huffman_tables,
            made: HashMap::new(),
        }
    }

    /// The `number`th picture.
    pub(crate) fn get(
        &mut self,
        encoding: Encoding,
        size: Size,
        number: u64,
    ) -> anyhow::Result<&[u8]> {
        if !self.made.contains_key(&(encoding, size)) {
            let pictures = self.make(encoding, size)?;
            self.made.insert((encoding, size), pictures);
        }
        let pictures = &self.made[&(encoding, size)];
        Ok(&pictures[(number % PICTURES) as usize])
    }

    fn make(&self, encoding: Encoding, size: Size) -> anyhow::Result<Vec<Vec<u8>>> {
        let scene = Scene::new(SceneSettings {
            size,
            seed: self.seed,
            ..SceneSettings::default()
        })?;
        let mut frame = Frame::empty();
        (0..PICTURES)
            .map(|sequence| {
                scene.render(sequence, &mut frame);
                match encoding {
                    Encoding::Mjpeg => mjpeg(&frame, self.huffman_tables),
                    Encoding::Yuyv => Ok(yuyv(&frame)),
                }
            })
            .collect()
    }
}

fn mjpeg(frame: &Frame, huffman_tables: bool) -> anyhow::Result<Vec<u8>> {
    let mut jpeg = Vec::new();
    let mut encoder = Encoder::new(&mut jpeg, QUALITY);
    encoder.set_sampling_factor(SamplingFactor::R_4_2_2);
    let Size { width, height } = frame.size;
    encoder
        .encode(&frame.data, width as u16, height as u16, ColorType::Rgb)
        .context("no JPEG")?;
    Ok(if huffman_tables {
        jpeg
    } else {
        without_huffman_tables(&jpeg)
    })
}

/// Leaves out the segments that define Huffman tables: those of JPEG's annex K are meant then.
fn without_huffman_tables(jpeg: &[u8]) -> Vec<u8> {
    const DEFINE_HUFFMAN_TABLES: u8 = 0xC4;
    const START_OF_SCAN: u8 = 0xDA;
    let (start_of_image, mut rest) = jpeg.split_at(2);
    let mut kept = start_of_image.to_vec();
    while let [0xFF, marker, high, low, ..] = *rest
        && marker != START_OF_SCAN
    {
        let (segment, after) = rest.split_at(2 + usize::from(u16::from_be_bytes([high, low])));
        if marker != DEFINE_HUFFMAN_TABLES {
            kept.extend_from_slice(segment);
        }
        rest = after;
    }
    kept.extend_from_slice(rest);
    kept
}

/// ITU-R BT.601 in the range of video, two pixels a unit (colour is the left one's).
fn yuyv(frame: &Frame) -> Vec<u8> {
    let code = |weights: [f32; 3], offset: f32, rgb: &[u8]| {
        let sum: f32 = weights
            .iter()
            .zip(rgb)
            .map(|(weight, level)| weight * f32::from(*level))
            .sum();
        (sum + offset).round() as u8
    };
    let luma = |rgb| code([0.257, 0.504, 0.098], 16.0, rgb);
    frame
        .data
        .chunks_exact(6)
        .flat_map(|pair| {
            let (left, right) = pair.split_at(3);
            [
                luma(left),
                code([-0.148, -0.291, 0.439], 128.0, left),
                luma(right),
                code([0.439, -0.368, -0.071], 128.0, left),
            ]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jpeg_without_tables_is_the_same_picture() {
        let size = Size::new(640, 480);
        let decoded = [true, false].map(|tables| {
            let mut pictures = Pictures::new(1, tables);
            let jpeg = pictures.get(Encoding::Mjpeg, size, 0).unwrap();
            let has_tables = jpeg.windows(2).any(|marker| marker == [0xFF, 0xC4]);
            assert_eq!(has_tables, tables);
            let mut frame = Frame::empty();
            camera::mjpeg::Decoder::new(size, None)
                .decode(jpeg, &mut frame)
                .unwrap();
            frame.data
        });
        assert_eq!(decoded[0], decoded[1]);
    }

    #[test]
    fn yuyv_has_two_bytes_a_pixel() {
        let mut pictures = Pictures::new(1, true);
        let size = Size::new(640, 480);
        let bytes = pictures.get(Encoding::Yuyv, size, 9).unwrap();
        assert_eq!(bytes.len(), size.pixels() * 2);
    }
}
