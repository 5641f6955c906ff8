//! Encrypted connections and WebSockets to a real mosquitto.

use std::{
    fs,
    net::{IpAddr, TcpStream},
    path::PathBuf,
};

use mqtt::{Echo, Identity, Options, Probe, Tls, Version};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, date_time_ymd,
};
use tempfile::TempDir;

use crate::support::{self, Mosquitto, options, topics};

/// An authority, and where its certificate and those that it signs lie.
struct Authority {
    folder: TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let name = &mut params.distinguished_name;
        name.push(DnType::CommonName, "an authority for tests");
        let key = KeyPair::generate().unwrap();
        let issuer = CertifiedIssuer::self_signed(params, key).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { folder, issuer }
    }

    fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Signs a certificate for some names; `expired` says whether it was valid long ago.
    fn sign(&self, names: &[&str], expired: bool) -> Identity {
        let names: Vec<_> = names.iter().map(ToString::to_string).collect();
        let file = self.folder.path().join(names.concat().replace(':', "-"));
        let mut params = CertificateParams::new(names).unwrap();
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        if expired {
            params.not_before = date_time_ymd(2001, 1, 1);
            params.not_after = date_time_ymd(2002, 1, 1);
        }
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let identity = Identity {
            cert_file: file.with_extension("crt"),
            key_file: file.with_extension("key"),
        };
        fs::write(&identity.cert_file, certificate.pem()).unwrap();
        fs::write(&identity.key_file, key.serialize_pem()).unwrap();
        identity
    }
}

/// A broker with a certificate; `more` are lines of its configuration.
fn broker(authority: &Authority, own: &Identity, more: &str) -> Mosquitto {
    let mut broker = Mosquitto::prepare(&format!(
        "allow_anonymous true\ncafile {}\ncertfile {}\nkeyfile {}\n{more}",
        authority.ca_file().display(),
        own.cert_file.display(),
        own.key_file.display()
    ));
    broker.launch();
    broker
}

fn encrypted(authority: &Authority, host: &str, port: u16) -> Options {
    let mut options = options(port);
    options.host = host.into();
    options.tls = Some(Tls {
        ca_file: Some(authority.ca_file()),
        identity: None,
    });
    options
}

fn probe(options: &Options) -> Result<Probe, String> {
    let echo = topics().response("echo").unwrap();
    mqtt::probe(options, Some(&echo), support::DEADLINE).unwrap()
}

#[test]
fn a_broker_is_known_by_its_certificate() {
    let authority = Authority::new();
    let own = authority.sign(&["localhost", "127.0.0.1"], false);
    let broker = broker(&authority, &own, "");
    for host in ["localhost", "127.0.0.1"] {
        let probe = probe(&encrypted(&authority, host, broker.port())).unwrap();
        assert_eq!(probe.version, Version::V5, "{host}");
        assert_eq!(probe.echo, Some(Echo::Whole), "{host}");
    }
    // Nobody vouches for it where another authority does, or the system's.
    for mut options in [
        encrypted(&Authority::new(), "localhost", broker.port()),
        encrypted(&authority, "localhost", broker.port()),
    ] {
        if let Some(tls) = &mut options.tls
            && tls.ca_file.as_ref().is_some_and(|file| file.exists())
        {
            tls.ca_file = None;
        }
        let cause = probe(&options).unwrap_err();
        assert!(
            cause.contains("nobody known vouches") || cause.contains("No such file"),
            "{cause}"
        );
    }
}

#[test]
fn a_certificate_for_another_name_or_of_the_past_is_a_clear_error() {
    let authority = Authority::new();
    for (names, expired, expected) in [
        (
            ["broker.example"],
            false,
            "not for 'localhost' but for DnsName(\"broker.example\")",
        ),
        (["localhost"], true, "has expired"),
    ] {
        let own = authority.sign(&names, expired);
        let broker = broker(&authority, &own, "");
        let cause = probe(&encrypted(&authority, "localhost", broker.port())).unwrap_err();
        assert!(cause.contains(expected), "{cause}");
    }
    // A broker that speaks no TLS there.
    let plain = Mosquitto::start();
    let cause = probe(&encrypted(&authority, "localhost", plain.port())).unwrap_err();
    assert!(!cause.is_empty());
}

#[test]
fn a_broker_that_asks_for_a_certificate_gets_ours() {
    let authority = Authority::new();
    let own = authority.sign(&["localhost"], false);
    let broker = broker(&authority, &own, "require_certificate true");
    let mut options = encrypted(&authority, "localhost", broker.port());
    let cause = probe(&options).unwrap_err();
    assert!(cause.contains("'cert_file' and 'key_file'"), "{cause}");
    if let Some(tls) = &mut options.tls {
        tls.identity = Some(authority.sign(&["node"], false));
    }
    assert_eq!(probe(&options).unwrap().echo, Some(Echo::Whole));
}

#[test]
fn mqtt_goes_over_websockets() {
    // mosquitto 2.0.11 does not start without another listener.
    let port = support::nobody().port();
    let mut broker = Mosquitto::prepare(&format!(
        "allow_anonymous true\nlistener {port} 127.0.0.1\nprotocol websockets"
    ));
    broker.launch();
    support::eventually("it listens", || {
        TcpStream::connect(("127.0.0.1", port)).ok()
    });
    let mut options = options(port);
    options.websocket = Some("/mqtt".into());
    options.max_payload_bytes = 100_000;
    let probe = probe(&options).unwrap();
    assert_eq!(
        (probe.version, probe.echo),
        (Version::V5, Some(Echo::Whole))
    );
}

#[test]
fn ipv6_addresses_need_no_brackets() {
    let mut broker = Mosquitto::prepare_at(IpAddr::V6(std::net::Ipv6Addr::LOCALHOST));
    broker.launch();
    let mut options = options(broker.port());
    options.host = "::1".into();
    assert_eq!(probe(&options).unwrap().echo, Some(Echo::Whole));
    // Nobody has a link-local address in every test: what counts is that the zone is understood.
    options.host = "fe80::1%lo".into();
    let cause = probe(&options).unwrap_err();
    assert!(!cause.contains("lookup"), "{cause}");
}
