//! What a plan expects of an answer: status, error code, error message, and the contents of a query's result.
//! Source: spec xds.md section 28, and the kit's own evaluation of `ExpectedContents`.

use super::tree::Tree;

/// `ExpectedStatus` and its companions of one step.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    /// `Success`, `Failure`, `PartialSuccess`, `Fault`: any of them. Empty when the step expects none.
    pub status: Vec<String>,
    pub error_code: Option<String>,
    pub error_message: Option<String>,
}

const SUBMISSION_SET: &str = "urn:uuid:96fdda7c-d067-4183-912e-bf5ee74998a8";
const FOLDER: &str = "urn:uuid:75df8f67-9973-4fbe-a900-df66cefecc5a";

/// The element that carries status and errors.
pub fn registry_response(body: &Tree) -> &Tree {
    body.child("RegistryResponse").unwrap_or(body)
}

/// Compares status and errors, and that the two agree. Shape of the error: expected and got.
pub fn check_status(expected: &Expected, body: &Tree) -> Result<(), String> {
    let response = registry_response(body);
    let errors: Vec<&Tree> = response.child("RegistryErrorList").map(|l| l.all("RegistryError")).unwrap_or_default();
    let is_error = |error: &&&Tree| error.attr("severity").is_none_or(|severity| severity.ends_with(":Error"));
    let shown: Vec<String> = errors
        .iter()
        .map(|e| format!("{} ({})", e.attr("errorCode").unwrap_or("?"), e.attr("codeContext").unwrap_or("")))
        .collect();
    let shown = shown.join("; ");
    let status = match response.attr("status") {
        _ if body.name == "Fault" => "Fault",
        Some("urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Success") => "Success",
        Some("urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Failure") => "Failure",
        Some("urn:ihe:iti:2007:ResponseStatusType:PartialSuccess") => "PartialSuccess",
        other => return Err(format!("expected a response status, got {other:?} on {}", response.name)),
    };
    let shown = if status == "Fault" { fault_text(body) } else { shown };
    if !expected.status.is_empty() && !expected.status.iter().any(|wanted| wanted == status) {
        return Err(format!("expected {}, got {status}: {shown}", expected.status.join(" or ")));
    }
    match (status, errors.iter().filter(is_error).count()) {
        ("Success", 0) | ("Fault", _) => {}
        ("Success", _) => return Err(format!("a Success with an error in it: {shown}")),
        (_, 0) => return Err(format!("{status} without an error in it")),
        _ => {}
    }
    if let Some(code) = &expected.error_code
        && !errors.iter().any(|error| error.attr("errorCode") == Some(code))
    {
        return Err(format!("expected the error code {code}, got {shown}"));
    }
    if let Some(message) = &expected.error_message {
        let says = |error: &&Tree| {
            ["codeContext", "errorCode"].iter().any(|name| error.attr(name).is_some_and(|text| text.contains(message)))
        };
        if !errors.iter().any(says) {
            return Err(format!("expected an error with {message}, got {shown}"));
        }
    }
    Ok(())
}

fn fault_text(fault: &Tree) -> String {
    fault.all("Text").first().map(|text| text.trimmed().to_owned()).unwrap_or_default()
}

/// The objects of an answer by kind.
struct Objects<'a> {
    documents: Vec<&'a Tree>,
    sets: Vec<&'a Tree>,
    folders: Vec<&'a Tree>,
    associations: Vec<&'a Tree>,
    references: Vec<&'a Tree>,
}

impl<'a> Objects<'a> {
    fn of(body: &'a Tree) -> Objects<'a> {
        let list = body.child("RegistryObjectList").map(|list| &list.children[..]).unwrap_or_default();
        let named = |name: &str| list.iter().filter(|object| object.name == name).collect::<Vec<_>>();
        let packages = |scheme| {
            let mut packages = named("RegistryPackage");
            packages.retain(|package| package.identifier(scheme).is_some());
            packages
        };
        Objects {
            documents: named("ExtrinsicObject"),
            sets: packages(SUBMISSION_SET),
            folders: packages(FOLDER),
            associations: named("Association"),
            references: named("ObjectRef"),
        }
    }

    fn one_set(&self) -> Result<&'a Tree, String> {
        self.sets.first().copied().ok_or_else(|| "expected a SubmissionSet, got none".to_owned())
    }

    fn counts(&self, documents: usize, folders: usize, associations: usize) -> Result<(), String> {
        count("documents", self.documents.len(), documents)?;
        count("folders", self.folders.len(), folders)?;
        count("associations", self.associations.len(), associations)
    }

    fn member(&self, source: &Tree, target: &Tree) -> Result<&'a Tree, String> {
        let (source, target) = (source.attr("id"), target.attr("id"));
        let found = self.associations.iter().find(|a| {
            a.attr("sourceObject") == source
                && a.attr("targetObject") == target
                && a.attr("associationType") == Some("urn:oasis:names:tc:ebxml-regrep:AssociationType:HasMember")
        });
        found.copied().ok_or_else(|| format!("expected a HasMember from {source:?} to {target:?}, got none"))
    }

    fn each(&self, objects: &[&Tree], status: &str) -> Result<(), String> {
        match objects.iter().find(|object| !has_status(object, status)) {
            Some(object) => Err(format!("expected {status}, got {:?} of a {}", object.attr("status"), object.name)),
            None => Ok(()),
        }
    }
}

fn has_status(object: &Tree, status: &str) -> bool {
    object.attr("status").and_then(|urn| urn.strip_prefix("urn:oasis:names:tc:ebxml-regrep:StatusType:"))
        == Some(status)
}

fn count(what: &str, got: usize, wanted: usize) -> Result<(), String> {
    if got == wanted { Ok(()) } else { Err(format!("expected {wanted} {what}, got {got}")) }
}

/// Compares one element of `ExpectedContents`. `use_id` finds what an earlier step assigned.
///
/// Errors: expected and got; `Ok(false)` when the kind is not known here and was ignored.
pub fn check_content(
    wanted: &Tree,
    body: &Tree,
    use_id: &mut dyn FnMut(&Tree) -> Result<String, String>,
) -> Result<bool, String> {
    let objects = Objects::of(body);
    let number = wanted.attr("count").and_then(|text| text.trim().parse::<usize>().ok());
    let wanted_count = || number.ok_or_else(|| format!("{} has no count", wanted.name));
    match wanted.name.as_str() {
        "Documents" => count("documents", objects.documents.len(), wanted_count()?)?,
        "Folders" => count("folders", objects.folders.len(), wanted_count()?)?,
        "SubmissionSets" => count("submission sets", objects.sets.len(), wanted_count()?)?,
        "Associations" => count("associations", objects.associations.len(), wanted_count()?)?,
        "ObjectRefs" => {
            count("references", objects.references.len(), wanted_count()?)?;
            count("submission sets", objects.sets.len(), 0)?;
            objects.counts(0, 0, 0)?;
        }
        "None" => {
            count("submission sets", objects.sets.len(), 0)?;
            objects.counts(0, 0, 0)?;
        }
        "NoSubmissionSet" => count("submission sets", objects.sets.len(), 0)?,
        "NoDocument" => count("documents", objects.documents.len(), 0)?,
        "SSApproved" => objects.each(&[objects.one_set()?], "Approved")?,
        "DocApp" => objects.each(&objects.documents, "Approved")?,
        "DocDep" => objects.each(&objects.documents, "Deprecated")?,
        "FolApp" => objects.each(&objects.folders, "Approved")?,
        "FolDep" => objects.each(&objects.folders, "Deprecated")?,
        "OneDocApp" => one_document(&objects, "Approved")?,
        "OneDocDep" => one_document(&objects, "Deprecated")?,
        "SSwithOneDoc" => {
            let set = objects.one_set()?;
            objects.counts(1, objects.folders.len(), 1)?;
            objects.member(set, objects.documents[0])?;
            objects.each(&[set], "Approved")?;
        }
        "SSwithTwoDoc" => {
            let set = objects.one_set()?;
            objects.counts(2, objects.folders.len(), 2)?;
            objects.member(set, objects.documents[0])?;
            objects.member(set, objects.documents[1])?;
            objects.each(&[set], "Approved")?;
        }
        "SSwithOneFol" => {
            let set = objects.one_set()?;
            objects.counts(0, 1, 1)?;
            objects.member(set, objects.folders[0])?;
        }
        "SSwithOneDocOneFol" => with_folder(&objects, 1, &[0])?,
        "SSwithTwoDocOneFol" => with_folder(&objects, 2, &[0, 1])?,
        "SSwithTwoDocOneFolOneDocInFol" => {
            with_folder(&objects, 2, &[0]).or_else(|_| with_folder(&objects, 2, &[1]))?;
        }
        "HasRPLC" | "HasAPND" | "HasXFRM_RPLC" => {
            let urn = format!("urn:ihe:iti:2007:AssociationType:{}", &wanted.name[3..]);
            let mut targets: Vec<_> =
                objects.associations.iter().filter(|a| a.attr("associationType") == Some(&urn)).collect();
            let all = targets.len();
            targets.sort_by_key(|association| association.attr("targetObject"));
            targets.dedup_by_key(|association| association.attr("targetObject"));
            if all == 0 || all != targets.len() {
                return Err(format!("expected {urn} once per document, got {all} on {} documents", targets.len()));
            }
        }
        "DocumentEntries" => entries(wanted, &objects, use_id)?,
        _ => return Ok(false),
    }
    Ok(true)
}

fn one_document(objects: &Objects<'_>, status: &str) -> Result<(), String> {
    count(&format!("{status} documents"), objects.documents.iter().filter(|d| has_status(d, status)).count(), 1)
}

/// A set with `documents`, one folder, and those documents by number in the folder.
fn with_folder(objects: &Objects<'_>, documents: usize, in_folder: &[usize]) -> Result<(), String> {
    let set = objects.one_set()?;
    objects.counts(documents, 1, documents + 1 + 2 * in_folder.len())?;
    let folder = objects.folders[0];
    objects.member(set, folder)?;
    for document in &objects.documents {
        objects.member(set, document)?;
    }
    for number in in_folder {
        let membership = objects.member(folder, objects.documents[*number])?;
        objects.member(set, membership)?;
    }
    Ok(())
}

fn entries(
    wanted: &Tree,
    objects: &Objects<'_>,
    use_id: &mut dyn FnMut(&Tree) -> Result<String, String>,
) -> Result<(), String> {
    for part in &wanted.children {
        if part.name == "DocumentEntryType" {
            let other = objects.documents.iter().find(|d| d.attr("objectType") != Some(part.trimmed()));
            match other {
                Some(other) => {
                    return Err(format!("expected type {}, got {:?}", part.trimmed(), other.attr("objectType")));
                }
                None => continue,
            }
        }
        let mut matched = 0;
        for entry in part.children_named("DocumentEntry") {
            let id = use_id(entry.child("UseId").ok_or("a DocumentEntry without UseId")?)?;
            let found = objects.documents.iter().find(|document| document.attr("id") == Some(&id));
            match (part.name.as_str(), found) {
                ("Exclude", Some(_)) => return Err(format!("expected no entry {id}, got it")),
                ("Exclude", None) => continue,
                (_, None) => return Err(format!("expected the entry {id}, got none")),
                (_, Some(_)) => matched += 1,
            }
            if let (Some(kind), Some(found)) = (entry.child("DocumentEntryType"), found)
                && found.attr("objectType") != Some(kind.trimmed())
            {
                return Err(format!("expected type {}, got {:?}", kind.trimmed(), found.attr("objectType")));
            }
        }
        if part.name == "MustOnlyInclude" {
            count("entries and no other", objects.documents.len(), matched)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: &str, errors: &str) -> Tree {
        let xml = format!(
            "<RegistryResponse xmlns='urn:oasis:names:tc:ebxml-regrep:xsd:rs:3.0' \
             status='urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:{status}'>{errors}</RegistryResponse>"
        );
        Tree::parse(xml.as_bytes()).unwrap()
    }

    const ERROR: &str = "<RegistryErrorList><RegistryError errorCode='XDSUnknownPatientId' codeContext='P1' \
                         severity='urn:oasis:names:tc:ebxml-regrep:ErrorSeverityType:Error'/></RegistryErrorList>";

    fn failure(code: &str) -> Expected {
        Expected { status: vec!["Failure".into()], error_code: Some(code.into()), error_message: None }
    }

    #[test]
    fn status_and_error_code_must_both_be_what_the_plan_says() {
        let success = Expected { status: vec!["Success".into()], ..Expected::default() };
        assert_eq!(check_status(&success, &response("Success", "")), Ok(()));
        assert_eq!(check_status(&failure("XDSUnknownPatientId"), &response("Failure", ERROR)), Ok(()));
        let wrong = check_status(&success, &response("Failure", ERROR)).unwrap_err();
        assert_eq!(wrong, "expected Success, got Failure: XDSUnknownPatientId (P1)");
        assert!(check_status(&failure("XDSRegistryError"), &response("Failure", ERROR)).is_err());
    }

    #[test]
    fn a_success_with_an_error_and_a_failure_without_one_are_wrong_whatever_is_expected() {
        assert!(check_status(&Expected::default(), &response("Success", ERROR)).is_err());
        assert!(check_status(&Expected::default(), &response("Failure", "")).is_err());
        let bare = Tree::parse(b"<RegistryResponse status='Success'/>").unwrap();
        assert!(check_status(&Expected::default(), &bare).is_err());
    }

    #[test]
    fn contents_are_counted_by_kind_and_kinds_not_known_are_told() {
        let body = Tree::parse(
            b"<AdhocQueryResponse><RegistryObjectList><ExtrinsicObject id='a' \
              status='urn:oasis:names:tc:ebxml-regrep:StatusType:Approved'/></RegistryObjectList></AdhocQueryResponse>",
        )
        .unwrap();
        let check = |xml: &str| {
            let wanted = Tree::parse(xml.as_bytes()).unwrap();
            check_content(&wanted, &body, &mut |_| Err("no step assigned it".into()))
        };
        assert_eq!(check("<Documents count='1'/>"), Ok(true));
        assert_eq!(check("<Documents count='2'/>"), Err("expected 2 documents, got 1".into()));
        assert_eq!(check("<DocApp/>"), Ok(true));
        assert!(check("<DocDep/>").is_err() && check("<None/>").is_err() && check("<SSwithOneDoc/>").is_err());
        assert_eq!(check("<Unheard/>"), Ok(false));
    }
}
