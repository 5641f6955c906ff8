//! HEF files: whatever their bytes, header and description are read, judged or refused, and what is
//! kept is bounded.

#![no_main]

use hailort::hef_file::HefFile;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(file) = HefFile::from_bytes(bytes.to_vec()) else {
        return;
    };
    if let Ok(header) = file.header() {
        assert_eq!(file.verify().is_ok(), header.verify(bytes).is_ok());
        let _ = header.hash.to_string();
    }
    if let Ok(contents) = file.contents() {
        // What kills the library is not also refused by it.
        if let Err(flaw) = contents.check() {
            assert!(!flaw.to_string().contains('\n'));
            assert_eq!(contents.refusal(), None);
        }
        assert!(contents.network_groups.len() <= 8);
        for group in &contents.network_groups {
            assert!(group.layers.len() <= 256);
            assert!(group.layers.iter().all(|layer| layer.name.len() <= 2048));
        }
    }
});
