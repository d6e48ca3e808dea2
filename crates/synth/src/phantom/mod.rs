//! Bodies from ellipsoids, tubes and noise, cut by a plane in space (patient coordinates in mm: x to the left, y to the
//! back, z to the head, as PS3.3 C.7.6.2.1.1 has them).
//!
//! A [`Scene`] is a list of shapes in painting order; later shapes cover earlier ones. [`Scene::cut`] paints one slice.

pub(crate) mod abdomen;
pub(crate) mod breast;
pub(crate) mod chest;
pub(crate) mod head;
pub(crate) mod picture;
pub(crate) mod radiograph;
pub(crate) mod spine;
pub(crate) mod tissue;
pub(crate) mod ultrasound;

use crate::random::noise;
use tissue::Tissue;

/// A point or direction in mm.
pub(crate) type Point = [f32; 3];

/// Where a slice lies: centre of the first pixel, directions of rows and columns, spacing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plane {
    pub origin: Point,
    /// Direction along a row (increasing column index).
    pub along_row: Point,
    /// Direction down a column (increasing row index).
    pub down_column: Point,
    /// Pixel size in mm, square.
    pub pixel: f32,
    pub rows: usize,
    pub columns: usize,
}

impl Plane {
    /// An axial slice, `field` mm wide around (`x`, `y`).
    pub(crate) fn axial(centre: Point, field: f32, size: usize) -> Plane {
        let pixel = field / size as f32;
        let half = (field - pixel) / 2.0;
        Plane {
            origin: [centre[0] - half, centre[1] - half, centre[2]],
            along_row: [1.0, 0.0, 0.0],
            down_column: [0.0, 1.0, 0.0],
            pixel,
            rows: size,
            columns: size,
        }
    }

    /// A sagittal slice, seen from the patient's left: front is at the left edge.
    pub(crate) fn sagittal(centre: Point, field: f32, size: usize) -> Plane {
        let pixel = field / size as f32;
        let half = (field - pixel) / 2.0;
        Plane {
            origin: [centre[0], centre[1] - half, centre[2] + half],
            along_row: [0.0, 1.0, 0.0],
            down_column: [0.0, 0.0, -1.0],
            pixel,
            rows: size,
            columns: size,
        }
    }

    fn at(&self, column: f32, row: f32) -> Point {
        let (c, r) = (column * self.pixel, row * self.pixel);
        [0, 1, 2].map(|i| self.origin[i] + c * self.along_row[i] + r * self.down_column[i])
    }

    /// Column, row (fractions) and distance from the plane of a point.
    fn project(&self, point: Point) -> (f32, f32, f32) {
        let d = sub(point, self.origin);
        let normal = cross(self.along_row, self.down_column);
        (dot(d, self.along_row) / self.pixel, dot(d, self.down_column) / self.pixel, dot(d, normal))
    }
}

pub(crate) fn sub(a: Point, b: Point) -> Point {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

pub(crate) fn dot(a: Point, b: Point) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

pub(crate) fn cross(a: Point, b: Point) -> Point {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

pub(crate) fn mix(a: Point, b: Point, t: f32) -> Point {
    [0, 1, 2].map(|i| a[i] + (b[i] - a[i]) * t)
}

/// How round a blob is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Power 2.
    Ellipsoid,
    /// Power 2.5: a trunk.
    Trunk,
    /// Power 4: a rounded block.
    Block,
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
    fn axes(&self) -> [Point; 3] {
        let [x, y, z] = self.turn.map(|degrees| degrees.to_radians());
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
        let q = [0, 1, 2].map(|i| (dot(axes[i], d) / self.radii[i]).abs());
        match self.form {
            Form::Ellipsoid => dot(q, q).sqrt(),
            // The sum of powers, made linear where it matters: at the surface. Roots and `powf` would cost ten times.
            Form::Trunk => 1.0 + (q.iter().map(|v| v * v * v.sqrt()).sum::<f32>() - 1.0) / 2.5,
            Form::Block => 1.0 + (q.iter().map(|v| v * v * v * v).sum::<f32>() - 1.0) / 4.0,
        }
    }

    /// Half the size of the box around the blob along a direction.
    fn extent(&self, axes: &[Point; 3], direction: Point) -> f32 {
        let parts = [0, 1, 2].map(|i| (self.radii[i] * dot(axes[i], direction)).abs());
        let extent = match self.form {
            Form::Ellipsoid => dot(parts, parts).sqrt(),
            Form::Trunk | Form::Block => parts.iter().sum(),
        };
        extent * (1.0 + self.wobble)
    }

    /// Whether a point lies inside, without the irregularities, shrunk by `margin` mm.
    pub(crate) fn holds(&self, point: Point, margin: f32) -> bool {
        let least = self.radii.iter().copied().fold(f32::INFINITY, f32::min);
        self.level(&self.axes(), point) < 1.0 - margin / least
    }

    fn paint(&self, canvas: &mut Canvas, seed: u32) {
        let plane = canvas.plane;
        let axes = self.axes();
        let (column, row, distance) = plane.project(self.centre);
        if distance.abs() > self.extent(&axes, cross(plane.along_row, plane.down_column)) {
            return;
        }
        let across = self.extent(&axes, plane.along_row) / plane.pixel + 1.0;
        let down = self.extent(&axes, plane.down_column) / plane.pixel + 1.0;
        let least = self.radii.iter().copied().fold(f32::INFINITY, f32::min);
        // Width over which the border goes from 0 to 1: one pixel, in units of the level.
        let soft = (plane.pixel / least).max(0.002);
        let frequency = 1.0 / self.wobble_mm;
        let margin = self.wobble + soft;
        for r in range(row, down, plane.rows) {
            // Along a row the parts below a level are intervals: pixels surely inside are not looked at one by one.
            let Some((low, high)) = self.interval(&axes, &plane, r, 1.0 + margin) else { continue };
            let sure = self.interval(&axes, &plane, r, 1.0 - margin).filter(|_| self.form != Form::Block);
            for c in columns(low.max(column - across), high.min(column + across), plane.columns) {
                if sure.is_some_and(|(from, to)| from < c as f32 && (c as f32) < to) {
                    canvas.cover(c, r, self.tissue, 1.0);
                    continue;
                }
                let point = plane.at(c as f32, r as f32);
                let mut level = self.level(&axes, point);
                if self.wobble > 0.0 && (level - 1.0).abs() < margin {
                    let [x, y, z] = point.map(|v| v * frequency);
                    level += self.wobble * noise(x, y, z, seed);
                }
                let cover = ((1.0 - level) / soft + 0.5).clamp(0.0, 1.0);
                if cover > 0.0 {
                    canvas.cover(c, r, self.tissue, cover);
                }
            }
        }
    }

    /// Columns of a row between which the level is below a limit; for turned trunks and blocks a generous guess.
    fn interval(&self, axes: &[Point; 3], plane: &Plane, row: usize, limit: f32) -> Option<(f32, f32)> {
        let start = sub(plane.at(0.0, row as f32), self.centre);
        let p = [0, 1, 2].map(|i| dot(axes[i], start) / self.radii[i]);
        let d = [0, 1, 2].map(|i| dot(axes[i], plane.along_row) * plane.pixel / self.radii[i]);
        match self.form {
            Form::Ellipsoid => {
                let (a, b, c) = (dot(d, d), dot(p, d), dot(p, p) - limit.max(0.0) * limit.max(0.0));
                let disc = b * b - a * c;
                if disc <= 0.0 {
                    return None;
                }
                Some(((-b - disc.sqrt()) / a, (-b + disc.sqrt()) / a))
            }
            Form::Trunk => {
                // Trunks are not turned: one component changes along a row, the others stay.
                let (moving, steps) = d.iter().enumerate().max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()))?;
                let fixed: f32 =
                    (0..3).filter(|i| *i != moving).map(|i| p[i].abs() * p[i].abs() * p[i].abs().sqrt()).sum();
                let rest = 1.0 + 2.5 * (limit - 1.0) - fixed;
                if rest <= 0.0 {
                    return None;
                }
                let half = rest.powf(0.4);
                let ends = [(-half - p[moving]) / steps, (half - p[moving]) / steps];
                Some((ends[0].min(ends[1]), ends[0].max(ends[1])))
            }
            Form::Block => Some((f32::NEG_INFINITY, f32::INFINITY)),
        }
    }
}

fn columns(low: f32, high: f32, size: usize) -> std::ops::Range<usize> {
    let start = low.floor().clamp(0.0, size as f32) as usize;
    start..((high.ceil() + 1.0).clamp(0.0, size as f32) as usize).max(start)
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
    fn paint(&self, canvas: &mut Canvas) {
        let plane = canvas.plane;
        let radius = self.radius_from.max(self.radius_to);
        let (c0, r0, d0) = plane.project(self.from);
        let (c1, r1, d1) = plane.project(self.to);
        // Half a pixel of margin so that thin vessels do not vanish between slices of the border.
        let reach = radius + plane.pixel;
        if d0.min(d1) > reach || d0.max(d1) < -reach {
            return;
        }
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
        let columns = range((a.0 + b.0) / 2.0, (a.0 - b.0).abs() / 2.0 + span, plane.columns);
        let axis = sub(self.to, self.from);
        let length2 = dot(axis, axis).max(1e-6);
        for r in rows {
            for c in columns.clone() {
                let point = plane.at(c as f32, r as f32);
                let d = sub(point, self.from);
                let t = (dot(d, axis) / length2).clamp(0.0, 1.0);
                let e = [0, 1, 2].map(|i| d[i] - axis[i] * t);
                let radius = self.radius_from + (self.radius_to - self.radius_from) * t;
                let cover = ((radius - dot(e, e).sqrt()) / plane.pixel + 0.5).clamp(0.0, 1.0);
                if cover > 0.0 {
                    canvas.cover(c, r, self.tissue, cover);
                }
            }
        }
    }
}

fn range(centre: f32, span: f32, size: usize) -> std::ops::Range<usize> {
    let low = (centre - span).floor().max(0.0) as usize;
    let high = (centre + span).ceil() + 1.0;
    low.min(size)..(high.max(0.0) as usize).min(size)
}

/// One thing to paint.
#[derive(Debug, Clone)]
pub(crate) enum Shape {
    Blob(Blob),
    Tube(Tube),
}

/// A body: shapes in painting order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scene {
    shapes: Vec<Shape>,
}

impl Scene {
    pub(crate) fn blob(&mut self, blob: Blob) {
        self.shapes.push(Shape::Blob(blob));
    }

    pub(crate) fn tube(&mut self, from: Point, to: Point, radius_from: f32, radius_to: f32, tissue: Tissue) {
        self.shapes.push(Shape::Tube(Tube { from, to, radius_from, radius_to, tissue }));
    }

    /// Tubes through several points, one radius per point.
    pub(crate) fn path(&mut self, points: &[(Point, f32)], tissue: Tissue) {
        for pair in points.windows(2) {
            self.tube(pair[0].0, pair[1].0, pair[0].1, pair[1].1, tissue);
        }
    }

    /// Adds the shapes of another scene on top.
    pub(crate) fn append(&mut self, other: Scene) {
        self.shapes.extend(other.shapes);
    }

    /// Paints one slice: a value per pixel, row by row, as `look` shows each tissue.
    pub(crate) fn cut(&self, plane: Plane, look: &dyn Fn(Tissue, Point) -> f32) -> Vec<f32> {
        let count = plane.rows * plane.columns;
        let mut canvas = Canvas { plane, top: vec![Some(Tissue::Air); count], pixels: vec![0.0; count], look };
        for (index, shape) in self.shapes.iter().enumerate() {
            match shape {
                Shape::Blob(blob) => blob.paint(&mut canvas, index as u32),
                Shape::Tube(tube) => tube.paint(&mut canvas),
            }
        }
        for row in 0..plane.rows {
            for column in 0..plane.columns {
                let index = row * plane.columns + column;
                if let Some(tissue) = canvas.top[index] {
                    canvas.pixels[index] = look(tissue, plane.at(column as f32, row as f32));
                }
            }
        }
        canvas.pixels
    }
}

struct Canvas<'a> {
    plane: Plane,
    /// The tissue that covers a pixel wholly; its value is worked out at the end, once. `None`: `pixels` has the value.
    top: Vec<Option<Tissue>>,
    pixels: Vec<f32>,
    look: &'a dyn Fn(Tissue, Point) -> f32,
}

impl Canvas<'_> {
    fn cover(&mut self, column: usize, row: usize, tissue: Tissue, cover: f32) {
        let index = row * self.plane.columns + column;
        if cover >= 1.0 {
            self.top[index] = Some(tissue);
            return;
        }
        let point = self.plane.at(column as f32, row as f32);
        if let Some(below) = self.top[index].take() {
            self.pixels[index] = (self.look)(below, point);
        }
        let value = (self.look)(tissue, point);
        self.pixels[index] += (value - self.pixels[index]) * cover;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ball_is_a_disc_of_its_radius_in_the_plane_through_its_centre_and_absent_beyond() {
        let mut scene = Scene::default();
        scene.blob(Blob::new([0.0, 0.0, 10.0], [20.0; 3], Tissue::Water));
        let look = |tissue: Tissue, _: Point| if tissue == Tissue::Water { 1.0 } else { 0.0 };
        let area =
            |z: f32| -> f32 { scene.cut(Plane::axial([0.0, 0.0, z], 64.0, 128), &look).iter().sum::<f32>() * 0.25 };
        assert!((area(10.0) - 1256.6).abs() < 15.0, "{}", area(10.0));
        assert!((area(22.0) - 804.2).abs() < 25.0, "{}", area(22.0));
        assert_eq!(area(31.0), 0.0);
    }

    #[test]
    fn a_tube_across_the_plane_shows_its_section_and_along_it_its_length() {
        let look = |tissue: Tissue, _: Point| if tissue == Tissue::Water { 1.0 } else { 0.0 };
        let mut across = Scene::default();
        across.tube([0.0, 0.0, -50.0], [0.0, 0.0, 50.0], 5.0, 5.0, Tissue::Water);
        let plane = Plane::axial([0.0, 0.0, 0.0], 64.0, 256);
        let area: f32 = across.cut(plane, &look).iter().sum::<f32>() * 0.0625;
        assert!((area - 78.5).abs() < 2.0, "{area}");
        let mut along = Scene::default();
        along.tube([-10.0, 0.0, 0.0], [10.0, 0.0, 0.0], 2.0, 2.0, Tissue::Water);
        let area: f32 = along.cut(plane, &look).iter().sum::<f32>() * 0.0625;
        assert!((area - 92.6).abs() < 3.0, "{area}"); // 20 x 4 and two half discs
    }

    #[test]
    fn a_turned_blob_points_where_it_was_turned_to() {
        let blob = Blob::new([0.0; 3], [10.0, 2.0, 2.0], Tissue::Water).turned(0.0, 0.0, 90.0);
        assert!(blob.holds([0.0, 8.0, 0.0], 0.0));
        assert!(!blob.holds([8.0, 0.0, 0.0], 0.0));
        let tilted = Blob::new([0.0; 3], [10.0, 2.0, 2.0], Tissue::Water).turned(0.0, 90.0, 0.0);
        assert!(tilted.holds([0.0, 0.0, 8.0], 0.0));
    }
}
