//! Encrypted connections: rustls, with the certificates of the system or the operator's own.

use std::{fs, path::PathBuf, sync::Arc};

use rumqttc::TlsConfiguration;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject as _},
};

use crate::MqttError;

/// How a connection is encrypted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// Certificates of those who may vouch for the broker, as PEM; those of the system where there is none.
    pub ca_file: Option<PathBuf>,
}

impl Tls {
    /// The same for rumqttc. Files are read each time: certificates are renewed.
    pub(super) fn configuration(&self) -> Result<TlsConfiguration, MqttError> {
        let mut roots = RootCertStore::empty();
        match &self.ca_file {
            Some(path) => {
                let unusable = |cause: String| MqttError::Certificates {
                    path: path.clone(),
                    cause,
                };
                let pem = fs::read(path).map_err(|error| unusable(error.to_string()))?;
                for certificate in CertificateDer::pem_slice_iter(&pem) {
                    let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
                    let added = roots.add(certificate);
                    added.map_err(|error| unusable(error.to_string()))?;
                }
                if roots.is_empty() {
                    return Err(unusable(
                        "expected certificates as PEM, found none".to_owned(),
                    ));
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
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(TlsConfiguration::Rustls(Arc::new(config)))
    }
}
