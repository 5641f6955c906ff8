//! The video nodes that the kernel lists.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A device node, as the kernel lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub path: PathBuf,
    /// The card's name.
    pub name: String,
}

/// The video nodes that there are, in the order of their numbers.
pub(crate) fn nodes() -> Vec<Node> {
    nodes_in(Path::new("/sys/class/video4linux"))
}

fn nodes_in(class: &Path) -> Vec<Node> {
    let mut nodes = Vec::new();
    for entry in fs::read_dir(class).into_iter().flatten().flatten() {
        let file_name = entry.file_name();
        let Some(name) = file_name.to_str() else {
            continue;
        };
        let number = name
            .strip_prefix("video")
            .and_then(|number| number.parse::<u32>().ok());
        let Some(number) = number else {
            continue;
        };
        let card = fs::read(entry.path().join("name")).unwrap_or_default();
        nodes.push((
            number,
            Node {
                path: Path::new("/dev").join(name),
                name: String::from_utf8_lossy(&card).trim().to_owned(),
            },
        ));
    }
    nodes.sort_by_key(|(number, _)| *number);
    nodes.into_iter().map(|(_, node)| node).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_listed_by_number_with_their_names() {
        let class = tempfile::tempdir().unwrap();
        for (name, card) in [
            ("video10", "C920\n"),
            ("video2", "Integrated\n"),
            ("video2x", ""),
            ("v4l-subdev0", "sensor\n"),
        ] {
            fs::create_dir(class.path().join(name)).unwrap();
            fs::write(class.path().join(name).join("name"), card).unwrap();
        }
        fs::create_dir(class.path().join("video0")).unwrap();
        fs::create_dir(class.path().join("video1")).unwrap();
        fs::write(class.path().join("video1/name"), b"Cam\xe9ra\n").unwrap();
        let found: Vec<_> = nodes_in(class.path())
            .into_iter()
            .map(|node| (node.path.display().to_string(), node.name))
            .collect();
        let expected = [
            ("/dev/video0", ""),
            ("/dev/video1", "Cam\u{fffd}ra"),
            ("/dev/video2", "Integrated"),
            ("/dev/video10", "C920"),
        ];
        let expected = expected.map(|(path, name)| (path.to_owned(), name.to_owned()));
        assert_eq!(found, expected);
        assert_eq!(nodes_in(&class.path().join("nothing")), []);
    }
}
