//! The HTTP client of one peer: its trust, its time limits, bodies that stream both ways. Redirects are not followed:
//! a peer's address is configuration.

use crate::error::root_cause;
use crate::{ClientTls, NetError};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Is told of every call of a peer that ended: it answered, whatever it said, or why no answer came.
#[derive(Clone)]
pub struct Listener(Arc<dyn Fn(Result<(), String>) + Send + Sync>);

impl Listener {
    pub fn new(hear: impl Fn(Result<(), String>) + Send + Sync + 'static) -> Self {
        Listener(Arc::new(hear))
    }

    pub fn hear(&self, outcome: Result<(), String>) {
        (self.0)(outcome);
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listener")
    }
}

#[derive(Clone, Debug)]
pub struct HttpClientOptions {
    pub tls: ClientTls,
    pub connect: Duration,
    /// Longest silence while an answer is awaited or read; a long answer that keeps coming is no fault.
    pub idle: Duration,
    pub listener: Option<Listener>,
}

impl Default for HttpClientOptions {
    fn default() -> Self {
        let (connect, idle) = (Duration::from_secs(5), Duration::from_secs(60));
        HttpClientOptions { tls: ClientTls::default(), connect, idle, listener: None }
    }
}

/// Dials one or many URLs with the same trust.
#[derive(Clone)]
pub struct HttpClient {
    client: reqwest::Client,
    idle: Duration,
    listener: Option<Listener>,
}

impl HttpClient {
    /// Errors: a certificate or key that cannot be read.
    pub fn new(options: &HttpClientOptions) -> Result<Self, NetError> {
        let read = |what: &'static str, path: &std::path::Path| {
            std::fs::read(path).map_err(|e| NetError::Tls {
                what,
                path: path.display().to_string(),
                reason: e.to_string(),
            })
        };
        let mut builder = reqwest::Client::builder()
            .connect_timeout(options.connect)
            .read_timeout(options.idle)
            .redirect(reqwest::redirect::Policy::none())
            .tcp_nodelay(true)
            .user_agent(concat!("manifold/", env!("CARGO_PKG_VERSION")));
        let wrong = |what: &'static str, path: &std::path::Path, e: reqwest::Error| NetError::Tls {
            what,
            path: path.display().to_string(),
            reason: root_cause(&e),
        };
        if let Some(ca) = &options.tls.ca {
            let roots = reqwest::Certificate::from_pem_bundle(&read("ca", ca)?).map_err(|e| wrong("ca", ca, e))?;
            if roots.is_empty() {
                let (path, reason) = (ca.display().to_string(), "holds no certificate".to_owned());
                return Err(NetError::Tls { what: "ca", path, reason });
            }
            builder = builder.tls_certs_only(roots);
        }
        if let (Some(certificate), Some(key)) = (&options.tls.certificate, &options.tls.key) {
            let mut pem = read("certificate", certificate)?;
            pem.push(b'\n');
            pem.extend(read("key", key)?);
            let identity = reqwest::Identity::from_pem(&pem).map_err(|e| wrong("certificate", certificate, e))?;
            builder = builder.identity(identity);
        }
        let client = builder.build().map_err(|e| NetError::Connect { url: "client".into(), reason: root_cause(&e) })?;
        Ok(HttpClient { client, idle: options.idle, listener: options.listener.clone() })
    }

    pub fn get(&self, url: &str) -> reqwest::RequestBuilder {
        self.client.get(url)
    }

    pub fn post(&self, url: &str) -> reqwest::RequestBuilder {
        self.client.post(url)
    }

    pub fn put(&self, url: &str) -> reqwest::RequestBuilder {
        self.client.put(url)
    }

    pub fn delete(&self, url: &str) -> reqwest::RequestBuilder {
        self.client.delete(url)
    }

    /// Sends a request and waits for the head of the answer, whatever its status.
    /// Errors: no connection, no answer in time, an answer broken off; each names the URL.
    pub async fn send(&self, request: reqwest::RequestBuilder) -> Result<reqwest::Response, NetError> {
        let (client, request) = request.build_split();
        let request = request.map_err(|e| NetError::Connect { url: "request".into(), reason: root_cause(&e) })?;
        let url = request.url().to_string();
        let answer = client.execute(request).await.map_err(|e| self.explain(&url, &e));
        if let Some(listener) = &self.listener {
            listener.hear(match &answer {
                // A gateway answers in the peer's place.
                Ok(answer) if matches!(answer.status().as_u16(), 502..=504) => {
                    Err(format!("{url} answered HTTP {}", answer.status().as_u16()))
                }
                Ok(_) => Ok(()),
                Err(error) => Err(error.to_string()),
            });
        }
        answer
    }

    /// What went wrong, with the URL and in plain words.
    pub fn explain(&self, url: &str, error: &reqwest::Error) -> NetError {
        let url = url.to_owned();
        if error.is_timeout() && !error.is_connect() {
            NetError::Timeout { url, seconds: self.idle.as_secs() }
        } else if error.is_connect() || error.is_request() {
            NetError::Connect { url, reason: root_cause(error) }
        } else {
            NetError::Broken { url, reason: root_cause(error) }
        }
    }
}
