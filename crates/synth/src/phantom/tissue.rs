//! Tissues and how CT and MR show them: Hounsfield units and spin-echo signals from proton density, T1 and T2.

use super::{Look, Plane, Point};
use crate::plan::Contrast;
use crate::random::{Fractal, Walk, add_along};

/// What a shape is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tissue {
    Air,
    Lung,
    Fat,
    Skin,
    Muscle,
    /// Soft tissue between organs: fat with strands.
    Mesentery,
    Water,
    Blood,
    /// Blood with contrast medium, portal venous phase.
    BrightBlood,
    Liver,
    LiverVessel,
    Cyst,
    Spleen,
    KidneyCortex,
    KidneyMedulla,
    Pancreas,
    BowelWall,
    BowelContent,
    Gas,
    Nodule,
    CorticalBone,
    Marrow,
    Cartilage,
    Disc,
    WornDisc,
    Csf,
    Grey,
    White,
    /// The brain before [`fold_brain`] makes grey and white matter and furrows of it.
    Brain,
    /// Fluid in the folds of the brain.
    Furrow,
    Cerebellum,
    Infarct,
    Nerve,
    Eye,
    Lens,
}

impl Tissue {
    /// Every tissue, in the order of the list above.
    const ALL: [Tissue; 35] = [
        Tissue::Air,
        Tissue::Lung,
        Tissue::Fat,
        Tissue::Skin,
        Tissue::Muscle,
        Tissue::Mesentery,
        Tissue::Water,
        Tissue::Blood,
        Tissue::BrightBlood,
        Tissue::Liver,
        Tissue::LiverVessel,
        Tissue::Cyst,
        Tissue::Spleen,
        Tissue::KidneyCortex,
        Tissue::KidneyMedulla,
        Tissue::Pancreas,
        Tissue::BowelWall,
        Tissue::BowelContent,
        Tissue::Gas,
        Tissue::Nodule,
        Tissue::CorticalBone,
        Tissue::Marrow,
        Tissue::Cartilage,
        Tissue::Disc,
        Tissue::WornDisc,
        Tissue::Csf,
        Tissue::Grey,
        Tissue::White,
        Tissue::Brain,
        Tissue::Furrow,
        Tissue::Cerebellum,
        Tissue::Infarct,
        Tissue::Nerve,
        Tissue::Eye,
        Tissue::Lens,
    ];
}

/// Hounsfield units: how CT shows tissues. The texture is part of the anatomy, the same in every slice through it.
pub(crate) struct Hounsfield;

impl Look for Hounsfield {
    fn plain(&self, tissue: Tissue) -> f32 {
        match tissue {
            Tissue::Air => -1000.0,
            Tissue::Lung => -862.0,
            Tissue::Fat => -102.0,
            Tissue::Skin | Tissue::Nerve => 30.0,
            Tissue::Muscle => 52.0,
            Tissue::Mesentery => -92.0,
            Tissue::Water => 5.0,
            Tissue::Blood => 45.0,
            Tissue::BrightBlood => 165.0,
            Tissue::Liver => 108.0,
            Tissue::LiverVessel => 152.0,
            Tissue::Cyst | Tissue::Csf => 6.0,
            Tissue::Spleen => 122.0,
            Tissue::KidneyCortex => 190.0,
            Tissue::KidneyMedulla => 150.0,
            Tissue::Pancreas | Tissue::Disc | Tissue::WornDisc => 85.0,
            Tissue::BowelWall => 75.0,
            Tissue::BowelContent => 25.0,
            Tissue::Gas => -960.0,
            Tissue::Nodule => 38.0,
            Tissue::CorticalBone => 820.0,
            Tissue::Marrow => 190.0,
            Tissue::Cartilage => 110.0,
            Tissue::Grey => 39.0,
            Tissue::White | Tissue::Brain => 28.5,
            Tissue::Furrow | Tissue::Eye => 12.0,
            Tissue::Cerebellum => 35.0,
            Tissue::Infarct => 21.0,
            Tissue::Lens => 70.0,
        }
    }

    fn fill(&self, tissue: Tissue, from: Point, run: (usize, f32), out: &mut [f32]) {
        // Size in mm and amount of the grains of a tissue.
        let grains: &[(f32, f32)] = match tissue {
            Tissue::Lung => {
                // Denser at the back, where a lying patient's blood is.
                for (index, value) in out.iter_mut().enumerate() {
                    let y = from[1] + if run.0 == 1 { run.1 * index as f32 } else { 0.0 };
                    *value = -862.0 + 0.35 * y;
                }
                return texture(out, tissue, from, run, &[(9.0, 22.0), (3.0, 26.0)]);
            }
            Tissue::Muscle => {
                // Fibres with fat between them.
                out.fill(0.0);
                texture(out, tissue, from, run, &[(2.5, 18.0)]);
                out.iter_mut().for_each(|value| *value = value.min(0.0) + 55.0);
                return texture(out, tissue, from, run, &[(7.0, 9.0)]);
            }
            Tissue::Mesentery => {
                // Strands are the ridges of three octaves of noise.
                out.fill(0.0);
                let (mut weight, mut scale, mut total) = (1.0, 1.0 / 11.0, 0.0);
                for seed in 90..93 {
                    add_along(out, from.map(|v| v * scale), (run.0, run.1 * scale), seed, weight);
                    total += weight;
                    weight *= Fractal::WEAKER;
                    scale *= Fractal::FINER;
                }
                out.iter_mut().for_each(|value| *value = -95.0 + (*value / total - 0.28).max(0.0) * 320.0);
                return;
            }
            Tissue::Fat => &[(8.0, 8.0)],
            Tissue::Blood => &[(6.0, 2.0)],
            Tissue::BrightBlood => &[(9.0, 6.0)],
            Tissue::Liver => &[(12.0, 5.0), (4.0, 5.0)],
            Tissue::Spleen => &[(10.0, 5.0)],
            Tissue::KidneyCortex => &[(6.0, 8.0)],
            Tissue::KidneyMedulla => &[(5.0, 10.0)],
            Tissue::Pancreas => &[(3.5, 26.0)],
            Tissue::BowelContent => &[(5.0, 30.0)],
            Tissue::Nodule => &[(4.0, 8.0)],
            Tissue::CorticalBone => &[(6.0, 120.0)],
            Tissue::Marrow => &[(2.5, 90.0), (7.0, 40.0)],
            Tissue::Cartilage => &[(5.0, 20.0)],
            Tissue::Disc | Tissue::WornDisc => &[(5.0, 8.0)],
            Tissue::Cerebellum => &[(3.0, 3.0)],
            Tissue::Infarct => &[(6.0, 3.0)],
            _ => &[],
        };
        out.fill(self.plain(tissue));
        texture(out, tissue, from, run, grains);
    }
}

/// Adds grains, given by size in mm and amount, to a run of pixels.
fn texture(out: &mut [f32], tissue: Tissue, from: Point, run: (usize, f32), grains: &[(f32, f32)]) {
    for (mm, amount) in grains {
        let scale = 1.0 / mm;
        add_along(out, from.map(|v| v * scale), (run.0, run.1 * scale), tissue as u32, *amount);
    }
}

/// The brain's outer shape, shared by the head scene and the folding pattern.
pub(crate) const BRAIN_CENTRE: Point = [0.0, -2.0, 22.0];
/// Radii of the brain.
pub(crate) const BRAIN_RADII: Point = [64.0, 83.0, 66.0];

/// Makes furrows, grey and white matter of the brain of a slice.
pub(crate) fn fold_brain(tissues: &mut [Tissue], plane: &Plane) {
    let mut folds = Folds { bend: [Walk::new(201), Walk::new(202)], fold: Walk::new(203), reach: Walk::new(204) };
    for (row, line) in tissues.chunks_mut(plane.columns.max(1)).enumerate() {
        for (column, tissue) in line.iter_mut().enumerate().filter(|(_, tissue)| **tissue == Tissue::Brain) {
            *tissue = folds.part(plane.at(column as f32, row as f32));
        }
    }
}

/// The noises that fold the brain.
struct Folds {
    bend: [Walk; 2],
    fold: Walk,
    reach: Walk,
}

impl Folds {
    /// Fluid of the furrows, grey or white matter: a folded ribbon below the brain's surface.
    fn part(&mut self, at: Point) -> Tissue {
        let q = |i: usize| (at[i] - BRAIN_CENTRE[i]) / BRAIN_RADII[i];
        let level = (q(0) * q(0) + q(1) * q(1) + q(2) * q(2)).sqrt();
        let depth = (1.0 - level) * 68.0;
        if depth > 34.0 {
            return Tissue::White;
        }
        // Furrows are the zero lines of a smooth noise that is bent by another one.
        let [x, y, z] = at;
        let mut bend = |index: usize| 11.0 * self.bend[index].at(x / 26.0, y / 26.0, z / 26.0);
        let (bx, by) = (bend(0), bend(1));
        let fold = self.fold.at((x + bx) / 15.0, (y + by) / 15.0, z / 19.0).abs();
        let reach = 15.0 + 9.0 * self.reach.at(x / 40.0, y / 40.0, z / 40.0);
        // A furrow narrows with depth and ends at `reach`; grey matter lines it on both sides.
        let furrow = 0.085 * (1.0 - depth / reach).max(0.0).sqrt();
        let lining = 0.30 * (1.0 - depth / (reach + 7.0)).max(0.0).sqrt();
        if depth < 1.0 || fold < furrow {
            Tissue::Furrow
        } else if depth < 4.2 || fold < lining {
            Tissue::Grey
        } else {
            Tissue::White
        }
    }
}

/// How MR shows tissues with one contrast: signals of about 0 to 1000.
pub(crate) struct Signal {
    /// By tissue: its signal, and the part of it that the texture changes.
    tissues: [(f32, f32); Tissue::ALL.len()],
}

impl Signal {
    pub(crate) fn new(contrast: Contrast) -> Signal {
        Signal { tissues: Tissue::ALL.map(|tissue| signal(tissue, contrast)) }
    }
}

impl Look for Signal {
    fn plain(&self, tissue: Tissue) -> f32 {
        self.tissues[tissue as usize].0
    }

    fn fill(&self, tissue: Tissue, from: Point, run: (usize, f32), out: &mut [f32]) {
        let (value, grain) = self.tissues[tissue as usize];
        out.fill(value);
        if grain > 0.0 {
            texture(out, tissue, from, run, &[(4.0, value * grain)]);
        }
    }
}

/// Signal of a tissue, and the part of it that its texture changes.
fn signal(part: Tissue, contrast: Contrast) -> (f32, f32) {
    // Proton density (0..1), T1 and T2 in ms at 1.5 T.
    let (density, t1, t2, grain) = match part {
        Tissue::Air | Tissue::Gas | Tissue::Lung => (0.005, 800.0, 40.0, 0.0),
        Tissue::Fat | Tissue::Mesentery => (0.95, 260.0, 85.0, 0.06),
        Tissue::Skin => (0.7, 500.0, 45.0, 0.0),
        Tissue::CorticalBone => (0.05, 800.0, 10.0, 0.0),
        Tissue::Marrow => (0.62, 420.0, 70.0, 0.10),
        Tissue::Csf | Tissue::Furrow | Tissue::Water | Tissue::Cyst | Tissue::Eye => (1.0, 4000.0, 2000.0, 0.0),
        Tissue::Grey => (0.82, 950.0, 100.0, 0.03),
        Tissue::White | Tissue::Brain => (0.70, 600.0, 80.0, 0.03),
        Tissue::Cerebellum => (0.78, 800.0, 92.0, 0.14),
        Tissue::Infarct => (0.88, 1150.0, 165.0, 0.05),
        Tissue::Nerve => (0.70, 750.0, 80.0, 0.02),
        Tissue::Disc => (0.80, 950.0, 125.0, 0.08),
        Tissue::WornDisc => (0.55, 900.0, 45.0, 0.08),
        Tissue::Cartilage => (0.5, 900.0, 35.0, 0.0),
        Tissue::Blood | Tissue::BrightBlood | Tissue::LiverVessel => (0.10, 1200.0, 60.0, 0.0), // flow void
        Tissue::Lens => (0.5, 700.0, 30.0, 0.0),
        _ => (0.75, 870.0, 48.0, 0.10),
    };
    let recovered = |tr: f32| 1.0 - (-tr / t1).exp();
    let remaining = |te: f32| (-te / t2).exp();
    let signal = match contrast {
        Contrast::T1 => 1900.0 * density * recovered(520.0) * remaining(11.0),
        Contrast::T2 => 1350.0 * density * recovered(4200.0) * remaining(98.0),
        Contrast::Flair => {
            let inverted = (1.0 - 2.0 * (-2400.0 / t1).exp() + (-9000.0 / t1).exp()).abs();
            1850.0 * density * inverted * remaining(115.0)
        }
        Contrast::Dwi => {
            // Apparent diffusion in 1e-3 mm2/s; fat is saturated.
            let diffusion: f32 = match part {
                Tissue::Csf | Tissue::Furrow | Tissue::Water | Tissue::Eye => 3.0,
                Tissue::Infarct => 0.35,
                Tissue::Grey => 0.85,
                Tissue::Fat | Tissue::Marrow | Tissue::Skin => 5.0,
                _ => 0.80,
            };
            3300.0 * density * remaining(95.0) * (-diffusion).exp()
        }
    };
    (signal, grain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tissue_stands_at_its_own_number() {
        for (index, tissue) in Tissue::ALL.into_iter().enumerate() {
            assert_eq!(tissue as usize, index);
        }
        assert_eq!(Tissue::Lens as usize + 1, Tissue::ALL.len());
    }
}
