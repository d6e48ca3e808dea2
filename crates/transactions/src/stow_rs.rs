//! STOW-RS Store Instances: DICOM files of a multipart stream to the archive, each kept or refused by itself and told so.
//! Source: PS3.18 10.5, 8.7.3, Annex I; spec/dicom.md sections 18 and 24 (P15, P28).

use crate::c_store::Incoming;
use crate::edge::Edge;
use crate::edge::audit::{Facts, Outcome};
use crate::edge::dimse_status;
use crate::edge::fhir_server::REQUEST_ID;
use crate::{Access, Binding, Transaction};
use actors::{Accepted, Caller, Cx, InstanceReceiver};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::post;
use bytes::Bytes;
use dicom::dicomweb::{PartEvent, PartReader, media_ranges};
use dicom::part10::file_meta_of;
use dicom::sop_classes::storage_class;
use dicom::transfer_syntaxes::transfer_syntax;
use futures_util::StreamExt;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use model::StudyInstanceUid;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use tokio::sync::mpsc;

pub static TRANSACTION: Transaction = Transaction {
    id: "STOW-RS",
    name: "Store Instances",
    section: "PS3.18 10.5",
    binding: Binding::Http { method: "POST", path: "/dicomweb/studies" },
    access: Access::Publish,
};

/// As which calling AE title the archive keeps what came so; a line of `[[sources]]` may name it.
pub const CALLING_AE: &str = "STOW-RS";
const DICOM_JSON: &str = "application/dicom+json";
/// Octets in which the file meta group must end.
const META_OCTETS: usize = 64 << 10;
/// Pieces of the body that wait to be written.
const WAITING: usize = 8;
/// Sentences in the head of an answer.
const MOST_WARNINGS: usize = 5;

/// Stores in the node's archive.
pub struct Server {
    pub receiver: Arc<dyn InstanceReceiver>,
    /// Public address of `/dicomweb`, without a slash at the end.
    pub dicomweb_base: String,
    /// Largest object, octets.
    pub instance_octets: u64,
    pub edge: Edge,
}

/// Why nothing was looked at.
struct Refused {
    status: StatusCode,
    text: String,
}

/// What became of one part.
struct Stored {
    sop_class: String,
    sop_instance: String,
    study: Option<String>,
    series: Option<String>,
    outcome: Result<Accepted, Failure>,
}

/// A failure reason (0008,1197) and a sentence. Source: PS3.18 Table 10.5.3-1 and I.2.1.
struct Failure {
    code: u16,
    text: String,
}

impl Server {
    pub fn router(self) -> Router {
        let server = Arc::new(self);
        let answer = move |request: Request| {
            let server = server.clone();
            async move { server.answer(request).await }
        };
        Router::new().route("/dicomweb/studies", post(answer.clone())).route("/dicomweb/studies/{study}", post(answer))
    }

    async fn answer(&self, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let cx = self.edge.cx(&parts);
        let below = parts.uri.path().strip_prefix("/dicomweb/studies").unwrap_or("").trim_matches('/');
        let checked = self.check(below, &parts.headers);
        let received = match checked {
            Ok((study, reader)) => self.receive(reader, body, study, &cx).await,
            Err(refused) => Err((refused, Vec::new())),
        };
        let (refused, stored) = match received {
            Ok(stored) => (None, stored),
            Err((refused, stored)) => (Some(refused), stored),
        };
        let objects = stored.iter().flat_map(|one| one.study.iter().chain([&one.sop_instance])).cloned().collect();
        let failed = stored.iter().filter(|one| one.outcome.is_err()).count();
        let outcome = match &refused {
            Some(refused) => Outcome::MinorFailure(format!("HTTP {} {}", refused.status.as_u16(), refused.text)),
            None if failed > 0 => Outcome::MinorFailure(format!("{failed} of {} instances were refused", stored.len())),
            None => Outcome::Success,
        };
        self.edge.audit(&TRANSACTION, outcome, Facts { patient: None, objects, query: None }, &cx);
        match refused {
            Some(refused) => problem(&refused, &stored, &cx.request_id),
            None => self.told(&stored, &cx.request_id),
        }
    }

    fn check(&self, study: &str, headers: &HeaderMap) -> Result<(Option<StudyInstanceUid>, PartReader), Refused> {
        let bad = |status, text: String| Refused { status, text };
        let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        let takes = |range: &dicom::dicomweb::MediaRange| {
            matches!(range.essence.as_str(), DICOM_JSON | "application/json" | "application/*" | "*/*")
        };
        if !media_ranges(text(header::ACCEPT), None).iter().any(takes) {
            return Err(bad(StatusCode::NOT_ACCEPTABLE, format!("accept: the answer is given as {DICOM_JSON}")));
        }
        let study = match study {
            "" => None,
            uid => Some(StudyInstanceUid::parse(uid).map_err(|e| bad(StatusCode::BAD_REQUEST, e.to_string()))?),
        };
        let unsupported = |text: String| {
            let text = format!("content-type: {text}; send multipart/related; type=\"application/dicom\"");
            bad(StatusCode::UNSUPPORTED_MEDIA_TYPE, text)
        };
        let content_type = text(header::CONTENT_TYPE).ok_or_else(|| unsupported("is missing".to_owned()))?;
        let kind = mime::ContentType::parse(content_type).map_err(|e| unsupported(e.to_string()))?;
        if kind.is_multipart() && kind.param("type").is_some_and(|kind| !kind.eq_ignore_ascii_case("application/dicom"))
        {
            return Err(unsupported("objects are taken as DICOM files, not as metadata and bulk data".to_owned()));
        }
        let reader = PartReader::new(content_type).map_err(|e| match kind.is_multipart() {
            true => bad(StatusCode::BAD_REQUEST, format!("content-type: {e}")),
            false => unsupported(e.to_string()),
        })?;
        Ok((study, reader))
    }

    /// Reads the body to its end on a thread that may block. Errors: what was kept before the body broke is told too.
    async fn receive(
        &self,
        reader: PartReader,
        body: Body,
        study: Option<StudyInstanceUid>,
        cx: &Cx,
    ) -> Result<Vec<Stored>, (Refused, Vec<Stored>)> {
        let (sender, pieces) = mpsc::channel(WAITING);
        let receiving = Receiving {
            receiver: self.receiver.clone(),
            limit: self.instance_octets,
            study: study.map(|uid| uid.to_string()),
            cx: Cx { caller: Caller { name: CALLING_AE.to_owned(), ..cx.caller.clone() }, ..cx.clone() },
            stored: Vec::new(),
            part: None,
        };
        let writing = tokio::task::spawn_blocking(move || receiving.run(reader, pieces));
        let mut body = body.into_data_stream();
        while let Some(piece) = body.next().await {
            let ended = piece.is_err();
            if sender.send(piece.map_err(|error| error.to_string())).await.is_err() || ended {
                break;
            }
        }
        drop(sender);
        writing.await.unwrap_or_else(|error| {
            tracing::error!(request_id = cx.request_id, %error, "a stored body could not be read");
            let text = "the body could not be read here".to_owned();
            Err((Refused { status: StatusCode::INTERNAL_SERVER_ERROR, text }, Vec::new()))
        })
    }

    /// The Store Instances Response Module. Source: PS3.18 Annex I.2.
    fn told(&self, stored: &[Stored], request_id: &str) -> Response {
        let kept = stored.iter().filter(|one| one.outcome.is_ok()).count();
        let clean = |one: &&Stored| matches!(one.outcome, Ok(Accepted::Stored | Accepted::AlreadyThere));
        let status = match kept {
            0 => StatusCode::CONFLICT,
            _ if stored.iter().filter(clean).count() == stored.len() => StatusCode::OK,
            _ => StatusCode::ACCEPTED,
        };
        let module = self.module(stored);
        let mut response = Response::new(Body::from(module.to_string()));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(DICOM_JSON));
        say(stored, request_id, headers);
        response
    }

    fn module(&self, stored: &[Stored]) -> Value {
        let studies = format!("{}/studies", self.dicomweb_base);
        let (mut referenced, mut failed, mut other) = (Vec::new(), Vec::new(), Vec::new());
        let mut places: Vec<String> = Vec::new();
        for one in stored {
            let mut item = Map::new();
            put(&mut item, "00081150", "UI", json!(one.sop_class));
            put(&mut item, "00081155", "UI", json!(one.sop_instance));
            match &one.outcome {
                Ok(accepted) => {
                    if let (Some(study), Some(series)) = (&one.study, &one.series) {
                        let place = format!("{studies}/{study}");
                        put(
                            &mut item,
                            "00081190",
                            "UR",
                            json!(format!("{place}/series/{series}/instances/{}", one.sop_instance)),
                        );
                        if !places.contains(&place) {
                            places.push(place);
                        }
                    }
                    if let Accepted::Held(reason) = accepted {
                        // "Data Set does not match SOP Class": the nearest there is to what keeps it from being shared.
                        put(&mut item, "00081196", "US", json!(dimse_status::held(reason).max(0xb007)));
                    }
                    referenced.push(Value::Object(item));
                }
                Err(failure) if one.sop_instance.is_empty() => {
                    other.push(json!({"00081197": {"vr": "US", "Value": [failure.code]}}));
                }
                Err(failure) => {
                    put(&mut item, "00081197", "US", json!(failure.code));
                    failed.push(Value::Object(item));
                }
            }
        }
        let mut module = Map::new();
        if let [place] = places.as_slice() {
            put(&mut module, "00081190", "UR", json!(place));
        }
        for (key, items) in [("00081198", failed), ("00081199", referenced), ("0008119A", other)] {
            if !items.is_empty() {
                module.insert(key.to_owned(), json!({"vr": "SQ", "Value": items}));
            }
        }
        Value::Object(module)
    }
}

fn put(object: &mut Map<String, Value>, key: &str, vr: &str, value: Value) {
    let empty = value.as_str().is_some_and(str::is_empty);
    let value = if empty { json!({"vr": vr}) } else { json!({"vr": vr, "Value": [value]}) };
    object.insert(key.to_owned(), value);
}

/// What is wrong in words, for the first of them; codes alone help nobody.
fn say(stored: &[Stored], request_id: &str, headers: &mut HeaderMap) {
    let wrong = stored.iter().filter_map(|one| match &one.outcome {
        Ok(Accepted::Held(reason)) => Some((one, reason)),
        Err(failure) => Some((one, &failure.text)),
        Ok(_) => None,
    });
    for (one, text) in wrong.take(MOST_WARNINGS) {
        let instance = if one.sop_instance.is_empty() { "a part" } else { &one.sop_instance };
        let text: String =
            format!("{instance}: {text}").chars().filter(|c| (' '..='~').contains(c) && *c != '"').collect();
        if let Ok(warning) = HeaderValue::from_str(&format!("299 manifold \"{text}\"")) {
            headers.append(header::WARNING, warning);
        }
    }
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert(REQUEST_ID.clone(), id);
    }
}

fn problem(refused: &Refused, stored: &[Stored], request_id: &str) -> Response {
    let kept: Vec<&str> =
        stored.iter().filter(|one| one.outcome.is_ok()).map(|one| one.sop_instance.as_str()).collect();
    let body = json!({
        "status": refused.status.as_u16(),
        "title": refused.status.canonical_reason().unwrap_or("Refused"),
        "detail": refused.text,
        "stored_before": kept,
        "reference": request_id,
    });
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = refused.status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    say(stored, request_id, headers);
    response
}

/// A body that is being read.
struct Receiving {
    receiver: Arc<dyn InstanceReceiver>,
    limit: u64,
    /// To which everything must belong.
    study: Option<String>,
    cx: Cx,
    stored: Vec<Stored>,
    part: Option<Part>,
}

/// A part: its head until the file meta group is whole, then an object on its way in.
enum Part {
    Head(Vec<u8>),
    Object {
        incoming: Box<Incoming>,
        sop_class: String,
        sop_instance: String,
    },
    /// Refused already; the rest of it is passed over.
    Failed(Stored),
}

impl Receiving {
    fn run(
        mut self,
        mut reader: PartReader,
        mut pieces: mpsc::Receiver<Result<Bytes, String>>,
    ) -> Result<Vec<Stored>, (Refused, Vec<Stored>)> {
        let broken = |text: String| Refused { status: StatusCode::BAD_REQUEST, text };
        let mut complete = false;
        loop {
            let piece = pieces.blocking_recv();
            let ended = piece.is_none();
            match piece {
                Some(Ok(octets)) => reader.feed(octets),
                Some(Err(error)) => return Err((broken(format!("the body broke off: {error}")), self.stored)),
                None => reader.finish(),
            }
            loop {
                match reader.next_event() {
                    Ok(Some(PartEvent::Start { .. })) => self.part = Some(Part::Head(Vec::new())),
                    Ok(Some(PartEvent::Data(octets))) => self.data(&octets),
                    Ok(Some(PartEvent::End)) => self.end(),
                    Ok(Some(PartEvent::Complete)) => complete = true,
                    Ok(None) => break,
                    Err(error) => return Err((broken(format!("the body is no multipart: {error}")), self.stored)),
                }
            }
            if ended {
                break;
            }
        }
        match (complete, self.stored.is_empty()) {
            (false, _) => Err((broken("the body ends within a part".to_owned()), self.stored)),
            (true, true) => Err((broken("the body holds no part".to_owned()), self.stored)),
            (true, false) => Ok(self.stored),
        }
    }

    fn data(&mut self, octets: &[u8]) {
        match &mut self.part {
            Some(Part::Head(head)) => {
                head.extend_from_slice(octets);
                if head.len() >= META_OCTETS {
                    self.begin();
                }
            }
            Some(Part::Object { incoming, .. }) => incoming.write(octets),
            Some(Part::Failed(_)) | None => {}
        }
    }

    /// The head of a part is there, or all of it.
    fn begin(&mut self) {
        let Some(Part::Head(head)) = self.part.take() else { return };
        self.part = Some(self.object(&head));
    }

    fn object(&self, head: &[u8]) -> Part {
        let failed = |[sop_class, sop_instance]: [&str; 2], code, text: String| {
            Part::Failed(Stored {
                sop_class: sop_class.to_owned(),
                sop_instance: sop_instance.to_owned(),
                study: None,
                series: None,
                outcome: Err(Failure { code, text }),
            })
        };
        let (meta, start) = match file_meta_of(head) {
            Ok(found) => found,
            Err(error) => return failed(["", ""], 0xc000, error.to_string()),
        };
        let ids = [meta.sop_class_uid.as_str(), meta.sop_instance_uid.as_str()];
        if storage_class(&meta.sop_class_uid).is_none() {
            let class = &meta.sop_class_uid;
            return failed(
                ids,
                0x0122,
                format!("(0002,0002) Media Storage SOP Class UID `{class}` is none that is stored here"),
            );
        }
        if transfer_syntax(&meta.transfer_syntax_uid).is_none() {
            let text = format!("(0002,0010) Transfer Syntax UID `{}` is not known here", meta.transfer_syntax_uid);
            return failed(ids, 0xc122, text);
        }
        let object = [ids[0], ids[1], meta.transfer_syntax_uid.as_str()];
        let mut incoming = Incoming::begin(&*self.receiver, object, self.limit, &self.cx);
        incoming.write(&head[start..]);
        let [sop_class, sop_instance] = ids.map(str::to_owned);
        Part::Object { incoming: Box::new(incoming), sop_class, sop_instance }
    }

    fn end(&mut self) {
        if matches!(self.part, Some(Part::Head(_))) {
            self.begin();
        }
        match self.part.take() {
            Some(Part::Object { incoming, sop_class, sop_instance }) => {
                let (place, outcome) = incoming.finish_in(self.study.as_deref(), &self.cx);
                let outcome = outcome.map_err(|fault| {
                    tracing::warn!(
                        request_id = self.cx.request_id,
                        instance = sop_instance,
                        ?fault,
                        "instance refused"
                    );
                    Failure { code: dimse_status::c_store(&fault), text: dimse_status::comment(&fault) }
                });
                let (study, series) = place.unzip();
                self.stored.push(Stored { sop_class, sop_instance, study, series, outcome });
            }
            Some(Part::Failed(failed)) => self.stored.push(failed),
            Some(Part::Head(_)) | None => {}
        }
    }
}
