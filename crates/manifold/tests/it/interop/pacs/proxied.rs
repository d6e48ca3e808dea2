//! dcmqrscp and Orthanc behind a proxy: what they have is published, brought as it was sent, and withdrawn when it is gone.

use super::servers::{self, Server, objects, same, send};
use super::{Behind, Centre, Wanted};
use crate::weather::client::until;
use dicom::tags;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;
use synth::{Instance, PATIENTS, StudyPlan};

/// Quick enough for a test; studies of the seed are up to three years old.
const QUICK: &str =
    "poll_ms = 300\nwindow_days = 4000\nconfirm_missing = { queries = 2, apart_ms = 400 }\nreconcile_ms = 500";

/// A study of several series and classes, and one more.
fn plans() -> [StudyPlan; 2] {
    let mut all = synth::seed_studies();
    all.retain(|plan| plan.series.len() > 1);
    all.sort_by_key(|plan| plan.instance_count(synth::Part::All));
    let rich = all.iter().position(|plan| plan.series.iter().any(|s| s.modality == "SR")).expect("a study with an SR");
    let rich = all.remove(rich);
    [rich, all.remove(0)]
}

fn patient(plan: &StudyPlan) -> &'static str {
    PATIENTS[plan.patient].id
}

fn uids<'a>(objects: impl IntoIterator<Item = &'a Instance>) -> Vec<String> {
    let mut uids: Vec<String> = objects.into_iter().map(|one| one.uid.clone()).collect();
    uids.sort();
    uids
}

fn series_of(one: &Instance) -> String {
    dicom::Header::read(std::io::Cursor::new(&one.bytes)).expect("a header").series_instance_uid
}

/// What comes by WADO-RS is what was sent, all of it and nothing else.
fn comes_as_sent(proxy: &Behind, plan: &StudyPlan, sent: &[Instance]) {
    // The registry knows of a manifest a moment before the node knows that it does.
    let mut images = until("the images of the new manifest", || {
        let images = proxy.client.images(&plan.study_uid).ok()?;
        (images.len() == sent.len()).then_some(images)
    });
    images.sort();
    assert_eq!(images.iter().map(|(uid, _)| uid.clone()).collect::<Vec<_>>(), uids(sent));
    for (uid, file) in images {
        same(&file, &sent.iter().find(|one| one.uid == uid).expect("an object that was sent").bytes);
    }
}

/// What the PACS cannot give by itself is made of what it sends.
fn attributes_and_pictures(proxy: &Behind, plan: &StudyPlan, sent: &[Instance]) {
    let study = format!("/dicomweb/studies/{}", plan.study_uid);
    let (status, body) = proxy.client.get(&format!("{study}/metadata")).expect("an answer");
    assert_eq!(status, 200, "{body}");
    let attributes: Vec<serde_json::Value> = serde_json::from_str(&body).expect("JSON");
    let mut told: Vec<&str> =
        attributes.iter().map(|one| one["00080018"]["Value"][0].as_str().expect("a SOP Instance UID")).collect();
    told.sort_unstable();
    assert_eq!(told, uids(sent));
    let (status, _) = proxy.client.get(&format!("{study}/thumbnail")).expect("an answer");
    assert_eq!(status, 200);
}

/// Publication, retrieval and growth, whatever the PACS.
fn published_and_brought(pacs: &Server, centre: &Centre, move_to: Option<(&str, u16)>) -> Behind {
    let [plan, _] = plans();
    let sent = objects(&plan);
    let (first, later) = sent.split_at(sent.len() - 1);
    send(pacs, first);
    let name = format!("proxy-{}", pacs.ae_title.to_lowercase());
    let proxy =
        centre.serve(&Wanted { name: &name, address: &pacs.address, ae_title: pacs.ae_title, move_to, more: QUICK });
    assert_eq!(centre.await_instances(patient(&plan), &plan.study_uid, first.len()), uids(first));
    comes_as_sent(&proxy, &plan, first);
    send(pacs, later);
    assert_eq!(centre.await_instances(patient(&plan), &plan.study_uid, sent.len()), uids(&sent));
    comes_as_sent(&proxy, &plan, &sent);
    // Two at the same time share what comes.
    std::thread::scope(|scope| {
        let both =
            [scope.spawn(|| comes_as_sent(&proxy, &plan, &sent)), scope.spawn(|| comes_as_sent(&proxy, &plan, &sent))];
        both.into_iter().for_each(|one| one.join().expect("images"));
    });
    let one = &sent[0];
    let series = series_of(one);
    same(&proxy.client.image_by_rad69(&plan.study_uid, &series, &one.uid).expect("an image by RAD-69"), &one.bytes);
    attributes_and_pictures(&proxy, &plan, &sent);
    until("the picture of the PACS is right", || {
        (proxy.metric("manifold_manifests_out_of_sync")? == 0.0).then_some(())
    });
    assert!(proxy.metric("manifold_pacs_polled_timestamp_seconds").is_some_and(|at| at > 1.7e9));
    assert_eq!(proxy.metric("manifold_peer_answers{peer=\"pacs\"}"), Some(1.0));
    let accession = dicom::Header::read(std::io::Cursor::new(&one.bytes)).expect("a header").accession_number;
    let number = accession.expect("an accession number");
    let (_, page) = proxy.client.get(&format!("/console?q={number}")).expect("the console");
    assert!(page.contains(&format!("id=\"study-{}\"", plan.study_uid)), "{page}");
    proxy
}

#[test]
fn dcmqrscp_behind_a_proxy_is_published_and_brought_by_c_move() {
    let centre = Centre::start();
    let port = centre.port();
    let Some(pacs) = servers::dcmqrscp(port) else { return };
    let proxy = published_and_brought(&pacs, &centre, Some(("PROXY", port)));

    // A power cut changes nothing: no manifest twice, and the images are brought as before.
    let [plan, _] = plans();
    let manifests = || centre.client.manifests(patient(&plan), &plan.study_uid).expect("an answer").len();
    assert_eq!(manifests(), 2);
    proxy.node.kill();
    let proxy = centre.again("proxy-dcmqrscp");
    until("a poll after the restart", || proxy.pacs()["polled_at"].as_i64());
    comes_as_sent(&proxy, &plan, &objects(&plan));
    assert_eq!(manifests(), 2);
}

#[test]
fn dcmqrscp_behind_a_proxy_is_published_and_brought_by_c_get() {
    let centre = Centre::start();
    let Some(pacs) = servers::dcmqrscp(centre.port()) else { return };
    let proxy = published_and_brought(&pacs, &centre, None);
    assert!(proxy.node.endpoints["nodes"][0]["endpoints"].get("DIMSE").is_none(), "a C-GET needs no port");
}

#[test]
fn orthanc_behind_a_proxy_is_published_and_brought_by_c_get() {
    let centre = Centre::start();
    let Some(pacs) = servers::orthanc(centre.port()) else { return };
    published_and_brought(&pacs, &centre, None);
}

#[test]
fn what_orthanc_deletes_leaves_the_registry() {
    let centre = Centre::start();
    let port = centre.port();
    let Some(pacs) = servers::orthanc(port) else { return };
    let proxy = published_and_brought(&pacs, &centre, Some(("PROXY", port)));
    let [plan, other] = plans();
    let others = objects(&other);
    send(&pacs, &others);
    centre.await_instances(patient(&other), &other.study_uid, others.len());
    let sent = objects(&plan);

    let series = &plan.series.last().expect("a series").uid;
    pacs.delete("Series", series);
    until("the loss is noticed", || (proxy.metric("manifold_manifests_out_of_sync")? > 0.0).then_some(()));
    let of_series = |one: &&Instance| series_of(one) == *series;
    let left: Vec<&Instance> = sent.iter().filter(|one| !of_series(one)).collect();
    assert!(left.len() < sent.len());
    let listed = centre.await_instances(patient(&plan), &plan.study_uid, left.len());
    assert_eq!(listed, uids(left.iter().copied()));
    assert!(proxy.client.images(&plan.study_uid).is_ok_and(|images| images.len() == left.len()));

    pacs.delete("Study", &plan.study_uid);
    until("the manifest is withdrawn", || {
        let current = centre.client.current_manifests(patient(&plan), &plan.study_uid).expect("an answer");
        current.is_empty().then_some(())
    });
    assert!(proxy.client.images(&plan.study_uid).is_err());
    // The other study is where it was.
    comes_as_sent(&proxy, &other, &others);
    until("the picture of the PACS is right", || {
        (proxy.metric("manifold_manifests_out_of_sync")? == 0.0).then_some(())
    });
}

/// B-026.
#[test]
fn a_rejection_note_for_everything_withdraws_the_manifest() {
    let centre = Centre::start();
    let port = centre.port();
    let Some(pacs) = servers::orthanc(port) else { return };
    let [_, plan] = plans();
    let sent = objects(&plan);
    send(&pacs, &sent);
    let move_to = Some(("PROXY", port));
    let wanted = Wanted { name: "proxy", address: &pacs.address, ae_title: pacs.ae_title, move_to, more: QUICK };
    let proxy = centre.serve(&wanted);
    let patient = patient(&plan);
    centre.await_instances(patient, &plan.study_uid, sent.len());
    comes_as_sent(&proxy, &plan, &sent);

    // The manifest with another title is a note that rejects all that it lists.
    let manifest = centre.document(patient, &plan.study_uid).expect("a manifest");
    let encoding = dicom::transfer_syntaxes::Encoding::EXPLICIT_LE;
    let mut note = dicom::dataset::decode(servers::data_set(&manifest), encoding).expect("a data set");
    let mut title = dicom::DataSet::new();
    title.put_text(tags::CODE_VALUE, "113001");
    title.put_text(tags::CODING_SCHEME_DESIGNATOR, "DCM");
    title.put_text(tags::CODE_MEANING, "Rejected for Quality Reasons");
    note.put_items(tags::CONCEPT_NAME_CODE_SEQUENCE, vec![title]);
    let uid = synth::uid("proxied/rejection");
    note.put_text(tags::SOP_INSTANCE_UID, &uid);
    note.put_text(tags::SERIES_INSTANCE_UID, &synth::uid("proxied/rejection/series"));
    let (sop_class, transfer_syntax) = (dicom::sop_classes::KEY_OBJECT_SELECTION, "1.2.840.10008.1.2.1");
    send(&pacs, &[Instance { uid, sop_class, transfer_syntax, bytes: dicom::part10::encode(&note) }]);

    until("the manifest is withdrawn", || {
        let current = centre.client.current_manifests(patient, &plan.study_uid).expect("an answer");
        current.is_empty().then_some(())
    });
    assert_eq!(centre.client.manifests(patient, &plan.study_uid).expect("an answer").len(), 1, "no replacement");
    assert!(proxy.client.images(&plan.study_uid).is_err());
}

#[test]
fn a_pacs_that_dies_while_it_sends_gives_a_failed_answer() {
    let centre = Centre::start();
    let port = centre.port();
    let Some(mut pacs) = servers::orthanc(port) else { return };
    // 64 slices of 512 x 512: more than all buffers on the way hold.
    let study = synth::study_of(64, 512, 512, 71);
    let mut sent = Vec::new();
    study
        .write(|one| {
            sent.push(one);
            Ok(())
        })
        .expect("a study");
    send(&pacs, &sent);
    let plan = study.plan();
    let more = format!("{QUICK}\ntransit_octets = 4000000");
    let wanted = Wanted {
        name: "proxy",
        address: &pacs.address,
        ae_title: pacs.ae_title,
        move_to: Some(("PROXY", port)),
        more: &more,
    };
    let proxy = centre.serve(&wanted);
    centre.await_instances(patient(plan), &plan.study_uid, sent.len());

    let base = proxy.client.base().trim_start_matches("http://").to_owned();
    let mut stream = TcpStream::connect(&base).expect("the node listens");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
    let accept = "multipart/related; type=\"application/dicom\"; transfer-syntax=*";
    let request = format!(
        "GET /dicomweb/studies/{} HTTP/1.1\r\nHost: {base}\r\nAccept: {accept}\r\nConnection: close\r\n\r\n",
        plan.study_uid
    );
    stream.write_all(request.as_bytes()).expect("a request");
    let mut answer = vec![0; 100_000];
    stream.read_exact(&mut answer).expect("the answer begins before everything has come");
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer[..100]));
    pacs.kill();
    let whole: usize = sent.iter().map(|one| one.bytes.len()).sum();
    let ended = stream.read_to_end(&mut answer);
    assert!(answer.len() < whole, "it was all there before the PACS died: {} of {whole}", answer.len());
    let closes_chunks = answer.ends_with(b"0\r\n\r\n");
    assert!(ended.is_err() || !closes_chunks, "a short answer that looks whole");
    until("the node says why", || {
        let fault = proxy.pacs()["fault"].as_str()?.to_owned();
        fault.contains("pacs").then_some(())
    });
    // It loses nothing of what is published, and comes back with the PACS.
    assert_eq!(centre.listed(patient(plan), &plan.study_uid).map(|all| all.len()), Some(sent.len()));
    assert!(proxy.client.images(&plan.study_uid).is_err());
    pacs.restart();
    until("the PACS is polled again", || proxy.pacs()["fault"].is_null().then_some(()));
    comes_as_sent(&proxy, plan, &sent);
    assert_eq!(centre.client.manifests(patient(plan), &plan.study_uid).expect("an answer").len(), 1);
}
