//! One place's bytes into a part: HTTP with resume, and this machine's own files.

use std::{
    fmt::Display,
    fs::File,
    io::{self, Read},
};

use ureq::{
    Agent, Body,
    http::{Response, StatusCode, header},
};

use crate::{Place, part::Part};

/// How a download goes on.
#[derive(Debug)]
pub enum Event<'a> {
    /// A place is asked.
    Asking {
        /// Which one.
        place: &'a Place,
    },
    /// It answers, and bytes follow.
    Receiving {
        /// Bytes that an earlier attempt left.
        already: u64,
        /// Bytes of the whole file, if the server says so.
        total: Option<u64>,
    },
    /// So many bytes are there now.
    Received {
        /// Of the whole file.
        bytes: u64,
    },
    /// A place does not have it, and the next is asked.
    NotThere {
        /// Which one.
        place: &'a Place,
        /// Why.
        cause: &'a PlaceError,
    },
}

/// Why a place has nothing.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// The network, or the server, is not there.
    #[error("{host} could not be reached ({cause})")]
    Unreachable {
        /// Who was to be reached.
        host: String,
        /// Why not.
        cause: String,
    },
    /// The server answers with something else.
    #[error("the server answers {0}")]
    Status(StatusCode),
    /// The file can't be read.
    #[error("{0}")]
    File(io::Error),
}

/// How an attempt at one place ended, if not well.
pub(crate) enum Failure {
    /// Nothing came.
    Place(PlaceError),
    /// The connection ended, or stood still, after some of it.
    CutOff(String),
    /// It is too large.
    TooLarge,
    /// The part can't be written.
    Part(io::Error),
}

impl From<PlaceError> for Failure {
    fn from(error: PlaceError) -> Self {
        Self::Place(error)
    }
}

/// Gets what is missing of a file from one place.
pub(crate) fn download(
    agent: &Agent,
    place: &Place,
    part: &mut Part,
    most_bytes: u64,
    report: &mut dyn FnMut(Event<'_>),
) -> Result<(), Failure> {
    if let Some(path) = place.file() {
        let file = File::open(path).map_err(PlaceError::File)?;
        let total = file.metadata().ok().map(|metadata| metadata.len());
        part.restart(place.url(), None).map_err(Failure::Part)?;
        return receive(file, total, part, most_bytes, report);
    }
    match begin(agent, place, part)? {
        Beginning::Whole => Ok(()),
        Beginning::Body(response) => {
            let rest = response.body().content_length();
            let total = rest.map(|rest| part.length().saturating_add(rest));
            let body = response.into_body().into_reader();
            receive(body, total, part, most_bytes, report)
        }
    }
}

/// What a server answers.
enum Beginning {
    /// The part was whole.
    Whole,
    /// What the part lacks.
    Body(Response<Body>),
}

/// Asks for what is missing; where the server can't go on, for all of it.
fn begin(agent: &Agent, place: &Place, part: &mut Part) -> Result<Beginning, Failure> {
    if let Some(etag) = part.is_from(place.url()) {
        let at = part.length();
        let response = ask(agent, place, Some((at, etag.as_deref())))?;
        let range = text(&response, header::CONTENT_RANGE).unwrap_or_default();
        match response.status() {
            StatusCode::PARTIAL_CONTENT if range.starts_with(&format!("bytes {at}-")) => {
                return Ok(Beginning::Body(response));
            }
            StatusCode::RANGE_NOT_SATISFIABLE if range == format!("bytes */{at}") => {
                return Ok(Beginning::Whole);
            }
            // It ignores ranges, or the file is another one now.
            StatusCode::OK => return restart(place, part, response),
            StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => {}
            status => return Err(PlaceError::Status(status).into()),
        }
    }
    let response = ask(agent, place, None)?;
    match response.status() {
        StatusCode::OK => restart(place, part, response),
        status => Err(PlaceError::Status(status).into()),
    }
}

fn restart(place: &Place, part: &mut Part, response: Response<Body>) -> Result<Beginning, Failure> {
    let etag = text(&response, header::ETAG);
    part.restart(place.url(), etag).map_err(Failure::Part)?;
    Ok(Beginning::Body(response))
}

fn text(response: &Response<Body>, name: header::HeaderName) -> Option<&str> {
    response.headers().get(name)?.to_str().ok()
}

/// Sends one request, from some byte on if the file still has the `ETag` that it had.
fn ask(
    agent: &Agent,
    place: &Place,
    from: Option<(u64, Option<&str>)>,
) -> Result<Response<Body>, PlaceError> {
    let mut request = agent.get(place.url());
    if let Some(authorization) = place.authorization() {
        request = request.header(header::AUTHORIZATION, authorization);
    }
    if let Some((at, etag)) = from {
        request = request.header(header::RANGE, format!("bytes={at}-"));
        // RFC 9110: weak ones can't be compared here.
        if let Some(etag) = etag.filter(|etag| etag.starts_with('"')) {
            request = request.header(header::IF_RANGE, etag);
        }
    }
    request.call().map_err(|error| PlaceError::Unreachable {
        host: place.host().to_owned(),
        cause: cause(&error),
    })
}

/// What went wrong, without the URLs that some errors quote: a redirect's may be signed.
fn cause(error: &ureq::Error) -> String {
    match error {
        ureq::Error::HostNotFound => "there is no such host".to_owned(),
        ureq::Error::BadUri(_) => "a redirect leads to no URL".to_owned(),
        ureq::Error::Timeout(_) => "no answer in time".to_owned(),
        // Its own words, without the kind that ureq puts before them.
        ureq::Error::Io(error) => error.to_string(),
        error => error.to_string(),
    }
}

/// Appends what comes, of which no more is taken than allowed.
fn receive(
    mut body: impl Read,
    total: Option<u64>,
    part: &mut Part,
    most_bytes: u64,
    report: &mut dyn FnMut(Event<'_>),
) -> Result<(), Failure> {
    if total.is_some_and(|total| total > most_bytes) {
        return Err(Failure::TooLarge);
    }
    let already = part.length();
    report(Event::Receiving { already, total });
    let mut block = vec![0; 1 << 16];
    loop {
        let count = match body.read(&mut block) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(cut_off(error)),
        };
        if part.length() + count as u64 > most_bytes {
            return Err(Failure::TooLarge);
        }
        part.append(block.get(..count).unwrap_or_default())
            .map_err(Failure::Part)?;
        let bytes = part.length();
        report(Event::Received { bytes });
    }
    match total {
        Some(total) if part.length() < total => Err(cut_off("the connection was closed")),
        _ => Ok(()),
    }
}

fn cut_off(cause: impl Display) -> Failure {
    Failure::CutOff(cause.to_string())
}
