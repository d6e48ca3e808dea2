//! The body of an answer: part heads and instances as they come, held back by the reader, and broken off at the first
//! fault so that nobody takes an incomplete answer for a whole one. PS3.18 8.7; spec/dicom.md sections 14, 16.

use actors::{ByteStream, Fault, InstanceStream, PlannedInstance, ServedInstance};
use bytes::Bytes;
use dicom::dicomweb::{Part, PartWriter};
use futures_util::Stream;
use std::pin::Pin;
use std::task::{Context, Poll};

/// What stands around the instances.
pub(super) enum Heads {
    /// Everything was known beforehand.
    Planned {
        parts: std::vec::IntoIter<(PlannedInstance, Bytes)>,
        close: Option<Bytes>,
    },
    AsTheyCome {
        writer: PartWriter,
        base: String,
        closed: bool,
    },
    /// One instance and nothing else.
    Bare {
        size: Option<u64>,
        sent: bool,
    },
}

impl Heads {
    pub fn planned(plan: Vec<PlannedInstance>, heads: Vec<Vec<u8>>, close: Vec<u8>) -> Heads {
        let parts: Vec<_> = plan.into_iter().zip(heads.into_iter().map(Bytes::from)).collect();
        Heads::Planned { parts: parts.into_iter(), close: Some(close.into()) }
    }

    /// What comes before this instance, and the octets that it must have.
    fn next(&mut self, served: &ServedInstance) -> Result<(Bytes, Option<u64>), String> {
        match self {
            Heads::Planned { parts, .. } => {
                let (planned, head) = parts.next().ok_or("more instances than planned")?;
                if planned.sop_instance != served.sop_instance {
                    return Err(format!("expected instance {}, got {}", planned.sop_instance, served.sop_instance));
                }
                Ok((head, Some(planned.size_octets)))
            }
            Heads::AsTheyCome { writer, base, .. } => {
                let place = served.series.as_ref().map(|series| super::at(base, series, &served.sop_instance));
                let part = Part {
                    transfer_syntax: served.transfer_syntax.as_str(),
                    content_length: served.size_octets,
                    content_location: place.as_deref(),
                };
                Ok((writer.head(&part).into(), served.size_octets))
            }
            Heads::Bare { sent: true, .. } => Err("expected one instance, got several".to_owned()),
            Heads::Bare { size, sent } => {
                *sent = true;
                Ok((Bytes::new(), *size))
            }
        }
    }

    /// What comes after the last instance, once.
    fn close(&mut self) -> Result<Option<Bytes>, String> {
        match self {
            Heads::Planned { parts, .. } if parts.len() > 0 => Err(format!("{} instances did not come", parts.len())),
            Heads::Planned { close, .. } => Ok(close.take()),
            Heads::AsTheyCome { closed: true, .. } | Heads::Bare { .. } => Ok(None),
            Heads::AsTheyCome { writer, closed, .. } => {
                *closed = true;
                Ok(Some(writer.close().into()))
            }
        }
    }
}

/// An instance whose head was sent.
struct Current {
    body: ByteStream,
    /// Octets still to come, when it is known.
    left: Option<u64>,
}

/// The octets of an answer.
pub(super) struct Sending {
    instances: InstanceStream,
    /// Opened while the one before it is still on its way, so that reading and sending overlap.
    upcoming: Option<ServedInstance>,
    /// Says that `instances` has nothing more, or why not.
    end: Option<Result<(), Fault>>,
    current: Option<Current>,
    heads: Heads,
    failed: bool,
    request_id: String,
}

impl Sending {
    pub fn new(first: ServedInstance, instances: InstanceStream, heads: Heads, request_id: String) -> Self {
        Sending { instances, upcoming: Some(first), end: None, current: None, heads, failed: false, request_id }
    }

    fn fail(&mut self, fault: Fault) -> Poll<Option<Result<Bytes, Fault>>> {
        tracing::error!(request_id = self.request_id, ?fault, "an answer with images broke off");
        self.failed = true;
        self.current = None;
        Poll::Ready(Some(Err(fault)))
    }

    fn wrong(&mut self, reason: &str) -> Poll<Option<Result<Bytes, Fault>>> {
        tracing::error!(request_id = self.request_id, reason, "a source does not keep to its plan");
        let log_id = self.request_id.clone();
        self.fail(Fault::Internal { log_id })
    }

    fn look_ahead(&mut self, cx: &mut Context<'_>) {
        if self.upcoming.is_none() && self.end.is_none() {
            match self.instances.as_mut().poll_next(cx) {
                Poll::Ready(Some(Ok(next))) => self.upcoming = Some(next),
                Poll::Ready(Some(Err(fault))) => self.end = Some(Err(fault)),
                Poll::Ready(None) => self.end = Some(Ok(())),
                Poll::Pending => {}
            }
        }
    }
}

impl Stream for Sending {
    type Item = Result<Bytes, Fault>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.failed {
            return Poll::Ready(None);
        }
        loop {
            if let Some(current) = &mut this.current {
                match current.body.as_mut().poll_next(cx) {
                    Poll::Ready(Some(Ok(piece))) => {
                        if let Some(left) = &mut current.left {
                            match left.checked_sub(piece.len() as u64) {
                                Some(rest) => *left = rest,
                                None => return this.wrong("an instance is longer than it was said to be"),
                            }
                        }
                        if piece.is_empty() {
                            continue;
                        }
                        this.look_ahead(cx);
                        return Poll::Ready(Some(Ok(piece)));
                    }
                    Poll::Ready(Some(Err(fault))) => return this.fail(fault),
                    Poll::Ready(None) => {
                        if current.left.is_some_and(|left| left > 0) {
                            return this.wrong("an instance is shorter than it was said to be");
                        }
                        this.current = None;
                    }
                    Poll::Pending => {
                        this.look_ahead(cx);
                        return Poll::Pending;
                    }
                }
            }
            this.look_ahead(cx);
            if let Some(served) = this.upcoming.take() {
                let (head, left) = match this.heads.next(&served) {
                    Ok(next) => next,
                    Err(reason) => return this.wrong(&reason),
                };
                this.current = Some(Current { body: served.body, left });
                if !head.is_empty() {
                    return Poll::Ready(Some(Ok(head)));
                }
                continue;
            }
            return match this.end.take() {
                None => Poll::Pending,
                Some(Err(fault)) => this.fail(fault),
                Some(Ok(())) => {
                    this.end = Some(Ok(()));
                    match this.heads.close() {
                        Ok(close) => Poll::Ready(close.map(Ok)),
                        Err(reason) => this.wrong(&reason),
                    }
                }
            };
        }
    }
}
