//! From the paths on a command line to the things to work on, each with a name of its own.
//!
//! A path is a picture, a recording (a folder with `manifest.json`), or a folder of pictures and
//! recordings. Invariant: no two inputs share a name, so that no output overwrites another.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
};

use recording::is_recording;

use configuration::WrongInput;

/// One thing to work on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Input {
    /// What its outputs are called: the stem of its path, numbered where that is taken.
    pub name: String,
    pub kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Picture(PathBuf),
    Recording(PathBuf),
}

impl Input {
    pub(super) fn path(&self) -> &Path {
        match &self.kind {
            Kind::Picture(path) | Kind::Recording(path) => path,
        }
    }
}

/// Gives out names that nobody has yet.
#[derive(Debug, Default)]
pub(super) struct Names(HashSet<String>);

impl Names {
    fn claim(&mut self, path: &Path) -> String {
        let stem = path
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned());
        // `.` and `/` have none.
        let stem = stem.unwrap_or_else(|| "input".into());
        let numbered = (2..).map(|number| format!("{stem}-{number}"));
        let mut candidates = std::iter::once(stem.clone()).chain(numbered);
        // The numbers don't run out before the names do.
        candidates
            .find(|name| self.0.insert(name.clone()))
            .unwrap_or(stem)
    }
}

/// What there is at `path`, in the order of names; recordings before pictures.
pub(super) fn find(path: &Path, names: &mut Names) -> Result<Vec<Input>, WrongInput> {
    let wrong = |cause: &dyn std::fmt::Display| {
        WrongInput::new(format_args!("{}: {cause}", path.display()))
    };
    let metadata = fs::metadata(path).map_err(|error| wrong(&error))?;
    let kinds = if !metadata.is_dir() {
        vec![Kind::Picture(path.to_owned())]
    } else if is_recording(path) {
        vec![Kind::Recording(path.to_owned())]
    } else {
        let mut recordings = Vec::new();
        for entry in fs::read_dir(path).map_err(|error| wrong(&error))? {
            let entry = entry.map_err(|error| wrong(&error))?.path();
            if is_recording(&entry) {
                recordings.push(entry);
            }
        }
        recordings.sort();
        let pictures = match camera::images::list(path) {
            Ok(pictures) => pictures,
            Err(_) if !recordings.is_empty() => Vec::new(),
            Err(_) => {
                return Err(wrong(
                    &"neither pictures (.png, .jpg, .jpeg) nor recordings (folders with \
                      manifest.json) here",
                ));
            }
        };
        let recordings = recordings.into_iter().map(Kind::Recording);
        recordings
            .chain(pictures.into_iter().map(Kind::Picture))
            .collect()
    };
    let named = |kind: Kind| {
        let (Kind::Picture(path) | Kind::Recording(path)) = &kind;
        Input {
            name: names.claim(&canonical(path)),
            kind,
        }
    };
    Ok(kinds.into_iter().map(named).collect())
}

/// `.` and `..` hide the name that a folder has; a link keeps the name that the user gave it.
fn canonical(path: &Path) -> PathBuf {
    if path.file_stem().is_some() {
        path.to_owned()
    } else {
        path.canonicalize().unwrap_or_else(|_| path.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touch(path: &Path) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    }

    fn names(found: &[Input]) -> Vec<&str> {
        found.iter().map(|input| input.name.as_str()).collect()
    }

    #[test]
    fn a_folder_is_a_recording_or_holds_recordings_and_pictures() {
        let folder = tempfile::tempdir().unwrap();
        for file in [
            "b.png",
            "a.JPG",
            "notes.txt",
            "000001/manifest.json",
            "other/x.png",
        ] {
            touch(&folder.path().join(file));
        }
        let found = find(folder.path(), &mut Names::default()).unwrap();
        assert_eq!(names(&found), ["000001", "a", "b"]);
        let recording = folder.path().join("000001");
        let found = find(&recording, &mut Names::default()).unwrap();
        assert_eq!(found[0].kind, Kind::Recording(recording));
    }

    #[test]
    fn equal_stems_get_numbers() {
        let folder = tempfile::tempdir().unwrap();
        for file in ["a.png", "a.jpg", "a-2.png", "below/a.png"] {
            touch(&folder.path().join(file));
        }
        let mut claimed = Names::default();
        let mut found = find(folder.path(), &mut claimed).unwrap();
        found.extend(find(&folder.path().join("below"), &mut claimed).unwrap());
        found.extend(find(&folder.path().join("a.png"), &mut claimed).unwrap());
        let names = names(&found);
        assert_eq!(names.len(), 5);
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), 5, "{names:?}");
        assert_eq!(names[0], "a-2");
    }

    #[test]
    fn a_path_without_anything_is_wrong_input() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing");
        for (path, expected) in [
            (missing.as_path(), "No such file"),
            (folder.path(), "neither"),
        ] {
            let error = find(path, &mut Names::default()).unwrap_err().to_string();
            assert!(error.starts_with(&path.display().to_string()), "{error}");
            assert!(error.contains(expected), "{error}");
        }
    }
}
