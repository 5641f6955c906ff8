//! Making a connection, in whichever version of MQTT the broker speaks.
//!
//! MQTT 5 is tried first. A broker that knows only 3.1.1 is to answer with the return code "unacceptable protocol
//! version" (MQTT 3.1.1, section 3.1.2.2) or 0x84 (MQTT 5.0, section 3.1.2.2); many just close the connection. A
//! closed connection may mean something else too, such as a broker that is about to start behind a proxy: so it
//! counts only if the broker then accepts 3.1.1, and closes another connection of MQTT 5.
//!
//! A broker without retained messages, or without QoS 1, refuses a connection whose last will asks for them (MQTT
//! 5.0, sections 3.2.2.3.4 and 3.2.2.3.5). The will then does without.

use std::time::{Duration, Instant};

use rumqttc::v5::mqttbytes::v5::ConnectReturnCode;

use super::{
    failure::{Failure, SaysOfVersion},
    options::Options,
    wire::{Abilities, Accepted, Line, Version},
};

/// How long a broker counts as one of MQTT 3.1.1 alone, until a new connection tries MQTT 5 again: it may have been
/// replaced.
const REMEMBERED: Duration = Duration::from_secs(3600);

/// What earlier connections have shown of a broker.
#[derive(Debug)]
pub(crate) struct Known {
    /// When it was last seen to speak MQTT 3.1.1 alone.
    older: Option<Instant>,
    /// What of a last will it can do.
    will: Abilities,
}

impl Default for Known {
    fn default() -> Self {
        Self {
            older: None,
            will: Abilities::ALL,
        }
    }
}

/// Connects, with the options' last will or without. Takes as long as a few attempts, each of which is limited.
pub(crate) async fn dial(
    options: &Options,
    with_will: bool,
    known: &mut Known,
) -> Result<(Line, Accepted), Failure> {
    if known.older.is_some_and(|seen| seen.elapsed() < REMEMBERED) {
        let outcome = attempt(options, Version::V3, with_will, known).await;
        if let Err(failure) = &outcome
            && failure.says_of_version() != SaysOfVersion::Nothing
        {
            // Not even that is understood any more: the next attempt begins anew.
            known.older = None;
        }
        return outcome;
    }
    let failure = match attempt(options, Version::V5, with_will, known).await {
        Ok(made) => {
            known.older = None;
            return Ok(made);
        }
        Err(failure) => failure,
    };
    match failure.says_of_version() {
        SaysOfVersion::Nothing => return Err(failure),
        SaysOfVersion::Refused => {}
        SaysOfVersion::Perhaps => {
            match attempt(options, Version::V3, false, known).await {
                Ok((line, _)) => line.leave().await,
                // It understood, and has something else against us.
                Err(refused @ Failure::Refused(_))
                    if refused.says_of_version() == SaysOfVersion::Nothing =>
                {
                    return Err(refused);
                }
                // With TLS 1.3 a client speaks before the broker has looked at its certificate.
                Err(_)
                    if options
                        .tls
                        .as_ref()
                        .is_some_and(|tls| tls.identity.is_none()) =>
                {
                    return Err(Failure::ClosedAfterTls);
                }
                Err(_) => return Err(failure),
            }
            match attempt(options, Version::V5, with_will, known).await {
                Err(again) if again.says_of_version() != SaysOfVersion::Nothing => {}
                other => return other,
            }
        }
    }
    let made = attempt(options, Version::V3, with_will, known).await?;
    known.older = Some(Instant::now());
    Ok(made)
}

/// Connects in one version; with as much of a last will as the broker can do.
async fn attempt(
    options: &Options,
    version: Version,
    with_will: bool,
    known: &mut Known,
) -> Result<(Line, Accepted), Failure> {
    loop {
        let will = with_will.then_some(known.will);
        match Line::connect(options, version, will).await {
            Err(Failure::Refused(ConnectReturnCode::RetainNotSupported))
                if with_will && known.will.retain =>
            {
                known.will.retain = false;
            }
            Err(Failure::Refused(ConnectReturnCode::QoSNotSupported))
                if with_will && known.will.acknowledge =>
            {
                known.will.acknowledge = false;
            }
            outcome => return outcome,
        }
    }
}
