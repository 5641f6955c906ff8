//! Recordings: a manifest of any bytes, or one output's NPY file of any bytes, among good ones.

#![no_main]

use std::{cell::RefCell, fs};

use accelerator::mock::Network;
use arbitrary::Arbitrary;
use frame::{InputSize, Size};
use libfuzzer_sys::fuzz_target;
use recording::{MANIFEST, Recording};
use tempfile::TempDir;
use tensors::{Role, Tensors};

#[derive(Arbitrary, Debug)]
enum Input<'a> {
    Manifest(&'a [u8]),
    /// In place of the first output that is read.
    Npy {
        front: &'a [u8],
        /// Zeros behind it: elements, fewer or more than there should be.
        zeros: u32,
    },
}

const SIZE: Size = Size::new(640, 480);
const NPY: &str = "out_80_box.npy";

thread_local! {
    static FOLDER: RefCell<Option<TempDir>> = const { RefCell::new(None) };
}

fuzz_target!(|input: Input<'_>| {
    FOLDER.with_borrow_mut(|folder| {
        let folder = folder.get_or_insert_with(good).path();
        let restored = match input {
            Input::Manifest(_) => folder.join(MANIFEST),
            Input::Npy { .. } => folder.join(NPY),
        };
        let before = fs::read(&restored).expect("a good file");
        match input {
            Input::Manifest(text) => fs::write(&restored, text).expect("a written file"),
            Input::Npy { front, zeros } => {
                fs::write(&restored, front).expect("a written file");
                let length = front.len() as u64 + u64::from(zeros % (1 << 20));
                let file = fs::File::options().write(true).open(&restored);
                let file = file.expect("the file");
                file.set_len(length).expect("a longer file");
            }
        }
        match Recording::open(folder) {
            Ok(recording) => {
                assert!(recording.frame.width > 0 && recording.frame.height > 0);
                for role in Role::ALL {
                    let shape = role.shape(recording.layout.input(), recording.layout.classes().count());
                    assert_eq!(recording.layout.info(role).shape, shape);
                }
            }
            Err(error) => {
                let line = error.to_string();
                assert!(!line.contains(['\n', '\r']), "{line}");
            }
        }
        fs::write(&restored, before).expect("a restored file");
    });
});

fn good() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let layout = Network::layout(InputSize::DEFAULT);
    Recording::save(folder.path(), SIZE, &layout, &Tensors::for_layout(&layout))
        .expect("a recording");
    folder
}
