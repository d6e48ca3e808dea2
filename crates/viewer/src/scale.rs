//! Resizing of 8-bit pictures: area mean (box filter) to smaller, bilinear to larger; each axis on its own.

/// For every output position the first input position and the weights of it and the following ones.
fn weights(from: usize, to: usize) -> Vec<(usize, Vec<f32>)> {
    let ratio = from as f32 / to as f32;
    (0..to)
        .map(|index| {
            if ratio > 1.0 {
                let (low, high) = (index as f32 * ratio, (index as f32 + 1.0) * ratio);
                let first = (low as usize).min(from - 1);
                let last = ((high.ceil() as usize).max(first + 1)).min(from);
                let part = |i: usize| ((i as f32 + 1.0).min(high) - (i as f32).max(low)).max(0.0) / ratio;
                (first, normal((first..last).map(part).collect()))
            } else {
                let middle = ((index as f32 + 0.5) * ratio - 0.5).clamp(0.0, from as f32 - 1.0);
                let first = (middle as usize).min(from - 1);
                let share = middle - first as f32;
                if first + 1 < from { (first, vec![1.0 - share, share]) } else { (first, vec![1.0]) }
            }
        })
        .collect()
}

fn normal(mut parts: Vec<f32>) -> Vec<f32> {
    let sum: f32 = parts.iter().sum();
    if sum > 0.0 {
        parts.iter_mut().for_each(|part| *part /= sum);
    }
    parts
}

/// Resizes a picture of `channels` interleaved octets per pixel. All sizes are at least 1.
pub(crate) fn resize(pixels: &[u8], from: (usize, usize), to: (usize, usize), channels: usize) -> Vec<u8> {
    if from == to {
        return pixels.to_vec();
    }
    let ((width, height), (new_width, new_height)) = (from, to);
    let across = weights(width, new_width);
    let down = weights(height, new_height);
    let mut out = Vec::with_capacity(new_width * new_height * channels);
    // Rows that are still needed, already resized across; input rows are met in order, so old ones can go.
    let mut ready: std::collections::VecDeque<(usize, Vec<f32>)> = std::collections::VecDeque::new();
    let mut line = vec![0.0f32; new_width * channels];
    for (first, parts) in &down {
        while ready.front().is_some_and(|(row, _)| row < first) {
            ready.pop_front();
        }
        line.fill(0.0);
        for (offset, part) in parts.iter().enumerate() {
            let row = first + offset;
            if ready.back().is_none_or(|(last, _)| *last < row) {
                ready.push_back((row, resize_line(&pixels[row * width * channels..], &across, channels)));
            }
            if let Some((_, values)) = ready.iter().find(|(have, _)| *have == row) {
                line.iter_mut().zip(values).for_each(|(sum, value)| *sum += part * value);
            }
        }
        out.extend(line.iter().map(|value| (value + 0.5) as u8));
    }
    out
}

fn resize_line(pixels: &[u8], across: &[(usize, Vec<f32>)], channels: usize) -> Vec<f32> {
    let mut out = Vec::with_capacity(across.len() * channels);
    for (first, parts) in across {
        for channel in 0..channels {
            let sum: f32 = parts
                .iter()
                .enumerate()
                .map(|(offset, part)| part * f32::from(pixels[(first + offset) * channels + channel]))
                .sum();
            out.push(sum);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smaller_pictures_are_means_and_larger_ones_are_smooth() {
        let pixels = [0, 100, 200, 100, 0, 100, 200, 100];
        assert_eq!(resize(&pixels, (4, 2), (2, 1), 1), [50, 150]);
        assert_eq!(resize(&[0, 100], (2, 1), (4, 1), 1), [0, 25, 75, 100]);
        assert_eq!(resize(&[7], (1, 1), (3, 2), 1), [7; 6]);
        // Colour channels do not mix.
        assert_eq!(resize(&[10, 20, 30, 30, 40, 50], (2, 1), (1, 1), 3), [20, 30, 40]);
    }

    #[test]
    fn a_flat_picture_stays_flat_at_any_size() {
        let flat = vec![133u8; 37 * 23];
        for to in [(5, 3), (36, 22), (37, 23), (50, 90), (1, 1)] {
            assert!(resize(&flat, (37, 23), to, 1).iter().all(|value| *value == 133), "{to:?}");
        }
    }
}
