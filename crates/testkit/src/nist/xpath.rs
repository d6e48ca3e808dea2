//! XPath 1.0 over the log of a test, as plans use it for reports and assertions.

use uppsala::{Document, Parser, XPathEvaluator};

/// A parsed log.
pub struct Log<'x> {
    document: Document<'x>,
}

impl<'x> Log<'x> {
    /// Parses the text of a log.
    pub fn parse(text: &'x str) -> Result<Log<'x>, String> {
        let mut document = Parser::new().parse(text).map_err(|error| error.to_string())?;
        document.prepare_xpath();
        Ok(Log { document })
    }

    /// Whether an assertion holds.
    pub fn holds(&self, expression: &str) -> Result<bool, String> {
        let value = XPathEvaluator::new().evaluate(&self.document, self.document.root(), expression);
        value.map(|value| value.to_boolean()).map_err(|error| error.to_string())
    }

    /// The text of an expression's first node, looked for from the first element named `section`.
    pub fn text(&self, section: &str, expression: &str) -> Result<String, String> {
        let start = self.document.get_elements_by_tag_name(section);
        let start = *start.first().ok_or_else(|| format!("the log has no {section}"))?;
        let value = XPathEvaluator::new().evaluate(&self.document, start, expression);
        value.map(|value| value.to_string_value(&self.document)).map_err(|error| error.to_string())
    }
}
