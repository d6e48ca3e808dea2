//! Answers about patients: ITI-78, ITI-83, ITI-104 and ITI-119, with all that a patient may have. PDQm, PIXm;
//! spec/fhir.md sections 13, 14.

use super::fhir_answers::{Answers, JSON};
use reqwest::Method;
use serde_json::{Value, json};

/// A domain beside the affinity domain, and one that nobody has.
const HOSPITAL: &str = "urn:oid:2.999.1.2.7";
const NOWHERE: &str = "urn:oid:2.999.404";
const DOMAIN: &str = "urn:oid:2.999.7";

fn path(id: &str) -> String {
    format!("Patient?identifier={DOMAIN}%7C{id}")
}

fn whole(id: &str) -> Value {
    json!({
        "resourceType": "Patient", "active": true, "gender": "other", "birthDate": "1999-12-31",
        "extension": [{
            "url": "http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName", "valueString": "Zürcher",
        }],
        "identifier": [{"system": DOMAIN, "value": id}, {"system": HOSPITAL, "value": format!("H-{id}")}],
        "name": [
            {"use": "official", "family": "Feed", "given": ["Test", "Second"], "prefix": ["Dr."], "suffix": ["jr."]},
        ],
        "telecom": [
            {"system": "phone", "value": "+41 31 555 00 00", "use": "home"},
            {"system": "email", "value": "test@example.org"},
        ],
        "address": [{
            "use": "home", "line": ["Main Street 1", "2nd floor"], "city": "Bern", "state": "BE",
            "postalCode": "3000", "country": "CH",
        }],
    })
}

impl Answers {
    /// ITI-104: made, known already, revised, merged, removed, and refused; then the queries.
    pub(super) fn patients(&self, id: &str) {
        let put = |name: &str, status: u16, id: &str, headers: &[(&str, &str)], body: &Value| {
            let headers = [headers, &[JSON]].concat();
            self.ask(name, status, Method::PUT, &path(id), &headers, &body.to_string())
        };
        put("patient-made", 201, id, &[], &whole(id));
        put("patient-revised", 200, id, &[], &whole(id));
        let subsumed = format!("{id}-2");
        put("patient-told", 201, &subsumed, &[("prefer", "return=OperationOutcome")], &whole(&subsumed));
        let other = json!({"identifier": {"system": DOMAIN, "value": id}});
        let merge = json!({
            "resourceType": "Patient", "identifier": [{"system": DOMAIN, "value": subsumed}], "active": false,
            "name": [{"family": "Feed"}], "link": [{"type": "replaced-by", "other": other}],
        });
        put("patient-merged", 200, &subsumed, &[], &merge);
        put("refused-422-no-identifier", 422, id, &[], &json!({"resourceType": "Patient"}));
        put("refused-400-no-resource", 400, id, &[], &json!([1]));
        put("refused-422-other-identifier", 422, "SOMEBODY", &[], &whole(id));
        self.demographics(id);
        self.cross_references(id);
        self.matches(id);
    }

    fn demographics(&self, id: &str) {
        let by_id = path(id);
        let by_id = by_id.trim_start_matches("Patient?");
        for (name, query) in [
            ("everything", "&family=Feed&given=Test&telecom=phone%7C%2B41%2031%20555%2000%2000&birthdate=1999-12-31"),
            ("address", "&address=Bern&address-city=Bern&address-postalcode=3000&address-country=CH"),
            ("mothers-name", "&mothersMaidenName=Z%C3%BCrcher&gender=other&active=true"),
            ("one-domain", "&identifier=urn:oid:2.999.1.2.7%7C"),
            ("count-0", "&_count=0"),
        ] {
            let found =
                self.ask(&format!("pdqm-{name}"), 200, Method::GET, &format!("Patient?{by_id}{query}"), &[], "");
            assert_eq!(found["total"], 1, "{name}: {found:#}");
        }
        let form = [("content-type", "application/x-www-form-urlencoded")];
        let found = self.ask("pdqm-posted", 200, Method::POST, "Patient/_search", &form, by_id);
        let id = found["entry"][0]["resource"]["id"].as_str().expect("an id");
        let read = self.ask("pdqm-read", 200, Method::GET, &format!("Patient/{id}"), &[], "");
        for element in ["telecom", "address", "extension", "birthDate", "gender", "name"] {
            assert!(!read[element].is_null(), "no {element}: {read:#}");
        }
        let page = self.ask("pdqm-page", 200, Method::GET, "Patient?family=Feed&_count=1&unheard-of=1", &[], "");
        assert!(
            page["entry"].as_array().is_some_and(|entries| entries.len() == 2),
            "a patient and a warning: {page:#}"
        );
        let unknown = format!("Patient?{by_id}&identifier={NOWHERE}%7C");
        self.ask("refused-404-pdqm-domain", 404, Method::GET, &unknown, &[], "");
        self.ask("refused-400-pdqm-gender", 400, Method::GET, "Patient?gender=neither", &[], "");
        self.ask("refused-400-pdqm-modifier", 400, Method::GET, "Patient?family:text=Feed", &[], "");
    }

    fn cross_references(&self, id: &str) {
        let get = |name: &str, status: u16, query: &str| {
            self.ask(name, status, Method::GET, &format!("Patient/$ihe-pix?sourceIdentifier={query}"), &[], "")
        };
        let of = |system: &str, id: &str| format!("{system}%7C{id}");
        let all = get("pixm-all", 200, &of(DOMAIN, id));
        assert!(
            all["parameter"].as_array().is_some_and(|found| found.len() == 3),
            "with the other number of who was merged: {all:#}"
        );
        get("pixm-target", 200, &format!("{}&targetSystem={DOMAIN}", of(HOSPITAL, &format!("H-{id}"))));
        get("pixm-none", 200, &format!("{}&targetSystem={DOMAIN}", of(DOMAIN, id)));
        get("refused-404-pixm-id", 404, &of(DOMAIN, "NOBODY"));
        get("refused-400-pixm-domain", 400, &of(NOWHERE, id));
        get("refused-403-pixm-target", 403, &format!("{}&targetSystem={NOWHERE}", of(DOMAIN, id)));
        let asked = json!({"resourceType": "Parameters", "parameter": [
            {"name": "sourceIdentifier", "valueIdentifier": {"system": DOMAIN, "value": id}},
            {"name": "targetSystem", "valueUri": HOSPITAL},
        ]});
        let posted = self.ask("pixm-posted", 200, Method::POST, "Patient/$ihe-pix", &[JSON], &asked.to_string());
        assert!(posted["parameter"].as_array().is_some_and(|found| !found.is_empty()), "{posted:#}");
    }

    fn matches(&self, id: &str) {
        let ask = |name: &str, status: u16, more: Value, person: &Value| {
            let mut parameters = vec![json!({"name": "resource", "resource": person})];
            parameters.extend(more.as_array().cloned().unwrap_or_default());
            let body = json!({"resourceType": "Parameters", "parameter": parameters});
            self.ask(name, status, Method::POST, "Patient/$match", &[JSON], &body.to_string())
        };
        let person = json!({"resourceType": "Patient", "name": [{"family": "Feed", "given": ["Test"]}],
            "birthDate": "1999-12-31", "gender": "other"});
        let found = ask("match", 200, json!([{"name": "count", "valueInteger": 2}]), &person);
        assert!(found["entry"].as_array().is_some_and(|entries| !entries.is_empty()), "{found:#}");
        ask("match-certain", 200, json!([{"name": "onlyCertainMatches", "valueBoolean": true}]), &whole(id));
        let nobody = json!({"resourceType": "Patient", "name": [{"family": "Nobody-of-this-name"}]});
        ask("match-none", 200, Value::Null, &nobody);
        ask("refused-422-match-nothing", 422, Value::Null, &json!({"resourceType": "Patient", "gender": "male"}));
    }
}
