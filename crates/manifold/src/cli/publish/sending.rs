//! Sending files by C-STORE, each in its own transfer syntax. Source: PS3.4 Annex B; design.md section 2.

use super::super::stop::Stop;
use dicom::Header;
use dicom::dimse::{CommandSet, ProposedContext, RequestorConfig, status};
use dicom::scan::{Keep, Options, scan_reader};
use dicom::sop_classes::storage_class;
use dicom::transfer_syntaxes::transfer_syntax;
use net::{DimseClient, NetError};
use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Contexts of one association: ids are the odd numbers up to 255 (PS3.8 9.3.2.2).
const MOST_CONTEXTS: usize = 128;

/// Where objects go.
#[derive(Clone, Debug)]
pub struct Destination {
    /// host:port.
    pub address: String,
    pub called: String,
    pub calling: String,
    pub timeout: Duration,
}

/// A file that is to be sent.
#[derive(Clone, Debug)]
pub struct Object {
    pub path: PathBuf,
    pub header: Header,
}

/// What became of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    pub path: PathBuf,
    pub study: String,
    pub sop_instance: String,
    /// The status, when there was an answer.
    pub status: Option<u16>,
    pub accepted: bool,
    /// What the receiver said, or why there was no answer.
    pub remark: String,
}

/// Sends everything; what is refused does not stop the rest. Blocks.
///
/// Errors: no association at all.
pub fn send(objects: &[Object], to: &Destination, mut sent: impl FnMut()) -> Result<Vec<Sent>, Stop> {
    let mut results = Vec::with_capacity(objects.len());
    let mut connected = false;
    for part in parts(objects) {
        let contexts = ProposedContext::to_store(part.iter().map(|o| pair(o)))
            .map_err(|count| Stop::failed(format!("{count} presentation contexts do not fit one association")))?;
        let connect = || {
            let config = RequestorConfig::new(&to.calling, &to.called, contexts.clone());
            DimseClient::connect(&to.address, config, to.timeout)
        };
        let mut client = match connect() {
            Ok(client) => Ok(client),
            Err(error) if !connected => return Err(Stop::failed(explain(&error, to))),
            Err(error) => Err(error.to_string()),
        };
        connected = true;
        for object in part {
            let (broken, result) = match &mut client {
                Ok(association) => one(association, object),
                Err(reason) => (false, Sent::without_answer(object, reason)),
            };
            results.push(result);
            sent();
            if broken {
                client = connect().map_err(|e| e.to_string());
            }
        }
        if let Ok(client) = client {
            // Everything is answered; an impolite end changes nothing.
            let _ = client.release();
        }
    }
    Ok(results)
}

fn explain(error: &NetError, to: &Destination) -> String {
    format!("{error}; nothing was sent. `manifold check dicom://{}@{}` tests the connection", to.called, to.address)
}

fn pair(object: &Object) -> (&str, &str) {
    (&object.header.sop_class_uid, &object.header.transfer_syntax_uid)
}

/// Objects by association: as few as their contexts need.
fn parts(objects: &[Object]) -> Vec<Vec<&Object>> {
    let mut pairs: Vec<(&str, &str)> = Vec::new();
    let mut parts: Vec<Vec<&Object>> = Vec::new();
    for object in objects {
        let pair = pair(object);
        let at = pairs.iter().position(|p| *p == pair).unwrap_or_else(|| {
            pairs.push(pair);
            pairs.len() - 1
        });
        let part = at / MOST_CONTEXTS;
        if parts.len() <= part {
            parts.resize_with(part + 1, Vec::new);
        }
        parts[part].push(object);
    }
    parts
}

/// Sends one object. Shape: whether the association is gone, and the result.
fn one(association: &mut DimseClient, object: &Object) -> (bool, Sent) {
    let (class, syntax) = pair(object);
    let Some(context) = association.context_for(class, syntax) else {
        let class = storage_class(class).map_or(class, |c| c.keyword);
        let syntax = transfer_syntax(syntax).map_or(syntax, |s| s.name);
        return (false, Sent::without_answer(object, &format!("the receiver does not take {class} in {syntax}")));
    };
    let mut data_set = match data_set(&object.path) {
        Ok(data_set) => data_set,
        Err(reason) => return (false, Sent::without_answer(object, &reason)),
    };
    match association.store(context, class, &object.header.sop_instance_uid, &mut data_set) {
        Ok(response) => (false, Sent::answered(object, &response)),
        Err(error) => (true, Sent::without_answer(object, &error.to_string())),
    }
}

/// The file at the start of its data set, after a look at all of it: half a file is never sent.
fn data_set(path: &Path) -> Result<File, String> {
    let mut file = File::open(path).map_err(|e| format!("cannot read it: {e}"))?;
    let options = Options { keep: Keep::Nothing, ..Options::default() };
    let scan = scan_reader(&mut file, &options).map_err(|e| format!("the file is broken: {e}"))?;
    file.seek(SeekFrom::Start(scan.data_set_offset)).map_err(|e| format!("cannot read it: {e}"))?;
    Ok(file)
}

impl Sent {
    fn without_answer(object: &Object, reason: &str) -> Self {
        Sent { status: None, accepted: false, remark: reason.to_owned(), ..Sent::of(object) }
    }

    fn answered(object: &Object, response: &CommandSet) -> Self {
        let code = response.status().unwrap_or(status::PROCESSING_FAILURE);
        // Bxxx are warnings: the object is stored (PS3.4 B.2.3).
        let accepted = code == status::SUCCESS || code & 0xF000 == 0xB000;
        let comment = response.error_comment().unwrap_or_default();
        let remark = match (code, comment.is_empty()) {
            (status::SUCCESS, true) => String::new(),
            (_, true) => meaning(code).to_owned(),
            (status::SUCCESS, false) => comment,
            (_, false) => format!("{}: {comment}", meaning(code)),
        };
        Sent { status: Some(code), accepted, remark, ..Sent::of(object) }
    }

    fn of(object: &Object) -> Self {
        Sent {
            path: object.path.clone(),
            study: object.header.study_instance_uid.clone(),
            sop_instance: object.header.sop_instance_uid.clone(),
            status: None,
            accepted: false,
            remark: String::new(),
        }
    }

    /// `stored`, `stored with a warning`, `refused (a900)`, `not sent`.
    pub fn outcome(&self) -> String {
        match (self.accepted, self.status) {
            (true, Some(status::SUCCESS)) => "stored".to_owned(),
            (true, _) => "stored with a warning".to_owned(),
            (false, Some(code)) => format!("refused ({code:04x})"),
            (false, None) => "not sent".to_owned(),
        }
    }
}

/// Source: PS3.4 Table B.2-1, PS3.7 Annex C.
fn meaning(code: u16) -> &'static str {
    match code {
        status::SOP_CLASS_NOT_SUPPORTED => "this kind of object is not taken",
        status::NOT_AUTHORIZED => "we are not allowed to store there",
        0x0111 => "it is there already, with other content",
        0xA700..=0xA7FF => "the receiver is out of resources; try again later",
        0xA900..=0xA9FF => "the object does not match its kind",
        0xB000..=0xBFFF => "stored, but something was changed or left out",
        0xC000..=0xCFFF => "the receiver cannot use the object",
        status::PROCESSING_FAILURE => "the receiver failed while storing it",
        _ => "the receiver refused it",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(class: usize, instance: usize) -> Object {
        let header = Header {
            sop_class_uid: format!("1.2.{class}"),
            sop_instance_uid: format!("1.3.{instance}"),
            transfer_syntax_uid: "1.2.840.10008.1.2.1".into(),
            ..Header::default()
        };
        Object { path: format!("{instance}.dcm").into(), header }
    }

    #[test]
    fn more_contexts_than_fit_need_another_association() {
        let objects: Vec<Object> = (0..300).map(|n| object(n % 150, n)).collect();
        let parts = parts(&objects);
        assert_eq!(parts.iter().map(Vec::len).collect::<Vec<_>>(), [256, 44]);
        assert!(parts.iter().all(|part| ProposedContext::to_store(part.iter().map(|o| pair(o))).is_ok()));
    }

    #[test]
    fn warnings_are_accepted_and_refusals_say_what_they_mean() {
        let object = object(1, 1);
        let request = CommandSet::store_request(1, "1.2.1", "1.3.1");
        let answered = |code, comment| Sent::answered(&object, &CommandSet::response(&request, code, comment, false));
        assert_eq!(answered(0, None).outcome(), "stored");
        assert_eq!(answered(0xB000, None).outcome(), "stored with a warning");
        let refused = answered(0xA900, Some("no study"));
        assert_eq!((refused.accepted, refused.outcome().as_str()), (false, "refused (a900)"));
        assert_eq!(refused.remark, "the object does not match its kind: no study");
    }

    #[test]
    fn without_a_receiver_nothing_is_sent_and_the_reason_says_how_to_test() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        drop(listener);
        let timeout = Duration::from_secs(1);
        let to = Destination { address, called: "X".into(), calling: "Y".into(), timeout };
        let Err(Stop::Failed(text)) = send(&[object(1, 1)], &to, || {}) else { panic!() };
        assert!(text.contains("nothing was sent. `manifold check dicom://X@"), "{text}");
    }
}
