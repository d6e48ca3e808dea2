//! Bits of entropy-coded data, most significant first, and limited-length Golomb codes. ITU-T T.87 A.1 and A.5.3.
//!
//! After an octet FF one zero bit is stuffed, so the octet that follows carries seven bits. Past the end zeros are handed
//! out and counted; every caller asks `overrun` once per line, which bounds the work and spares a test per code.

/// Whole octets in the window after a refill leave at least this many bits.
const FILLED: u32 = 32;

/// Reads one piece of entropy-coded data that has no marker in it.
#[derive(Clone)]
pub(super) struct Bits<'a> {
    octets: &'a [u8],
    /// Next octet to load.
    at: usize,
    /// The first FF at or after `at`, else the length.
    next_ff: usize,
    /// Bits to come, left aligned; what lies below `valid` is either zero or what will be loaded next.
    window: u64,
    valid: u32,
    /// Zero bits that were put behind the end.
    invented: u64,
}

impl<'a> Bits<'a> {
    pub(super) fn new(octets: &'a [u8]) -> Self {
        let next_ff = find_ff(octets, 0);
        Self { octets, at: 0, next_ff, window: 0, valid: 0, invented: 0 }
    }

    /// True if more bits were taken than there were.
    pub(super) fn overrun(&self) -> bool {
        self.invented > u64::from(self.valid)
    }

    /// Octets after the last code beyond what fills up an octet, if they hold anything but zeros.
    pub(super) fn left_over(&self) -> usize {
        let in_window = u64::from(self.valid).saturating_sub(self.invented) as u32;
        let window = if in_window == 0 { 0 } else { self.window >> (64 - in_window) };
        let rest = &self.octets[self.at..];
        // An encoder fills up the last octet, and one more when that is FF.
        let bits = in_window as usize + rest.len() * 8;
        let zeros = window == 0 && rest.iter().all(|octet| *octet == 0);
        if bits < 16 || zeros { 0 } else { bits / 8 }
    }

    #[inline(always)]
    fn refill(&mut self) {
        if self.valid < FILLED {
            match self.octets.get(self.at..self.at + 8).and_then(|eight| eight.first_chunk()) {
                Some(eight) if self.at + 8 <= self.next_ff => {
                    self.window |= u64::from_be_bytes(*eight) >> self.valid;
                    self.at += ((63 - self.valid) >> 3) as usize;
                    self.valid |= 56;
                }
                _ => self.refill_slowly(),
            }
        }
    }

    /// Octet by octet, around stuffed bits and at the end.
    #[cold]
    #[inline(never)]
    fn refill_slowly(&mut self) {
        let kept = if self.valid == 0 { 0 } else { self.window >> (64 - self.valid) };
        let mut window = u128::from(kept);
        // Room for an FF and its seven followers.
        while self.valid <= 48 {
            let Some(octet) = self.octets.get(self.at) else {
                window <<= 64 - self.valid;
                self.invented += u64::from(63 - self.valid);
                self.window = window as u64;
                self.valid = 63;
                return;
            };
            (window, self.valid, self.at) = (window << 8 | u128::from(*octet), self.valid + 8, self.at + 1);
            if *octet == 0xFF {
                let stuffed = self.octets.get(self.at).copied().unwrap_or(0);
                (window, self.valid, self.at) =
                    (window << 7 | u128::from(stuffed & 0x7F), self.valid + 7, (self.at + 1).min(self.octets.len()));
                self.next_ff = find_ff(self.octets, self.at);
            }
        }
        self.window = (window as u64) << (64 - self.valid);
    }

    /// The next `count` bits, at most 32.
    #[inline(always)]
    pub(super) fn take(&mut self, count: u32) -> u32 {
        self.refill();
        let value = (self.window >> 1 >> (63 - count)) as u32;
        self.window <<= count;
        self.valid -= count;
        value
    }

    /// A code of Golomb parameter `k`; after `most` zeros its value less 1 follows in `escape` bits.
    #[inline(always)]
    pub(super) fn golomb(&mut self, k: u32, most: u32, escape: u32) -> u32 {
        self.refill();
        let zeros = (self.window | 1).leading_zeros();
        if zeros < most.min(FILLED.wrapping_sub(k)) {
            let rest = self.window << zeros << 1;
            let value = zeros << k | (rest >> 1 >> (63 - k)) as u32;
            self.window = rest << k;
            self.valid -= zeros + 1 + k;
            return value;
        }
        self.long_golomb(k, most, escape)
    }

    #[cold]
    #[inline(never)]
    fn long_golomb(&mut self, k: u32, most: u32, escape: u32) -> u32 {
        let mut zeros = 0;
        while self.take(1) == 0 {
            zeros += 1;
            // No code has more zeros; an encoder writes exactly `most` before an escape.
            if zeros > most {
                return u32::MAX;
            }
        }
        if zeros < most { (zeros << k).saturating_add(self.take(k)) } else { self.take(escape) + 1 }
    }
}

fn find_ff(octets: &[u8], from: usize) -> usize {
    octets[from..].iter().position(|octet| *octet == 0xFF).map_or(octets.len(), |found| from + found)
}
