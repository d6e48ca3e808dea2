//! The narrative of a structured report as HTML. It comes as plain values from an allow-list; every text in it is escaped
//! here, and nothing of the document's own markup is passed on. Source: spec/reports.md 15.

/// One section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    pub title: String,
    pub blocks: Vec<Block>,
    pub sections: Vec<Section>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    Paragraph(Vec<Inline>),
    List { ordered: bool, items: Vec<Vec<Block>> },
    Table { caption: String, rows: Vec<Vec<Cell>> },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    pub heading: bool,
    pub column_span: u16,
    pub row_span: u16,
    pub content: Vec<Block>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inline {
    Text {
        text: String,
        bold: bool,
        italic: bool,
        underline: bool,
        subscript: bool,
        superscript: bool,
    },
    Break,
    /// An http or https address, checked by whoever read the document.
    Link {
        href: String,
        text: String,
    },
    /// An image stood here and is not shown.
    Image,
}

/// Text for HTML, in elements and in quoted attributes.
pub fn escape_html(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // No character of XML 1.0 but also none that is seen.
            c if c.is_control() && c != '\n' && c != '\t' => out.push('\u{FFFD}'),
            c => out.push(c),
        }
    }
    out
}

/// Sections as HTML with headings from `<h2>` on. `image_words` stands where an image is left out.
pub fn html(sections: &[Section], image_words: &str) -> String {
    let mut out = String::new();
    let mut writer = Writer { out: &mut out, image_words };
    writer.sections(sections, 2);
    out
}

struct Writer<'a> {
    out: &'a mut String,
    image_words: &'a str,
}

// As deep as the document, which its reader has bounded.
impl Writer<'_> {
    fn sections(&mut self, sections: &[Section], level: u8) {
        for section in sections {
            self.out.push_str("<section>");
            if !section.title.trim().is_empty() {
                let level = level.min(6);
                self.out.push_str(&format!("<h{level}>{}</h{level}>", escape_html(section.title.trim())));
            }
            self.blocks(&section.blocks);
            self.sections(&section.sections, level + 1);
            self.out.push_str("</section>");
        }
    }

    fn blocks(&mut self, blocks: &[Block]) {
        for block in blocks {
            match block {
                Block::Paragraph(inlines) => {
                    self.out.push_str("<p>");
                    inlines.iter().for_each(|inline| self.inline(inline));
                    self.out.push_str("</p>");
                }
                Block::List { items, .. } if items.is_empty() => {}
                Block::List { ordered, items } => {
                    let tag = if *ordered { "ol" } else { "ul" };
                    self.out.push_str(&format!("<{tag}>"));
                    for item in items {
                        self.out.push_str("<li>");
                        self.blocks(item);
                        self.out.push_str("</li>");
                    }
                    self.out.push_str(&format!("</{tag}>"));
                }
                Block::Table { caption, rows } => self.table(caption, rows),
            }
        }
    }

    fn table(&mut self, caption: &str, rows: &[Vec<Cell>]) {
        // Wide tables scroll; whoever has no mouse needs to reach them with the keyboard.
        self.out.push_str("<div class=\"table\" tabindex=\"0\"><table>");
        if !caption.trim().is_empty() {
            self.out.push_str(&format!("<caption>{}</caption>", escape_html(caption.trim())));
        }
        self.out.push_str("<tbody>");
        for row in rows {
            self.out.push_str("<tr>");
            for cell in row {
                let tag = if cell.heading { "th" } else { "td" };
                self.out.push_str(&format!("<{tag}"));
                if cell.column_span > 1 {
                    self.out.push_str(&format!(" colspan=\"{}\"", cell.column_span));
                }
                if cell.row_span > 1 {
                    self.out.push_str(&format!(" rowspan=\"{}\"", cell.row_span));
                }
                self.out.push('>');
                self.blocks(&cell.content);
                self.out.push_str(&format!("</{tag}>"));
            }
            self.out.push_str("</tr>");
        }
        self.out.push_str("</tbody></table></div>");
    }

    fn inline(&mut self, inline: &Inline) {
        match inline {
            Inline::Text { text, bold, italic, underline, subscript, superscript } => {
                let tags: Vec<&str> =
                    [(*bold, "strong"), (*italic, "em"), (*underline, "u"), (*subscript, "sub"), (*superscript, "sup")]
                        .into_iter()
                        .filter_map(|(on, tag)| on.then_some(tag))
                        .collect();
                tags.iter().for_each(|tag| self.out.push_str(&format!("<{tag}>")));
                self.out.push_str(&escape_html(text));
                tags.iter().rev().for_each(|tag| self.out.push_str(&format!("</{tag}>")));
            }
            Inline::Break => self.out.push_str("<br/>"),
            Inline::Link { href, text } => {
                let (href, text) = (escape_html(href), escape_html(text));
                self.out
                    .push_str(&format!("<a href=\"{href}\" rel=\"noopener noreferrer\" target=\"_blank\">{text}</a>"));
            }
            Inline::Image => self.out.push_str(&format!("<em>[{}]</em>", escape_html(self.image_words))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_texts_stay_texts() {
        let evil = "</p><script>alert(1)</script>\"'\u{0}";
        let text = |text: &str| Inline::Text {
            text: text.into(),
            bold: true,
            italic: false,
            underline: false,
            subscript: false,
            superscript: true,
        };
        let cell =
            Cell { heading: true, column_span: 2, row_span: 1, content: vec![Block::Paragraph(vec![text(evil)])] };
        let sections = [Section {
            title: evil.into(),
            blocks: vec![
                Block::Paragraph(vec![
                    text(evil),
                    Inline::Link { href: "https://a.example/?\"x".into(), text: evil.into() },
                ]),
                Block::Table { caption: evil.into(), rows: vec![vec![cell]] },
                Block::List { ordered: true, items: vec![vec![Block::Paragraph(vec![Inline::Image, Inline::Break])]] },
            ],
            sections: vec![Section { title: "deeper".into(), blocks: vec![], sections: vec![] }],
        }];
        let html = html(&sections, "<image>");
        assert!(!html.contains("<script") && !html.contains("\u{0}") && !html.contains("?\"x"), "{html}");
        assert!(html.contains("<h3>deeper</h3>") && html.contains("colspan=\"2\"") && html.contains("[&lt;image&gt;]"));
        crate::testing::well_formed(&format!("<div>{html}</div>"));
    }
}
