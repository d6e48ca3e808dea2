//! The transfer syntaxes this node knows: how their data sets are encoded and what can be done with their pixels.
//! PS3.5 section 10 and Annex A; PS3.6 Table A-1.

/// Implicit VR Little Endian, the DIMSE default.
pub const IMPLICIT_LE: &str = "1.2.840.10008.1.2";
/// Explicit VR Little Endian, the DICOMweb default.
pub const EXPLICIT_LE: &str = "1.2.840.10008.1.2.1";
/// Explicit VR Big Endian (retired).
pub const EXPLICIT_BE: &str = "1.2.840.10008.1.2.2";
/// Deflated Explicit VR Little Endian.
pub const DEFLATED_LE: &str = "1.2.840.10008.1.2.1.99";
/// RLE Lossless.
pub const RLE: &str = "1.2.840.10008.1.2.5";
/// JPEG Baseline (Process 1).
pub const JPEG_BASELINE: &str = "1.2.840.10008.1.2.4.50";
/// JPEG Extended (Process 2 and 4).
pub const JPEG_EXTENDED: &str = "1.2.840.10008.1.2.4.51";
/// JPEG Lossless, Non-Hierarchical (Process 14).
pub const JPEG_LOSSLESS: &str = "1.2.840.10008.1.2.4.57";
/// JPEG Lossless, Non-Hierarchical, First-Order Prediction (Process 14 SV1).
pub const JPEG_LOSSLESS_SV1: &str = "1.2.840.10008.1.2.4.70";
/// JPEG 2000 (Lossless Only).
pub const JPEG_2000_LOSSLESS: &str = "1.2.840.10008.1.2.4.90";
/// JPEG 2000.
pub const JPEG_2000: &str = "1.2.840.10008.1.2.4.91";

/// How the data set outside pixel data is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Encoding {
    /// True if each element carries its VR.
    pub explicit: bool,
    /// True if numbers are written most significant octet first.
    pub big_endian: bool,
}

impl Encoding {
    /// Implicit VR Little Endian.
    pub const IMPLICIT_LE: Self = Self { explicit: false, big_endian: false };
    /// Explicit VR Little Endian.
    pub const EXPLICIT_LE: Self = Self { explicit: true, big_endian: false };
    /// Explicit VR Big Endian.
    pub const EXPLICIT_BE: Self = Self { explicit: true, big_endian: true };
}

/// What lies in pixel data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// Plain samples.
    Native,
    /// RLE Lossless segments.
    Rle,
    /// A JPEG stream of DCT or lossless process.
    Jpeg,
    /// A JPEG-LS stream.
    JpegLs,
    /// A JPEG 2000 or HTJ2K code stream.
    Jpeg2000,
    /// A JPEG XL stream.
    JpegXl,
    /// An MPEG, H.264 or HEVC stream.
    Video,
    /// Native samples in fragments.
    Uncompressed,
    /// Deflated native samples, frame by frame.
    DeflatedFrame,
    /// No pixels inside: a JPIP reference.
    Referenced,
}

/// One transfer syntax.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransferSyntax {
    /// The UID.
    pub uid: &'static str,
    /// The name of PS3.6.
    pub name: &'static str,
    /// How elements are written.
    pub encoding: Encoding,
    /// True if the data set after the file meta group is deflated.
    pub deflated: bool,
    /// What pixel data holds.
    pub codec: Codec,
    /// True if the method may have lost information.
    pub lossy: bool,
}

impl TransferSyntax {
    /// True if pixel data is not encapsulated.
    pub fn is_native(&self) -> bool {
        self.codec == Codec::Native
    }

    /// True if DICOMweb may send objects in this syntax as they are. Source: PS3.18 8.7.3.5.2.
    pub fn is_allowed_on_dicomweb(&self) -> bool {
        self.encoding == Encoding::EXPLICIT_LE
    }
}

/// Finds a transfer syntax by its UID.
pub fn transfer_syntax(uid: &str) -> Option<&'static TransferSyntax> {
    TRANSFER_SYNTAXES.iter().find(|syntax| syntax.uid == uid)
}

const fn native(uid: &'static str, name: &'static str, encoding: Encoding, deflated: bool) -> TransferSyntax {
    TransferSyntax { uid, name, encoding, deflated, codec: Codec::Native, lossy: false }
}

const fn encapsulated(uid: &'static str, name: &'static str, codec: Codec, lossy: bool) -> TransferSyntax {
    TransferSyntax { uid, name, encoding: Encoding::EXPLICIT_LE, deflated: false, codec, lossy }
}

/// Every transfer syntax this node accepts on the wire and stores unchanged.
#[rustfmt::skip]
pub static TRANSFER_SYNTAXES: &[TransferSyntax] = &[
    native(IMPLICIT_LE, "Implicit VR Little Endian", Encoding::IMPLICIT_LE, false),
    native(EXPLICIT_LE, "Explicit VR Little Endian", Encoding::EXPLICIT_LE, false),
    native(DEFLATED_LE, "Deflated Explicit VR Little Endian", Encoding::EXPLICIT_LE, true),
    native(EXPLICIT_BE, "Explicit VR Big Endian", Encoding::EXPLICIT_BE, false),
    encapsulated("1.2.840.10008.1.2.1.98", "Encapsulated Uncompressed Explicit VR Little Endian", Codec::Uncompressed, false),
    encapsulated("1.2.840.10008.1.2.8.1", "Deflated Image Frame Compression", Codec::DeflatedFrame, false),
    encapsulated(RLE, "RLE Lossless", Codec::Rle, false),
    encapsulated(JPEG_BASELINE, "JPEG Baseline (Process 1)", Codec::Jpeg, true),
    encapsulated(JPEG_EXTENDED, "JPEG Extended (Process 2 and 4)", Codec::Jpeg, true),
    encapsulated(JPEG_LOSSLESS, "JPEG Lossless, Non-Hierarchical (Process 14)", Codec::Jpeg, false),
    encapsulated(JPEG_LOSSLESS_SV1, "JPEG Lossless, Non-Hierarchical, First-Order Prediction", Codec::Jpeg, false),
    encapsulated("1.2.840.10008.1.2.4.80", "JPEG-LS Lossless", Codec::JpegLs, false),
    encapsulated("1.2.840.10008.1.2.4.81", "JPEG-LS Lossy (Near-Lossless)", Codec::JpegLs, true),
    encapsulated(JPEG_2000_LOSSLESS, "JPEG 2000 (Lossless Only)", Codec::Jpeg2000, false),
    encapsulated(JPEG_2000, "JPEG 2000", Codec::Jpeg2000, true),
    encapsulated("1.2.840.10008.1.2.4.92", "JPEG 2000 Part 2 Multi-component (Lossless Only)", Codec::Jpeg2000, false),
    encapsulated("1.2.840.10008.1.2.4.93", "JPEG 2000 Part 2 Multi-component", Codec::Jpeg2000, true),
    encapsulated("1.2.840.10008.1.2.4.94", "JPIP Referenced", Codec::Referenced, true),
    TransferSyntax { uid: "1.2.840.10008.1.2.4.95", name: "JPIP Referenced Deflate", encoding: Encoding::EXPLICIT_LE, deflated: true, codec: Codec::Referenced, lossy: true },
    encapsulated("1.2.840.10008.1.2.4.100", "MPEG2 Main Profile / Main Level", Codec::Video, true),
    encapsulated("1.2.840.10008.1.2.4.100.1", "Fragmentable MPEG2 Main Profile / Main Level", Codec::Video, true),
    encapsulated("1.2.840.10008.1.2.4.101", "MPEG2 Main Profile / High Level", Codec::Video, true),
    encapsulated("1.2.840.10008.1.2.4.101.1", "Fragmentable MPEG2 Main Profile / High Level", Codec::Video, true),
    encapsulated("1.2.840.10008.1.2.4.102", "MPEG-4 AVC/H.264 High Profile / Level 4.1", Codec::Video, true),
    encapsulated("1.2.840.10008.1.2.4.102.1", "Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.1", Codec::Video, true),
    encapsulated("1.2.840.10008.1.2.4.103", "MPEG-4 AVC/H.264 BD-compatible High Profile / Level 4.1", Codec::Video, true),
    encapsulated("1.2.840.10008.1.2.4.103.1", "Fragmentable MPEG-4 AVC/H.264 BD-compatible High Profile / Level 4.1", Codec::Video, true),
    encapsulated("1.2.840.10008.1.2.4.104", "MPEG-4 AVC/H.264 High Profile / Level 4.2 For 2D Video", Codec::Video, true),
    encapsulated("1.2.840.10008.1.2.4.104.1", "Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.2 For 2D Video", Codec::Video, true),
    encapsulated("1.2.840.10008.1.2.4.105", "MPEG-4 AVC/H.264 High Profile / Level 4.2 For 3D Video", Codec::Video, true),
    encapsulated("1.2.840.10008.1.2.4.105.1", "Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.2 For 3D Video", Codec::Video, true),
    encapsulated("1.2.840.10008.1.2.4.106", "MPEG-4 AVC/H.264 Stereo High Profile / Level 4.2", Codec::Video, true),
    encapsulated("1.2.840.10008.1.2.4.106.1", "Fragmentable MPEG-4 AVC/H.264 Stereo High Profile / Level 4.2", Codec::Video, true),
    encapsulated("1.2.840.10008.1.2.4.107", "HEVC/H.265 Main Profile / Level 5.1", Codec::Video, true),
    encapsulated("1.2.840.10008.1.2.4.108", "HEVC/H.265 Main 10 Profile / Level 5.1", Codec::Video, true),
    encapsulated("1.2.840.10008.1.2.4.110", "JPEG XL Lossless", Codec::JpegXl, false),
    encapsulated("1.2.840.10008.1.2.4.111", "JPEG XL JPEG Recompression", Codec::JpegXl, true),
    encapsulated("1.2.840.10008.1.2.4.112", "JPEG XL", Codec::JpegXl, true),
    encapsulated("1.2.840.10008.1.2.4.201", "High-Throughput JPEG 2000 (Lossless Only)", Codec::Jpeg2000, false),
    encapsulated("1.2.840.10008.1.2.4.202", "High-Throughput JPEG 2000 with RPCL Options (Lossless Only)", Codec::Jpeg2000, false),
    encapsulated("1.2.840.10008.1.2.4.203", "High-Throughput JPEG 2000", Codec::Jpeg2000, true),
    encapsulated("1.2.840.10008.1.2.4.204", "JPIP HTJ2K Referenced", Codec::Referenced, true),
    TransferSyntax { uid: "1.2.840.10008.1.2.4.205", name: "JPIP HTJ2K Referenced Deflate", encoding: Encoding::EXPLICIT_LE, deflated: true, codec: Codec::Referenced, lossy: true },
];
