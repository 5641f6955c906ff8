//! What tests need of the stand-in: where it is, a copy of their own, a HEF it takes.

use std::{
    fs,
    path::{Path, PathBuf},
};

use frame::InputSize;
use tempfile::TempDir;

/// The built library.
///
/// Cargo builds it before any test that depends on this package, and puts it beside the test.
pub fn library() -> PathBuf {
    let test = std::env::current_exe().unwrap_or_default();
    // target/PROFILE/deps/TEST
    test.ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join("libhailort_standin.so"))
        .find(|path| path.exists())
        .unwrap_or_else(|| PathBuf::from("libhailort_standin.so"))
}

/// A HEF for the mock's network with an input of 640 x 640, for a Hailo-8 or a Hailo-8L: a version 2
/// container around a description with no weights.
pub fn sample_hef(hailo8l: bool) -> Vec<u8> {
    sample_hef_for(InputSize::DEFAULT, hailo8l)
}

/// The same for inputs of this size.
pub fn sample_hef_for(input: InputSize, hailo8l: bool) -> Vec<u8> {
    let architecture = if hailo8l { 3 } else { 0 };
    let mut group = field(10, b"fast_sam_s");
    // Two contexts: the layers at the host in the first.
    let layout = accelerator::mock::Network::layout(input);
    let shape = [input.height() as usize, input.width() as usize, 3];
    let mut edges = edge(false, "fast_sam_s/input_layer1", shape, 1, 1.0, 0.0);
    for role in tensors::Role::ALL {
        let info = layout.info(role);
        let bytes = match info.element_type {
            tensors::ElementType::U8 => 1,
            tensors::ElementType::U16 => 2,
        };
        edges.extend(edge(
            true,
            &info.name,
            info.shape,
            bytes,
            info.quant.scale,
            info.quant.zero_point,
        ));
    }
    let contexts = [field(3, &field(3, &edges)), field(3, &[])].concat();
    group.extend(field(8, &field(4, &contexts)));
    let header = [
        number(1, architecture),
        number(2, 1_735_689_600),
        field(3, b"stand-in"),
    ]
    .concat();
    let message = [field(1, &header), field(2, &group)].concat();

    let mut hef = b"\x01HEF".to_vec();
    hef.extend(2_u32.to_be_bytes());
    hef.extend(u32::try_from(message.len()).unwrap_or(0).to_be_bytes());
    hef.extend(xxhash_rust::xxh3::xxh3_64(&message).to_be_bytes());
    hef.extend([0; 24]);
    hef.extend(message);
    hef
}

fn edge(
    output: bool,
    name: &str,
    shape: [usize; 3],
    bytes: u64,
    scale: f32,
    zero_point: f32,
) -> Vec<u8> {
    let [height, width, features] = shape.map(|n| n as u64);
    let base = [
        number(1, height),
        number(3, width),
        number(5, features),
        number(12, bytes),
    ];
    let numeric = [float(1, zero_point), float(2, scale)].concat();
    let info = [
        field(1, name.as_bytes()),
        field(2, &base.concat()),
        field(3, &numeric),
    ]
    .concat();
    field(2, &[number(1, output.into()), field(3, &info)].concat())
}

fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut field = vec![number << 3 | 2];
    varint(&mut field, content.len() as u64);
    field.extend_from_slice(content);
    field
}

fn number(number: u8, value: u64) -> Vec<u8> {
    let mut field = vec![number << 3];
    varint(&mut field, value);
    field
}

fn float(number: u8, value: f32) -> Vec<u8> {
    let mut field = vec![number << 3 | 5];
    field.extend_from_slice(&value.to_le_bytes());
    field
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// A stand-in of its own: a copy of the library in a folder, with its script, its report and a HEF.
pub struct Sandbox {
    folder: TempDir,
}

impl Sandbox {
    /// A copy with this script.
    pub fn new(script: &str) -> std::io::Result<Self> {
        let sandbox = Self {
            folder: tempfile::tempdir()?,
        };
        fs::copy(library(), sandbox.library())?;
        fs::write(sandbox.hef(), sample_hef(false))?;
        sandbox.script(script)?;
        Ok(sandbox)
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The library.
    pub fn library(&self) -> PathBuf {
        self.folder.path().join("libhailort.so")
    }

    /// A HEF for a Hailo-8.
    pub fn hef(&self) -> PathBuf {
        self.folder.path().join("fast_sam_s.hef")
    }

    /// Replaces the script; seen with the library's next call.
    pub fn script(&self, script: &str) -> std::io::Result<()> {
        // At once, so that half of it is never read.
        let new = self.folder.path().join("new.control");
        fs::write(&new, script)?;
        fs::rename(new, self.folder.path().join("libhailort.so.control"))
    }

    /// Objects that the caller has made and not released.
    ///
    /// # Panics
    ///
    /// If the copy can't be opened.
    #[allow(clippy::expect_used)]
    pub fn live(&self) -> usize {
        type Live = unsafe extern "C" fn() -> usize;
        // SAFETY: our own library, whose initialisers do nothing.
        let library = unsafe { libloading::Library::new(self.library()) }.expect("the stand-in");
        // SAFETY: the function has this type.
        let live = unsafe { library.get::<Live>(b"hailo_standin_live\0") }.expect("a function");
        // SAFETY: it takes nothing and reads a number.
        unsafe { live() }
    }

    /// What the caller did wrong so far, a line each.
    pub fn report(&self) -> Vec<String> {
        fs::read_to_string(self.folder.path().join("libhailort.so.report"))
            .unwrap_or_default()
            .lines()
            .map(str::to_owned)
            .collect()
    }
}
