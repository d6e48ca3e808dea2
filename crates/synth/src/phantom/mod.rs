//! Bodies from ellipsoids, tubes and noise, cut by a plane in space (patient coordinates in mm: x to the left, y to the
//! back, z to the head, as PS3.3 C.7.6.2.1.1 has them).
//!
//! A [`Scene`] is a list of shapes in painting order; later shapes cover earlier ones. [`Scene::cut`] finds the tissues of one
//! slice; [`Section::show`] turns them into values.

pub(crate) mod abdomen;
pub(crate) mod breast;
pub(crate) mod chest;
pub(crate) mod head;
pub(crate) mod picture;
mod projection;
pub(crate) mod radiograph;
pub(crate) mod shape;
pub(crate) mod spine;
pub(crate) mod tissue;
pub(crate) mod ultrasound;

pub(crate) use shape::{Blob, Form, Tube};
use tissue::Tissue;

/// A point or direction in mm.
pub(crate) type Point = [f32; 3];

/// Where a slice lies: centre of the first pixel, directions of rows and columns (each along an axis of space), spacing.
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

    /// The centre of a pixel.
    #[inline]
    pub(crate) fn at(&self, column: f32, row: f32) -> Point {
        let (c, r) = (column * self.pixel, row * self.pixel);
        let ([x, y, z], a, d) = (self.origin, self.along_row, self.down_column);
        [x + c * a[0] + r * d[0], y + c * a[1] + r * d[1], z + c * a[2] + r * d[2]]
    }

    /// Direction away from the plane.
    fn normal(&self) -> Point {
        cross(self.along_row, self.down_column)
    }

    /// The axis of space along which rows run, and the step from pixel to pixel on it.
    fn run(&self) -> (usize, f32) {
        let axis = (0..3).find(|axis| self.along_row[*axis] != 0.0).unwrap_or(0);
        (axis, self.along_row[axis] * self.pixel)
    }

    /// Column, row (fractions) and distance from the plane of a point.
    fn project(&self, point: Point) -> (f32, f32, f32) {
        let d = sub(point, self.origin);
        (dot(d, self.along_row) / self.pixel, dot(d, self.down_column) / self.pixel, dot(d, self.normal()))
    }
}

#[inline]
pub(crate) fn sub(a: Point, b: Point) -> Point {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

#[inline]
pub(crate) fn dot(a: Point, b: Point) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

#[inline]
pub(crate) fn cross(a: Point, b: Point) -> Point {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

pub(crate) fn mix(a: Point, b: Point, t: f32) -> Point {
    [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t]
}

/// One thing to paint.
#[derive(Debug, Clone)]
pub(crate) enum Shape {
    Blob(Blob),
    Tube(Tube),
}

impl Shape {
    fn tissue(&self) -> Tissue {
        match self {
            Shape::Blob(blob) => blob.tissue,
            Shape::Tube(tube) => tube.tissue,
        }
    }
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

    /// Finds the tissues of one slice.
    pub(crate) fn cut(&self, plane: Plane) -> Section {
        let count = plane.rows * plane.columns;
        let mut canvas = Canvas {
            plane,
            normal: plane.normal(),
            whole: vec![Tissue::Air; count],
            last: vec![0; count],
            edges: Vec::new(),
            shape: 0,
        };
        for (index, shape) in self.shapes.iter().enumerate() {
            canvas.shape = u16::try_from(index + 1).unwrap_or(u16::MAX);
            match shape {
                Shape::Blob(blob) => blob.paint(&mut canvas, index as u32),
                Shape::Tube(tube) => tube.paint(&mut canvas),
            }
        }
        let Canvas { mut whole, last, mut edges, .. } = canvas;
        edges.retain(|edge| edge.shape > last[edge.index as usize]);
        tissue::fold_brain(&mut whole, &plane);
        Section { plane, whole, edges }
    }
}

/// The border of a shape in one pixel: part of it is covered.
#[derive(Debug, Clone, Copy)]
struct Edge {
    index: u32,
    cover: f32,
    /// Number of the shape in painting order, from 1.
    shape: u16,
    tissue: Tissue,
}

/// A slice as tissues; the same section can be shown with several contrasts.
#[derive(Debug, Clone)]
pub(crate) struct Section {
    plane: Plane,
    /// The tissue that covers a pixel, apart from borders.
    whole: Vec<Tissue>,
    /// Borders in painting order, without those that were painted over.
    edges: Vec<Edge>,
}

/// How an examination shows tissues.
pub(crate) trait Look {
    /// The value of a tissue without its texture.
    fn plain(&self, tissue: Tissue) -> f32;

    /// Values of neighbouring pixels of one tissue; the first is at `from`, `run` is the axis and step to the next.
    fn fill(&self, tissue: Tissue, from: Point, run: (usize, f32), out: &mut [f32]);
}

impl Section {
    /// A value per pixel, row by row.
    pub(crate) fn show(&self, look: &impl Look) -> Vec<f32> {
        let (plane, columns) = (&self.plane, self.plane.columns.max(1));
        let mut pixels = vec![0.0; self.whole.len()];
        let run = plane.run();
        for (row, (line, out)) in self.whole.chunks(columns).zip(pixels.chunks_mut(columns)).enumerate() {
            let mut start = 0;
            for part in line.chunk_by(|a, b| a == b) {
                let end = start + part.len();
                look.fill(part[0], plane.at(start as f32, row as f32), run, &mut out[start..end]);
                start = end;
            }
        }
        for edge in &self.edges {
            let value = &mut pixels[edge.index as usize];
            *value += (look.plain(edge.tissue) - *value) * edge.cover;
        }
        pixels
    }
}

/// A slice while it is painted.
struct Canvas {
    plane: Plane,
    normal: Point,
    whole: Vec<Tissue>,
    /// Number of the shape that covered a pixel wholly at last: older borders in it do not count.
    last: Vec<u16>,
    edges: Vec<Edge>,
    /// Number of the shape that is being painted.
    shape: u16,
}

impl Canvas {
    #[inline]
    fn cover(&mut self, column: usize, row: usize, tissue: Tissue, cover: f32) {
        let index = row * self.plane.columns + column;
        if cover >= 1.0 {
            self.whole[index] = tissue;
            self.last[index] = self.shape;
        } else if cover > 0.0 {
            // The folds of the brain end below its surface.
            let tissue = if tissue == Tissue::Brain { Tissue::Furrow } else { tissue };
            self.edges.push(Edge { index: index as u32, cover, shape: self.shape, tissue });
        }
    }

    /// Covers a part of a row wholly.
    fn fill(&mut self, columns: std::ops::Range<usize>, row: usize, tissue: Tissue) {
        let start = row * self.plane.columns;
        let range = start + columns.start..start + columns.end;
        self.whole[range.clone()].fill(tissue);
        self.last[range].fill(self.shape);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Water is 1, everything else 0.
    struct Wet;

    impl Look for Wet {
        fn plain(&self, tissue: Tissue) -> f32 {
            if tissue == Tissue::Water { 1.0 } else { 0.0 }
        }

        fn fill(&self, tissue: Tissue, _: Point, _: (usize, f32), out: &mut [f32]) {
            out.fill(self.plain(tissue));
        }
    }

    #[test]
    fn a_ball_is_a_disc_of_its_radius_in_the_plane_through_its_centre_and_absent_beyond() {
        let mut scene = Scene::default();
        scene.blob(Blob::new([0.0, 0.0, 10.0], [20.0; 3], Tissue::Water));
        let area =
            |z: f32| -> f32 { scene.cut(Plane::axial([0.0, 0.0, z], 64.0, 128)).show(&Wet).iter().sum::<f32>() * 0.25 };
        assert!((area(10.0) - 1256.6).abs() < 15.0, "{}", area(10.0));
        assert!((area(22.0) - 804.2).abs() < 25.0, "{}", area(22.0));
        assert_eq!(area(31.0), 0.0);
    }

    #[test]
    fn a_tube_across_the_plane_shows_its_section_and_along_it_its_length() {
        let mut across = Scene::default();
        across.tube([0.0, 0.0, -50.0], [0.0, 0.0, 50.0], 5.0, 5.0, Tissue::Water);
        let plane = Plane::axial([0.0, 0.0, 0.0], 64.0, 256);
        let area: f32 = across.cut(plane).show(&Wet).iter().sum::<f32>() * 0.0625;
        assert!((area - 78.5).abs() < 2.0, "{area}");
        let mut along = Scene::default();
        along.tube([-10.0, 0.0, 0.0], [10.0, 0.0, 0.0], 2.0, 2.0, Tissue::Water);
        let area: f32 = along.cut(plane).show(&Wet).iter().sum::<f32>() * 0.0625;
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
