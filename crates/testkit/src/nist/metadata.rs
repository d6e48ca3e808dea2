//! From the metadata files of the kit to messages: new patient ids, unique ids and entry UUIDs, and the old wrapper of
//! ebRS 2.1 to ebRS 3.0. Source: spec xds.md sections 7, 8 and 28 (way 2).

use super::tree::Tree;

pub const RIM: &str = "urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0";
pub const LCM: &str = "urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0";

/// Identification schemes of patientId: DocumentEntry, SubmissionSet, Folder.
pub const PATIENT_ID: [&str; 3] = [
    "urn:uuid:58a6f841-87b3-4a3e-92fd-a8ffeff98427",
    "urn:uuid:6b5aea1a-874d-4603-a4bc-96a0a7b38446",
    "urn:uuid:f64ffdf0-4b97-4e06-b79f-a52b38ec2f8a",
];
/// Identification schemes of uniqueId in the same order.
pub const UNIQUE_ID: [&str; 3] = [
    "urn:uuid:2e82c1f6-a085-4c72-9da3-8640a32e42ab",
    "urn:uuid:96fdda7c-d067-4183-912e-bf5ee74998a8",
    "urn:uuid:75df8f67-9973-4fbe-a900-df66cefecc5a",
];
const SOURCE_ID: &str = "urn:uuid:554ac39e-e3fe-47fe-b233-965d2a147832";

/// Which text became which: `Document01` to a unique id.
pub type Assigned = Vec<(String, String)>;

/// Gives every DocumentEntry, SubmissionSet and Folder this patient id.
pub fn assign_patient_id(message: &mut Tree, patient_id: &str) -> Assigned {
    assign(message, &PATIENT_ID, |_| Some(patient_id.to_owned()))
}

/// Gives every DocumentEntry, SubmissionSet and Folder a new unique id, but not the object with the id `except`.
pub fn assign_unique_ids(message: &mut Tree, except: Option<&str>, mut next: impl FnMut() -> String) -> Assigned {
    assign(message, &UNIQUE_ID, |id| (Some(id) != except).then(&mut next))
}

/// Gives every SubmissionSet this source id.
pub fn assign_source_id(message: &mut Tree, source_id: &str) {
    assign(message, &[SOURCE_ID], |_| Some(source_id.to_owned()));
}

fn assign(message: &mut Tree, schemes: &[&str], mut value: impl FnMut(&str) -> Option<String>) -> Assigned {
    let mut assigned = Assigned::new();
    message.visit_mut(&mut |object| {
        if object.name != "ExtrinsicObject" && object.name != "RegistryPackage" {
            return;
        }
        let id = object.attr("id").unwrap_or_default().to_owned();
        for identifier in object.children.iter_mut().filter(|child| child.name == "ExternalIdentifier") {
            let known = identifier.attr("identificationScheme").is_some_and(|scheme| schemes.contains(&scheme));
            if known && let Some(value) = value(&id) {
                identifier.set("value", &value);
                assigned.push((id.clone(), value));
            }
        }
    });
    assigned
}

/// Replaces every symbolic id by a UUID, where it is defined and where it is referred to.
///
/// Errors: a reference to an id that is defined nowhere.
pub fn assign_uuids(message: &mut Tree, mut next: impl FnMut() -> String) -> Result<Assigned, String> {
    const REFERENCES: [&str; 4] = ["classifiedObject", "sourceObject", "targetObject", "registryObject"];
    let mut assigned = Assigned::new();
    message.visit_mut(&mut |object| {
        // The list itself and the ids of queries are no objects.
        let Some(id) = object.attr("id").map(str::to_owned) else { return };
        if !id.starts_with("urn:uuid:") {
            let uuid = next();
            object.set("id", &uuid);
            assigned.push((id, uuid));
        }
    });
    let mut unknown = None;
    message.visit_mut(&mut |object| {
        for name in REFERENCES {
            let Some(reference) = object.attr(name).map(str::to_owned) else { continue };
            if reference.starts_with("urn:uuid:") {
                continue;
            }
            match assigned.iter().find(|(symbol, _)| *symbol == reference) {
                Some((_, uuid)) => object.set(name, uuid),
                None => unknown = Some(reference),
            }
        }
    });
    match unknown {
        Some(reference) => Err(format!("{reference} is referred to and defined nowhere")),
        None => Ok(assigned),
    }
}

/// The lcm:SubmitObjectsRequest that a file of the kit means, whichever wrapper it has.
///
/// Errors: there is no SubmitObjectsRequest with a list of objects in it.
pub fn to_submit_objects_request(file: &Tree) -> Result<Tree, String> {
    let request = *file.all("SubmitObjectsRequest").first().ok_or("expected a SubmitObjectsRequest")?;
    let list = request.children.iter().find(|c| c.name == "LeafRegistryObjectList" || c.name == "RegistryObjectList");
    let list = list.ok_or("expected a list of registry objects")?;
    let mut objects = Tree::new(RIM, "RegistryObjectList");
    let mut numbers = 0;
    for object in &list.children {
        let converted = if object.namespace == RIM { Some(object.clone()) } else { to_rim3(object, "", &mut numbers) };
        objects.children.extend(converted);
    }
    let mut converted = Tree::new(LCM, "SubmitObjectsRequest");
    converted.children.extend(request.child("RequestSlotList").cloned());
    converted.children.push(objects);
    Ok(converted)
}

/// rim:xsd:2.1 to rim:3.0: namespace, child order, missing ids, URNs for short forms; ObjectRefs go.
fn to_rim3(from: &Tree, parent_id: &str, numbers: &mut u32) -> Option<Tree> {
    const FIRST: [&str; 6] = ["Slot", "Name", "Description", "VersionInfo", "Classification", "ExternalIdentifier"];
    if from.name == "ObjectRef" {
        return None;
    }
    let mut to = Tree { namespace: RIM.into(), name: from.name.clone(), text: from.text.clone(), ..Tree::default() };
    for attribute in &from.attributes {
        let mut attribute = attribute.clone();
        match attribute.name.as_str() {
            "minorVersion" | "majorVersion" => continue,
            "status" => attribute.value = with_namespace(&attribute.value, |_| STATUS),
            "associationType" => attribute.value = with_namespace(&attribute.value, association_namespace),
            "lang" => "http://www.w3.org/XML/1998/namespace".clone_into(&mut attribute.namespace),
            _ => {}
        }
        to.attributes.push(attribute);
    }
    let typed =
        ["RegistryPackage", "Association", "Classification", "ExternalIdentifier"].contains(&from.name.as_str());
    if typed {
        to.set("objectType", &format!("urn:oasis:names:tc:ebxml-regrep:ObjectType:RegistryObject:{}", from.name));
    }
    if ["Association", "Classification", "ExternalIdentifier"].contains(&from.name.as_str())
        && to.attr("id").is_none_or(str::is_empty)
    {
        *numbers += 1;
        to.set("id", &format!("id_{numbers}"));
    }
    if from.name == "ExternalIdentifier" {
        to.set("registryObject", parent_id);
    }
    let id = from.attr("id").unwrap_or_default();
    for name in FIRST {
        to.children.extend(from.children_named(name).filter_map(|child| to_rim3(child, id, numbers)));
    }
    let others = from.children.iter().filter(|child| !FIRST.contains(&child.name.as_str()));
    to.children.extend(others.filter_map(|child| to_rim3(child, id, numbers)));
    Some(to)
}

const STATUS: &str = "urn:oasis:names:tc:ebxml-regrep:StatusType:";

fn association_namespace(short: &str) -> &'static str {
    match short {
        "RPLC" | "APND" | "XFRM" | "XFRM_RPLC" | "signs" => "urn:ihe:iti:2007:AssociationType:",
        _ => "urn:oasis:names:tc:ebxml-regrep:AssociationType:",
    }
}

fn with_namespace(value: &str, namespace: impl Fn(&str) -> &'static str) -> String {
    if value.contains(':') { value.to_owned() } else { format!("{}{value}", namespace(value)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = r#"<rs:SubmitObjectsRequest xmlns:rs="urn:oasis:names:tc:ebxml-regrep:registry:xsd:2.1">
        <rim:LeafRegistryObjectList xmlns:rim="urn:oasis:names:tc:ebxml-regrep:rim:xsd:2.1">
        <rim:ObjectRef id="urn:uuid:7edca82f-054d-47f2-a032-9b2a5b518fff"/>
        <rim:ExtrinsicObject id="Document01" mimeType="text/xml"><rim:Name><rim:LocalizedString value="A &amp; B"/></rim:Name>
        <rim:Slot name="size"><rim:ValueList><rim:Value>36</rim:Value></rim:ValueList></rim:Slot>
        <rim:ExternalIdentifier identificationScheme="urn:uuid:58a6f841-87b3-4a3e-92fd-a8ffeff98427" value="old"/>
        <rim:ExternalIdentifier identificationScheme="urn:uuid:2e82c1f6-a085-4c72-9da3-8640a32e42ab" value="1.2"/>
        </rim:ExtrinsicObject>
        <rim:Association associationType="RPLC" sourceObject="Document01" targetObject="urn:uuid:x"/>
        </rim:LeafRegistryObjectList></rs:SubmitObjectsRequest>"#;

    #[test]
    fn the_old_wrapper_becomes_a_request_of_ebrs_3() {
        let mut file = Tree::parse(OLD.as_bytes()).unwrap();
        assert_eq!(assign_patient_id(&mut file, "P^^^&1.2&ISO"), [("Document01".into(), "P^^^&1.2&ISO".into())]);
        assert_eq!(assign_unique_ids(&mut file, Some("Document01"), || "2.999.1".into()), []);
        assert_eq!(
            assign_uuids(&mut file, || "urn:uuid:1".into()).unwrap(),
            [("Document01".into(), "urn:uuid:1".into())]
        );
        let request = to_submit_objects_request(&file).unwrap();
        assert_eq!(
            request.to_xml(),
            "<SubmitObjectsRequest xmlns=\"urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0\">\
             <RegistryObjectList xmlns=\"urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0\">\
             <ExtrinsicObject id=\"urn:uuid:1\" mimeType=\"text/xml\">\
             <Slot name=\"size\"><ValueList><Value>36</Value></ValueList></Slot>\
             <Name><LocalizedString value=\"A &amp; B\"/></Name>\
             <ExternalIdentifier identificationScheme=\"urn:uuid:58a6f841-87b3-4a3e-92fd-a8ffeff98427\" \
             value=\"P^^^&amp;1.2&amp;ISO\" \
             objectType=\"urn:oasis:names:tc:ebxml-regrep:ObjectType:RegistryObject:ExternalIdentifier\" id=\"id_1\" \
             registryObject=\"urn:uuid:1\"/>\
             <ExternalIdentifier identificationScheme=\"urn:uuid:2e82c1f6-a085-4c72-9da3-8640a32e42ab\" value=\"1.2\" \
             objectType=\"urn:oasis:names:tc:ebxml-regrep:ObjectType:RegistryObject:ExternalIdentifier\" id=\"id_2\" \
             registryObject=\"urn:uuid:1\"/></ExtrinsicObject>\
             <Association associationType=\"urn:ihe:iti:2007:AssociationType:RPLC\" sourceObject=\"urn:uuid:1\" \
             targetObject=\"urn:uuid:x\" \
             objectType=\"urn:oasis:names:tc:ebxml-regrep:ObjectType:RegistryObject:Association\" id=\"id_3\"/>\
             </RegistryObjectList></SubmitObjectsRequest>"
        );
    }

    #[test]
    fn a_reference_to_nothing_is_an_error() {
        let mut file = Tree::parse(b"<a><Association sourceObject='S1' targetObject='urn:uuid:1'/></a>").unwrap();
        assert_eq!(assign_uuids(&mut file, String::new).unwrap_err(), "S1 is referred to and defined nowhere");
    }
}
