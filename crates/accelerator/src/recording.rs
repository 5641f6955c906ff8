//! What an accelerator answered, as a folder: `manifest.json` and one NPY file per output.
//!
//! ```json
//! {"frame": {"width": 1280, "height": 720},
//!  "outputs": [{"name": "fast_sam_s/conv71", "file": "out_20_box.npy", "shape": [20, 20, 64],
//!               "dtype": "uint16", "scale": 0.00023, "zero_point": 42688.0}]}
//! ```
//!
//! The NPY files are version 1, C order, little-endian; numpy's documentation of
//! `numpy.lib.format` is the source. `frame.png`, the picture behind the answers, may lie beside
//! them. Unknown keys are ignored, a missing one is an error that names it.
//!
//! Invariants: nothing larger than a role's tensor is ever allocated, whatever a file claims; a
//! recording that was written only in part has no manifest, which is written last.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, BufWriter, Read},
    path::{Path, PathBuf},
};

use frame::Size;
use npyz::{NpyFile, Order, WriterBuilder};
use serde::{Deserialize, Serialize};

use crate::{
    AcceleratorError, ElementType, Elements, Layout, QuantInfo, Role, TensorInfo, Tensors,
};

/// The file that makes a folder a recording.
pub const MANIFEST: &str = "manifest.json";
/// The picture that the answers belong to, where it was kept.
pub const FRAME_PICTURE: &str = "frame.png";

/// A manifest is a page of text; anything larger is a mistake.
const MAX_MANIFEST_BYTES: u64 = 1 << 20;

/// One frame's answer, read back.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    /// Columns and rows of the frame that was letterboxed into the network's input.
    pub frame: Size,
    /// The outputs, bound to their roles.
    pub layout: Layout,
    /// The answer.
    pub tensors: Tensors,
    /// The folder's own name.
    pub name: String,
    /// The frame itself, where it was kept.
    pub picture: Option<PathBuf>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    frame: FrameEntry,
    outputs: Vec<OutputEntry>,
}

#[derive(Debug, Serialize, Deserialize)]
struct FrameEntry {
    width: u32,
    height: u32,
}

#[derive(Debug, Serialize, Deserialize)]
struct OutputEntry {
    name: String,
    file: String,
    shape: [usize; 3],
    dtype: Dtype,
    scale: f32,
    zero_point: f32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Dtype {
    Uint8,
    Uint16,
}

impl From<Dtype> for ElementType {
    fn from(dtype: Dtype) -> Self {
        match dtype {
            Dtype::Uint8 => Self::U8,
            Dtype::Uint16 => Self::U16,
        }
    }
}

impl From<ElementType> for Dtype {
    fn from(element_type: ElementType) -> Self {
        match element_type {
            ElementType::U8 => Self::Uint8,
            ElementType::U16 => Self::Uint16,
        }
    }
}

/// Whether the folder holds a recording.
pub fn is_recording(folder: &Path) -> bool {
    folder.join(MANIFEST).is_file()
}

impl Recording {
    /// Reads the recording in `folder`.
    pub fn open(folder: &Path) -> Result<Self, AcceleratorError> {
        let manifest_path = folder.join(MANIFEST);
        let manifest = read_manifest(&manifest_path)?;
        let side = 1..=u32::from(u16::MAX);
        let FrameEntry { width, height } = manifest.frame;
        if !side.contains(&width) || !side.contains(&height) {
            return Err(wrong(
                &manifest_path,
                format!("a frame of {width}x{height}: both sides must be 1 to 65535 pixels"),
            ));
        }
        let infos: Vec<_> = manifest.outputs.iter().map(OutputEntry::info).collect();
        let layout =
            Layout::bind(&infos).map_err(|error| wrong(&manifest_path, error.to_string()))?;
        let mut tensors = Tensors::for_layout(&layout);
        for role in Role::ALL {
            let entry = &manifest.outputs[layout.source(role)];
            entry.read(folder, role, &mut tensors)?;
        }
        let picture = folder.join(FRAME_PICTURE);
        Ok(Self {
            frame: Size::new(width, height),
            layout,
            tensors,
            name: folder_name(folder),
            picture: picture.is_file().then_some(picture),
        })
    }

    /// The folders of the recordings at `path`: itself, or, sorted by name, those inside it.
    pub fn list(path: &Path) -> Result<Vec<PathBuf>, AcceleratorError> {
        if is_recording(path) {
            return Ok(vec![path.to_owned()]);
        }
        let entries = fs::read_dir(path).map_err(|error| wrong(path, error.to_string()))?;
        let mut folders: Vec<_> = entries
            .filter_map(Result::ok)
            .map(|entry| entry.path())
            .filter(|inside| is_recording(inside))
            .collect();
        folders.sort();
        if folders.is_empty() {
            let cause =
                format!("no recording: expected a folder with {MANIFEST}, or one of such folders");
            return Err(wrong(path, cause));
        }
        Ok(folders)
    }

    /// Reads every recording at `path`, see [`Recording::list`].
    pub fn open_all(path: &Path) -> Result<Vec<Self>, AcceleratorError> {
        Self::list(path)?
            .iter()
            .map(|folder| Self::open(folder))
            .collect()
    }

    /// Writes an answer into `folder`, which is made if need be.
    pub fn save(
        folder: &Path,
        frame: Size,
        layout: &Layout,
        tensors: &Tensors,
    ) -> Result<(), AcceleratorError> {
        fs::create_dir_all(folder).map_err(|error| wrong(folder, error.to_string()))?;
        let mut outputs = Vec::with_capacity(Role::ALL.len());
        for role in Role::ALL {
            let info = layout.info(role);
            let file = file_name(role);
            write_npy(&folder.join(&file), role, tensors)?;
            outputs.push(OutputEntry {
                name: info.name.clone(),
                file,
                shape: info.shape,
                dtype: info.element_type.into(),
                scale: info.quant.scale,
                zero_point: info.quant.zero_point,
            });
        }
        let manifest = Manifest {
            frame: FrameEntry {
                width: frame.width,
                height: frame.height,
            },
            outputs,
        };
        let path = folder.join(MANIFEST);
        let failed = |cause: String| wrong(&path, cause);
        let text =
            serde_json::to_vec_pretty(&manifest).map_err(|error| failed(error.to_string()))?;
        fs::write(&path, text).map_err(|error| failed(error.to_string()))
    }
}

impl OutputEntry {
    fn info(&self) -> TensorInfo {
        TensorInfo {
            name: self.name.clone(),
            shape: self.shape,
            element_type: self.dtype.into(),
            quant: QuantInfo {
                scale: self.scale,
                zero_point: self.zero_point,
            },
        }
    }

    /// Fills the role's tensor from this output's file.
    fn read(
        &self,
        folder: &Path,
        role: Role,
        tensors: &mut Tensors,
    ) -> Result<(), AcceleratorError> {
        // A name, not a path: a recording must not reach outside its folder.
        if Path::new(&self.file).file_name() != Some(self.file.as_ref()) {
            let cause = format!(
                "'{}' is no file name inside the recording's folder",
                self.file
            );
            return Err(wrong(&folder.join(MANIFEST), cause));
        }
        let path = folder.join(&self.file);
        let wrong = |cause: String| wrong(&path, cause);
        let file = File::open(&path).map_err(|error| wrong(error.to_string()))?;
        let mut file = BufReader::new(file);
        // Later versions may claim a header of 4 GB; version 1 has room for 64 kB.
        let start = file.fill_buf().map_err(|error| wrong(error.to_string()))?;
        if !start.starts_with(b"\x93NUMPY\x01") {
            return Err(wrong("no NPY file of version 1".into()));
        }
        let npy = NpyFile::new(file).map_err(|error| wrong(format!("no NPY file: {error}")))?;
        let expected = self.shape.map(|side| side as u64);
        if npy.shape() != expected {
            let found = npy.shape().to_vec();
            return Err(wrong(format!(
                "the array is {found:?}, the manifest says {expected:?}"
            )));
        }
        if npy.order() != Order::C {
            return Err(wrong(
                "the array is in Fortran order, expected C order".into(),
            ));
        }
        let found = match npy.dtype() {
            npyz::DType::Plain(plain) => plain.to_string(),
            other => other.descr(),
        };
        let wanted: &[&str] = match self.dtype {
            Dtype::Uint8 => &["|u1", "<u1"],
            Dtype::Uint16 => &["<u2"],
        };
        if !wanted.contains(&found.as_str()) {
            return Err(wrong(format!(
                "the array's dtype is {found}, expected {}",
                wanted[0]
            )));
        }
        // The header is right, so the data that follow are just as long as the role's tensor.
        let truncated = |error: std::io::Error| wrong(format!("the array is cut short: {error}"));
        let mut data = npy.into_inner();
        if let Some(elements) = tensors.u8_mut(role) {
            data.read_exact(elements).map_err(truncated)?;
        } else if let Some(elements) = tensors.u16_mut(role) {
            for element in elements {
                let mut bytes = [0; 2];
                data.read_exact(&mut bytes).map_err(truncated)?;
                *element = u16::from_le_bytes(bytes);
            }
        }
        if data
            .read(&mut [0])
            .map_err(|error| wrong(error.to_string()))?
            != 0
        {
            return Err(wrong("the file goes on after the array's end".into()));
        }
        Ok(())
    }
}

fn read_manifest(path: &Path) -> Result<Manifest, AcceleratorError> {
    let wrong = |cause: String| wrong(path, cause);
    let file = File::open(path).map_err(|error| wrong(error.to_string()))?;
    let mut text = Vec::new();
    file.take(MAX_MANIFEST_BYTES)
        .read_to_end(&mut text)
        .map_err(|error| wrong(error.to_string()))?;
    serde_json::from_slice(&text).map_err(|error| wrong(error.to_string()))
}

fn write_npy(path: &Path, role: Role, tensors: &Tensors) -> Result<(), AcceleratorError> {
    let failed = |error: std::io::Error| wrong(path, error.to_string());
    let file = BufWriter::new(File::create(path).map_err(failed)?);
    let shape = role.shape().map(|side| side as u64);
    match tensors.view(role).elements {
        Elements::U8(elements) => write_elements(file, &shape, elements).map_err(failed),
        Elements::U16(elements) => write_elements(file, &shape, elements).map_err(failed),
    }
}

fn write_elements<T: npyz::AutoSerialize + Copy>(
    file: BufWriter<File>,
    shape: &[u64],
    elements: &[T],
) -> std::io::Result<()> {
    let options = npyz::WriteOptions::new().default_dtype();
    let mut writer = options.shape(shape).writer(file).begin_nd()?;
    writer.extend(elements.iter().copied())?;
    writer.finish()
}

fn file_name(role: Role) -> String {
    match role {
        Role::Boxes(level) => format!("out_{}_box.npy", level.side()),
        Role::Scores(level) => format!("out_{}_score.npy", level.side()),
        Role::Coefficients(level) => format!("out_{}_coef.npy", level.side()),
        Role::Prototypes => format!("out_{}_proto.npy", crate::PROTOTYPE_SIDE),
    }
}

fn folder_name(folder: &Path) -> String {
    let absolute = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    absolute
        .file_name()
        .map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

fn wrong(path: &Path, cause: String) -> AcceleratorError {
    AcceleratorError::Recording {
        path: path.to_owned(),
        cause,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mock::Network;

    fn saved() -> (tempfile::TempDir, Layout, Tensors) {
        let folder = tempfile::tempdir().unwrap();
        let layout = Network::layout();
        let mut tensors = Tensors::for_layout(&layout);
        for (i, role) in Role::ALL.into_iter().enumerate() {
            if let Some(elements) = tensors.u8_mut(role) {
                elements
                    .iter_mut()
                    .enumerate()
                    .for_each(|(j, element)| *element = (i + j) as u8);
            }
            if let Some(elements) = tensors.u16_mut(role) {
                elements
                    .iter_mut()
                    .enumerate()
                    .for_each(|(j, element)| *element = (i + j * 7) as u16);
            }
        }
        Recording::save(folder.path(), Size::new(1280, 720), &layout, &tensors).unwrap();
        (folder, layout, tensors)
    }

    #[test]
    fn what_is_saved_is_read_back() {
        let (folder, layout, tensors) = saved();
        let recording = Recording::open(folder.path()).unwrap();
        assert_eq!(recording.frame, Size::new(1280, 720));
        assert_eq!(recording.tensors, tensors);
        for role in Role::ALL {
            assert_eq!(recording.layout.info(role), layout.info(role));
        }
        assert_eq!(recording.picture, None);
    }

    #[test]
    fn a_folder_of_recordings_is_read_in_the_order_of_names() {
        let (folder, layout, tensors) = saved();
        let outer = tempfile::tempdir().unwrap();
        for name in ["b", "a"] {
            Recording::save(&outer.path().join(name), Size::new(8, 8), &layout, &tensors).unwrap();
        }
        fs::create_dir(outer.path().join("no recording")).unwrap();
        let names: Vec<_> = Recording::open_all(outer.path())
            .unwrap()
            .into_iter()
            .map(|r| r.name)
            .collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(Recording::open_all(folder.path()).unwrap().len(), 1);
    }

    /// Breaks a saved recording and returns what opening it says.
    fn broken(change: impl FnOnce(&Path, &mut serde_json::Value)) -> String {
        let (folder, ..) = saved();
        let path = folder.path().join(MANIFEST);
        let mut manifest = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        change(folder.path(), &mut manifest);
        fs::write(&path, manifest.to_string()).unwrap();
        let error = Recording::open(folder.path()).unwrap_err().to_string();
        assert_eq!(error.lines().count(), 1, "{error}");
        error
    }

    #[test]
    fn each_fault_is_named() {
        let proto = "out_160_proto.npy";
        let error =
            broken(|_, manifest| drop(manifest["outputs"].as_array_mut().unwrap().remove(0)));
        assert!(error.contains("no output for boxes 80x80x64"), "{error}");
        let error = broken(|_, manifest| manifest["outputs"][3]["shape"] = [80, 80, 2].into());
        assert!(error.contains("[80, 80, 2]"), "{error}");
        let error = broken(|_, manifest| manifest["outputs"][0]["scale"] = serde_json::Value::Null);
        assert!(error.contains("manifest.json"), "{error}");
        let error = broken(|_, manifest| manifest["outputs"][0]["scale"] = (-1.0).into());
        assert!(error.contains("scale -1"), "{error}");
        let error = broken(|_, manifest| manifest["outputs"][9]["dtype"] = "uint16".into());
        assert!(error.contains("dtype is |u1, expected <u2"), "{error}");
        let error = broken(|_, manifest| manifest["outputs"][9]["file"] = "../x.npy".into());
        assert!(error.contains("no file name"), "{error}");
        let error =
            broken(|_, manifest| drop(manifest["frame"].as_object_mut().unwrap().remove("width")));
        assert!(error.contains("missing field `width`"), "{error}");
        let error = broken(|_, manifest| manifest["frame"]["width"] = 0.into());
        assert!(error.contains("0x720"), "{error}");
        let error = broken(|folder, _| fs::remove_file(folder.join(proto)).unwrap());
        assert!(error.contains(proto), "{error}");
        for keep in [0, 5, 60, 1000] {
            let error = broken(|folder, _| {
                let bytes = fs::read(folder.join(proto)).unwrap();
                fs::write(folder.join(proto), &bytes[..keep]).unwrap();
            });
            assert!(error.contains(proto), "{keep}: {error}");
        }
        let error = broken(|folder, _| {
            let mut bytes = fs::read(folder.join(proto)).unwrap();
            bytes.push(0);
            fs::write(folder.join(proto), bytes).unwrap();
        });
        assert!(error.contains("goes on"), "{error}");
        let error = broken(|folder, _| {
            fs::copy(folder.join("out_20_box.npy"), folder.join(proto)).unwrap();
        });
        assert!(error.contains("[20, 20, 64]"), "{error}");
    }

    #[test]
    fn a_place_without_a_recording_says_what_was_looked_for() {
        let empty = tempfile::tempdir().unwrap();
        let error = Recording::open_all(empty.path()).unwrap_err().to_string();
        assert!(error.contains("manifest.json"), "{error}");
    }
}
