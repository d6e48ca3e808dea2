//! A small line of one hour, drawn as SVG. Before the process began nothing is known, and nothing is drawn.

/// Minutes of a line.
pub const MINUTES: usize = 60;
const WIDTH: usize = 118;
const HEIGHT: u64 = 24;

/// What happened in an hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sparkline {
    /// `x,y x,y ...` in a view of 118 by 28.
    pub points: String,
    pub total: u64,
    pub highest: u32,
}

impl Sparkline {
    /// Oldest minute first; the last `known` of them are drawn.
    pub fn of(counts: &[u32; MINUTES], known: usize) -> Sparkline {
        let known = known.clamp(2, MINUTES);
        let drawn = &counts[MINUTES - known..];
        let highest = drawn.iter().copied().max().unwrap_or(0);
        let point = |(n, count): (usize, &u32)| {
            let x = (MINUTES - known + n) * WIDTH / (MINUTES - 1);
            // The line keeps 2 from both edges.
            let y = 2 + HEIGHT - u64::from(*count) * HEIGHT / u64::from(highest.max(1));
            format!("{x},{y}")
        };
        Sparkline {
            points: drawn.iter().enumerate().map(point).collect::<Vec<_>>().join(" "),
            total: drawn.iter().map(|count| u64::from(*count)).sum(),
            highest,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_begins_with_the_process_and_stays_in_its_box() {
        let mut counts = [0; MINUTES];
        counts[58] = 4;
        counts[59] = 2;
        let line = Sparkline::of(&counts, 3);
        assert_eq!(line.points, "114,26 116,2 118,14");
        assert_eq!((line.total, line.highest), (6, 4));
        assert_eq!(Sparkline::of(&[u32::MAX; MINUTES], 60).points.split(' ').count(), MINUTES);
        assert_eq!(Sparkline::of(&[0; MINUTES], 0).points, "116,26 118,26");
    }
}
