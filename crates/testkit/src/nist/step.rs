//! One step of a plan: make the message, send it, keep what later steps need, compare. Source: spec xds.md section 28.

use super::expected::{self, Expected};
use super::log::StepLog;
use super::metadata;
use super::runner::{REGISTRY, REPOSITORY, Runner, dtm, second};
use super::tree::{Tree, escape};
use super::wire;

const XDS_B: &str = "urn:ihe:iti:xds-b:2007";
const XOP: &str = "http://www.w3.org/2004/08/xop/include";
/// The kit's own source id, which 11898 asks for.
const SOURCE_ID: &str = "1.3.6.1.4.1.21367.4";

/// How a transaction of a plan travels.
struct Binding {
    path: &'static str,
    action: &'static str,
    /// Where it is not the action with `Response` behind it.
    response: Option<&'static str>,
    mtom: bool,
}

/// Source: spec xds.md section 2.
fn binding(transaction: &str) -> Option<Binding> {
    let at = |path, action, mtom| Some(Binding { path, action, response: None, mtom });
    match transaction {
        "RegisterTransaction" => at(REGISTRY, "urn:ihe:iti:2007:RegisterDocumentSet-b", false),
        "RegisterODDETransaction" => Some(Binding {
            path: REGISTRY,
            action: "urn:ihe:iti:2010:RegisterOnDemandDocumentEntry",
            response: Some("urn:ihe:iti:2010:RegisterOnDemandDocumentResponse"),
            mtom: false,
        }),
        "StoredQueryTransaction" => at(REGISTRY, "urn:ihe:iti:2007:RegistryStoredQuery", false),
        "MPQTransaction" => at(REGISTRY, "urn:ihe:iti:2009:MultiPatientStoredQuery", false),
        "MuTransaction" => at(REGISTRY, "urn:ihe:iti:2010:UpdateDocumentSet", false),
        "RmuTransaction" => at(REGISTRY, "urn:ihe:iti:2018:RestrictedUpdateDocumentSet", false),
        "RemoveMetadataTransaction" => at(REGISTRY, "urn:ihe:iti:2010:DeleteDocumentSet", false),
        "ProvideAndRegisterTransaction" => at(REPOSITORY, "urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-b", true),
        "RetrieveTransaction" => at(REPOSITORY, "urn:ihe:iti:2007:RetrieveDocumentSet", true),
        "RdTransaction" => at(REPOSITORY, "urn:ihe:iti:2017:RemoveDocuments", false),
        _ => None,
    }
}

/// Where a step stands.
pub(super) struct At<'a> {
    pub test: &'a str,
    pub section: &'a str,
    pub step: &'a str,
}

impl Runner<'_> {
    /// Runs one step. Err: why it failed.
    pub(super) fn run_step(&mut self, test: &str, section: &str, id: &str, step: &Tree) -> Result<(), String> {
        let at = At { test, section, step: id };
        let mut expected = Expected::default();
        let mut patient = None;
        for part in &step.children {
            match part.name.as_str() {
                "ExpectedStatus" => expected.status.push(part.trimmed().to_owned()),
                "ExpectedErrorCode" => expected.error_code = Some(part.trimmed().to_owned()),
                "ExpectedErrorMessage" => expected.error_message = Some(part.trimmed().to_owned()),
                "NewPatientId" => patient = Some(self.new_patient(test)?),
                "AltPatientId" => patient = Some(self.unknown_patient()),
                "Goal" | "Rule" | "Standard" => {}
                _ => {
                    let patient = match &patient {
                        Some(patient) => patient.clone(),
                        None => self.patient(test)?,
                    };
                    let mut log = StepLog { id: id.to_owned(), transaction: part.name.clone(), ..StepLog::default() };
                    let sent = self.run_transaction(&at, part, &expected, &patient, &mut log);
                    let patient = self.patient(test)?;
                    log.reports.push(("$patientid$".to_owned(), patient));
                    let key = (test.to_owned(), section.to_owned());
                    let reported = self.report(part, &mut log);
                    self.logs.entry(key).or_default().steps.push(log);
                    sent.and(reported)?;
                    self.check_assertions(&at, part)?;
                }
            }
        }
        Ok(())
    }

    fn run_transaction(
        &mut self,
        at: &At<'_>,
        instruction: &Tree,
        expected: &Expected,
        patient: &str,
        log: &mut StepLog,
    ) -> Result<(), String> {
        match instruction.name.as_str() {
            "NullTransaction" => Ok(()),
            "PatientIdentityFeedTransaction" => match instruction.child("CreateNewPatientId") {
                Some(_) => self.new_patient(at.test).map(drop),
                None => self.feed(patient),
            },
            "HttpTransaction" => self.run_http(at, instruction, expected, patient, log),
            name => match binding(name) {
                Some(binding) => self.run_soap(at, instruction, &binding, expected, patient, log),
                None => Err(format!("{name} cannot be sent by this runner")),
            },
        }
    }

    fn run_soap(
        &mut self,
        at: &At<'_>,
        instruction: &Tree,
        binding: &Binding,
        expected: &Expected,
        patient: &str,
        log: &mut StepLog,
    ) -> Result<(), String> {
        self.wait_if_told(instruction);
        let mut file = self.message(at, instruction, patient, log)?;
        let mut attachments = Vec::new();
        let submission = ["Register", "RegisterODDE", "Mu", "Rmu", "ProvideAndRegister"]
            .contains(&instruction.name.trim_end_matches("Transaction"));
        if submission {
            file = metadata::to_submit_objects_request(&file)?;
        }
        if instruction.name == "ProvideAndRegisterTransaction" {
            let mut provide = Tree::new(XDS_B, "ProvideAndRegisterDocumentSetRequest");
            provide.children.push(file);
            for document in instruction.children_named("Document") {
                self.attach(at, document, log, &mut provide, &mut attachments)?;
            }
            file = provide;
        }
        let id = self.uuid();
        let message = match binding.mtom {
            true => wire::mtom(binding.action, &id, &file, &attachments),
            false => wire::simple(binding.action, &id, &file),
        };
        log.request = Some(file);
        let response = binding.response.map_or_else(|| format!("{}Response", binding.action), str::to_owned);
        let answer = self.exchange(binding.path, &message, &response)?;
        log.result = Some(answer.body.clone());
        expected::check_status(expected, &answer.body)?;
        if answer.multipart != binding.mtom && answer.body.name != "Fault" {
            return Err("the answer is not packaged as the transaction wants".into());
        }
        self.check_contents(at, instruction, &answer.body)?;
        if instruction.name == "RetrieveTransaction" && expected.status.iter().any(|status| status == "Success") {
            self.check_documents(at, instruction, log, &answer)?;
        }
        Ok(())
    }

    /// The file of an instruction with everything filled in that the plan names.
    fn message(&mut self, at: &At<'_>, instruction: &Tree, patient: &str, log: &mut StepLog) -> Result<Tree, String> {
        let name = instruction.child("MetadataFile").ok_or("the step names no MetadataFile")?.trimmed();
        let mut file = Tree::parse(&self.kit.file(at.test, at.section, name)?).map_err(|e| format!("{name}: {e}"))?;
        for (symbol, value) in self.used_reports(at, instruction)? {
            file.replace(&symbol, &value);
        }
        file.replace("$patientid$", patient);
        // The data of 12361 and the queries of 12364 leave these two to whoever runs them.
        for (symbol, feed) in [("$patient_id1$", "15820"), ("$patient_id2$", "15819")] {
            if file.contains(symbol) {
                file.replace(symbol, &self.patient(feed)?);
            }
        }
        self.fill_in_times(&mut file);
        let has = |name: &str| instruction.child(name).is_some();
        let query = instruction.name == "StoredQueryTransaction" || instruction.name == "MPQTransaction";
        let retrieve = instruction.name == "RetrieveTransaction" || instruction.name == "RdTransaction";
        let parsed = instruction.child("ParseMetadata").is_none_or(|parse| parse.trimmed() != "False");
        if parsed && !query && !retrieve {
            if !has("NoPatientId") {
                log.patient_ids = metadata::assign_patient_id(&mut file, patient);
            }
            self.apply_use_ids(at, instruction, &mut file)?;
            let none = instruction.child("NoAssignUids");
            let except = none.and_then(|none| none.attr("id"));
            if none.is_none() || except.is_some() {
                log.unique_ids = metadata::assign_unique_ids(&mut file, except, || self.unique_id());
            }
            metadata::assign_source_id(&mut file, SOURCE_ID);
            if has("AssignUuids") {
                log.uuids = metadata::assign_uuids(&mut file, || self.uuid())?;
            }
        }
        if !retrieve {
            self.apply_use_ids(at, instruction, &mut file)?;
        }
        if has("CleanParams") {
            remove_unfilled(&mut file);
        }
        Ok(file)
    }

    /// `$now$` ends a range of times, which does not include its end; what came in this second is before it all the same.
    fn fill_in_times(&self, file: &mut Tree) {
        let now = second();
        file.replace("$now$", &dtm(now + 1));
        file.replace("$lastyear$", &dtm(now - 365 * 86_400));
    }

    /// `WaitBefore` is there so that times differ; they have seconds.
    fn wait_if_told(&self, instruction: &Tree) {
        while instruction.child("WaitBefore").is_some() && second() == self.last_second {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }

    fn apply_use_ids(&mut self, at: &At<'_>, instruction: &Tree, file: &mut Tree) -> Result<(), String> {
        for use_id in instruction.children_named("UseId") {
            let value = self.used_id(at, use_id)?;
            file.replace(use_id.attr("symbol").unwrap_or_default(), &value);
        }
        Ok(())
    }

    /// What an earlier step assigned. `testdir` is relative to the section: `../submit`, `../../12346/single_doc`.
    pub(super) fn used_id(&mut self, at: &At<'_>, use_id: &Tree) -> Result<String, String> {
        let attr = |name: &str| use_id.attr(name).unwrap_or_default();
        let (step, part, id) = (attr("step"), attr("section"), attr("id"));
        let path: Vec<&str> = attr("testdir").split('/').filter(|piece| *piece != ".." && !piece.is_empty()).collect();
        let (test, section) = match path[..] {
            [] => (at.test, at.section),
            [section] => (at.test, section),
            [test, section, ..] => (test, section),
        };
        let log = self.log(test, section)?;
        let assigned = log.step(step).and_then(|step| step.assigned(part, id));
        assigned.map(str::to_owned).ok_or_else(|| format!("{test}/{section} step {step} has no {part} of {id}"))
    }

    /// The reports that an instruction uses: symbol and value.
    pub(super) fn used_reports(&mut self, at: &At<'_>, instruction: &Tree) -> Result<Vec<(String, String)>, String> {
        let mut values = Vec::new();
        for used in instruction.children_named("UseReport") {
            let attr = |name: &str| used.attr(name).unwrap_or_default();
            let (step, name) = (attr("step"), attr("reportName"));
            let value = match (used.attr("test"), attr("section")) {
                // Whoever runs the kit chooses `$patientid$` for a test, whichever feed the plan names. The feed for
                // registries makes the same one; all others but its twin are shared by the tests that name them.
                (_, "pif") if attr("useAs") == "$patientid$" => self.patient(at.test)?,
                (Some("15817"), "pif") => self.patient(at.test)?,
                (Some("15817b"), "pif") => self.patient(&format!("{} second", at.test))?,
                (Some(feed), "pif") => self.patient(feed)?,
                (other, section) => {
                    let (test, section) = match (other, section) {
                        (_, "THIS") => (at.test, at.section),
                        // 16102c calls itself by another name.
                        (Some(test), section) if self.kit.test(test).is_ok() => (test, section),
                        (_, section) => (at.test, section),
                    };
                    let log = self.log(test, section)?;
                    let report = log.step(step).and_then(|step| step.report(name));
                    report.ok_or_else(|| format!("{test}/{section} step {step} has no report {name}"))?.to_owned()
                }
            };
            if !value.is_empty() {
                values.push((attr("useAs").to_owned(), value));
            }
        }
        Ok(values)
    }

    fn attach(
        &mut self,
        at: &At<'_>,
        document: &Tree,
        log: &StepLog,
        provide: &mut Tree,
        attachments: &mut Vec<(String, Vec<u8>)>,
    ) -> Result<(), String> {
        let id = document.attr("id").ok_or("a Document without an id")?;
        let content = self.kit.file(at.test, at.section, document.trimmed())?;
        if let Some(unique_id) = log.assigned("AssignedUids", id) {
            self.provided.insert(unique_id.to_owned(), content.clone());
        }
        let cid = format!("document{}@kit.example", attachments.len() + 1);
        let mut include = Tree::new(XOP, "Include");
        include.set("href", &format!("cid:{cid}"));
        let mut element = Tree::new(XDS_B, "Document");
        element.set("id", log.assigned("AssignedUuids", id).unwrap_or(id));
        element.children.push(include);
        provide.children.push(element);
        attachments.push((cid, content));
        Ok(())
    }

    /// Octets of a file as they are, with the patient id of the run and the line ends of the wire.
    fn run_http(
        &mut self,
        at: &At<'_>,
        instruction: &Tree,
        expected: &Expected,
        patient: &str,
        log: &mut StepLog,
    ) -> Result<(), String> {
        let name = instruction.child("BodyFile").ok_or("the step names no BodyFile")?.trimmed();
        let octets = self.kit.file(at.test, at.section, name)?;
        let headers = instruction.child("Headers").map(Tree::trimmed).unwrap_or_default();
        let content_type = headers.lines().find_map(|line| line.trim().strip_prefix("Content-Type:"));
        let content_type = content_type.ok_or("the step has no Content-Type")?.trim();
        let body = self.identified(&with_wire_line_ends(&octets), patient, log);
        let answer = self.post_raw(REPOSITORY, content_type, &body)?;
        log.result = Some(answer.body.clone());
        if !answer.multipart {
            return Err("expected a multipart answer".into());
        }
        expected::check_status(expected, &answer.body)
    }

    /// A message in octets with this patient id and new unique ids in its ExternalIdentifiers.
    fn identified(&mut self, octets: &[u8], patient: &str, log: &mut StepLog) -> Vec<u8> {
        // One character per octet, so that binary parts stay what they are.
        let mut rest: String = octets.iter().map(|octet| char::from(*octet)).collect();
        let mut out = String::with_capacity(rest.len());
        let start = |text: &str| {
            let mut found = text.match_indices("ExternalIdentifier").map(|(at, name)| (at, at + name.len()));
            found.find(|(_, end)| text[*end..].starts_with([' ', '\r', '\n'])).map(|(at, _)| at)
        };
        while let Some(at) = start(&rest) {
            let end = rest[at..].find('>').map_or(rest.len(), |end| at + end);
            let tag = rest[at..end].to_owned();
            out.push_str(&rest[..at]);
            rest.drain(..end);
            let attribute =
                |name: &str| tag.split(&format!("{name}=\"")).nth(1).and_then(|rest| rest.split('"').next());
            let scheme = attribute("identificationScheme").unwrap_or_default();
            let value = if metadata::PATIENT_ID.contains(&scheme) {
                Some(patient.to_owned())
            } else if metadata::UNIQUE_ID[1..].contains(&scheme) {
                // Not the DocumentEntry's: that of a DICOM object is in the object, too.
                let unique_id = self.unique_id();
                log.unique_ids.push((attribute("registryObject").unwrap_or_default().to_owned(), unique_id.clone()));
                Some(unique_id)
            } else {
                None
            };
            match (value, attribute("value")) {
                (Some(new), Some(old)) => {
                    out.push_str(&tag.replace(&format!("value=\"{old}\""), &format!("value=\"{}\"", escape(&new))));
                }
                _ => out.push_str(&tag),
            }
        }
        out.push_str(&rest);
        out.chars().map(|character| u8::try_from(u32::from(character)).unwrap_or(b'?')).collect()
    }
}

/// Slots with a symbol that nothing filled in, and attributes with one, go.
fn remove_unfilled(file: &mut Tree) {
    let unfilled = |text: &str| text.matches('$').count() > 1;
    file.visit_mut(&mut |tree| {
        if tree.name == "AdhocQuery" {
            tree.attributes.retain(|attribute| !attribute.value.contains('$'));
        }
        tree.children.retain(|child| child.name != "Slot" || !child.all("Value").iter().any(|v| unfilled(&v.text)));
    });
}

/// Git stored the messages with LF; MIME has CRLF. A message that has CRLF somewhere is left as it is.
fn with_wire_line_ends(octets: &[u8]) -> Vec<u8> {
    if octets.windows(2).any(|pair| pair == b"\r\n") {
        return octets.to_vec();
    }
    octets
        .iter()
        .flat_map(|octet| if *octet == b'\n' { &b"\r\n"[..] } else { std::slice::from_ref(octet) })
        .copied()
        .collect()
}
