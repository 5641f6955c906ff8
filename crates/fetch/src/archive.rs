//! The one file that is wanted of a ZIP archive, unpacked with a bound.

use std::{
    fs::File,
    io::{Read, Write},
    path::Path,
};

use flate2::read::DeflateDecoder;
use rawzip::{CompressionMethod, RECOMMENDED_BUFFER_SIZE, ZipArchive};

use crate::Rejection;

/// The most names that an error lists.
const MOST_NAMES: usize = 5;

impl From<rawzip::Error> for Rejection {
    fn from(error: rawzip::Error) -> Self {
        Self::Archive(error.to_string())
    }
}

/// Unpacks the file of this name, in whichever folder of the archive it lies.
///
/// What the archive says of sizes is not relied on: a few bytes may unpack to any number.
pub(crate) fn unpack(
    archive: &Path,
    wanted: &str,
    into: &Path,
    most_bytes: u64,
) -> Result<(), Rejection> {
    let mut buffer = vec![0; RECOMMENDED_BUFFER_SIZE];
    let archive = ZipArchive::from_file(File::open(archive)?, &mut buffer)?;
    let mut entries = archive.entries(&mut buffer);
    let mut others = Vec::new();
    let (wayfinder, method) = loop {
        let Some(entry) = entries.next_entry()? else {
            return Err(Rejection::NotInArchive {
                wanted: wanted.to_owned(),
                found: if others.is_empty() {
                    "nothing".to_owned()
                } else {
                    others.join(", ")
                },
            });
        };
        let name = String::from_utf8_lossy(entry.file_path().as_ref()).into_owned();
        if name.rsplit('/').next() == Some(wanted) {
            break (entry.wayfinder(), entry.compression_method());
        }
        if others.len() < MOST_NAMES {
            others.push(name);
        }
    };
    let entry = archive.get_entry(wayfinder)?;
    let packed = entry.reader();
    // At its end a verifying reader has compared size and CRC-32.
    if method == CompressionMethod::STORE {
        write(entry.verifying_reader(packed), into, most_bytes)
    } else if method == CompressionMethod::DEFLATE {
        let inflated = DeflateDecoder::new(packed);
        write(entry.verifying_reader(inflated), into, most_bytes)
    } else {
        Err(Rejection::Archive(format!(
            "{wanted} is packed by a method that is not known here"
        )))
    }
}

fn write(mut content: impl Read, into: &Path, most_bytes: u64) -> Result<(), Rejection> {
    let mut file = File::create(into)?;
    let mut block = vec![0; 1 << 16];
    let mut written = 0;
    loop {
        let count = content
            .read(&mut block)
            .map_err(|error| Rejection::Archive(error.to_string()))?;
        if count == 0 {
            return Ok(file.sync_all()?);
        }
        written += count as u64;
        if written > most_bytes {
            return Err(Rejection::TooLarge { most_bytes });
        }
        file.write_all(block.get(..count).unwrap_or_default())?;
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::PathBuf};

    use flate2::{Compression, write::DeflateEncoder};
    use rawzip::ZipArchiveWriter;

    use super::*;

    fn archive(folder: &Path, files: &[(&str, &[u8])]) -> PathBuf {
        let path = folder.join("archive.zip");
        let mut archive = ZipArchiveWriter::new(File::create(&path).unwrap());
        for (name, content) in files {
            let (mut entry, config) = archive
                .new_file(name)
                .compression_method(CompressionMethod::DEFLATE)
                .start()
                .unwrap();
            let encoder = DeflateEncoder::new(&mut entry, Compression::default());
            let mut writer = config.wrap(encoder);
            writer.write_all(content).unwrap();
            let (encoder, descriptor) = writer.finish().unwrap();
            encoder.finish().unwrap();
            entry.finish(descriptor).unwrap();
        }
        archive.finish().unwrap();
        path
    }

    #[test]
    fn the_file_is_found_in_any_folder() {
        let folder = tempfile::tempdir().unwrap();
        let files: [(&str, &[u8]); 2] = [("readme", b"b"), ("net/fast_sam_s.onnx", b"network")];
        let path = archive(folder.path(), &files);
        let into = folder.path().join("out");
        unpack(&path, "fast_sam_s.onnx", &into, 7).unwrap();
        assert_eq!(fs::read(&into).unwrap(), b"network");
        let error = unpack(&path, "fast_sam_s.onnx", &into, 6).unwrap_err();
        assert!(matches!(error, Rejection::TooLarge { most_bytes: 6 }));
        let error = unpack(&path, "other.onnx", &into, 7).unwrap_err();
        let words = "no other.onnx, but readme, net/fast_sam_s.onnx";
        assert!(error.to_string().contains(words), "{error}");
    }

    #[test]
    fn a_bomb_stops_at_the_bound() {
        let folder = tempfile::tempdir().unwrap();
        let path = archive(folder.path(), &[("a.onnx", &vec![0; 20 << 20])]);
        let into = folder.path().join("out");
        assert!(fs::metadata(&path).unwrap().len() < 100_000);
        let error = unpack(&path, "a.onnx", &into, 1 << 20).unwrap_err();
        assert!(matches!(error, Rejection::TooLarge { .. }), "{error}");
        assert!(fs::metadata(&into).unwrap().len() <= 1 << 20);
    }

    #[test]
    fn damage_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let content: Vec<u8> = (0..10_000_u32).flat_map(u32::to_le_bytes).collect();
        let path = archive(folder.path(), &[("a.onnx", &content)]);
        let whole = fs::read(&path).unwrap();
        let into = folder.path().join("out");
        let mut flipped = whole.clone();
        flipped[whole.len() / 2] ^= 0xff;
        for damaged in [&whole[..whole.len() / 2], &flipped] {
            fs::write(&path, damaged).unwrap();
            let error = unpack(&path, "a.onnx", &into, 1 << 20).unwrap_err();
            assert!(matches!(error, Rejection::Archive(_)), "{error}");
        }
    }
}
