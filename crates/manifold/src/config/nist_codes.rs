//! The value sets of a NIST toolkit environment (`codes.xml`) as our `codes.toml`, for `manifold config codes import`.
//! The file has one `CodeType` per coded attribute and the assigning authorities of the affinity domain.
//! Source: spec xds.md section 28 (environment files of the toolkit).

use model::CodedAttribute;
use std::fmt::Write;
use xml::{Document, Element, Limits};

/// What a codes.xml held.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ImportedCodes {
    /// Shape: one list per attribute in the order of the file; codes as `code^display^scheme`, each once.
    pub lists: Vec<(CodedAttribute, Vec<String>)>,
    /// `OID (display)` of each assigning authority; they belong to `affinity_domain.patient_domain`, not into value sets.
    pub authorities: Vec<(String, String)>,
    /// Code types that no list can be made for, with the number of their codes.
    pub left_out: Vec<(String, usize)>,
}

/// Reads a codes.xml.
/// Errors: not XML, another root element, a code without a code or (other than for mimeType) without a coding scheme.
pub fn read(octets: &[u8]) -> Result<ImportedCodes, String> {
    let document = Document::parse(octets, Limits::default()).map_err(|error| error.to_string())?;
    let root = document.root();
    if root.name() != "Codes" {
        return Err(format!("expected the root element Codes, got {}", root.name()));
    }
    let mut imported = ImportedCodes::default();
    for child in root.children() {
        match child.name() {
            "CodeType" => read_code_type(child, &mut imported)?,
            "AssigningAuthority" => {
                let id = child.attr("id").unwrap_or_default();
                // `&OID&ISO`, as in the fourth component of a CX.
                let oid = id.split('&').nth(1).unwrap_or(id);
                imported.authorities.push((oid.to_owned(), child.attr("display").unwrap_or_default().to_owned()));
            }
            _ => {}
        }
    }
    if imported.lists.is_empty() {
        return Err("expected CodeType elements, found none that names a coded attribute".into());
    }
    Ok(imported)
}

fn read_code_type(code_type: Element<'_>, imported: &mut ImportedCodes) -> Result<(), String> {
    let name = code_type.attr("name").unwrap_or_default();
    let children = || code_type.children().filter(|child| child.name() == "Code");
    let Some(attribute) = attribute_of(name) else {
        imported.left_out.push((name.to_owned(), children().count()));
        return Ok(());
    };
    let mut codes: Vec<String> = Vec::new();
    for child in children() {
        let text = |attribute: &str| child.attr(attribute).unwrap_or_default().trim();
        let (code, scheme) = (text("code"), text("codingScheme"));
        let place = || format!("line {}: a code of {name}", child.position().0);
        if code.is_empty() {
            return Err(format!("{} has no code", place()));
        }
        let line = if attribute == CodedAttribute::MimeType {
            code.to_owned()
        } else if scheme.is_empty() {
            return Err(format!("{} has no codingScheme: {code}", place()));
        } else if code.contains('^') || scheme.contains('^') {
            return Err(format!("{} contains ^, which separates code, display and scheme: {code}", place()));
        } else {
            format!("{code}^{}^{scheme}", text("display").replace('^', " "))
        };
        let means = |other: &String| key(other) == key(&line);
        if !codes.iter().any(means) {
            codes.push(line);
        }
    }
    match imported.lists.iter_mut().find(|(known, _)| *known == attribute) {
        Some((_, known)) => known.extend(codes),
        None => imported.lists.push((attribute, codes)),
    }
    Ok(())
}

/// Code and scheme of a line; displays may differ.
fn key(line: &str) -> (&str, &str) {
    (line.split('^').next().unwrap_or(line), line.rsplit('^').next().unwrap_or(line))
}

fn attribute_of(name: &str) -> Option<CodedAttribute> {
    // The toolkit's name for Folder.codeList.
    let name = if name == "folderCodeList" { CodedAttribute::FolderCodeList.name() } else { name };
    CodedAttribute::ALL.into_iter().find(|attribute| attribute.name() == name)
}

/// Writes `codes.toml`: every list refuses other codes, as a conformance test expects.
pub fn to_toml(imported: &ImportedCodes, from: &str) -> String {
    let mut out = format!(
        "# Value sets imported from {from}. check = \"refuse\" rejects a submission with another code, \"warn\" accepts it\n\
         # with a warning, \"off\" only documents the list. A code is written code^display^scheme.\n",
        from = from.replace(['\n', '\r'], " ")
    );
    for (oid, display) in &imported.authorities {
        let display = display.replace(['\n', '\r'], " ");
        let _ = writeln!(out, "# Assigning authority {display}: [affinity_domain] patient_domain = \"{oid}\"");
    }
    for (name, count) in &imported.left_out {
        let _ = writeln!(out, "# Left out: {count} codes of {}, for which there is no list.", name.replace('\n', " "));
    }
    for (attribute, codes) in &imported.lists {
        let _ = write!(out, "\n[[list]]\nattribute = \"{}\"\ncheck = \"refuse\"\ncodes = [\n", attribute.name());
        for code in codes {
            let _ = writeln!(out, "  {},", toml::Value::String(code.clone()));
        }
        out.push_str("]\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &[u8] = include_bytes!("../../tests/fixtures/made/codes.xml");

    #[test]
    fn a_codes_xml_becomes_lists_authorities_and_a_remark() {
        let imported = read(FILE).unwrap();
        let names: Vec<&str> = imported.lists.iter().map(|(attribute, _)| attribute.name()).collect();
        assert_eq!(names, ["confidentialityCode", "codeList", "mimeType"]);
        assert_eq!(
            imported.lists[0].1,
            ["N^normal \"as usual\"^2.16.840.1.113883.5.25", "R^restricted^2.16.840.1.113883.5.25"]
        );
        assert_eq!(imported.lists[2].1, ["application/dicom", "text/plain"]);
        assert_eq!(imported.authorities, [("2.999.7".to_owned(), "RED".to_owned())]);
        assert_eq!(imported.left_out, [("associationDocumentation".to_owned(), 1)]);
    }

    #[test]
    fn what_is_written_reads_as_value_sets() {
        let text = to_toml(&read(FILE).unwrap(), "codes.xml");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("codes.toml");
        std::fs::write(&path, &text).unwrap();
        let sets = crate::config::read_codes(Some(&path)).unwrap();
        assert_eq!(sets.lists.len(), 3);
        assert!(sets.lists.iter().all(|list| list.check == model::Check::Refuse));
        assert_eq!(sets.lists[0].codes[0].code, "N");
        assert!(text.contains("patient_domain = \"2.999.7\""), "{text}");
    }

    #[test]
    fn the_file_of_the_toolkit_gives_a_list_for_every_coded_attribute() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/xds/nist-testkit/env/codes.xml");
        let Ok(octets) = std::fs::read(path) else {
            eprintln!("skipped: ../shared/data/xds/nist-testkit/env/codes.xml not present");
            return;
        };
        let imported = read(&octets).unwrap();
        assert_eq!(imported.lists.len(), CodedAttribute::ALL.len());
        assert!(imported.lists.iter().all(|(_, codes)| !codes.is_empty()));
        assert_eq!(imported.authorities.len(), 3);
        assert_eq!(imported.authorities[0], ("1.3.6.1.4.1.21367.13.20.1000".to_owned(), "IHERED".to_owned()));
        assert_eq!(imported.left_out, [("associationDocumentation".to_owned(), 2)]);
    }

    #[test]
    fn what_is_no_codes_xml_is_refused_with_the_place() {
        assert!(read(b"<Code/>").unwrap_err().contains("root element Codes"));
        assert!(read(b"<Codes/>").unwrap_err().contains("CodeType"));
        assert!(read(b"<!DOCTYPE x []><Codes/>").is_err());
        let lacks = b"<Codes>\n<CodeType name='classCode'>\n<Code code='A' display='a'/></CodeType></Codes>";
        assert_eq!(read(lacks).unwrap_err(), "line 3: a code of classCode has no codingScheme: A");
        let caret = b"<Codes><CodeType name='classCode'><Code code='A^B' codingScheme='2.999'/></CodeType></Codes>";
        assert!(read(caret).unwrap_err().contains("contains ^"));
    }
}
