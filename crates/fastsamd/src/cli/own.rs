//! How fastsamd recognises its own results: a message or annotations by their fields, a picture by the note in it.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io::{BufReader, Read},
    path::Path,
};

use picture::png;
use serde::{Deserialize, de::IgnoredAny};

/// What a message from the command line names as its node.
pub(super) const NODE: &str = "local";

/// What the name of each overlay ends in.
pub(super) const OVERLAY_ENDING: &str = ".overlay.png";

/// What the name of each label map ends in.
pub(super) const MASKS_ENDING: &str = ".masks.png";

/// What a COCO file of ours names as its contributor.
pub(super) const CONTRIBUTOR: &str = "fastsamd";

/// What the name of a segment's cut-out ends in.
pub(super) fn cutout_ending(number: u64) -> String {
    format!(".cutout-{number}.png")
}

/// Whether a picture that fastsamd made may be called so.
fn is_named_like_ours(name: &str) -> bool {
    let is_cutout = || {
        let rest = name
            .strip_suffix(".png")
            .and_then(|name| name.rsplit_once(".cutout-"));
        rest.is_some_and(|(_, number)| number.parse::<u64>().is_ok())
    };
    name.ends_with(OVERLAY_ENDING) || name.ends_with(MASKS_ENDING) || is_cutout()
}

/// What the name of everything begins with that is not finished yet. Hidden, so that nobody takes
/// it for a result.
pub(super) const UNFINISHED: &str = ".fastsamd-";

/// Bytes of the largest message that is looked at. A picture of the largest size with the largest
/// number of segments needs less.
const MAX_MESSAGE_BYTES: u64 = 256 << 20;

/// Who wrote a JSON file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Author {
    /// Somebody else: it is not to be touched.
    Other,
    /// fastsamd, for this input. Older versions did not name the input.
    Fastsamd(Option<String>),
}

/// The fields by which a message is known. The daemon's messages, which somebody may have saved,
/// name another node.
#[derive(Deserialize)]
struct Fields {
    schema: u32,
    node: String,
    camera: String,
    input: Option<String>,
    // They must be there, and nobody looks at them.
    #[serde(rename = "frame")]
    _frame: IgnoredAny,
    #[serde(rename = "segments")]
    _segments: Vec<IgnoredAny>,
}

/// By this our labelme files are known.
#[derive(Deserialize)]
struct Labelme {
    fastsamd: Origin,
    // They must be there, and nobody looks at them.
    #[serde(rename = "shapes")]
    _shapes: Vec<IgnoredAny>,
}

#[derive(Deserialize)]
struct Origin {
    input: String,
}

/// By this our COCO files are known.
#[derive(Deserialize)]
struct Coco {
    info: Info,
    #[serde(rename = "annotations")]
    _annotations: Vec<IgnoredAny>,
}

#[derive(Deserialize)]
struct Info {
    contributor: String,
}

/// Who wrote the JSON file called `name.json`. A message that names no input must at least name
/// itself: somebody who renamed it has made it theirs.
pub(super) fn author(file: File, name: &str) -> Author {
    let mut bytes = Vec::new();
    if file
        .take(MAX_MESSAGE_BYTES)
        .read_to_end(&mut bytes)
        .is_err()
    {
        return Author::Other;
    }
    if let Ok(Labelme { fastsamd, .. }) = serde_json::from_slice(&bytes) {
        return Author::Fastsamd(Some(fastsamd.input));
    }
    let Ok(fields) = serde_json::from_slice::<Fields>(&bytes) else {
        return Author::Other;
    };
    let known = fields.schema > 0
        && fields.node == NODE
        && (fields.input.is_some() || fields.camera == name);
    if known {
        Author::Fastsamd(fields.input)
    } else {
        Author::Other
    }
}

/// Whether fastsamd wrote this COCO file.
pub(super) fn is_coco(file: File) -> bool {
    let file = BufReader::new(file.take(MAX_MESSAGE_BYTES));
    serde_json::from_reader::<_, Coco>(file).is_ok_and(|coco| coco.info.contributor == CONTRIBUTOR)
}

/// Whether fastsamd made this picture.
pub(super) fn is_our_picture(file: File) -> bool {
    png::is_ours(BufReader::new(file))
}

/// Whether `path` is called like an overlay, a label map or a cut-out, and is one that fastsamd made.
pub(super) fn is_our_picture_at(path: &Path) -> bool {
    let name = path.file_name().and_then(OsStr::to_str);
    // The metadata comes first: opening a named pipe waits for its writer.
    name.is_some_and(is_named_like_ours)
        && fs::metadata(path).is_ok_and(|metadata| metadata.is_file())
        && File::open(path).is_ok_and(is_our_picture)
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, Write};

    use super::*;

    #[test]
    fn messages_of_the_command_line_are_known() {
        let message = r#"{"schema":1,"node":"local","camera":"cat","backend":"mock",
            "input":"/a/cat.jpg","frame":{"width":1},"segments":[{"id":0}],"latency_ms":{}}"#;
        let without_input = message.replace(r#""input":"/a/cat.jpg","#, "");
        let ours = Author::Fastsamd(Some("/a/cat.jpg".into()));
        let table: [(&str, &str, Author); 13] = [
            (message, "cat", ours.clone()),
            (message, "renamed", ours),
            (&without_input, "cat", Author::Fastsamd(None)),
            (&without_input, "renamed", Author::Other),
            (&message.replace("local", "garden"), "cat", Author::Other),
            (&message.replace("segments", "shapes"), "cat", Author::Other),
            (&message.replace("[{\"id\":0}]", "3"), "cat", Author::Other),
            (
                &message.replace("\"schema\":1", "\"schema\":\"1\""),
                "cat",
                Author::Other,
            ),
            (&message[..message.len() - 1], "cat", Author::Other),
            (&format!("{message}{message}"), "cat", Author::Other),
            ("", "cat", Author::Other),
            (
                r#"{"version":"5.5.0","shapes":[],"fastsamd":{"input":"/a/cat.jpg"}}"#,
                "cat",
                Author::Fastsamd(Some("/a/cat.jpg".into())),
            ),
            (r#"{"version":"5.5.0","shapes":[]}"#, "cat", Author::Other),
        ];
        for (text, name, expected) in table {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(text.as_bytes()).unwrap();
            file.rewind().unwrap();
            assert_eq!(author(file, name), expected, "{name}: {text}");
        }
    }

    #[test]
    fn names_of_our_pictures() {
        for (name, ours) in [
            ("a.overlay.png", true),
            ("a.masks.png", true),
            ("a.cutout-12.png", true),
            ("a.cutout-x.png", false),
            ("a.png", false),
            ("frame.png", false),
        ] {
            assert_eq!(is_named_like_ours(name), ours, "{name}");
        }
    }
}
