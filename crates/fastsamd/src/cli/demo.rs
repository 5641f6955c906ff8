//! The demonstration: all of it in one process, with nothing to configure.

use std::{
    fs::File,
    io::{self, Read as _},
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use clap::Args;
use configuration::{Backend, Config, Mqtt, Onnx, WrongInput};
use mqtt::EmbeddedBroker;
use web::{Server, Token};

use super::{backend, exit, maker::Maker};
use crate::{
    daemon::{self, Extent},
    open::text::TextModel,
};

/// What the demonstration is started with.
#[derive(Clone, Debug, Args)]
pub(super) struct DemoArgs {
    /// Publish to this broker instead of one inside, which listens on 127.0.0.1:1883.
    #[arg(long, value_name = "HOST:PORT")]
    mqtt: Option<String>,
    /// Serve the page here; 0 as port means any that is free.
    #[arg(long, value_name = "ADDR", default_value_t = PAGE)]
    http: SocketAddr,
    /// What answers. By default a Hailo chip where there is one, else the built-in network.
    #[arg(long, value_enum)]
    backend: Option<backend::Name>,
    /// The network: a HEF for a Hailo chip, or an ONNX file.
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// End after so many frames.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    frames: Option<u64>,
}

/// Where the broker inside listens: where clients look first.
const BROKER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 1883);

/// Where the page is: what developers try first.
const PAGE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// Runs the demonstration until a signal, or for so many frames.
pub(super) fn run(arguments: &DemoArgs) -> anyhow::Result<()> {
    let mqtt = match &arguments.mqtt {
        Some(address) => broker_at(address)?,
        None => {
            EmbeddedBroker::start(BROKER, None).map_err(|error| {
                WrongInput::new(format_args!(
                    "{error}; to use the broker that is there: --mqtt {BROKER}"
                ))
            })?;
            Mqtt {
                embedded: Some(BROKER),
                ..Mqtt::default()
            }
        }
    };
    let config = Config {
        node: "demo".into(),
        mqtt,
        accelerator: backend::section(arguments.backend, arguments.model.as_deref(), None)?,
        ..Config::default()
    };
    if let Some(maker) = Maker::of_backend(&config.accelerator.backend) {
        exit::note(&maker.notice());
    }
    let token = if arguments.http.ip().is_loopback() {
        None
    } else {
        Some(random_token()?)
    };
    let server = Server::listen(arguments.http, token.as_deref().map(Token::new));
    let server = server.map_err(|error| {
        WrongInput::new(format_args!(
            "{error}; to serve it elsewhere: --http 127.0.0.1:0"
        ))
    })?;
    let mut page = format!("http://{}/", server.address());
    if let Some(token) = token {
        page = format!("{page}?token={token}");
    }
    exit::say(&introduction(&config, &page))?;
    let extent = Extent {
        frames: arguments.frames,
    };
    let text = Some(TextModel::of_colours()?);
    daemon::run_with(&config, None, extent, text, Some(server))
}

/// What viewers from elsewhere have to know.
fn random_token() -> io::Result<String> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn introduction(config: &Config, page: &str) -> String {
    let broker = config.mqtt.broker();
    let (host, port) = (&broker.host, broker.port);
    let root = format!("{}/{}", config.mqtt.prefix, config.node);
    let camera = config
        .cameras
        .first()
        .map_or("cam0", |camera| camera.name.as_str());
    let accelerator = match &config.accelerator.backend {
        Backend::Mock(_) => "a mock accelerator",
        Backend::Hailo(_) => "a Hailo chip",
        Backend::Onnx(Onnx { model: None, .. }) => "the built-in network",
        Backend::Onnx(_) => "a network on the CPU",
        Backend::Replay(_) => "a recording's answers",
    };
    format!(
        "Look at {page}\n\n\
         A synthetic camera and {accelerator} publish masks to MQTT at {broker}.\n\
         In another terminal:\n\
         \n  mosquitto_sub -h {host} -p {port} -t '{root}/{camera}/summary'      # count, rate, latency\
         \n  mosquitto_sub -h {host} -p {port} -t '{root}/{camera}/masks' -C 1   # one frame's masks\
         \n  mosquitto_sub -h {host} -p {port} -t '{root}/{camera}/events'       # what appears, stands still, leaves\
         \n  mosquitto_sub -h {host} -p {port} -t '{root}/#' -v | cut -c1-120  # all of it\n\
         \nAsk for something by its colour, the only words that the demonstration knows:\n\
         \n  mosquitto_sub -h {host} -p {port} -t '{root}/response/prompt' -C 1 &\
         \n  mosquitto_pub -h {host} -p {port} -t '{root}/request/prompt' -m '{{\"text\": \"red object\"}}'\n\
         \nOn your own pictures: fastsamd segment PICTURE --out FOLDER. Ctrl-C ends this.\n"
    )
}

/// The broker of a flag.
pub(super) fn broker_at(address: &str) -> Result<Mqtt, WrongInput> {
    Mqtt::at(address).map_err(|cause| {
        let shown = if address.contains('@') { "" } else { address };
        WrongInput::new(format_args!("--mqtt '{shown}': {cause}"))
    })
}
