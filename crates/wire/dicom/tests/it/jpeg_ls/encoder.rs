//! An encoder for tests, written after the flow charts of ITU-T T.87 Annex A and G without regard to speed: it makes the
//! streams that dcmcjpls does not, with every precision, restart markers and lines counted at the end.

/// Samples by component, each row after row.
#[derive(Clone)]
pub struct Picture {
    pub width: usize,
    pub height: usize,
    pub precision: u32,
    pub planes: Vec<Vec<u16>>,
}

/// How it is coded.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    pub near: i32,
    /// ILV.
    pub interleave: u8,
    /// MAXVAL, T1, T2, T3, RESET.
    pub presets: Option<[u16; 5]>,
    /// Lines between restart markers; 0 for none.
    pub interval: usize,
    /// The number of lines stands in a DNL segment.
    pub lines_at_the_end: bool,
    /// APP8 `mrfx`.
    pub transform: Option<u8>,
}

/// The stream, and the samples as a decoder must find them.
pub fn encode(picture: &Picture, options: Options) -> (Vec<u8>, Vec<Vec<u16>>) {
    let mut out = vec![0xFF, 0xD8];
    let segment = |out: &mut Vec<u8>, marker: u8, body: &[u8]| {
        out.extend([0xFF, marker]);
        out.extend((body.len() as u16 + 2).to_be_bytes());
        out.extend(body);
    };
    if let Some(transform) = options.transform {
        segment(&mut out, 0xE8, &[b"mrfx", &[transform][..]].concat());
    }
    let rows = if options.lines_at_the_end { 0 } else { picture.height as u16 };
    let mut body = vec![picture.precision as u8];
    body.extend(rows.to_be_bytes());
    body.extend((picture.width as u16).to_be_bytes());
    body.push(picture.planes.len() as u8);
    body.extend((1..=picture.planes.len() as u8).flat_map(|id| [id, 0x11, 0]));
    segment(&mut out, 0xF7, &body);
    if let Some(presets) = options.presets {
        segment(&mut out, 0xF8, &[vec![1], presets.iter().flat_map(|word| word.to_be_bytes()).collect()].concat());
    }
    if options.interval > 0 {
        segment(&mut out, 0xDD, &(options.interval as u16).to_be_bytes());
    }
    let all: Vec<usize> = (0..picture.planes.len()).collect();
    let scans: Vec<&[usize]> = if options.interleave == 0 { all.chunks(1).collect() } else { vec![&all] };
    let mut found = picture.planes.clone();
    for (number, scan) in scans.into_iter().enumerate() {
        let mut body = vec![scan.len() as u8];
        body.extend(scan.iter().flat_map(|index| [*index as u8 + 1, 0]));
        body.extend([options.near as u8, options.interleave, 0]);
        segment(&mut out, 0xDA, &body);
        let interval = if options.interval == 0 { picture.height } else { options.interval };
        for (piece, start) in (0..picture.height).step_by(interval).enumerate() {
            if piece > 0 {
                out.extend([0xFF, 0xD0 + ((piece - 1) % 8) as u8]);
            }
            let lines = start..(start + interval).min(picture.height);
            let mut coder = Coder::new(picture, options);
            coder.lines(&mut found, scan, picture.width, lines, options.interleave == 2 && scan.len() > 1);
            out.extend(coder.bits.finish());
        }
        if number == 0 && options.lines_at_the_end {
            segment(&mut out, 0xDC, &(picture.height as u16).to_be_bytes());
        }
    }
    out.extend([0xFF, 0xD9]);
    (out, found)
}

#[derive(Default)]
struct BitWriter {
    octets: Vec<u8>,
    bits: Vec<bool>,
}

impl BitWriter {
    fn put(&mut self, value: u32, count: u32) {
        for bit in (0..count).rev() {
            self.bits.push(value.checked_shr(bit).unwrap_or(0) & 1 == 1);
            if self.octets.last() == Some(&0xFF) && self.bits.len() == 1 {
                self.bits.insert(0, false);
            }
            if self.bits.len() == 8 {
                self.octets.push(self.bits.drain(..).fold(0, |octet, bit| octet << 1 | u8::from(bit)));
            }
        }
    }

    fn finish(mut self) -> Vec<u8> {
        while !self.bits.is_empty() || self.octets.last() == Some(&0xFF) {
            self.put(0, 1);
        }
        self.octets
    }
}

const J: [u32; 32] =
    [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 9, 10, 11, 12, 13, 14, 15];

struct Coder {
    bits: BitWriter,
    near: i32,
    maximum: i32,
    thresholds: [i32; 3],
    reset: i32,
    range: i32,
    qbpp: u32,
    limit: u32,
    a: [i32; 367],
    b: [i32; 367],
    c: [i32; 367],
    n: [i32; 367],
    nn: [i32; 2],
}

fn ceil_log2(count: i32) -> u32 {
    (0..).find(|bits| 1_i64 << bits >= i64::from(count)).unwrap()
}

impl Coder {
    fn new(picture: &Picture, options: Options) -> Self {
        let near = options.near;
        let [maximum, t1, t2, t3, reset] = options.presets.unwrap_or_default().map(i32::from);
        let maximum = if maximum == 0 { (1 << picture.precision) - 1 } else { maximum };
        let clamp = |value: i32, least: i32| if value > maximum || value < least { least } else { value };
        let wanted = if maximum >= 128 {
            let factor = (maximum.min(4095) + 128) / 256;
            [factor + 2 + 3 * near, factor * 4 + 3 + 5 * near, factor * 17 + 4 + 7 * near]
        } else {
            let factor = 256 / (maximum + 1);
            [2.max(3 / factor + 3 * near), 3.max(7 / factor + 5 * near), 4.max(21 / factor + 7 * near)]
        };
        let d1 = clamp(wanted[0], near + 1);
        let d2 = clamp(wanted[1], d1);
        let d3 = clamp(wanted[2], d2);
        let or = |value: i32, default: i32| if value == 0 { default } else { value };
        let range = (maximum + 2 * near) / (2 * near + 1) + 1;
        let bpp = ceil_log2(maximum + 1).max(2);
        Self {
            bits: BitWriter::default(),
            near,
            maximum,
            thresholds: [or(t1, d1), or(t2, d2), or(t3, d3)],
            reset: or(reset, 64),
            range,
            qbpp: ceil_log2(range),
            limit: 2 * (bpp + bpp.max(8)),
            a: [2.max((range + 32) / 64); 367],
            b: [0; 367],
            c: [0; 367],
            n: [1; 367],
            nn: [0; 2],
        }
    }

    /// Codes lines of some components and puts what a decoder finds in their place.
    fn lines(
        &mut self,
        planes: &mut [Vec<u16>],
        scan: &[usize],
        width: usize,
        lines: std::ops::Range<usize>,
        together: bool,
    ) {
        let first = lines.start;
        let mut run_index = vec![0; planes.len()];
        for y in lines {
            if together {
                self.line(planes, scan, &mut run_index[scan[0]], [y, first, width], true);
            } else {
                for component in scan {
                    self.line(planes, &[*component], &mut run_index[*component], [y, first, width], false);
                }
            }
        }
    }

    fn line(
        &mut self,
        planes: &mut [Vec<u16>],
        scan: &[usize],
        ri: &mut usize,
        [y, first, width]: [usize; 3],
        together: bool,
    ) {
        let mut x = 0;
        while x < width {
            let around: Vec<[i32; 4]> =
                scan.iter().map(|component| neighbours(&planes[*component], x, y, first, width)).collect();
            let contexts: Vec<i32> = around.iter().map(|around| self.context(*around)).collect();
            if contexts.iter().any(|context| *context != 0) {
                for (at, component) in scan.iter().enumerate() {
                    let sample = &mut planes[*component][y * width + x];
                    *sample = self.regular(i32::from(*sample), contexts[at], around[at]) as u16;
                }
                x += 1;
                continue;
            }
            let start = x;
            while x < width
                && scan
                    .iter()
                    .zip(&around)
                    .all(|(component, [ra, ..])| (i32::from(planes[*component][y * width + x]) - ra).abs() <= self.near)
            {
                for (component, [ra, ..]) in scan.iter().zip(&around) {
                    planes[*component][y * width + x] = *ra as u16;
                }
                x += 1;
            }
            let mut left = x - start;
            while left >= 1 << J[*ri] {
                self.bits.put(1, 1);
                left -= 1 << J[*ri];
                *ri = (*ri + 1).min(31);
            }
            if x == width {
                if left > 0 {
                    self.bits.put(1, 1);
                }
                continue;
            }
            self.bits.put(0, 1);
            self.bits.put(left as u32, J[*ri]);
            for component in scan {
                let [ra, rb, ..] = neighbours(&planes[*component], x, y, first, width);
                let sample = i32::from(planes[*component][y * width + x]);
                let flat = !together && (ra - rb).abs() <= self.near;
                planes[*component][y * width + x] = self.interruption(sample, flat, [ra, rb], J[*ri]) as u16;
            }
            *ri = ri.saturating_sub(1);
            x += 1;
        }
    }

    fn context(&self, [ra, rb, rc, rd]: [i32; 4]) -> i32 {
        let [t1, t2, t3] = self.thresholds;
        let quantise = |d: i32| match d {
            d if d <= -t3 => -4,
            d if d <= -t2 => -3,
            d if d <= -t1 => -2,
            d if d < -self.near => -1,
            d if d <= self.near => 0,
            d if d < t1 => 1,
            d if d < t2 => 2,
            d if d < t3 => 3,
            _ => 4,
        };
        81 * quantise(rd - rb) + 9 * quantise(rb - rc) + quantise(rc - ra)
    }

    fn quantised(&self, error: i32) -> i32 {
        let step = 2 * self.near + 1;
        if error > 0 { (error + self.near) / step } else { -((self.near - error) / step) }
    }

    fn reduced(&self, error: i32) -> i32 {
        let error = if error < 0 { error + self.range } else { error };
        if error >= (self.range + 1) / 2 { error - self.range } else { error }
    }

    fn golomb(&mut self, value: u32, k: u32, limit: u32) {
        let most = limit - self.qbpp - 1;
        if value >> k < most {
            self.bits.put(0, value >> k);
            self.bits.put(1, 1);
            self.bits.put(value & ((1 << k) - 1), k);
        } else {
            self.bits.put(0, most);
            self.bits.put(1, 1);
            self.bits.put(value - 1, self.qbpp);
        }
    }

    fn regular(&mut self, sample: i32, context: i32, [ra, rb, rc, _]: [i32; 4]) -> i32 {
        let (sign, q) = (context.signum(), context.unsigned_abs() as usize);
        let sign = if sign == 0 { 1 } else { sign };
        let predicted = if rc >= ra.max(rb) {
            ra.min(rb)
        } else if rc <= ra.min(rb) {
            ra.max(rb)
        } else {
            ra + rb - rc
        };
        let predicted = (predicted + sign * self.c[q]).clamp(0, self.maximum);
        let error = self.quantised(sign * (sample - predicted));
        let found = (predicted + sign * error * (2 * self.near + 1)).clamp(0, self.maximum);
        let error = self.reduced(error);
        let k = (0..).find(|k| self.n[q] << k >= self.a[q]).unwrap();
        let mapped = if self.near == 0 && k == 0 && 2 * self.b[q] <= -self.n[q] {
            if error >= 0 { 2 * error + 1 } else { -2 * (error + 1) }
        } else if error >= 0 {
            2 * error
        } else {
            -2 * error - 1
        };
        self.golomb(mapped as u32, k, self.limit);
        self.b[q] += error * (2 * self.near + 1);
        self.a[q] += error.abs();
        if self.n[q] == self.reset {
            self.a[q] >>= 1;
            self.b[q] = if self.b[q] >= 0 { self.b[q] >> 1 } else { -((1 - self.b[q]) >> 1) };
            self.n[q] >>= 1;
        }
        self.n[q] += 1;
        if self.b[q] <= -self.n[q] {
            self.b[q] = (self.b[q] + self.n[q]).max(1 - self.n[q]);
            self.c[q] = (self.c[q] - 1).max(-128);
        } else if self.b[q] > 0 {
            self.b[q] = (self.b[q] - self.n[q]).min(0);
            self.c[q] = (self.c[q] + 1).min(127);
        }
        found
    }

    fn interruption(&mut self, sample: i32, flat: bool, [ra, rb]: [i32; 2], run_bits: u32) -> i32 {
        let kind = usize::from(flat);
        let q = 365 + kind;
        let predicted = if flat { ra } else { rb };
        let sign = if !flat && ra > rb { -1 } else { 1 };
        let error = self.quantised(sign * (sample - predicted));
        let found = (predicted + sign * error * (2 * self.near + 1)).clamp(0, self.maximum);
        let error = self.reduced(error);
        let temp = if flat { self.a[q] + self.n[q] / 2 } else { self.a[q] };
        let k = (0..).find(|k| self.n[q] << k >= temp).unwrap();
        let map = (k == 0 && error > 0 && 2 * self.nn[kind] < self.n[q])
            || (error < 0 && 2 * self.nn[kind] >= self.n[q])
            || (error < 0 && k != 0);
        let mapped = 2 * error.abs() - kind as i32 - i32::from(map);
        self.golomb(mapped as u32, k, self.limit - run_bits - 1);
        if error < 0 {
            self.nn[kind] += 1;
        }
        self.a[q] += (mapped + 1 - kind as i32) >> 1;
        if self.n[q] == self.reset {
            self.a[q] >>= 1;
            self.n[q] >>= 1;
            self.nn[kind] >>= 1;
        }
        self.n[q] += 1;
        found
    }
}

/// Ra, Rb, Rc, Rd; lines above `first` are zeros.
fn neighbours(plane: &[u16], x: usize, y: usize, first: usize, width: usize) -> [i32; 4] {
    let at = |x: usize, lines_up: usize| match y.checked_sub(lines_up) {
        Some(y) if y >= first => i32::from(plane[y * width + x]),
        _ => 0,
    };
    let rb = at(x, 1);
    if x == 0 {
        return [rb, rb, at(0, 2), at(1.min(width - 1), 1)];
    }
    [at(x - 1, 0), rb, at(x - 1, 1), if x + 1 < width { at(x + 1, 1) } else { rb }]
}
