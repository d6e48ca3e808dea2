//! Writes messages in ER7 with the usual delimiters. Text is escaped, so that no value can begin a segment, a field or a
//! frame. Source: HL7 v2.5.1 2.5, 2.7.

use crate::Charset;
use crate::escape::escape;

/// A message under construction: segments, each with its fields in order.
pub struct Writer {
    text: String,
}

impl Writer {
    /// Begins with MSH-1 and MSH-2; the next field is MSH-3.
    pub fn new() -> Self {
        Writer { text: "MSH|^~\\&".to_owned() }
    }

    /// Ends the segment before and begins another; its next field is the first.
    pub fn segment(&mut self, name: &str) -> &mut Self {
        while self.text.ends_with('|') {
            self.text.pop();
        }
        self.text.push('\r');
        self.text.push_str(name);
        self
    }

    /// A field of one component.
    pub fn field(&mut self, text: &str) -> &mut Self {
        self.components(&[text])
    }

    /// A field of components; each is text.
    pub fn components(&mut self, parts: &[&str]) -> &mut Self {
        self.text.push('|');
        self.repetition(parts)
    }

    /// A field of repetitions, each of components; empty when there are none.
    pub fn repeated<const N: usize>(&mut self, repetitions: impl Iterator<Item = [String; N]>) -> &mut Self {
        self.text.push('|');
        for (n, parts) in repetitions.enumerate() {
            if n > 0 {
                self.text.push('~');
            }
            self.repetition(&parts.each_ref().map(String::as_str));
        }
        self
    }

    /// Empty fields.
    pub fn skip(&mut self, count: usize) -> &mut Self {
        self.text.extend(std::iter::repeat_n('|', count));
        self
    }

    /// A field whose last component has subcomponents, as an identifier with its authority: `id^^^namespace&oid&ISO`.
    pub fn nested(&mut self, parts: &[&str], last: &[&str]) -> &mut Self {
        self.text.push('|');
        self.nest(parts, last)
    }

    /// The same as a further repetition.
    pub fn repeat_nested(&mut self, parts: &[&str], last: &[&str]) -> &mut Self {
        self.text.push('~');
        self.nest(parts, last)
    }

    fn nest(&mut self, parts: &[&str], last: &[&str]) -> &mut Self {
        for part in parts {
            escape(part, &mut self.text);
            self.text.push('^');
        }
        for (n, part) in last.iter().enumerate() {
            if n > 0 {
                self.text.push('&');
            }
            escape(part, &mut self.text);
        }
        self
    }

    fn repetition(&mut self, parts: &[&str]) -> &mut Self {
        let used = parts.iter().rposition(|part| !part.is_empty()).map_or(0, |last| last + 1);
        for (n, part) in parts[..used].iter().enumerate() {
            if n > 0 {
                self.text.push('^');
            }
            escape(part, &mut self.text);
        }
        self
    }

    /// The message in a character set; what the set does not have becomes a question mark.
    pub fn finish(mut self, charset: Charset) -> Vec<u8> {
        while self.text.ends_with('|') {
            self.text.pop();
        }
        self.text.push('\r');
        charset.encode(&self.text)
    }
}

impl Default for Writer {
    fn default() -> Self {
        Self::new()
    }
}
