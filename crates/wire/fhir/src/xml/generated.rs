//! Any resource of R4, made from the table: JSON to XML to JSON gives the same octets.

use super::schema::{Element, Kind, SCHEMA, Type};
use super::{XHTML, to_json, to_xml};
use proptest::prelude::*;

/// Chance from one seed (xorshift).
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % most.max(1) as u64) as usize
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}

const TEXTS: [&str; 10] = [
    "x",
    "Müller & Söhne",
    "<b>",
    "\"quoted\" 'once'",
    " blanks  around ",
    "two\nlines\tand tab",
    "\r",
    "日本語",
    "\u{1F9E0}",
    "0",
];
const DECIMALS: [&str; 8] =
    ["1.0", "0", "-0.00", "1.50e-3", "12345678901234567890.123456789", "1E2", "9007199254740993", "7"];
const WHOLE: [&str; 4] = ["0", "-12", "2147483647", "99999999999"];
const DIVS: [&str; 3] = ["<p>a &amp; b</p>", "", "<!-- kept --><br/><a href='#x'>\"y\"</a>"];

/// How many elements may still be made.
struct Maker {
    chance: Chance,
    left: usize,
}

impl Maker {
    fn resource(&mut self, out: &mut String, depth: usize) {
        let names =
            ["Patient", "Bundle", "Parameters", "DocumentReference", "List", "Observation", "Binary", "Composition"];
        let name = match (depth, self.chance.below(3)) {
            (0, 0) => self.chance.pick(&names),
            (0, _) => self.chance.pick(&SCHEMA.resources()),
            _ => self.chance.pick(&["Patient", "Binary", "OperationOutcome"]),
        };
        let ty = SCHEMA.resource(name).unwrap();
        out.push_str(&format!("{{\"resourceType\":\"{name}\""));
        self.elements(ty, out, depth, false);
        out.push('}');
    }

    fn object(&mut self, ty: &'static Type, out: &mut String, depth: usize) {
        out.push('{');
        self.elements(ty, out, depth, true);
        out.push('}');
    }

    /// At least one where the object would be empty otherwise.
    fn elements(&mut self, ty: &'static Type, out: &mut String, depth: usize, mut empty: bool) {
        let last = ty.elements.iter().rposition(|e| self.is_leaf(e)).unwrap_or(0);
        for (number, element) in ty.elements.iter().enumerate() {
            let forced = empty && number == last;
            let wanted = self.left > 0 && self.chance.below(4) == 0 && (depth < 8 || self.is_leaf(element));
            if forced || wanted {
                if !empty {
                    out.push(',');
                }
                empty = false;
                self.left = self.left.saturating_sub(1);
                self.element(element, out, depth);
            }
        }
    }

    fn is_leaf(&self, element: &Element) -> bool {
        element.choices.iter().all(|(_, of)| SCHEMA.get(*of).kind.is_primitive())
    }

    fn element(&mut self, element: &Element, out: &mut String, depth: usize) {
        let mut choice = self.chance.below(element.choices.len());
        if self.left == 0 || depth >= 8 {
            choice = element.choices.iter().position(|(_, of)| SCHEMA.get(*of).kind.is_primitive()).unwrap_or(choice);
        }
        let (name, of) = &element.choices[choice];
        let of = SCHEMA.get(*of);
        let count = if element.repeats { 1 + self.chance.below(3) } else { 1 };
        if !of.kind.is_primitive() {
            let items = (0..count).map(|_| {
                let mut item = String::new();
                match of.kind {
                    Kind::Resource | Kind::AnyResource => self.resource(&mut item, depth + 3),
                    _ => self.object(of, &mut item, depth + 1),
                }
                item
            });
            let items: Vec<String> = items.collect();
            out.push_str(&format!("\"{name}\":{}", shown(&items, element.repeats)));
            return;
        }
        let plain = element.attribute || of.kind == Kind::Xhtml;
        let mut values = Vec::new();
        let mut more = Vec::new();
        for _ in 0..count {
            let has_more = !plain && self.left > 0 && self.chance.below(6) == 0;
            let has_value = !has_more || self.chance.below(3) > 0;
            values.push(if has_value { self.primitive(of.kind) } else { "null".to_owned() });
            let mut item = "null".to_owned();
            if has_more {
                item.clear();
                self.object(SCHEMA.get(SCHEMA.element), &mut item, depth + 1);
            }
            more.push(item);
        }
        let some = |items: &[String]| items.iter().any(|item| item != "null");
        let mut written = Vec::new();
        if some(&values) {
            written.push(format!("\"{name}\":{}", shown(&values, element.repeats)));
        }
        if some(&more) {
            written.push(format!("\"_{name}\":{}", shown(&more, element.repeats)));
        }
        out.push_str(&written.join(","));
    }

    fn primitive(&mut self, kind: Kind) -> String {
        let quoted = |text: &str| serde_json::to_string(text).unwrap();
        match kind {
            Kind::Boolean => self.chance.pick(&["true", "false"]).to_owned(),
            Kind::Whole => self.chance.pick(&WHOLE).to_owned(),
            Kind::Decimal => self.chance.pick(&DECIMALS).to_owned(),
            Kind::Xhtml => quoted(&format!("<div xmlns=\"{XHTML}\">{}</div>", self.chance.pick(&DIVS))),
            _ => quoted(self.chance.pick(&TEXTS)),
        }
    }
}

fn shown(items: &[String], repeats: bool) -> String {
    if repeats { format!("[{}]", items.join(",")) } else { items[0].clone() }
}

proptest! {
    #[test]
    fn every_resource_goes_to_xml_and_back_unchanged(seed in 1u64.., size in 1usize..400) {
        let mut maker = Maker { chance: Chance(seed), left: size };
        let mut json = String::new();
        maker.resource(&mut json, 0);
        let xml = to_xml(json.as_bytes()).map_err(|e| TestCaseError::fail(format!("{e}\n{json}")))?;
        let back = to_json(&xml)
            .map_err(|e| TestCaseError::fail(format!("{e}\n{json}\n{}", String::from_utf8_lossy(&xml))))?;
        prop_assert_eq!(String::from_utf8_lossy(&back), json);
    }

    #[test]
    fn no_octets_make_either_reader_panic(junk in prop::collection::vec(any::<u8>(), 0..200), seed in 1u64..) {
        let mut maker = Maker { chance: Chance(seed), left: 40 };
        let mut json = String::new();
        maker.resource(&mut json, 0);
        let mut xml = to_xml(json.as_bytes()).unwrap();
        let mut json = json.into_bytes();
        let (at, from) = (maker.chance.below(xml.len()), maker.chance.below(json.len()));
        xml.splice(at..at, junk.iter().take(3).copied());
        json.splice(from..from, junk.iter().take(3).copied());
        let _ = (to_json(&xml), to_xml(&json), to_json(&junk), to_xml(&junk));
    }
}
