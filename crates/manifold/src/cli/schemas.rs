//! Holds what commands print to the schemas in docs/cli: every key documented, every value of the documented type. For
//! tests only; a validator of the few words of JSON Schema that those files use.

use serde_json::Value;
use std::path::Path;

/// Fails when `value` is not what docs/cli/`name`.schema.json says.
#[track_caller]
pub fn check_schema(name: &str, value: &Value) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../docs/cli/{name}.schema.json"));
    let schema = std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let mut found = Vec::new();
    validate(&schema, value, name, &mut found);
    assert!(found.is_empty(), "{found:#?}\n{value:#}");
}

fn validate(schema: &Value, value: &Value, path: &str, found: &mut Vec<String>) {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(n) if n.is_i64() || n.is_u64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let allowed: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => vec![kind],
    };
    if !(allowed.contains(&kind) || kind == "integer" && allowed.contains(&"number")) {
        found.push(format!("{path}: expected {allowed:?}, got {kind}"));
        return;
    }
    if schema["enum"].as_array().is_some_and(|values| !values.contains(value)) {
        found.push(format!("{path}: {value} is not one of {}", schema["enum"]));
    }
    if let Some(items) = value.as_array() {
        for (at, item) in items.iter().enumerate() {
            validate(&schema["items"], item, &format!("{path}[{at}]"), found);
        }
    }
    let Some(object) = value.as_object() else { return };
    for key in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !object.contains_key(key) {
            found.push(format!("{path}: {key} is missing"));
        }
    }
    for (key, value) in object {
        let path = format!("{path}.{key}");
        match (schema["properties"].get(key), schema.get("additionalProperties")) {
            (Some(schema), _) | (None, Some(schema @ Value::Object(_))) => validate(schema, value, &path, found),
            (None, None) if schema["properties"].is_object() => found.push(format!("{path} is not documented")),
            _ => {}
        }
    }
}

#[test]
fn the_validator_finds_what_is_wrong() {
    let schema = serde_json::json!({"type": "object", "required": ["a"], "properties": {"a": {"type": ["integer", "null"]},
        "b": {"type": "array", "items": {"type": "string", "enum": ["x"]}}}});
    let problems = |value: Value| {
        let mut found = Vec::new();
        validate(&schema, &value, "", &mut found);
        found.len()
    };
    assert_eq!(problems(serde_json::json!({"a": null, "b": ["x"]})), 0);
    assert_eq!(problems(serde_json::json!({"a": 1.5, "b": ["y", 1], "c": 0})), 4);
    assert_eq!(problems(serde_json::json!({})), 1);
    assert_eq!(problems(serde_json::json!([])), 1);
}
