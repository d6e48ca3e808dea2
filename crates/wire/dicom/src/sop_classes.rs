//! The storage SOP classes: UID, keyword, payload and the value type that names them in a content tree.
//! Derived from PS3.6 Table A-1 and the rule of PS3.3 (name ends "Image Storage" or "Waveform Storage").

/// What an instance of a storage class carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Payload {
    /// Pixel data, one or many frames.
    Pixel,
    /// A video stream in encapsulated pixel data.
    Video,
    /// A structured report (key object selections included).
    StructuredReport,
    /// A waveform.
    Waveform,
    /// An encapsulated PDF.
    Pdf,
    /// An encapsulated CDA document.
    Cda,
    /// An encapsulated 3D model.
    Model3d,
    /// A presentation state.
    PresentationState,
    /// A radiotherapy object without pixels.
    Radiotherapy,
    /// Raw data.
    Raw,
    /// Anything else (registrations, fiducials, measurements).
    Other,
}

/// The value type that refers to an instance in a key object selection. Source: PS3.3 C.17.6.2 by class name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReferenceType {
    /// `IMAGE`.
    Image,
    /// `WAVEFORM`.
    Waveform,
    /// `COMPOSITE`.
    Composite,
}

impl ReferenceType {
    /// The defined term of (0040,A040).
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Image => "IMAGE",
            Self::Waveform => "WAVEFORM",
            Self::Composite => "COMPOSITE",
        }
    }
}

/// One storage SOP class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StorageClass {
    /// The UID.
    pub uid: &'static str,
    /// The keyword of PS3.6, e.g. `CTImageStorage`.
    pub keyword: &'static str,
    /// What it carries.
    pub payload: Payload,
    /// How a key object selection refers to it.
    pub reference: ReferenceType,
    /// True if instances may have more than one frame; also true where the table does not know.
    pub multi_frame: bool,
    /// True if the standard has retired it; such objects are still received and served.
    pub retired: bool,
}

/// Verification (C-ECHO).
pub const VERIFICATION: &str = "1.2.840.10008.1.1";
/// Key Object Selection Document Storage.
pub const KEY_OBJECT_SELECTION: &str = "1.2.840.10008.5.1.4.1.1.88.59";
/// Study Root Query/Retrieve Information Model - FIND.
pub const STUDY_ROOT_FIND: &str = "1.2.840.10008.5.1.4.1.2.2.1";
/// Study Root Query/Retrieve Information Model - MOVE.
pub const STUDY_ROOT_MOVE: &str = "1.2.840.10008.5.1.4.1.2.2.2";
/// Study Root Query/Retrieve Information Model - GET.
pub const STUDY_ROOT_GET: &str = "1.2.840.10008.5.1.4.1.2.2.3";
/// Storage Commitment Push Model.
pub const STORAGE_COMMITMENT: &str = "1.2.840.10008.1.20.1";
/// Modality Performed Procedure Step.
pub const MPPS: &str = "1.2.840.10008.3.1.2.3.3";
/// Instance Availability Notification.
pub const INSTANCE_AVAILABILITY: &str = "1.2.840.10008.5.1.4.33";
/// The DICOM application context.
pub const APPLICATION_CONTEXT: &str = "1.2.840.10008.3.1.1.1";

/// Finds a storage class by its UID.
pub fn storage_class(uid: &str) -> Option<&'static StorageClass> {
    STORAGE_CLASSES.binary_search_by(|class| class.uid.cmp(uid)).ok().map(|at| &STORAGE_CLASSES[at])
}

/// How a key object selection refers to an instance of the class; `Composite` when in doubt, which every reader takes.
pub fn reference_type(uid: &str) -> ReferenceType {
    storage_class(uid).map_or(ReferenceType::Composite, |class| class.reference)
}

const fn class(
    uid: &'static str,
    keyword: &'static str,
    payload: Payload,
    reference: ReferenceType,
    multi_frame: bool,
    retired: bool,
) -> StorageClass {
    StorageClass { uid, keyword, payload, reference, multi_frame, retired }
}

/// Every storage SOP class, in order of UID text.
#[rustfmt::skip]
pub static STORAGE_CLASSES: &[StorageClass] = &[
    class("1.2.840.10008.5.1.4.1.1.1", "ComputedRadiographyImageStorage", Payload::Pixel, ReferenceType::Image, false, false),
    class("1.2.840.10008.5.1.4.1.1.1.1", "DigitalXRayImageStorageForPresentation", Payload::Pixel, ReferenceType::Image, false, false),
    class("1.2.840.10008.5.1.4.1.1.1.1.1", "DigitalXRayImageStorageForProcessing", Payload::Pixel, ReferenceType::Image, false, false),
    class("1.2.840.10008.5.1.4.1.1.1.2", "DigitalMammographyXRayImageStorageForPresentation", Payload::Pixel, ReferenceType::Image, false, false),
    class("1.2.840.10008.5.1.4.1.1.1.2.1", "DigitalMammographyXRayImageStorageForProcessing", Payload::Pixel, ReferenceType::Image, false, false),
    class("1.2.840.10008.5.1.4.1.1.1.3", "DigitalIntraOralXRayImageStorageForPresentation", Payload::Pixel, ReferenceType::Image, false, false),
    class("1.2.840.10008.5.1.4.1.1.1.3.1", "DigitalIntraOralXRayImageStorageForProcessing", Payload::Pixel, ReferenceType::Image, false, false),
    class("1.2.840.10008.5.1.4.1.1.10", "StandaloneModalityLUTStorage", Payload::Other, ReferenceType::Composite, true, true),
    class("1.2.840.10008.5.1.4.1.1.104.1", "EncapsulatedPDFStorage", Payload::Pdf, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.104.2", "EncapsulatedCDAStorage", Payload::Cda, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.104.3", "EncapsulatedSTLStorage", Payload::Model3d, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.104.4", "EncapsulatedOBJStorage", Payload::Model3d, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.104.5", "EncapsulatedMTLStorage", Payload::Model3d, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.11", "StandaloneVOILUTStorage", Payload::Other, ReferenceType::Composite, true, true),
    class("1.2.840.10008.5.1.4.1.1.11.1", "GrayscaleSoftcopyPresentationStateStorage", Payload::PresentationState, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.11.10", "SegmentedVolumeRenderingVolumetricPresentationStateStorage", Payload::PresentationState, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.11.11", "MultipleVolumeRenderingVolumetricPresentationStateStorage", Payload::PresentationState, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.11.12", "VariableModalityLUTSoftcopyPresentationStateStorage", Payload::PresentationState, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.11.2", "ColorSoftcopyPresentationStateStorage", Payload::PresentationState, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.11.3", "PseudoColorSoftcopyPresentationStateStorage", Payload::PresentationState, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.11.4", "BlendingSoftcopyPresentationStateStorage", Payload::PresentationState, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.11.5", "XAXRFGrayscaleSoftcopyPresentationStateStorage", Payload::PresentationState, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.11.6", "GrayscalePlanarMPRVolumetricPresentationStateStorage", Payload::PresentationState, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.11.7", "CompositingPlanarMPRVolumetricPresentationStateStorage", Payload::PresentationState, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.11.8", "AdvancedBlendingPresentationStateStorage", Payload::PresentationState, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.11.9", "VolumeRenderingVolumetricPresentationStateStorage", Payload::PresentationState, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.12.1", "XRayAngiographicImageStorage", Payload::Pixel, ReferenceType::Image, true, false),
    class("1.2.840.10008.5.1.4.1.1.12.1.1", "EnhancedXAImageStorage", Payload::Pixel, ReferenceType::Image, true, false),
    class("1.2.840.10008.5.1.4.1.1.12.2", "XRayRadiofluoroscopicImageStorage", Payload::Pixel, ReferenceType::Image, true, false),
    class("1.2.840.10008.5.1.4.1.1.12.2.1", "EnhancedXRFImageStorage", Payload::Pixel, ReferenceType::Image, true, false),
    class("1.2.840.10008.5.1.4.1.1.12.3", "XRayAngiographicBiPlaneImageStorage", Payload::Pixel, ReferenceType::Image, true, true),
    class("1.2.840.10008.5.1.4.1.1.128", "PositronEmissionTomographyImageStorage", Payload::Pixel, ReferenceType::Image, false, false),
    class("1.2.840.10008.5.1.4.1.1.128.1", "LegacyConvertedEnhancedPETImageStorage", Payload::Pixel, ReferenceType::Image, true, false),
    class("1.2.840.10008.5.1.4.1.1.129", "StandalonePETCurveStorage", Payload::Other, ReferenceType::Composite, true, true),
    class("1.2.840.10008.5.1.4.1.1.13.1.1", "XRay3DAngiographicImageStorage", Payload::Pixel, ReferenceType::Image, true, false),
    class("1.2.840.10008.5.1.4.1.1.13.1.2", "XRay3DCraniofacialImageStorage", Payload::Pixel, ReferenceType::Image, true, false),
    class("1.2.840.10008.5.1.4.1.1.13.1.3", "BreastTomosynthesisImageStorage", Payload::Pixel, ReferenceType::Image, true, false),
    class("1.2.840.10008.5.1.4.1.1.13.1.4", "BreastProjectionXRayImageStorageForPresentation", Payload::Pixel, ReferenceType::Image, true, false),
    class("1.2.840.10008.5.1.4.1.1.13.1.5", "BreastProjectionXRayImageStorageForProcessing", Payload::Pixel, ReferenceType::Image, true, false),
    class("1.2.840.10008.5.1.4.1.1.130", "EnhancedPETImageStorage", Payload::Pixel, ReferenceType::Image, true, false),
    class("1.2.840.10008.5.1.4.1.1.131", "BasicStructuredDisplayStorage", Payload::Other, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.14.1", "IntravascularOpticalCoherenceTomographyImageStorageForPresentation", Payload::Pixel, ReferenceType::Image, true, false),
    class("1.2.840.10008.5.1.4.1.1.14.2", "IntravascularOpticalCoherenceTomographyImageStorageForProcessing", Payload::Pixel, ReferenceType::Image, true, false),
    class("1.2.840.10008.5.1.4.1.1.2", "CTImageStorage", Payload::Pixel, ReferenceType::Image, false, false),
    class("1.2.840.10008.5.1.4.1.1.2.1", "EnhancedCTImageStorage", Payload::Pixel, ReferenceType::Image, true, false),
    class("1.2.840.10008.5.1.4.1.1.2.2", "LegacyConvertedEnhancedCTImageStorage", Payload::Pixel, ReferenceType::Image, true, false),
    class("1.2.840.10008.5.1.4.1.1.20", "NuclearMedicineImageStorage", Payload::Pixel, ReferenceType::Image, true, false),
    class("1.2.840.10008.5.1.4.1.1.200.1", "CTDefinedProcedureProtocolStorage", Payload::Other, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.200.2", "CTPerformedProcedureProtocolStorage", Payload::Other, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.200.3", "ProtocolApprovalStorage", Payload::Other, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.200.7", "XADefinedProcedureProtocolStorage", Payload::Other, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.200.8", "XAPerformedProcedureProtocolStorage", Payload::Other, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.201.1", "InventoryStorage", Payload::Other, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.3", "UltrasoundMultiFrameImageStorageRetired", Payload::Pixel, ReferenceType::Image, true, true),
    class("1.2.840.10008.5.1.4.1.1.3.1", "UltrasoundMultiFrameImageStorage", Payload::Pixel, ReferenceType::Image, true, false),
    class("1.2.840.10008.5.1.4.1.1.30", "ParametricMapStorage", Payload::Pixel, ReferenceType::Composite, true, false),
    class("1.2.840.10008.5.1.4.1.1.4", "MRImageStorage", Payload::Pixel, ReferenceType::Image, false, false),
    class("1.2.840.10008.5.1.4.1.1.4.1", "EnhancedMRImageStorage", Payload::Pixel, ReferenceType::Image, true, false),
    class("1.2.840.10008.5.1.4.1.1.4.2", "MRSpectroscopyStorage", Payload::Other, ReferenceType::Composite, true, false),
    class("1.2.840.10008.5.1.4.1.1.4.3", "EnhancedMRColorImageStorage", Payload::Pixel, ReferenceType::Image, true, false),
    class("1.2.840.10008.5.1.4.1.1.4.4", "LegacyConvertedEnhancedMRImageStorage", Payload::Pixel, ReferenceType::Image, true, false),
    class("1.2.840.10008.5.1.4.1.1.481.1", "RTImageStorage", Payload::Pixel, ReferenceType::Image, true, false),
    class("1.2.840.10008.5.1.4.1.1.481.10", "RTPhysicianIntentStorage", Payload::Radiotherapy, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.481.11", "RTSegmentAnnotationStorage", Payload::Radiotherapy, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.481.12", "RTRadiationSetStorage", Payload::Radiotherapy, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.481.13", "CArmPhotonElectronRadiationStorage", Payload::Radiotherapy, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.481.14", "TomotherapeuticRadiationStorage", Payload::Radiotherapy, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.481.15", "RoboticArmRadiationStorage", Payload::Radiotherapy, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.481.16", "RTRadiationRecordSetStorage", Payload::Radiotherapy, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.481.17", "RTRadiationSalvageRecordStorage", Payload::Radiotherapy, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.481.18", "TomotherapeuticRadiationRecordStorage", Payload::Radiotherapy, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.481.19", "CArmPhotonElectronRadiationRecordStorage", Payload::Radiotherapy, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.481.2", "RTDoseStorage", Payload::Pixel, ReferenceType::Composite, true, false),
    class("1.2.840.10008.5.1.4.1.1.481.20", "RoboticRadiationRecordStorage", Payload::Radiotherapy, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.481.21", "RTRadiationSetDeliveryInstructionStorage", Payload::Radiotherapy, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.481.22", "RTTreatmentPreparationStorage", Payload::Radiotherapy, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.481.23", "EnhancedRTImageStorage", Payload::Pixel, ReferenceType::Image, true, false),
    class("1.2.840.10008.5.1.4.1.1.481.24", "EnhancedContinuousRTImageStorage", Payload::Pixel, ReferenceType::Image, true, false),
    class("1.2.840.10008.5.1.4.1.1.481.25", "RTPatientPositionAcquisitionInstructionStorage", Payload::Radiotherapy, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.481.3", "RTStructureSetStorage", Payload::Radiotherapy, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.481.4", "RTBeamsTreatmentRecordStorage", Payload::Radiotherapy, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.481.5", "RTPlanStorage", Payload::Radiotherapy, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.481.6", "RTBrachyTreatmentRecordStorage", Payload::Radiotherapy, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.481.7", "RTTreatmentSummaryRecordStorage", Payload::Radiotherapy, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.481.8", "RTIonPlanStorage", Payload::Radiotherapy, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.481.9", "RTIonBeamsTreatmentRecordStorage", Payload::Radiotherapy, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.5", "NuclearMedicineImageStorageRetired", Payload::Pixel, ReferenceType::Image, true, true),
    class("1.2.840.10008.5.1.4.1.1.501.1", "DICOSCTImageStorage", Payload::Pixel, ReferenceType::Image, true, false),
    class("1.2.840.10008.5.1.4.1.1.501.2.1", "DICOSDigitalXRayImageStorageForPresentation", Payload::Pixel, ReferenceType::Image, true, false),
    class("1.2.840.10008.5.1.4.1.1.501.2.2", "DICOSDigitalXRayImageStorageForProcessing", Payload::Pixel, ReferenceType::Image, true, false),
    class("1.2.840.10008.5.1.4.1.1.501.3", "DICOSThreatDetectionReportStorage", Payload::Other, ReferenceType::Composite, true, false),
    class("1.2.840.10008.5.1.4.1.1.501.4", "DICOS2DAITStorage", Payload::Other, ReferenceType::Composite, true, false),
    class("1.2.840.10008.5.1.4.1.1.501.5", "DICOS3DAITStorage", Payload::Other, ReferenceType::Composite, true, false),
    class("1.2.840.10008.5.1.4.1.1.501.6", "DICOSQuadrupoleResonanceStorage", Payload::Other, ReferenceType::Composite, true, false),
    class("1.2.840.10008.5.1.4.1.1.6", "UltrasoundImageStorageRetired", Payload::Pixel, ReferenceType::Image, true, true),
    class("1.2.840.10008.5.1.4.1.1.6.1", "UltrasoundImageStorage", Payload::Pixel, ReferenceType::Image, false, false),
    class("1.2.840.10008.5.1.4.1.1.6.2", "EnhancedUSVolumeStorage", Payload::Pixel, ReferenceType::Composite, true, false),
    class("1.2.840.10008.5.1.4.1.1.6.3", "PhotoacousticImageStorage", Payload::Pixel, ReferenceType::Image, true, false),
    class("1.2.840.10008.5.1.4.1.1.601.1", "EddyCurrentImageStorage", Payload::Pixel, ReferenceType::Image, true, false),
    class("1.2.840.10008.5.1.4.1.1.601.2", "EddyCurrentMultiFrameImageStorage", Payload::Pixel, ReferenceType::Image, true, false),
    class("1.2.840.10008.5.1.4.1.1.66", "RawDataStorage", Payload::Raw, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.66.1", "SpatialRegistrationStorage", Payload::Other, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.66.2", "SpatialFiducialsStorage", Payload::Other, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.66.3", "DeformableSpatialRegistrationStorage", Payload::Other, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.66.4", "SegmentationStorage", Payload::Pixel, ReferenceType::Composite, true, false),
    class("1.2.840.10008.5.1.4.1.1.66.5", "SurfaceSegmentationStorage", Payload::Other, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.66.6", "TractographyResultsStorage", Payload::Other, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.67", "RealWorldValueMappingStorage", Payload::Other, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.68.1", "SurfaceScanMeshStorage", Payload::Other, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.68.2", "SurfaceScanPointCloudStorage", Payload::Other, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.7", "SecondaryCaptureImageStorage", Payload::Pixel, ReferenceType::Image, false, false),
    class("1.2.840.10008.5.1.4.1.1.7.1", "MultiFrameSingleBitSecondaryCaptureImageStorage", Payload::Pixel, ReferenceType::Image, true, false),
    class("1.2.840.10008.5.1.4.1.1.7.2", "MultiFrameGrayscaleByteSecondaryCaptureImageStorage", Payload::Pixel, ReferenceType::Image, true, false),
    class("1.2.840.10008.5.1.4.1.1.7.3", "MultiFrameGrayscaleWordSecondaryCaptureImageStorage", Payload::Pixel, ReferenceType::Image, true, false),
    class("1.2.840.10008.5.1.4.1.1.7.4", "MultiFrameTrueColorSecondaryCaptureImageStorage", Payload::Pixel, ReferenceType::Image, true, false),
    class("1.2.840.10008.5.1.4.1.1.77.1", "VLImageStorageTrial", Payload::Pixel, ReferenceType::Image, true, true),
    class("1.2.840.10008.5.1.4.1.1.77.1.1", "VLEndoscopicImageStorage", Payload::Pixel, ReferenceType::Image, false, false),
    class("1.2.840.10008.5.1.4.1.1.77.1.1.1", "VideoEndoscopicImageStorage", Payload::Video, ReferenceType::Image, true, false),
    class("1.2.840.10008.5.1.4.1.1.77.1.2", "VLMicroscopicImageStorage", Payload::Pixel, ReferenceType::Image, false, false),
    class("1.2.840.10008.5.1.4.1.1.77.1.2.1", "VideoMicroscopicImageStorage", Payload::Video, ReferenceType::Image, true, false),
    class("1.2.840.10008.5.1.4.1.1.77.1.3", "VLSlideCoordinatesMicroscopicImageStorage", Payload::Pixel, ReferenceType::Image, false, false),
    class("1.2.840.10008.5.1.4.1.1.77.1.4", "VLPhotographicImageStorage", Payload::Pixel, ReferenceType::Image, false, false),
    class("1.2.840.10008.5.1.4.1.1.77.1.4.1", "VideoPhotographicImageStorage", Payload::Video, ReferenceType::Image, true, false),
    class("1.2.840.10008.5.1.4.1.1.77.1.5.1", "OphthalmicPhotography8BitImageStorage", Payload::Pixel, ReferenceType::Image, true, false),
    class("1.2.840.10008.5.1.4.1.1.77.1.5.2", "OphthalmicPhotography16BitImageStorage", Payload::Pixel, ReferenceType::Image, true, false),
    class("1.2.840.10008.5.1.4.1.1.77.1.5.3", "StereometricRelationshipStorage", Payload::Other, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.77.1.5.4", "OphthalmicTomographyImageStorage", Payload::Pixel, ReferenceType::Image, true, false),
    class("1.2.840.10008.5.1.4.1.1.77.1.5.5", "WideFieldOphthalmicPhotographyStereographicProjectionImageStorage", Payload::Pixel, ReferenceType::Image, true, false),
    class("1.2.840.10008.5.1.4.1.1.77.1.5.6", "WideFieldOphthalmicPhotography3DCoordinatesImageStorage", Payload::Pixel, ReferenceType::Image, true, false),
    class("1.2.840.10008.5.1.4.1.1.77.1.5.7", "OphthalmicOpticalCoherenceTomographyEnFaceImageStorage", Payload::Pixel, ReferenceType::Image, false, false),
    class("1.2.840.10008.5.1.4.1.1.77.1.5.8", "OphthalmicOpticalCoherenceTomographyBscanVolumeAnalysisStorage", Payload::Pixel, ReferenceType::Composite, true, false),
    class("1.2.840.10008.5.1.4.1.1.77.1.6", "VLWholeSlideMicroscopyImageStorage", Payload::Pixel, ReferenceType::Image, true, false),
    class("1.2.840.10008.5.1.4.1.1.77.1.7", "DermoscopicPhotographyImageStorage", Payload::Pixel, ReferenceType::Image, false, false),
    class("1.2.840.10008.5.1.4.1.1.77.1.8", "ConfocalMicroscopyImageStorage", Payload::Pixel, ReferenceType::Image, true, false),
    class("1.2.840.10008.5.1.4.1.1.77.1.9", "ConfocalMicroscopyTiledPyramidalImageStorage", Payload::Pixel, ReferenceType::Image, true, false),
    class("1.2.840.10008.5.1.4.1.1.77.2", "VLMultiFrameImageStorageTrial", Payload::Pixel, ReferenceType::Image, true, true),
    class("1.2.840.10008.5.1.4.1.1.78.1", "LensometryMeasurementsStorage", Payload::Other, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.78.2", "AutorefractionMeasurementsStorage", Payload::Other, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.78.3", "KeratometryMeasurementsStorage", Payload::Other, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.78.4", "SubjectiveRefractionMeasurementsStorage", Payload::Other, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.78.5", "VisualAcuityMeasurementsStorage", Payload::Other, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.78.6", "SpectaclePrescriptionReportStorage", Payload::StructuredReport, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.78.7", "OphthalmicAxialMeasurementsStorage", Payload::Other, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.78.8", "IntraocularLensCalculationsStorage", Payload::Other, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.79.1", "MacularGridThicknessAndVolumeReportStorage", Payload::StructuredReport, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.8", "StandaloneOverlayStorage", Payload::Other, ReferenceType::Composite, true, true),
    class("1.2.840.10008.5.1.4.1.1.80.1", "OphthalmicVisualFieldStaticPerimetryMeasurementsStorage", Payload::Other, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.81.1", "OphthalmicThicknessMapStorage", Payload::Pixel, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.82.1", "CornealTopographyMapStorage", Payload::Pixel, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.88.1", "TextSRStorageTrial", Payload::StructuredReport, ReferenceType::Composite, true, true),
    class("1.2.840.10008.5.1.4.1.1.88.11", "BasicTextSRStorage", Payload::StructuredReport, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.88.2", "AudioSRStorageTrial", Payload::StructuredReport, ReferenceType::Composite, true, true),
    class("1.2.840.10008.5.1.4.1.1.88.22", "EnhancedSRStorage", Payload::StructuredReport, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.88.3", "DetailSRStorageTrial", Payload::StructuredReport, ReferenceType::Composite, true, true),
    class("1.2.840.10008.5.1.4.1.1.88.33", "ComprehensiveSRStorage", Payload::StructuredReport, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.88.34", "Comprehensive3DSRStorage", Payload::StructuredReport, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.88.35", "ExtensibleSRStorage", Payload::StructuredReport, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.88.4", "ComprehensiveSRStorageTrial", Payload::StructuredReport, ReferenceType::Composite, true, true),
    class("1.2.840.10008.5.1.4.1.1.88.40", "ProcedureLogStorage", Payload::StructuredReport, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.88.50", "MammographyCADSRStorage", Payload::StructuredReport, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.88.59", "KeyObjectSelectionDocumentStorage", Payload::StructuredReport, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.88.65", "ChestCADSRStorage", Payload::StructuredReport, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.88.67", "XRayRadiationDoseSRStorage", Payload::StructuredReport, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.88.68", "RadiopharmaceuticalRadiationDoseSRStorage", Payload::StructuredReport, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.88.69", "ColonCADSRStorage", Payload::StructuredReport, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.88.70", "ImplantationPlanSRStorage", Payload::StructuredReport, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.88.71", "AcquisitionContextSRStorage", Payload::StructuredReport, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.88.72", "SimplifiedAdultEchoSRStorage", Payload::StructuredReport, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.88.73", "PatientRadiationDoseSRStorage", Payload::StructuredReport, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.88.74", "PlannedImagingAgentAdministrationSRStorage", Payload::StructuredReport, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.88.75", "PerformedImagingAgentAdministrationSRStorage", Payload::StructuredReport, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.88.76", "EnhancedXRayRadiationDoseSRStorage", Payload::StructuredReport, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.88.77", "WaveformAnnotationSRStorage", Payload::StructuredReport, ReferenceType::Composite, true, false),
    class("1.2.840.10008.5.1.4.1.1.9", "StandaloneCurveStorage", Payload::Other, ReferenceType::Composite, true, true),
    class("1.2.840.10008.5.1.4.1.1.9.1", "WaveformStorageTrial", Payload::Waveform, ReferenceType::Waveform, true, true),
    class("1.2.840.10008.5.1.4.1.1.9.1.1", "TwelveLeadECGWaveformStorage", Payload::Waveform, ReferenceType::Waveform, false, false),
    class("1.2.840.10008.5.1.4.1.1.9.1.2", "GeneralECGWaveformStorage", Payload::Waveform, ReferenceType::Waveform, false, false),
    class("1.2.840.10008.5.1.4.1.1.9.1.3", "AmbulatoryECGWaveformStorage", Payload::Waveform, ReferenceType::Waveform, false, false),
    class("1.2.840.10008.5.1.4.1.1.9.1.4", "General32bitECGWaveformStorage", Payload::Waveform, ReferenceType::Waveform, false, false),
    class("1.2.840.10008.5.1.4.1.1.9.2.1", "HemodynamicWaveformStorage", Payload::Waveform, ReferenceType::Waveform, false, false),
    class("1.2.840.10008.5.1.4.1.1.9.3.1", "CardiacElectrophysiologyWaveformStorage", Payload::Waveform, ReferenceType::Waveform, false, false),
    class("1.2.840.10008.5.1.4.1.1.9.4.1", "BasicVoiceAudioWaveformStorage", Payload::Waveform, ReferenceType::Waveform, false, false),
    class("1.2.840.10008.5.1.4.1.1.9.4.2", "GeneralAudioWaveformStorage", Payload::Waveform, ReferenceType::Waveform, false, false),
    class("1.2.840.10008.5.1.4.1.1.9.5.1", "ArterialPulseWaveformStorage", Payload::Waveform, ReferenceType::Waveform, false, false),
    class("1.2.840.10008.5.1.4.1.1.9.6.1", "RespiratoryWaveformStorage", Payload::Waveform, ReferenceType::Waveform, false, false),
    class("1.2.840.10008.5.1.4.1.1.9.6.2", "MultichannelRespiratoryWaveformStorage", Payload::Waveform, ReferenceType::Waveform, false, false),
    class("1.2.840.10008.5.1.4.1.1.9.7.1", "RoutineScalpElectroencephalogramWaveformStorage", Payload::Waveform, ReferenceType::Waveform, false, false),
    class("1.2.840.10008.5.1.4.1.1.9.7.2", "ElectromyogramWaveformStorage", Payload::Waveform, ReferenceType::Waveform, false, false),
    class("1.2.840.10008.5.1.4.1.1.9.7.3", "ElectrooculogramWaveformStorage", Payload::Waveform, ReferenceType::Waveform, false, false),
    class("1.2.840.10008.5.1.4.1.1.9.7.4", "SleepElectroencephalogramWaveformStorage", Payload::Waveform, ReferenceType::Waveform, false, false),
    class("1.2.840.10008.5.1.4.1.1.9.8.1", "BodyPositionWaveformStorage", Payload::Waveform, ReferenceType::Waveform, false, false),
    class("1.2.840.10008.5.1.4.1.1.90.1", "ContentAssessmentResultsStorage", Payload::Other, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.1.1.91.1", "MicroscopyBulkSimpleAnnotationsStorage", Payload::Other, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.34.7", "RTBeamsDeliveryInstructionStorage", Payload::Radiotherapy, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.38.1", "HangingProtocolStorage", Payload::Other, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.39.1", "ColorPaletteStorage", Payload::Other, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.43.1", "GenericImplantTemplateStorage", Payload::Other, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.44.1", "ImplantAssemblyTemplateStorage", Payload::Other, ReferenceType::Composite, false, false),
    class("1.2.840.10008.5.1.4.45.1", "ImplantTemplateGroupStorage", Payload::Other, ReferenceType::Composite, false, false),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order_so_that_every_class_is_found() {
        assert!(STORAGE_CLASSES.windows(2).all(|pair| pair[0].uid < pair[1].uid));
        assert_eq!(storage_class("1.2.840.10008.5.1.4.1.1.2").map(|class| class.keyword), Some("CTImageStorage"));
        assert_eq!(reference_type("1.2.840.10008.5.1.4.1.1.88.22"), ReferenceType::Composite);
        assert_eq!(reference_type("1.2.840.10008.5.1.4.1.1.9.1.1"), ReferenceType::Waveform);
        assert_eq!(reference_type("2.25.1"), ReferenceType::Composite);
    }
}
