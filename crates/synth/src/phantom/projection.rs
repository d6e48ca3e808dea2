//! Shapes as rays see them: where a straight ray enters and leaves a blob or a tube, worked out once per shape so that a
//! ray costs a handful of multiplications.

use super::radiograph::density;
use super::shape::trunk_part;
use super::{Blob, Form, Point, Shape, Tube, dot, sub};

/// A function of one number from a table, straight between its points.
pub(super) struct Curve {
    low: f32,
    per_step: f32,
    values: Vec<f32>,
}

impl Curve {
    pub(super) fn new(low: f32, high: f32, steps: usize, function: impl Fn(f32) -> f32) -> Curve {
        let step = (high - low) / steps as f32;
        Curve {
            low,
            per_step: 1.0 / step,
            values: (0..=steps + 1).map(|index| function(low + step * index as f32)).collect(),
        }
    }

    /// The value at `x`, or at the nearer end.
    #[inline]
    pub(super) fn at(&self, x: f32) -> f32 {
        let place = ((x - self.low) * self.per_step).clamp(0.0, (self.values.len() - 2) as f32);
        let index = place as i32 as usize;
        let (a, b) = (self.values[index], self.values[index + 1]);
        a + (b - a) * (place - index as f32)
    }
}

/// One ray; parts of it that are covered count no more for what lies below.
#[derive(Default)]
pub(super) struct Ray {
    /// Covered parts, in order and apart from each other.
    covered: Vec<(f32, f32)>,
}

impl Ray {
    pub(super) fn clear(&mut self) {
        self.covered.clear();
    }

    /// Covers a part of the ray; returns the length that was not covered before.
    pub(super) fn cover(&mut self, mut from: f32, mut to: f32) -> f32 {
        let mut fresh = to - from;
        let first = self.covered.iter().position(|part| part.1 >= from).unwrap_or(self.covered.len());
        let mut last = first;
        let (low, high) = (from, to);
        while let Some(part) = self.covered.get(last).filter(|part| part.0 <= high) {
            fresh -= part.1.min(high) - part.0.max(low);
            (from, to) = (from.min(part.0), to.max(part.1));
            last += 1;
        }
        if last == first + 1 {
            self.covered[first] = (from, to);
        } else {
            self.covered.splice(first..last, [(from, to)]);
        }
        fresh.max(0.0)
    }
}

/// A shape as rays along one axis see it. Places are (u, z): across the film, and up.
pub(super) struct Shadow {
    pub(super) centre: (f32, f32),
    /// Half the size of the box around it.
    pub(super) reach: (f32, f32),
    pub(super) density: f32,
    body: Body,
}

enum Body {
    /// The middle of a ray inside is `along + mu u + mz z`, the square of `a` times half its length is
    /// `a + uu u2 + 2 uz u z + zz z2`.
    Ellipsoid {
        along: f32,
        a: f32,
        uu: f32,
        uz: f32,
        zz: f32,
        mu: f32,
        mz: f32,
    },
    /// Trunks and blocks are taken as they stand; the few that are turned are turned little.
    Round {
        along: f32,
        radii: (f32, f32, f32),
        block: bool,
    },
    Tube(Pipe),
}

/// A tube in the plane of the film.
struct Pipe {
    from: (f32, f32),
    flat: (f32, f32),
    length: f32,
    /// 0 when rays run along the tube.
    per_length2: f32,
    radius: (f32, f32),
    along: (f32, f32),
    per_lean: f32,
}

impl Shadow {
    /// `across` and `along`: the axes across the film and of the rays.
    pub(super) fn new(shape: &Shape, (across, along): (usize, usize)) -> Shadow {
        let density = density(shape.tissue());
        match shape {
            Shape::Blob(blob) => {
                let (body, reach) = blob_shadow(blob, across, along);
                Shadow { centre: (blob.centre[across], blob.centre[2]), reach, density, body }
            }
            Shape::Tube(tube) => {
                let radius = tube.radius_from.max(tube.radius_to);
                let (a, b) = ((tube.from[across], tube.from[2]), (tube.to[across], tube.to[2]));
                Shadow {
                    centre: ((a.0 + b.0) / 2.0, (a.1 + b.1) / 2.0),
                    reach: ((a.0 - b.0).abs() / 2.0 + radius, (a.1 - b.1).abs() / 2.0 + radius),
                    density,
                    body: Body::Tube(Pipe::new(tube, across, along)),
                }
            }
        }
    }

    /// Where a ray enters and leaves.
    #[inline]
    pub(super) fn span(&self, u: f32, z: f32) -> Option<(f32, f32)> {
        let (x, y) = (u - self.centre.0, z - self.centre.1);
        if x.abs() > self.reach.0 || y.abs() > self.reach.1 {
            return None;
        }
        let (middle, half) = match &self.body {
            Body::Ellipsoid { along, a, uu, uz, zz, mu, mz } => {
                let square = a + uu * x * x + 2.0 * uz * x * y + zz * y * y;
                if square <= 0.0 {
                    return None;
                }
                (along + mu * x + mz * y, square.sqrt() / a)
            }
            Body::Round { along, radii, block } => {
                let (x, y) = (x / radii.0, y / radii.1);
                let part = |q: f32| if *block { q * q * q * q } else { trunk_part(q) };
                let rest = 1.0 - part(x) - part(y);
                if rest <= 0.0 {
                    return None;
                }
                (*along, radii.2 * if *block { rest.sqrt().sqrt() } else { rest.powf(0.4) })
            }
            Body::Tube(pipe) => {
                let (half, t, _) = pipe.meet(u, z)?;
                (pipe.along.0 + (pipe.along.1 - pipe.along.0) * t, half)
            }
        };
        Some((middle - half, middle + half))
    }

    /// The length of a ray inside; pieces of tubes in a row add up to one tube.
    #[inline]
    pub(super) fn length(&self, u: f32, z: f32) -> Option<f32> {
        match &self.body {
            Body::Tube(pipe) => {
                let (half, _, raw) = pipe.meet(u, z)?;
                Some(2.0 * half * pipe.share(raw))
            }
            _ => self.span(u, z).map(|(from, to)| to - from),
        }
    }

    /// Places across the film between which a row at `z` can meet the shape.
    pub(super) fn columns(&self, z: f32) -> Option<(f32, f32)> {
        let (mut low, mut high) = (self.centre.0 - self.reach.0, self.centre.0 + self.reach.0);
        if let Body::Tube(pipe) = &self.body {
            // Within its radius of the axis, which is `flat.1 / flat.0` steep.
            let radius = pipe.radius.0.max(pipe.radius.1);
            if pipe.flat.1.abs() > 1e-3 {
                let middle = pipe.from.0 + pipe.flat.0 * (z - pipe.from.1) / pipe.flat.1;
                let half = radius * pipe.length / pipe.flat.1.abs();
                (low, high) = (low.max(middle - half), high.min(middle + half));
            }
        }
        (low <= high).then_some((low, high))
    }
}

fn blob_shadow(blob: &Blob, across: usize, along: usize) -> (Body, (f32, f32)) {
    let radii = blob.radii;
    if blob.form != Form::Ellipsoid {
        let body = (radii[across], radii[2], radii[along]);
        let block = blob.form == Form::Block;
        return (Body::Round { along: blob.centre[along], radii: body, block }, (body.0, body.1));
    }
    let axes = blob.axes();
    let in_radii = |axis: usize| -> Point { [0, 1, 2].map(|i| axes[i][axis] / radii[i]) };
    let (pu, pz, d) = (in_radii(across), in_radii(2), in_radii(along));
    // A ray meets the surface where a t2 + 2 b t + c = 0; b is linear and c quadratic in u and z.
    let (a, bu, bz) = (dot(d, d), dot(pu, d), dot(pz, d));
    let body = Body::Ellipsoid {
        along: blob.centre[along],
        a,
        uu: bu * bu - a * dot(pu, pu),
        uz: bu * bz - a * dot(pu, pz),
        zz: bz * bz - a * dot(pz, pz),
        mu: -bu / a,
        mz: -bz / a,
    };
    let reach = |axis: usize| (0..3).map(|i| (radii[i] * axes[i][axis]).powi(2)).sum::<f32>().sqrt();
    (body, (reach(across), reach(2)))
}

impl Pipe {
    fn new(tube: &Tube, across: usize, along: usize) -> Pipe {
        let axis = sub(tube.to, tube.from);
        let flat = (axis[across], axis[2]);
        let length2 = flat.0 * flat.0 + flat.1 * flat.1;
        // A tube that leans towards the ray is longer along it, up to its whole length.
        let lean = (length2 / (length2 + axis[along] * axis[along]).max(1e-6)).sqrt().max(0.35);
        Pipe {
            from: (tube.from[across], tube.from[2]),
            flat,
            length: length2.sqrt(),
            per_length2: if length2 < 1e-4 { 0.0 } else { 1.0 / length2 },
            radius: (tube.radius_from, tube.radius_to),
            along: (tube.from[along], tube.to[along]),
            per_lean: 1.0 / lean,
        }
    }

    /// Half the length inside, the place on the axis from 0 to 1, and the same place beyond the ends.
    #[inline]
    fn meet(&self, u: f32, z: f32) -> Option<(f32, f32, f32)> {
        let d = (u - self.from.0, z - self.from.1);
        let raw = (d.0 * self.flat.0 + d.1 * self.flat.1) * self.per_length2;
        let t = raw.clamp(0.0, 1.0);
        let radius = self.radius.0 + (self.radius.1 - self.radius.0) * t;
        let e = (d.0 - self.flat.0 * t, d.1 - self.flat.1 * t);
        let rest = radius * radius - e.0 * e.0 - e.1 * e.1;
        (rest > 0.0).then(|| (rest.sqrt() * self.per_lean, t, raw))
    }

    /// How much a piece counts: 1, less near its ends, so that pieces in a row add up to 1.
    #[inline]
    fn share(&self, raw: f32) -> f32 {
        if self.per_length2 == 0.0 {
            return 1.0;
        }
        let radius = self.radius.0 + (self.radius.1 - self.radius.0) * raw.clamp(0.0, 1.0);
        let soft = (0.4 * radius).min(0.5 * self.length).max(0.05);
        let ramp = |from_end: f32| ((from_end * self.length + soft) / (2.0 * soft)).clamp(0.0, 1.0);
        ramp(raw) * ramp(1.0 - raw)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phantom::tissue::Tissue;

    #[test]
    fn a_ray_counts_every_part_once() {
        let mut ray = Ray::default();
        assert_eq!(ray.cover(0.0, 10.0), 10.0);
        assert_eq!(ray.cover(20.0, 30.0), 10.0);
        assert_eq!(ray.cover(5.0, 25.0), 10.0);
        assert_eq!(ray.cover(-1.0, 31.0), 2.0);
        assert_eq!(ray.cover(3.0, 4.0), 0.0);
        assert_eq!(ray.cover(40.0, 41.0), 1.0);
    }

    #[test]
    fn a_ray_through_a_turned_blob_is_as_long_as_the_blob_there() {
        let blob = Blob::new([1.0, 2.0, 3.0], [10.0, 2.0, 4.0], Tissue::Water).turned(0.0, 0.0, 90.0);
        let shadow = Shadow::new(&Shape::Blob(blob), (0, 1));
        let (from, to) = shadow.span(1.0, 3.0).unwrap();
        assert!((from + 8.0).abs() < 1e-3 && (to - 12.0).abs() < 1e-3, "{from} {to}");
        assert!((shadow.reach.0 - 2.0).abs() < 1e-3 && (shadow.reach.1 - 4.0).abs() < 1e-3);
        assert!(shadow.span(4.0, 3.0).is_none());
    }

    #[test]
    fn a_curve_is_its_function_between_the_ends() {
        let curve = Curve::new(0.0, 2.0, 64, |x| x * x);
        for x in [0.0f32, 0.31, 1.0, 1.97, 2.0] {
            assert!((curve.at(x) - x * x).abs() < 1e-3);
        }
        assert_eq!(curve.at(-1.0), 0.0);
    }
}
