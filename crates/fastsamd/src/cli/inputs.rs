//! From the paths on a command line to the things to work on.
//!
//! A path is a picture, a film, a recording (a folder with `manifest.json`), or a folder of pictures and
//! recordings. Overlays that fastsamd drew are left out of a folder's pictures, so that results may
//! lie beside the pictures that they belong to.

use std::{
    fs,
    path::{Path, PathBuf},
};

use recording::{FRAME_PICTURE, MANIFEST, is_recording};

use configuration::WrongInput;

use super::own;

/// One thing to work on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Input {
    Picture(PathBuf),
    Recording(PathBuf),
    /// A video file.
    Film(PathBuf),
    /// One of its frames, by its number from 1.
    Frame(PathBuf, u64),
}

/// Endings of video files.
const FILMS: [&str; 17] = [
    "3gp", "avi", "flv", "h264", "hevc", "m2ts", "m4v", "mjpeg", "mkv", "mov", "mp4", "mpeg",
    "mpg", "ts", "webm", "wmv", "y4m",
];

impl Input {
    /// As it was given.
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Picture(path)
            | Self::Recording(path)
            | Self::Film(path)
            | Self::Frame(path, _) => path,
        }
    }

    /// What its results are called, unless that is taken: its name without the ending.
    pub(super) fn stem(&self) -> String {
        let absolute = absolute(self.path());
        // `/` has none.
        let stem = absolute.file_stem().map_or_else(
            || "input".into(),
            |stem| stem.to_string_lossy().into_owned(),
        );
        match self {
            // In the order of names, for a day at 30 frames per second.
            Self::Frame(_, number) => format!("{stem}-{number:06}"),
            _ => stem,
        }
    }

    /// Its absolute path as text, the same however it is spelled. Bytes that are no text are
    /// escaped, so that no two paths have one address.
    pub(super) fn address(&self) -> String {
        let absolute = absolute(self.path());
        match absolute.to_str() {
            Some(text) => text.to_owned(),
            None => absolute
                .as_os_str()
                .as_encoded_bytes()
                .escape_ascii()
                .to_string(),
        }
    }

    /// The files that are read, which nothing may be written over: both a link and what it leads
    /// to.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let files = match self {
            Self::Picture(path) | Self::Film(path) | Self::Frame(path, _) => vec![path.clone()],
            Self::Recording(folder) => vec![folder.join(MANIFEST), folder.join(FRAME_PICTURE)],
        };
        let targets: Vec<_> = files.iter().filter_map(|f| f.canonicalize().ok()).collect();
        files.iter().map(|f| absolute(f)).chain(targets).collect()
    }
}

/// The absolute path. A link keeps the name that the user gave it, while `.` and `..` hide the name
/// that a folder has.
fn absolute(path: &Path) -> PathBuf {
    let found = match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => {
            let here = parent.as_os_str().is_empty();
            let parent = if here { Path::new(".") } else { parent };
            parent.canonicalize().map(|parent| parent.join(name))
        }
        _ => path.canonicalize(),
    };
    found.unwrap_or_else(|_| path.to_owned())
}

/// What there is at `path`, in the order of names; recordings before pictures.
pub(super) fn find(path: &Path) -> Result<Vec<Input>, WrongInput> {
    let wrong = |cause: &dyn std::fmt::Display| {
        WrongInput::new(format_args!("{}: {cause}", path.display()))
    };
    let metadata = fs::metadata(path).map_err(|error| wrong(&error))?;
    if !metadata.is_dir() {
        let ending = path.extension().and_then(|ending| ending.to_str());
        let is_film = ending.is_some_and(|ending| {
            let mut films = FILMS.iter();
            films.any(|film| film.eq_ignore_ascii_case(ending))
        });
        let of_kind = if is_film { Input::Film } else { Input::Picture };
        return Ok(vec![of_kind(path.to_owned())]);
    }
    if is_recording(path) {
        return Ok(vec![Input::Recording(path.to_owned())]);
    }
    let mut recordings = Vec::new();
    for entry in fs::read_dir(path).map_err(|error| wrong(&error))? {
        let entry = entry.map_err(|error| wrong(&error))?.path();
        if is_recording(&entry) && !is_hidden(&entry) {
            recordings.push(entry);
        }
    }
    recordings.sort();
    // A folder without pictures is an error of its own there.
    let mut pictures = camera::images::list(path).unwrap_or_default();
    pictures.retain(|picture| !own::is_overlay_at(picture));
    if recordings.is_empty() && pictures.is_empty() {
        return Err(wrong(
            &"neither pictures (.png, .jpg, .jpeg) nor recordings (folders with manifest.json) \
              here",
        ));
    }
    let recordings = recordings.into_iter().map(Input::Recording);
    Ok(recordings
        .chain(pictures.into_iter().map(Input::Picture))
        .collect())
}

/// A recording that is being written lies in a hidden folder.
fn is_hidden(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

#[cfg(test)]
mod tests {
    use frame::Size;

    use super::*;

    fn touch(path: &Path) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    }

    fn stems(found: &[Input]) -> Vec<String> {
        found.iter().map(Input::stem).collect()
    }

    #[test]
    fn a_folder_is_a_recording_or_holds_recordings_and_pictures() {
        let folder = tempfile::tempdir().unwrap();
        for file in [
            "b.png",
            "a.JPG",
            "notes.txt",
            "000001/manifest.json",
            ".unfinished/manifest.json",
            "other/x.png",
            "somebody's.overlay.png",
        ] {
            touch(&folder.path().join(file));
        }
        let overlay = picture::png::encode(&[0; 3], Size::new(1, 1)).unwrap();
        for name in ["a.overlay.png", "c.png"] {
            fs::write(folder.path().join(name), &overlay).unwrap();
        }
        let found = find(folder.path()).unwrap();
        assert_eq!(
            stems(&found),
            ["000001", "a", "b", "c", "somebody's.overlay"]
        );
        let recording = folder.path().join("000001");
        let found = find(&recording).unwrap();
        assert_eq!(found, [Input::Recording(recording)]);
    }

    #[test]
    fn an_address_is_the_same_however_it_is_spelled() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        touch(&root.join("below/a.png"));
        std::os::unix::fs::symlink(root.join("below/a.png"), root.join("link.png")).unwrap();
        std::os::unix::fs::symlink(root.join("below"), root.join("folder")).unwrap();
        let address = |path: &str| {
            let input = Input::Picture(root.join(path));
            let address = input.address();
            let inside = address.strip_prefix(root.to_str().unwrap()).unwrap();
            (inside.to_owned(), input.stem())
        };
        for (path, expected, stem) in [
            ("below/a.png", "/below/a.png", "a"),
            ("below/../below/./a.png", "/below/a.png", "a"),
            ("folder/a.png", "/below/a.png", "a"),
            ("below/.", "/below", "below"),
            ("below/../below/", "/below", "below"),
            // The user's own name for it.
            ("link.png", "/link.png", "link"),
        ] {
            assert_eq!(address(path), (expected.into(), stem.into()), "{path}");
        }
    }

    #[test]
    fn addresses_of_paths_that_are_no_text_differ() {
        use std::{ffi::OsStr, os::unix::ffi::OsStrExt};
        let address = |name: &[u8]| Input::Picture(OsStr::from_bytes(name).into()).address();
        assert!(address(b"a\xff.png").ends_with("a\\xff.png"));
        assert_ne!(address(b"a\xff.png"), address(b"a\xfe.png"));
    }

    #[test]
    fn a_path_without_anything_is_wrong_input() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing");
        for (path, expected) in [
            (missing.as_path(), "No such file"),
            (folder.path(), "neither"),
        ] {
            let error = find(path).unwrap_err().to_string();
            assert!(error.starts_with(&path.display().to_string()), "{error}");
            assert!(error.contains(expected), "{error}");
        }
    }
}
