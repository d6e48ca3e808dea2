//! Listening and dialling: sockets, TLS, limits and time-outs around the state machines of `wire`. What is carried has
//! no meaning here.

mod dimse_client;
mod dimse_server;
mod error;
mod http_client;
mod http_server;
mod tls;

pub use dimse_client::DimseClient;
pub use dimse_server::{DimseServer, DimseService, DimseSession, listen_dimse};
pub use error::NetError;
pub use http_client::{HttpClient, HttpClientOptions};
pub use http_server::{HttpLimits, HttpServer, PeerAddress, PeerCertificate, listen};
pub use tls::{ClientTls, ServerTls};
