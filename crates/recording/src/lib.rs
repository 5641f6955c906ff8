//! What an accelerator answered, as a folder: `manifest.json` and one NPY file per output.
//!
//! ```json
//! {"frame": {"width": 1280, "height": 720},
//!  "input": {"shape": [640, 640, 3]},
//!  "outputs": [{"name": "fast_sam_s/conv71", "file": "out_20_box.npy", "shape": [20, 20, 64],
//!               "dtype": "uint16", "scale": 0.00023, "zero_point": 42688.0}]}
//! ```
//!
//! `frame.png`, the picture behind the answers, may lie beside them. Unknown keys are ignored, a
//! missing one is an error that names it, but for two. Without `input`, 640 x 640 is meant: recordings from
//! before other sizes were known have none. `class_names` is there where the network tells several classes
//! apart and their names are known, one for each.
//!
//! Invariants: nothing larger than a role's tensor is ever allocated, whatever a file claims, and that
//! of the largest input has 25 600 x 2048 elements (the scores of as many classes as there can be); a
//! recording that was written only in part has no manifest, which is written last.

mod error;
mod names;
mod npy;
#[cfg(test)]
mod tests;

use std::{
    ffi::OsStr,
    fs::{self, File},
    io::{self, BufReader, BufWriter, Read, Write},
    path::{Path, PathBuf},
};

use frame::{InputSize, Size};
use npy::Target;
use serde::{Deserialize, Serialize};

use tensors::{
    ElementType, Elements, Grid, Layout, QuantInfo, Role, TensorInfo, TensorView, Tensors,
};

pub use error::RecordingError;
pub use names::{FRAME_PICTURE, MANIFEST};
pub use npy::NpyError;

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
    #[serde(default)]
    input: InputEntry,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    class_names: Option<Vec<String>>,
    outputs: Vec<OutputEntry>,
}

#[derive(Debug, Serialize, Deserialize)]
struct FrameEntry {
    width: u32,
    height: u32,
}

#[derive(Debug, Serialize, Deserialize)]
struct InputEntry {
    /// Rows, columns, channels, as those of outputs.
    shape: [u32; 3],
}

impl From<InputSize> for InputEntry {
    fn from(size: InputSize) -> Self {
        Self {
            shape: [size.height(), size.width(), 3],
        }
    }
}

impl Default for InputEntry {
    /// What a manifest means that says nothing of it.
    fn default() -> Self {
        InputSize::DEFAULT.into()
    }
}

impl InputEntry {
    fn size(&self) -> Option<InputSize> {
        let [height, width, 3] = self.shape else {
            return None;
        };
        InputSize::new(width, height).ok()
    }
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
    pub fn open(folder: &Path) -> Result<Self, RecordingError> {
        let manifest_path = folder.join(MANIFEST);
        let manifest = read_manifest(&manifest_path)?;
        let side = 1..=u32::from(u16::MAX);
        let FrameEntry { width, height } = manifest.frame;
        if !side.contains(&width) || !side.contains(&height) {
            return Err(RecordingError::FrameSize {
                path: manifest_path,
                width,
                height,
            });
        }
        let Some(input) = manifest.input.size() else {
            return Err(RecordingError::InputShape {
                path: manifest_path,
                shape: manifest.input.shape,
            });
        };
        let infos: Vec<_> = manifest.outputs.iter().map(OutputEntry::info).collect();
        let mut layout = Layout::bind(&infos, input).map_err(|source| RecordingError::Layout {
            path: manifest_path.clone(),
            source,
        })?;
        if let Some(names) = manifest.class_names {
            let named = layout.name_classes(names);
            named.map_err(|source| RecordingError::ClassNames {
                path: manifest_path.clone(),
                source,
            })?;
        }
        if let Some(file) = doubled_file(&manifest.outputs) {
            return Err(RecordingError::DoubledFile {
                file: file.to_owned(),
                path: manifest_path,
            });
        }
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
    /// Hidden folders are left out: a recording that is being written may lie in one.
    pub fn list(path: &Path) -> Result<Vec<PathBuf>, RecordingError> {
        if is_recording(path) {
            return Ok(vec![path.to_owned()]);
        }
        let entries = fs::read_dir(path).map_err(io_at(path))?;
        let mut folders: Vec<_> = entries
            .filter_map(Result::ok)
            .filter(|entry| !entry.file_name().as_encoded_bytes().starts_with(b"."))
            .map(|entry| entry.path())
            .filter(|inside| is_recording(inside))
            .collect();
        folders.sort();
        if folders.is_empty() {
            return Err(RecordingError::None {
                path: path.to_owned(),
            });
        }
        Ok(folders)
    }

    /// Reads every recording at `path`, see [`Recording::list`].
    pub fn open_all(path: &Path) -> Result<Vec<Self>, RecordingError> {
        Self::list(path)?
            .iter()
            .map(|folder| Self::open(folder))
            .collect()
    }

    /// Writes an answer, in tensors made for `layout`, into `folder`, which is made if need be.
    pub fn save(
        folder: &Path,
        frame: Size,
        layout: &Layout,
        tensors: &Tensors,
    ) -> Result<(), RecordingError> {
        let manifest_path = folder.join(MANIFEST);
        fs::create_dir_all(folder).map_err(io_at(folder))?;
        // What is replaced stops being a recording before its first file changes.
        match fs::remove_file(&manifest_path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(io_at(&manifest_path)(error));
            }
            _ => {}
        }
        let mut outputs = Vec::with_capacity(Role::ALL.len());
        for role in Role::ALL {
            let info = layout.info(role);
            let file = file_name(role, layout.input());
            let path = folder.join(&file);
            // Scale and zero point are this answer's, which may differ from the layout's.
            let TensorView { quant, elements } = tensors.view(role);
            write_npy(&path, info, elements).map_err(io_at(&path))?;
            outputs.push(OutputEntry {
                name: info.name.clone(),
                file,
                shape: info.shape,
                dtype: info.element_type.into(),
                scale: quant.scale,
                zero_point: quant.zero_point,
            });
        }
        let manifest = Manifest {
            frame: FrameEntry {
                width: frame.width,
                height: frame.height,
            },
            input: layout.input().into(),
            class_names: match layout.classes().names() {
                [] => None,
                names => Some(names.to_vec()),
            },
            outputs,
        };
        write_manifest(&manifest_path, &manifest).map_err(io_at(&manifest_path))
    }
}

impl Recording {
    /// Whether [`Recording::remove`] may remove the folder: there is nothing in it but a recording's
    /// own files, as [`Recording::save`] names them, and its picture.
    ///
    /// # Errors
    /// [`RecordingError::Foreign`] with the first other thing.
    pub fn check_removable(folder: &Path) -> Result<(), RecordingError> {
        let metadata = fs::symlink_metadata(folder).map_err(io_at(folder))?;
        if !metadata.is_dir() {
            return Err(RecordingError::Foreign {
                path: folder.to_owned(),
            });
        }
        for entry in fs::read_dir(folder).map_err(io_at(folder))? {
            let entry = entry.map_err(io_at(folder))?;
            let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
            if !is_file || !is_own(&entry.file_name()) {
                return Err(RecordingError::Foreign { path: entry.path() });
            }
        }
        Ok(())
    }

    /// Removes a recording and its folder, unless something else is in it.
    ///
    /// # Errors
    /// As [`Recording::check_removable`], and where the disk refuses.
    pub fn remove(folder: &Path) -> Result<(), RecordingError> {
        Self::check_removable(folder)?;
        // The manifest goes first: what is left of a recording is none.
        let mut paths = vec![folder.join(MANIFEST)];
        for entry in fs::read_dir(folder).map_err(io_at(folder))? {
            let entry = entry.map_err(io_at(folder))?;
            if is_own(&entry.file_name()) {
                paths.push(entry.path());
            }
        }
        for path in paths {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(io_at(&path)(error));
                }
                _ => {}
            }
        }
        fs::remove_dir(folder).map_err(io_at(folder))
    }
}

/// Whether a recording has a file of this name.
fn is_own(name: &OsStr) -> bool {
    let manifest = Path::new(MANIFEST);
    name == MANIFEST
        || name == unfinished_manifest(manifest)
        || name == FRAME_PICTURE
        || name.to_str().is_some_and(is_output)
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
    fn read(&self, folder: &Path, role: Role, tensors: &mut Tensors) -> Result<(), RecordingError> {
        // A name, not a path: a recording must not reach outside its folder.
        if Path::new(&self.file).file_name() != Some(self.file.as_ref()) {
            return Err(RecordingError::FileName {
                path: folder.join(MANIFEST),
                file: self.file.clone(),
            });
        }
        let path = folder.join(&self.file);
        let wrong = |source: NpyError| RecordingError::Array {
            path: path.clone(),
            source,
        };
        let file = BufReader::new(open(&path).map_err(|error| wrong(error.into()))?);
        let read = match tensors.u8_mut(role) {
            Some(elements) => npy::read(file, self.shape, Target::U8(elements)),
            None => match tensors.u16_mut(role) {
                Some(elements) => npy::read(file, self.shape, Target::U16(elements)),
                None => Ok(()),
            },
        };
        read.map_err(wrong)
    }
}

fn doubled_file(outputs: &[OutputEntry]) -> Option<&str> {
    outputs.iter().enumerate().find_map(|(i, output)| {
        let earlier = outputs.get(..i)?.iter();
        let doubled = earlier.into_iter().any(|other| other.file == output.file);
        doubled.then_some(output.file.as_str())
    })
}

/// Opens a file, and nothing that would keep its reader waiting, such as a pipe.
fn open(path: &Path) -> io::Result<File> {
    if fs::metadata(path)?.is_file() {
        return File::open(path);
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "not a file"))
}

fn read_manifest(path: &Path) -> Result<Manifest, RecordingError> {
    let file = open(path).map_err(io_at(path))?;
    let mut text = Vec::new();
    file.take(MAX_MANIFEST_BYTES)
        .read_to_end(&mut text)
        .map_err(io_at(path))?;
    serde_json::from_slice(&text).map_err(|source| RecordingError::Manifest {
        path: path.to_owned(),
        source,
    })
}

/// Where a manifest is written before it gets its name.
fn unfinished_manifest(path: &Path) -> PathBuf {
    path.with_extension("json.part")
}

/// The whole manifest appears at once, under its name.
fn write_manifest(path: &Path, manifest: &Manifest) -> io::Result<()> {
    let text = serde_json::to_vec_pretty(manifest)?;
    let unfinished = unfinished_manifest(path);
    fs::write(&unfinished, text)?;
    fs::rename(&unfinished, path)
}

fn write_npy(path: &Path, info: &TensorInfo, elements: Elements<'_>) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    npy::write_header(&mut file, info.shape, info.element_type)?;
    match elements {
        Elements::U8(elements) => file.write_all(elements)?,
        Elements::U16(elements) => {
            for element in elements {
                file.write_all(&element.to_le_bytes())?;
            }
        }
    }
    file.flush()
}

/// The file of a role: its rows, and its columns where those are not as many.
fn file_name(role: Role, input: InputSize) -> String {
    let Grid { columns, rows } = role.grid(input);
    let kind = kind(role);
    if columns == rows {
        format!("out_{rows}_{kind}.npy")
    } else {
        format!("out_{rows}x{columns}_{kind}.npy")
    }
}

/// Whether an output's file is called so in a recording of any size.
fn is_output(name: &str) -> bool {
    let inner = name
        .strip_prefix("out_")
        .and_then(|name| name.strip_suffix(".npy"));
    let Some((sides, of)) = inner.and_then(|inner| inner.split_once('_')) else {
        return false;
    };
    let is_side = |side: &str| {
        (1..=4).contains(&side.len()) && side.bytes().all(|digit| digit.is_ascii_digit())
    };
    Role::ALL.into_iter().any(|role| kind(role) == of) && sides.splitn(2, 'x').all(is_side)
}

const fn kind(role: Role) -> &'static str {
    match role {
        Role::Boxes(_) => "box",
        Role::Scores(_) => "score",
        Role::Coefficients(_) => "coef",
        Role::Prototypes => "proto",
    }
}

fn folder_name(folder: &Path) -> String {
    let absolute = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    absolute
        .file_name()
        .map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

fn io_at(path: &Path) -> impl FnOnce(io::Error) -> RecordingError {
    let path = path.to_owned();
    move |source| RecordingError::Io { path, source }
}
