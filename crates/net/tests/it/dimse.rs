//! Our dialler against our listener: what is sent arrives whole, refusals and limits are said in protocol.

use bytes::Bytes;
use dicom::dimse::{
    AcceptedContext, AcceptorConfig, AssociationRequest, CommandSet, ProposedContext, Rejection, RequestorConfig,
    field, status,
};
use net::{DimseClient, DimseServer, DimseService, DimseSession, NetError, listen_dimse};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const CT: &str = "1.2.840.10008.5.1.4.1.1.2";
const EXPLICIT_LE: &str = "1.2.840.10008.1.2.1";

/// Keeps what it gets.
#[derive(Default)]
struct Keeping {
    objects: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl DimseService for Keeping {
    fn open(self: Arc<Self>, request: &AssociationRequest, _: SocketAddr) -> Result<Box<dyn DimseSession>, Rejection> {
        if request.calling_ae_title == "STRANGER" {
            return Err(Rejection::CallingAeTitle);
        }
        Ok(Box::new(Session { objects: self.objects.clone(), request: None, octets: Vec::new() }))
    }
}

struct Session {
    objects: Arc<Mutex<Vec<Vec<u8>>>>,
    request: Option<CommandSet>,
    octets: Vec<u8>,
}

impl DimseSession for Session {
    fn command(&mut self, _: &AcceptedContext, command: &CommandSet, has_data: bool) -> Option<CommandSet> {
        if command.command_field() == field::C_STORE_RQ && has_data {
            self.request = Some(command.clone());
            return None;
        }
        Some(CommandSet::response(command, status::SUCCESS, None, false))
    }

    fn data(&mut self, _: &AcceptedContext, octets: Bytes, last: bool) -> Option<CommandSet> {
        self.octets.extend_from_slice(&octets);
        if !last {
            return None;
        }
        self.objects.lock().unwrap().push(std::mem::take(&mut self.octets));
        self.request.take().map(|request| CommandSet::response(&request, status::SUCCESS, None, false))
    }
}

fn start(service: Arc<Keeping>, limit: usize) -> DimseServer {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listen_dimse(listener, AcceptorConfig::default(), service, limit).unwrap()
}

fn requestor(calling: &str) -> RequestorConfig {
    let mut contexts = ProposedContext::to_store([(CT, EXPLICIT_LE)]).unwrap();
    contexts.push(ProposedContext::verification());
    RequestorConfig::new(calling, "ARCHIVE", contexts)
}

async fn blocking<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(f).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_of_any_size_arrive_octet_for_octet() {
    let service = Arc::new(Keeping::default());
    let server = start(service.clone(), 4);
    let address = server.address().to_string();
    let sent: Vec<Vec<u8>> = [2, 131_070, 1 << 20].map(|n| (0..n).map(|i| (i % 251) as u8).collect()).to_vec();
    let objects = sent.clone();
    blocking(move || {
        let mut client = DimseClient::connect(&address, requestor("MODALITY"), Duration::from_secs(5)).unwrap();
        assert_eq!(client.echo().unwrap(), status::SUCCESS);
        let context = client.context_for(CT, EXPLICIT_LE).unwrap();
        for (n, object) in objects.iter().enumerate() {
            let response = client.store(context, CT, &format!("2.25.{n}"), &mut object.as_slice()).unwrap();
            assert_eq!(response.status(), Some(status::SUCCESS));
        }
        client.release().unwrap();
    })
    .await;
    assert_eq!(*service.objects.lock().unwrap(), sent);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_say_why_and_whether_trying_again_helps() {
    let server = start(Arc::new(Keeping::default()), 1);
    let address = server.address().to_string();
    blocking(move || {
        let refused = |calling: &str| match DimseClient::connect(&address, requestor(calling), Duration::from_secs(5)) {
            Err(NetError::Connect { reason, .. }) => reason,
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("accepted"),
        };
        assert!(refused("STRANGER").to_lowercase().contains("calling"));
        // The stranger's thread may need a moment to give its place back.
        let mut first = None;
        for _ in 0..100 {
            match DimseClient::connect(&address, requestor("FIRST"), Duration::from_secs(5)) {
                Ok(client) => {
                    first = Some(client);
                    break;
                }
                Err(_) => std::thread::yield_now(),
            }
        }
        let first = first.expect("a place becomes free");
        let reason = refused("SECOND").to_lowercase();
        assert!(reason.contains("congestion"), "{reason}");
        first.release().unwrap();
    })
    .await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_listening_is_said_with_the_address() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let asked = address.clone();
    let error = blocking(move || {
        DimseClient::connect(&asked, requestor("MODALITY"), Duration::from_secs(5)).map(|_| ()).unwrap_err().to_string()
    })
    .await;
    assert!(error.contains(&address), "{error}");
}
