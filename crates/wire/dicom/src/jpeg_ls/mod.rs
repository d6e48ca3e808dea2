//! JPEG-LS, lossless and near-lossless: a stream in, samples out. ITU-T T.87 (ISO/IEC 14495-1); PS3.5 8.2.3.
//!
//! Streams come from strangers. Size and components are compared with what the data set says before anything is
//! allocated, the work is bounded by the number of samples, and a stream that ends early is an error, never a picture
//! with a grey rest. Read `markers` (segments), `parameters` (presets), `scan` (lines), `model` (samples), `bits` (codes).

mod bits;
mod colour;
mod error;
mod markers;
mod model;
mod parameters;
mod scan;

pub use error::{JpegLsError, Problem};

use bits::Bits;
use colour::ColourTransform;
use markers::{FrameHeader, Stream};
use parameters::{Parameters, Presets};
use scan::Scan;

/// What the data set says of the frame. A stream that says otherwise is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    /// (0028,0010), from 1.
    pub rows: u32,
    /// (0028,0011), from 1.
    pub columns: u32,
    /// (0028,0002), 1 to 4.
    pub samples_per_pixel: u16,
    /// (0028,0100): 8 or 16.
    pub bits_allocated: u16,
}

/// A decoded frame.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame {
    /// Samples of Bits Allocated, little endian: rows from the top, the samples of a pixel together.
    pub octets: Vec<u8>,
    /// Bits of a sample in the stream, 2 to 16; above them are zeros.
    pub precision: u32,
    bits_allocated: u16,
}

impl Frame {
    /// Makes two's complement numbers of `precision` bits fill their octets, for Pixel Representation 1.
    pub fn extend_sign(&mut self) {
        let unused = u32::from(self.bits_allocated).saturating_sub(self.precision);
        if unused == 0 {
            return;
        }
        match self.bits_allocated {
            8 => self.octets.iter_mut().for_each(|octet| *octet = ((*octet << unused) as i8 >> unused) as u8),
            _ => {
                for pair in self.octets.chunks_exact_mut(2) {
                    let word = u16::from_le_bytes([pair[0], pair[1]]);
                    pair.copy_from_slice(&((word << unused) as i16 >> unused).to_le_bytes());
                }
            }
        }
    }
}

/// Decodes one frame.
///
/// Shape: `rows * columns * samples_per_pixel` samples, pixel by pixel, whatever the interleaving of the stream.
/// Units: the samples of the stream, unsigned; the caller knows whether they are numbers with a sign.
/// Errors: another size or number of components than expected, more bits than allocated, a segment that breaks a rule,
/// data that end early or do not decode; what is right but not supported says so (`JpegLsError::is_unsupported`).
/// Source: ITU-T T.87 Annexes A and C.
pub fn decode(stream: &[u8], expected: &Expected) -> Result<Frame, JpegLsError> {
    let mut stream = Stream::new(stream);
    if stream.left() < 2 || stream.marker()? != markers::SOI {
        return Err(stream.error("SOI", Problem::Misplaced("the stream does not begin with it")));
    }
    let mut decoder = Decoder::default();
    loop {
        match stream.marker()? {
            markers::SOF55 => decoder.frame_header(&mut stream, expected)?,
            markers::LSE => decoder.presets = read(&mut stream, "LSE", markers::presets)?,
            markers::DRI => decoder.interval = read(&mut stream, "DRI", markers::restart_interval)?,
            markers::APP8 => {
                let found = read(&mut stream, "APP8", markers::colour_transform)?;
                decoder.transform = found.or(decoder.transform);
            }
            0xE0..=0xEF | 0xFE => drop(stream.body("APPn or COM")?),
            markers::SOS => decoder.scan(&mut stream)?,
            markers::DNL => decoder.number_of_lines(&mut stream, expected)?,
            markers::EOI => return decoder.finish(&stream, expected),
            0xC0..=0xCF => {
                let problem = Problem::Unsupported("another process than JPEG-LS (marker FFC0 to FFCF)".into());
                return Err(stream.error("SOF", problem));
            }
            _ => return Err(stream.error("marker", Problem::Misplaced("unexpected between segments"))),
        }
    }
}

fn read<T>(
    stream: &mut Stream,
    segment: &'static str,
    parse: fn(&[u8]) -> Result<T, Problem>,
) -> Result<T, JpegLsError> {
    let body = stream.body(segment)?;
    parse(body).map_err(|problem| stream.error(segment, problem))
}

/// What the segments so far have said.
#[derive(Default)]
struct Decoder {
    presets: Presets,
    interval: u32,
    transform: Option<ColourTransform>,
    picture: Option<Picture>,
}

/// The frame that is being filled.
struct Picture {
    header: FrameHeader,
    /// True when the frame header left the number of lines to a DNL segment that has not come yet.
    open: bool,
    /// Components that are there.
    done: Vec<bool>,
    octets: Vec<u8>,
    /// Octets of a sample.
    width: usize,
}

impl Decoder {
    fn frame_header(&mut self, stream: &mut Stream, expected: &Expected) -> Result<(), JpegLsError> {
        let mut header = read(stream, "SOF55", markers::frame_header)?;
        let fail = |problem| Err(stream.error("SOF55", problem));
        if self.picture.is_some() {
            return fail(Problem::Misplaced("a second frame header"));
        }
        let open = header.rows == 0;
        if open {
            header.rows = expected.rows;
        }
        let compared = [
            ("rows", expected.rows, header.rows),
            ("columns", expected.columns, header.columns),
            ("components", u32::from(expected.samples_per_pixel), header.components.len() as u32),
        ];
        for (what, expected, found) in compared {
            if found != expected || found == 0 {
                return fail(Problem::Differs { what, expected, found });
            }
        }
        let most = u32::from(expected.bits_allocated);
        if header.precision > most {
            return fail(Problem::Range { what: "precision", least: 2, most, found: header.precision });
        }
        // A line costs a bit at least: nothing is allocated for a stream that cannot have as many.
        if (stream.left() as u64) * 8 < u64::from(header.rows) {
            return fail(Problem::Truncated(format!("long before line {}", header.rows)));
        }
        let width = if expected.bits_allocated > 8 { 2 } else { 1 };
        let samples = header.rows as usize * header.columns as usize * header.components.len();
        let done = vec![false; header.components.len()];
        self.picture = Some(Picture { header, open, done, octets: vec![0; samples * width], width });
        Ok(())
    }

    fn scan(&mut self, stream: &mut Stream) -> Result<(), JpegLsError> {
        let body = stream.body("SOS")?;
        let Some(picture) = &mut self.picture else {
            return Err(stream.error("SOS", Problem::Misplaced("no frame header before it")));
        };
        let fail = |problem| stream.error("SOS", problem);
        let header = markers::scan_header(body, &picture.header).map_err(fail)?;
        if header.components.iter().any(|component| std::mem::replace(&mut picture.done[*component], true)) {
            return Err(fail(Problem::Misplaced("a component comes a second time")));
        }
        let parameters = Parameters::new(&self.presets, picture.header.precision, header.near).map_err(fail)?;
        let rows = picture.header.rows;
        let columns = picture.header.columns as usize;
        let mut scan = Scan::new(&parameters, header.interleave, header.components.len(), columns);
        let interval = if self.interval == 0 { rows } else { self.interval };
        let (mut row, mut restarts) = (0, 0);
        loop {
            let mut bits = Bits::new(stream.entropy_coded());
            for _ in 0..interval.min(rows - row) {
                scan.next_line(&mut bits, row + 1).map_err(|problem| stream.error("scan", problem))?;
                for (component, line) in header.components.iter().zip(scan.lines()) {
                    picture.put(row, *component, line);
                }
                row += 1;
            }
            match bits.left_over() {
                0 => {}
                octets => return Err(stream.error("scan", Problem::LeftOver(octets))),
            }
            if row == rows {
                return Ok(());
            }
            stream.restart(restarts)?;
            restarts += 1;
            scan.restart();
        }
    }

    fn number_of_lines(&mut self, stream: &mut Stream, expected: &Expected) -> Result<(), JpegLsError> {
        let found = read(stream, "DNL", markers::number_of_lines)?;
        let Some(picture) = self.picture.as_mut().filter(|picture| picture.done.contains(&true)) else {
            return Err(stream.error("DNL", Problem::Misplaced("no scan before it")));
        };
        picture.open = false;
        if found != expected.rows {
            let problem = Problem::Differs { what: "rows", expected: expected.rows, found };
            return Err(stream.error("DNL", problem));
        }
        Ok(())
    }

    fn finish(self, stream: &Stream, expected: &Expected) -> Result<Frame, JpegLsError> {
        let fail = |what| Err(stream.error("EOI", Problem::Misplaced(what)));
        let Some(mut picture) = self.picture else { return fail("no frame header before it") };
        if picture.done.contains(&false) {
            return fail("a component is missing");
        }
        if picture.open {
            return fail("neither frame header nor DNL segment says how many lines there are");
        }
        let precision = picture.header.precision;
        if let Some(transform) = self.transform {
            if picture.done.len() != 3 || !matches!(precision, 8 | 16) {
                let problem = Problem::Unsupported(format!(
                    "a colour transform of {} components of {precision} bits",
                    picture.done.len()
                ));
                return Err(stream.error("APP8", problem));
            }
            picture.undo(transform);
        }
        Ok(Frame { octets: picture.octets, precision, bits_allocated: expected.bits_allocated })
    }
}

impl Picture {
    fn put(&mut self, row: u32, component: usize, line: &[u16]) {
        let (width, components) = (self.width, self.done.len());
        let stride = line.len() * components * width;
        let place = &mut self.octets[row as usize * stride..][..stride];
        match (width, components) {
            (1, 1) => place.iter_mut().zip(line).for_each(|(octet, sample)| *octet = *sample as u8),
            (1, _) => {
                let places = place[component..].iter_mut().step_by(components);
                places.zip(line).for_each(|(octet, sample)| *octet = *sample as u8);
            }
            (_, 1) => {
                let places = place.chunks_exact_mut(2);
                places.zip(line).for_each(|(pair, sample)| pair.copy_from_slice(&sample.to_le_bytes()));
            }
            _ => {
                let places = place.chunks_exact_mut(2).skip(component).step_by(components);
                places.zip(line).for_each(|(pair, sample)| pair.copy_from_slice(&sample.to_le_bytes()));
            }
        }
    }

    fn undo(&mut self, transform: ColourTransform) {
        let precision = self.header.precision;
        if self.width == 1 {
            for pixel in self.octets.chunks_exact_mut(3) {
                let before = transform.undo([pixel[0], pixel[1], pixel[2]].map(u16::from), precision);
                pixel.copy_from_slice(&before.map(|sample| sample as u8));
            }
            return;
        }
        for pixel in self.octets.chunks_exact_mut(6) {
            let sample = |at: usize| u16::from_le_bytes([pixel[at], pixel[at + 1]]);
            let before = transform.undo([sample(0), sample(2), sample(4)], precision);
            for (place, sample) in pixel.chunks_exact_mut(2).zip(before) {
                place.copy_from_slice(&sample.to_le_bytes());
            }
        }
    }
}
