//! Saved, broken and foreign recordings.

use serde_json::Value;
use tensors::Level;

use super::*;

const PROTOTYPES: &str = "out_160_proto.npy";
const WIDE: &str = "out_20_box.npy";

/// Some outputs of 8 bits, one of 16, as a HEF has them.
fn painted_layout() -> Layout {
    layout_for(InputSize::DEFAULT)
}

fn layout_for(input: InputSize) -> Layout {
    layout_of(input, 1)
}

fn layout_of(input: InputSize, classes: usize) -> Layout {
    let info = |role: Role| TensorInfo {
        name: role.to_string(),
        shape: role.shape(input, classes),
        element_type: if role == Role::Boxes(Level::Stride32) {
            ElementType::U16
        } else {
            ElementType::U8
        },
        quant: QuantInfo {
            scale: 0.0625,
            zero_point: 128.0,
        },
    };
    Layout::bind(&Role::ALL.map(info), input).unwrap()
}

fn saved() -> (tempfile::TempDir, Layout, Tensors) {
    let (layout, tensors) = answer(painted_layout());
    let folder = tempfile::tempdir().unwrap();
    Recording::save(folder.path(), Size::new(1280, 720), &layout, &tensors).unwrap();
    (folder, layout, tensors)
}

fn answer(layout: Layout) -> (Layout, Tensors) {
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
    (layout, tensors)
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
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), Role::ALL.len() + 1, "nothing unfinished stays");
}

#[test]
fn recordings_of_other_input_sizes_are_read_back() {
    for (width, height) in [(320, 320), (640, 384), (1280, 1280)] {
        let input = InputSize::new(width, height).unwrap();
        let (layout, tensors) = answer(layout_for(input));
        let folder = tempfile::tempdir().unwrap();
        Recording::save(folder.path(), Size::new(1280, 720), &layout, &tensors).unwrap();
        let recording = Recording::open(folder.path()).unwrap();
        assert_eq!(recording.layout.input(), input);
        assert!(recording.tensors == tensors, "{input}");
        let text = fs::read_to_string(folder.path().join(MANIFEST)).unwrap();
        let manifest: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(manifest["input"]["shape"][1], width);
        Recording::remove(folder.path()).unwrap();
    }
    let input = InputSize::new(640, 384).unwrap();
    assert_eq!(file_name(Role::Prototypes, input), "out_96x160_proto.npy");
    for other in [
        "out__box.npy",
        "out_80_mask.npy",
        "out_80x_box.npy",
        "out_8x8x8_box.npy",
        "box.npy",
    ] {
        assert!(!is_output(other), "{other}");
    }
}

#[test]
fn classes_keep_their_names() {
    let input = InputSize::new(320, 320).unwrap();
    let manifest_of = |folder: &Path| -> Value {
        serde_json::from_slice(&fs::read(folder.join(MANIFEST)).unwrap()).unwrap()
    };
    let save = |folder: &Path, layout: &Layout| {
        let (layout, tensors) = answer(layout.clone());
        Recording::save(folder, Size::new(640, 480), &layout, &tensors).unwrap();
    };
    let mut layout = layout_of(input, 2);
    let folder = tempfile::tempdir().unwrap();
    save(folder.path(), &layout);
    assert_eq!(manifest_of(folder.path()).get("class_names"), None);
    let unnamed = Recording::open(folder.path()).unwrap().layout;
    assert_eq!(
        (unnamed.classes().count(), unnamed.classes().name(0)),
        (2, None)
    );

    layout
        .name_classes(vec!["bolt".into(), "nut".into()])
        .unwrap();
    save(folder.path(), &layout);
    let named = Recording::open(folder.path()).unwrap().layout;
    assert_eq!(named.classes().names(), ["bolt", "nut"]);

    let mut manifest = manifest_of(folder.path());
    manifest["class_names"] = serde_json::json!(["bolt"]);
    fs::write(folder.path().join(MANIFEST), manifest.to_string()).unwrap();
    let error = Recording::open(folder.path()).unwrap_err().to_string();
    assert!(
        error.contains("class_names: the network tells 2 classes apart"),
        "{error}"
    );
}

#[test]
fn a_manifest_without_an_input_is_of_640_by_640() {
    let (folder, layout, tensors) = saved();
    let path = folder.path().join(MANIFEST);
    let mut manifest: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert!(manifest.as_object_mut().unwrap().remove("input").is_some());
    fs::write(&path, manifest.to_string()).unwrap();
    let recording = Recording::open(folder.path()).unwrap();
    assert_eq!(recording.layout.input(), layout.input());
    assert!(recording.tensors == tensors);
}

#[test]
fn a_recording_is_replaced_whole_or_not_at_all() {
    let (folder, layout, mut tensors) = saved();
    tensors.u8_mut(Role::Prototypes).unwrap().fill(9);
    Recording::save(folder.path(), Size::new(8, 8), &layout, &tensors).unwrap();
    assert_eq!(Recording::open(folder.path()).unwrap().tensors, tensors);

    // A folder in the way of one file: the old manifest must not vouch for the new files.
    fs::remove_file(folder.path().join(WIDE)).unwrap();
    fs::create_dir(folder.path().join(WIDE)).unwrap();
    Recording::save(folder.path(), Size::new(8, 8), &layout, &tensors).unwrap_err();
    assert!(!is_recording(folder.path()));
}

#[test]
fn a_folder_of_recordings_is_read_in_the_order_of_names() {
    let (folder, layout, tensors) = saved();
    let outer = tempfile::tempdir().unwrap();
    for name in ["b", "a", "c"] {
        Recording::save(&outer.path().join(name), Size::new(8, 8), &layout, &tensors).unwrap();
    }
    fs::create_dir(outer.path().join("no recording")).unwrap();
    fs::rename(outer.path().join("c"), outer.path().join(".c")).unwrap();
    let names: Vec<_> = Recording::open_all(outer.path())
        .unwrap()
        .into_iter()
        .map(|r| r.name)
        .collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(Recording::open_all(folder.path()).unwrap().len(), 1);
}

/// Breaks a saved recording and returns what opening it says.
fn broken(change: impl FnOnce(&Path, &mut Value)) -> String {
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
fn each_fault_of_the_manifest_is_named() {
    let outputs = |manifest: &mut Value, change: &dyn Fn(&mut Vec<Value>)| {
        change(manifest["outputs"].as_array_mut().unwrap());
    };
    type Change<'a> = &'a dyn Fn(&mut Value);
    let cases: [(&str, Change<'_>, &str); 18] = [
        (
            "missing output",
            &|m| outputs(m, &|list| drop(list.remove(0))),
            "no output for boxes 80x80x64",
        ),
        (
            "doubled output",
            &|m| {
                outputs(m, &|list| {
                    list.push(list[9].clone());
                    list[10]["name"] = "again".into();
                });
            },
            "'again'",
        ),
        (
            "doubled file",
            &|m| m["outputs"][9]["file"] = m["outputs"][8]["file"].clone(),
            "'out_20_coef.npy' is the file of two outputs",
        ),
        (
            "unknown shape",
            &|m| m["outputs"][3]["shape"] = [80, 80, 2].into(),
            "[80, 80, 2]",
        ),
        (
            "huge shape",
            &|m| m["outputs"][3]["shape"] = [1_u64 << 40, 1 << 40, 1 << 40].into(),
            "1099511627776",
        ),
        (
            "no scale",
            &|m| drop(m["outputs"][0].as_object_mut().unwrap().remove("scale")),
            "missing field `scale`",
        ),
        (
            "scale of no number",
            &|m| m["outputs"][0]["scale"] = Value::Null,
            "expected f32",
        ),
        (
            "scale below 0",
            &|m| m["outputs"][0]["scale"] = (-1.0).into(),
            "scale -1",
        ),
        (
            "scale 0",
            &|m| m["outputs"][0]["scale"] = 0.into(),
            "scale 0",
        ),
        (
            "scale beyond f32",
            &|m| m["outputs"][0]["scale"] = 1e60.into(),
            "scale inf",
        ),
        (
            "unknown type",
            &|m| m["outputs"][0]["dtype"] = "float32".into(),
            "unknown variant `float32`, expected `uint8` or `uint16`",
        ),
        (
            "path",
            &|m| m["outputs"][9]["file"] = "../x.npy".into(),
            "'../x.npy' is no file name",
        ),
        (
            "no width",
            &|m| drop(m["frame"].as_object_mut().unwrap().remove("width")),
            "missing field `width`",
        ),
        (
            "odd input",
            &|m| m["input"]["shape"][0] = 333.into(),
            "the input's shape is [333, 640, 3]: expected height, width and 3",
        ),
        (
            "huge input",
            &|m| m["input"]["shape"][1] = 65_536.into(),
            "[640, 65536, 3]",
        ),
        (
            "another input",
            &|m| m["input"]["shape"][1] = 320.into(),
            "none of FastSAM's ten outputs for a 320x640 input",
        ),
        (
            "one channel",
            &|m| m["input"]["shape"][2] = 1.into(),
            "[640, 640, 1]",
        ),
        ("no columns", &|m| m["frame"]["width"] = 0.into(), "0x720"),
    ];
    for (name, change, expected) in cases {
        let error = broken(|_, manifest| change(manifest));
        assert!(error.contains(expected), "{name}: {error}");
        assert!(error.contains(MANIFEST), "{name}: {error}");
    }
}

#[test]
fn a_manifest_with_nan_is_no_json() {
    let (folder, ..) = saved();
    let path = folder.path().join(MANIFEST);
    let text = fs::read_to_string(&path).unwrap();
    // As Python's json writes it.
    fs::write(&path, text.replacen("0.0625", "NaN", 1)).unwrap();
    let error = Recording::open(folder.path()).unwrap_err().to_string();
    assert!(
        error.contains("manifest.json: expected value at line"),
        "{error}"
    );
}

#[test]
fn each_fault_of_an_array_is_named() {
    fn edit(file: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = fs::read(file).unwrap();
        change(&mut bytes);
        fs::write(file, bytes).unwrap();
    }
    fn replace(file: &Path, from: &[u8], to: &[u8]) {
        edit(file, |bytes| {
            let at = bytes.windows(from.len()).position(|w| w == from).unwrap();
            bytes[at..at + to.len()].copy_from_slice(to);
        });
    }
    type Change<'a> = &'a dyn Fn(&Path);
    let cases: [(&str, Change<'_>, &str); 11] = [
        (
            "gone",
            &|file| fs::remove_file(file).unwrap(),
            "No such file",
        ),
        (
            "folder",
            &|file| {
                fs::remove_file(file).unwrap();
                fs::create_dir(file).unwrap();
            },
            "not a file",
        ),
        ("empty", &|file| edit(file, |b| b.clear()), "no NPY file"),
        (
            "5 bytes",
            &|file| edit(file, |b| b.truncate(5)),
            "no NPY file",
        ),
        (
            "half a header",
            &|file| edit(file, |b| b.truncate(60)),
            "header",
        ),
        (
            "cut short",
            &|file| edit(file, |b| b.truncate(1000)),
            "cut short: expected 51200 bytes",
        ),
        ("longer", &|file| edit(file, |b| b.push(0)), "goes on"),
        (
            "another output's",
            &|file| {
                fs::copy(file.with_file_name(PROTOTYPES), file).unwrap();
            },
            "[160, 160, 32], expected [20, 20, 64]",
        ),
        (
            "big-endian",
            &|file| replace(file, b"<u2", b">u2"),
            "dtype is '>u2', expected '<u2'",
        ),
        (
            "real numbers",
            &|file| replace(file, b"<u2", b"<f4"),
            "dtype is '<f4', expected '<u2'",
        ),
        (
            "Fortran order",
            &|file| replace(file, b"False", b"True "),
            "Fortran order",
        ),
    ];
    for (name, change, expected) in cases {
        let error = broken(|folder, _| change(&folder.join(WIDE)));
        assert!(error.contains(expected), "{name}: {error}");
        assert!(error.contains(WIDE), "{name}: {error}");
    }
}

#[test]
fn unknown_keys_and_a_negative_zero_are_read() {
    let (folder, ..) = saved();
    let path = folder.path().join(MANIFEST);
    let mut manifest: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    manifest["letterbox"] = "someone's".into();
    manifest["outputs"][3]["zero_point"] = (-0.0).into();
    manifest["outputs"][3]["stride"] = 8.into();
    fs::write(&path, manifest.to_string()).unwrap();
    fs::write(folder.path().join(FRAME_PICTURE), "a picture").unwrap();
    let recording = Recording::open(folder.path()).unwrap();
    let scores = recording.layout.info(Role::ALL[3]);
    assert!(scores.quant.zero_point == 0.0 && scores.quant.zero_point.is_sign_negative());
    assert_eq!(recording.picture, Some(folder.path().join(FRAME_PICTURE)));
}

#[test]
fn a_place_without_a_recording_says_what_was_looked_for() {
    let empty = tempfile::tempdir().unwrap();
    let error = Recording::open_all(empty.path()).unwrap_err().to_string();
    assert!(error.contains("manifest.json"), "{error}");
    let error = Recording::open(empty.path()).unwrap_err().to_string();
    assert!(error.contains("manifest.json"), "{error}");
    let error = Recording::open_all(&empty.path().join("gone")).unwrap_err();
    assert!(error.to_string().contains("gone: No such file"), "{error}");
}

/// Written by another program, numpy, from a reference's answers.
#[test]
fn the_golden_recordings_open() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/samples");
    let recordings = Recording::open_all(&samples).unwrap();
    let found: Vec<_> = recordings.iter().map(|r| (&*r.name, r.frame)).collect();
    assert_eq!(
        found,
        [
            ("hd_mixed", Size::new(1280, 720)),
            ("odd_pad", Size::new(640, 426)),
            ("vga_mixed", Size::new(640, 480)),
        ]
    );
    let first = recordings[0].tensors.view(Role::Prototypes);
    assert!(matches!(first.elements, Elements::U16(_)));
}

#[test]
fn a_recording_is_removed_and_nothing_else() {
    let (folder, ..) = saved();
    let recording = folder.path().join("recording");
    let save = || {
        let (saved, layout, tensors) = saved();
        drop(saved);
        Recording::save(&recording, Size::new(8, 8), &layout, &tensors).unwrap();
        fs::write(recording.join(FRAME_PICTURE), "").unwrap();
    };
    save();
    Recording::remove(&recording).unwrap();
    assert!(!recording.exists());

    for foreign in ["notes.txt", "more/", "link.npy"] {
        save();
        let path = recording.join(foreign);
        match foreign {
            "more/" => fs::create_dir(&path).unwrap(),
            "link.npy" => std::os::unix::fs::symlink("elsewhere", &path).unwrap(),
            _ => fs::write(&path, "").unwrap(),
        }
        let error = Recording::remove(&recording).unwrap_err().to_string();
        assert!(error.contains(foreign.trim_end_matches('/')), "{error}");
        Recording::open(&recording).unwrap();
        fs::remove_dir_all(&recording).unwrap();
    }

    let other = folder.path().join("other");
    save();
    std::os::unix::fs::symlink(&recording, &other).unwrap();
    Recording::remove(&other).unwrap_err();
    Recording::open(&recording).unwrap();
}
