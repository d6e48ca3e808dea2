//! The narrative of a structured CDA as plain values: an allow-list, so that a page can show a foreign report without
//! ever passing its markup on. Source: spec/reports.md 15 (points 2 to 6), CDA R2 NarrativeBlock.xsd.

use crate::NAMESPACE;
use crate::datatypes::read_code;
use model::Code;
use std::borrow::Cow;
use xml::{Document, Element, Limits};

/// One section. Its texts are texts: nothing in them is markup, whatever it looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    pub title: String,
    pub code: Option<Code>,
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
    /// 1 to 1000.
    pub column_span: u16,
    pub row_span: u16,
    pub content: Vec<Block>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inline {
    Text {
        text: String,
        style: Style,
    },
    Break,
    /// `href` is an absolute http or https address without white space; anything else came as `Text`.
    Link {
        href: String,
        text: String,
    },
    /// An image stood here; it is not passed on.
    Image,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    pub bold: bool,
    pub italic: bool,
    pub underline: bool,
    pub subscript: bool,
    pub superscript: bool,
}

/// The sections of a structuredBody.
pub(super) fn read(body: Element<'_>) -> Vec<Section> {
    sections(body)
}

// Recursion below is as deep as the document, which the parser has bounded.
fn sections(parent: Element<'_>) -> Vec<Section> {
    parent
        .children_named(NAMESPACE, "component")
        .filter_map(|component| component.child(NAMESPACE, "section"))
        .map(|section| Section {
            title: section.child(NAMESPACE, "title").map(|t| t.trimmed().into_owned()).unwrap_or_default(),
            code: section.child(NAMESPACE, "code").and_then(read_code),
            blocks: section.child(NAMESPACE, "text").map(blocks).unwrap_or_default(),
            sections: sections(section),
        })
        .collect()
}

fn blocks(element: Element<'_>) -> Vec<Block> {
    let mut out = Vec::new();
    let mut run = Vec::new();
    for piece in mixed(element) {
        match piece {
            Piece::Text(text) => push_text(&mut run, &text, Style::default()),
            Piece::Child(child) if child.namespace() != Some(NAMESPACE) => {}
            Piece::Child(child) => match child.name() {
                "paragraph" => {
                    flush(&mut run, &mut out);
                    out.extend(blocks(child));
                }
                "list" => {
                    flush(&mut run, &mut out);
                    caption(child, &mut out);
                    let items = child.children_named(NAMESPACE, "item").map(blocks).collect();
                    out.push(Block::List { ordered: child.attr("listType") == Some("ordered"), items });
                }
                "table" => {
                    flush(&mut run, &mut out);
                    out.push(table(child));
                }
                _ => inline(child, Style::default(), &mut run),
            },
        }
    }
    flush(&mut run, &mut out);
    out
}

fn flush(run: &mut Vec<Inline>, out: &mut Vec<Block>) {
    let blank = |i: &Inline| matches!(i, Inline::Text { text, .. } if text.trim().is_empty());
    let run = std::mem::take(run);
    if !run.iter().all(blank) {
        out.push(Block::Paragraph(run));
    }
}

fn caption(element: Element<'_>, out: &mut Vec<Block>) {
    let mut run = Vec::new();
    if let Some(caption) = element.child(NAMESPACE, "caption") {
        inline(caption, Style::default(), &mut run);
    }
    flush(&mut run, out);
}

fn table(table: Element<'_>) -> Block {
    let caption = table.child(NAMESPACE, "caption").map(|c| plain(c).trim().to_owned()).unwrap_or_default();
    let mut rows = Vec::new();
    for part in table.children().filter(|p| p.namespace() == Some(NAMESPACE)) {
        match part.name() {
            "thead" | "tbody" | "tfoot" => rows.extend(part.children_named(NAMESPACE, "tr").map(row)),
            "tr" => rows.push(row(part)),
            _ => {}
        }
    }
    Block::Table { caption, rows }
}

fn row(row: Element<'_>) -> Vec<Cell> {
    row.children()
        .filter(|c| c.namespace() == Some(NAMESPACE) && matches!(c.name(), "td" | "th"))
        .map(|cell| {
            let span = |name| cell.attr(name).and_then(|v| v.trim().parse().ok()).unwrap_or(1u16).clamp(1, 1000);
            Cell {
                heading: cell.name() == "th",
                column_span: span("colspan"),
                row_span: span("rowspan"),
                content: blocks(cell),
            }
        })
        .collect()
}

fn inlines(element: Element<'_>, style: Style, out: &mut Vec<Inline>) {
    for piece in mixed(element) {
        match piece {
            Piece::Text(text) => push_text(out, &text, style),
            Piece::Child(child) => inline(child, style, out),
        }
    }
}

fn inline(element: Element<'_>, style: Style, out: &mut Vec<Inline>) {
    if element.namespace() != Some(NAMESPACE) {
        return;
    }
    match element.name() {
        "br" => out.push(Inline::Break),
        "content" => inlines(element, styled(element.attr("styleCode").unwrap_or(""), style), out),
        "sub" => inlines(element, Style { subscript: true, ..style }, out),
        "sup" => inlines(element, Style { superscript: true, ..style }, out),
        "caption" => inlines(element, Style { bold: true, ..style }, out),
        "linkHtml" => match element.attr("href").and_then(safe_href) {
            Some(href) => {
                let text = plain(element);
                let text = if text.trim().is_empty() { href.clone() } else { text };
                out.push(Inline::Link { href, text });
            }
            None => inlines(element, style, out),
        },
        "footnote" => {
            push_text(out, " [", style);
            inlines(element, style, out);
            push_text(out, "]", style);
        }
        "renderMultiMedia" => out.push(Inline::Image),
        "footnoteRef" | "script" | "iframe" | "style" | "object" | "embed" => {}
        // An unknown element loses its tag and keeps its text.
        _ => inlines(element, style, out),
    }
}

fn styled(codes: &str, style: Style) -> Style {
    codes.split_whitespace().fold(style, |style, code| match code {
        "Bold" => Style { bold: true, ..style },
        "Italics" => Style { italic: true, ..style },
        "Underline" => Style { underline: true, ..style },
        _ => style,
    })
}

fn push_text(out: &mut Vec<Inline>, text: &str, style: Style) {
    match out.last_mut() {
        Some(Inline::Text { text: last, style: same }) if *same == style => last.push_str(text),
        _ if text.is_empty() => {}
        _ => out.push(Inline::Text { text: text.to_owned(), style }),
    }
}

fn plain(element: Element<'_>) -> String {
    let mut run = Vec::new();
    inlines(element, Style::default(), &mut run);
    run.iter()
        .map(|i| match i {
            Inline::Text { text, .. } | Inline::Link { text, .. } => text.as_str(),
            Inline::Break => " ",
            Inline::Image => "",
        })
        .collect()
}

/// Only http and https, spelled out, with a host; everything else stays text.
fn safe_href(href: &str) -> Option<String> {
    let href = href.trim();
    let lower = href.get(..8).unwrap_or(href).to_ascii_lowercase();
    let rest = match lower {
        ref l if l.starts_with("https://") => &href[8..],
        ref l if l.starts_with("http://") => &href[7..],
        _ => return None,
    };
    let host_first = rest.chars().next().is_some_and(|c| c.is_ascii_alphanumeric() || c == '[');
    let clean =
        !href.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, '"' | '\'' | '<' | '>' | '\\'));
    (host_first && clean && href.len() <= 2048).then(|| href.to_owned())
}

enum Piece<'a> {
    Text(Cow<'a, str>),
    Child(Element<'a>),
}

/// Texts and child elements in document order.
fn mixed<'a>(element: Element<'a>) -> Vec<Piece<'a>> {
    let source = element.source();
    let base = element.range().start;
    let mut at = tag_end(source);
    let end = source.rfind("</").unwrap_or(at).max(at);
    let mut pieces = Vec::new();
    let text = |from: usize, to: usize, pieces: &mut Vec<Piece<'a>>| {
        if let Some(raw) = source.get(from..to).filter(|raw| !raw.is_empty()) {
            pieces.push(Piece::Text(resolved(raw)));
        }
    };
    for child in element.children() {
        let range = child.range();
        text(at, range.start.saturating_sub(base), &mut pieces);
        pieces.push(Piece::Child(child));
        at = range.end.saturating_sub(base);
    }
    text(at, end, &mut pieces);
    pieces
}

/// Where the start tag ends; a `>` inside quotes does not end it.
fn tag_end(source: &str) -> usize {
    let mut quote = None;
    for (at, byte) in source.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return at + 1,
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            _ => {}
        }
    }
    source.len()
}

/// Character data between two tags: references, CDATA and comments resolved as the parser does it.
fn resolved(raw: &str) -> Cow<'_, str> {
    if !raw.contains(['&', '<', '\r']) {
        return Cow::Borrowed(raw);
    }
    match Document::parse_text(format!("<t>{raw}</t>"), Limits::default()) {
        Ok(document) => Cow::Owned(document.root().text().into_owned()),
        Err(_) => Cow::Borrowed(""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(markup: &str) -> Vec<Block> {
        let xml = format!(
            "<structuredBody xmlns=\"{NAMESPACE}\"><component><section><text>{markup}</text></section></component>\
             </structuredBody>"
        );
        let document = Document::parse_text(xml, Limits::default()).unwrap();
        read(document.root()).remove(0).blocks
    }

    fn text(text: &str) -> Inline {
        Inline::Text { text: text.into(), style: Style::default() }
    }

    #[test]
    fn texts_and_elements_keep_their_order() {
        let bold = Inline::Text { text: "b > c".into(), style: Style { bold: true, ..Style::default() } };
        assert_eq!(
            read_text("a &amp; <content ID='>' styleCode=\"Bold x\">b > c</content> d<br/><!-- < -->e"),
            [Block::Paragraph(vec![text("a & "), bold, text(" d"), Inline::Break, text("e")])]
        );
    }

    #[test]
    fn only_plain_web_addresses_are_links() {
        let link = |href: &str| read_text(&format!("<linkHtml href=\"{href}\">x</linkHtml>"));
        let ok = Inline::Link { href: "https://a.example/?b=1&c".into(), text: "x".into() };
        assert_eq!(link("https://a.example/?b=1&amp;c"), [Block::Paragraph(vec![ok])]);
        for href in
            ["javascript:alert(1)", "java\tscript:x", "data:text/html,x", "//a", "https:///x", "https://a b", ""]
        {
            assert_eq!(link(href), [Block::Paragraph(vec![text("x")])], "{href}");
        }
    }

    #[test]
    fn a_table_keeps_its_cells_and_spans() {
        let blocks = read_text(
            "<table onclick='x'><caption>T</caption><thead><tr><th colspan='2'>H</th></tr></thead>\
             <tbody><tr><td>1</td><td rowspan='99999'><list><item>2</item></list></td></tr></tbody></table>",
        );
        let cell = |heading, column_span, row_span, content| Cell { heading, column_span, row_span, content };
        let paragraph = |t| vec![Block::Paragraph(vec![text(t)])];
        let list = vec![Block::List { ordered: false, items: vec![paragraph("2")] }];
        assert_eq!(
            blocks,
            [Block::Table {
                caption: "T".into(),
                rows: vec![
                    vec![cell(true, 2, 1, paragraph("H"))],
                    vec![cell(false, 1, 1, paragraph("1")), cell(false, 1, 1, list)],
                ],
            }]
        );
    }
}
