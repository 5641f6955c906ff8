//! The server: one thread, and bounds on all that may come in.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use axum::Router;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _},
    sync::Semaphore,
    time::{sleep, timeout},
};
use tokio_io_timeout::TimeoutWriter;
use tracing::{debug, warn};

use crate::{
    app::App,
    gallery::Gallery,
    gate::{Gate, Token},
    node::Node,
    routes, upload,
};

/// Connections at once: browsers open up to six.
const CONNECTIONS: usize = 128;

/// How long the head of a request may take.
const HEAD: Duration = Duration::from_secs(10);

/// Bytes of a request's head, at most.
const MOST_HEAD: usize = 16 * 1024;

/// How long a viewer may read nothing of what is sent.
const LONGEST_PAUSE: Duration = Duration::from_secs(20);

/// What a viewer too many hears, and how long that may take.
const FULL: &str = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Type: text/plain\r\n\r\n\
                    too many viewers are here: try again later\n";
const GOODBYE: Duration = Duration::from_millis(100);

/// How often the server looks whether it is to end.
const TICK: Duration = Duration::from_millis(100);

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    /// The address can't be listened on.
    #[error("the page can't be served on {address}: {cause}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        cause: io::Error,
    },
    /// The operating system gives no event loop.
    #[error("the page can't be served: {0}")]
    Runtime(io::Error),
}

/// A server that listens and does not answer yet.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    token: Option<Token>,
}

impl Server {
    /// Takes the address; port 0 means any.
    ///
    /// # Errors
    /// [`WebError::Listen`].
    pub fn listen(address: SocketAddr, token: Option<Token>) -> Result<Self, WebError> {
        let wrong = |cause| WebError::Listen { address, cause };
        let listener = TcpListener::bind(address).map_err(wrong)?;
        listener.set_nonblocking(true).map_err(wrong)?;
        Ok(Self {
            address: listener.local_addr().map_err(wrong)?,
            listener,
            token,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `stop` says true, which is asked every 100 ms. `machine`: the name of this machine, by which
    /// browsers may call it.
    ///
    /// # Errors
    /// [`WebError::Runtime`].
    pub fn run(
        self,
        node: Arc<dyn Node>,
        gallery: Arc<Gallery>,
        machine: String,
        stop: impl Fn() -> bool,
    ) -> Result<(), WebError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(2)
            .build()
            .map_err(WebError::Runtime)?;
        let site = Site::new(node, gallery, machine, self.token);
        let outcome = runtime.block_on(accept(self.listener, &site, &stop));
        // Viewers are left to notice that the connection is gone.
        runtime.shutdown_background();
        outcome.map_err(WebError::Runtime)
    }
}

/// What is served to whoever connects.
#[derive(Clone, Debug)]
pub struct Site {
    router: Router,
}

impl Site {
    /// The page and all that belongs to it. `machine`: the name of this machine, by which browsers may call it.
    pub fn new(
        node: Arc<dyn Node>,
        gallery: Arc<Gallery>,
        machine: String,
        token: Option<Token>,
    ) -> Self {
        Self {
            router: routes::router(App {
                node,
                gallery,
                gate: Arc::new(Gate { token, machine }),
                uploads: Arc::new(Semaphore::new(upload::AT_ONCE)),
            }),
        }
    }

    /// Serves a connection to its end, which comes when the other side stops reading, too.
    pub async fn serve(&self, stream: impl AsyncRead + AsyncWrite + Send + 'static) {
        let mut stream = TimeoutWriter::new(stream);
        stream.set_timeout(Some(LONGEST_PAUSE));
        let service = TowerToHyperService::new(self.router.clone());
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD)
            .max_buf_size(MOST_HEAD)
            .serve_connection(TokioIo::new(Box::pin(stream)), service)
            .with_upgrades();
        if let Err(error) = connection.await {
            debug!("a viewer: {error}");
        }
    }
}

async fn accept(listener: TcpListener, site: &Site, stop: &impl Fn() -> bool) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    while !stop() {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = sleep(TICK) => continue,
        };
        let mut stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Too many open files: it may be better in a moment.
                warn!("a viewer could not be let in: {error}");
                sleep(TICK).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&room).try_acquire_owned() else {
            debug!("a viewer too many: {CONNECTIONS} are here");
            // It has room in the buffers of a connection that has just begun.
            let _ = timeout(GOODBYE, stream.write_all(FULL.as_bytes())).await;
            continue;
        };
        let site = site.clone();
        tokio::spawn(async move {
            site.serve(stream).await;
            drop(place);
        });
    }
    Ok(())
}
