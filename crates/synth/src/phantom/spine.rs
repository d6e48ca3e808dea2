//! The lumbar spine for MR: five vertebrae and the sacrum on a lordotic curve, discs (the lowest worn and protruding),
//! dural sac with the cauda equina, muscles and fat. Coordinates: z = 0 at L3, the front is negative y.

use super::tissue::Tissue;
use super::{Blob, Form, Plane, Point, Scene, mix};
use crate::random::Random;

/// x of sagittal slice `index` of `count`, from the patient's right to the left.
pub(crate) fn slice_x(index: u32, count: u32) -> f32 {
    let spacing = 4.4;
    (index as f32 - (count as f32 - 1.0) / 2.0) * spacing
}

/// z of axial slice `index` of `count`, around the lowest disc.
pub(crate) fn slice_z(index: u32, count: u32) -> f32 {
    -72.0 + (index as f32 - (count as f32 - 1.0) / 2.0) * 4.4
}

/// A sagittal slice.
pub(crate) fn sagittal(x: f32, size: usize) -> Plane {
    Plane::sagittal([x, 6.0, -2.0], 290.0, size)
}

/// An axial slice.
pub(crate) fn axial(z: f32, size: usize) -> Plane {
    Plane::axial([0.0, 18.0, z], 200.0, size)
}

/// Centre of the vertebral body at height z: the lordotic curve.
fn curve(z: f32) -> f32 {
    let below = (-z - 40.0).max(0.0);
    -22.0 * (-(z / 82.0) * (z / 82.0)).exp() + 0.0042 * below * below
}

/// Tilt of the curve at z, in degrees about x.
fn tilt(z: f32) -> f32 {
    ((curve(z + 2.0) - curve(z - 2.0)) / 4.0).atan().to_degrees()
}

/// The lumbar spine of one person.
pub(crate) fn scene(key: &str) -> Scene {
    let mut random = Random::from_words(key);
    let mut scene = Scene::default();
    soft_parts(&mut scene, &mut random);
    let pitch = 36.0;
    let heights: Vec<f32> = (0..6).map(|level| 112.0 - pitch * level as f32).collect(); // T12, L1 .. L5 at -68
    for &z in &heights {
        let disc_z = z - pitch / 2.0;
        let lowest = disc_z < -80.0;
        let at = [0.0, curve(disc_z), disc_z];
        let turn = -tilt(disc_z);
        if lowest {
            // Worn: lower, dark, and pushing backwards to the left.
            scene.blob(Blob::new(at, [23.5, 18.0, 4.4], Tissue::WornDisc).formed(Form::Block).turned(turn, 0.0, 0.0));
            scene.blob(
                Blob::new([4.0, at[1] + 16.5, at[2] - 1.0], [11.0, 7.6, 5.4], Tissue::WornDisc).turned(turn, 0.0, 0.0),
            );
        } else {
            scene.blob(Blob::new(at, [23.0, 18.2, 6.4], Tissue::WornDisc).formed(Form::Block).turned(turn, 0.0, 0.0));
            scene.blob(
                Blob::new([at[0], at[1] + 1.0, at[2]], [17.5, 13.0, 4.6], Tissue::Disc)
                    .turned(turn, 0.0, 0.0)
                    .rough(0.05, 8.0),
            );
        }
    }
    for &z in &heights {
        vertebra(&mut scene, [0.0, curve(z), z], -tilt(z));
    }
    sacrum(&mut scene);
    canal(&mut scene, &mut random);
    scene
}

fn soft_parts(scene: &mut Scene, random: &mut Random) {
    let trunk = |shrink: f32, tissue| {
        Blob::new([0.0, -20.0, 0.0], [165.0 - shrink, 128.0 - shrink, 700.0], tissue).formed(Form::Trunk)
    };
    scene.blob(trunk(0.0, Tissue::Skin));
    scene.blob(trunk(2.0, Tissue::Fat));
    scene.blob(trunk(22.0, Tissue::Muscle).rough(0.02, 50.0));
    scene.blob(trunk(32.0, Tissue::Mesentery).rough(0.02, 50.0));
    for side in [-1.0f32, 1.0] {
        // Back muscles with fat streaks, psoas.
        scene.blob(Blob::new([side * 34.0, 62.0, 0.0], [30.0, 25.0, 400.0], Tissue::Muscle).rough(0.05, 12.0));
        for _ in 0..7 {
            let x = side * random.between(18.0, 52.0);
            let y = random.between(48.0, 78.0);
            scene.tube(
                [x, y, -160.0],
                [x + random.between(-8.0, 8.0), y + random.between(-8.0, 8.0), 160.0],
                1.3,
                1.1,
                Tissue::Fat,
            );
        }
        scene.path(
            &[
                ([side * 26.0, 0.0, 90.0], 10.0),
                ([side * 40.0, -4.0, -20.0], 20.0),
                ([side * 52.0, -14.0, -140.0], 23.0),
            ],
            Tissue::Muscle,
        );
    }
    // Bowel in front, aorta and vena cava on the spine.
    for _ in 0..90 {
        let a = [random.between(-70.0, 70.0), random.between(-112.0, -54.0), random.between(-150.0, 150.0)];
        let b = [
            a[0] + random.between(-24.0, 24.0),
            a[1] + random.between(-10.0, 10.0),
            a[2] + random.between(-26.0, 26.0),
        ];
        scene.tube(a, b, 12.0, 10.0, Tissue::BowelWall);
        scene.tube(a, b, 9.0, 7.5, Tissue::BowelContent);
    }
    for (x, radius) in [(10.0, 8.5), (-16.0, 9.5)] {
        let line: Vec<(Point, f32)> = (0..12)
            .map(|step| {
                let z = 150.0 - 18.0 * step as f32;
                ([x, curve(z) - 28.0, z], radius)
            })
            .collect();
        scene.path(&line, Tissue::Blood);
    }
}

fn vertebra(scene: &mut Scene, centre: Point, turn: f32) {
    let [x, y, z] = centre;
    let body = |shrink: f32, tissue| {
        Blob::new(centre, [23.0 - shrink, 17.6 - shrink, 13.2 - shrink], tissue)
            .formed(Form::Block)
            .turned(turn, 0.0, 0.0)
    };
    for side in [-1.0f32, 1.0] {
        let pedicle = [x + side * 14.0, y + 15.0, z + 4.0];
        let joint = [x + side * 17.0, y + 31.0, z + 1.0];
        for (shrink, tissue) in [(0.0, Tissue::CorticalBone), (1.5, Tissue::Marrow)] {
            scene.path(&[(pedicle, 6.0 - shrink), (joint, 7.0 - shrink)], tissue);
            scene.path(&[(joint, 6.0 - shrink), ([x + side * 19.0, y + 33.0, z - 16.0], 6.5 - shrink)], tissue);
            scene.path(&[(joint, 5.0 - shrink), ([x, y + 41.0, z - 4.0], 4.4 - shrink)], tissue);
            scene.path(&[(joint, 4.6 - shrink), ([x + side * 40.0, y + 30.0, z + 1.0], 3.8 - shrink)], tissue);
        }
    }
    for (shrink, tissue) in [(0.0, Tissue::CorticalBone), (1.3, Tissue::Marrow)] {
        let process = Blob::new([x, y + 55.0, z - 8.0], [4.6 - shrink, 15.0 - shrink, 9.0 - shrink], tissue);
        scene.blob(process.formed(Form::Block).turned(-14.0 + turn, 0.0, 0.0));
    }
    scene.blob(body(0.0, Tissue::CorticalBone));
    scene.blob(body(1.3, Tissue::Marrow));
    // Basivertebral vein: a notch at the back of the body.
    scene.blob(Blob::new([x, y + 13.0, z], [4.0, 5.0, 1.6], Tissue::Water).turned(turn, 0.0, 0.0));
}

fn sacrum(scene: &mut Scene) {
    let mut z = -103.0;
    for (level, half) in [(0, 12.5), (1, 10.5), (2, 9.0)] {
        let at = [0.0, curve(z) + 2.0, z];
        let turn = -tilt(z);
        for (shrink, tissue) in [(0.0, Tissue::CorticalBone), (1.3, Tissue::Marrow)] {
            let width = 26.0 - 3.0 * level as f32;
            scene.blob(
                Blob::new(at, [width - shrink, 15.0 - 2.0 * level as f32 - shrink, half - shrink], tissue)
                    .formed(Form::Block)
                    .turned(turn, 0.0, 0.0),
            );
            for side in [-1.0f32, 1.0] {
                scene.blob(Blob::new(
                    [side * 42.0, at[1] + 10.0, z],
                    [24.0 - shrink, 15.0 - shrink, half + 2.0 - shrink],
                    tissue,
                ));
            }
        }
        z -= half * 2.0 + 0.5;
    }
}

fn canal(scene: &mut Scene, random: &mut Random) {
    let line = |offset: f32, radius: &dyn Fn(f32) -> f32, from: f32, to: f32| -> Vec<(Point, f32)> {
        (0..=40)
            .map(|step| {
                let z = from + (to - from) * step as f32 / 40.0;
                ([0.0, curve(z) + offset, z], radius(z))
            })
            .collect()
    };
    // Fat around the sac, the sac narrowing downwards, then cord and roots inside.
    scene.path(&line(29.0, &|_| 10.4, 150.0, -128.0), Tissue::Fat);
    scene
        .path(&line(27.5, &|z| if z < -100.0 { (128.0 + z).max(2.0) * 0.30 } else { 8.6 }, 150.0, -126.0), Tissue::Csf);
    scene.path(&line(28.0, &|z| ((z - 58.0) * 0.16).clamp(0.6, 4.3), 150.0, 58.0), Tissue::Nerve);
    for _ in 0..16 {
        let (x, y) = (random.between(-5.6, 5.6), random.between(-1.5, 6.0));
        let start = [x * 0.4, curve(76.0) + 28.0, 76.0];
        let mut points = vec![(start, 0.65)];
        for step in 1..=9 {
            let z = 76.0 - 20.0 * step as f32;
            let spread = (step as f32 / 4.0).min(1.0);
            let target = [x, curve(z) + 28.0 + y * 0.9, z];
            points.push((mix([x * 0.4, curve(z) + 28.0, z], target, spread), 0.65));
        }
        scene.path(&points, Tissue::Nerve);
    }
    // The protrusion presses on the sac from the front.
    let z = -86.0;
    scene.blob(Blob::new([4.0, curve(z) + 18.0, z - 1.0], [10.0, 5.6, 4.8], Tissue::WornDisc));
    // Roots leaving through the foramina.
    for level in 0..6 {
        let z = 94.0 - 36.0 * level as f32;
        for side in [-1.0f32, 1.0] {
            scene.path(
                &[([side * 16.0, curve(z) + 24.0, z + 4.0], 6.0), ([side * 24.0, curve(z) + 22.0, z], 6.4)],
                Tissue::Fat,
            );
            scene.path(
                &[([side * 8.0, curve(z) + 26.0, z + 10.0], 1.8), ([side * 26.0, curve(z) + 20.0, z], 2.4)],
                Tissue::Nerve,
            );
        }
    }
}
