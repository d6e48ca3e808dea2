//! What a configuration accepts, refuses and says.

use super::{ConfigError, default_codes_toml, explain, parse, read_codes, read_patients, read_regions};
use model::{Check, Code, CodedAttribute, Oid, schemes};

const SMALL: &str = r#"
[node]
name = "central"
public_url = "https://central.example"
data = "data"
[listen]
http = "127.0.0.1:8080"
[affinity_domain]
patient_domain = "2.999.7"
[actors.document_registry]
[actors.document_repository]
unique_id = "2.999.1.1"
"#;

fn read(text: &str) -> Result<super::NodeConfig, ConfigError> {
    parse(text, [], "node.toml")
}

fn refused(text: &str) -> String {
    read(text).map(|_| ()).unwrap_err().to_string()
}

#[test]
fn defaults_complete_a_small_file() {
    let config = read(SMALL).unwrap();
    assert_eq!(config.actors.document_repository.unwrap().register_at, "self");
    assert_eq!(config.limits.query_results, 10_000);
}

#[test]
fn an_unknown_key_names_the_nearest_valid_one() {
    let error = refused(&SMALL.replace("public_url", "public_ur1"));
    assert!(error.contains("unknown key `public_ur1`") && error.contains("did you mean `public_url`"), "{error}");
    let error = refused(&SMALL.replace("[actors.document_registry]", "[actors.document_regestry]"));
    assert!(error.contains("did you mean `document_registry`"), "{error}");
}

#[test]
fn sections_of_later_versions_are_said_to_be_not_available() {
    for section in ["[security]", "[actors.initiating_gateway]", "[store]", "[actors.wia_facade]"] {
        let error = refused(&format!("{SMALL}\n{section}\n"));
        assert!(error.contains("is not available in this version"), "{section}: {error}");
    }
}

#[test]
fn rules_between_keys_name_key_rule_and_value() {
    for (from, to, expected) in [
        ("2.999.1.1", "not-an-oid", "actors.document_repository.unique_id must be an OID"),
        ("unique_id", "register_at = \"centrum\"\nunique_id", "names `centrum`, which is neither `self` nor a peer"),
        ("[actors.document_registry]", "", "is `self` but this node is no document_registry"),
        ("patient_domain = \"2.999.7\"", "", "affinity_domain.patient_domain is required"),
        ("https://", "central at ", "node.public_url must start with http"),
        ("127.0.0.1:8080", "0.0.0.0:8080", "insecure = true"),
        (
            "127.0.0.1:8080\"",
            "127.0.0.1:8080\"\nmllp = \"0.0.0.0:2575\"",
            "listen.mllp is reachable from other machines",
        ),
        ("127.0.0.1:8080\"", "127.0.0.1:8080\"\ncors_origins = [\"*\"]", "listen.cors_origins must be origins"),
        ("127.0.0.1:8080\"", "127.0.0.1:8080\"\ncors_origins = [\"https://v.example/\"]", "without a path"),
        ("[affinity_domain]", "[actors.imaging_archive]\n[affinity_domain]", "listen.dicom is required"),
    ] {
        let error = refused(&SMALL.replace(from, to));
        assert!(error.contains(expected), "{from} -> {to}: {error}");
    }
    let error = refused(
        "[node]\nname = \"n\"\npublic_url = \"http://n\"\ndata = \"d\"\n[listen]\nhttp = \"127.0.0.1:1\"\nmllp = \"127.0.0.1:2\"",
    );
    assert!(error.contains("listen.mllp needs a patient_identity_manager"), "{error}");
    let error = refused(&format!(
        "{SMALL}register_at = \"centrl\"\n[peers.central]\nkind = \"manifold\"\nurl = \"https://c.example\"\n"
    ));
    assert!(error.contains("did you mean `central`"), "{error}");
}

const PROXY: &str = r#"
[node]
name = "north"
public_url = "http://127.0.0.1:8080"
data = "data"
[listen]
http = "127.0.0.1:8080"
dicom = { address = "127.0.0.1:11112", ae_title = "NORTH" }
mllp = "127.0.0.1:2575"
[peers.central]
kind = "manifold"
url = "https://central.example"
[peers.pacs1]
kind = "pacs"
address = "pacs1.example:104"
ae_title = "PACS1"
[affinity_domain]
patient_domain = "2.999.7"
[actors.imaging_document_source]
from = "pacs_proxy"
publish_to = "central"
retrieve_location_uid = "2.25.301"
[[actors.imaging_document_source.sources]]
ae_title = "PACS1"
institution = "North Hospital^^^^^&2.999.1.2&ISO^^^^1"
patient_id_issuer = "2.999.7"
[actors.pacs_proxy]
peer = "pacs1"
move_destination = "NORTH"
triggers = ["cstore", "ian", "mpps", "oru", "http"]
quirks = ["one-association", "without 0008,1032"]
"#;

#[test]
fn a_pacs_proxy_has_defaults_and_is_explained() {
    let config = read(PROXY).unwrap();
    let proxy = config.actors.pacs_proxy.as_ref().unwrap();
    assert_eq!((proxy.poll_ms, proxy.window_days, proxy.reconcile_ms), (1_800_000, 2, 60_000));
    assert_eq!((proxy.confirm_missing.queries, proxy.confirm_missing.apart_ms), (2, 1_800_000));
    assert_eq!((proxy.transit_octets, proxy.parallel, proxy.idle_ms), (4 << 30, 4, 300_000));
    let text = explain(&config);
    for words in [
        "listens for HL7 v2 over MLLP on 127.0.0.1:2575 without TLS: ORU^R01",
        "plays PACS proxy of pacs1 (PACS1): asks for the studies of 2 days every 1800000 ms; images come by C-MOVE to NORTH",
        "what 2 questions at least 1800000 ms apart do not list is gone",
        "looks at a study at once on: cstore, ian, mpps, oru, http",
        "bears with: one-association; without 0008,1032",
        "knows pacs1 at pacs1.example:104",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(!text.contains("note:"), "{text}");
    let other =
        explain(&read(&PROXY.replace("ae_title = \"PACS1\"\ninstitution", "ae_title = \"CT1\"\ninstitution")).unwrap());
    assert!(other.contains("note: actors.imaging_document_source.sources has no line for PACS1"), "{other}");
}

#[test]
fn what_is_wrong_with_a_pacs_proxy_is_said() {
    for (from, to, expected) in [
        (
            "peer = \"pacs1\"",
            "peer = \"pacs2\"",
            "actors.pacs_proxy.peer names `pacs2`, which is no peer; did you mean `pacs1`?",
        ),
        ("peer = \"pacs1\"", "peer = \"central\"", "names `central`, whose kind is not \"pacs\""),
        ("address = \"pacs1.example:104\"", "", "peers.pacs1.address is required"),
        ("pacs1.example:104", "pacs1.example", "peers.pacs1.address must have the form host:port"),
        ("ae_title = \"PACS1\"\n[affinity", "[affinity", "peers.pacs1.ae_title is required"),
        ("move_destination = \"NORTH\"", "", "actors.pacs_proxy.move_destination is missing"),
        ("move_destination = \"NORTH\"", "move_destination = \"NORTH\"\nretrieve = \"c-get\"", "exclude each other"),
        ("move_destination = \"NORTH\"", "move_destination = \"SEVENTEEN_LETTERS\"", "1 to 16 characters"),
        ("move_destination = \"NORTH\"", "retrieve = \"c-store\"", "c-get"),
        ("dicom = {", "# dicom = {", "listen.dicom is required: the PACS sends there"),
        ("mllp = \"127.0.0.1:2575\"", "", "listen.mllp is required for the trigger oru"),
        ("from = \"pacs_proxy\"", "", "actors.imaging_document_source.from must be \"pacs_proxy\""),
        ("[actors.pacs_proxy]", "[actors.imaging_archive]\n[actors.pacs_proxy]", "imaging_archive exclude each other"),
        ("without 0008,1032", "withou 0008,1032", "actors.pacs_proxy.quirks `withou 0008,1032` is no quirk"),
        ("triggers = [", "poll_ms = 0\ntriggers = [", "actors.pacs_proxy.poll_ms must be more than 0"),
        ("\"ian\"", "\"iam\"", "iam"),
        ("quirks = [", "quirk = [", "did you mean `quirks`"),
    ] {
        let error = refused(&PROXY.replacen(from, to, 1));
        assert!(error.contains(expected), "{from} -> {to}: {error}");
    }
    let nothing = PROXY.split("[actors.pacs_proxy]").next().unwrap().replace("mllp = \"127.0.0.1:2575\"", "");
    assert!(
        refused(&nothing).contains("actors.imaging_document_source.from is pacs_proxy, which this node does not play")
    );
    let by_get = PROXY.replace("move_destination = \"NORTH\"", "retrieve = \"c-get\"");
    let by_get = by_get.replace("dicom = {", "# dicom = {").replace("\"cstore\", \"ian\", \"mpps\", ", "");
    assert!(!read(&by_get).unwrap().takes_dicom(), "a C-GET needs no port");
}

#[test]
fn the_environment_overrides_the_file() {
    let set = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
    let config = parse(SMALL, set("MANIFOLD__LIMITS__QUERY_RESULTS", "7"), "node.toml").unwrap();
    assert_eq!(config.limits.query_results, 7);
    let config = parse(SMALL, set("MANIFOLD__NODE__NAME", "elsewhere"), "node.toml").unwrap();
    assert_eq!(config.node.name, "elsewhere");
    let error = parse(SMALL, set("MANIFOLD__LIMITS__QUERY_RESULT", "7"), "node.toml").map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("did you mean `query_results`"), "{error}");
}

#[test]
fn origins_that_may_use_fhir_are_listed_and_none_are_by_default() {
    assert!(read(SMALL).unwrap().listen.cors_origins.is_empty());
    let with = SMALL.replace(
        "[affinity_domain]",
        "cors_origins = [\"https://v.example\", \"http://localhost:3000\"]\n[affinity_domain]",
    );
    let config = read(&with).unwrap();
    assert_eq!(config.listen.cors_origins, ["https://v.example", "http://localhost:3000"]);
    assert!(
        explain(&config).contains("lets pages of https://v.example, http://localhost:3000 use FHIR from a browser")
    );
}

#[test]
fn a_file_is_explained_in_words() {
    let with_mllp = SMALL.replace("[affinity_domain]", "mllp = \"127.0.0.1:2575\"\n[affinity_domain]");
    assert!(explain(&read(&with_mllp).unwrap()).contains("listens for HL7 v2 over MLLP on 127.0.0.1:2575 without TLS"));
    let text = explain(&read(SMALL).unwrap());
    assert!(text.contains("plays Document Registry"), "{text}");
    assert!(text.contains("note: nobody tells this registry about patients"), "{text}");
}

#[test]
fn the_built_in_value_sets_refuse_only_the_three_lists_of_the_contract() {
    let sets = read_codes(None).unwrap();
    let refusing: Vec<_> = sets.lists.iter().filter(|l| l.check == Check::Refuse).map(|l| l.attribute).collect();
    assert_eq!(refusing, [CodedAttribute::ClassCode, CodedAttribute::FormatCode, CodedAttribute::ConfidentialityCode]);
}

#[test]
fn a_wrong_line_in_a_value_set_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("codes.toml");
    for (from, to, expected) in [
        ("\"classCode\"", "\"classcode\"", "did you mean `classCode`"),
        ("\ncheck = \"refuse\"", "\ncheck = \"reject\"", "must be refuse, warn or off"),
        ("IMAGES^Images^", "IMAGES^", "must have the form code^display^scheme"),
    ] {
        std::fs::write(&file, default_codes_toml().replacen(from, to, 1)).unwrap();
        let error = read_codes(Some(&file)).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn the_built_in_region_map_knows_body_parts_and_equivalents_and_invents_nothing() {
    let map = read_regions(None).unwrap();
    let codes = |part: &str| map.regions([], [part], []).into_iter().map(|c| c.code).collect::<Vec<_>>();
    assert_eq!(codes("CHEST"), ["67734004"]);
    assert_eq!(codes("chest "), ["67734004"]);
    assert_eq!(codes("LSPINE"), ["1141981001"]);
    assert!(codes("SOMETHING").is_empty());
    let spine = Code::new("421060004", schemes::SNOMED_CT, "Spine");
    assert_eq!(map.normalise(&spine).unwrap().code, "1141981001");
}

#[test]
fn known_patients_are_read_line_by_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("patients.csv");
    let domain = Oid::parse("2.999.7").unwrap();
    std::fs::write(&file, "id,name,birth_date,sex\nP1,DOE^Jane,1961-04-12,F\nP2,DOE^John,,\n").unwrap();
    let patients = read_patients(&file, &domain).unwrap();
    assert_eq!(patients.len(), 2);
    assert_eq!(patients[0].birth_date.as_ref().unwrap().as_str(), "19610412");
    for (line, expected) in [
        ("P1,DOE^Jane,1961-04-12", "must have four fields"),
        ("P1,DOE^Jane,12 April,F", "has a birth date that is not YYYY-MM-DD"),
        ("P1,DOE^Jane,1961-04-12,X", "has a sex that is not M, F, O or U"),
        (",DOE^Jane,1961-04-12,F", "has no id"),
    ] {
        std::fs::write(&file, format!("id,name,birth_date,sex\n{line}\n")).unwrap();
        let error = read_patients(&file, &domain).unwrap_err().to_string();
        assert!(error.contains("line 2") && error.contains(expected), "{error}");
    }
}

#[test]
fn every_example_is_a_configuration() {
    let examples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let mut read = 0;
    for folder in std::fs::read_dir(&examples).unwrap().filter_map(Result::ok).filter(|e| e.path().is_dir()) {
        for file in std::fs::read_dir(folder.path()).unwrap().filter_map(Result::ok) {
            let path = file.path();
            let is_node = path.extension().is_some_and(|e| e == "toml")
                && !["codes.toml", "regions.toml"].contains(&file.file_name().to_str().unwrap_or(""));
            if is_node {
                let config = super::load(&path).unwrap();
                read_codes(config.affinity_domain.codes.map(|p| folder.path().join(p)).as_deref()).unwrap();
                read_regions(config.affinity_domain.regions.map(|p| folder.path().join(p)).as_deref()).unwrap();
                read += 1;
            }
        }
    }
    assert!(read >= 3, "{read} files");
}

#[test]
fn a_console_is_shown_where_no_stranger_reaches_the_port_or_where_the_file_says_so() {
    let shows = |listen: &str| {
        let config = read(&SMALL.replace("127.0.0.1:8080\"", listen)).unwrap();
        (config.shows_console(), explain(&config).contains("shows no console"))
    };
    assert_eq!(shows("127.0.0.1:8080\""), (true, false));
    assert_eq!(shows("[::1]:8080\""), (true, false));
    assert_eq!(shows("127.0.0.1:8080\"\nconsole = false"), (false, true));
    assert_eq!(shows("0.0.0.0:8080\"\ninsecure = true"), (false, true));
    assert_eq!(shows("0.0.0.0:8080\"\ninsecure = true\nconsole = true"), (true, false));
    let tls = "0.0.0.0:8080\"\ntls = { certificate = \"c\", key = \"k\"";
    assert_eq!(shows(&format!("{tls} }}")), (false, true));
    assert_eq!(shows(&format!("{tls}, client_ca = \"a\" }}")), (true, false));
}
