//! Listening and dialling: sockets, TLS, limits and time-outs around the state machines of `wire`. What is carried has
//! no meaning here.

mod accept;
mod dimse_client;
mod dimse_server;
mod error;
mod http_client;
mod http_server;
mod mllp_client;
mod mllp_server;
mod tls;

pub use dimse_client::{DimseClient, IncomingObject, NormalizedAnswer, StoreSink};
pub use dimse_server::{DimseServer, DimseService, DimseSession, listen_dimse};
pub use error::NetError;
pub use http_client::{HttpClient, HttpClientOptions, Listener};
pub use http_server::{HttpLimits, HttpServer, PeerAddress, PeerCertificate, listen};
pub use mllp_client::MllpClient;
pub use mllp_server::{MllpLimits, MllpPeer, MllpServer, MllpService, listen_mllp};
pub use tls::{ClientTls, ServerTls};
