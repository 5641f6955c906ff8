//! Why a file can't be read, where the reason is the service's sandbox or its user.
//!
//! The unit runs with DynamicUser=, ProtectHome= and PrivateTmp= (systemd.exec(5)): what a shell sees may be hidden
//! from it, and a file of root's with mode 0600 is closed to it.

use std::{
    fs,
    io::{self, ErrorKind},
    os::unix::fs::PermissionsExt,
    path::Path,
};

/// Folders that the sandbox hides, with the setting that shows them again.
const HIDDEN: [(&str, &str); 5] = [
    ("/home", "ProtectHome=read-only"),
    ("/root", "ProtectHome=read-only"),
    ("/run/user", "ProtectHome=read-only"),
    ("/tmp", "PrivateTmp=no"),
    ("/var/tmp", "PrivateTmp=no"),
];

/// An error of a file with what helps, if this is the service.
pub(crate) fn explained(path: &Path, error: &io::Error) -> String {
    // systemd gives each start of a unit one.
    let is_service = std::env::var_os("INVOCATION_ID").is_some();
    match advice(path, error.kind()).filter(|_| is_service) {
        Some(advice) => format!("{error}; {advice}"),
        None => error.to_string(),
    }
}

/// What helps the service.
fn advice(path: &Path, kind: ErrorKind) -> Option<String> {
    if !matches!(kind, ErrorKind::NotFound | ErrorKind::PermissionDenied) {
        return None;
    }
    if let Some((folder, setting)) = HIDDEN.iter().find(|(folder, _)| path.starts_with(folder)) {
        let (name, _) = setting.split_once('=')?;
        return Some(format!(
            "the service does not see {folder} ({name}): put the file into /etc/fastsamd, or run `sudo systemctl edit \
             fastsamd` and add the lines [Service] and {setting}"
        ));
    }
    (kind == ErrorKind::PermissionDenied).then(|| closed(path))
}

fn closed(path: &Path) -> String {
    let path = path.display();
    format!(
        "the service runs as a user of its own, who may not read it: `sudo chmod 644 {path}`; a password belongs into \
         /etc/credstore/fastsamd.mqtt-password, which root alone can read"
    )
}

/// What root should know of a file that root can read and the service can't.
pub fn closed_to_the_service(path: &Path) -> Option<String> {
    const OTHERS_READ: u32 = 0o004;
    let mode = fs::metadata(path).ok()?.permissions().mode();
    (mode & OTHERS_READ == 0).then(|| {
        format!(
            "{} has mode {:04o}: {}",
            path.display(),
            mode & 0o7777,
            closed(path)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_sandbox_hides_is_named_with_the_setting() {
        let hidden = |path: &str| advice(Path::new(path), ErrorKind::NotFound).unwrap_or_default();
        assert!(hidden("/home/pi/fast_sam_s.hef").contains("ProtectHome=read-only"));
        assert!(hidden("/tmp/pictures").contains("PrivateTmp=no"));
        assert_eq!(hidden("/etc/fastsamd/pictures"), "");
        assert_eq!(hidden("/homework"), "");
        let closed = advice(
            Path::new("/etc/fastsamd/config.yaml"),
            ErrorKind::PermissionDenied,
        );
        assert!(
            closed
                .unwrap_or_default()
                .contains("sudo chmod 644 /etc/fastsamd/config.yaml")
        );
    }

    #[test]
    fn a_file_that_only_its_owner_reads_is_closed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.yaml");
        fs::write(&path, "").unwrap();
        for (mode, is_closed) in [(0o600, true), (0o640, true), (0o644, false)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(
                closed_to_the_service(&path).is_some(),
                is_closed,
                "{mode:o}"
            );
        }
    }
}
