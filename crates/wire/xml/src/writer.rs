//! Writing XML straight into a byte vector. Encoding cannot fail: what XML cannot carry becomes U+FFFD.

/// Writes elements, attributes and text; prefixes are the caller's and are declared with [`ns`](XmlWriter::ns).
///
/// Names are written as given: they are constants of a standard, never input.
#[derive(Default, Clone)]
pub struct XmlWriter {
    out: Vec<u8>,
    /// Names of the open elements, one after the other, and where each begins.
    names: Vec<u8>,
    starts: Vec<usize>,
    /// The last start tag still lacks its `>`.
    in_tag: bool,
}

/// Shows sizes only: what is written holds patient data.
impl std::fmt::Debug for XmlWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "XmlWriter({} octets, {} open)", self.out.len(), self.starts.len())
    }
}

impl XmlWriter {
    /// An empty writer.
    pub fn new() -> XmlWriter {
        XmlWriter::with_capacity(1024)
    }

    /// An empty writer with room for `octets`.
    pub fn with_capacity(octets: usize) -> XmlWriter {
        XmlWriter {
            out: Vec::with_capacity(octets),
            names: Vec::with_capacity(256),
            starts: Vec::with_capacity(16),
            in_tag: false,
        }
    }

    /// `<?xml version="1.0" encoding="UTF-8"?>`; only useful first.
    pub fn declaration(&mut self) -> &mut Self {
        self.out.extend_from_slice(b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
        self
    }

    /// Opens an element; `name` with its prefix.
    pub fn start(&mut self, name: &str) -> &mut Self {
        self.close_tag();
        self.starts.push(self.names.len());
        self.names.extend_from_slice(name.as_bytes());
        self.out.push(b'<');
        self.out.extend_from_slice(name.as_bytes());
        self.in_tag = true;
        self
    }

    /// Adds an attribute to the element just opened; after content it would have no place and is left out.
    pub fn attr(&mut self, name: &str, value: &str) -> &mut Self {
        debug_assert!(self.in_tag, "attribute {name} after content");
        if self.in_tag {
            self.out.push(b' ');
            self.out.extend_from_slice(name.as_bytes());
            self.out.extend_from_slice(b"=\"");
            escape_attribute(&mut self.out, value);
            self.out.push(b'"');
        }
        self
    }

    /// Adds an attribute if there is a value.
    pub fn attr_opt(&mut self, name: &str, value: Option<&str>) -> &mut Self {
        match value {
            Some(value) => self.attr(name, value),
            None => self,
        }
    }

    /// Declares a prefix (`""` for the default namespace) on the element just opened.
    pub fn ns(&mut self, prefix: &str, namespace: &str) -> &mut Self {
        if prefix.is_empty() {
            return self.attr("xmlns", namespace);
        }
        if self.in_tag {
            self.out.extend_from_slice(b" xmlns:");
            self.out.extend_from_slice(prefix.as_bytes());
            self.out.extend_from_slice(b"=\"");
            escape_attribute(&mut self.out, namespace);
            self.out.push(b'"');
        }
        self
    }

    /// Adds text to the open element.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.close_tag();
        escape(&mut self.out, text, &IN_TEXT);
        self
    }

    /// Closes the innermost open element; as `<a/>` when it has no content.
    pub fn end(&mut self) -> &mut Self {
        let Some(start) = self.starts.pop() else { return self };
        if self.in_tag {
            self.out.extend_from_slice(b"/>");
            self.in_tag = false;
        } else {
            self.out.extend_from_slice(b"</");
            self.out.extend_from_slice(&self.names[start..]);
            self.out.push(b'>');
        }
        self.names.truncate(start);
        self
    }

    /// An element that holds only text.
    pub fn leaf(&mut self, name: &str, text: &str) -> &mut Self {
        self.start(name).text(text).end()
    }

    /// An element that holds only text, if there is any.
    pub fn leaf_opt(&mut self, name: &str, text: Option<&str>) -> &mut Self {
        match text {
            Some(text) => self.leaf(name, text),
            None => self,
        }
    }

    /// Adds well-formed XML as it is: an [`Element::to_xml`](crate::Element::to_xml), a stored fragment, base64 text.
    pub fn raw(&mut self, xml: &[u8]) -> &mut Self {
        if !xml.is_empty() {
            self.close_tag();
            self.out.extend_from_slice(xml);
        }
        self
    }

    /// How many elements are open.
    pub fn depth(&self) -> usize {
        self.starts.len()
    }

    /// Octets written and not yet taken.
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Whether nothing is waiting to be taken.
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// Takes what is written so far, for answers that are sent in pieces. The document goes on afterwards.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    /// Closes what is still open and gives the bytes.
    pub fn finish(mut self) -> Vec<u8> {
        while !self.starts.is_empty() {
            self.end();
        }
        self.out
    }

    fn close_tag(&mut self) {
        if self.in_tag {
            self.out.push(b'>');
            self.in_tag = false;
        }
    }
}

const PLAIN: u8 = 0;
const ESCAPED: u8 = 1;
/// A control character that XML 1.0 cannot carry.
const ILLEGAL: u8 = 2;
/// The first octet of U+FFFE and U+FFFF, but also of many good characters.
const LOOK: u8 = 3;

static IN_TEXT: [u8; 256] = classes(false);
static IN_ATTRIBUTE: [u8; 256] = classes(true);

const fn classes(attribute: bool) -> [u8; 256] {
    let mut table = [PLAIN; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = ILLEGAL;
        byte += 1;
    }
    table[b'\t' as usize] = if attribute { ESCAPED } else { PLAIN };
    table[b'\n' as usize] = if attribute { ESCAPED } else { PLAIN };
    table[b'\r' as usize] = ESCAPED; // a reader would turn a bare CR into LF
    table[b'"' as usize] = if attribute { ESCAPED } else { PLAIN };
    table[b'&' as usize] = ESCAPED;
    table[b'<' as usize] = ESCAPED;
    table[b'>' as usize] = ESCAPED;
    table[0xEF] = LOOK;
    table
}

/// Appends an attribute value for double quotes.
pub(crate) fn escape_attribute(out: &mut Vec<u8>, value: &str) {
    escape(out, value, &IN_ATTRIBUTE);
}

fn escape(out: &mut Vec<u8>, text: &str, classes: &[u8; 256]) {
    let bytes = text.as_bytes();
    let mut copied = 0;
    let mut at = 0;
    while at < bytes.len() {
        let class = classes[usize::from(bytes[at])];
        if class == PLAIN {
            at += 1;
            continue;
        }
        let (replacement, length): (&[u8], usize) = match (class, bytes[at]) {
            (ESCAPED, b'&') => (b"&amp;", 1),
            (ESCAPED, b'<') => (b"&lt;", 1),
            (ESCAPED, b'>') => (b"&gt;", 1),
            (ESCAPED, b'"') => (b"&quot;", 1),
            (ESCAPED, b'\t') => (b"&#9;", 1),
            (ESCAPED, b'\n') => (b"&#10;", 1),
            (ESCAPED, _) => (b"&#13;", 1),
            (LOOK, _) if !matches!(bytes.get(at + 1..at + 3), Some([0xBF, 0xBE | 0xBF])) => {
                at += 1;
                continue;
            }
            (LOOK, _) => ("\u{FFFD}".as_bytes(), 3),
            _ => ("\u{FFFD}".as_bytes(), 1),
        };
        out.extend_from_slice(&bytes[copied..at]);
        out.extend_from_slice(replacement);
        at += length;
        copied = at;
    }
    out.extend_from_slice(&bytes[copied..]);
}
