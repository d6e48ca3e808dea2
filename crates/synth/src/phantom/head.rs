//! The head: scalp, skull, folded brain, ventricles, deep grey matter, cerebellum, eyes, sinuses.
//! Coordinates: z = 0 near the orbital floor line, vertex near z = 92; the front is y = -88.

use super::tissue::{BRAIN_CENTRE, BRAIN_RADII, Tissue};
use super::{Blob, Form, Plane, Point, Scene};

/// z of slice `index` of `count`, from the bottom upwards.
pub(crate) fn slice_z(index: u32, count: u32) -> f32 {
    -38.0 + spacing(count) * (index as f32 + 0.5)
}

/// Distance between slices.
pub(crate) fn spacing(count: u32) -> f32 {
    122.0 / count.max(1) as f32
}

/// The plane of a slice.
pub(crate) fn plane(z: f32, size: usize) -> Plane {
    Plane::axial([0.0, 0.0, z], 230.0, size)
}

/// The head of one person; with `infarct`, an ischaemic area on the patient's right side.
pub(crate) fn scene(infarct: bool) -> Scene {
    let mut scene = Scene::default();
    face(&mut scene);
    skull(&mut scene);
    // Brain with its fluid space, and the midline fissure with the falx.
    let grown = |mm: f32, tissue| Blob::new(BRAIN_CENTRE, BRAIN_RADII.map(|r| r + mm), tissue);
    scene.blob(grown(2.6, Tissue::Csf));
    scene.blob(grown(0.0, Tissue::Brain));
    let leaf = |width: f32, mm: f32, tissue| {
        Blob::new(BRAIN_CENTRE, [width, BRAIN_RADII[1] + mm, BRAIN_RADII[2] + mm], tissue).rough(0.006, 30.0)
    };
    scene.blob(leaf(2.1, -0.5, Tissue::Csf));
    scene.blob(leaf(0.9, 1.5, Tissue::Muscle));
    deep_grey(&mut scene);
    ventricles(&mut scene);
    if infarct {
        let wedge = |at: Point, radii: Point| Blob::new(at, radii, Tissue::Infarct).rough(0.16, 14.0);
        scene.blob(wedge([-45.0, -8.0, 34.0], [13.0, 20.0, 15.0]));
        scene.blob(wedge([-34.0, -6.0, 28.0], [12.0, 12.0, 10.0]));
    }
    posterior_fossa(&mut scene);
    base(&mut scene);
    scene
}

fn face(scene: &mut Scene) {
    let face = |shrink: f32, tissue| {
        Blob::new([0.0, -28.0, -62.0], [68.0 - shrink, 76.0 - shrink, 92.0], tissue).formed(Form::Trunk)
    };
    scene.blob(face(0.0, Tissue::Skin));
    scene.blob(face(2.0, Tissue::Fat));
    scene.blob(face(7.0, Tissue::Muscle));
    // Neck muscles at the back, and the skin over them.
    scene.blob(Blob::new([0.0, 44.0, -70.0], [62.0, 48.0, 90.0], Tissue::Skin));
    scene.blob(Blob::new([0.0, 44.0, -70.0], [60.0, 46.0, 90.0], Tissue::Fat));
    scene.blob(Blob::new([0.0, 42.0, -70.0], [54.0, 40.0, 80.0], Tissue::Muscle).rough(0.05, 12.0));

    for side in [-1.0f32, 1.0] {
        scene.blob(Blob::new([side * 75.0, 14.0, -12.0], [5.0, 16.0, 26.0], Tissue::Skin).turned(
            0.0,
            0.0,
            side * -14.0,
        ));
    }
}

fn skull(scene: &mut Scene) {
    let centre = [0.0, 0.0, 20.0];
    let shell = |mm: f32, tissue| {
        Blob::new([centre[0], centre[1] - 1.0, centre[2]], [76.5 + mm, 95.5 + mm, 78.0 + mm], tissue).rough(0.006, 40.0)
    };
    scene.blob(shell(0.0, Tissue::Skin));
    scene.blob(shell(-1.6, Tissue::Fat));
    // Temporal muscles.
    for side in [-1.0f32, 1.0] {
        scene.blob(Blob::new([side * 62.0, -30.0, -6.0], [8.0, 28.0, 38.0], Tissue::Muscle).turned(
            0.0,
            0.0,
            side * 16.0,
        ));
    }
    scene.blob(shell(-4.6, Tissue::CorticalBone));
    scene.blob(shell(-6.6, Tissue::Marrow));
    scene.blob(shell(-8.6, Tissue::CorticalBone));
}

/// Base of the skull and face: painted over the brain, which does not reach down here.
fn base(scene: &mut Scene) {
    // Floor of the anterior fossa, and the face below it.
    scene.blob(Blob::new([0.0, -58.0, -42.0], [54.0, 42.0, 40.0], Tissue::CorticalBone).rough(0.03, 20.0));
    scene.blob(Blob::new([0.0, -58.0, -43.0], [52.5, 40.5, 38.5], Tissue::Fat).rough(0.03, 20.0));
    for side in [-1.0f32, 1.0] {
        scene.blob(Blob::new([side * 42.0, -30.0, -40.0], [11.0, 14.0, 24.0], Tissue::Muscle));
    }

    scene.blob(Blob::new([0.0, -99.0, -24.0], [12.0, 15.0, 20.0], Tissue::Skin));
    // Petrous ridges, sphenoid, facial bones.
    for side in [-1.0f32, 1.0] {
        scene.path(&[([side * 62.0, 26.0, -22.0], 13.0), ([side * 20.0, 0.0, -20.0], 6.0)], Tissue::CorticalBone);
        scene.blob(Blob::new([side * 60.0, 34.0, -30.0], [14.0, 14.0, 16.0], Tissue::CorticalBone));
        // Mastoid cells.
        for (dx, dy, dz) in [
            (0.0, 0.0, 0.0),
            (5.0, 4.0, -6.0),
            (-5.0, 5.0, -4.0),
            (2.0, -6.0, -8.0),
            (-3.0, 8.0, 4.0),
            (6.0, -3.0, 5.0),
            (-8.0, -3.0, -9.0),
        ] {
            scene.blob(Blob::new([side * (60.0 + dx), 34.0 + dy, -28.0 + dz], [3.4, 3.2, 3.6], Tissue::Gas));
        }
        scene.path(&[([side * 78.0, 10.0, -22.0], 3.0), ([side * 52.0, 12.0, -22.0], 3.0)], Tissue::Gas);
        scene.path(&[([side * 24.0, -16.0, 2.0], 4.5), ([side * 62.0, -34.0, 6.0], 3.0)], Tissue::CorticalBone);
        // Cheek bones and the side walls of the orbits.
        scene.path(
            &[([side * 54.0, -46.0, 2.0], 4.0), ([side * 55.0, -62.0, -14.0], 6.0), ([side * 44.0, -76.0, -30.0], 7.0)],
            Tissue::CorticalBone,
        );
        scene.path(&[([side * 55.0, -60.0, -20.0], 3.2), ([side * 66.0, -24.0, -24.0], 3.2)], Tissue::CorticalBone);
    }
    scene.blob(Blob::new([0.0, -8.0, -14.0], [20.0, 16.0, 12.0], Tissue::CorticalBone));
    scene.blob(Blob::new([0.0, -14.0, -16.0], [14.0, 10.0, 9.0], Tissue::Gas));
    scene.blob(Blob::new([0.0, 8.0, -32.0], [15.0, 8.0, 16.0], Tissue::Marrow));
    // Forehead bone with its sinus, bridge of the nose, ethmoid cells, maxillary sinuses.
    scene.blob(Blob::new([0.0, -82.0, 8.0], [30.0, 9.0, 18.0], Tissue::CorticalBone));
    for side in [-1.0f32, 1.0] {
        scene.blob(Blob::new([side * 12.0, -83.0, 10.0], [11.0, 4.6, 13.0], Tissue::Gas));
        scene.blob(Blob::new([side * 32.0, -54.0, -36.0], [19.0, 20.0, 18.0], Tissue::CorticalBone));
        scene.blob(Blob::new([side * 32.0, -54.0, -36.0], [17.4, 18.4, 16.4], Tissue::Gas));
    }
    scene.blob(Blob::new([0.0, -60.0, -16.0], [13.0, 24.0, 20.0], Tissue::CorticalBone));
    for step in 0..5 {
        for side in [-1.0f32, 1.0] {
            let y = -76.0 + 9.0 * step as f32;
            scene.blob(Blob::new([side * 6.0, y, -12.0], [4.8, 3.9, 14.0], Tissue::Gas));
        }
    }
    scene.blob(Blob::new([0.0, -66.0, -40.0], [12.0, 26.0, 14.0], Tissue::Gas));
    scene.blob(Blob::new([0.0, -66.0, -40.0], [1.2, 26.0, 16.0], Tissue::CorticalBone));
    orbits(scene);
}

fn orbits(scene: &mut Scene) {
    for side in [-1.0f32, 1.0] {
        scene.blob(Blob::new([side * 33.0, -60.0, -9.0], [20.0, 30.0, 18.0], Tissue::CorticalBone).turned(
            0.0,
            0.0,
            side * 16.0,
        ));
        scene.blob(Blob::new([side * 33.0, -63.0, -9.0], [18.2, 31.0, 16.4], Tissue::Fat).turned(
            0.0,
            0.0,
            side * 16.0,
        ));
        let eye = [side * 34.0, -74.0, -8.0];
        scene.blob(Blob::new(eye, [12.6; 3], Tissue::Muscle));
        scene.blob(Blob::new(eye, [11.6; 3], Tissue::Eye));
        scene.blob(Blob::new([side * 34.0, -83.5, -8.0], [4.6, 2.2, 4.6], Tissue::Lens));
        // Optic nerve and muscles run to the apex.
        let apex = [side * 18.0, -30.0, -6.0];
        scene.path(&[([side * 32.0, -62.0, -8.0], 2.3), (apex, 2.0)], Tissue::Nerve);
        scene
            .path(&[([side * 46.0, -74.0, -8.0], 1.8), ([side * 40.0, -52.0, -8.0], 2.4), (apex, 1.6)], Tissue::Muscle);
        scene
            .path(&[([side * 21.5, -74.0, -8.0], 1.8), ([side * 19.0, -52.0, -8.0], 2.4), (apex, 1.6)], Tissue::Muscle);
        scene.blob(Blob::new([side * 34.0, -88.0, -8.0], [15.0, 3.4, 12.0], Tissue::Skin));
    }
}

fn deep_grey(scene: &mut Scene) {
    // A calm white-matter core, so that the furrow pattern does not reach the deep nuclei.
    scene.blob(Blob::new([0.0, 0.0, 26.0], [36.0, 48.0, 34.0], Tissue::White));
    for side in [-1.0f32, 1.0] {
        scene.blob(Blob::new([side * 12.0, 8.0, 24.0], [9.5, 14.0, 10.0], Tissue::Grey).turned(0.0, 0.0, side * 22.0));
        scene.blob(Blob::new([side * 12.5, -24.0, 27.0], [6.0, 11.0, 10.0], Tissue::Grey).turned(
            0.0,
            0.0,
            side * -14.0,
        ));
        scene.path(&[([side * 15.0, -16.0, 38.0], 3.8), ([side * 20.0, 14.0, 42.0], 2.6)], Tissue::Grey);
        scene.blob(Blob::new([side * 26.0, -6.0, 22.0], [6.2, 18.0, 13.0], Tissue::Grey).turned(0.0, 0.0, side * 10.0));
        // Insula and the Sylvian fissure.
        scene.blob(Blob::new([side * 38.0, -8.0, 20.0], [3.4, 22.0, 15.0], Tissue::Grey).turned(0.0, 0.0, side * 8.0));
        scene.path(
            &[
                ([side * 42.0, -28.0, 16.0], 3.0),
                ([side * 41.5, -8.0, 20.0], 2.2),
                ([side * 43.0, 12.0, 27.0], 2.4),
                ([side * 54.0, 24.0, 34.0], 1.8),
            ],
            Tissue::Csf,
        );
        scene.path(&[([side * 42.0, -20.0, 18.0], 2.4), ([side * 60.0, -24.0, 18.0], 3.0)], Tissue::Csf);
    }
}

fn ventricles(scene: &mut Scene) {
    for side in [-1.0f32, 1.0] {
        // Frontal horn, body, trigone, occipital and temporal horn.
        scene.path(
            &[
                ([side * 9.0, -37.0, 29.0], 3.6),
                ([side * 6.5, -25.0, 34.0], 5.0),
                ([side * 8.5, -6.0, 43.0], 5.2),
                ([side * 14.0, 16.0, 42.0], 5.4),
                ([side * 24.0, 34.0, 31.0], 7.4),
                ([side * 22.0, 50.0, 27.0], 3.8),
                ([side * 18.0, 60.0, 26.0], 1.6),
            ],
            Tissue::Csf,
        );
        scene.path(
            &[([side * 25.0, 33.0, 30.0], 5.0), ([side * 32.0, 18.0, 14.0], 3.0), ([side * 30.0, -4.0, 4.0], 2.0)],
            Tissue::Csf,
        );
        // Choroid plexus.
        scene.blob(Blob::new([side * 24.0, 33.0, 31.0], [3.0, 4.4, 3.0], Tissue::Lens));
    }
    scene.blob(Blob::new([0.0, 4.0, 22.0], [2.6, 16.0, 9.0], Tissue::Csf));
    // Septum between the frontal horns, corpus callosum in front and behind.
    scene.blob(Blob::new([0.0, -20.0, 34.0], [0.9, 20.0, 7.0], Tissue::White));
    // Cisterns.
    scene.blob(Blob::new([0.0, 30.0, 14.0], [13.0, 5.0, 8.0], Tissue::Csf));
    scene.blob(Blob::new([0.0, -8.0, 2.0], [13.0, 9.0, 6.0], Tissue::Csf).rough(0.2, 8.0));
}

fn posterior_fossa(scene: &mut Scene) {
    scene.blob(Blob::new([0.0, 44.0, -14.0], [50.0, 36.0, 26.5], Tissue::Csf));
    for side in [-1.0f32, 1.0] {
        scene.blob(Blob::new([side * 24.0, 46.0, -14.0], [26.0, 31.0, 25.0], Tissue::Cerebellum).rough(0.05, 5.0));
        scene.blob(Blob::new([side * 22.0, 42.0, -13.0], [13.0, 16.0, 12.0], Tissue::White).rough(0.16, 7.0));
        // Tentorium: two thin leaves above the cerebellum.
        scene.path(&[([side * 6.0, 30.0, 18.0], 0.9), ([side * 50.0, 44.0, 6.0], 0.9)], Tissue::Muscle);
    }
    scene.blob(Blob::new([0.0, 50.0, -12.0], [9.0, 26.0, 22.0], Tissue::Cerebellum).rough(0.06, 4.0));
    // Brain stem.
    scene.path(
        &[([0.0, 10.0, -4.0], 13.5), ([0.0, 9.0, -8.0], 14.5), ([0.0, 14.0, -26.0], 10.5), ([0.0, 20.0, -60.0], 7.0)],
        Tissue::Csf,
    );
    scene.path(
        &[([0.0, 12.0, 8.0], 11.0), ([0.0, 9.0, -8.0], 12.5), ([0.0, 14.0, -26.0], 8.0), ([0.0, 20.0, -60.0], 5.5)],
        Tissue::White,
    );
    scene.blob(Blob::new([0.0, 24.0, -8.0], [6.0, 4.0, 9.0], Tissue::Csf));
    scene.path(&[([0.0, -5.5, -6.0], 1.8), ([0.0, -2.0, -26.0], 1.8)], Tissue::Blood);
}
