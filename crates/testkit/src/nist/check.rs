//! Comparing what came with what a plan expects beyond the status: contents, documents, assertions; and the reports that a
//! step makes for later ones. Source: spec xds.md section 28.

use super::expected;
use super::log::{SectionLog, StepLog};
use super::runner::{Runner, dtm, second};
use super::step::At;
use super::tree::Tree;
use super::wire::Answer;
use super::xpath::Log;

impl Runner<'_> {
    pub(super) fn check_contents(&mut self, at: &At<'_>, instruction: &Tree, body: &Tree) -> Result<(), String> {
        for contents in instruction.children_named("ExpectedContents") {
            for wanted in &contents.children {
                let known = expected::check_content(wanted, body, &mut |use_id| self.used_id(at, use_id))?;
                if !known {
                    self.ignore(&format!("ExpectedContents/{}", wanted.name));
                }
            }
        }
        Ok(())
    }

    /// Every requested document came, as it was provided, with the MIME type and hash of its metadata.
    pub(super) fn check_documents(
        &mut self,
        at: &At<'_>,
        instruction: &Tree,
        log: &StepLog,
        answer: &Answer,
    ) -> Result<(), String> {
        let requested: Vec<String> = log
            .request
            .iter()
            .flat_map(|request| request.all("DocumentUniqueId"))
            .map(|id| id.trimmed().to_owned())
            .collect();
        for unique_id in requested {
            let response = answer
                .body
                .children_named("DocumentResponse")
                .find(|response| response.child("DocumentUniqueId").is_some_and(|id| id.trimmed() == unique_id));
            let response = response.ok_or_else(|| format!("expected the document {unique_id}, got none"))?;
            let mime_type = response.child("mimeType").map(Tree::trimmed).unwrap_or_default();
            if let Some(wanted) = instruction.child("ExpectedMimeType").map(Tree::trimmed)
                && wanted != mime_type
            {
                return Err(format!("expected {wanted}, got {mime_type}"));
            }
            let href = response.all("Include").first().and_then(|include| include.attr("href")).unwrap_or_default();
            let content = answer.attachments.get(href.trim_start_matches("cid:"));
            let content = content.ok_or_else(|| format!("the document {unique_id} has no part {href}"))?;
            if self.provided.get(&unique_id).is_some_and(|provided| provided != content) {
                return Err(format!("the document {unique_id} is not what was provided"));
            }
            self.check_metadata(at, instruction, &unique_id, mime_type, content.len())?;
        }
        Ok(())
    }

    /// `ReferenceMetadata`: the entry that an earlier query returned says the same of the document.
    fn check_metadata(
        &mut self,
        at: &At<'_>,
        instruction: &Tree,
        unique_id: &str,
        mime_type: &str,
        size: usize,
    ) -> Result<(), String> {
        let Some(reference) = instruction.child("ReferenceMetadata") else { return Ok(()) };
        let section = reference.attr("testdir").unwrap_or_default().trim_start_matches("../").to_owned();
        let step = reference.attr("step").unwrap_or_default();
        let result = self.log(at.test, &section)?.step(step).and_then(|step| step.result.clone());
        let result = result.ok_or_else(|| format!("{section} step {step} has no result"))?;
        let entries = result.all("ExtrinsicObject");
        let scheme = "urn:uuid:2e82c1f6-a085-4c72-9da3-8640a32e42ab";
        let entry = entries.iter().find(|entry| entry.identifier(scheme) == Some(unique_id));
        let entry = entry.ok_or_else(|| format!("{section} has no entry of {unique_id}"))?;
        if entry.attr("mimeType") != Some(mime_type) {
            return Err(format!("expected {:?} of the entry, got {mime_type}", entry.attr("mimeType")));
        }
        let wanted = entry.slot("size");
        if wanted != [size.to_string()] {
            return Err(format!("expected the size {wanted:?} of the entry, got {size}"));
        }
        Ok(())
    }

    /// The reports that an instruction makes for later steps.
    pub(super) fn report(&mut self, instruction: &Tree, log: &mut StepLog) -> Result<(), String> {
        for (assigned, suffix) in [(&log.unique_ids, "_uid"), (&log.uuids, "_uuid")] {
            log.reports.extend(assigned.iter().map(|(id, value)| (format!("{id}{suffix}"), value.clone())));
        }
        let xml = log.to_xml();
        let mut parsed = None;
        for report in instruction.children_named("Report") {
            let log_xml = match &parsed {
                Some(parsed) => parsed,
                None => parsed.insert(Log::parse(&xml)?),
            };
            let name = report.attr("name").unwrap_or_default();
            // A step that failed before it had a result has none to report of.
            let value = log_xml.text(report.attr("section").unwrap_or_default(), report.text.trim());
            let value = value.unwrap_or_default().trim().to_owned();
            log.reports.insert(0, (name.to_owned(), value));
        }
        Ok(())
    }

    pub(super) fn check_assertions(&mut self, at: &At<'_>, instruction: &Tree) -> Result<(), String> {
        let reports = self.used_reports(at, instruction)?;
        let key = (at.test.to_owned(), at.section.to_owned());
        for assertions in instruction.children_named("Assertions") {
            let log = self.logs.get(&key).map(SectionLog::to_xml).unwrap_or_default();
            let data: String = assertions
                .children_named("DataRef")
                .map(|data| {
                    let name = data.attr("as").unwrap_or("output");
                    format!("<{name}>{log}</{name}>")
                })
                .collect();
            let data = format!("<Data>{data}</Data>");
            let data = Log::parse(&data)?;
            for assertion in assertions.children_named("Assert") {
                let id = assertion.attr("id").unwrap_or_default();
                if let Some(process) = assertion.attr("process") {
                    self.ignore(&format!("Assert/@process {process}"));
                    continue;
                }
                let mut assertion = assertion.clone();
                for (symbol, value) in &reports {
                    assertion.replace(symbol, value);
                }
                assertion.replace("$DATE$", &dtm(second())[..8]);
                let expression = assertion.text.split_whitespace().collect::<Vec<_>>().join(" ");
                let held = data.holds(&expression).map_err(|error| format!("assertion {id}: {error}"))?;
                if !held {
                    return Err(format!("step {}: assertion {id} does not hold: {expression}", at.step));
                }
            }
        }
        Ok(())
    }
}
