//! The command line: one verb per module, and one way to end (`exit`).

mod asyncapi;
mod backend;
mod bench;
mod built_in;
mod cameras;
mod check;
mod demo;
mod doctor;
mod exit;
mod fetch;
mod inference;
mod inputs;
mod maker;
mod message;
mod model;
mod own;
mod progress;
mod record;
mod retire;
mod run;
mod schema;
mod segment;
mod try_hef;
mod watch;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::{bug, trial};

/// A segment-anything camera on MQTT.
#[derive(Debug, Parser)]
#[command(name = "fastsamd", version, max_term_width = 100)]
#[command(subcommand_required = true, arg_required_else_help = false)]
struct CommandLine {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Runs the daemon.
    Run(run::RunArgs),
    /// Shows it all without configuration or hardware: a synthetic camera, the built-in network, a
    /// page, and an MQTT broker inside.
    Demo(demo::DemoArgs),
    /// Segments pictures, films and recordings, once.
    Segment(segment::SegmentArgs),
    /// Saves what the accelerator answers, for `segment`, `bench` and the replay backend.
    Record(record::RecordArgs),
    /// Checks a configuration file.
    Check(check::CheckArgs),
    /// Lists the cameras that there are, with what they offer.
    Cameras(cameras::CamerasArgs),
    /// Looks at everything the daemon needs - library, driver, device, HEF, cameras, broker - and
    /// says how to fix what is missing.
    Doctor(doctor::DoctorArgs),
    /// Clears what a node has retained on its broker.
    Retire(retire::RetireArgs),
    /// Prints a JSON Schema.
    Schema(schema::SchemaArgs),
    /// Times the post-processing on this machine, stage by stage.
    Bench(bench::BenchArgs),
    /// Says what a HEF or an ONNX file holds, and whether the daemon runs it.
    #[command(visible_alias = "hef")]
    Model(model::ModelArgs),
    /// Gets a published model, checks it, and puts it in place: FastSAM for a Hailo chip or as
    /// ONNX, and CLIP for texts.
    Fetch(fetch::FetchArgs),
    /// Shows counts and events of running daemons, a line each.
    Watch(watch::WatchArgs),
    /// Hands a HEF to Hailo's library and sees whether that survives.
    #[command(name = hailort::Trial::VERB, hide = true)]
    TryHef(try_hef::TryHefArgs),
}

/// Does what the command line says; the whole of `main`.
pub fn main() -> ExitCode {
    bug::set_panic_hook();
    trial::is_fastsamd();
    let ended = bug::guarded(|| match CommandLine::try_parse() {
        Ok(command_line) => dispatch(command_line.verb),
        Err(error) => exit::conclude_parsing(&error, &command()),
    });
    exit::leave(ended.unwrap_or_else(|bug| exit::conclude(Err(bug))))
}

/// The command line's definitions, for the manual and the shells' completions.
pub fn command() -> clap::Command {
    CommandLine::command()
}

fn dispatch(verb: Verb) -> u8 {
    match verb {
        Verb::Run(arguments) => exit::conclude(run::run(&arguments)),
        Verb::Demo(arguments) => exit::conclude(demo::run(&arguments)),
        Verb::Segment(arguments) => segment::run(&arguments),
        Verb::Record(arguments) => exit::conclude(record::run(&arguments)),
        Verb::Check(arguments) => exit::conclude(check::run(&arguments)),
        Verb::Cameras(arguments) => exit::conclude(cameras::run(&arguments)),
        Verb::Doctor(arguments) => exit::conclude(doctor::run(&arguments)),
        Verb::Retire(arguments) => exit::conclude(retire::run(&arguments)),
        Verb::Schema(arguments) => exit::conclude(schema::run(&arguments)),
        Verb::Bench(arguments) => exit::conclude(bench::run(&arguments)),
        Verb::Model(arguments) => exit::conclude(model::run(&arguments)),
        Verb::Fetch(arguments) => exit::conclude(fetch::run(&arguments)),
        Verb::Watch(arguments) => exit::conclude(watch::run(&arguments)),
        Verb::TryHef(arguments) => exit::conclude(try_hef::run(&arguments)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definitions_are_sound() {
        command().debug_assert();
    }
}
