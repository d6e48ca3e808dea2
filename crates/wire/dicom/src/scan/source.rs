//! Where the walker reads from: a slice, a seekable stream, or a deflated data set that is inflated as far as needed.

use std::io::{self, Read, Seek, SeekFrom};

use flate2::{Decompress, FlushDecompress, Status};

use crate::error::{DecodeError, Problem};

/// Random access to bytes of which only a small window is held.
pub trait Source {
    /// True if octets up to `end` exist.
    fn holds(&mut self, end: u64) -> Result<bool, DecodeError>;
    /// Octets in all, as far as known; only exact after `holds` has said no.
    fn known_len(&self) -> u64;
    /// The octets at `offset`. The caller has asked `holds` for their end.
    fn octets(&mut self, offset: u64, length: usize) -> Result<&[u8], DecodeError>;
}

/// A whole object in memory.
#[derive(Debug)]
pub struct Slice<'a>(pub &'a [u8]);

impl Source for Slice<'_> {
    fn holds(&mut self, end: u64) -> Result<bool, DecodeError> {
        Ok(end <= self.0.len() as u64)
    }

    fn known_len(&self) -> u64 {
        self.0.len() as u64
    }

    fn octets(&mut self, offset: u64, length: usize) -> Result<&[u8], DecodeError> {
        let start = usize::try_from(offset).map_err(|_| eof())?;
        let end = start.checked_add(length).ok_or_else(eof)?;
        self.0.get(start..end).ok_or_else(|| eof().into())
    }
}

fn eof() -> io::Error {
    io::ErrorKind::UnexpectedEof.into()
}

const FIRST_READ: usize = 16 * 1024;
const NEXT_READ: usize = 64 * 1024;
const JUMP_READ: usize = 1024;

/// A seekable stream, read in windows: one read for the usual header, small reads when it is skipped through.
#[derive(Debug)]
pub struct Stream<R> {
    reader: R,
    len: u64,
    buffer: Vec<u8>,
    start: u64,
    position: u64,
}

impl<R: Read + Seek> Stream<R> {
    /// Wraps a reader whose object begins at octet 0.
    pub fn new(mut reader: R) -> Result<Self, DecodeError> {
        let len = reader.seek(SeekFrom::End(0))?;
        Ok(Self { reader, len, buffer: Vec::new(), start: 0, position: len })
    }

    /// Gives the reader back.
    pub fn into_inner(self) -> R {
        self.reader
    }

    fn fill(&mut self, offset: u64, length: usize) -> Result<(), DecodeError> {
        let held_end = self.start + self.buffer.len() as u64;
        let want = if self.buffer.is_empty() && offset == 0 {
            FIRST_READ
        } else if offset <= held_end {
            NEXT_READ
        } else {
            JUMP_READ
        }
        .max(length);
        let want = want.min(usize::try_from(self.len - offset).unwrap_or(usize::MAX));
        if self.position != offset {
            self.reader.seek(SeekFrom::Start(offset))?;
        }
        self.buffer.clear();
        self.buffer.reserve(want);
        let got = (&mut self.reader).take(want as u64).read_to_end(&mut self.buffer)?;
        self.start = offset;
        self.position = offset + got as u64;
        if got < length {
            return Err(eof().into());
        }
        Ok(())
    }
}

impl<R: Read + Seek> Source for Stream<R> {
    fn holds(&mut self, end: u64) -> Result<bool, DecodeError> {
        Ok(end <= self.len)
    }

    fn known_len(&self) -> u64 {
        self.len
    }

    fn octets(&mut self, offset: u64, length: usize) -> Result<&[u8], DecodeError> {
        let end = offset.checked_add(length as u64).ok_or_else(eof)?;
        if end > self.len {
            return Err(eof().into());
        }
        if offset < self.start || end > self.start + self.buffer.len() as u64 {
            self.fill(offset, length)?;
        }
        let at = (offset - self.start) as usize;
        self.buffer.get(at..at + length).ok_or_else(|| eof().into())
    }
}

/// A deflated data set, inflated only as far as it is walked and never beyond a limit.
pub struct Inflated<S> {
    source: S,
    read: u64,
    state: Decompress,
    out: Vec<u8>,
    limit: u64,
    done: bool,
}

impl<S: Source> Inflated<S> {
    /// Inflates what follows `offset` in `source`, up to `limit` octets.
    pub fn new(source: S, offset: u64, limit: u64) -> Self {
        Self { source, read: offset, state: Decompress::new(false), out: Vec::new(), limit, done: false }
    }

    fn inflate_to(&mut self, end: u64) -> Result<(), DecodeError> {
        while !self.done && (self.out.len() as u64) < end {
            if self.out.len() as u64 >= self.limit {
                return Err(DecodeError::Structure {
                    path: "data set".into(),
                    offset: self.out.len() as u64,
                    problem: Problem::InflatedTooLong { limit: self.limit },
                });
            }
            let left = self.source.known_len().saturating_sub(self.read).min(NEXT_READ as u64) as usize;
            let input = self.source.octets(self.read, left)?;
            self.out.reserve(NEXT_READ);
            let before = (self.state.total_in(), self.state.total_out());
            let status = self
                .state
                .decompress_vec(input, &mut self.out, FlushDecompress::None)
                .map_err(|_| DecodeError::Deflate(before.1))?;
            self.read += self.state.total_in() - before.0;
            let stuck = (self.state.total_in(), self.state.total_out()) == before;
            if status == Status::StreamEnd {
                self.done = true;
            } else if stuck {
                // Input is used up without an end mark: the file is cut.
                return Err(DecodeError::Deflate(before.1));
            }
        }
        Ok(())
    }
}

impl<S: Source> Source for Inflated<S> {
    fn holds(&mut self, end: u64) -> Result<bool, DecodeError> {
        self.inflate_to(end.min(self.limit.saturating_add(1)))?;
        Ok(end <= self.out.len() as u64)
    }

    fn known_len(&self) -> u64 {
        self.out.len() as u64
    }

    fn octets(&mut self, offset: u64, length: usize) -> Result<&[u8], DecodeError> {
        self.inflate_to(offset.saturating_add(length as u64))?;
        let start = usize::try_from(offset).map_err(|_| eof())?;
        let end = start.checked_add(length).ok_or_else(eof)?;
        self.out.get(start..end).ok_or_else(|| eof().into())
    }
}

impl<S: Source + ?Sized> Source for &mut S {
    fn holds(&mut self, end: u64) -> Result<bool, DecodeError> {
        (**self).holds(end)
    }

    fn known_len(&self) -> u64 {
        (**self).known_len()
    }

    fn octets(&mut self, offset: u64, length: usize) -> Result<&[u8], DecodeError> {
        (**self).octets(offset, length)
    }
}

impl<S: Source + ?Sized> Source for Box<S> {
    fn holds(&mut self, end: u64) -> Result<bool, DecodeError> {
        (**self).holds(end)
    }

    fn known_len(&self) -> u64 {
        (**self).known_len()
    }

    fn octets(&mut self, offset: u64, length: usize) -> Result<&[u8], DecodeError> {
        (**self).octets(offset, length)
    }
}
