//! An HTTP server for one file, with the faults that servers and networks have.

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
};

/// What a server does with `Range`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ranges {
    Answered,
    Ignored,
    /// 416, without saying how long the file is.
    Refused,
}

/// How a server serves one file.
pub(super) struct Service {
    pub(super) file: Vec<u8>,
    /// Only paths that begin so are there.
    pub(super) folder: &'static str,
    /// The first answers end after so many bytes each.
    pub(super) cuts: Vec<usize>,
    pub(super) ranges: Ranges,
    pub(super) etag: Option<&'static str>,
    /// Each path that has `/old/` in it leads to the same with `/new/`.
    pub(super) redirects: bool,
    /// Only who is called so gets anything.
    pub(super) authorization: Option<&'static str>,
}

impl Service {
    pub(super) fn of(file: &[u8]) -> Self {
        Self {
            file: file.to_vec(),
            folder: "/",
            cuts: Vec::new(),
            ranges: Ranges::Answered,
            etag: None,
            redirects: false,
            authorization: None,
        }
    }

    /// Serves on a free port.
    pub(super) fn start(self) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&asked);
        std::thread::spawn(move || {
            let mut cuts = self.cuts.clone().into_iter();
            for stream in listener.incoming() {
                self.answer(stream.unwrap(), &noted, &mut cuts);
            }
        });
        Server { address, asked }
    }

    fn answer(
        &self,
        mut stream: TcpStream,
        noted: &Mutex<Vec<Option<usize>>>,
        cuts: &mut impl Iterator<Item = usize>,
    ) {
        let (mut path, mut from, mut if_range, mut user) = (String::new(), None, None, None);
        for line in BufReader::new(&stream).lines().map_while(Result::ok) {
            if line.is_empty() {
                break;
            }
            if let Some(rest) = line.strip_prefix("GET ") {
                path = rest.split(' ').next().unwrap().to_owned();
            }
            match line.split_once(": ") {
                Some((name, value)) if name.eq_ignore_ascii_case("range") => {
                    let range = value.strip_prefix("bytes=").unwrap();
                    from = range.trim_end_matches('-').parse::<usize>().ok();
                }
                Some((name, value)) if name.eq_ignore_ascii_case("if-range") => {
                    if_range = Some(value.to_owned());
                }
                Some((name, value)) if name.eq_ignore_ascii_case("authorization") => {
                    user = Some(value.to_owned());
                }
                _ => {}
            }
        }
        noted.lock().unwrap().push(from);
        let mut end = |head: &str| {
            let _ = write!(
                stream,
                "HTTP/1.1 {head}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            );
        };
        if self.redirects && path.contains("/old/") {
            return end(&format!(
                "302 Found\r\nLocation: {}",
                path.replace("/old/", "/new/")
            ));
        }
        if self.authorization.is_some() && user.as_deref() != self.authorization {
            return end("401 Unauthorized");
        }
        if !path.starts_with(self.folder) {
            return end("404 Not Found");
        }
        let size = self.file.len();
        let changed = if_range.is_some() && if_range.as_deref() != self.etag;
        let from = from.filter(|_| self.ranges != Ranges::Ignored && !changed);
        match from {
            Some(_) if self.ranges == Ranges::Refused => return end("416 No"),
            Some(from) if from >= size => {
                return end(&format!("416 No\r\nContent-Range: bytes */{size}"));
            }
            _ => {}
        }
        let start = from.unwrap_or(0);
        let head = match from {
            Some(_) => format!(
                "206 Partial\r\nContent-Range: bytes {start}-{}/{size}",
                size - 1
            ),
            None => "200 OK".to_owned(),
        };
        let etag = self
            .etag
            .map_or_else(String::new, |etag| format!("ETag: {etag}\r\n"));
        let _ = write!(
            stream,
            "HTTP/1.1 {head}\r\n{etag}Content-Length: {}\r\nConnection: close\r\n\r\n",
            size - start
        );
        let end = cuts.next().map_or(size, |cut| (start + cut).min(size));
        let _ = stream.write_all(&self.file[start..end]);
    }
}

pub(super) struct Server {
    pub(super) address: String,
    asked: Arc<Mutex<Vec<Option<usize>>>>,
}

impl Server {
    /// Where each answer was to begin.
    pub(super) fn asked(&self) -> Vec<Option<usize>> {
        self.asked.lock().unwrap().clone()
    }

    pub(super) fn hef(&self) -> String {
        format!("{}/{{zoo}}/{{chip}}/{{name}}.hef", self.address)
    }
}
