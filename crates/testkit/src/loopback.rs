//! A router behind a real socket on loopback, on a port that the system chooses.

use axum::Router;
use net::{HttpClient, HttpClientOptions, HttpLimits, HttpServer};

/// A running server; it stops when this goes.
pub struct Served {
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    pub address: std::net::SocketAddr,
    pub server: HttpServer,
}

/// A listener on a free port, so that its address is known before there is a router.
pub fn listener() -> (std::net::TcpListener, String) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port on loopback");
    let url = format!("http://{}", listener.local_addr().expect("a bound address"));
    (listener, url)
}

/// Serves what `router` makes of the address.
pub fn serve(router: impl FnOnce(&str) -> Router) -> Served {
    let (listener, url) = listener();
    let router = router(&url);
    let server = net::listen(listener, None, router, HttpLimits::default()).expect("a server without TLS");
    Served { address: server.address(), url, server }
}

pub fn http_client() -> HttpClient {
    HttpClient::new(&HttpClientOptions::default()).expect("a client without certificates")
}
