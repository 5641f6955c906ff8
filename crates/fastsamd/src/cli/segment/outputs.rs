//! The folder of results: which name each input gets, and what may be replaced.
//!
//! Invariants: a file that fastsamd did not write is replaced with `--force` alone, and an input
//! never; results of two inputs keep apart, in one run and over runs, while a repeated run replaces
//! its own. For this a message names its input. Files appear whole or not at all, under their names.

use std::{
    collections::{HashMap, HashSet},
    fs::{self, File, Permissions},
    io::{self, Read, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use anyhow::Context;
use configuration::WrongInput;
use tempfile::NamedTempFile;

use super::names::{Names, number};
use crate::cli::{
    inputs::Input,
    own::{self, Author},
};

/// The folder, and what is known of it.
#[derive(Debug)]
pub(super) struct Outputs {
    folder: PathBuf,
    force: bool,
    /// What each input gets, as far as that is known before it was worked on.
    expected: Vec<(&'static str, Kind)>,
    /// The files behind all inputs, as they lie in the folder.
    inputs: HashSet<PathBuf>,
    /// The results that were there at the start, by name, each with its input where it names one.
    earlier: HashMap<String, Option<String>>,
    names: Names,
}

/// One file of an input's results.
pub(super) struct Product {
    /// What its name has behind that of the results.
    ending: String,
    kind: Kind,
    content: Vec<u8>,
}

/// What is in a file, and by what its author is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A message, or labelme's annotations, with their input.
    Message,
    /// YOLO's labels, which have no room for an author: they are never replaced by others.
    Labels,
    /// COCO's annotations.
    Coco,
    /// A picture with a note.
    Picture,
}

impl Product {
    /// A picture.
    pub(super) fn picture(ending: &str, content: Vec<u8>) -> Self {
        Self {
            ending: ending.to_owned(),
            kind: Kind::Picture,
            content,
        }
    }

    /// What it says, for a line of standard output.
    pub(super) fn line(&self) -> &str {
        str::from_utf8(&self.content)
            .unwrap_or_default()
            .trim_end_matches('\n')
    }

    /// A text.
    pub(super) fn text(ending: &str, kind: Kind, text: String) -> Self {
        Self {
            ending: ending.to_owned(),
            kind,
            content: text.into_bytes(),
        }
    }
}

/// Where an input's results go.
#[derive(Debug)]
pub(super) struct Place {
    /// What they are called.
    pub(super) name: String,
    /// The input's address.
    input: String,
}

impl Outputs {
    /// Makes the folder, if need be, and looks for earlier results of these inputs.
    pub(super) fn open(
        folder: &Path,
        force: bool,
        expected: Vec<(&'static str, Kind)>,
        inputs: &[Input],
    ) -> Result<Self, WrongInput> {
        let wrong =
            |cause: io::Error| WrongInput::new(format_args!("--out {}: {cause}", folder.display()));
        if folder.exists() && !folder.is_dir() {
            return Err(wrong(io::ErrorKind::NotADirectory.into()));
        }
        fs::create_dir_all(folder).map_err(wrong)?;
        let canonical = folder.canonicalize().map_err(wrong)?;
        let inside = |file: &PathBuf| file.parent() == Some(&canonical);
        let files = inputs.iter().flat_map(Input::files).filter(inside);
        Ok(Self {
            folder: folder.to_owned(),
            force,
            expected,
            inputs: files
                .filter_map(|file| Some(folder.join(file.file_name()?)))
                .collect(),
            earlier: earlier_results(folder, inputs).map_err(wrong)?,
            names: Names::default(),
        })
    }

    /// The folder.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Finds the names of an input's results: those of its earlier results, or new ones.
    ///
    /// # Errors
    /// Where something is in the way that may not be replaced.
    pub(super) fn claim(&mut self, input: &Input) -> Result<Place, WrongInput> {
        let (address, stem) = (input.address(), input.stem());
        let name = self.earlier_name(&address, &stem).unwrap_or_else(|| {
            let is_others = |name: &str| matches!(self.earlier.get(name), Some(Some(_)));
            self.names.first_free(&stem, |name| !is_others(name))
        });
        let place = Place {
            input: address,
            name,
        };
        for (ending, kind) in &self.expected {
            self.check(&place, ending, *kind, None)?;
        }
        self.names.insert(&place.name);
        Ok(place)
    }

    /// Writes all files, or none.
    pub(super) fn write(&self, place: &Place, products: &[Product]) -> anyhow::Result<()> {
        let mut staged = Vec::new();
        for product in products {
            staged.push(self.stage(&product.content)?);
        }
        // Much may have happened while the input was worked on.
        for product in products {
            self.check(place, &product.ending, product.kind, Some(&product.content))?;
        }
        for (file, product) in staged.into_iter().zip(products) {
            let path = self.path(place, &product.ending);
            file.persist(&path)
                .map_err(|error| error.error)
                .with_context(|| path.display().to_string())?;
        }
        Ok(())
    }

    /// Where the results of all inputs together go.
    ///
    /// # Errors
    /// Where something is in the way that may not be replaced.
    pub(super) fn claim_together(
        &self,
        name: &str,
        ending: &str,
        kind: Kind,
    ) -> Result<Place, WrongInput> {
        let place = Place {
            name: name.to_owned(),
            input: String::new(),
        };
        self.check(&place, ending, kind, None)?;
        Ok(place)
    }

    fn path(&self, place: &Place, ending: &str) -> PathBuf {
        self.folder.join(format!("{}{ending}", place.name))
    }

    /// A file beside the results, which is gone unless it becomes one of them.
    fn stage(&self, content: &[u8]) -> anyhow::Result<NamedTempFile> {
        let stage = || {
            let mut file = tempfile::Builder::new()
                .prefix(own::UNFINISHED)
                // Less what the user's mask takes away.
                .permissions(Permissions::from_mode(0o666))
                .tempfile_in(&self.folder)?;
            file.write_all(content)?;
            io::Result::Ok(file)
        };
        stage().with_context(|| format!("--out {}", self.folder.display()))
    }

    /// The first name of this input's earlier results that was not given out again.
    fn earlier_name(&self, address: &str, stem: &str) -> Option<String> {
        let its = self
            .earlier
            .iter()
            .filter(|(_, input)| input.as_deref() == Some(address))
            .map(|(name, _)| name);
        its.filter(|name| !self.names.has(name))
            .filter_map(|name| Some((number(name, stem)?, name)))
            .min()
            .map(|(_, name)| name.clone())
    }

    /// Whether a file may be written. Before an input was worked on there is no content.
    fn check(
        &self,
        place: &Place,
        ending: &str,
        kind: Kind,
        content: Option<&[u8]>,
    ) -> Result<(), WrongInput> {
        let ours = |is_ours: bool| is_ours.then_some(()).ok_or(SOMEBODYS);
        self.check_file(&self.path(place, ending), |file| match kind {
            Kind::Message => match own::author(file, &place.name) {
                Author::Other => Err(SOMEBODYS),
                Author::Fastsamd(Some(input)) if input != place.input => {
                    Err("the result of another input is in the way")
                }
                Author::Fastsamd(_) => Ok(()),
            },
            Kind::Labels => match content {
                Some(content) if !has_content(file, content) => {
                    Err("other labels are there, which can't say who wrote them")
                }
                _ => Ok(()),
            },
            Kind::Coco => ours(own::is_coco(file)),
            Kind::Picture => ours(own::is_our_picture(file)),
        })
    }

    /// Whether a file may be written: nothing is there, or what `judge` lets pass.
    fn check_file(
        &self,
        path: &Path,
        judge: impl FnOnce(File) -> Result<(), &'static str>,
    ) -> Result<(), WrongInput> {
        const ELSEWHERE: &str = "choose another folder for --out";
        let wrong = |cause: &dyn std::fmt::Display| {
            WrongInput::new(format_args!("{}: {cause}", path.display()))
        };
        let never = |cause: &str| Err(wrong(&format_args!("{cause}; {ELSEWHERE}")));
        if self.inputs.contains(path) {
            return never("this is an input, which is never overwritten");
        }
        // Of the entry itself, before anything is opened: opening a named pipe waits for ever.
        let metadata = match fs::symlink_metadata(path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(wrong(&error)),
        };
        if metadata.is_dir() {
            return never("a folder is in the way");
        }
        if !metadata.is_file() && !metadata.is_symlink() {
            return never("something that is not a file is in the way");
        }
        let judged = if metadata.is_symlink() {
            Err("a symbolic link is in the way".to_owned())
        } else if metadata.permissions().readonly() {
            Err("the file is read-only".to_owned())
        } else {
            let file = File::open(path).map_err(|error| error.to_string());
            file.and_then(|file| judge(file).map_err(str::to_owned))
        };
        match judged {
            Err(cause) if !self.force => Err(wrong(&format_args!(
                "{cause}; {ELSEWHERE}, or replace it with --force"
            ))),
            _ => Ok(()),
        }
    }
}

/// Whether a file has exactly this content.
fn has_content(file: File, content: &[u8]) -> bool {
    let mut bytes = Vec::new();
    let limit = content.len() as u64 + 1;
    file.take(limit).read_to_end(&mut bytes).is_ok() && bytes == content
}

const SOMEBODYS: &str = "fastsamd did not write this file";

/// The messages in the folder whose names these inputs might get.
fn earlier_results(folder: &Path, inputs: &[Input]) -> io::Result<HashMap<String, Option<String>>> {
    let stems: HashSet<_> = inputs.iter().map(Input::stem).collect();
    let is_wanted = |name: &str| {
        let stem = name.rsplit_once('-').map(|(stem, _)| stem);
        stems.contains(name) || stem.is_some_and(|stem| stems.contains(stem))
    };
    let mut results = HashMap::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let file_name = entry.file_name();
        let Some(name) = file_name.to_str().and_then(|n| n.strip_suffix(".json")) else {
            continue;
        };
        if !is_wanted(name) || !entry.file_type()?.is_file() {
            continue;
        }
        // What can't be read is nobody's result.
        let Ok(file) = File::open(entry.path()) else {
            continue;
        };
        if let Author::Fastsamd(input) = own::author(file, name) {
            results.insert(name.to_owned(), input);
        }
    }
    Ok(results)
}
