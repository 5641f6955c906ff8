//! From the places of a file to the file in its place.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rustls::crypto::ring;
use ureq::{
    Agent,
    config::{Config, RedirectAuthHeaders},
    tls::{Certificate, RootCerts, TlsConfig},
};

use crate::{
    Event, Kind, Place, PlaceError, Rejection, Sum,
    archive::unpack,
    download::{Failure, download},
    installed::{Standing, put},
    part::{Part, beside},
    verify::{is_zip, verify},
};

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(15);

/// How long a server may be silent.
const SILENCE: Duration = Duration::from_secs(30);

/// How often a download goes on by itself after it was cut off, as long as each attempt brings bytes.
const MOST_RESUMES: usize = 3;

/// A file to be fetched.
#[derive(Debug)]
pub struct Download {
    /// What it is called in place.
    pub file: String,
    /// Where it may lie, tried in turn. What comes may also be a ZIP archive that holds the file.
    pub places: Vec<Place>,
    /// What it is.
    pub kind: Kind,
    /// Its sum, if it is known.
    pub sum: Option<Sum>,
}

/// A file that is in place.
#[derive(Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Where it is.
    pub path: PathBuf,
    /// What it has.
    pub sum: Sum,
    /// How it came there.
    pub outcome: Outcome,
}

/// How a file came into its place.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was there already: it has the right sum, or was fetched from one of the places before.
    Already,
    /// It was fetched now.
    From(Place),
}

/// Why a file is not in place. Each is one line.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// None of the places could be reached.
    #[error("{host} could not be reached ({cause})")]
    Unreachable {
        /// The first place.
        url: String,
        /// Who was to be reached.
        host: String,
        /// Why not.
        cause: String,
    },
    /// None of the places has it.
    #[error("{file} could not be fetched from {}", tried(tried_places))]
    Nowhere {
        /// The file.
        file: String,
        /// The places, and why not.
        tried_places: Vec<(String, PlaceError)>,
    },
    /// Some of it came, and is kept.
    #[error("{url} was cut off after {bytes} bytes ({cause}): run this again to go on")]
    CutOff {
        /// Where it came from.
        url: String,
        /// Bytes there are.
        bytes: u64,
        /// How it ended.
        cause: String,
    },
    /// What came is not what was asked for. Nothing of it is kept.
    #[error("{url}: {cause}")]
    Rejected {
        /// Where it came from.
        url: String,
        /// What is wrong.
        cause: Rejection,
    },
    /// What is in place was put there by somebody else, and stays.
    #[error("{path} was kept: it is there already, and fastsamd did not fetch it", path = path.display())]
    NotOurs {
        /// Where it is.
        path: PathBuf,
    },
    /// Another process fetches the same.
    #[error("{path} is being fetched by another process", path = path.display())]
    Busy {
        /// Where it is to be.
        path: PathBuf,
    },
    /// A file can't be read or written.
    #[error("{path}: {source}", path = path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// There is nothing to verify a server's certificate with.
    #[error(
        "this machine has no certificates to verify servers with: sudo apt install ca-certificates"
    )]
    NoCertificates,
}

fn tried(places: &[(String, PlaceError)]) -> String {
    let places: Vec<_> = places
        .iter()
        .map(|(url, cause)| format!("{url}: {cause}"))
        .collect();
    if places.is_empty() {
        return "nowhere".to_owned();
    }
    places.join(", nor from ")
}

/// Fetches files.
pub struct Client {
    agent: Agent,
    has_certificates: bool,
    force: bool,
}

impl Client {
    /// A client with the proxies of the environment and the certificates of the system. With
    /// `force`, what is in place is fetched again, whoever put it there.
    pub fn new(force: bool) -> Self {
        let certificates = certificates();
        let has_certificates = !certificates.is_empty();
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::Specific(Arc::new(certificates)))
            .unversioned_rustls_crypto_provider(Arc::new(ring::default_provider()))
            .build();
        let config = Config::builder()
            .tls_config(tls)
            .user_agent(concat!("fastsamd/", env!("CARGO_PKG_VERSION")))
            // A status is an answer that says what to do.
            .http_status_as_error(false)
            .redirect_auth_headers(RedirectAuthHeaders::SameHost)
            .timeout_resolve(Some(CONNECT))
            .timeout_connect(Some(CONNECT))
            .timeout_recv_response(Some(SILENCE))
            .timeout_per_read(Some(SILENCE))
            .build();
        Self {
            agent: config.into(),
            has_certificates,
            force,
        }
    }

    /// Puts a file into a folder, unless it is there.
    ///
    /// # Errors
    /// See [`FetchError`]. Whatever goes wrong, what is in place stays as it was.
    pub fn fetch(
        &self,
        wanted: &Download,
        folder: &Path,
        report: &mut dyn FnMut(Event<'_>),
    ) -> Result<Fetched, FetchError> {
        let path = folder.join(&wanted.file);
        if !self.force
            && let Some(sum) = in_place(wanted, &path)?
        {
            let outcome = Outcome::Already;
            return Ok(Fetched { path, sum, outcome });
        }
        let opened = Part::open(&path).map_err(|source| at(&path, source))?;
        let Some(mut part) = opened else {
            return Err(FetchError::Busy { path });
        };
        let place = match self.get(wanted, &mut part, report) {
            Ok(place) => place,
            Err(error) => {
                // What was cut off can be continued; an empty part is nothing.
                if part.length() == 0 || matches!(error, FetchError::Rejected { .. }) {
                    part.remove();
                }
                return Err(error);
            }
        };
        let installed = install(wanted, &part, &path, place);
        part.remove();
        Ok(Fetched {
            sum: installed?,
            path,
            outcome: Outcome::From(place.clone()),
        })
    }

    /// Fills the part from the first place that has the file.
    fn get<'a>(
        &self,
        wanted: &'a Download,
        part: &mut Part,
        report: &mut dyn FnMut(Event<'_>),
    ) -> Result<&'a Place, FetchError> {
        let mut tried_places = Vec::new();
        for place in &wanted.places {
            if place.is_https() && !self.has_certificates {
                return Err(FetchError::NoCertificates);
            }
            report(Event::Asking { place });
            let Some(cause) = self.get_from(place, wanted.kind, part, report)? else {
                return Ok(place);
            };
            if tried_places.len() + 1 < wanted.places.len() {
                report(Event::NotThere {
                    place,
                    cause: &cause,
                });
            }
            tried_places.push((place.url().to_owned(), cause));
        }
        Err(without_any(&wanted.file, tried_places))
    }

    /// Fills the part from one place; where nothing comes, says why. Where the connection breaks, it
    /// goes on by itself a few times.
    fn get_from(
        &self,
        place: &Place,
        kind: Kind,
        part: &mut Part,
        report: &mut dyn FnMut(Event<'_>),
    ) -> Result<Option<PlaceError>, FetchError> {
        let most_bytes = kind.most_bytes();
        let url = place.url().to_owned();
        let mut resumes = 0;
        loop {
            let before = part.length();
            let Err(failure) = download(&self.agent, place, part, most_bytes, report) else {
                return Ok(None);
            };
            let bytes = part.length();
            return match failure {
                Failure::CutOff(_) if bytes > before && resumes < MOST_RESUMES => {
                    resumes += 1;
                    continue;
                }
                Failure::CutOff(cause) => Err(FetchError::CutOff { url, bytes, cause }),
                Failure::Place(cause) if resumes == 0 => Ok(Some(cause)),
                // What came before is worth more words than that the server is gone now.
                Failure::Place(cause) => Err(FetchError::CutOff {
                    url,
                    bytes,
                    cause: cause.to_string(),
                }),
                Failure::TooLarge => Err(FetchError::Rejected {
                    url,
                    cause: Rejection::TooLarge { most_bytes },
                }),
                Failure::Part(source) => Err(at(part.path(), source)),
            };
        }
    }
}

/// The sum of what is in place already, if it is what is wanted; `None` where it is to be fetched.
fn in_place(wanted: &Download, path: &Path) -> Result<Option<Sum>, FetchError> {
    let standing = Standing::of(path).map_err(|source| at(path, source))?;
    match (standing, &wanted.sum) {
        (Standing::Absent, _) => Ok(None),
        (Standing::Ours { sum, .. } | Standing::Others { sum: Some(sum) }, Some(expected))
            if sum == *expected =>
        {
            Ok(Some(sum))
        }
        (Standing::Ours { url, sum }, None) => {
            let is_from_there = wanted.places.iter().any(|place| place.url() == url);
            Ok(is_from_there.then_some(sum))
        }
        (Standing::Ours { .. }, Some(_)) => Ok(None),
        (Standing::Others { .. }, _) => Err(FetchError::NotOurs {
            path: path.to_owned(),
        }),
    }
}

/// Verifies what came and puts it in place.
fn install(wanted: &Download, part: &Part, path: &Path, place: &Place) -> Result<Sum, FetchError> {
    let rejected = |cause| FetchError::Rejected {
        url: place.url().to_owned(),
        cause,
    };
    part.sync().map_err(|source| at(part.path(), source))?;
    let verify = |file: &Path| verify(file, wanted.kind, wanted.sum.as_ref());
    if !is_zip(part.path()).map_err(|source| at(part.path(), source))? {
        let sum = verify(part.path()).map_err(rejected)?;
        put(part.path(), path, place, &sum).map_err(|source| at(path, source))?;
        return Ok(sum);
    }
    let unpacked = beside(path, ".unpacked");
    let installed = unpack(
        part.path(),
        &wanted.file,
        &unpacked,
        wanted.kind.most_bytes(),
    )
    .and_then(|()| verify(&unpacked))
    .map_err(rejected)
    .and_then(|sum| {
        put(&unpacked, path, place, &sum).map_err(|source| at(path, source))?;
        Ok(sum)
    });
    // In place, it is there no more.
    let _ = fs::remove_file(&unpacked);
    installed
}

/// The error where no place has the file.
fn without_any(file: &str, tried_places: Vec<(String, PlaceError)>) -> FetchError {
    let all_unreachable = tried_places
        .iter()
        .all(|(_, cause)| matches!(cause, PlaceError::Unreachable { .. }));
    match tried_places.first() {
        Some((url, PlaceError::Unreachable { host, cause })) if all_unreachable => {
            FetchError::Unreachable {
                url: url.clone(),
                host: host.clone(),
                cause: cause.clone(),
            }
        }
        _ => FetchError::Nowhere {
            file: file.to_owned(),
            tried_places,
        },
    }
}

fn at(path: &Path, source: io::Error) -> FetchError {
    FetchError::File {
        path: path.to_owned(),
        source,
    }
}

/// The certificates that the system trusts. What of them can't be read is as good as absent.
fn certificates() -> Vec<Certificate<'static>> {
    rustls_native_certs::load_native_certs()
        .certs
        .iter()
        .map(|certificate| Certificate::from_der(certificate).to_owned())
        .collect()
}
