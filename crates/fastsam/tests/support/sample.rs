//! The recordings under `tests/data/samples`, and what the reference made of them.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::DeflateDecoder;
use frame::{InputSize, Letterbox, Size};
use npyz::{Deserialize, NpyFile};
use rawzip::{CompressionMethod, ZipArchive};
use serde_json::Value;
use tensors::{ElementType, Layout, QuantInfo, Role, TensorInfo, Tensors};

/// A recording.
pub struct Sample {
    pub folder: PathBuf,
    pub layout: Layout,
    pub tensors: Tensors,
    pub letterbox: Letterbox,
}

/// What the reference made of a recording: one setting, one mask size.
pub struct Expected {
    pub anchors: Vec<i64>,
    pub scores: Vec<f32>,
    pub boxes640: Vec<f32>,
    pub crop_boxes: Vec<f32>,
    /// For masks that are not empty.
    pub boxes: Vec<f32>,
    pub size: Size,
    /// For each mask, its pixels, 0 or 1.
    pub masks: Vec<Vec<u8>>,
    /// For each mask: `area`, `bbox`, `contours`, `components8`.
    pub measures: Vec<Value>,
}

impl Sample {
    pub fn open(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../tests/data/samples")
            .join(name);
        let manifest: Value =
            serde_json::from_reader(File::open(folder.join("manifest.json")).unwrap()).unwrap();
        let outputs = manifest["outputs"].as_array().unwrap();
        let number = |value: &Value| value.as_f64().unwrap() as f32;
        let infos: Vec<TensorInfo> = outputs
            .iter()
            .map(|output| TensorInfo {
                name: output["name"].as_str().unwrap().into(),
                shape: std::array::from_fn(|i| output["shape"][i].as_u64().unwrap() as usize),
                element_type: match output["dtype"].as_str().unwrap() {
                    "uint8" => ElementType::U8,
                    "uint16" => ElementType::U16,
                    other => panic!("dtype {other}"),
                },
                quant: QuantInfo {
                    scale: number(&output["scale"]),
                    zero_point: number(&output["zero_point"]),
                },
            })
            .collect();
        let layout = Layout::bind(&infos, InputSize::DEFAULT).unwrap();
        let mut tensors = Tensors::for_layout(&layout);
        for role in Role::ALL {
            let file = outputs[layout.source(role)]["file"].as_str().unwrap();
            let path = folder.join(file);
            if let Some(elements) = tensors.u8_mut(role) {
                elements.copy_from_slice(&npy(&path));
            } else if let Some(elements) = tensors.u16_mut(role) {
                elements.copy_from_slice(&npy(&path));
            }
        }
        let side = |key: &str| manifest["frame"][key].as_u64().unwrap() as u32;
        Self {
            folder,
            layout,
            tensors,
            letterbox: Letterbox::fit(Size::new(side("width"), side("height")), InputSize::DEFAULT),
        }
    }

    /// `setting` is `ultra_default` or `fastsam_readme`, `size` is `retina` or `net`.
    pub fn expected(&self, setting: &str, size: &str) -> Expected {
        let stem = self.folder.join(format!("exp_ultra_{setting}_{size}"));
        let arrays = npz(&stem.with_extension("npz"));
        let shape = array::<i64>(&arrays, "shape");
        let pixels = (shape[1] * shape[2]) as usize;
        let masks = array::<u8>(&arrays, "bits")
            .chunks(pixels.div_ceil(8))
            .map(|bits| {
                (0..pixels)
                    .map(|i| bits[i / 8] >> (7 - i % 8) & 1)
                    .collect()
            })
            .collect();
        let measures: Value = serde_json::from_reader(BufReader::new(
            File::open(stem.with_extension("json")).unwrap(),
        ))
        .unwrap();
        Expected {
            anchors: array(&arrays, "nms_anchor"),
            scores: array(&arrays, "nms_scores"),
            boxes640: array(&arrays, "nms_boxes640"),
            crop_boxes: array(&arrays, "crop_boxes"),
            boxes: array(&arrays, "boxes"),
            size: Size::new(shape[2] as u32, shape[1] as u32),
            masks,
            measures: measures["masks"].as_array().unwrap().clone(),
        }
    }
}

fn npy<T: Deserialize>(path: &Path) -> Vec<T> {
    let file = NpyFile::new(BufReader::new(File::open(path).unwrap())).unwrap();
    file.into_vec().unwrap()
}

/// The files of an archive of numpy's by their names, unpacked.
fn npz(path: &Path) -> HashMap<String, Vec<u8>> {
    let archive = ZipArchive::from_slice(std::fs::read(path).unwrap()).unwrap();
    let mut files = HashMap::new();
    for entry in archive.entries() {
        let entry = entry.unwrap();
        let packed = archive.get_entry(entry.wayfinder()).unwrap();
        let mut bytes = Vec::new();
        if entry.compression_method() == CompressionMethod::STORE {
            packed
                .verifying_reader(packed.data())
                .read_to_end(&mut bytes)
                .unwrap();
        } else {
            packed
                .verifying_reader(DeflateDecoder::new(packed.data()))
                .read_to_end(&mut bytes)
                .unwrap();
        }
        let name = String::from_utf8_lossy(entry.file_path().as_ref()).into_owned();
        files.insert(name, bytes);
    }
    files
}

fn array<T: Deserialize>(arrays: &HashMap<String, Vec<u8>>, name: &str) -> Vec<T> {
    let file = &arrays[&format!("{name}.npy")];
    NpyFile::new(&file[..]).unwrap().into_vec().unwrap()
}
