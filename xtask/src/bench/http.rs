//! A client that costs next to nothing: reads answers as fast as they come and drops them.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

const PATIENCE: Duration = Duration::from_secs(300);
const MOST_HEAD_OCTETS: usize = 64 * 1024;

/// What came back, and when.
#[derive(Debug)]
pub struct Fetched {
    pub octets: u64,
    /// From before the connection to the first octet of the body.
    pub first_octet: Duration,
    /// From before the connection to the last octet.
    pub whole: Duration,
}

impl Fetched {
    /// Million octets a second.
    pub fn rate(&self) -> f64 {
        self.octets as f64 / 1e6 / self.whole.as_secs_f64()
    }
}

struct Head {
    status: u16,
    length: Option<u64>,
    chunked: bool,
}

impl Head {
    /// The head, and how many octets it has; nothing while it is not whole.
    fn read(bytes: &[u8]) -> Result<Option<(Self, usize)>> {
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
            if bytes.len() > MOST_HEAD_OCTETS {
                bail!("the answer has a head without an end");
            }
            return Ok(None);
        };
        let text = std::str::from_utf8(&bytes[..end]).context("the answer has a head that is not text")?;
        let mut lines = text.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let mut head = Self { status: status.context("the answer has no status")?, length: None, chunked: false };
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            if name.eq_ignore_ascii_case("content-length") {
                head.length = Some(value.trim().parse().context("the answer has a length that is no number")?);
            }
            head.chunked |= name.eq_ignore_ascii_case("transfer-encoding");
        }
        Ok(Some((head, end + 4)))
    }
}

/// Gets `path` on a connection of its own and drops the body, or keeps it in a file.
///
/// Errors: any status but 200; a body of another length than announced; for `keep`, a body in chunks.
pub fn fetch(port: u16, path: &str, accept: &str, keep: Option<&mut File>) -> Result<Fetched> {
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: {accept}\r\nConnection: close\r\n\r\n");
    once(port, path, &request, keep)
}

/// Posts to `path` on a connection of its own and drops the answer; its octets count with the sizes of its chunks.
///
/// Errors: any status but 200.
pub fn post(port: u16, path: &str, content_type: &str, body: &str) -> Result<Fetched> {
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    );
    once(port, path, &request, None)
}

/// A SOAP request as IHE wants it. `number` tells its MessageID from others.
pub fn envelope(port: u16, path: &str, action: &str, number: u64, body: &str) -> String {
    format!(
        "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" xmlns:a=\"http://www.w3.org/2005/08/addressing\">\
         <s:Header><a:Action s:mustUnderstand=\"1\">{action}</a:Action>\
         <a:MessageID>urn:uuid:6d296e90-e5dc-43d0-b455-7c1f3eb3{:04x}</a:MessageID>\
         <a:ReplyTo><a:Address>http://www.w3.org/2005/08/addressing/anonymous</a:Address></a:ReplyTo>\
         <a:To>http://127.0.0.1:{port}{path}</a:To></s:Header><s:Body>{body}</s:Body></s:Envelope>",
        number & 0xffff
    )
}

/// The media type of an [`envelope`].
pub fn soap_type(action: &str) -> String {
    format!("application/soap+xml; charset=UTF-8; action=\"{action}\"")
}

fn once(port: u16, path: &str, request: &str, mut keep: Option<&mut File>) -> Result<Fetched> {
    let started = Instant::now();
    let mut stream = connect(port)?;
    stream.write_all(request.as_bytes()).context("sending a request")?;
    let mut buffer = vec![0; 256 * 1024];
    let mut filled = 0;
    let (head, body) = loop {
        let count = read(&mut stream, &mut buffer[filled..])?;
        if count == 0 {
            bail!("127.0.0.1:{port}{path}: the connection ended in the head of the answer");
        }
        filled += count;
        if let Some(found) = Head::read(&buffer[..filled])? {
            break found;
        }
    };
    if head.status != 200 {
        let text = String::from_utf8_lossy(&buffer[body..filled]).into_owned();
        bail!("127.0.0.1:{port}{path} answered {}: {}", head.status, text.trim());
    }
    if keep.is_some() && head.chunked {
        bail!("127.0.0.1:{port}{path} answers in chunks");
    }
    let mut first_octet = (filled > body).then(|| started.elapsed());
    let mut octets = 0;
    let mut part = body..filled;
    loop {
        octets += part.len() as u64;
        if let Some(file) = &mut keep {
            file.write_all(&buffer[part]).context("keeping a body")?;
        }
        if head.length.is_some_and(|length| octets >= length) {
            break;
        }
        let count = read(&mut stream, &mut buffer)?;
        if count == 0 {
            break;
        }
        first_octet.get_or_insert_with(|| started.elapsed());
        part = 0..count;
    }
    let whole = started.elapsed();
    if let Some(length) = head.length.filter(|length| *length != octets) {
        bail!("127.0.0.1:{port}{path}: {length} octets were announced, {octets} came");
    }
    Ok(Fetched { octets, first_octet: first_octet.unwrap_or(whole), whole })
}

/// Whether `path` answers 200; anything else, and nobody there, is no.
pub fn answers(port: u16, path: &str) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok() && fetch(port, path, "*/*", None).is_ok()
}

/// The JSON that `path` answers with.
///
/// Errors: as [`fetch`], or it is not JSON.
pub fn json(port: u16, path: &str) -> Result<serde_json::Value> {
    let mut kept = Kept::open(port)?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: application/json\r\n\r\n");
    let body = kept.exchange(request.as_bytes())?;
    serde_json::from_slice(body).with_context(|| format!("127.0.0.1:{port}{path}: not JSON"))
}

/// A connection that is kept for many requests.
pub struct Kept {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Kept {
    /// Errors: nobody listens.
    pub fn open(port: u16) -> Result<Self> {
        Ok(Self { stream: connect(port)?, buffer: Vec::new() })
    }

    /// Sends a request and gives back the body of its answer.
    ///
    /// Errors: any status but 200, or an end in the middle.
    pub fn exchange(&mut self, request: &[u8]) -> Result<&[u8]> {
        self.stream.write_all(request).context("sending a request")?;
        self.buffer.clear();
        let mut part = [0; 64 * 1024];
        let (head, body) = loop {
            self.receive(&mut part)?;
            if let Some(found) = Head::read(&self.buffer)? {
                break found;
            }
        };
        if head.chunked {
            self.buffer.drain(..body);
            let mut begins = 0;
            while let Some(size) = self.chunk(begins, &mut part)? {
                begins += size;
            }
            self.buffer.truncate(begins);
        } else {
            let length = head.length.context("an answer on a kept connection without its length")?;
            let whole = body + usize::try_from(length).context("an answer too long")?;
            while self.buffer.len() < whole {
                self.receive(&mut part)?;
            }
            self.buffer.drain(..body);
        }
        if head.status != 200 {
            bail!("answered {}: {}", head.status, String::from_utf8_lossy(&self.buffer));
        }
        Ok(&self.buffer)
    }

    /// Receives the chunk whose size line begins at `begins` and leaves its data there; its size, none for the last.
    fn chunk(&mut self, begins: usize, part: &mut [u8]) -> Result<Option<usize>> {
        let line = loop {
            match self.buffer[begins..].windows(2).position(|two| two == b"\r\n") {
                Some(line) => break line,
                None => self.receive(part)?,
            }
        };
        let text = std::str::from_utf8(&self.buffer[begins..begins + line]).context("the size of a chunk")?;
        let size = usize::from_str_radix(text.trim(), 16).with_context(|| format!("the size of a chunk: {text:?}"))?;
        let ends = begins + line + 2 + size + 2;
        while self.buffer.len() < ends {
            self.receive(part)?;
        }
        self.buffer.drain(begins + line + 2 + size..ends);
        self.buffer.drain(begins..begins + line + 2);
        Ok((size > 0).then_some(size))
    }

    fn receive(&mut self, part: &mut [u8]) -> Result<()> {
        let count = read(&mut self.stream, part)?;
        if count == 0 {
            bail!("the connection ended in an answer");
        }
        self.buffer.extend_from_slice(&part[..count]);
        Ok(())
    }
}

fn connect(port: u16) -> Result<TcpStream> {
    let stream = TcpStream::connect(("127.0.0.1", port)).with_context(|| format!("connecting to 127.0.0.1:{port}"))?;
    stream.set_nodelay(true).context("setting up a connection")?;
    stream.set_read_timeout(Some(PATIENCE)).context("setting up a connection")?;
    Ok(stream)
}

fn read(stream: &mut TcpStream, buffer: &mut [u8]) -> Result<usize> {
    loop {
        match stream.read(buffer) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            other => return other.context("reading an answer"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::thread;

    /// Answers each connection with one of these, in turn.
    fn serve(answers: Vec<&'static str>) -> u16 {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).unwrap();
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        port
    }

    #[test]
    fn a_body_is_counted_and_kept_and_a_wrong_length_or_status_is_an_error() {
        let port = serve(vec![
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
            "HTTP/1.1 200 OK\r\n\r\nhello, until the end",
            "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello",
            "HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nwhy",
        ]);
        let folder = tempfile::tempdir().unwrap();
        let kept = folder.path().join("kept");
        let fetched = fetch(port, "/", "*/*", Some(&mut File::create(&kept).unwrap())).unwrap();
        assert_eq!((fetched.octets, std::fs::read_to_string(kept).unwrap().as_str()), (5, "hello"));
        assert_eq!(fetch(port, "/", "*/*", None).unwrap().octets, 20);
        assert!(fetch(port, "/", "*/*", None).unwrap_err().to_string().contains("50 octets were announced, 5 came"));
        assert!(fetch(port, "/", "*/*", None).unwrap_err().to_string().contains("answered 404: why"));
    }

    #[test]
    fn a_kept_connection_gives_back_bodies() {
        let port = serve(vec![
            "HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n{\"a\": 1}",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{\"a\r\n5\r\n\": 2}\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"a",
        ]);
        assert_eq!(json(port, "/").unwrap()["a"], 1);
        assert_eq!(json(port, "/").unwrap()["a"], 2);
        assert!(json(port, "/").unwrap_err().to_string().contains("ended in an answer"));
    }
}
