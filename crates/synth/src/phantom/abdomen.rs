//! The upper abdomen in the portal venous phase: liver with vessels and a cyst, spleen, kidneys, pancreas, stomach,
//! bowel, great vessels, spine and muscles. Coordinates: z = 0 at the renal hila.

use super::chest::{Twig, branches, rib, vertebra};
use super::tissue::Tissue;
use super::{Blob, Form, Plane, Point, Scene};
use crate::random::Random;

/// z of slice `index` of `count`, from the bottom upwards.
pub(crate) fn slice_z(index: u32, count: u32) -> f32 {
    -95.0 + spacing(count) * (index as f32 + 0.5)
}

/// Distance between slices.
pub(crate) fn spacing(count: u32) -> f32 {
    225.0 / count.max(1) as f32
}

/// The plane of a slice.
pub(crate) fn plane(z: f32, size: usize) -> Plane {
    Plane::axial([0.0, 0.0, z], 380.0, size)
}

/// The abdomen of one person.
pub(crate) fn scene(key: &str) -> Scene {
    let mut random = Random::from_words(key);
    let mut scene = Scene::default();
    wall(&mut scene, &mut random);
    bowel(&mut scene, &mut random);
    lung_bases(&mut scene);
    organs(&mut scene, &mut random);
    vessels(&mut scene);
    bones(&mut scene);
    scene
}

fn wall(scene: &mut Scene, random: &mut Random) {
    let girth = random.between(0.97, 1.05);
    let layer = |shrink: f32, tissue| {
        let radii = [168.0 * girth - shrink, 122.0 * girth - shrink, 500.0];
        Blob::new([0.0, 4.0, 0.0], radii, tissue).formed(Form::Trunk).rough(0.012, 80.0)
    };
    scene.blob(layer(0.0, Tissue::Skin));
    scene.blob(layer(2.0, Tissue::Fat));
    scene
        .blob(Blob::new([0.0, 6.0, 0.0], [148.0, 101.0, 480.0], Tissue::Muscle).formed(Form::Trunk).rough(0.015, 50.0));
    // Three muscle layers of the flank, separated by fat.
    scene.blob(Blob::new([0.0, 6.0, 0.0], [144.0, 97.5, 480.0], Tissue::Fat).formed(Form::Trunk).rough(0.015, 50.0));
    scene.blob(Blob::new([0.0, 6.0, 0.0], [142.5, 96.5, 480.0], Tissue::Muscle).formed(Form::Trunk).rough(0.015, 50.0));
    for side in [-1.0, 1.0] {
        scene.blob(Blob::new([side * 34.0, -94.0, 0.0], [30.0, 8.0, 480.0], Tissue::Muscle).rough(0.05, 20.0));
        scene.blob(Blob::new([side * 38.0, 92.0, 0.0], [33.0, 21.0, 480.0], Tissue::Muscle).rough(0.06, 14.0));
        scene.blob(Blob::new([side * 40.0, 98.0, 0.0], [2.0, 12.0, 480.0], Tissue::Fat).turned(0.0, 0.0, side * 20.0));
    }
    scene.blob(
        Blob::new([0.0, -2.0, 0.0], [134.0, 84.0, 470.0], Tissue::Mesentery).formed(Form::Trunk).rough(0.02, 40.0),
    );
}

fn bowel(scene: &mut Scene, random: &mut Random) {
    // Colon: ascending and descending limbs and the transverse arch, with gas.
    let loop_of = |scene: &mut Scene, points: &[Point], radius: f32, gas: bool| {
        let at = |shrink: f32| points.iter().map(|p| (*p, radius - shrink)).collect::<Vec<_>>();
        scene.path(&at(0.0), Tissue::BowelWall);
        scene.path(&at(2.2), Tissue::BowelContent);
        if gas {
            let above: Vec<(Point, f32)> =
                points.iter().map(|p| ([p[0], p[1] - radius * 0.34, p[2]], radius * 0.55)).collect();
            scene.path(&above, Tissue::Gas);
        }
    };
    loop_of(scene, &[[-104.0, 6.0, -130.0], [-108.0, 2.0, -60.0], [-92.0, -24.0, -42.0]], 21.0, true);
    loop_of(
        scene,
        &[[112.0, 30.0, -130.0], [118.0, 28.0, -40.0], [108.0, 16.0, 40.0], [96.0, -16.0, 52.0]],
        16.0,
        true,
    );
    loop_of(
        scene,
        &[
            [-92.0, -40.0, -44.0],
            [-40.0, -66.0, -66.0],
            [20.0, -70.0, -70.0],
            [74.0, -58.0, -20.0],
            [98.0, -20.0, 46.0],
        ],
        17.0,
        true,
    );
    for _ in 0..44 {
        let a = [random.between(-78.0, 88.0), random.between(-62.0, 16.0), random.between(-150.0, -18.0)];
        let b = [
            a[0] + random.between(-34.0, 34.0),
            a[1] + random.between(-18.0, 18.0),
            a[2] + random.between(-20.0, 20.0),
        ];
        let c = [
            b[0] + random.between(-34.0, 34.0),
            b[1] + random.between(-18.0, 18.0),
            b[2] + random.between(-20.0, 20.0),
        ];
        loop_of(scene, &[a, b, c], random.between(10.0, 14.0), false);
    }
    // Mesenteric vessels.
    for _ in 0..46 {
        let a = [random.between(-50.0, 60.0), random.between(-50.0, 10.0), random.between(-120.0, -10.0)];
        let b = [
            a[0] + random.between(-26.0, 26.0),
            a[1] + random.between(-16.0, 16.0),
            a[2] + random.between(-22.0, 22.0),
        ];
        scene.tube(a, b, 2.0, 1.2, Tissue::BrightBlood);
    }
    // Stomach, lying patient: fluid behind, gas in front.
    let stomach = |shrink: f32, tissue| {
        Blob::new([56.0, -34.0, 66.0], [52.0 - shrink, 38.0 - shrink, 58.0 - shrink], tissue)
            .turned(0.0, 25.0, -20.0)
            .rough(0.06, 30.0)
    };
    scene.blob(stomach(0.0, Tissue::BowelWall));
    scene.blob(stomach(4.0, Tissue::BowelContent));
    scene.blob(Blob::new([54.0, -52.0, 66.0], [38.0, 18.0, 44.0], Tissue::Gas));
    loop_of(
        scene,
        &[[26.0, -44.0, 30.0], [-18.0, -36.0, 14.0], [-44.0, -14.0, 6.0], [-44.0, 2.0, -24.0], [-8.0, 10.0, -44.0]],
        12.5,
        false,
    );
}

fn organs(scene: &mut Scene, random: &mut Random) {
    let right =
        Blob::new([-68.0, 4.0, 66.0], [70.0, 80.0, 92.0], Tissue::Liver).turned(0.0, -8.0, 0.0).rough(0.03, 50.0);
    scene.blob(right.clone());
    scene.blob(
        Blob::new([-10.0, -40.0, 84.0], [72.0, 38.0, 48.0], Tissue::Liver).turned(0.0, 12.0, 14.0).rough(0.03, 40.0),
    );
    scene.blob(Blob::new([-22.0, 12.0, 70.0], [20.0, 20.0, 30.0], Tissue::Liver));
    // The visceral fissure and the gallbladder.
    scene.path(&[([-32.0, -72.0, 60.0], 3.0), ([-30.0, -20.0, 56.0], 3.4)], Tissue::Fat);
    scene.blob(Blob::new([-62.0, -46.0, 12.0], [19.0, 23.0, 30.0], Tissue::BowelWall).turned(30.0, 0.0, 20.0));
    scene.blob(Blob::new([-62.0, -46.0, 12.0], [17.0, 21.0, 28.0], Tissue::Cyst).turned(30.0, 0.0, 20.0));
    // Portal and hepatic veins.
    for direction in [[-1.0, -0.2, 0.2], [-1.0, 0.5, -0.2], [-0.8, 0.1, 0.8], [-0.4, -0.8, 0.5]] {
        let twig = Twig { from: [-42.0, -2.0, 46.0], direction, length: 30.0, radius: 5.2, divisions: 6 };
        branches(scene, &right, &twig, Tissue::LiverVessel, random);
    }
    for direction in [[-1.0, -0.3, -0.5], [-0.9, 0.6, -0.7], [-0.4, -1.0, -0.4]] {
        let twig = Twig { from: [-30.0, 16.0, 108.0], direction, length: 34.0, radius: 5.0, divisions: 6 };
        branches(scene, &right, &twig, Tissue::LiverVessel, random);
    }
    scene.blob(Blob::new([-94.0, 24.0, 58.0], [11.0, 11.0, 11.0], Tissue::Cyst));
    scene.blob(
        Blob::new([98.0, 38.0, 70.0], [34.0, 46.0, 56.0], Tissue::Spleen).turned(0.0, -14.0, 30.0).rough(0.04, 30.0),
    );
    // Pancreas as a lobulated band from head to tail.
    let band = [[-34.0, -6.0, 2.0], [-14.0, -16.0, 14.0], [10.0, -20.0, 24.0], [40.0, -6.0, 32.0], [68.0, 14.0, 44.0]];
    for pair in band.windows(2) {
        for t in [0.0, 0.33, 0.66] {
            let at = super::mix(pair[0], pair[1], t);
            let lobe = random.between(10.5, 13.5);
            scene.blob(Blob::new(at, [lobe, lobe * 0.8, lobe * 0.9], Tissue::Pancreas).rough(0.10, 8.0));
        }
    }
    scene.path(
        &[([64.0, 18.0, 48.0], 4.2), ([30.0, 4.0, 32.0], 4.6), ([-10.0, -6.0, 18.0], 6.0), ([-42.0, -2.0, 46.0], 6.6)],
        Tissue::BrightBlood,
    );
    for side in [-1.0f32, 1.0] {
        kidney(scene, side);
        // Adrenal gland: a thin inverted Y.
        let top = [side * 34.0, 30.0, 62.0];
        scene.tube(top, [side * 34.0 + 10.0, 44.0, 54.0], 2.2, 1.8, Tissue::Pancreas);
        scene.tube(top, [side * 34.0 - 8.0, 46.0, 54.0], 2.2, 1.8, Tissue::Pancreas);
    }
}

fn kidney(scene: &mut Scene, side: f32) {
    let centre = [side * 64.0, 48.0, if side < 0.0 { -8.0 } else { 8.0 }];
    let turn = (0.0, side * -10.0, side * 34.0);
    let part = |shrink: f32, tissue| {
        Blob::new(centre, [30.0 - shrink, 26.0 - shrink, 56.0 - shrink], tissue)
            .turned(turn.0, turn.1, turn.2)
            .rough(0.03, 25.0)
    };
    // Fat around it, capsule, cortex, pyramids, sinus.
    scene.blob(Blob::new(centre, [42.0, 36.0, 70.0], Tissue::Fat).turned(turn.0, turn.1, turn.2));
    scene.blob(part(0.0, Tissue::KidneyCortex));
    for step in 0..8 {
        for fan in [-1.0f32, 0.0, 1.0] {
            let z = centre[2] - 40.0 + 11.0 * step as f32;
            let angle = (side * 34.0 + fan * 62.0).to_radians();
            let reach = 15.0 * (1.0 - ((z - centre[2]) / 62.0).powi(2)).max(0.0).sqrt();
            let at = [centre[0] + side * reach * angle.cos().abs().max(0.3), centre[1] + reach * angle.sin(), z];
            scene.blob(Blob::new(at, [6.0, 5.4, 5.0], Tissue::KidneyMedulla));
        }
    }
    let hilum = [centre[0] - side * 14.0, centre[1] - 9.0, centre[2]];
    scene.blob(Blob::new(hilum, [15.0, 9.0, 26.0], Tissue::Fat).turned(0.0, 0.0, side * 34.0).rough(0.12, 10.0));
    scene.blob(Blob::new(hilum, [8.0, 4.5, 15.0], Tissue::Water).turned(0.0, 0.0, side * 34.0));
    scene.path(
        &[([hilum[0] + side * 6.0, hilum[1] + 2.0, hilum[2]], 3.4), ([side * 16.0, 30.0, hilum[2] + 6.0], 4.6)],
        Tissue::BrightBlood,
    );
}

fn vessels(scene: &mut Scene) {
    scene.path(
        &[([10.0, 38.0, 150.0], 12.0), ([8.0, 38.0, 40.0], 11.0), ([4.0, 38.0, -140.0], 9.0)],
        Tissue::BrightBlood,
    );
    scene.path(
        &[([-26.0, 18.0, 150.0], 13.0), ([-24.0, 26.0, 60.0], 13.0), ([-22.0, 34.0, -140.0], 11.0)],
        Tissue::BrightBlood,
    );
    scene.path(&[([6.0, 27.0, 30.0], 4.0), ([4.0, 10.0, 12.0], 3.8), ([4.0, 4.0, -110.0], 3.0)], Tissue::BrightBlood);
    scene.path(
        &[([-10.0, -6.0, 18.0], 5.4), ([-10.0, 2.0, -20.0], 5.0), ([-8.0, 0.0, -110.0], 3.6)],
        Tissue::BrightBlood,
    );
    // A calcified plaque in the aortic wall.
    scene.blob(Blob::new([16.0, 44.0, -40.0], [2.4, 1.6, 6.0], Tissue::CorticalBone));
}

fn lung_bases(scene: &mut Scene) {
    // The lungs reach down behind the domes; the organs are painted over them.
    for side in [-1.0f32, 1.0] {
        scene.blob(Blob::new([side * 74.0, 34.0, 158.0], [58.0, 58.0, 48.0], Tissue::Muscle));
        scene.blob(Blob::new([side * 74.0, 34.0, 159.0], [56.5, 56.5, 47.0], Tissue::Lung));
    }
}

fn bones(scene: &mut Scene) {
    for side in [-1.0f32, 1.0] {
        // Psoas and the crura of the diaphragm.
        scene.path(
            &[
                ([side * 22.0, 52.0, 40.0], 5.0),
                ([side * 32.0, 56.0, -40.0], 15.0),
                ([side * 44.0, 52.0, -150.0], 21.0),
            ],
            Tissue::Muscle,
        );
        scene.path(&[([side * 16.0, 34.0, 120.0], 6.0), ([side * 14.0, 46.0, 10.0], 5.0)], Tissue::Muscle);
    }
    for level in 0..9 {
        let z = 140.0 - 34.0 * level as f32;
        scene.blob(Blob::new([0.0, 66.0, z - 17.0], [22.0, 16.5, 5.6], Tissue::Disc).formed(Form::Block));
        vertebra(scene, [0.0, 66.0, z], 22.0, 17.0, 13.0);
        scene.path(&[([0.0, 92.0, z - 17.0], 8.8), ([0.0, 92.0, z + 17.0], 8.8)], Tissue::Fat);
        scene.path(&[([0.0, 92.0, z - 17.0], 7.6), ([0.0, 92.0, z + 17.0], 7.6)], Tissue::Water);
    }
    for number in 7..=12 {
        for left in [false, true] {
            // The chest's ribs, moved so that the twelfth ends at the kidneys.
            let line: Vec<(Point, f32)> = rib(number, left)
                .iter()
                .map(|p| ([p[0] * 1.04, 4.0 + (p[1] - 4.0) * 1.04, p[2] + 180.0], 5.6))
                .collect();
            scene.path(&line, Tissue::CorticalBone);
            let inner: Vec<(Point, f32)> = line.iter().map(|(p, r)| (*p, r - 2.0)).collect();
            scene.path(&inner, Tissue::Marrow);
        }
    }
}
