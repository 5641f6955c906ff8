//! What is in place, and whether fastsamd put it there.
//!
//! Beside each file `NAME` that was fetched lies `.NAME.sha256`, which says where it came from and
//! which sum it had. It is in the format of `sha256sum`, so `sha256sum -c .NAME.sha256` reads it.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::{Place, Sum, part::beside};

/// What a record says before the URL.
const FROM: &str = "# fetched by fastsamd from ";

/// What is in a file's place.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Nothing.
    Absent,
    /// What was fetched from this URL, unchanged since.
    Ours { url: String, sum: Sum },
    /// Anything else, with its sum if it is a file.
    Others { sum: Option<Sum> },
}

impl Standing {
    /// Looks at a place.
    pub(crate) fn of(target: &Path) -> io::Result<Self> {
        match fs::symlink_metadata(target) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::Absent),
            Err(error) => return Err(error),
            Ok(_) => {}
        }
        // To open a pipe is to wait for its other end.
        if !fs::metadata(target).is_ok_and(|metadata| metadata.is_file()) {
            return Ok(Self::Others { sum: None });
        }
        let sum = Sum::of(target)?;
        Ok(match recorded(target) {
            Some((url, fetched)) if fetched == sum => Self::Ours { url, sum },
            _ => Self::Others { sum: Some(sum) },
        })
    }
}

fn record_of(target: &Path) -> PathBuf {
    beside(target, ".sha256")
}

fn recorded(target: &Path) -> Option<(String, Sum)> {
    let text = fs::read_to_string(record_of(target)).ok()?;
    let mut lines = text.lines();
    let url = lines.next()?.strip_prefix(FROM)?.to_owned();
    let (sum, _) = lines.next()?.split_once(' ')?;
    Some((url, sum.parse().ok()?))
}

/// Puts a whole file in place of whatever is there, and notes where it came from.
///
/// The record comes first: a record of a file that is not there yet says nothing.
pub(crate) fn put(file: &Path, target: &Path, place: &Place, sum: &Sum) -> io::Result<()> {
    let name = target.file_name().unwrap_or_default().display();
    let record = record_of(target);
    let unfinished = beside(target, ".sha256.new");
    fs::write(&unfinished, format!("{FROM}{place}\n{sum}  {name}\n"))?;
    fs::rename(&unfinished, &record)?;
    fs::rename(file, target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_put_and_not_touched_is_ours() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a.hef");
        let place = Place::parse("http://me:secret@host/a.hef").unwrap();
        assert_eq!(Standing::of(&target).unwrap(), Standing::Absent);

        let new = folder.path().join("new");
        fs::write(&new, "a model").unwrap();
        let sum = Sum::of(&new).unwrap();
        put(&new, &target, &place, &sum).unwrap();
        let url = "http://host/a.hef".to_owned();
        let ours = Standing::Ours {
            url,
            sum: sum.clone(),
        };
        assert_eq!(Standing::of(&target).unwrap(), ours);
        let record = fs::read_to_string(folder.path().join(".a.hef.sha256")).unwrap();
        assert!(record.ends_with(&format!("\n{sum}  a.hef\n")), "{record}");
        assert!(!record.contains("secret"));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);

        fs::write(&target, "another").unwrap();
        let others = Standing::of(&target).unwrap();
        assert!(matches!(others, Standing::Others { sum: Some(_) }));
        fs::remove_file(&target).unwrap();
        fs::create_dir(&target).unwrap();
        let others = Standing::of(&target).unwrap();
        assert_eq!(others, Standing::Others { sum: None });
    }
}
