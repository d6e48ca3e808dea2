//! The shapes bodies are made of, and how a plane cuts them: ellipsoids, trunks, blocks and tubes.

use super::tissue::Tissue;
use super::{Canvas, Point, dot, sub};
use crate::random::Walk;
use std::ops::Range;

/// How round a blob is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Power 2.
    Ellipsoid,
    /// Power 2.5: a trunk. It is never turned.
    Trunk,
    /// Power 4: a rounded block.
    Block,
}

impl Form {
    /// 1 on the surface, less inside, for a place in radii from the centre.
    #[inline]
    fn level(self, [x, y, z]: Point) -> f32 {
        match self {
            Form::Ellipsoid => (x * x + y * y + z * z).sqrt(),
            // The sum of powers, made linear where it matters: at the surface. Roots and `powf` would cost ten times.
            Form::Trunk => 1.0 + (trunk_part(x) + trunk_part(y) + trunk_part(z) - 1.0) / 2.5,
            Form::Block => {
                let (x, y, z) = (x * x, y * y, z * z);
                1.0 + (x * x + y * y + z * z - 1.0) / 4.0
            }
        }
    }
}

/// The power 2.5 of a magnitude.
#[inline]
pub(super) fn trunk_part(v: f32) -> f32 {
    let v = v.abs();
    v * v * v.sqrt()
}

/// A closed body: ellipsoid, trunk or rounded block.
#[derive(Debug, Clone)]
pub(crate) struct Blob {
    pub centre: Point,
    pub radii: Point,
    /// Turns about x, y and z in degrees, applied in this order.
    pub turn: Point,
    pub form: Form,
    /// Surface irregularity, as a part of the radius.
    pub wobble: f32,
    /// Size of the irregularities in mm.
    pub wobble_mm: f32,
    pub tissue: Tissue,
}

impl Blob {
    pub(crate) fn new(centre: Point, radii: Point, tissue: Tissue) -> Blob {
        Blob { centre, radii, turn: [0.0; 3], form: Form::Ellipsoid, wobble: 0.0, wobble_mm: 30.0, tissue }
    }

    pub(crate) fn turned(mut self, x: f32, y: f32, z: f32) -> Blob {
        self.turn = [x, y, z];
        self
    }

    pub(crate) fn formed(mut self, form: Form) -> Blob {
        self.form = form;
        self
    }

    pub(crate) fn rough(mut self, wobble: f32, mm: f32) -> Blob {
        self.wobble = wobble;
        self.wobble_mm = mm;
        self
    }

    /// Rows of the matrix that takes a direction in space to the blob's own axes.
    pub(super) fn axes(&self) -> [Point; 3] {
        if self.turn == [0.0; 3] {
            return [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
        }
        let [x, y, z] = self.turn.map(f32::to_radians);
        let (sx, cx, sy, cy, sz, cz) = (x.sin(), x.cos(), y.sin(), y.cos(), z.sin(), z.cos());
        // Columns of Rz Ry Rx are the blob's axes in space; as rows they are its inverse.
        [
            [cz * cy, sz * cy, -sy],
            [cz * sy * sx - sz * cx, sz * sy * sx + cz * cx, cy * sx],
            [cz * sy * cx + sz * sx, sz * sy * cx - cz * sx, cy * cx],
        ]
    }

    /// 1 on the surface, less inside; only for an ellipsoid also the exact distance from the centre in radii.
    fn level(&self, axes: &[Point; 3], point: Point) -> f32 {
        let d = sub(point, self.centre);
        let part = |i: usize| dot(axes[i], d) / self.radii[i];
        self.form.level([part(0), part(1), part(2)])
    }

    /// Half the size of the box around the blob along a direction.
    pub(super) fn extent(&self, axes: &[Point; 3], direction: Point) -> f32 {
        let part = |i: usize| (self.radii[i] * dot(axes[i], direction)).abs();
        let parts = [part(0), part(1), part(2)];
        let extent = match self.form {
            Form::Ellipsoid => dot(parts, parts).sqrt(),
            Form::Trunk | Form::Block => parts[0] + parts[1] + parts[2],
        };
        extent * (1.0 + self.wobble)
    }

    /// Whether a point lies inside, without the irregularities, shrunk by `margin` mm.
    pub(crate) fn holds(&self, point: Point, margin: f32) -> bool {
        let least = self.radii.iter().copied().fold(f32::INFINITY, f32::min);
        self.level(&self.axes(), point) < 1.0 - margin / least
    }

    pub(super) fn paint(&self, canvas: &mut Canvas, seed: u32) {
        let plane = canvas.plane;
        let from_plane = dot(sub(self.centre, plane.origin), canvas.normal).abs();
        let [rx, ry, rz] = self.radii;
        if from_plane > (rx + ry + rz) * (1.0 + self.wobble) {
            return;
        }
        let axes = self.axes();
        if from_plane > self.extent(&axes, canvas.normal) {
            return;
        }
        let (column, row, _) = plane.project(self.centre);
        let across = self.extent(&axes, plane.along_row) / plane.pixel + 1.0;
        let down = self.extent(&axes, plane.down_column) / plane.pixel + 1.0;
        // Width over which the border goes from 0 to 1: one pixel, in units of the level.
        let soft = (plane.pixel / rx.min(ry).min(rz)).max(0.002);
        let margin = self.wobble + soft;
        let mut rim = Rim { blob: self, per_soft: 1.0 / soft, margin, walk: Walk::new(seed) };
        let radii_of = |direction: Point| {
            [dot(axes[0], direction) / rx, dot(axes[1], direction) / ry, dot(axes[2], direction) / rz]
        };
        let start = radii_of(sub(plane.origin, self.centre));
        let step = radii_of(plane.along_row.map(|v| v * plane.pixel));
        let down_step = radii_of(plane.down_column.map(|v| v * plane.pixel));
        let clip = |low: f32, high: f32| columns(low.max(column - across), high.min(column + across), plane.columns);
        for r in range(row, down, plane.rows) {
            let p = plus(start, down_step, r as f32);
            // Along a row the parts below a level are intervals: pixels surely inside are not looked at one by one.
            match self.form {
                Form::Ellipsoid => {
                    let a = dot(step, step);
                    let middle = -dot(p, step) / a;
                    let nearest = plus(p, step, middle);
                    let least = dot(nearest, nearest);
                    let half = |limit: f32| (limit.max(0.0) * limit.max(0.0) - least).max(0.0) / a;
                    let (outer, inner) = (half(1.0 + margin).sqrt(), half(1.0 - margin).sqrt());
                    let pixels = clip(middle - outer, middle + outer);
                    let sure = inside(middle - inner, middle + inner, &pixels);
                    rim.row(canvas, r, pixels, sure, |c| {
                        let x = c - middle;
                        (least + a * x * x).sqrt()
                    });
                }
                Form::Trunk => {
                    // One component changes along a row, the others stay.
                    let (axis, _) = plane.run();
                    let fixed = (0..3).filter(|i| *i != axis).map(|i| trunk_part(p[i])).sum::<f32>();
                    let half = |limit: f32| (1.0 + 2.5 * (limit - 1.0) - fixed).max(0.0).powf(0.4) / step[axis].abs();
                    let middle = -p[axis] / step[axis];
                    let (outer, inner) = (half(1.0 + margin), half(1.0 - margin));
                    let pixels = clip(middle - outer, middle + outer);
                    let sure = inside(middle - inner, middle + inner, &pixels);
                    let (from, step) = (p[axis], step[axis]);
                    rim.row(canvas, r, pixels, sure, |c| 1.0 + (fixed + trunk_part(from + c * step) - 1.0) / 2.5);
                }
                Form::Block => {
                    let pixels = clip(f32::NEG_INFINITY, f32::INFINITY);
                    let none = pixels.end..pixels.end;
                    rim.row(canvas, r, pixels, none, |c| Form::Block.level(plus(p, step, c)));
                }
            }
        }
    }
}

/// `a + b * t`.
#[inline]
fn plus(a: Point, b: Point, t: f32) -> Point {
    [a[0] + b[0] * t, a[1] + b[1] * t, a[2] + b[2] * t]
}

/// The uneven, soft border of a blob.
struct Rim<'a> {
    blob: &'a Blob,
    per_soft: f32,
    /// Levels farther from 1 than this are surely in or out.
    margin: f32,
    walk: Walk,
}

impl Rim<'_> {
    /// Paints pixels of a row; those in `sure` are wholly inside.
    fn row(
        &mut self,
        canvas: &mut Canvas,
        row: usize,
        pixels: Range<usize>,
        sure: Range<usize>,
        level: impl Fn(f32) -> f32,
    ) {
        let (plane, blob) = (canvas.plane, self.blob);
        let frequency = 1.0 / blob.wobble_mm;
        for part in [pixels.start..sure.start, sure.end..pixels.end] {
            for c in part {
                let mut level = level(c as f32);
                if blob.wobble > 0.0 && (level - 1.0).abs() < self.margin {
                    let [x, y, z] = plane.at(c as f32, row as f32);
                    level += blob.wobble * self.walk.at(x * frequency, y * frequency, z * frequency);
                }
                canvas.cover(c, row, blob.tissue, (1.0 - level) * self.per_soft + 0.5);
            }
        }
        canvas.fill(sure, row, blob.tissue);
    }
}

fn columns(low: f32, high: f32, size: usize) -> Range<usize> {
    let start = low.floor().clamp(0.0, size as f32) as usize;
    start..((high.ceil() + 1.0).clamp(0.0, size as f32) as usize).max(start)
}

/// Columns strictly between two places, within `pixels`; empty at the end when there are none.
fn inside(low: f32, high: f32, pixels: &Range<usize>) -> Range<usize> {
    let start = (low.floor() + 1.0).max(0.0) as usize;
    let end = (high.ceil().max(0.0) as usize).min(pixels.end);
    let start = start.max(pixels.start);
    if start < end { start..end } else { pixels.end..pixels.end }
}

/// A straight piece of a vessel, rib or nerve; the radius changes evenly from one end to the other.
#[derive(Debug, Clone)]
pub(crate) struct Tube {
    pub from: Point,
    pub to: Point,
    pub radius_from: f32,
    pub radius_to: f32,
    pub tissue: Tissue,
}

impl Tube {
    pub(super) fn paint(&self, canvas: &mut Canvas) {
        let plane = canvas.plane;
        let radius = self.radius_from.max(self.radius_to);
        // Half a pixel of margin so that thin vessels do not vanish between slices of the border.
        let reach = radius + plane.pixel;
        let d0 = dot(sub(self.from, plane.origin), canvas.normal);
        let d1 = dot(sub(self.to, plane.origin), canvas.normal);
        if d0.min(d1) > reach || d0.max(d1) < -reach {
            return;
        }
        let (c0, r0, _) = plane.project(self.from);
        let (c1, r1, _) = plane.project(self.to);
        let span = reach / plane.pixel;
        // Only the part of the axis within reach of the plane matters: long oblique tubes have small traces.
        let clip = |limit: f32| if (d1 - d0).abs() < 1e-3 { None } else { Some((limit - d0) / (d1 - d0)) };
        let (mut t0, mut t1) = (0.0f32, 1.0f32);
        if let (Some(a), Some(b)) = (clip(-reach), clip(reach)) {
            t0 = t0.max(a.min(b));
            t1 = t1.min(a.max(b));
        }
        if t0 > t1 {
            return;
        }
        let along = |t: f32| (c0 + (c1 - c0) * t, r0 + (r1 - r0) * t);
        let (a, b) = (along(t0), along(t1));
        let rows = range((a.1 + b.1) / 2.0, (a.1 - b.1).abs() / 2.0 + span, plane.rows);
        let box_columns = range((a.0 + b.0) / 2.0, (a.0 - b.0).abs() / 2.0 + span, plane.columns);
        let axis = sub(self.to, self.from);
        let length2 = dot(axis, axis).max(1e-6);
        let step = plane.along_row.map(|v| v * plane.pixel);
        // Where along the axis a pixel lies, and the part of a step that leads away from the axis.
        let t_step = dot(step, axis) / length2;
        let away = plus(step, axis, -t_step);
        let away2 = dot(away, away);
        let half = plane.pixel / 2.0;
        for r in rows {
            let start = sub(plane.at(0.0, r as f32), self.from);
            let t_start = dot(start, axis) / length2;
            let mut columns = box_columns.clone();
            if away2 > 1e-3 * plane.pixel * plane.pixel {
                let off = plus(start, axis, -t_start);
                let middle = -dot(off, away) / away2;
                let nearest = plus(off, away, middle);
                let rest = reach * reach - dot(nearest, nearest);
                if rest <= 0.0 {
                    continue;
                }
                let width = (rest / away2).sqrt();
                let near = self::columns(middle - width, middle + width, plane.columns);
                columns = columns.start.max(near.start)..columns.end.min(near.end);
            }
            for c in columns {
                let d = plus(start, step, c as f32);
                let t = (t_start + t_step * c as f32).clamp(0.0, 1.0);
                let e = plus(d, axis, -t);
                let radius = self.radius_from + (self.radius_to - self.radius_from) * t;
                let distance2 = dot(e, e);
                if distance2 >= (radius + half) * (radius + half) {
                    continue;
                }
                let sure = radius > half && distance2 <= (radius - half) * (radius - half);
                let cover = if sure { 1.0 } else { (radius - distance2.sqrt()) / plane.pixel + 0.5 };
                canvas.cover(c, r, self.tissue, cover);
            }
        }
    }
}

pub(super) fn range(centre: f32, span: f32, size: usize) -> Range<usize> {
    let low = (centre - span).floor().max(0.0) as usize;
    let high = (centre + span).ceil() + 1.0;
    low.min(size)..(high.max(0.0) as usize).min(size)
}
