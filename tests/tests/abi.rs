//! `scripts/check-hailort-abi`: whether the layouts agree, and whether the daemon takes the version.

#![expect(clippy::expect_used, reason = "this is a test")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

/// The folder of a project's file.
fn project(path: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    path.canonicalize().expect("the project")
}

/// A machine with a HailoRT whose header is ours: it agrees. Its version is the library's name, or
/// what the header holds.
struct Installed(TempDir);

impl Installed {
    fn new(library: Option<&str>, more: &str) -> Self {
        let root = tempfile::tempdir().expect("a folder");
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().expect("a folder above")).expect("a folder");
            fs::write(path, text).expect("a written file");
        };
        let ours = project("crates/hailort-sys/include/hailort_subset.h");
        let header = format!(
            "#include \"{}\"\ntypedef void hailo_configure_params_t;\n{more}\n",
            ours.display()
        );
        write("usr/include/hailo/hailort.h", &header);
        if let Some(version) = library {
            write(&format!("usr/lib/libhailort.so.{version}"), "");
        }
        Self(root)
    }

    /// How the script ends, and its last line.
    fn check(&self) -> (Option<i32>, String) {
        let header = self.0.path().join("usr/include/hailo/hailort.h");
        let output = Command::new(project("scripts/check-hailort-abi"))
            .arg(header)
            .output()
            .expect("an ended script");
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8(said).expect("UTF-8");
        let last = said.lines().last().unwrap_or_default().to_owned();
        (output.status.code(), last)
    }
}

#[test]
fn a_version_that_the_daemon_takes_agrees() {
    for version in ["4.20.0", "4.20.1", "4.21.0", "4.22.0", "4.23.0"] {
        let (code, said) = Installed::new(Some(version), "").check();
        assert_eq!(code, Some(0), "{said}");
        assert!(
            said.contains(&format!("HailoRT {version} agrees")),
            "{said}"
        );
    }
    // Without a library, by what the header holds.
    for (holds, version) in [
        ("HAILO_DRIVER_WAIT_CANCELED", "4.20 (by"),
        ("HAILO_HEF_NOT_COMPATIBLE_WITH_DEVICE", "4.21 to 4.23 (by"),
    ] {
        let (code, said) = Installed::new(None, &format!("/* {holds} */")).check();
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains(version), "{said}");
    }
}

#[test]
fn a_version_that_the_daemon_does_not_take_is_named_with_the_reason() {
    for (version, words) in [
        ("5.2.0", "fastsamd refuses 5.x: it does not serve a Hailo-8"),
        ("4.24.0", "fastsamd takes 4.20 to 4.23 only"),
        ("4.19.0", "FASTSAMD_UNTRIED_HAILORT=1"),
    ] {
        let (code, said) = Installed::new(Some(version), "").check();
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("the layouts agree, but"), "{said}");
        assert!(said.contains(words), "{said}");
    }
    let (code, said) = Installed::new(None, "/* HAILO_INVALID_HEF_USE */").check();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("refuses 5.x"), "{said}");
    let (code, said) = Installed::new(None, "").check();
    assert_eq!(code, Some(1), "{said}");
}

#[test]
fn layouts_that_differ_do_not_agree() {
    let differs = "_Static_assert(sizeof(hailo_version_t) == 1, \"another size\");";
    let (code, said) = Installed::new(Some("4.23.0"), differs).check();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("does not agree"), "{said}");
}
