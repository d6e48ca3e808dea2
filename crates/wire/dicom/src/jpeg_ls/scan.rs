//! Scans: lines of one component, lines in turn, or all components of a pixel together. ITU-T T.87 A.8, B.1 and C.2.3.
//!
//! A line has one place before and one after its samples for the neighbours that lie outside of the picture. What a scan
//! has learned is forgotten at restart markers, which stand after a number of lines (C.2.5).

use super::bits::Bits;
use super::error::Problem;
use super::model::{Impossible, Interruption, Model};
use super::parameters::Parameters;

/// Components of one scan. Source: T.87 C.2.3, Ns.
pub(super) const MOST_COMPONENTS: usize = 4;

/// How the components of a scan follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Interleave {
    /// Line after line, each component with runs of its own. One component alone is that too.
    Line,
    /// Pixel after pixel.
    Sample,
}

/// One component while it is decoded.
struct Plane {
    above: Vec<u16>,
    line: Vec<u16>,
    /// RUNindex.
    grown: usize,
}

/// The state of a scan.
pub(super) struct Scan {
    model: Model,
    plain: bool,
    interleave: Interleave,
    planes: Vec<Plane>,
    width: usize,
}

impl Scan {
    /// `width` samples a line, at least 1; `components` from 1 to `MOST_COMPONENTS`.
    pub(super) fn new(parameters: &Parameters, interleave: Interleave, components: usize, width: usize) -> Self {
        let plane = || Plane { above: vec![0; width + 2], line: vec![0; width + 2], grown: 0 };
        let planes = (0..components).map(|_| plane()).collect();
        Self { model: Model::new(parameters), plain: parameters.is_plain(), interleave, planes, width }
    }

    /// The state after a restart marker.
    pub(super) fn restart(&mut self) {
        self.model.forget();
        for plane in &mut self.planes {
            plane.above.fill(0);
            plane.line.fill(0);
            plane.grown = 0;
        }
    }

    /// Decodes one line of each component. `number` counts the lines of the scan from 1.
    pub(super) fn next_line(&mut self, bits: &mut Bits, number: u32) -> Result<(), Problem> {
        for plane in &mut self.planes {
            std::mem::swap(&mut plane.above, &mut plane.line);
            plane.above[self.width + 1] = plane.above[self.width];
            plane.line[0] = plane.above[1];
        }
        let done = match (self.interleave, self.plain) {
            (Interleave::Line, true) => self.in_turn::<true>(bits),
            (Interleave::Line, false) => self.in_turn::<false>(bits),
            (Interleave::Sample, true) => self.together::<true>(bits),
            (Interleave::Sample, false) => self.together::<false>(bits),
        };
        if bits.overrun() {
            return Err(Problem::Truncated(format!("in line {number}")));
        }
        done.map_err(|Impossible| Problem::Code { line: number })
    }

    /// The samples of the last line, one slice for each component.
    pub(super) fn lines(&self) -> impl Iterator<Item = &[u16]> {
        self.planes.iter().map(|plane| &plane.line[1..=self.width])
    }

    fn in_turn<const PLAIN: bool>(&mut self, bits: &mut Bits) -> Result<(), Impossible> {
        for plane in &mut self.planes {
            line::<PLAIN>(&mut self.model, bits, plane, self.width)?;
        }
        Ok(())
    }

    /// Components share contexts and runs; a run needs flat neighbours in all of them.
    fn together<const PLAIN: bool>(&mut self, bits: &mut Bits) -> Result<(), Impossible> {
        let Self { model, planes, width, .. } = self;
        let mut grown = planes[0].grown;
        let mut at = 1;
        while at <= *width {
            let mut contexts = [0; MOST_COMPONENTS];
            for (place, plane) in contexts.iter_mut().zip(planes.iter()) {
                *place = context(model, plane, at);
            }
            if contexts != [0; MOST_COMPONENTS] {
                for (context, plane) in contexts.into_iter().zip(planes.iter_mut()) {
                    plane.line[at] = model.regular::<PLAIN>(bits, context, neighbours(plane, at))? as u16;
                }
                at += 1;
                continue;
            }
            let (length, interrupted) = model.run(bits, &mut grown, *width + 1 - at)?;
            for plane in planes.iter_mut() {
                let value = plane.line[at - 1];
                plane.line[at..at + length].fill(value);
            }
            at += length;
            if interrupted {
                for plane in planes.iter_mut() {
                    let [left, above, _] = neighbours(plane, at);
                    let sample = model.interrupting(bits, Interruption::Edge, grown, [left, above])?;
                    plane.line[at] = sample as u16;
                }
                grown = grown.saturating_sub(1);
                at += 1;
            }
        }
        planes[0].grown = grown;
        Ok(())
    }
}

/// Left, above, above left.
fn neighbours(plane: &Plane, at: usize) -> [i32; 3] {
    [i32::from(plane.line[at - 1]), i32::from(plane.above[at]), i32::from(plane.above[at - 1])]
}

fn context(model: &Model, plane: &Plane, at: usize) -> i32 {
    let [left, above, above_left] = neighbours(plane, at);
    let above_right = i32::from(plane.above[at + 1]);
    81 * model.gradient(above_right - above)
        + 9 * model.gradient(above - above_left)
        + model.gradient(above_left - left)
}

/// One line of one component.
fn line<const PLAIN: bool>(
    model: &mut Model,
    reader: &mut Bits,
    plane: &mut Plane,
    width: usize,
) -> Result<(), Impossible> {
    // A copy of its own stays in registers.
    let mut bits = reader.clone();
    let done = samples::<PLAIN>(model, &mut bits, plane, width);
    *reader = bits;
    done
}

/// The samples of a line. What the line above contributes to the next context is carried along.
#[inline(always)]
fn samples<const PLAIN: bool>(
    model: &mut Model,
    bits: &mut Bits,
    plane: &mut Plane,
    width: usize,
) -> Result<(), Impossible> {
    let mut grown = plane.grown;
    let (upper, line) = (&plane.above[..width + 2], &mut plane.line[..width + 2]);
    let mut at = 1;
    let [mut left, mut above, mut above_left] = [i32::from(line[0]), i32::from(upper[1]), i32::from(upper[0])];
    let mut gradient = model.gradient(above - above_left);
    while at <= width {
        let above_right = i32::from(upper[at + 1]);
        let next_gradient = model.gradient(above_right - above);
        let context = 81 * next_gradient + 9 * gradient + model.gradient(above_left - left);
        if context != 0 {
            left = model.regular::<PLAIN>(bits, context, [left, above, above_left])?;
            line[at] = left as u16;
            (above_left, above, gradient) = (above, above_right, next_gradient);
            at += 1;
            continue;
        }
        let (length, interrupted) = model.run(bits, &mut grown, width + 1 - at)?;
        line[at..at + length].fill(left as u16);
        at += length;
        if interrupted {
            above = i32::from(upper[at]);
            let kind = model.interruption(left, above);
            left = model.interrupting(bits, kind, grown, [left, above])?;
            line[at] = left as u16;
            grown = grown.saturating_sub(1);
            at += 1;
        }
        if at <= width {
            (above_left, above) = (i32::from(upper[at - 1]), i32::from(upper[at]));
            gradient = model.gradient(above - above_left);
        }
    }
    plane.grown = grown;
    Ok(())
}
