//! Attributes of one object out of its slots, classifications and identifiers, with every broken rule noted.
//! Source: spec/xds.md sections 7, 9, 10.

use std::borrow::Cow;

use model::{
    Author, AvailabilityStatus, Code, ExtraSlot, HomeCommunityId, Invalid, ObjectId, PatientId, UniqueId, Xcn, Xon, Xtn,
};

use super::raw::{Classification, RawObject, Slot, same_id, trimmed};
use crate::findings::{Findings, Reading, home_community_id, placed};
use crate::names::{same_urn, same_uuid, status};

pub(crate) struct Reader<'r, 'a> {
    pub(crate) object: RawObject<'a>,
    pub(crate) findings: &'r mut Findings,
}

impl<'r, 'a> Reader<'r, 'a> {
    pub(crate) fn new(object: RawObject<'a>, findings: &'r mut Findings) -> Self {
        Reader { object, findings }
    }

    pub(crate) fn reading(&self) -> Reading {
        self.findings.reading
    }

    pub(crate) fn refuse(&mut self, field: &str, rule: impl Into<String>, value: &str) {
        let invalid = Invalid::new(format!("{}.{field}", self.object.kind), rule, value);
        self.findings.refuse(invalid.on(self.object.label()));
    }

    /// Notes the error, if it is one, under `field`.
    fn checked<T>(&mut self, field: &str, result: Result<T, Invalid>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(invalid) => {
                let field = format!("{}.{field}", self.object.kind);
                self.findings.refuse(placed(invalid, &field).on(self.object.label()));
                None
            }
        }
    }

    /// An attribute of the element, trimmed. Leniency: an empty one counts as absent (`home=""`, `lid=""` are seen).
    pub(crate) fn attribute(&self, name: &str) -> Option<&'a str> {
        self.object.element.attr(name).map(str::trim).filter(|v| !v.is_empty())
    }

    pub(crate) fn id(&mut self) -> Option<ObjectId> {
        if self.object.id.is_empty() {
            // Finding the path costs as much as there are siblings, so only the first few get it.
            let place = if self.findings.refused.len() < 50 { self.object.element.path() } else { String::new() };
            self.refuse("entryUUID", "is required", &place);
            return None;
        }
        let result = ObjectId::parse(self.object.id);
        self.checked("entryUUID", result)
    }

    pub(crate) fn home(&mut self) -> Option<HomeCommunityId> {
        let result = home_community_id(self.attribute("home")?);
        self.checked("homeCommunityId", result)
    }

    /// @lid. In a submission only an update has one that differs from the id.
    pub(crate) fn logical_id(&mut self) -> Option<ObjectId> {
        let lid = self.attribute("lid")?;
        if self.reading() == Reading::Submission {
            if !same_id(lid, self.object.id) {
                let rule = "must be absent or equal to the id: metadata update is another transaction (ITI-57)";
                self.refuse("logicalID", rule, lid);
            }
            return None;
        }
        let result = ObjectId::parse(lid);
        self.checked("logicalID", result)
    }

    /// VersionInfo/@versionName. It is the registry's, so a submitted one is ignored; ebRIM's default `1.1` is none.
    pub(crate) fn version(&self) -> Option<u32> {
        match self.reading() {
            Reading::Submission | Reading::Update => None,
            Reading::Answer => self.object.version_name?.trim().parse().ok(),
        }
    }

    /// @status. A submitted one is ignored: everything accepted becomes Approved (section 12 rule 2).
    pub(crate) fn availability_status(&mut self) -> AvailabilityStatus {
        let written = self.attribute("status");
        match (self.reading(), written) {
            (Reading::Submission | Reading::Update, _) => AvailabilityStatus::Approved,
            (Reading::Answer, Some(urn)) if same_urn(urn, status::APPROVED) => AvailabilityStatus::Approved,
            (Reading::Answer, Some(urn)) if same_urn(urn, status::DEPRECATED) => AvailabilityStatus::Deprecated,
            (Reading::Answer, written) => {
                let rule = "must be the status Approved or Deprecated";
                self.refuse("availabilityStatus", rule, written.unwrap_or_default());
                AvailabilityStatus::Approved
            }
        }
    }

    /// The values of a slot, trimmed. Leniency: empty values count as absent.
    pub(crate) fn values(&mut self, name: &str) -> Vec<Cow<'a, str>> {
        take_values(&mut self.object.slots, name)
    }

    /// The value of a single-valued slot.
    pub(crate) fn value(&mut self, name: &str) -> Option<Cow<'a, str>> {
        let mut values = self.values(name).into_iter();
        let first = values.next();
        let more = values.len();
        if let Some(second) = values.next() {
            self.refuse(name, format!("must have one value, not {}", more + 1), &second);
        }
        first
    }

    /// The value of a single-valued slot, as its type.
    pub(crate) fn parsed<T>(&mut self, name: &str, parse: impl Fn(&str) -> Result<T, Invalid>) -> Option<T> {
        let value = self.value(name)?;
        self.checked(name, parse(&value))
    }

    /// As [`Reader::parsed`], noting when it is missing.
    pub(crate) fn required<T>(&mut self, name: &str, parse: impl Fn(&str) -> Result<T, Invalid>) -> Option<T> {
        match self.value(name) {
            Some(value) => self.checked(name, parse(&value)),
            None => {
                self.refuse(name, "is required", "");
                None
            }
        }
    }

    /// The values of a slot, as their type; `field` is the attribute's name in the metadata tables.
    pub(crate) fn all_parsed<T>(
        &mut self,
        slot: &str,
        field: &str,
        parse: impl Fn(&str) -> Result<T, Invalid>,
    ) -> Vec<T> {
        let values = self.values(slot);
        values.iter().filter_map(|value| self.checked(field, parse(value))).collect()
    }

    /// The value of the one ExternalIdentifier of a scheme.
    fn identifier(&mut self, scheme: &str, field: &str) -> Option<&'a str> {
        let mut found = Vec::new();
        for identifier in self.object.identifiers.iter_mut().filter(|i| same_uuid(i.scheme, scheme)) {
            identifier.used = true;
            found.push(identifier.value);
        }
        if found.len() > 1 {
            self.refuse(field, format!("must be given once, not {} times", found.len()), found[1]);
        }
        let value = found.first().copied().filter(|v| !v.is_empty());
        if value.is_none() {
            self.refuse(field, "is required", "");
        }
        value
    }

    pub(crate) fn patient_id(&mut self, scheme: &str) -> Option<PatientId> {
        let value = self.identifier(scheme, "patientId")?;
        self.checked("patientId", PatientId::parse(value))
    }

    pub(crate) fn unique_id(&mut self, scheme: &str) -> Option<UniqueId> {
        let value = self.identifier(scheme, "uniqueId")?;
        self.checked("uniqueId", UniqueId::parse(value))
    }

    /// An ExternalIdentifier of any other type.
    pub(crate) fn identified<T>(
        &mut self,
        scheme: &str,
        field: &str,
        parse: impl Fn(&str) -> Result<T, Invalid>,
    ) -> Option<T> {
        let value = self.identifier(scheme, field)?;
        self.checked(field, parse(value))
    }

    /// The one code of a scheme.
    pub(crate) fn code(&mut self, scheme: &str, field: &str) -> Option<Code> {
        let mut codes = self.codes(scheme, field);
        match codes.len() {
            0 => {
                self.refuse(field, "is required", "");
                None
            }
            1 => codes.pop().flatten(),
            n => {
                let second = codes.swap_remove(1).map(|c| c.code).unwrap_or_default();
                self.refuse(field, format!("must be given once, not {n} times"), &second);
                codes.swap_remove(0)
            }
        }
    }

    /// The code of a scheme that may be absent.
    pub(crate) fn optional_code(&mut self, scheme: &str, field: &str) -> Option<Code> {
        let present = self.object.classifications.iter().any(|c| same_uuid(c.scheme, scheme));
        if present { self.code(scheme, field) } else { None }
    }

    /// All codes of a scheme that can be read.
    pub(crate) fn code_list(&mut self, scheme: &str, field: &str) -> Vec<Code> {
        self.codes(scheme, field).into_iter().flatten().collect()
    }

    fn codes(&mut self, scheme: &str, field: &str) -> Vec<Option<Code>> {
        let taken = self.take_classifications(scheme);
        taken.into_iter().map(|classification| self.one_code(classification, field)).collect()
    }

    fn one_code(&mut self, mut classification: Classification<'a>, field: &str) -> Option<Code> {
        let values = take_values(&mut classification.slots, "codingScheme");
        self.check_left_over(&classification.slots, field);
        let code = classification.node_representation;
        if code.is_empty() {
            self.refuse(field, "must have its code in nodeRepresentation", "");
        }
        match values.as_slice() {
            [scheme] if !code.is_empty() => {
                // Leniency: the display name is required by IHE; it decides nothing, so its absence is no reason to
                // refuse (section 9).
                let (code, scheme) = (code.to_owned(), scheme.clone().into_owned());
                Some(Code { code, scheme, display: classification.name })
            }
            [_] => None,
            [] => {
                self.refuse(field, "must have a slot codingScheme", code);
                None
            }
            several => {
                let rule = format!("must have one codingScheme, not {}", several.len());
                self.refuse(field, rule, &several[1].clone());
                None
            }
        }
    }

    /// The authors, in order. Leniency: nodeRepresentation should be empty; whatever it holds is not looked at.
    pub(crate) fn authors(&mut self, scheme: &str) -> Vec<Author> {
        let taken = self.take_classifications(scheme);
        taken.into_iter().map(|classification| self.author(classification)).collect()
    }

    fn author(&mut self, mut classification: Classification<'a>) -> Author {
        let slots = &mut classification.slots;
        let persons = take_values(slots, "authorPerson");
        let institutions = take_values(slots, "authorInstitution");
        let roles = take_values(slots, "authorRole");
        let specialties = take_values(slots, "authorSpecialty");
        let addresses = take_values(slots, "authorTelecommunication");
        if let [_, second, ..] = persons.as_slice() {
            let rule = format!("must have one value, not {}", persons.len());
            self.refuse("author.authorPerson", rule, second);
        }
        self.check_left_over(&classification.slots, "author");
        let owned = |values: Vec<Cow<'a, str>>| values.into_iter().map(Cow::into_owned).collect();
        Author {
            person: persons.first().and_then(|p| self.checked("author.authorPerson", Xcn::parse(p))),
            institutions: institutions
                .iter()
                .filter_map(|i| self.checked("author.authorInstitution", Xon::parse(i)))
                .collect(),
            roles: owned(roles),
            specialties: owned(specialties),
            telecommunications: addresses
                .iter()
                .filter_map(|a| self.checked("author.authorTelecommunication", Xtn::parse(a)))
                .collect(),
        }
    }

    fn take_classifications(&mut self, scheme: &str) -> Vec<Classification<'a>> {
        let mut taken = Vec::new();
        for classification in self.object.classifications.iter_mut().filter(|c| same_uuid(c.scheme, scheme)) {
            classification.used = true;
            taken.push(Classification {
                slots: std::mem::take(&mut classification.slots),
                name: std::mem::take(&mut classification.name),
                ..*classification
            });
        }
        taken
    }

    /// Slots inside a classification that are none of its own: the model has no place for them.
    fn check_left_over(&mut self, slots: &[Slot<'a>], field: &str) {
        for slot in slots.iter().filter(|s| !s.used) {
            if is_extra(slot.name) || self.reading() == Reading::Answer {
                self.not_kept(field, "has a slot inside its classification that is not kept", slot.name);
            } else {
                self.refuse(field, "has a slot whose name is neither known nor a URN", slot.name);
            }
        }
    }

    pub(crate) fn not_kept(&mut self, field: &str, rule: &str, value: &str) {
        let invalid = Invalid::new(format!("{}.{field}", self.object.kind), rule, value);
        self.findings.leave_out(invalid.on(self.object.label()));
    }

    /// What is left: slots to keep, and classifications, identifiers or texts that the model has no place for.
    ///
    /// In an answer every slot is kept, whatever its name: it is the registry's to judge, not the reader's.
    pub(crate) fn extra(&mut self) -> Vec<ExtraSlot> {
        let mut extra = Vec::new();
        let slots = std::mem::take(&mut self.object.slots);
        for slot in slots.into_iter().filter(|s| !s.used) {
            if is_extra(slot.name) || (self.reading() == Reading::Answer && !slot.name.is_empty()) {
                let values = slot.values.into_iter().map(Cow::into_owned).collect();
                extra.push(ExtraSlot { name: slot.name.to_owned(), values });
            } else {
                self.refuse(slot.name, "has a slot whose name is neither known nor a URN", slot.name);
            }
        }
        let classifications: Vec<(&str, &str)> =
            self.object.classifications.iter().filter(|c| !c.used).map(|c| (c.scheme, c.node)).collect();
        for (scheme, node) in classifications {
            if scheme.is_empty() {
                self.not_kept("Classification", "has an unknown classificationNode and is not kept", node);
            } else {
                self.not_kept("Classification", "has an unknown classificationScheme and is not kept", scheme);
            }
        }
        let identifiers: Vec<&str> = self.object.identifiers.iter().filter(|i| !i.used).map(|i| i.scheme).collect();
        for scheme in identifiers {
            self.not_kept("ExternalIdentifier", "has an unknown identificationScheme and is not kept", scheme);
        }
        extra
    }

    /// Marks classifications by node (submission set, folder, limited metadata) as understood.
    pub(crate) fn use_nodes(&mut self, nodes: &[&str]) {
        for classification in &mut self.object.classifications {
            if classification.scheme.is_empty() && nodes.iter().any(|node| same_uuid(classification.node, node)) {
                classification.used = true;
            }
        }
    }
}

/// Extra metadata is a slot named by a URN. Leniency: names under `urn:ihe:` are IHE's own and should be known; newer
/// change proposals bring new ones, so they are kept as well.
fn is_extra(name: &str) -> bool {
    name.get(..4).is_some_and(|scheme| scheme.eq_ignore_ascii_case("urn:")) && name.len() > 4
}

fn take_values<'a>(slots: &mut [Slot<'a>], name: &str) -> Vec<Cow<'a, str>> {
    let Some(slot) = slots.iter_mut().find(|s| s.name == name) else { return Vec::new() };
    slot.used = true;
    std::mem::take(&mut slot.values).into_iter().map(trimmed).filter(|v| !v.is_empty()).collect()
}
