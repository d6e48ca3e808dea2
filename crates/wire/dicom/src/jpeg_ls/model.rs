//! Contexts, prediction errors and reconstruction: one sample at a time. ITU-T T.87 A.2 to A.7, decoder side.

use super::bits::Bits;
use super::parameters::Parameters;

/// J: how the length of run segments grows. Source: T.87 A.7.1.1.
const RUN_BITS: [u8; 32] =
    [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 9, 10, 11, 12, 13, 14, 15];

/// Differences of two samples modulo this have each a place in the table of gradients.
const DIFFERENCES: usize = 1 << 17;

/// More than the 365 there are, so that a mask replaces a bounds check.
const CONTEXTS: usize = 512;

/// A code that no encoder writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Impossible;

/// A, B, C and N of one context.
#[derive(Clone, Copy)]
struct Context {
    magnitude: u32,
    bias: i32,
    correction: i32,
    count: u32,
}

/// A, N and Nn of a run interruption.
#[derive(Clone, Copy)]
struct RunContext {
    magnitude: u32,
    count: u32,
    negative: u32,
}

/// The neighbours of a sample that decide about a run interruption.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Interruption {
    /// Left and upper neighbour differ; predicted from above.
    Edge,
    /// They are the same, as far as NEAR goes; predicted from the left.
    Flat,
}

/// Everything that a scan learns, and the parameters it learns by.
pub(super) struct Model {
    parameters: Parameters,
    /// Zeros before the escape of a regular code.
    most_zeros: u32,
    /// What one step of a prediction error is worth.
    step: i32,
    gradients: Box<[i8; DIFFERENCES]>,
    contexts: Box<[Context; CONTEXTS]>,
    runs: [RunContext; 2],
}

impl Model {
    pub(super) fn new(parameters: &Parameters) -> Self {
        let start = Context { magnitude: 0, bias: 0, correction: 0, count: 1 };
        let run = RunContext { magnitude: 0, count: 1, negative: 0 };
        let mut model = Self {
            parameters: *parameters,
            most_zeros: parameters.limit - parameters.error_bits - 1,
            step: 2 * parameters.near + 1,
            gradients: gradients(parameters),
            contexts: Box::new([start; CONTEXTS]),
            runs: [run; 2],
        };
        model.forget();
        model
    }

    /// The state at the start of a scan and after a restart marker.
    pub(super) fn forget(&mut self) {
        let magnitude = ((self.parameters.range as u32 + 32) / 64).max(2);
        self.contexts.fill(Context { magnitude, bias: 0, correction: 0, count: 1 });
        self.runs = [RunContext { magnitude, count: 1, negative: 0 }; 2];
    }

    /// The quantised gradient, -4 to 4.
    #[inline(always)]
    pub(super) fn gradient(&self, difference: i32) -> i32 {
        i32::from(self.gradients[difference as usize & (DIFFERENCES - 1)])
    }

    /// Which neighbours a run was interrupted between.
    pub(super) fn interruption(&self, left: i32, above: i32) -> Interruption {
        if (left - above).abs() <= self.parameters.near { Interruption::Flat } else { Interruption::Edge }
    }

    /// Decodes a sample of the context `81 q1 + 9 q2 + q3`. `PLAIN` is `Parameters::is_plain`.
    #[inline(always)]
    pub(super) fn regular<const PLAIN: bool>(
        &mut self,
        bits: &mut Bits,
        context: i32,
        [left, above, above_left]: [i32; 3],
    ) -> Result<i32, Impossible> {
        let near = if PLAIN { 0 } else { self.parameters.near };
        let maximum = self.parameters.maximum;
        // All ones where the gradients are mirrored.
        let mirror = context >> 31;
        let index = ((context ^ mirror) - mirror) as usize & (CONTEXTS - 1);
        let Context { magnitude, bias, correction, count } = self.contexts[index];
        let k = golomb_parameter(magnitude, count);
        let code = bits.golomb(k, self.most_zeros, self.parameters.error_bits);
        if code > self.parameters.range as u32 {
            return Err(Impossible);
        }
        let mut error = (code >> 1) as i32 ^ -((code & 1) as i32);
        if near == 0 {
            // The mapping is turned round where errors lean to the negative side.
            error ^= -i32::from(k == 0 && 2 * bias <= -(count as i32));
        }

        let (smaller, larger) = (left.min(above), left.max(above));
        let predicted = (left + above - above_left).clamp(smaller, larger);
        let predicted = (predicted + ((correction ^ mirror) - mirror)).clamp(0, maximum);
        let turned = (error ^ mirror) - mirror;
        let sample =
            if PLAIN { (predicted + turned) & maximum } else { self.reconstruct(predicted + turned * self.step) };

        self.contexts[index] = {
            let halve = u32::from(count == self.parameters.reset);
            let magnitude = (magnitude + error.unsigned_abs()) >> halve;
            let bias = (bias + if PLAIN { error } else { error * self.step }) >> halve;
            let count = (count >> halve) + 1;
            let n = count as i32;
            let (low, high) = (bias <= -n, bias > 0);
            let raised = (bias + n).max(1 - n);
            let lowered = (bias - n).min(0);
            let correction = (correction + i32::from(high) - i32::from(low)).clamp(-128, 127);
            let bias = if low { raised } else { bias };
            let bias = if high { lowered } else { bias };
            Context { magnitude, bias, correction, count }
        };
        Ok(sample)
    }

    /// Reads how many samples a run has, at most `left`, and whether it ends before the line does.
    pub(super) fn run(&self, bits: &mut Bits, grown: &mut usize, left: usize) -> Result<(usize, bool), Impossible> {
        let mut length = 0;
        loop {
            let width = u32::from(RUN_BITS[*grown]);
            if bits.take(1) == 0 {
                length += bits.take(width) as usize;
                return if length < left { Ok((length, true)) } else { Err(Impossible) };
            }
            length += 1 << width;
            if length <= left && *grown < 31 {
                *grown += 1;
            }
            if length >= left {
                return Ok((left, false));
            }
        }
    }

    /// Decodes the sample that interrupts a run. `grown` is what the run left; it shrinks afterwards.
    pub(super) fn interrupting(
        &mut self,
        bits: &mut Bits,
        kind: Interruption,
        grown: usize,
        [left, above]: [i32; 2],
    ) -> Result<i32, Impossible> {
        let flat = u32::from(kind == Interruption::Flat);
        let RunContext { magnitude, count, negative } = self.runs[flat as usize];
        let k = golomb_parameter(magnitude + if flat == 1 { count / 2 } else { 0 }, count);
        let most_zeros = self.most_zeros - u32::from(RUN_BITS[grown]) - 1;
        let code = bits.golomb(k, most_zeros, self.parameters.error_bits);
        if code > self.parameters.range as u32 {
            return Err(Impossible);
        }
        let mapped = code + flat;
        let odd = mapped & 1 == 1;
        let size = mapped.div_ceil(2) as i32;
        let error = if (k != 0 || 2 * negative >= count) == odd { -size } else { size };

        let halve = u32::from(count == self.parameters.reset);
        self.runs[flat as usize] = RunContext {
            magnitude: (magnitude + (code + 1 - flat) / 2) >> halve,
            negative: (negative + u32::from(error < 0)) >> halve,
            count: (count >> halve) + 1,
        };
        let turned = if kind == Interruption::Edge && left > above { -error } else { error };
        let predicted = if kind == Interruption::Flat { left } else { above };
        Ok(self.reconstruct(predicted + turned * self.step))
    }

    /// Brings a sum back into the range of samples. Source: T.87 A.4.4, A.5.
    #[inline(always)]
    fn reconstruct(&self, sum: i32) -> i32 {
        let Parameters { maximum, near, range, .. } = self.parameters;
        let turn = range * self.step;
        let sum = if sum < -near {
            sum + turn
        } else if sum > maximum + near {
            sum - turn
        } else {
            sum
        };
        sum.clamp(0, maximum)
    }
}

/// The smallest k with `count << k` at least `magnitude`.
#[inline(always)]
fn golomb_parameter(magnitude: u32, count: u32) -> u32 {
    // Both have their lowest bit set for the logarithm only: it spares the case of 0 and changes no other.
    let k = (count | 1).leading_zeros().saturating_sub((magnitude | 1).leading_zeros());
    k + u32::from(u64::from(count) << k < u64::from(magnitude))
}

fn gradients(parameters: &Parameters) -> Box<[i8; DIFFERENCES]> {
    let [t1, t2, t3] = parameters.thresholds;
    let mut table: Box<[i8; DIFFERENCES]> =
        vec![0; DIFFERENCES].into_boxed_slice().try_into().expect("the vector has that length");
    let starts = [parameters.near + 1, t1, t2, t3, parameters.maximum + 1].map(|size| size as usize);
    for (level, pair) in (1..).zip(starts.windows(2)) {
        table[pair[0]..pair[1]].fill(level);
        table[DIFFERENCES + 1 - pair[1]..DIFFERENCES + 1 - pair[0]].fill(-level);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_golomb_parameter_is_the_smallest_that_reaches() {
        for magnitude in (0..3000).chain([65_535, 1 << 20, (1 << 31) + 5]) {
            for count in [1, 2, 3, 5, 31, 32, 33, 63, 64, 255, 65_535] {
                let mut k = 0;
                while u64::from(count) << k < u64::from(magnitude) {
                    k += 1;
                }
                assert_eq!(golomb_parameter(magnitude, count), k, "{magnitude} and {count}");
            }
        }
    }
}
