//! The server: one thread, and bounds on all that may come in.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{sync::Semaphore, time::sleep};
use tracing::{debug, warn};

use crate::{
    app::App,
    gallery::Gallery,
    gate::{Gate, Token},
    node::Node,
    routes,
};

/// Connections at once: browsers open up to six.
const CONNECTIONS: usize = 128;

/// How long the head of a request may take.
const HEAD: Duration = Duration::from_secs(10);

/// Bytes of a request's head, at most.
const MOST_HEAD: usize = 16 * 1024;

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
        let app = App {
            node,
            gallery,
            gate: Arc::new(Gate {
                token: self.token,
                machine,
            }),
        };
        let outcome = runtime.block_on(accept(self.listener, app, &stop));
        // Viewers are left to notice that the connection is gone.
        runtime.shutdown_background();
        outcome.map_err(WebError::Runtime)
    }
}

async fn accept(listener: TcpListener, app: App, stop: &impl Fn() -> bool) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let router = routes::router(app);
    while !stop() {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = sleep(TICK) => continue,
        };
        let stream = match accepted {
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
            continue;
        };
        let service = TowerToHyperService::new(router.clone());
        tokio::spawn(async move {
            let connection = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD)
                .max_buf_size(MOST_HEAD)
                .serve_connection(TokioIo::new(stream), service)
                .with_upgrades();
            if let Err(error) = connection.await {
                debug!("a viewer: {error}");
            }
            drop(place);
        });
    }
    Ok(())
}
