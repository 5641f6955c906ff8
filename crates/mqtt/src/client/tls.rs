//! Encrypted connections: rustls, with the certificates of the system or the operator's own.

use std::{
    error::Error,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use rumqttc::TlsConfiguration;
use rustls::{
    CertificateError, ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};

use crate::MqttError;

/// How a connection is encrypted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// Certificates of those who may vouch for the broker, as PEM; those of the system where there is none.
    pub ca_file: Option<PathBuf>,
    /// What this client shows of itself, if it does.
    pub identity: Option<Identity>,
}

/// A certificate, its chain behind it, and its private key; both as PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The certificate's file.
    pub cert_file: PathBuf,
    /// The key's.
    pub key_file: PathBuf,
}

impl Tls {
    /// The same for rumqttc. Files are read each time: certificates are renewed.
    pub(super) fn configuration(&self) -> Result<TlsConfiguration, MqttError> {
        let mut roots = RootCertStore::empty();
        match &self.ca_file {
            Some(path) => {
                for certificate in certificates(path)? {
                    let added = roots.add(certificate);
                    added.map_err(|error| unusable(path, error))?;
                }
            }
            None => {
                // One that can't be read vouches for nobody.
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            }
        }
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| MqttError::Tls(error.to_string()))?
            .with_root_certificates(roots);
        let config = match &self.identity {
            None => config.with_no_client_auth(),
            Some(Identity {
                cert_file,
                key_file,
            }) => {
                let chain = certificates(cert_file)?;
                let key = PrivateKeyDer::from_pem_file(key_file);
                let key = key.map_err(|error| unusable(key_file, error))?;
                let config = config.with_client_auth_cert(chain, key);
                config.map_err(|error| unusable(cert_file, error))?
            }
        };
        Ok(TlsConfiguration::Rustls(Arc::new(config)))
    }
}

/// All certificates of a file, at least one.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, MqttError> {
    let pem = fs::read(path).map_err(|error| unusable(path, error))?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let all = all.map_err(|error| unusable(path, error))?;
    if all.is_empty() {
        return Err(unusable(path, "expected certificates as PEM, found none"));
    }
    Ok(all)
}

fn unusable(path: &Path, cause: impl ToString) -> MqttError {
    MqttError::Certificates {
        path: path.to_owned(),
        cause: cause.to_string(),
    }
}

/// What to do about a failure whose cause is TLS; nothing where it has another.
pub(super) fn advice(failure: &(dyn Error + 'static)) -> Option<String> {
    let mut next = Some(failure);
    while let Some(error) = next {
        // An error of rustls comes inside one of the socket's.
        let inner = error
            .downcast_ref::<io::Error>()
            .and_then(|error| error.get_ref())
            .and_then(|inner| inner.downcast_ref::<rustls::Error>());
        if let Some(error) = inner.or_else(|| error.downcast_ref::<rustls::Error>()) {
            return Some(words(error));
        }
        next = error.source();
    }
    None
}

fn words(error: &rustls::Error) -> String {
    use CertificateError as Flaw;
    match error {
        rustls::Error::InvalidCertificate(Flaw::Expired | Flaw::ExpiredContext { .. }) => {
            "the broker's certificate has expired: it has to be renewed, unless this machine's clock is wrong"
                .to_owned()
        }
        rustls::Error::InvalidCertificate(Flaw::NotValidYet | Flaw::NotValidYetContext { .. }) => {
            "the broker's certificate is not valid yet: is this machine's clock right?".to_owned()
        }
        rustls::Error::InvalidCertificate(Flaw::NotValidForNameContext {
            expected,
            presented,
        }) => format!(
            "the broker's certificate is not for '{}' but for {}: connect to it by a name that it has",
            expected.to_str(),
            presented.join(", ")
        ),
        rustls::Error::InvalidCertificate(Flaw::UnknownIssuer) => {
            "nobody known vouches for the broker's certificate: 'ca_file' names who may".to_owned()
        }
        rustls::Error::AlertReceived(alert) => format!(
            "the broker does not accept us ({alert:?}): where it asks for a certificate, 'cert_file' and 'key_file' \
             name ours"
        ),
        rustls::Error::InvalidMessage(_) => {
            "no TLS is spoken there: is it the right port?".to_owned()
        }
        error => format!("TLS: {error}"),
    }
}
