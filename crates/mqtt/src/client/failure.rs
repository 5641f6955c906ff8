//! Why a connection could not be made or has ended, in words for the person who has to act.

use std::{io, time::Duration};

use rumqttc::v5::{
    ConnectionError, StateError,
    mqttbytes::v5::{ConnectReturnCode, DisconnectReasonCode},
};
use thiserror::Error;

/// The end of a connection or of an attempt.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    #[error("{}", refusal(*.0))]
    Refused(ConnectReturnCode),
    #[error("another client connected with the same client id; each node needs a name of its own")]
    TakenOver,
    #[error("the broker ended the connection: {}{}", spaced(.0), in_parentheses(.1))]
    Ended(DisconnectReasonCode, Option<String>),
    #[error("the broker closed the connection")]
    Closed,
    #[error("no answer from the broker")]
    Silent,
    #[error("the broker has not taken or sent anything for {0:?}")]
    Stalled(Duration),
    #[error("{0}")]
    Io(#[source] io::Error),
    #[error("{0}")]
    Protocol(#[source] ConnectionError),
}

impl From<ConnectionError> for Failure {
    fn from(error: ConnectionError) -> Self {
        match error {
            ConnectionError::ConnectionRefused(code)
            | ConnectionError::MqttState(StateError::ConnFail { reason: code }) => {
                Self::Refused(code)
            }
            ConnectionError::MqttState(StateError::ServerDisconnect {
                reason_code: DisconnectReasonCode::SessionTakenOver,
                ..
            }) => Self::TakenOver,
            ConnectionError::MqttState(StateError::ServerDisconnect {
                reason_code,
                reason_string,
            }) => Self::Ended(reason_code, reason_string),
            ConnectionError::MqttState(StateError::ConnectionAborted) => Self::Closed,
            ConnectionError::MqttState(StateError::AwaitPingResp) | ConnectionError::Timeout(_) => {
                Self::Silent
            }
            ConnectionError::Io(error) | ConnectionError::MqttState(StateError::Io(error)) => {
                Self::Io(error)
            }
            error => Self::Protocol(error),
        }
    }
}

/// A refusal, with what to check.
fn refusal(code: ConnectReturnCode) -> String {
    use ConnectReturnCode as Code;
    let reason = match code {
        Code::BadUserNamePassword => "wrong user name or password",
        // What Mosquitto answers to a wrong password, too.
        Code::NotAuthorized => "not authorised: wrong user name or password, or no permission",
        Code::RefusedProtocolVersion | Code::UnsupportedProtocolVersion => {
            "it does not speak MQTT 5"
        }
        Code::BadClientId | Code::ClientIdentifierNotValid => "it does not allow the client id",
        Code::Banned => "this client is banned",
        Code::ServiceUnavailable | Code::ServerUnavailable | Code::ServerBusy => {
            "it is not available now"
        }
        Code::PacketTooLarge => "the packet is too large",
        Code::QuotaExceeded | Code::ConnectionRateExceeded => "too many connections",
        Code::RetainNotSupported => "it does not support retained messages",
        Code::QoSNotSupported => "it does not support QoS 1",
        Code::UseAnotherServer | Code::ServerMoved => "it points to another broker",
        other => return format!("the broker refuses the connection: {}", spaced(&other)),
    };
    format!("the broker refuses the connection: {reason}")
}

/// `SomeReason` as `some reason`.
fn spaced(name: &impl std::fmt::Debug) -> String {
    let mut text = String::new();
    for c in format!("{name:?}").chars() {
        if c.is_uppercase() && !text.is_empty() {
            text.push(' ');
        }
        text.extend(c.to_lowercase());
    }
    text
}

fn in_parentheses(text: &Option<String>) -> String {
    text.as_ref()
        .map_or_else(String::new, |text| format!(" ({text})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_say_what_to_check() {
        let ended = |reason_code, reason_string| {
            ConnectionError::MqttState(StateError::ServerDisconnect {
                reason_code,
                reason_string,
            })
        };
        let cases = [
            (
                ConnectionError::ConnectionRefused(ConnectReturnCode::BadUserNamePassword),
                "the broker refuses the connection: wrong user name or password",
            ),
            (
                ConnectionError::ConnectionRefused(ConnectReturnCode::TopicNameInvalid),
                "the broker refuses the connection: topic name invalid",
            ),
            (
                ended(DisconnectReasonCode::SessionTakenOver, None),
                "another client connected with the same client id; each node needs a name of its \
                 own",
            ),
            (
                ended(
                    DisconnectReasonCode::ServerShuttingDown,
                    Some("update".into()),
                ),
                "the broker ended the connection: server shutting down (update)",
            ),
            (
                ConnectionError::MqttState(StateError::ConnectionAborted),
                "the broker closed the connection",
            ),
        ];
        for (error, expected) in cases {
            assert_eq!(Failure::from(error).to_string(), expected);
        }
    }
}
