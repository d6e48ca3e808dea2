//! Mutation of real messages for decoders that read what strangers send. Deterministic: a seed and a number name every
//! input, so that whatever fails can be had again.

use std::ops::Range;

/// How many inputs each target gets, and where they begin: `MANIFOLD_FUZZ_RUNS` and `MANIFOLD_FUZZ_SEED`.
pub struct Runs {
    pub seed: u64,
    pub count: u64,
}

impl Runs {
    /// What the environment says, else so many, the same every time. A run of another length without a seed draws one,
    /// so that its rounds do not repeat each other.
    pub fn of_environment(count: u64) -> Self {
        let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
        let drawn = || {
            let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            since.map_or(1, |since| since.as_nanos() as u64)
        };
        let (seed, runs) = (number("MANIFOLD_FUZZ_SEED"), number("MANIFOLD_FUZZ_RUNS"));
        let seed = seed.unwrap_or_else(|| if runs.is_some() { drawn() } else { 1 });
        Runs { seed, count: runs.unwrap_or(count) }
    }

    /// Every input in turn, with the name it can be had again by.
    pub fn each(&self, corpus: &Corpus, mut target: impl FnMut(&[u8], &mut Random)) {
        for number in 0..self.count {
            let mut random = Random::of(self.seed, number);
            let input = corpus.mutant(&mut random);
            let guard = Naming { seed: self.seed, number };
            target(&input, &mut random);
            std::mem::forget(guard);
        }
    }
}

/// Says which input it was when the target panics.
struct Naming {
    seed: u64,
    number: u64,
}

impl Drop for Naming {
    fn drop(&mut self) {
        eprintln!("the input is number {} of MANIFOLD_FUZZ_SEED={}", self.number, self.seed);
    }
}

/// Numbers in an order that looks random (splitmix64).
pub struct Random(u64);

impl Random {
    pub fn of(seed: u64, number: u64) -> Self {
        let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ number);
        random.draw();
        random
    }

    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Below `bound`; 0 when that is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        if bound == 0 { 0 } else { (self.draw() % bound as u64) as usize }
    }

    pub fn choose<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    fn range(&mut self, length: usize, most: usize) -> Range<usize> {
        let start = self.below(length);
        start..(start + 1 + self.below(most)).min(length)
    }
}

/// Messages to begin with, and words that mean something to the decoder.
pub struct Corpus {
    messages: Vec<Vec<u8>>,
    words: Vec<Vec<u8>>,
}

/// No mutant is larger: what matters about size is tested by itself.
const LARGEST: usize = 64 * 1024;

impl Corpus {
    /// At least one message.
    pub fn new(messages: Vec<Vec<u8>>, words: &[&str]) -> Self {
        assert!(!messages.is_empty(), "a corpus without messages finds nothing");
        Corpus { messages, words: words.iter().map(|word| word.as_bytes().to_vec()).collect() }
    }

    /// A message with one to eight changes.
    pub fn mutant(&self, random: &mut Random) -> Vec<u8> {
        let mut input = random.choose(&self.messages).clone();
        for _ in 0..1 + random.below(8) {
            self.change(&mut input, random);
        }
        input.truncate(LARGEST);
        input
    }

    fn change(&self, input: &mut Vec<u8>, random: &mut Random) {
        let length = input.len();
        match random.below(9) {
            0 if length > 0 => input[random.below(length)] ^= 1 << random.below(8),
            1 if length > 0 => {
                let at = random.below(length);
                input[at] = random.draw() as u8;
            }
            2 if length > 0 => {
                let range = random.range(length, 64);
                input.drain(range);
            }
            3 if length > 0 => {
                let range = random.range(length, 256);
                let piece = input[range].to_vec();
                let at = random.below(length);
                input.splice(at..at, piece);
            }
            4 => {
                let other = random.choose(&self.messages);
                let piece = other[random.range(other.len().max(1), 512).start.min(other.len())..].to_vec();
                let at = random.below(length + 1);
                input.truncate(at);
                input.extend_from_slice(&piece);
            }
            5 if !self.words.is_empty() => {
                let word = random.choose(&self.words).clone();
                let at = random.below(length + 1);
                input.splice(at..at, word);
            }
            6 if !self.words.is_empty() && length > 0 => {
                let word = random.choose(&self.words).clone();
                let at = random.below(length);
                let end = (at + word.len()).min(length);
                input.splice(at..end, word);
            }
            // A whole value between quotes or tags gives way to another.
            7 => {
                let ends = |b: &u8| matches!(b, b'"' | b'\'' | b'<' | b'>');
                let at = random.below(length + 1);
                let start = input[..at].iter().rposition(ends).map_or(0, |p| p + 1);
                let end = input[at..].iter().position(ends).map_or(length, |p| at + p);
                let word = if self.words.is_empty() { Vec::new() } else { random.choose(&self.words).clone() };
                input.splice(start..end, word);
            }
            _ => {
                let at = random.below(length + 1);
                let again = 1 + random.below(200);
                let octet = *random.choose(b"<>&'\"( );,^|%0A\r\n-\0\xff");
                input.splice(at..at, std::iter::repeat_n(octet, again));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_number_is_the_same_input_and_others_are_others() {
        let corpus = Corpus::new(vec![b"<a b=\"c\">text</a>".to_vec(), b"<x/>".to_vec()], &["&amp;", "]]>"]);
        let mutant = |number| corpus.mutant(&mut Random::of(7, number));
        let all: std::collections::BTreeSet<Vec<u8>> = (0..1000).map(mutant).collect();
        assert!(all.len() > 900, "{} different inputs of 1000", all.len());
        assert_eq!(mutant(3), mutant(3));
    }
}
