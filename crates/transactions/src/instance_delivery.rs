//! In which form a stored instance goes out, by what the caller takes and what can be decoded: the codec side of
//! `actors::ImagingArchive`. Source: PS3.18 8.7.3; spec/dicom.md section 15.

use actors::{Delivered, Fault, InstanceDelivery, StoredInstance, WantedSyntax};
use bytes::Bytes;
use dicom::dicomweb::{self, Acceptable, Acceptance, ExplicitLe, Representation, Syntax};
use dicom::transcode::{Transcoder, can_transcode};
use std::io::Write;
use std::path::Path;

/// What a row of the archive remembers of the pixels: enough to decide without opening the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PixelFormat {
    pub bits_allocated: u16,
    pub bits_stored: u16,
    pub samples_per_pixel: u16,
}

impl PixelFormat {
    pub fn of(header: &dicom::Header) -> Self {
        PixelFormat {
            bits_allocated: header.bits_allocated.unwrap_or(0),
            bits_stored: header.bits_stored.unwrap_or(0),
            samples_per_pixel: header.samples_per_pixel.unwrap_or(0),
        }
    }

    /// Version 1, then three numbers of 16 bits, big endian.
    pub fn encode(self) -> Vec<u8> {
        let mut out = vec![1];
        for number in [self.bits_allocated, self.bits_stored, self.samples_per_pixel] {
            out.extend_from_slice(&number.to_be_bytes());
        }
        out
    }

    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let [1, a, b, c, d, e, f] = *bytes else { return None };
        let number = |high, low| u16::from_be_bytes([high, low]);
        Some(PixelFormat { bits_allocated: number(a, b), bits_stored: number(c, d), samples_per_pixel: number(e, f) })
    }
}

/// Stored octets, or Explicit VR Little Endian made by `wire/dicom`.
pub struct Delivery;

/// Pieces in which a converted object is handed on.
const PIECE_OCTETS: usize = 256 * 1024;

impl InstanceDelivery for Delivery {
    fn decide(&self, stored: &StoredInstance, wanted: &[WantedSyntax]) -> Result<Delivered, Fault> {
        let alternatives = wanted
            .iter()
            .map(|syntax| Acceptable {
                representation: Representation::Multipart,
                syntax: match syntax {
                    WantedSyntax::AsStored => Syntax::Any,
                    WantedSyntax::Default => Syntax::Default,
                    WantedSyntax::Uid(uid) => Syntax::Uid(uid.to_string()),
                },
            })
            .collect();
        let format = PixelFormat::decode(&stored.header);
        let convertible = format.is_some_and(|f| {
            can_transcode(stored.transfer_syntax.as_str(), f.bits_allocated, f.bits_stored, f.samples_per_pixel)
        });
        let explicit_le = if convertible { ExplicitLe::Yes } else { ExplicitLe::No };
        let delivery = Acceptance { alternatives }.deliver(stored.transfer_syntax.as_str(), explicit_le);
        match delivery {
            Ok(delivery) => Ok(match delivery.delivered {
                dicomweb::Delivered::AsStored => Delivered::AsStored,
                dicomweb::Delivered::ExplicitLe => Delivered::ExplicitLe,
            }),
            Err(reason) => Err(Fault::NotAcceptable(reason.to_string())),
        }
    }

    fn explicit_le(&self, file: &Path, sink: &mut dyn FnMut(Bytes) -> Result<(), Fault>) -> Result<(), Fault> {
        let failed = |reason: String| Fault::NotAcceptable(format!("the stored object cannot be decoded: {reason}"));
        let file = std::fs::File::open(file).map_err(|e| failed(e.kind().to_string()))?;
        let file = std::io::BufReader::with_capacity(PIECE_OCTETS, file);
        let mut transcoder = Transcoder::new(file, dicom::Limits::default()).map_err(|e| failed(e.to_string()))?;
        let mut pieces = Pieces { buffer: Vec::with_capacity(PIECE_OCTETS), sink };
        transcoder.write(&mut pieces).map_err(|e| failed(e.to_string()))?;
        pieces.flush().map_err(|e| failed(e.to_string()))
    }
}

/// A writer that hands on what it got in pieces.
struct Pieces<'a> {
    buffer: Vec<u8>,
    sink: &'a mut dyn FnMut(Bytes) -> Result<(), Fault>,
}

impl Write for Pieces<'_> {
    fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
        self.buffer.extend_from_slice(octets);
        if self.buffer.len() >= PIECE_OCTETS {
            self.flush()?;
        }
        Ok(octets.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.buffer, Vec::with_capacity(PIECE_OCTETS));
        (self.sink)(piece.into()).map_err(std::io::Error::other)
    }
}
