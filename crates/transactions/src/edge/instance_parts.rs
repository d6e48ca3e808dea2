//! Instances out of the parts of an arriving answer, by whatever protocol it comes: nothing is held but what was read
//! last. WADO-RS and RAD-69 share it.

use super::file_meta::{FileMeta, MOST_OCTETS, file_meta};
use actors::{ByteStream, Fault, InstanceStream, ServedInstance};
use bytes::{Bytes, BytesMut};
use dicom::dicomweb::PartEvent;
use futures_util::stream;
use model::SeriesInstanceUid;
use std::future::Future;
use tokio::sync::oneshot;

/// An answer being read: DICOM files, one part each.
pub trait PartSource: Send + 'static {
    /// What comes next. Errors: the answer breaks off or cannot be read.
    fn next(&mut self) -> impl Future<Output = Result<PartEvent, Fault>> + Send;

    /// The peer's name with what it did wrong.
    fn broken(&self, reason: String) -> Fault;
}

/// Where the answer stands when the next instance is asked for.
enum Place<P> {
    Between(Box<P>),
    /// The instance before is being read by its consumer.
    Lent(oneshot::Receiver<Lent<P>>),
    Done,
}

struct Lent<P> {
    reading: Box<P>,
    /// The consumer stopped before the instance's end.
    inside: bool,
}

/// The instances of an answer, one after the other. `partial`: the peer said that some are missing.
///
/// Shape: each is read to its end or let go before the next comes; `series` is what was asked for.
pub fn instances<P: PartSource>(
    reading: P,
    peer: String,
    series: Option<SeriesInstanceUid>,
    partial: bool,
) -> InstanceStream {
    let state = (Place::Between(Box::new(reading)), peer, series);
    Box::pin(stream::unfold(state, move |(place, peer, series)| async move {
        let reading = match place {
            Place::Between(reading) => Ok(reading),
            Place::Lent(back) => match back.await {
                Ok(lent) => after_instance(lent).await,
                Err(_) => {
                    let reason = "broke off an instance".to_owned();
                    Err(Fault::PeerUnavailable { peer: peer.clone(), reason })
                }
            },
            Place::Done => return None,
        };
        let begun = match reading {
            Ok(reading) => begin(reading, series.clone()).await,
            Err(fault) => Err(fault),
        };
        match begun {
            Ok(Some((served, back))) => Some((Ok(served), (Place::Lent(back), peer, series))),
            Ok(None) if partial => {
                let reason = "sent a part of the instances only (HTTP 206)".to_owned();
                let fault = Fault::PeerUnavailable { peer: peer.clone(), reason };
                Some((Err(fault), (Place::Done, peer, series)))
            }
            Ok(None) => None,
            Err(fault) => Some((Err(fault), (Place::Done, peer, series))),
        }
    }))
}

/// Goes on to the end of an instance that its consumer did not read to the end.
async fn after_instance<P: PartSource>(lent: Lent<P>) -> Result<Box<P>, Fault> {
    let Lent { mut reading, mut inside } = lent;
    while inside {
        match reading.next().await? {
            PartEvent::End => inside = false,
            PartEvent::Data(_) | PartEvent::Start { .. } => {}
            PartEvent::Complete => return Err(reading.broken("ended inside an instance".to_owned())),
        }
    }
    Ok(reading)
}

type Begun<P> = (ServedInstance, oneshot::Receiver<Lent<P>>);

/// Reads the head of the next instance. `None` when the answer is complete.
async fn begin<P: PartSource>(
    mut reading: Box<P>,
    series: Option<SeriesInstanceUid>,
) -> Result<Option<Begun<P>>, Fault> {
    match reading.next().await? {
        PartEvent::Complete => return Ok(None),
        PartEvent::Start { .. } => {}
        PartEvent::Data(_) | PartEvent::End => return Err(reading.broken("sent octets outside a part".to_owned())),
    }
    let mut first = BytesMut::new();
    let mut whole = false;
    let (sop_instance, transfer_syntax) = loop {
        match file_meta(&first) {
            FileMeta::Known { sop_instance, transfer_syntax } => break (sop_instance, transfer_syntax),
            FileMeta::More if !whole && first.len() < MOST_OCTETS => {}
            FileMeta::More | FileMeta::None => {
                return Err(reading.broken("sent a part that is no DICOM file with a file meta group".to_owned()));
            }
        }
        match reading.next().await? {
            PartEvent::Data(octets) => first.extend_from_slice(&octets),
            PartEvent::End => whole = true,
            PartEvent::Start { .. } | PartEvent::Complete => {
                return Err(reading.broken("ended inside an instance".to_owned()));
            }
        }
    };
    let (sender, back) = oneshot::channel();
    let body = Body { lent: Some(Lent { reading, inside: !whole }), first: Some(first.freeze()), back: Some(sender) };
    let body: ByteStream = Box::pin(stream::unfold(body, |mut body| async move {
        if let Some(first) = body.first.take() {
            return Some((Ok(first), body));
        }
        loop {
            let lent = body.lent.as_mut()?;
            if !lent.inside {
                return None;
            }
            match lent.reading.next().await {
                Ok(PartEvent::Data(octets)) => return Some((Ok::<Bytes, Fault>(octets), body)),
                Ok(PartEvent::End) => lent.inside = false,
                Ok(PartEvent::Start { .. } | PartEvent::Complete) => {
                    let fault = lent.reading.broken("ended inside an instance".to_owned());
                    body.lent = None;
                    return Some((Err(fault), body));
                }
                Err(fault) => {
                    body.lent = None;
                    return Some((Err(fault), body));
                }
            }
        }
    }));
    let served = ServedInstance { series, sop_instance, transfer_syntax, size_octets: None, body };
    Ok(Some((served, back)))
}

/// Gives the answer back for the next instance, wherever its consumer stopped.
struct Body<P> {
    lent: Option<Lent<P>>,
    first: Option<Bytes>,
    back: Option<oneshot::Sender<Lent<P>>>,
}

impl<P> Drop for Body<P> {
    fn drop(&mut self) {
        if let (Some(lent), Some(back)) = (self.lent.take(), self.back.take()) {
            let _ = back.send(lent);
        }
    }
}
