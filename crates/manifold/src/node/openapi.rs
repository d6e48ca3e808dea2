//! The OpenAPI 3.1 document of a node's FHIR door, made of what its CapabilityStatement is made of and of the table of
//! transactions: a path, method or parameter is there if and only if it is answered. Source: OpenAPI Specification 3.1.0;
//! http://hl7.org/fhir/R4/http.html.

use super::{capability, endpoints};
use crate::config::NodeConfig;
use fhir::capability::{ResourceCapability, SearchParameter};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use transactions::{Binding, TRANSACTIONS, Transaction};

const FHIR: &str = "/fhir";

/// The document as compact JSON.
pub(super) fn octets(config: &NodeConfig) -> Vec<u8> {
    document(config).to_string().into_bytes()
}

/// The document. Without FHIR actors it has no paths.
pub fn document(config: &NodeConfig) -> Value {
    let claims = capability::claims(config);
    let answered = endpoints(config);
    let known = |one: &&&Transaction| answered["endpoints"].get(one.id).is_some();
    let mut made = Made {
        transactions: TRANSACTIONS.iter().filter(known).copied().collect(),
        paths: Map::new(),
        types: BTreeSet::from(["OperationOutcome"]),
    };
    if !claims.resources.is_empty() || !claims.system_interactions.is_empty() {
        made.add("get", "/metadata", "capabilities", &[format()], None, "CapabilityStatement");
        made.describe_itself();
    }
    if claims.system_interactions.contains(&"transaction") {
        made.add("post", "/", "transaction", &[format()], Some("Bundle"), "Bundle");
    }
    for resource in &claims.resources {
        made.resource(resource);
    }
    made.other_transactions();
    let schemas: Map<String, Value> = made.types.iter().map(|name| ((*name).to_owned(), schema(name))).collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": format!("{}: FHIR", config.node.name),
            "version": env!("CARGO_PKG_VERSION"),
            "description": "FHIR R4 (4.0.1) by the profiles MHD, PDQm and PIXm of IHE; GET /metadata says the same in FHIR.",
        },
        "servers": [{"url": format!("{}{FHIR}", config.node.public_url.trim_end_matches('/'))}],
        "paths": made.paths,
        "components": {
            "schemas": schemas,
            "responses": {"Refused": {
                "description": "Refused; the OperationOutcome says why, and the header finds the line in the log",
                "headers": {"X-Request-Id": {"schema": {"type": "string"}}},
                "content": content("OperationOutcome"),
            }},
        },
    })
}

struct Made {
    /// What this node answers, in the order of the table.
    transactions: Vec<&'static Transaction>,
    paths: Map<String, Value>,
    /// Resource types that are sent or answered.
    types: BTreeSet<&'static str>,
}

impl Made {
    fn resource(&mut self, resource: &ResourceCapability) {
        let name = resource.resource;
        let (all, one) = (format!("/{name}"), format!("/{name}/{{id}}"));
        let search = |to: &SearchParameter| parameter(to.name, to.kind, to.documentation);
        let criteria: Vec<Value> = resource.search_parameters.iter().map(search).collect();
        let condition = resource.search_parameters.iter().filter(|p| p.name == "identifier");
        let condition: Vec<Value> = condition
            .map(|to| {
                let mut parameter = search(to);
                parameter["required"] = true.into();
                parameter
            })
            .collect();
        let id = [path_parameter("id"), format()];
        for interaction in &resource.interactions {
            match *interaction {
                "read" => self.add("get", &one, "read", &id, None, name),
                "search-type" => {
                    let results = resource.result_parameters.iter().map(|to| result_parameter(to));
                    let parameters: Vec<Value> = criteria.iter().cloned().chain(results).collect();
                    self.add("get", &all, "search-type", &parameters, None, "Bundle");
                    self.add_form(&format!("{all}/_search"), &parameters);
                }
                "create" => self.add("post", &all, "create", &[format()], Some(name), name),
                "update" => {
                    self.add("put", &one, "update", &id, Some(name), name);
                    if resource.conditional_update {
                        self.add("put", &all, "conditional-update", &condition, Some(name), name);
                    }
                }
                "delete" => {
                    self.add("delete", &one, "delete", &id, None, "OperationOutcome");
                    if resource.conditional_delete.is_some() {
                        self.add("delete", &all, "conditional-delete", &condition, None, "OperationOutcome");
                    }
                }
                _ => {}
            }
        }
        for operation in &resource.operations {
            let path = format!("{all}/${}", operation.name);
            if !operation.query.is_empty() {
                let mut parameters: Vec<Value> = operation.query.iter().map(search).collect();
                parameters.push(format());
                self.add("get", &path, operation.name, &parameters, None, operation.answer);
            }
            self.add("post", &path, operation.name, &[format()], Some("Parameters"), operation.answer);
        }
    }

    /// One operation with resources in and out.
    fn add(
        &mut self,
        method: &'static str,
        path: &str,
        interaction: &str,
        parameters: &[Value],
        sent: Option<&'static str>,
        answer: &'static str,
    ) {
        self.types.extend(sent);
        self.types.insert(answer);
        let mut operation = self.operation(method, path, interaction);
        operation["parameters"] = parameters.into();
        if let Some(sent) = sent {
            operation["requestBody"] = json!({"required": true, "content": content(sent)});
        }
        let done = json!({"description": "Done", "content": content(answer)});
        let mut responses = json!({"default": {"$ref": "#/components/responses/Refused"}});
        match interaction {
            "create" => {
                responses["201"] = done.clone();
                responses["200"] = done;
            }
            "update" | "conditional-update" => {
                responses["200"] = done.clone();
                responses["201"] = done;
            }
            "delete" | "conditional-delete" => responses["204"] = json!({"description": "Done"}),
            "read" => {
                responses["200"] = done;
                responses["304"] = json!({"description": "The caller has it already"});
            }
            _ => responses["200"] = done,
        }
        operation["responses"] = responses;
        self.put(method, path, operation);
    }

    /// A search whose parameters come as a form.
    fn add_form(&mut self, path: &str, parameters: &[Value]) {
        let properties: Map<String, Value> =
            parameters.iter().filter_map(|to| Some((to["name"].as_str()?.to_owned(), to["schema"].clone()))).collect();
        self.add("post", path, "search-type", &[], None, "Bundle");
        let form = json!({"schema": {"type": "object", "properties": properties}});
        self.paths[path]["post"]["requestBody"] =
            json!({"required": true, "content": {"application/x-www-form-urlencoded": form}});
    }

    /// Addresses of transactions that are no interaction of FHIR: a document's.
    fn other_transactions(&mut self) {
        for one in self.transactions.clone() {
            let Binding::Http { method, path } = &one.binding else { continue };
            let Some(below) = path.strip_prefix(FHIR).filter(|below| !below.is_empty()) else { continue };
            let (method, path) = (method.to_ascii_lowercase(), below.to_owned());
            if self.paths.get(&path).is_some_and(|known| known.get(&method).is_some()) {
                continue;
            }
            let mut operation = self.operation(&method, &path, one.id);
            let names = path.split('{').skip(1).filter_map(|rest| Some(path_parameter(rest.split_once('}')?.0)));
            operation["parameters"] = names.collect::<Vec<Value>>().into();
            operation["responses"] = json!({
                "200": {"description": "The octets as they were stored", "content": {"*/*": {}}},
                "206": {"description": "The part that was asked for", "content": {"*/*": {}}},
                "304": {"description": "The caller has it already"},
                "default": {"$ref": "#/components/responses/Refused"},
            });
            self.put(&method, &path, operation);
        }
    }

    fn describe_itself(&mut self) {
        let mut operation = self.operation("get", "/openapi.json", "describe");
        let described = json!({"application/json": {"schema": {"type": "object"}}});
        operation["responses"] = json!({"200": {"description": "This document", "content": described}});
        self.put("get", "/openapi.json", operation);
    }

    /// Id, words and the transaction of IHE: the one of this path, else the one that reads or that writes this type.
    fn operation(&self, method: &str, path: &str, interaction: &str) -> Value {
        let first = |path: &str| path.split('/').nth(1).unwrap_or("").to_owned();
        let bound = |wanted: &dyn Fn(&str, &str) -> bool| {
            self.transactions.iter().find(|one| match &one.binding {
                Binding::Http { method, path } => {
                    path.strip_prefix(FHIR).is_some_and(|below| wanted(&method.to_ascii_lowercase(), below))
                }
                _ => false,
            })
        };
        let reads = method == "get" || path.ends_with("/_search");
        let all = format!("/{}", first(path));
        let transaction = bound(&|m, p| m == method && p == path.trim_end_matches('/'))
            .or_else(|| bound(&|m, p| if path.contains('$') { p == path } else { (m == "get") == reads && *p == all }));
        let tag = match first(path) {
            name if name.starts_with(char::is_uppercase) => name,
            _ => "FHIR".to_owned(),
        };
        let words: String = path.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        let id = format!("{method}-{interaction}{}", words.trim_end_matches('-'));
        let mut operation = json!({"operationId": id, "tags": [tag], "summary": interaction});
        if let Some(one) = transaction {
            operation["summary"] = format!("{} {}: {interaction}", one.id, one.name).into();
            operation["description"] = one.section.into();
        }
        operation
    }

    fn put(&mut self, method: &str, path: &str, operation: Value) {
        let item = self.paths.entry(path.to_owned()).or_insert_with(|| json!({}));
        item[method] = operation;
    }
}

/// A criterion: repeated for "and", with commas for "or".
fn parameter(name: &str, kind: &str, documentation: Option<&str>) -> Value {
    let mut description = format!("FHIR search parameter of type {kind}.");
    if let Some(more) = documentation {
        description = format!("{description} {more}");
    }
    let schema = json!({"type": "array", "items": {"type": "string"}});
    json!({"name": name, "in": "query", "description": description, "explode": true, "schema": schema})
}

fn result_parameter(name: &str) -> Value {
    match name {
        "_format" => format(),
        "_count" => json!({"name": name, "in": "query", "schema": {"type": "integer", "minimum": 0}}),
        _ => json!({"name": name, "in": "query", "schema": {"type": "string"}}),
    }
}

fn format() -> Value {
    let description = "The form of the answer where the Accept header does not say it";
    json!({"name": "_format", "in": "query", "description": description, "schema": {"type": "string"}})
}

fn path_parameter(name: &str) -> Value {
    json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}})
}

/// A resource in either form.
fn content(name: &str) -> Value {
    let schema = json!({"schema": {"$ref": format!("#/components/schemas/{name}")}});
    json!({(fhir::MEDIA_TYPE): schema, (fhir::xml::MEDIA_TYPE): schema})
}

fn schema(name: &str) -> Value {
    json!({
        "type": "object",
        "required": ["resourceType"],
        "properties": {"resourceType": {"const": name}},
        "externalDocs": {"url": format!("http://hl7.org/fhir/R4/{}.html", name.to_ascii_lowercase())},
    })
}
