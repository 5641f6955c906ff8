//! From the paths on a command line to the things to work on.
//!
//! A path is a picture, a film, a recording (a folder with `manifest.json`), a folder of pictures and
//! recordings, a pattern for any of these, or `-` for standard input. Pictures that fastsamd drew are left out of a folder's
//! pictures, so that results may lie beside the pictures that they belong to. Whatever else is left out is said.

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
    /// A picture that comes from standard input.
    Standard,
}

/// What there is at a path.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) inputs: Vec<Input>,
    /// What was left out of a folder, in words.
    pub(super) left_out: Option<String>,
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
            Self::Standard => Path::new(STANDARD),
        }
    }

    /// What its results are called, unless that is taken: its name without the ending.
    pub(super) fn stem(&self) -> String {
        if *self == Self::Standard {
            return "stdin".to_owned();
        }
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
        if *self == Self::Standard {
            return STANDARD.to_owned();
        }
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

    /// Its name in a list of files that lie in `root`.
    pub(super) fn file_name(&self, root: &Path) -> String {
        let absolute = absolute(self.path());
        let path = absolute.strip_prefix(root).unwrap_or(&absolute);
        match self {
            // Nobody has files of a film's frames; these are the names of their results.
            Self::Frame(..) | Self::Standard => self.stem(),
            _ => path.display().to_string(),
        }
    }

    /// The files that are read, which nothing may be written over: both a link and what it leads
    /// to.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let files = match self {
            Self::Picture(path) | Self::Film(path) | Self::Frame(path, _) => vec![path.clone()],
            Self::Recording(folder) => vec![folder.join(MANIFEST), folder.join(FRAME_PICTURE)],
            Self::Standard => Vec::new(),
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

/// The name of standard input.
const STANDARD: &str = "-";

/// The deepest folder that all files lie in.
pub(super) fn common_folder(inputs: &[Input]) -> PathBuf {
    let mut folders = inputs
        .iter()
        .filter(|input| !matches!(input, Input::Standard))
        .map(|input| {
            absolute(input.path())
                .parent()
                .map(Path::to_owned)
                .unwrap_or_default()
        });
    let Some(mut common) = folders.next() else {
        return PathBuf::new();
    };
    for folder in folders {
        while !folder.starts_with(&common) && common.pop() {}
    }
    common
}

/// The paths that a pattern matches, in the order of names; a path itself where it is none, or where there is a file
/// of this very name.
pub(super) fn expand(path: &Path) -> Result<Vec<PathBuf>, WrongInput> {
    let Some(pattern) = path.to_str().filter(|text| text.contains(['*', '?', '['])) else {
        return Ok(vec![path.to_owned()]);
    };
    if fs::symlink_metadata(path).is_ok() {
        return Ok(vec![path.to_owned()]);
    }
    let wrong = |cause: &dyn std::fmt::Display| WrongInput::new(format_args!("{pattern}: {cause}"));
    let mut paths = Vec::new();
    for found in glob::glob(pattern).map_err(|error| wrong(&error))? {
        paths.push(found.map_err(|error| wrong(&error))?);
    }
    if paths.is_empty() {
        return Err(wrong(&"no file matches this pattern"));
    }
    Ok(paths)
}

/// What there is at `path`, in the order of names; of a folder recordings before pictures, and both before
/// those of the folders below, which are looked into where that is wanted.
pub(super) fn find(path: &Path, recursive: bool) -> Result<Found, WrongInput> {
    let wrong = |cause: &dyn std::fmt::Display| {
        WrongInput::new(format_args!("{}: {cause}", path.display()))
    };
    if path == Path::new(STANDARD) {
        return Ok(Found {
            inputs: vec![Input::Standard],
            left_out: None,
        });
    }
    let metadata = fs::metadata(path).map_err(|error| wrong(&error))?;
    let single = if !metadata.is_dir() {
        let of_kind = if is_film(path) {
            Input::Film
        } else {
            Input::Picture
        };
        Some(of_kind(path.to_owned()))
    } else if is_recording(path) {
        Some(Input::Recording(path.to_owned()))
    } else {
        None
    };
    if let Some(input) = single {
        return Ok(Found {
            inputs: vec![input],
            left_out: None,
        });
    }
    let (mut inputs, mut left_out) = (Vec::new(), LeftOut::default());
    look_into(path, recursive, &mut inputs, &mut left_out).map_err(|error| wrong(&error))?;
    let left_out = left_out.text();
    if inputs.is_empty() {
        let there = left_out.map_or_else(String::new, |text| format!(": {text}"));
        return Err(wrong(&format_args!(
            "neither pictures nor recordings (folders with manifest.json) here{there}"
        )));
    }
    Ok(Found {
        inputs,
        left_out: left_out.map(|text| format!("{}: {text}", path.display())),
    })
}

fn is_film(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str());
    ending.is_some_and(|ending| FILMS.iter().any(|film| film.eq_ignore_ascii_case(ending)))
}

/// Adds what there is in a folder. Links to folders are not followed, which might lead round in a circle.
fn look_into(
    folder: &Path,
    recursive: bool,
    inputs: &mut Vec<Input>,
    left_out: &mut LeftOut,
) -> std::io::Result<()> {
    let mut entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    let (mut pictures, mut below) = (Vec::new(), Vec::new());
    for entry in entries {
        let path = entry.path();
        if is_hidden(&path) {
            continue;
        }
        if is_recording(&path) {
            inputs.push(Input::Recording(path));
        } else if path.is_dir() {
            if recursive && entry.file_type()?.is_dir() {
                below.push(path);
            } else {
                left_out.folders += 1;
            }
        } else if is_film(&path) {
            left_out.films += 1;
        } else if own::is_our_picture_at(&path) {
            left_out.ours += 1;
        } else if camera::images::is_picture(&path) {
            pictures.push(Input::Picture(path));
        } else {
            left_out.others += 1;
            left_out.name = left_out
                .name
                .take()
                .or_else(|| Some(entry.file_name().to_string_lossy().into_owned()));
        }
    }
    inputs.append(&mut pictures);
    for path in below {
        look_into(&path, recursive, inputs, left_out)?;
    }
    Ok(())
}

/// What was left out of a folder.
#[derive(Debug, Default)]
struct LeftOut {
    /// Files that are no pictures, and what the first of them is called.
    others: usize,
    name: Option<String>,
    films: usize,
    folders: usize,
    /// Pictures that fastsamd drew.
    ours: usize,
}

impl LeftOut {
    /// In words; nothing where nothing was.
    fn text(&self) -> Option<String> {
        let example = self
            .name
            .as_deref()
            .map_or_else(String::new, |name| format!(" ({name})"));
        let parts = [
            (self.others, "other file", example.as_str()),
            (self.films, "film", " (to be named one by one)"),
            (self.folders, "folder", " (--recursive looks into them)"),
            (self.ours, "picture", " that fastsamd drew"),
        ];
        let parts: Vec<_> = parts
            .iter()
            .filter(|(count, ..)| *count > 0)
            .map(|(count, what, more)| {
                format!("{count} {what}{}{more}", if *count == 1 { "" } else { "s" })
            })
            .collect();
        (!parts.is_empty()).then(|| format!("left out {}", parts.join(", ")))
    }
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
        let found = find(folder.path(), false).unwrap();
        assert_eq!(
            stems(&found.inputs),
            ["000001", "a", "b", "c", "somebody's.overlay"]
        );
        let said = found.left_out.unwrap();
        let expected = "left out 1 other file (notes.txt), 1 folder (--recursive looks into them), 1 picture that fastsamd drew";
        assert!(said.ends_with(expected), "{said}");
        let found = find(folder.path(), true).unwrap();
        assert_eq!(
            stems(&found.inputs),
            ["000001", "a", "b", "c", "somebody's.overlay", "x"]
        );
        let recording = folder.path().join("000001");
        let found = find(&recording, false).unwrap();
        assert_eq!(found.inputs, [Input::Recording(recording)]);
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
            let error = find(path, false).unwrap_err().to_string();
            assert!(error.starts_with(&path.display().to_string()), "{error}");
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn patterns_name_files() {
        let folder = tempfile::tempdir().unwrap();
        for file in ["b.png", "a.png", "c.jpg", "[x].png"] {
            touch(&folder.path().join(file));
        }
        let names = |pattern: &str| {
            let found = expand(&folder.path().join(pattern)).unwrap();
            found
                .iter()
                .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(names("?.png"), ["a.png", "b.png"]);
        assert_eq!(names("[x].png"), ["[x].png"]);
        assert_eq!(names("d.png"), ["d.png"]);
        assert!(expand(&folder.path().join("*.bmp")).is_err());
    }

    #[test]
    fn files_are_named_from_the_folder_that_they_share() {
        let inputs =
            ["/x/a/1.png", "/x/b/2.png", "/x/b/c/3.png"].map(|path| Input::Picture(path.into()));
        let root = common_folder(&inputs);
        assert_eq!(root, Path::new("/x"));
        assert_eq!(inputs[2].file_name(&root), "b/c/3.png");
        assert_eq!(common_folder(&inputs[2..]), Path::new("/x/b/c"));
        assert_eq!(common_folder(&[Input::Standard]), Path::new(""));
    }
}
