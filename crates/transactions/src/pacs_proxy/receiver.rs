//! What the PACS sends to the proxy: objects that somebody waits for are passed on; any other object says that its study
//! has changed, and is not kept. Source: spec/dicom.md sections 22.4, 22.5 (a proxy does not own what it is sent).

use actors::{
    Accepted, Arriving, Cx, Fault, IncomingInstance, InstanceReceiver, PacsObserver, ReceivedInstance, Transfers,
};
use std::fs::File;
use std::sync::{Arc, OnceLock};

/// Takes the objects of one PACS.
pub struct ProxyReceiver {
    pub transfers: Arc<Transfers>,
    /// Told of objects that nobody asked for, once it is there.
    pub observer: Arc<OnceLock<Arc<PacsObserver>>>,
}

struct Passing {
    arriving: Arriving,
    observer: Arc<OnceLock<Arc<PacsObserver>>>,
}

fn no_room(error: impl std::fmt::Display) -> Fault {
    Fault::OutOfResources(error.to_string())
}

impl InstanceReceiver for ProxyReceiver {
    fn begin(&self, _: &Cx) -> Result<Box<dyn IncomingInstance>, Fault> {
        let arriving = self.transfers.receive().map_err(no_room)?;
        Ok(Box::new(Passing { arriving, observer: self.observer.clone() }))
    }
}

impl IncomingInstance for Passing {
    fn write(&mut self, octets: &[u8]) -> Result<(), Fault> {
        self.arriving.write(octets).map_err(no_room)
    }

    fn read_back(&self) -> Result<File, Fault> {
        self.arriving.read_back().map_err(no_room)
    }

    fn keep(self: Box<Self>, received: ReceivedInstance, cx: &Cx) -> Result<Accepted, Fault> {
        let study = received.study.clone();
        if !self.arriving.land(received, cx)
            && let (Some(study), Some(observer)) = (study, self.observer.get())
        {
            observer.look_at(study);
        }
        // The PACS has it: nothing is promised by saying that it came.
        Ok(Accepted::Stored)
    }
}
