//! Tissues and how CT and MR show them: Hounsfield units and spin-echo signals from proton density, T1 and T2.

use super::Point;
use crate::plan::Contrast;
use crate::random::{fractal, noise};

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
    Brain,
    Cerebellum,
    Infarct,
    Nerve,
    Eye,
    Lens,
}

/// Hounsfield units of a tissue at a point; the texture is part of the anatomy, the same in every slice through it.
pub(crate) fn hounsfield(tissue: Tissue, at: Point) -> f32 {
    let texture = |mm: f32, amount: f32| amount * noise(at[0] / mm, at[1] / mm, at[2] / mm, tissue as u32);
    match tissue {
        Tissue::Air => -1000.0,
        // Denser at the back, where a lying patient's blood is.
        Tissue::Lung => -862.0 + 0.35 * at[1] + texture(9.0, 22.0) + texture(3.0, 26.0),
        Tissue::Fat => -102.0 + texture(8.0, 8.0),
        Tissue::Skin => 30.0,
        Tissue::Muscle => 55.0 + texture(7.0, 9.0) + (texture(2.5, 1.0) * 9.0).min(0.0) * 2.0,
        Tissue::Mesentery => {
            let strands = fractal(at[0] / 11.0, at[1] / 11.0, at[2] / 11.0, 3, 90);
            -95.0 + if strands > 0.28 { (strands - 0.28) * 320.0 } else { 0.0 }
        }
        Tissue::Water => 5.0,
        Tissue::Blood => 45.0 + texture(6.0, 2.0),
        Tissue::BrightBlood => 165.0 + texture(9.0, 6.0),
        Tissue::Liver => 108.0 + texture(12.0, 5.0) + texture(4.0, 5.0),
        Tissue::LiverVessel => 152.0,
        Tissue::Cyst => 6.0,
        Tissue::Spleen => 122.0 + texture(10.0, 5.0),
        Tissue::KidneyCortex => 190.0 + texture(6.0, 8.0),
        Tissue::KidneyMedulla => 150.0 + texture(5.0, 10.0),
        Tissue::Pancreas => 85.0 + texture(3.5, 26.0),
        Tissue::BowelWall => 75.0,
        Tissue::BowelContent => 25.0 + texture(5.0, 30.0),
        Tissue::Gas => -960.0,
        Tissue::Nodule => 38.0 + texture(4.0, 8.0),
        Tissue::CorticalBone => 820.0 + texture(6.0, 120.0),
        Tissue::Marrow => 190.0 + texture(2.5, 90.0) + texture(7.0, 40.0),
        Tissue::Cartilage => 110.0 + texture(5.0, 20.0),
        Tissue::Disc | Tissue::WornDisc => 85.0 + texture(5.0, 8.0),
        Tissue::Csf => 6.0,
        Tissue::Grey => 39.0,
        Tissue::White => 29.0,
        Tissue::Brain => match brain_part(at) {
            Tissue::Csf => 12.0,
            Tissue::Grey => 39.0,
            _ => 28.5,
        },
        Tissue::Cerebellum => 35.0 + texture(3.0, 3.0),
        Tissue::Infarct => 21.0 + texture(6.0, 3.0),
        Tissue::Nerve => 30.0,
        Tissue::Eye => 12.0,
        Tissue::Lens => 70.0,
    }
}

/// The brain's outer shape, shared by the head scene and the folding pattern.
pub(crate) const BRAIN_CENTRE: Point = [0.0, -2.0, 22.0];
/// Radii of the brain.
pub(crate) const BRAIN_RADII: Point = [64.0, 83.0, 66.0];

/// Cerebrospinal fluid of the furrows, grey or white matter: a folded ribbon below the brain's surface.
pub(crate) fn brain_part(at: Point) -> Tissue {
    let q = [0, 1, 2].map(|i| (at[i] - BRAIN_CENTRE[i]) / BRAIN_RADII[i]);
    let level = (q[0] * q[0] + q[1] * q[1] + q[2] * q[2]).sqrt();
    let depth = (1.0 - level) * 68.0;
    if depth > 34.0 {
        return Tissue::White;
    }
    // Furrows are the zero lines of a smooth noise that is bent by another one.
    let bend = [
        noise(at[0] / 26.0, at[1] / 26.0, at[2] / 26.0, 201) * 11.0,
        noise(at[0] / 26.0, at[1] / 26.0, at[2] / 26.0, 202) * 11.0,
    ];
    let fold = noise((at[0] + bend[0]) / 15.0, (at[1] + bend[1]) / 15.0, at[2] / 19.0, 203).abs();
    let reach = 15.0 + 9.0 * noise(at[0] / 40.0, at[1] / 40.0, at[2] / 40.0, 204);
    // A furrow narrows with depth and ends at `reach`; grey matter lines it on both sides.
    let furrow = 0.085 * (1.0 - depth / reach).max(0.0).sqrt();
    let lining = 0.30 * (1.0 - depth / (reach + 7.0)).max(0.0).sqrt();
    if depth < 1.0 || fold < furrow {
        Tissue::Csf
    } else if depth < 4.2 || fold < lining {
        Tissue::Grey
    } else {
        Tissue::White
    }
}

/// MR signal of a tissue at a point, about 0 to 1000.
pub(crate) fn signal(tissue: Tissue, at: Point, contrast: Contrast) -> f32 {
    let part = if tissue == Tissue::Brain { brain_part(at) } else { tissue };
    let texture = |mm: f32, amount: f32| 1.0 + amount * noise(at[0] / mm, at[1] / mm, at[2] / mm, part as u32);
    // Proton density (0..1), T1 and T2 in ms at 1.5 T.
    let (density, t1, t2, grain) = match part {
        Tissue::Air | Tissue::Gas | Tissue::Lung => (0.005, 800.0, 40.0, 0.0),
        Tissue::Fat | Tissue::Mesentery => (0.95, 260.0, 85.0, 0.06),
        Tissue::Skin => (0.7, 500.0, 45.0, 0.0),
        Tissue::CorticalBone => (0.05, 800.0, 10.0, 0.0),
        Tissue::Marrow => (0.62, 420.0, 70.0, 0.10),
        Tissue::Csf | Tissue::Water | Tissue::Cyst | Tissue::Eye => (1.0, 4000.0, 2000.0, 0.0),
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
                Tissue::Csf | Tissue::Water | Tissue::Eye => 3.0,
                Tissue::Infarct => 0.35,
                Tissue::Grey => 0.85,
                Tissue::Fat | Tissue::Marrow | Tissue::Skin => 5.0,
                _ => 0.80,
            };
            3300.0 * density * remaining(95.0) * (-diffusion).exp()
        }
    };
    signal * texture(4.0, grain)
}
