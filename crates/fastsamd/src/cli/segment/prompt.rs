//! Prompts on the command line: which of the segments are wanted.

use std::path::Path;

use clap::Args;
use clip::Matcher;
use configuration::{Config, WrongInput};
use message::prompt::{Point, PointError, Prompt, Select};

use super::number;
use crate::open::text::TextModel;

/// Which of the segments are wanted, on the command line. Without any of it: all.
#[derive(Debug, Args)]
pub(super) struct PromptArgs {
    /// A position in frame pixels, wanted (1, the default) or not (0); all points together are one
    /// question.
    #[arg(long = "point", value_name = "X,Y[,0|1]", allow_hyphen_values = true, value_parser = point)]
    pub(super) points: Vec<Point>,
    /// A box in frame pixels; each is a question of its own.
    #[arg(long = "box", value_name = "X1,Y1,X2,Y2", allow_hyphen_values = true, value_parser = rectangle)]
    pub(super) boxes: Vec<[f64; 4]>,
    /// Words for what is wanted; each of several is a question of its own. Needs a text model.
    #[arg(long = "text", value_name = "TEXT")]
    pub(super) texts: Vec<String>,
    /// A mask must resemble the text with at least this cosine; by default as configured.
    #[arg(long, value_name = "-1..1", allow_hyphen_values = true, value_parser = number::cosine)]
    pub(super) min_similarity: Option<f64>,
    /// Which of the masks under a point.
    #[arg(long, value_name = "smallest|best|all", default_value = "smallest", value_parser = select)]
    select: Select,
    /// A mask must fill a box with at least this intersection over union.
    #[arg(long, value_name = "0..1", default_value = "0", value_parser = number::fraction)]
    min_iou: f64,
    /// Add the union of what was chosen.
    #[arg(long)]
    pub(super) union: bool,
}

impl PromptArgs {
    /// The prompt, if there is one.
    pub(super) fn prompt(&self) -> Option<Prompt> {
        let asked = !self.points.is_empty() || !self.boxes.is_empty() || !self.texts.is_empty();
        asked.then(|| Prompt {
            points: self.points.clone(),
            boxes: self.boxes.clone(),
            text: self.texts.first().cloned(),
            select: self.select,
            min_iou: self.min_iou,
            union: self.union,
            ..Prompt::default()
        })
    }

    /// The text model of a configuration, or of the installed one, if there is a text.
    pub(super) fn matcher(&self, config: Option<&Path>) -> Result<Option<Matcher>, WrongInput> {
        let file = config.unwrap_or(Path::new(configuration::DEFAULT_PATH));
        if self.texts.is_empty() {
            return Ok(None);
        }
        let config = Config::load(file).map_err(|error| {
            WrongInput::new(format_args!(
                "--text needs a text model: {error} (--config names another file)"
            ))
        })?;
        let Some(section) = &config.text else {
            return Err(WrongInput::new(format_args!(
                "--text needs a text model: {} has no section 'text' (--config names another file)",
                file.display()
            )));
        };
        Ok(Some(TextModel::open(section)?.matcher))
    }
}

fn point(text: &str) -> Result<Point, String> {
    Point::try_from(&number::list(text)?[..]).map_err(|error| match error {
        PointError::Count => "expected X,Y or X,Y,0 or X,Y,1".to_owned(),
        PointError::Label(_) => error.to_string(),
    })
}

fn rectangle(text: &str) -> Result<[f64; 4], String> {
    let corners = <[f64; 4]>::try_from(number::list(text)?);
    corners.map_err(|_| "expected X1,Y1,X2,Y2".to_owned())
}

fn select(text: &str) -> Result<Select, String> {
    match text {
        "smallest" => Ok(Select::Smallest),
        "best" => Ok(Select::Best),
        "all" => Ok(Select::All),
        _ => Err("expected smallest, best or all".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_have_two_numbers_and_perhaps_a_label() {
        let expected = |label| Point {
            x: 1.5,
            y: -2.0,
            label,
        };
        for (text, label) in [
            ("1.5,-2", None),
            (" 1.5 , -2 ", None),
            ("1.5,-2,0", Some(0)),
            ("1.5,-2,1", Some(1)),
        ] {
            assert_eq!(point(text), Ok(expected(label)), "{text}");
        }
        for (text, cause) in [
            ("1", "expected X,Y"),
            ("1,2,1,1", "expected X,Y"),
            ("1,2,3", "label 3: expected 1 for wanted or 0 for not"),
            ("1,b", "'b' is no number"),
            ("nan,1", "'nan' is no number"),
            ("1,inf", "'inf' is no number"),
            ("", "'' is no number"),
        ] {
            let error = point(text).unwrap_err();
            assert!(error.contains(cause), "{text}: {error}");
        }
        assert_eq!(rectangle("1,2,3,4"), Ok([1.0, 2.0, 3.0, 4.0]));
        assert!(rectangle("1,2,3").is_err());
    }
}
