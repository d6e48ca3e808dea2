//! Why an answer of a peer, or a request other than a submission, could not be read.

use model::Invalid;
use xml::Element;

/// Errors of the decoders that stop at the first finding.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The element is another one.
    #[error("expected {expected}, got {got}")]
    Element { expected: &'static str, got: String },
    /// A value in it breaks a rule.
    #[error("{0}")]
    Invalid(#[from] Invalid),
}

/// Errors: `Element` when the name or namespace differs.
pub(crate) fn expect(element: &Element, namespace: &str, expected: &'static str) -> Result<(), DecodeError> {
    let name = expected.rsplit(':').next().unwrap_or(expected);
    if element.is(namespace, name) { Ok(()) } else { Err(DecodeError::Element { expected, got: named(element) }) }
}

/// `name in namespace`, cut to a length that fits an error text.
pub(crate) fn named(element: &Element) -> String {
    let cut = |text: &str| text.chars().take(80).collect::<String>();
    match element.namespace() {
        Some(namespace) => format!("{} in {}", cut(element.name()), cut(namespace)),
        None => format!("{} in no namespace", cut(element.name())),
    }
}
