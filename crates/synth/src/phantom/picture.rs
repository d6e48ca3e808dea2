//! Small picture operations: blur of a detector, wide means, lead letters.

/// The blur of a detector or reconstruction: a 3 x 3 binomial filter.
pub(crate) fn soften(pixels: &mut [f32], columns: usize) {
    if columns < 3 {
        return;
    }
    let rows = pixels.len() / columns;
    let mut line = vec![0.0f32; columns];
    for row in pixels.chunks_exact_mut(columns) {
        line.copy_from_slice(row);
        for c in 1..columns - 1 {
            row[c] = 0.25 * line[c - 1] + 0.5 * line[c] + 0.25 * line[c + 1];
        }
    }
    let mut above = pixels[..columns].to_vec();
    for r in 1..rows.saturating_sub(1) {
        let (row, below) = pixels[r * columns..(r + 2) * columns].split_at_mut(columns);
        for ((value, above), below) in row.iter_mut().zip(&mut above).zip(below) {
            let here = *value;
            *value = 0.25 * *above + 0.5 * here + 0.25 * *below;
            *above = here;
        }
    }
}

/// Side of the squares of [`wide_mean`], and how many squares to each side are averaged.
const SQUARE: usize = 4;
const REACH: usize = 8;

/// Mean over about 68 x 68 pixels around each, fewer at the borders; worked out for squares of 4 x 4 pixels.
pub(crate) fn wide_mean(pixels: &[f32], columns: usize) -> Vec<f32> {
    let (across, rows) = (columns.div_ceil(SQUARE), pixels.len() / columns.max(1));
    let down = rows.div_ceil(SQUARE);
    let mut squares = vec![0.0f32; across * down];
    for (square, lines) in squares.chunks_exact_mut(across).zip(pixels.chunks(columns * SQUARE)) {
        for line in lines.chunks(columns) {
            for (sum, part) in square.iter_mut().zip(line.chunks(SQUARE)) {
                *sum += part.iter().sum::<f32>() / part.len() as f32;
            }
        }
        let count = (lines.len() / columns) as f32;
        square.iter_mut().for_each(|sum| *sum /= count);
    }
    let around = |at: usize, count: usize| at.saturating_sub(REACH)..(at + REACH + 1).min(count);
    let mut flat = vec![0.0f32; squares.len()];
    for (out, line) in flat.chunks_exact_mut(across).zip(squares.chunks_exact(across)) {
        for (c, out) in out.iter_mut().enumerate() {
            let part = &line[around(c, across)];
            *out = part.iter().sum::<f32>() / part.len() as f32;
        }
    }
    let mut wide = vec![0.0f32; squares.len()];
    for (r, out) in wide.chunks_exact_mut(across).enumerate() {
        let lines = around(r, down);
        let share = 1.0 / lines.len() as f32;
        for line in lines {
            for (out, value) in out.iter_mut().zip(&flat[line * across..(line + 1) * across]) {
                *out += value * share;
            }
        }
    }
    // Straight lines between the middles of the squares.
    let place = |at: usize, count: usize| {
        let place = ((at as f32 + 0.5) / SQUARE as f32 - 0.5).clamp(0.0, (count - 1) as f32);
        let low = place as usize;
        (low, (low + 1).min(count - 1), place - low as f32)
    };
    let places: Vec<(usize, usize, f32)> = (0..columns).map(|column| place(column, across)).collect();
    let mut line = vec![0.0f32; across];
    let mut out = vec![0.0f32; pixels.len()];
    for (row, out) in out.chunks_exact_mut(columns).enumerate() {
        let (r, next, t) = place(row, down);
        for ((value, a), b) in line.iter_mut().zip(&wide[r * across..]).zip(&wide[next * across..]) {
            *value = a + (b - a) * t;
        }
        for (out, (c, next, t)) in out.iter_mut().zip(&places) {
            *out = line[*c] + (line[*next] - line[*c]) * t;
        }
    }
    out
}

/// Writes letters into a picture as lead markers do: `size` pixels per dot of a 5 x 7 font; unknown letters are blank.
pub(crate) fn letters(pixels: &mut [u16], columns: usize, at: (usize, usize), size: usize, text: &str, value: u16) {
    for (index, letter) in text.chars().enumerate() {
        let dots: [u8; 7] = match letter {
            'R' => [0x1e, 0x11, 0x11, 0x1e, 0x14, 0x12, 0x11],
            'L' => [0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x1f],
            'C' => [0x0e, 0x11, 0x10, 0x10, 0x10, 0x11, 0x0e],
            'M' => [0x11, 0x1b, 0x15, 0x15, 0x11, 0x11, 0x11],
            'O' => [0x0e, 0x11, 0x11, 0x11, 0x11, 0x11, 0x0e],
            _ => [0; 7],
        };
        for (y, bits) in dots.iter().enumerate() {
            for x in (0..5).filter(|x| bits & (0x10 >> x) != 0) {
                for dy in 0..size {
                    for dx in 0..size {
                        let column = at.0 + (index * 6 + x) * size + dx;
                        let row = at.1 + y * size + dy;
                        if let Some(pixel) = pixels.get_mut(row * columns + column).filter(|_| column < columns) {
                            *pixel = value;
                        }
                    }
                }
            }
        }
    }
}
