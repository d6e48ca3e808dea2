//! The thorax: trunk wall, lungs with vessels and airways, heart and great vessels, ribs, spine, shoulder blades.
//! Coordinates: z = 0 at the carina, domes of the diaphragm near z = -110.

use super::tissue::Tissue;
use super::{Blob, Form, Plane, Point, Scene, mix};
use crate::random::Random;

/// z of slice `index` of `count`, from the bottom upwards.
pub(crate) fn slice_z(index: u32, count: u32) -> f32 {
    let span = 280.0;
    -165.0 + span / count.max(1) as f32 * (index as f32 + 0.5)
}

/// Distance between slices.
pub(crate) fn spacing(count: u32) -> f32 {
    280.0 / count.max(1) as f32
}

/// The plane of a slice.
pub(crate) fn plane(z: f32, size: usize) -> Plane {
    Plane::axial([0.0, 0.0, z], 380.0, size)
}

pub(crate) fn right_lung() -> Blob {
    Blob::new([-72.0, 6.0, -18.0], [59.0, 84.0, 138.0], Tissue::Lung).formed(Form::Trunk).rough(0.03, 45.0)
}

pub(crate) fn left_lung() -> Blob {
    Blob::new([73.0, 8.0, -18.0], [57.0, 82.0, 137.0], Tissue::Lung).formed(Form::Trunk).rough(0.03, 45.0)
}

/// Centre line of one rib as points from the spine to the front; rib 1 is the highest.
pub(crate) fn rib(number: usize, left: bool) -> Vec<Point> {
    let side = if left { 1.0 } else { -1.0 };
    let top = 128.0 - 23.5 * (number as f32 - 1.0);
    let drop = (40.0 + 12.0 * number as f32).min(90.0);
    // Floating ribs end at the flank.
    let end = if number >= 11 { 0.5 } else { 1.0 };
    // The wall is a rounded box, as the trunk is.
    let boxed = |value: f32| value.signum() * value.abs().powf(0.8);
    (0..=22)
        .map(|step| {
            let t = end * step as f32 / 22.0;
            let angle = (84.0 - 162.0 * t).to_radians();
            let rise = 7.0 * (std::f32::consts::PI * (t * 2.2).min(1.0)).sin();
            let z = top - drop * t + rise;
            let scale = wall_scale(z);
            [side * 133.0 * scale * boxed(angle.cos()), 4.0 + 90.0 * scale * boxed(angle.sin()), z]
        })
        .collect()
}

/// How much the rib cage has narrowed at a height: it follows the tops of the lungs.
fn wall_scale(z: f32) -> f32 {
    let above = ((z + 18.0) / 138.0).clamp(0.0, 1.0);
    let lung = (1.0 - above * above * above.sqrt()).powf(0.4);
    (72.0 + 59.0 * lung + 7.0) / 138.0
}

/// Adds one vertebra with its arch; `half` is half its height.
pub(crate) fn vertebra(scene: &mut Scene, centre: Point, width: f32, depth: f32, half: f32) {
    let [x, y, z] = centre;
    let body = |shrink: f32, tissue| {
        Blob::new(centre, [width - shrink, depth - shrink, half - shrink], tissue).formed(Form::Block).rough(0.02, 12.0)
    };
    let canal_y = y + depth + 9.0;
    for side in [-1.0, 1.0] {
        // Pedicle, transverse process, lamina.
        let pedicle = [x + side * 12.0, y + depth - 2.0, z + 4.0];
        let joint = [x + side * 13.5, y + depth + 11.0, z + 2.0];
        scene.path(&[(pedicle, 5.0), (joint, 6.0)], Tissue::CorticalBone);
        scene.path(&[(pedicle, 3.2), (joint, 4.0)], Tissue::Marrow);
        let tip = [x + side * 33.0, y + depth + 13.0, z + 3.0];
        scene.path(&[(joint, 5.0), (tip, 4.2)], Tissue::CorticalBone);
        scene.path(&[(joint, 3.4), (tip, 2.6)], Tissue::Marrow);
        scene.path(&[(joint, 4.0), ([x, canal_y + 10.0, z - 4.0], 3.6)], Tissue::CorticalBone);
    }
    let tip = [x, canal_y + 31.0, z - 18.0];
    scene.path(&[([x, canal_y + 10.0, z - 4.0], 4.0), (tip, 4.4)], Tissue::CorticalBone);
    scene.path(&[([x, canal_y + 11.0, z - 5.0], 2.3), (tip, 2.7)], Tissue::Marrow);
    scene.blob(body(0.0, Tissue::CorticalBone));
    scene.blob(body(1.6, Tissue::Marrow));
}

/// Where a vessel tree goes on: from here, this way, this long and wide, so many more divisions.
pub(crate) struct Twig {
    pub from: Point,
    pub direction: Point,
    pub length: f32,
    pub radius: f32,
    pub divisions: u32,
}

/// Grows a vessel tree from a twig, kept inside `home`.
pub(crate) fn branches(scene: &mut Scene, home: &Blob, twig: &Twig, tissue: Tissue, random: &mut Random) {
    let Twig { from, direction, length, radius, divisions } = *twig;
    if divisions == 0 || radius < 0.45 {
        return;
    }
    let norm = super::dot(direction, direction).sqrt().max(1e-3);
    let unit = direction.map(|v| v / norm);
    let mut to = [0, 1, 2].map(|i| from[i] + unit[i] * length);
    let mut shorter = 0;
    while !home.holds(to, 3.0) {
        shorter += 1;
        if shorter > 3 {
            return;
        }
        to = mix(from, to, 0.6);
    }
    // Two pieces with a slight bend look less like a drawing.
    let mut middle = mix(from, to, 0.5);
    for value in &mut middle {
        *value += random.between(-0.08, 0.08) * length;
    }
    let thin = radius * 0.86;
    scene.path(&[(from, radius), (middle, (radius + thin) / 2.0), (to, thin)], tissue);
    let children = if random.unit() < 0.25 { 3 } else { 2 };
    for _ in 0..children {
        let spread = 0.75;
        let direction = [0, 1, 2].map(|i| unit[i] + random.between(-spread, spread));
        let share = random.between(0.68, 0.82);
        let child = Twig {
            from: to,
            direction,
            length: length * random.between(0.7, 0.95),
            radius: radius * share,
            divisions: divisions - 1,
        };
        branches(scene, home, &child, tissue, random);
    }
}

/// The thorax of one person. `nodule_mm` is the radius of a nodule in the right lower lobe, 0 for none.
pub(crate) fn scene(key: &str, nodule_mm: f32) -> Scene {
    let mut scene = soft_parts(key, false);
    scene.append(vessels(key));
    if nodule_mm > 0.0 {
        scene.blob(nodule(nodule_mm));
    }
    mediastinum(&mut scene);
    domes(&mut scene);
    scene.append(bones());
    scene
}

/// The nodule of the first patient's right lower lobe.
pub(crate) fn nodule(radius_mm: f32) -> Blob {
    Blob::new([-88.0, 42.0, -62.0], [radius_mm; 3], Tissue::Nodule).rough(0.10, 6.0)
}

/// Trunk wall and lungs; `whole` adds mediastinum and domes, for projections, where order does not matter to vessels.
pub(crate) fn soft_parts(key: &str, whole: bool) -> Scene {
    let mut scene = Scene::default();
    trunk(&mut scene, &mut Random::from_words(key));
    for lung in [right_lung(), left_lung()] {
        // Pleural lining as a thin soft border around the lungs.
        let mut wall = lung.clone();
        wall.radii = wall.radii.map(|r| r + 1.8);
        wall.tissue = Tissue::Muscle;
        scene.blob(wall);
        scene.blob(lung);
    }
    if whole {
        mediastinum(&mut scene);
        domes(&mut scene);
    }
    scene
}

/// The vessels and airways inside the lungs.
pub(crate) fn vessels(key: &str) -> Scene {
    let mut scene = Scene::default();
    lung_vessels(&mut scene, &right_lung(), &left_lung(), &mut Random::from_words(key));
    scene
}

fn trunk(scene: &mut Scene, random: &mut Random) {
    let girth = random.between(0.97, 1.04);
    let body = |shrink: f32, tissue| {
        let radii = [166.0 * girth - shrink, 118.0 * girth - shrink, 520.0 - shrink];
        Blob::new([0.0, 4.0, -60.0], radii, tissue).formed(Form::Trunk).rough(0.012, 90.0)
    };
    scene.blob(body(0.0, Tissue::Skin));
    scene.blob(body(1.9, Tissue::Fat));
    // Shoulders and breast tissue.
    for side in [-1.0, 1.0] {
        scene.blob(Blob::new([side * 118.0, 22.0, 96.0], [48.0, 56.0, 52.0], Tissue::Muscle).rough(0.05, 30.0));
        scene.blob(Blob::new([side * 70.0, -108.0, -40.0], [52.0, 22.0, 46.0], Tissue::Fat));
        scene.blob(Blob::new([side * 70.0, -106.0, -42.0], [34.0, 12.0, 30.0], Tissue::Mesentery));
        // Latissimus and pectoral muscles.
        scene.blob(Blob::new([side * 128.0, 40.0, -20.0], [14.0, 44.0, 110.0], Tissue::Muscle).turned(
            0.0,
            0.0,
            side * -18.0,
        ));
        scene.blob(Blob::new([side * 62.0, -91.0, 50.0], [52.0, 9.0, 52.0], Tissue::Muscle).turned(
            0.0,
            0.0,
            side * 14.0,
        ));
    }
    scene.blob(
        Blob::new([0.0, 4.0, -60.0], [148.0 * girth, 99.0, 480.0], Tissue::Muscle)
            .formed(Form::Trunk)
            .rough(0.02, 40.0),
    );
    scene.blob(
        Blob::new([0.0, 4.0, -60.0], [140.0 * girth, 95.0, 470.0], Tissue::Fat).formed(Form::Trunk).rough(0.02, 40.0),
    );
    // Intercostal layer and back muscles.
    scene.blob(Blob::new([0.0, 4.0, -60.0], [136.0, 92.0, 460.0], Tissue::Muscle).formed(Form::Trunk));
    for side in [-1.0, 1.0] {
        scene.blob(Blob::new([side * 34.0, 94.0, -60.0], [27.0, 17.0, 400.0], Tissue::Muscle).rough(0.06, 14.0));
    }
    scene.blob(Blob::new([0.0, 2.0, -60.0], [124.0, 82.0, 450.0], Tissue::Mesentery).formed(Form::Trunk));
}

fn lung_vessels(scene: &mut Scene, right: &Blob, left: &Blob, random: &mut Random) {
    for (lung, side) in [(right, -1.0f32), (left, 1.0)] {
        let hilum = [side * 34.0, 8.0, -14.0];
        let roots: [Point; 7] = [
            [side * 0.6, -0.4, 1.0],
            [side * 0.9, 0.5, 0.6],
            [side, -0.6, 0.1],
            [side, 0.5, -0.2],
            [side * 0.8, -0.5, -0.8],
            [side * 0.6, 0.6, -1.0],
            [side * 0.7, 0.1, -1.0],
        ];
        for root in roots {
            let start = [hilum[0], hilum[1] + root[1] * 8.0, hilum[2] + root[2] * 12.0];
            let twig = Twig { from: start, direction: root, length: 30.0, radius: 4.6, divisions: 7 };
            branches(scene, lung, &twig, Tissue::Blood, random);
        }
        // Airways: walled tubes beside the arteries.
        for root in [roots[1], roots[5], roots[2]] {
            let end = [hilum[0] + root[0] * 38.0, hilum[1] + root[1] * 30.0 - 4.0, hilum[2] + root[2] * 40.0];
            scene.path(&[(hilum, 5.4), (end, 3.2)], Tissue::Muscle);
            scene.path(&[(hilum, 4.0), (end, 2.1)], Tissue::Gas);
        }
    }
}

fn mediastinum(scene: &mut Scene) {
    // Fat and soft tissue between the lungs; narrower above.
    scene.blob(Blob::new([3.0, 2.0, 40.0], [33.0, 74.0, 96.0], Tissue::Mesentery).rough(0.08, 26.0));
    scene.blob(Blob::new([0.0, 10.0, -60.0], [22.0, 70.0, 130.0], Tissue::Mesentery).rough(0.06, 30.0));
    scene.blob(Blob::new([0.0, 6.0, 130.0], [34.0, 60.0, 46.0], Tissue::Mesentery).rough(0.06, 24.0));
    scene.blob(Blob::new([8.0, -20.0, -90.0], [52.0, 56.0, 70.0], Tissue::Mesentery).rough(0.05, 30.0));
    // Heart: pericardial fat, muscle, four cavities.
    let heart = |shrink: f32, tissue| {
        Blob::new([20.0, -30.0, -62.0], [62.0 - shrink, 44.0 - shrink, 54.0 - shrink], tissue)
            .turned(10.0, 20.0, 34.0)
            .rough(0.04, 32.0)
    };
    scene.blob(heart(-3.0, Tissue::Fat));
    scene.blob(heart(0.0, Tissue::Muscle));
    let cavity = |at: Point, radii: Point, turn: f32| Blob::new(at, radii, Tissue::Blood).turned(0.0, 10.0, turn);
    scene.blob(cavity([42.0, -24.0, -66.0], [30.0, 17.0, 27.0], 30.0));
    scene.blob(cavity([14.0, -52.0, -66.0], [32.0, 15.0, 30.0], 24.0));
    scene.blob(cavity([12.0, 4.0, -46.0], [26.0, 14.0, 22.0], 8.0));
    scene.blob(cavity([-22.0, -26.0, -58.0], [18.0, 22.0, 28.0], 0.0));
    // Fatty groove between the chambers with a coronary artery.
    scene.path(&[([2.0, -20.0, -30.0], 3.0), ([28.0, -52.0, -44.0], 3.0), ([52.0, -58.0, -74.0], 2.6)], Tissue::Fat);
    scene.path(&[([2.0, -20.0, -30.0], 1.7), ([28.0, -52.0, -44.0], 1.6), ([52.0, -58.0, -74.0], 1.2)], Tissue::Blood);
    // Vessels: walls a little denser than their blood.
    scene.path(
        &[
            ([2.0, -16.0, -30.0], 16.5),
            ([-14.0, -24.0, 10.0], 16.0),
            ([-8.0, -16.0, 38.0], 15.0),
            ([8.0, 6.0, 50.0], 14.0),
            ([20.0, 30.0, 44.0], 13.0),
            ([24.0, 44.0, 20.0], 12.5),
            ([22.0, 47.0, -80.0], 12.0),
            ([10.0, 44.0, -190.0], 11.0),
        ],
        Tissue::Blood,
    );
    scene.path(
        &[([-29.0, -16.0, 120.0], 8.0), ([-29.0, -17.0, 40.0], 9.5), ([-26.0, -18.0, -30.0], 10.5)],
        Tissue::Blood,
    );
    scene.path(&[([-24.0, 0.0, -80.0], 12.0), ([-22.0, 8.0, -190.0], 12.5)], Tissue::Blood);
    scene.path(&[([14.0, -42.0, -20.0], 14.0), ([18.0, -20.0, 8.0], 13.5), ([34.0, 4.0, 6.0], 10.0)], Tissue::Blood);
    scene.path(&[([18.0, -16.0, 4.0], 12.0), ([-8.0, 0.0, -2.0], 11.0), ([-36.0, 6.0, -6.0], 9.0)], Tissue::Blood);
    for side in [-1.0, 1.0] {
        scene.path(&[([side * 34.0, 12.0, -40.0], 7.5), ([side * 16.0, 12.0, -44.0], 9.0)], Tissue::Blood);
        // Vessels of the neck.
        scene.path(&[([side * 12.0, -4.0, 52.0], 5.0), ([side * 26.0, -6.0, 130.0], 4.5)], Tissue::Blood);
        scene.path(&[([side * 18.0, 4.0, 52.0], 5.0), ([side * 60.0, 10.0, 124.0], 4.5)], Tissue::Blood);
    }
    // Oesophagus, trachea and main bronchi.
    scene.path(&[([6.0, 34.0, 130.0], 7.5), ([4.0, 36.0, 0.0], 7.5), ([12.0, 26.0, -190.0], 8.0)], Tissue::Muscle);
    scene.path(&[([5.0, 34.0, 130.0], 1.6), ([4.0, 36.0, 0.0], 1.8)], Tissue::Gas);
    for (radius, tissue) in [(1.8, Tissue::Cartilage), (0.0, Tissue::Gas)] {
        scene.path(&[([0.0, 8.0, 140.0], 8.6 + radius), ([0.0, 16.0, 6.0], 8.4 + radius)], tissue);
        scene.path(&[([-2.0, 16.0, 8.0], 7.0 + radius), ([-34.0, 14.0, -22.0], 5.6 + radius)], tissue);
        scene.path(&[([2.0, 16.0, 8.0], 6.6 + radius), ([38.0, 16.0, -24.0], 5.4 + radius)], tissue);
    }
    // Thyroid at the top.
    for side in [-1.0, 1.0] {
        scene.blob(Blob::new([side * 16.0, -2.0, 122.0], [9.0, 10.0, 20.0], Tissue::Spleen));
    }
}

fn domes(scene: &mut Scene) {
    scene.blob(Blob::new([-70.0, 0.0, -166.0], [70.0, 88.0, 62.0], Tissue::Muscle).rough(0.02, 40.0));
    scene.blob(Blob::new([-66.0, 0.0, -168.0], [68.0, 86.0, 61.0], Tissue::Liver).rough(0.02, 40.0));
    scene.blob(Blob::new([10.0, -30.0, -168.0], [60.0, 46.0, 44.0], Tissue::Liver).rough(0.02, 40.0));
    scene.blob(Blob::new([76.0, 2.0, -172.0], [62.0, 84.0, 60.0], Tissue::Muscle).rough(0.02, 40.0));
    scene.blob(Blob::new([76.0, 2.0, -174.0], [60.0, 82.0, 59.0], Tissue::Mesentery).rough(0.02, 40.0));
    scene.blob(Blob::new([96.0, 42.0, -176.0], [30.0, 38.0, 48.0], Tissue::Spleen).rough(0.04, 25.0));
    scene.blob(Blob::new([60.0, -20.0, -176.0], [40.0, 42.0, 50.0], Tissue::BowelWall).rough(0.05, 30.0));
    scene.blob(Blob::new([60.0, -20.0, -176.0], [36.0, 38.0, 46.0], Tissue::BowelContent).rough(0.05, 30.0));
    scene.blob(Blob::new([60.0, -36.0, -172.0], [30.0, 22.0, 38.0], Tissue::Gas));
    for (x, y) in [(-22.0, 8.0), (12.0, 44.0)] {
        scene.path(&[([x, y, -125.0], 12.0), ([x, y, -200.0], 12.0)], Tissue::Blood);
    }
}

/// Ribs, spine, sternum, collar bones, shoulder blades.
pub(crate) fn bones() -> Scene {
    let mut bones = Scene::default();
    let scene = &mut bones;
    for number in 1..=12 {
        for left in [false, true] {
            let line = rib(number, left);
            let points: Vec<(Point, f32)> = line.iter().map(|point| (*point, 5.6)).collect();
            let (bony, gristle) = points.split_at(points.len().saturating_sub(3));
            scene.path(bony, Tissue::CorticalBone);
            let inner: Vec<(Point, f32)> = bony.iter().map(|(point, radius)| (*point, radius - 2.0)).collect();
            scene.path(&inner, Tissue::Marrow);
            if let Some(last) = bony.last() {
                let mut cartilage = vec![*last];
                cartilage.extend_from_slice(gristle);
                scene.path(&cartilage, Tissue::Cartilage);
            }
        }
    }
    for level in 0..15 {
        let z = 138.0 - 24.0 * level as f32;
        let y = 68.0 - if level < 4 { (4 - level) as f32 * 4.0 } else { 0.0 };
        scene.blob(Blob::new([0.0, y, z - 12.0], [17.0, 14.0, 4.0], Tissue::Disc).formed(Form::Block));
        vertebra(scene, [0.0, y, z], 17.0, 14.5, 10.2);
        scene.path(&[([0.0, y + 23.5, z - 13.0], 8.2), ([0.0, y + 23.5, z + 12.0], 8.2)], Tissue::Fat);
        scene.path(&[([0.0, y + 23.5, z - 13.0], 7.2), ([0.0, y + 23.5, z + 12.0], 7.2)], Tissue::Water);
        scene.path(&[([0.0, y + 23.5, z - 13.0], 4.6), ([0.0, y + 23.5, z + 12.0], 4.6)], Tissue::Nerve);
    }
    // Sternum, collar bones, shoulder blades.
    for (shrink, tissue) in [(0.0, Tissue::CorticalBone), (1.6, Tissue::Marrow)] {
        let flat = |at: Point, radii: Point| Blob::new(at, radii.map(|r| r - shrink), tissue);
        scene.blob(flat([0.0, -93.0, 0.0], [17.0, 5.8, 62.0]).formed(Form::Block).turned(-5.0, 0.0, 0.0));
        scene.blob(flat([0.0, -84.0, 72.0], [27.0, 6.4, 22.0]).formed(Form::Block).turned(-12.0, 0.0, 0.0));
        for side in [-1.0, 1.0] {
            scene.path(
                &[
                    ([side * 24.0, -78.0, 90.0], 7.0 - shrink),
                    ([side * 76.0, -62.0, 104.0], 6.0 - shrink),
                    ([side * 134.0, -14.0, 112.0], 6.4 - shrink),
                ],
                tissue,
            );
            scene.blob(flat([side * 104.0, 82.0, 42.0], [34.0, 4.6, 62.0]).turned(0.0, 0.0, side * -32.0));
            scene.path(
                &[([side * 78.0, 100.0, 74.0], 6.0 - shrink), ([side * 136.0, 50.0, 98.0], 8.0 - shrink)],
                tissue,
            );
            scene.blob(flat([side * 142.0, 16.0, 92.0], [21.0, 21.0, 22.0]));
        }
    }
    bones
}
