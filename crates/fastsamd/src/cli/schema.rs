//! `schema`: JSON Schemas for editors and subscribers.

use clap::{Args, ValueEnum};
use schemars::schema_for;

use super::{asyncapi, exit};
use configuration::Config;

/// Which schema.
#[derive(Debug, Args)]
pub(super) struct SchemaArgs {
    /// Of what.
    subject: Subject,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Subject {
    /// The configuration file.
    Config,
    /// The `masks` message.
    Masks,
    /// A message on `<camera>/events`.
    Events,
    /// A message on `<camera>/summary`.
    Summary,
    /// A message on `status`.
    Status,
    /// A message on `info`.
    Info,
    /// A setting, as `request/settings` lists it.
    Setting,
    /// All topics with their payloads, as AsyncAPI describes them.
    Asyncapi,
}

pub(super) fn run(arguments: &SchemaArgs) -> anyhow::Result<()> {
    let schema = match arguments.subject {
        Subject::Asyncapi => {
            let description = asyncapi::description()?;
            return exit::say(&serde_json::to_string_pretty(&description)?);
        }
        Subject::Config => schema_for!(Config),
        Subject::Masks => schema_for!(message::Masks),
        Subject::Events => schema_for!(message::Event),
        Subject::Summary => schema_for!(message::Summary),
        Subject::Status => schema_for!(message::Status),
        Subject::Info => schema_for!(message::Info),
        Subject::Setting => schema_for!(message::Setting),
    };
    exit::say(&serde_json::to_string_pretty(&schema)?)
}
