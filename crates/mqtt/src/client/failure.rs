//! Why a connection could not be made or has ended, in words for the person who has to act.

use std::{io, time::Duration};

use rumqttc::{
    ConnectReturnCode as ConnectReturnCode3, ConnectionError as ConnectionError3,
    StateError as StateError3,
    v5::{
        ConnectionError, StateError,
        mqttbytes::{
            Error as Malformed,
            v5::{ConnectReturnCode, DisconnectReasonCode},
        },
    },
};
use thiserror::Error;

use super::tls;
use crate::MqttError;

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
    #[error(
        "the broker closed the connection: where it asks for a certificate, 'cert_file' and 'key_file' name ours"
    )]
    ClosedAfterTls,
    #[error("no answer from the broker")]
    Silent,
    #[error("the broker has not taken or sent anything for {0:?}")]
    Stalled(Duration),
    #[error("{0}")]
    Io(#[source] io::Error),
    /// In words already.
    #[error("{0}")]
    Tls(String),
    #[error("{0}")]
    Protocol(#[source] ConnectionError),
    #[error("{0}")]
    Protocol3(#[source] ConnectionError3),
    #[error("{0}")]
    Options(#[from] MqttError),
}

/// What the failure of an attempt in MQTT 5 says about the version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SaysOfVersion {
    /// It failed for another reason.
    Nothing,
    /// The connection was closed instead of an answer, as brokers do that can't read the question.
    Perhaps,
    /// The broker says that it does not speak it.
    Refused,
}

impl Failure {
    /// Whether the broker says that a message was too large. mosquitto says so of QoS 1 in a PUBACK, in which MQTT 5
    /// has no such reason (section 3.4.2.1), so that rumqttc ends the connection.
    pub(super) fn is_too_large(&self) -> bool {
        matches!(
            self,
            Self::Ended(DisconnectReasonCode::PacketTooLarge, _)
                | Self::Protocol(ConnectionError::MqttState(StateError::Deserialization(
                    Malformed::InvalidConnectReturnCode(149) | Malformed::InvalidReason(149)
                )))
        )
    }

    /// What the failure of an attempt to connect says about the version of MQTT that was tried.
    pub(crate) fn says_of_version(&self) -> SaysOfVersion {
        let is_a_closed_connection = |kind| {
            matches!(
                kind,
                io::ErrorKind::ConnectionReset
                    | io::ErrorKind::ConnectionAborted
                    | io::ErrorKind::BrokenPipe
                    | io::ErrorKind::UnexpectedEof
            )
        };
        match self {
            Self::Refused(
                ConnectReturnCode::RefusedProtocolVersion
                | ConnectReturnCode::UnsupportedProtocolVersion,
            ) => SaysOfVersion::Refused,
            // The return code of MQTT 3.1.1, in an answer that is too short for one of MQTT 5.
            Self::Protocol(ConnectionError::MqttState(StateError::Deserialization(
                Malformed::InvalidConnectReturnCode(1),
            ))) => SaysOfVersion::Refused,
            Self::Protocol(ConnectionError::MqttState(StateError::Deserialization(_)))
            | Self::Closed => SaysOfVersion::Perhaps,
            Self::Io(error) if is_a_closed_connection(error.kind()) => SaysOfVersion::Perhaps,
            _ => SaysOfVersion::Nothing,
        }
    }
}

impl From<ConnectionError> for Failure {
    fn from(error: ConnectionError) -> Self {
        if let Some(advice) = tls::advice(&error) {
            return Self::Tls(advice);
        }
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

impl From<ConnectionError3> for Failure {
    fn from(error: ConnectionError3) -> Self {
        if let Some(advice) = tls::advice(&error) {
            return Self::Tls(advice);
        }
        match error {
            ConnectionError3::ConnectionRefused(code) => Self::Refused(as_of_v5(code)),
            ConnectionError3::MqttState(StateError3::ConnectionAborted) => Self::Closed,
            ConnectionError3::MqttState(StateError3::AwaitPingResp)
            | ConnectionError3::NetworkTimeout
            | ConnectionError3::FlushTimeout => Self::Silent,
            ConnectionError3::Io(error) | ConnectionError3::MqttState(StateError3::Io(error)) => {
                Self::Io(error)
            }
            error => Self::Protocol3(error),
        }
    }
}

/// MQTT 3.1.1 has five refusals; MQTT 5 has each of them under the same name.
fn as_of_v5(code: ConnectReturnCode3) -> ConnectReturnCode {
    match code {
        ConnectReturnCode3::Success => ConnectReturnCode::Success,
        ConnectReturnCode3::RefusedProtocolVersion => ConnectReturnCode::RefusedProtocolVersion,
        ConnectReturnCode3::BadClientId => ConnectReturnCode::BadClientId,
        ConnectReturnCode3::ServiceUnavailable => ConnectReturnCode::ServiceUnavailable,
        ConnectReturnCode3::BadUserNamePassword => ConnectReturnCode::BadUserNamePassword,
        ConnectReturnCode3::NotAuthorized => ConnectReturnCode::NotAuthorized,
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
            "it speaks neither MQTT 5 nor MQTT 3.1.1"
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
pub(super) fn spaced(name: &impl std::fmt::Debug) -> String {
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
