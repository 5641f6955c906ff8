//! How the program ends: exit codes, errors in one line, and a standard output that may close.
//!
//! Exit code 0: done; 1: failed at work; 2: the user's input was wrong. Errors go to standard
//! error in one line with their chain of causes.

use std::{
    io::{self, Write},
    process,
};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use configuration::{ConfigError, WrongInput};

use crate::daemon::threads_left_behind;

/// Who reads our standard output has seen enough (`| head`): not an error of anybody's.
#[derive(Debug, thiserror::Error)]
#[error("standard output was closed")]
struct OutputClosed;

const DONE: u8 = 0;
const FAILED: u8 = 1;
const WRONG_INPUT: u8 = 2;

/// Prints an error in one line; the mistakes of a configuration in a line each.
pub(super) fn report(error: &anyhow::Error) {
    if let Some(ConfigError::Text(mistakes)) = error.downcast_ref() {
        for mistake in mistakes {
            // As compilers do, so that editors find the place.
            tell(&mistake.to_string());
        }
    } else {
        note(&with_causes(error));
    }
}

/// An error and its causes, less those whose words an error before them has said already.
fn with_causes(error: &anyhow::Error) -> String {
    let mut line = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !line.contains(&cause) {
            line.push_str(": ");
            line.push_str(&cause);
        }
    }
    line
}

/// The exit code that an error asks for, and whether it is to be reported.
fn code(error: &anyhow::Error) -> Option<u8> {
    if error.is::<OutputClosed>() {
        return None;
    }
    let wrong = error
        .chain()
        .any(|cause| cause.is::<WrongInput>() || cause.is::<ConfigError>());
    Some(if wrong { WRONG_INPUT } else { FAILED })
}

/// Reports what went wrong, if anything, and turns it into the exit code.
pub(super) fn conclude(outcome: anyhow::Result<()>) -> u8 {
    match outcome {
        Ok(()) => DONE,
        Err(error) => match code(&error) {
            None => DONE,
            Some(code) => {
                report(&error);
                code
            }
        },
    }
}

/// Ends the program.
///
/// Where something was left behind in a library that does not come back, without what libraries
/// have to be run at an exit: that may wait for it for ever.
pub(super) fn leave(code: u8) -> process::ExitCode {
    if accelerator::hailo::calls_left_behind() > 0 || threads_left_behind() > 0 {
        signal_hook::low_level::exit(code.into());
    }
    process::ExitCode::from(code)
}

/// What became of several inputs, of which each may fail for itself.
#[derive(Debug, Default)]
pub(super) struct Tally {
    failed: usize,
    wrong: usize,
}

impl Tally {
    /// Notes the outcome of one input and reports its error; a closed output ends all.
    pub(super) fn note(&mut self, outcome: anyhow::Result<()>) -> anyhow::Result<()> {
        let Err(error) = outcome else { return Ok(()) };
        match code(&error) {
            None => return Err(error),
            Some(WRONG_INPUT) => self.wrong += 1,
            Some(_) => self.failed += 1,
        }
        report(&error);
        Ok(())
    }

    /// The exit code for all of them; a wrong input outweighs failed work.
    pub(super) fn code(&self) -> u8 {
        if self.wrong > 0 {
            WRONG_INPUT
        } else if self.failed > 0 {
            FAILED
        } else {
            DONE
        }
    }
}

/// Prints a line to standard output.
pub(crate) fn say(line: &str) -> anyhow::Result<()> {
    let mut output = io::stdout().lock();
    let written = output
        .write_all(line.as_bytes())
        .and_then(|()| output.write_all(b"\n"))
        .and_then(|()| output.flush());
    match written {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(OutputClosed.into()),
        Err(error) => Err(anyhow::Error::new(error).context("standard output")),
    }
}

/// Prints a remark to standard error: nothing is wrong, but it should be known.
pub(super) fn note(remark: &str) {
    tell(&format!("fastsamd: {remark}"));
}

/// Prints a line to standard error, such as what was done.
pub(super) fn tell(line: &str) {
    // Who closed standard error does not want to know.
    let _ = writeln!(io::stderr(), "{}", one_line(line));
}

/// Ends with what clap has to say: help and version as they are, mistakes in one line.
pub(super) fn conclude_parsing(error: &clap::Error, command: &clap::Command) -> u8 {
    if error.exit_code() == 0 {
        // A closed output is no mistake of the user's.
        let _ = error.print();
        return DONE;
    }
    let rendered = error.render().to_string();
    note(&usage_line(&rendered, unknown_argument(error), command));
    WRONG_INPUT
}

fn unknown_argument(error: &clap::Error) -> Option<&str> {
    match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(argument)) if error.kind() == ErrorKind::UnknownArgument => {
            Some(argument)
        }
        _ => None,
    }
}

/// What was wrong with the command line: clap's first paragraph, with what was probably meant, or the page of help that
/// tells.
fn usage_line(rendered: &str, argument: Option<&str>, command: &clap::Command) -> String {
    let paragraphs: Vec<_> = rendered.split("\n\n").map(one_line).collect();
    let cause = paragraphs.first().map_or("", String::as_str);
    let cause = cause.strip_prefix("error: ").unwrap_or(cause);
    let tip = || {
        paragraphs
            .iter()
            .find_map(|paragraph| paragraph.strip_prefix("tip: "))
            // The others are about values that begin with dashes, which none here does.
            .filter(|tip| tip.contains("similar"))
            .map(str::to_owned)
    };
    // "Usage: fastsamd segment [OPTIONS] <INPUT>..."
    let verb = paragraphs
        .iter()
        .find_map(|paragraph| paragraph.strip_prefix("Usage: ")?.split(' ').nth(1))
        .and_then(|verb| command.find_subcommand(verb));
    let meant = argument
        .zip(verb)
        .and_then(|(found, verb)| meant(found, verb));
    let page = || match verb {
        Some(verb) => format!("see 'fastsamd {} --help'", verb.get_name()),
        None => "see 'fastsamd --help'".to_owned(),
    };
    format!("{cause} ({})", meant.or_else(tip).unwrap_or_else(page))
}

/// What an argument that a verb does not have was probably meant for.
fn meant(found: &str, verb: &clap::Command) -> Option<String> {
    let mut options: Vec<_> = verb
        .get_arguments()
        .filter_map(clap::Arg::get_long)
        .collect();
    options.sort_unstable();
    let Some(name) = found.strip_prefix("--") else {
        let is_file = !found.starts_with('-') && options.contains(&"config");
        return is_file.then(|| format!("a configuration is named by '--config {found}'"));
    };
    // Beginnings that people know from elsewhere.
    let longer: Vec<_> = options
        .iter()
        .filter(|option| name.len() >= 3 && option.starts_with(name))
        .map(|option| format!("'--{option}'"))
        .collect();
    (!longer.is_empty()).then(|| format!("did you mean {}?", longer.join(" or ")))
}

/// Errors quote outside text: made printable, without runs of blanks.
pub(super) fn one_line(text: &str) -> String {
    let text = printable(text);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Outside text with a blank for each line break and other control character.
pub(super) fn printable(text: &str) -> String {
    text.replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_of_error_decides_the_exit_code() {
        let config = ConfigError::File {
            path: "a".into(),
            cause: "b".into(),
        };
        let table = [
            (anyhow::anyhow!("no disk"), Some(1)),
            (WrongInput::new("no picture").into(), Some(2)),
            (
                anyhow::Error::new(WrongInput::new("no picture")).context("a.png"),
                Some(2),
            ),
            (config.into(), Some(2)),
            (OutputClosed.into(), None),
        ];
        for (error, expected) in table {
            assert_eq!(code(&error), expected, "{error:#}");
        }
    }

    #[test]
    fn a_cause_is_said_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("a.onnx: {0}")]
        struct File(#[source] io::Error);
        let error = anyhow::Error::new(File(io::Error::other("no disk")));
        assert_eq!(with_causes(&error), "a.onnx: no disk");
        assert_eq!(
            with_causes(&error.context("no model")),
            "no model: a.onnx: no disk"
        );
    }

    #[test]
    fn a_usage_error_is_one_line_with_what_was_meant() {
        let table = [
            (
                &["segment", "--ot", "x"][..],
                "unexpected argument '--ot' found (see 'fastsamd segment --help')",
            ),
            (
                &["segment", "--conf", "0.3", "x"],
                "unexpected argument '--conf' found (did you mean '--confidence' or '--config'?)",
            ),
            (
                &["check", "file.yaml"],
                "unexpected argument 'file.yaml' found (a configuration is named by '--config file.yaml')",
            ),
            (
                &["cameras", "x"],
                "unexpected argument 'x' found (see 'fastsamd cameras --help')",
            ),
            (
                &["record", "--frames", "1"],
                "the following required arguments were not provided: --out <DIR> (see 'fastsamd record --help')",
            ),
        ];
        let command = crate::cli::command();
        for (arguments, expected) in table {
            let all = std::iter::once(&"fastsamd").chain(arguments);
            let error = command.clone().try_get_matches_from(all).unwrap_err();
            let line = usage_line(
                &error.render().to_string(),
                unknown_argument(&error),
                &command,
            );
            assert_eq!(line, expected);
        }
    }

    #[test]
    fn outside_text_can_not_break_a_line() {
        assert_eq!(one_line("a\nb\t c\u{1b}[31m\r\n"), "a b c [31m");
    }
}
