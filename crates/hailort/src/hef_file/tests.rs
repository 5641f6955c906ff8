use proptest::prelude::*;

use super::*;

mod judged;
mod proto;

/// A field of wire type 2.
fn bytes(number: u8, content: &[u8]) -> Vec<u8> {
    let mut field = vec![number << 3 | 2];
    varint(&mut field, content.len() as u64);
    field.extend_from_slice(content);
    field
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn message() -> Vec<u8> {
    let mut description = proto::description(3, "net");
    // A layer between contexts, which the host does not see.
    let mut path = proto::CORE_OP.to_vec();
    path.extend([(7, 0), (1, 0), (3, 0), (3, 0)]);
    let mut inner = proto::plain(
        true,
        proto::layer_info("net/inner", [10, 10, 8], 1, 1.0, 0.0),
    );
    inner.at(&[(5, 0)]).set_int(3, 1);
    let metadata = description.at(&path);
    *metadata = metadata.clone().message(2, inner);
    description.encode()
}

/// A HEF of a container version, with `ccws` behind its message.
fn hef(version: u32, message: &[u8], ccws: &[u8]) -> Vec<u8> {
    let ccws_size = (ccws.len() as u64).to_be_bytes();
    let body = [message, ccws].concat();
    let message_size = match version {
        0 => body.len(),
        _ => message.len(),
    } as u32;
    let xxh3 = xxhash_rust::xxh3::xxh3_64(&body).to_be_bytes();
    let mut file = [
        &MAGIC[..],
        &version.to_be_bytes(),
        &message_size.to_be_bytes(),
    ]
    .concat();
    match version {
        0 => {
            use md5::Digest as _;
            file.extend([0; 4]);
            file.extend(md5::Md5::digest(&body));
        }
        1 => {
            file.extend(crc32fast::hash(&body).to_be_bytes());
            file.extend(ccws_size);
            file.extend([0; 4]);
        }
        2 => {
            file.extend(xxh3);
            file.extend(ccws_size);
            file.extend([0; 16]);
        }
        _ => {
            file.extend(xxh3);
            file.extend(ccws_size);
            file.extend([0; 4 + 8 + 16]);
        }
    }
    file.extend(body);
    file
}

#[test]
fn every_container_version_is_read_and_verified() {
    let message = message();
    for version in 0..=3 {
        // In version 0, weights are inside the message: an unknown field, to be skipped.
        let ccws = if version == 0 {
            bytes(15, &[9; 40])
        } else {
            vec![9; 40]
        };
        let mut file = hef(version, &message, &ccws);
        let good = HefFile::from_bytes(file.clone()).unwrap();
        assert_eq!(good.header().unwrap().version, version);
        good.verify().unwrap();
        assert_eq!(good.contents().unwrap().sdk_version, "3.30.0");

        *file.last_mut().unwrap() ^= 1;
        let damaged = HefFile::from_bytes(file.clone()).unwrap();
        assert!(
            matches!(damaged.verify(), Err(HefFileError::Hash { .. })),
            "version {version}"
        );
        file.pop();
        let short = HefFile::from_bytes(file).unwrap();
        assert!(
            matches!(short.verify(), Err(HefFileError::Length { .. })),
            "version {version}"
        );
    }
}

#[test]
fn the_layers_at_the_host_are_found() {
    let file = HefFile::from_bytes(hef(2, &message(), &[])).unwrap();
    let contents = file.contents().unwrap();
    assert_eq!(contents.architecture, HefArchitecture::Hailo8L);
    assert_eq!(contents.timestamp, 1_700_000_000);
    let [group] = &contents.network_groups[..] else {
        panic!("one group")
    };
    assert_eq!((group.name.as_str(), group.contexts), ("net", 2));
    let names: Vec<_> = group
        .layers
        .iter()
        .map(|layer| layer.name.as_str())
        .collect();
    let expected = ["net/input", "net/boxes", "net/one", "net/scores", "net/two"];
    assert_eq!(names, expected);
    assert_eq!(
        group.layers[1],
        Layer {
            name: "net/boxes".into(),
            direction: LayerDirection::Output,
            shape: [20, 20, 64],
            element_bytes: 2,
            scale: 0.25,
            zero_point: 1000.0,
            order: DataOrder::Nhwc,
            transposed: false,
            scale_per_channel: false,
            muxed: false,
        }
    );
}

#[test]
fn files_that_are_none() {
    type Check = fn(&HefFileError) -> bool;
    let small: Check = |error| matches!(error, HefFileError::TooSmall { .. });
    let magic: Check = |error| matches!(error, HefFileError::Magic { .. });
    for (name, bytes, expected) in [
        ("empty", vec![], small),
        ("a header alone", hef(0, &[], &[]), small),
        ("zeros", vec![0; 100], magic),
        ("text", b"<!DOCTYPE html>".repeat(10), magic),
    ] {
        let error = HefFile::from_bytes(bytes).err().unwrap();
        assert!(expected(&error), "{name}: {error}");
    }
    let mut newer = hef(3, &message(), &[]);
    newer[7] = 4;
    let newer = HefFile::from_bytes(newer).unwrap();
    assert!(matches!(newer.verify(), Err(HefFileError::Version(4))));
}

#[test]
fn files_that_are_not_read_whole() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8], size: u64| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let file = File::options().write(true).open(&path).unwrap();
        file.set_len(size).unwrap();
        path
    };
    let good = hef(2, &message(), &[9; 40]);
    let size = good.len() as u64;
    // Sparse: as long as it says, of zeros.
    let zeros = write("zeros", &[], MAX_SIZE);
    let endless = write("endless", &good, MAX_SIZE + 1);
    let longer = write("longer", &good, MAX_SIZE);
    let shorter = write("shorter", &good, size - 1);
    let whole = write("whole", &good, size);
    for (path, expected) in [
        (folder.path(), "it is not a file"),
        (Path::new("/dev/zero"), "it is not a file"),
        (&zeros, "this is not a HEF"),
        (&endless, "too many"),
        (&longer, "was the download cut off?"),
        (&shorter, "was the download cut off?"),
    ] {
        let error = HefFile::read(path).err().unwrap().to_string();
        assert!(error.contains(expected), "{}: {error}", path.display());
    }
    assert_eq!(HefFile::read(&whole).unwrap().bytes(), good);
}

#[test]
fn the_sha256_is_the_files() {
    let file = HefFile::from_bytes(hef(2, &message(), &[1; 100])).unwrap();
    file.verify_sha256(file.sha256()).unwrap();
    let error = file.verify_sha256([0; 32]).unwrap_err().to_string();
    assert!(error.contains(&hex(file.sha256())), "{error}");
}

fn parse(message: &[u8]) -> Result<Contents, HefFileError> {
    let message = Message {
        bytes: message,
        offset: 56,
    };
    describe(message, 3, 0)
}

#[test]
fn what_a_broken_file_makes_us_keep_is_bounded() {
    // Empty layers of two bytes each, in the only context of a group without ops.
    let of = |layers: usize| {
        let context = bytes(3, &bytes(3, &bytes(2, &[]).repeat(layers)));
        let header = bytes(1, &[4 << 3, 1]);
        parse(&[header, bytes(2, &context)].concat())
    };
    let contents = of(90_000).unwrap();
    assert_eq!(contents.network_groups[0].layers.len(), 256);
    let error = of(110_000).unwrap_err().to_string();
    assert!(error.contains("more of it than of any HEF"), "{error}");
    // Pieces of a message that comes once.
    let error = parse(&bytes(1, &[]).repeat(2000)).unwrap_err().to_string();
    assert!(error.contains("too often"), "{error}");
}

proptest! {
    #[test]
    fn any_bytes_are_answered(file in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(file) = HefFile::from_bytes(file) {
            let _ = file.verify();
            let _ = file.contents();
        }
    }

    #[test]
    fn any_damage_to_the_message_is_answered(
        at in any::<prop::sample::Index>(), to in any::<u8>(), version in 0..4_u32
    ) {
        let mut message = message();
        let at = at.index(message.len());
        message[at] = to;
        let file = HefFile::from_bytes(hef(version, &message, &[])).unwrap();
        file.verify().unwrap();
        let _ = file.contents();
    }

    #[test]
    fn any_message_is_answered(message in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&message);
    }
}
