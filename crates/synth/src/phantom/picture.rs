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
        for c in 0..columns {
            let here = pixels[r * columns + c];
            pixels[r * columns + c] = 0.25 * above[c] + 0.5 * here + 0.25 * pixels[(r + 1) * columns + c];
            above[c] = here;
        }
    }
}

/// Mean over a square of `2 * reach + 1` pixels, clipped at the borders.
pub(crate) fn box_blur(pixels: &[f32], columns: usize, reach: usize) -> Vec<f32> {
    let rows = pixels.len() / columns.max(1);
    let mut across = vec![0.0f32; pixels.len()];
    let mut sums = vec![0.0f64; columns.max(rows) + 1];
    for r in 0..rows {
        let line = &pixels[r * columns..(r + 1) * columns];
        for c in 0..columns {
            sums[c + 1] = sums[c] + f64::from(line[c]);
        }
        for c in 0..columns {
            let (low, high) = (c.saturating_sub(reach), (c + reach + 1).min(columns));
            across[r * columns + c] = ((sums[high] - sums[low]) / (high - low) as f64) as f32;
        }
    }
    let mut out = vec![0.0f32; pixels.len()];
    for c in 0..columns {
        for r in 0..rows {
            sums[r + 1] = sums[r] + f64::from(across[r * columns + c]);
        }
        for r in 0..rows {
            let (low, high) = (r.saturating_sub(reach), (r + reach + 1).min(rows));
            out[r * columns + c] = ((sums[high] - sums[low]) / (high - low) as f64) as f32;
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
