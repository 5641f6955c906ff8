//! The live page.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de::Error};

use crate::{
    ConfigError, Secret,
    check::{self, Section},
    file,
    quote::quoted,
};

/// A page with live pictures and their masks, for browsers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Web {
    /// Address and port. Default: `127.0.0.1:8080`, for this machine alone; `0.0.0.0:8080` is for all that can
    /// reach it, and needs a token.
    #[serde(deserialize_with = "listen")]
    #[schemars(with = "String")]
    pub listen: SocketAddr,
    /// What viewers have to know: they open `/?token=...` once.
    pub token: Option<Secret>,
    /// File whose first line is the token; it must exist when the daemon starts.
    #[serde(deserialize_with = "check::optional_secret_file")]
    pub token_file: Option<PathBuf>,
}

impl Default for Web {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 8080),
            token: None,
            token_file: None,
        }
    }
}

fn listen<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|_| {
        D::Error::custom(format_args!(
            "{} is no address to listen on: expected one with a port, such as 127.0.0.1:8080 or \
             0.0.0.0:8080",
            quoted(&text)
        ))
    })
}

impl Section for Web {
    fn check(&self) -> Result<(), String> {
        if self.token.is_some() && self.token_file.is_some() {
            return Err("'token' and 'token_file' are both set: expected one of them".into());
        }
        let has_token = self.token.is_some() || self.token_file.is_some();
        if !self.listen.ip().is_loopback() && !has_token {
            return Err(format!(
                "everybody who can reach {} would see the cameras: set 'token' or 'token_file', or \
                 listen on 127.0.0.1",
                self.listen
            ));
        }
        Ok(())
    }
}

impl Web {
    /// Takes the token from its file, where there is one.
    pub(crate) fn read_token(&mut self) -> Result<(), ConfigError> {
        let Some(path) = self.token_file.clone() else {
            return Ok(());
        };
        let text = file::read(&path)?;
        let token = text.lines().next().unwrap_or_default();
        if token.is_empty() {
            return Err(ConfigError::File {
                path,
                cause: "expected the token in the first line, found none".into(),
            });
        }
        self.token = Some(Secret::new(token));
        Ok(())
    }
}
