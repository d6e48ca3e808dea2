//! MLLP over real sockets: many connections, frames in pieces, limits, TLS on both ends, an orderly stop.

use crate::tls::{Authority, provider, trusting};
use net::{ClientTls, MllpClient, MllpLimits, MllpPeer, MllpServer, MllpService, NetError, ServerTls, listen_mllp};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

/// Says back what came, and whether the peer showed a certificate. Waits for a permit of `gate` first, when there is one.
struct Echo {
    gate: Option<Arc<Semaphore>>,
    begun: Arc<Semaphore>,
}

impl MllpService for Echo {
    fn respond<'a>(
        &'a self,
        message: Vec<u8>,
        peer: &'a MllpPeer,
    ) -> Pin<Box<dyn Future<Output = Vec<u8>> + Send + 'a>> {
        Box::pin(async move {
            self.begun.add_permits(1);
            if let Some(gate) = &self.gate {
                gate.acquire().await.unwrap().forget();
            }
            let known = if peer.certificate.is_some() { "known " } else { "" };
            [known.as_bytes(), &message].concat()
        })
    }
}

fn echo() -> Echo {
    Echo { gate: None, begun: Arc::new(Semaphore::new(0)) }
}

fn start(service: Echo, tls: Option<&ServerTls>, limits: MllpLimits) -> MllpServer {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listen_mllp(listener, tls, Arc::new(service), limits).unwrap()
}

fn client(address: String, tls: Option<&ClientTls>) -> MllpClient {
    MllpClient::new(&address, tls, Duration::from_secs(60), 1000).unwrap()
}

/// Writes octets and reads until the listener closes.
async fn until_closed(server: &MllpServer, octets: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(octets).await.unwrap();
    let mut answer = Vec::new();
    // A listener that closes with something unread resets the connection; what it said before is what counts.
    let _ = stream.read_to_end(&mut answer).await;
    answer
}

#[tokio::test]
async fn several_messages_on_one_connection_are_answered_in_order_however_they_are_cut() {
    let server = start(echo(), None, MllpLimits::default());
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(b"\r\n\x0bone\x1c\r\x0btw").await.unwrap();
    let mut answer = [0; 6];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"\x0bone\x1c\r");
    stream.write_all(b"o\x1c").await.unwrap();
    stream.write_all(b"\r\x0b\x1c\r").await.unwrap();
    let mut answer = [0; 9];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"\x0btwo\x1c\r\x0b\x1c\r");
    server.stop().await;
    assert_eq!(stream.read(&mut answer).await.unwrap(), 0);
}

#[tokio::test]
async fn many_clients_are_answered_at_once_and_more_than_the_limit_wait() {
    let (gate, begun) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let service = Echo { gate: Some(gate.clone()), begun: begun.clone() };
    let server = start(service, None, MllpLimits { connections: 8, ..MllpLimits::default() });
    let clients: Vec<_> = (0..20)
        .map(|n| {
            let client = client(server.address().to_string(), None);
            tokio::spawn(async move { client.exchange(format!("message {n}").as_bytes()).await.unwrap() })
        })
        .collect();
    // Eight are with the service at the same time; nobody else is before one of them has gone.
    begun.acquire_many(8).await.unwrap().forget();
    assert_eq!(begun.available_permits(), 0);
    gate.add_permits(20);
    for (n, client) in clients.into_iter().enumerate() {
        assert_eq!(client.await.unwrap(), format!("message {n}").into_bytes());
    }
}

#[tokio::test]
async fn what_is_no_frame_ends_the_connection_after_the_answers_that_are_due() {
    let server = start(echo(), None, MllpLimits { message_octets: 10, ..MllpLimits::default() });
    for broken in [&b"\x0babc\x1cx"[..], b"\x0babc\x0b", b"\x0b0123456789a", b"\x0babc\x1c\x1c\r"] {
        let answer = until_closed(&server, &[b"\x0bone\x1c\r", broken].concat()).await;
        assert_eq!(answer, b"\x0bone\x1c\r", "{broken:?}");
    }
    assert_eq!(until_closed(&server, &[b'x'; 5000]).await, b"");
    // And the listener goes on.
    assert_eq!(client(server.address().to_string(), None).exchange(b"two").await.unwrap(), b"two");
}

#[tokio::test]
async fn a_silent_connection_is_closed_between_messages_and_inside_one() {
    let limits = MllpLimits { idle: Duration::from_millis(30), ..MllpLimits::default() };
    let server = start(echo(), None, limits);
    assert_eq!(until_closed(&server, b"").await, b"");
    assert_eq!(until_closed(&server, b"\x0bone\x1c\r\x0btw").await, b"\x0bone\x1c\r");
}

#[tokio::test]
async fn a_message_under_way_is_answered_before_the_listener_stops() {
    let (gate, begun) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let server = start(Echo { gate: Some(gate.clone()), begun: begun.clone() }, None, MllpLimits::default());
    let client = client(server.address().to_string(), None);
    let asked = {
        let client = client.clone();
        tokio::spawn(async move { client.exchange(b"one").await })
    };
    begun.acquire().await.unwrap().forget();
    let stopping = tokio::spawn(server.stop());
    gate.add_permits(1);
    assert_eq!(asked.await.unwrap().unwrap(), b"one");
    stopping.await.unwrap();
    assert!(matches!(client.exchange(b"two").await, Err(NetError::Connect { .. })));
}

#[tokio::test]
async fn a_receiver_that_closes_or_answers_nonsense_is_named() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    for answer in [&b""[..], b"\x0bone\x1cx", b"HTTP/1.1 400 Bad Request\r\n\r\n"] {
        let client = client(address.clone(), None);
        let asked = tokio::spawn(async move { client.exchange(b"one").await });
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut buffer = [0; 6];
        stream.read_exact(&mut buffer).await.unwrap();
        stream.write_all(answer).await.unwrap();
        drop(stream);
        let error = asked.await.unwrap().unwrap_err();
        assert!(matches!(&error, NetError::Broken { url, .. } if *url == address), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_mutual_where_the_listener_names_an_authority() {
    provider();
    let (authority, other) = (Authority::new(), Authority::new());
    let (certificate, key) = authority.sign("server");
    let tls = ServerTls { certificate, key, client_ca: Some(authority.ca()) };
    let server = start(echo(), Some(&tls), MllpLimits::default());
    let address = format!("localhost:{}", server.address().port());
    let as_signed_by = |authority: &Authority, ca: &Authority| {
        let (certificate, key) = authority.sign("client");
        ClientTls { ca: Some(ca.ca()), certificate: Some(certificate), key: Some(key) }
    };
    let known = client(address.clone(), Some(&as_signed_by(&authority, &authority)));
    assert_eq!(known.exchange(b"one").await.unwrap(), b"known one");
    for stranger in [as_signed_by(&other, &authority), as_signed_by(&authority, &other), trusting(&authority.ca())] {
        assert!(client(address.clone(), Some(&stranger)).exchange(b"one").await.is_err());
    }
    assert!(client(address.clone(), None).exchange(b"one").await.is_err());
    let incomplete = ClientTls::default();
    let error = MllpClient::new(&address, Some(&incomplete), Duration::from_secs(1), 1).err().unwrap();
    assert!(error.to_string().contains("ca"), "{error}");
}
