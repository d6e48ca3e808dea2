//! TLS on both ends: trust by a named authority only, and mutual authentication.

use axum::Router;
use axum::routing::get;
use net::{
    ClientTls, HttpClient, HttpClientOptions, HttpLimits, HttpServer, NetError, PeerCertificate, ServerTls, listen,
};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use std::net::TcpListener;
use std::path::{Path, PathBuf};

/// PEM files of one authority and the identities it signed.
pub struct Authority {
    folder: tempfile::TempDir,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        std::fs::write(folder.path().join("ca.pem"), certificate.pem()).unwrap();
        Authority { folder, issuer: Issuer::new(params, key) }
    }

    pub fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    pub fn sign(&self, name: &str) -> (PathBuf, PathBuf) {
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let file = |kind: &str, text: String| {
            let path = self.folder.path().join(format!("{name}-{kind}.pem"));
            std::fs::write(&path, text).unwrap();
            path
        };
        (file("certificate", certificate.pem()), file("key", key.serialize_pem()))
    }
}

pub fn provider() {
    // A second test of the same process finds it installed already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

async fn serve(tls: ServerTls) -> (HttpServer, String) {
    let router = Router::new().route(
        "/",
        get(|request: axum::extract::Request| async move {
            match request.extensions().get::<PeerCertificate>() {
                Some(certificate) => format!("{} octets of certificate", certificate.0.len()),
                None => "nobody".to_owned(),
            }
        }),
    );
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = listen(listener, Some(&tls), router, HttpLimits::default()).unwrap();
    let url = format!("https://localhost:{}/", server.address().port());
    (server, url)
}

async fn get_as(url: &str, tls: ClientTls) -> Result<String, NetError> {
    let client = HttpClient::new(&HttpClientOptions { tls, ..HttpClientOptions::default() })?;
    let response = client.send(client.get(url)).await?;
    Ok(response.text().await.unwrap())
}

pub fn trusting(ca: &Path) -> ClientTls {
    ClientTls { ca: Some(ca.to_owned()), ..ClientTls::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_trusted_only_under_the_authority_that_was_named() {
    provider();
    let (authority, other) = (Authority::new(), Authority::new());
    let (certificate, key) = authority.sign("server");
    let (server, url) = serve(ServerTls { certificate, key, client_ca: None }).await;
    assert_eq!(get_as(&url, trusting(&authority.ca())).await.unwrap(), "nobody");
    let refused = get_as(&url, trusting(&other.ca())).await.unwrap_err();
    assert!(matches!(refused, NetError::Connect { .. }), "{refused}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mutual_listener_takes_only_callers_with_a_certificate_of_its_authority() {
    provider();
    let (authority, other) = (Authority::new(), Authority::new());
    let (certificate, key) = authority.sign("server");
    let (server, url) = serve(ServerTls { certificate, key, client_ca: Some(authority.ca()) }).await;
    let (certificate, key) = authority.sign("caller");
    let known = ClientTls { certificate: Some(certificate), key: Some(key), ..trusting(&authority.ca()) };
    assert!(get_as(&url, known).await.unwrap().ends_with("octets of certificate"));
    assert!(get_as(&url, trusting(&authority.ca())).await.is_err());
    let (certificate, key) = other.sign("stranger");
    let stranger = ClientTls { certificate: Some(certificate), key: Some(key), ..trusting(&authority.ca()) };
    assert!(get_as(&url, stranger).await.is_err());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_certificate_is_named() {
    provider();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("empty.pem");
    std::fs::write(&path, "not a certificate").unwrap();
    let tls = ServerTls { certificate: path.clone(), key: path.clone(), client_ca: None };
    let error = tls.load().unwrap_err().to_string();
    assert!(error.contains("empty.pem") && error.contains("certificate"), "{error}");
    let client = HttpClient::new(&HttpClientOptions { tls: trusting(&path), ..HttpClientOptions::default() });
    assert!(client.is_err());
}
