//! Minimal Lower Layer Protocol: `0x0B` message `0x1C 0x0D`. Sources: spec/reports.md section 2; ITI TF-2 Appendix C.

/// Opens a frame.
pub const START: u8 = 0x0B;
/// With [`CARRIAGE_RETURN`] behind it, closes a frame.
pub const END: u8 = 0x1C;
pub const CARRIAGE_RETURN: u8 = 0x0D;

/// Octets between frames that are no white space and yet tolerated: a sender's leftovers, or a frame cut by a proxy.
const GARBAGE_OCTETS: usize = 4096;

/// Why a stream cannot be read on: what follows might be taken for something it is not, so the connection must end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    #[error("a message may have {limit} octets; this one has more")]
    TooLong { limit: usize },
    #[error("0x1C ends a message only with 0x0D behind it; got 0x{0:02x}")]
    LoneEnd(u8),
    #[error("0x0B came inside a message: the one before was never ended")]
    StartInside,
    #[error("expected 0x0B before a message; got {octets} octets of something else")]
    NotMllp { octets: usize },
}

/// Cuts a stream of octets into messages.
///
/// Shape: feed whatever a read gave, then take frames until there is none. White space between frames is skipped, other
/// octets are too, up to a bound, and counted.
/// Errors: [`FrameError`]; whole frames before the fault can still be taken, nothing behind it is read.
pub struct Deframer {
    limit: usize,
    state: State,
    frame: Vec<u8>,
    /// Whole and not taken.
    ready: std::collections::VecDeque<Vec<u8>>,
    garbage: usize,
    garbage_now: usize,
    broken: Option<FrameError>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Between,
    Inside,
    /// 0x1C was the last octet.
    Ending,
}

impl Deframer {
    /// `limit`: most octets of one message.
    pub fn new(limit: usize) -> Self {
        Deframer {
            limit,
            state: State::Between,
            frame: Vec::new(),
            ready: std::collections::VecDeque::new(),
            garbage: 0,
            garbage_now: 0,
            broken: None,
        }
    }

    pub fn feed(&mut self, mut octets: &[u8]) -> Result<(), FrameError> {
        if let Some(error) = &self.broken {
            return Err(error.clone());
        }
        while !octets.is_empty() {
            match self.step(octets) {
                Ok(read) => octets = &octets[read..],
                Err(error) => {
                    self.frame = Vec::new();
                    self.broken = Some(error.clone());
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Looks at a part of `octets`, which are not empty; gives back how many.
    fn step(&mut self, octets: &[u8]) -> Result<usize, FrameError> {
        match self.state {
            State::Between => {
                let read = octets.iter().position(|o| *o == START);
                let skipped = &octets[..read.unwrap_or(octets.len())];
                let garbage = skipped.iter().filter(|o| !matches!(o, b'\r' | b'\n' | b' ' | b'\t' | 0)).count();
                self.garbage += garbage;
                self.garbage_now += garbage;
                if self.garbage_now > GARBAGE_OCTETS {
                    return Err(FrameError::NotMllp { octets: self.garbage_now });
                }
                match read {
                    Some(at) => {
                        self.state = State::Inside;
                        self.garbage_now = 0;
                        Ok(at + 1)
                    }
                    None => Ok(octets.len()),
                }
            }
            State::Inside => {
                let read = octets.iter().position(|o| matches!(*o, START | END));
                let content = &octets[..read.unwrap_or(octets.len())];
                if content.len() > self.limit - self.frame.len() {
                    return Err(FrameError::TooLong { limit: self.limit });
                }
                self.frame.extend_from_slice(content);
                match read.map(|at| (at, octets[at])) {
                    Some((_, START)) => Err(FrameError::StartInside),
                    Some((at, _)) => {
                        self.state = State::Ending;
                        Ok(at + 1)
                    }
                    None => Ok(octets.len()),
                }
            }
            State::Ending => {
                if octets[0] != CARRIAGE_RETURN {
                    return Err(FrameError::LoneEnd(octets[0]));
                }
                self.ready.push_back(std::mem::take(&mut self.frame));
                self.state = State::Between;
                Ok(1)
            }
        }
    }

    /// The next whole message, without its frame.
    pub fn next_frame(&mut self) -> Option<Vec<u8>> {
        self.ready.pop_front()
    }

    /// False while a message has begun and not ended.
    pub fn is_between_frames(&self) -> bool {
        self.state == State::Between
    }

    /// Octets skipped between frames since the last call, white space not counted.
    pub fn take_garbage(&mut self) -> usize {
        std::mem::take(&mut self.garbage)
    }
}

/// A message in its frame. `message` holds neither 0x0B nor 0x1C: [`crate::Writer`] escapes both.
pub fn frame(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() + 3);
    out.push(START);
    out.extend_from_slice(message);
    out.extend_from_slice(&[END, CARRIAGE_RETURN]);
    out
}
