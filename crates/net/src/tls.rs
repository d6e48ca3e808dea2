//! Certificates and keys from PEM files to rustls configurations, for both ends. TLS 1.2 and 1.3 only (BCP 195).

use crate::NetError;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A listener's identity. `client_ca` makes the handshake mutual: callers without a certificate of it are refused.
#[derive(Clone, Debug)]
pub struct ServerTls {
    pub certificate: PathBuf,
    pub key: PathBuf,
    pub client_ca: Option<PathBuf>,
}

/// How a peer is trusted, and how we show ourselves to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientTls {
    /// Only certificates of this authority are accepted; absent means the system's.
    pub ca: Option<PathBuf>,
    pub certificate: Option<PathBuf>,
    pub key: Option<PathBuf>,
}

impl ServerTls {
    /// Errors: a file that cannot be read, holds no PEM of its kind, or does not fit the others.
    pub fn load(&self) -> Result<Arc<ServerConfig>, NetError> {
        let chain = certificates("certificate", &self.certificate)?;
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(|e| wrong("key", &self.key, &e))?;
        let builder = ServerConfig::builder();
        let config = match &self.client_ca {
            Some(path) => {
                let mut roots = RootCertStore::empty();
                for certificate in certificates("client_ca", path)? {
                    roots.add(certificate).map_err(|e| wrong("client_ca", path, &e))?;
                }
                let verifier =
                    WebPkiClientVerifier::builder(Arc::new(roots)).build().map_err(|e| wrong("client_ca", path, &e))?;
                builder.with_client_cert_verifier(verifier)
            }
            None => builder.with_no_client_auth(),
        };
        let mut config =
            config.with_single_cert(chain, key).map_err(|e| wrong("certificate", &self.certificate, &e))?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

impl ClientTls {
    /// For connections that are no HTTP. `ca` is required: who speaks HL7 v2 with us has a certificate that somebody of
    /// ours has issued.
    /// Errors: no `ca`; a certificate without its key; a file that cannot be read or does not fit the others.
    pub fn load(&self) -> Result<Arc<ClientConfig>, NetError> {
        let missing = |what| NetError::Tls { what, path: "is missing".into(), reason: "it is needed here".into() };
        let ca = self.ca.as_ref().ok_or_else(|| missing("ca"))?;
        let mut roots = RootCertStore::empty();
        for certificate in certificates("ca", ca)? {
            roots.add(certificate).map_err(|e| wrong("ca", ca, &e))?;
        }
        let builder = ClientConfig::builder().with_root_certificates(roots);
        let config = match (&self.certificate, &self.key) {
            (Some(certificate), Some(key)) => {
                let chain = certificates("certificate", certificate)?;
                let private = PrivateKeyDer::from_pem_file(key).map_err(|e| wrong("key", key, &e))?;
                builder.with_client_auth_cert(chain, private).map_err(|e| wrong("certificate", certificate, &e))?
            }
            (None, None) => builder.with_no_client_auth(),
            (Some(_), None) => return Err(missing("key")),
            (None, Some(_)) => return Err(missing("certificate")),
        };
        Ok(Arc::new(config))
    }
}

fn certificates(what: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, NetError> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).map_err(|e| wrong(what, path, &e))?.collect();
    let all = all.map_err(|e| wrong(what, path, &e))?;
    if all.is_empty() {
        return Err(NetError::Tls { what, path: path.display().to_string(), reason: "holds no certificate".into() });
    }
    Ok(all)
}

fn wrong(what: &'static str, path: &Path, reason: &dyn std::fmt::Display) -> NetError {
    NetError::Tls { what, path: path.display().to_string(), reason: reason.to_string() }
}
