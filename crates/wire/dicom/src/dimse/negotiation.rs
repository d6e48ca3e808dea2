//! What an association may carry: which contexts are proposed and which are accepted. PS3.8 section 7.1.1, PS3.7 Annex D.

use dicom_ul::pdu::{
    AssociationAC, AssociationRJ, AssociationRJResult, AssociationRJServiceProviderASCEReason as AcseReason,
    AssociationRJServiceProviderPresentationReason as PresentationReason, AssociationRJServiceUserReason as UserReason,
    AssociationRJSource, AssociationRQ, PresentationContextProposed, PresentationContextResult,
    PresentationContextResultReason, RequestorRoles, UserVariableItem,
};

use crate::part10::{IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME};
use crate::sop_classes::{APPLICATION_CONTEXT, STUDY_ROOT_FIND, STUDY_ROOT_GET, VERIFICATION, storage_class};
use crate::transfer_syntaxes::{Codec, EXPLICIT_LE, IMPLICIT_LE, transfer_syntax};
use crate::uid;

/// The services an acceptor offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Services {
    /// Verification (C-ECHO).
    pub verification: bool,
    /// Every storage class of the table.
    pub storage: bool,
    /// Further abstract syntaxes, e.g. Study Root FIND.
    pub others: Vec<String>,
}

/// How to accept associations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptorConfig {
    /// Called AE titles that are ours; empty accepts any.
    pub ae_titles: Vec<String>,
    /// What we offer.
    pub services: Services,
    /// The longest P-DATA-TF PDU we ask for, in octets.
    pub max_pdu: u32,
    /// Time without a byte before an established association is aborted, in milliseconds.
    pub idle_timeout_ms: u64,
    /// Time for association set-up and release (ARTIM), in milliseconds.
    pub artim_timeout_ms: u64,
}

impl Default for AcceptorConfig {
    fn default() -> Self {
        Self {
            ae_titles: Vec::new(),
            services: Services { verification: true, storage: true, others: Vec::new() },
            max_pdu: 131_072,
            idle_timeout_ms: 60_000,
            artim_timeout_ms: 30_000,
        }
    }
}

/// How to request an association.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestorConfig {
    /// Our AE title.
    pub calling_ae_title: String,
    /// Their AE title.
    pub called_ae_title: String,
    /// What we want; at most 128 (their ids are the odd numbers up to 255).
    pub contexts: Vec<ProposedContext>,
    /// The longest P-DATA-TF PDU we ask for, in octets.
    pub max_pdu: u32,
    /// Time without a byte before the association is aborted, in milliseconds.
    pub idle_timeout_ms: u64,
    /// Time for association set-up and release, in milliseconds.
    pub artim_timeout_ms: u64,
    /// What is asked for beyond the basic services; none is the usual.
    pub extended: Vec<ExtendedNegotiation>,
}

/// A SOP Class Extended Negotiation sub-item: the class and its octets, whose meaning is the class's.
/// Source: PS3.7 D.3.3.5, PS3.4 C.5.1.1, C.5.2.1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtendedNegotiation {
    /// The SOP class.
    pub sop_class: String,
    /// 1 at its place where an option is asked for or agreed to.
    pub options: Vec<u8>,
}

impl ExtendedNegotiation {
    /// C-FIND in the study root: relational queries, combined date and time ranges.
    pub fn find(relational: bool, combined_date_time: bool) -> Self {
        let options = vec![u8::from(relational), u8::from(combined_date_time), 0];
        Self { sop_class: STUDY_ROOT_FIND.to_owned(), options }
    }
}

impl RequestorConfig {
    /// A requestor with the usual times and sizes.
    pub fn new(calling_ae_title: &str, called_ae_title: &str, contexts: Vec<ProposedContext>) -> Self {
        Self {
            calling_ae_title: calling_ae_title.to_owned(),
            called_ae_title: called_ae_title.to_owned(),
            contexts,
            max_pdu: 131_072,
            idle_timeout_ms: 60_000,
            artim_timeout_ms: 30_000,
            extended: Vec::new(),
        }
    }
}

/// One presentation context to propose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProposedContext {
    /// The SOP class.
    pub abstract_syntax: String,
    /// Transfer syntaxes in order of preference.
    pub transfer_syntaxes: Vec<String>,
    /// True to take the SCP role too (C-GET).
    pub as_provider: bool,
}

impl ProposedContext {
    /// Verification.
    pub fn verification() -> Self {
        Self {
            abstract_syntax: VERIFICATION.to_owned(),
            transfer_syntaxes: vec![EXPLICIT_LE.to_owned(), IMPLICIT_LE.to_owned()],
            as_provider: false,
        }
    }

    /// Another service of little endian messages: C-FIND, C-MOVE, MPPS, storage commitment and the like.
    pub fn service(sop_class: &str) -> Self {
        Self { abstract_syntax: sop_class.to_owned(), ..Self::verification() }
    }

    /// The same in the role of the provider: who reports an event on an association of its own (PS3.4 J.3.3).
    pub fn provider(sop_class: &str) -> Self {
        Self { as_provider: true, ..Self::service(sop_class) }
    }

    /// Contexts for a C-GET in the study root: the service, and one context per storage class in which the peer may
    /// store, with the transfer syntaxes in order of preference.
    ///
    /// Errors: the number of distinct classes if they are more than the 127 that one association can carry.
    pub fn to_get<'a>(
        classes: impl IntoIterator<Item = &'a str>,
        transfer_syntaxes: &[&str],
    ) -> Result<Vec<Self>, usize> {
        let mut classes: Vec<&str> = classes.into_iter().collect();
        classes.sort_unstable();
        classes.dedup();
        if classes.len() > 127 {
            return Err(classes.len());
        }
        let mut contexts = vec![Self::service(STUDY_ROOT_GET)];
        contexts.extend(classes.into_iter().map(|class| Self {
            abstract_syntax: class.to_owned(),
            transfer_syntaxes: transfer_syntaxes.iter().map(|syntax| (*syntax).to_owned()).collect(),
            as_provider: true,
        }));
        Ok(contexts)
    }

    /// Contexts to store objects of the given (SOP class, transfer syntax) pairs as they are: one per pair.
    ///
    /// Errors: the number of distinct pairs if they are more than the 128 one association can carry.
    pub fn to_store<'a>(objects: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Vec<Self>, usize> {
        let mut pairs: Vec<(&str, &str)> = objects.into_iter().collect();
        pairs.sort_unstable();
        pairs.dedup();
        if pairs.len() > 128 {
            return Err(pairs.len());
        }
        Ok(pairs
            .into_iter()
            .map(|(class, syntax)| Self {
                abstract_syntax: class.to_owned(),
                transfer_syntaxes: vec![syntax.to_owned()],
                as_provider: false,
            })
            .collect())
    }
}

/// A presentation context both sides agreed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedContext {
    /// The id, odd.
    pub id: u8,
    /// The SOP class.
    pub abstract_syntax: String,
    /// The transfer syntax of every data set on it.
    pub transfer_syntax: String,
}

/// What the peer asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssociationRequest {
    /// Who calls.
    pub calling_ae_title: String,
    /// Whom it calls.
    pub called_ae_title: String,
    /// Its proposals: id, abstract syntax, transfer syntaxes.
    pub contexts: Vec<(u8, String, Vec<String>)>,
    /// Its implementation class UID.
    pub implementation_class_uid: Option<String>,
    /// Its implementation version name.
    pub implementation_version_name: Option<String>,
    /// The longest PDU it takes; 0 is no limit.
    pub max_pdu: u32,
}

/// Why an association is refused. Source: PS3.8 Table 9-21.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rejection {
    /// Permanent, service user: no reason.
    NoReason,
    /// Permanent, service user: application context.
    ApplicationContext,
    /// Permanent, service user: calling AE title not recognized, or empty.
    CallingAeTitle,
    /// Permanent, service user: called AE title not recognized, or empty.
    CalledAeTitle,
    /// Permanent, ACSE: protocol version.
    ProtocolVersion,
    /// Transient, presentation: temporary congestion.
    TemporaryCongestion,
    /// Transient, presentation: local limit exceeded.
    LocalLimit,
}

impl Rejection {
    pub(super) fn to_pdu(self) -> AssociationRJ {
        use AssociationRJResult::{Permanent, Transient};
        let (result, source) = match self {
            Self::NoReason => (Permanent, AssociationRJSource::ServiceUser(UserReason::NoReasonGiven)),
            Self::ApplicationContext => {
                (Permanent, AssociationRJSource::ServiceUser(UserReason::ApplicationContextNameNotSupported))
            }
            Self::CallingAeTitle => {
                (Permanent, AssociationRJSource::ServiceUser(UserReason::CallingAETitleNotRecognized))
            }
            Self::CalledAeTitle => {
                (Permanent, AssociationRJSource::ServiceUser(UserReason::CalledAETitleNotRecognized))
            }
            Self::ProtocolVersion => {
                (Permanent, AssociationRJSource::ServiceProviderASCE(AcseReason::ProtocolVersionNotSupported))
            }
            Self::TemporaryCongestion => {
                (Transient, AssociationRJSource::ServiceProviderPresentation(PresentationReason::TemporaryCongestion))
            }
            Self::LocalLimit => {
                (Transient, AssociationRJSource::ServiceProviderPresentation(PresentationReason::LocalLimitExceeded))
            }
        };
        AssociationRJ { result, source }
    }
}

/// Trims what dicom-ul leaves: UIDs padded with NUL to even length (B-012).
fn trimmed(text: &str) -> String {
    uid::trim(text).to_owned()
}

pub(super) fn request_of(rq: &AssociationRQ) -> AssociationRequest {
    let mut request = AssociationRequest {
        calling_ae_title: trimmed(&rq.calling_ae_title),
        called_ae_title: trimmed(&rq.called_ae_title),
        contexts: rq
            .presentation_contexts
            .iter()
            .map(|context| {
                let syntaxes = context.transfer_syntaxes.iter().map(|syntax| trimmed(syntax)).collect();
                (context.id, trimmed(&context.abstract_syntax), syntaxes)
            })
            .collect(),
        implementation_class_uid: None,
        implementation_version_name: None,
        max_pdu: 0,
    };
    for item in &rq.user_variables {
        match item {
            UserVariableItem::MaxLength(length) => request.max_pdu = *length,
            UserVariableItem::ImplementationClassUID(uid) => request.implementation_class_uid = Some(trimmed(uid)),
            UserVariableItem::ImplementationVersionName(name) => {
                request.implementation_version_name = Some(trimmed(name));
            }
            _ => {}
        }
    }
    request
}

/// What speaks against an association before anybody is asked.
pub(super) fn objection(
    rq: &AssociationRQ,
    request: &AssociationRequest,
    config: &AcceptorConfig,
) -> Option<Rejection> {
    if rq.protocol_version & 1 == 0 {
        return Some(Rejection::ProtocolVersion);
    }
    if trimmed(&rq.application_context_name) != APPLICATION_CONTEXT {
        return Some(Rejection::ApplicationContext);
    }
    if request.calling_ae_title.is_empty() {
        return Some(Rejection::CallingAeTitle);
    }
    let known = config.ae_titles.is_empty() || config.ae_titles.contains(&request.called_ae_title);
    if request.called_ae_title.is_empty() || !known {
        return Some(Rejection::CalledAeTitle);
    }
    None
}

/// Answers every proposed context.
pub(super) fn answer(
    rq: &AssociationRQ,
    request: &AssociationRequest,
    config: &AcceptorConfig,
) -> (AssociationAC, Vec<AcceptedContext>) {
    let mut accepted: Vec<AcceptedContext> = Vec::new();
    let mut results = Vec::new();
    for (id, class, syntaxes) in &request.contexts {
        let offered = config.services.verification && class == VERIFICATION
            || config.services.storage && storage_class(class).is_some()
            || config.services.others.contains(class);
        let twice = accepted.iter().any(|context| context.id == *id);
        let choice = choose(syntaxes, storage_class(class).is_some());
        let (reason, syntax) = match choice {
            _ if id % 2 == 0 || twice => (PresentationContextResultReason::NoReason, IMPLICIT_LE),
            _ if !offered => (PresentationContextResultReason::AbstractSyntaxNotSupported, IMPLICIT_LE),
            None => (PresentationContextResultReason::TransferSyntaxesNotSupported, IMPLICIT_LE),
            Some(syntax) => (PresentationContextResultReason::Acceptance, syntax),
        };
        if reason == PresentationContextResultReason::Acceptance {
            accepted.push(AcceptedContext {
                id: *id,
                abstract_syntax: class.clone(),
                transfer_syntax: syntax.to_owned(),
            });
        }
        results.push(PresentationContextResult { id: *id, reason, transfer_syntax: syntax.to_owned() });
    }
    let mut user_variables = our_variables(config.max_pdu);
    // A modality that proposes roles waits for the answer (dicom-rs issue 732): it gets what it proposed.
    user_variables.extend(rq.user_variables.iter().filter_map(|item| match item {
        UserVariableItem::ScuScpRoleSelectionSubItem(class, roles) => {
            Some(UserVariableItem::ScuScpRoleSelectionSubItem(trimmed(class), *roles))
        }
        _ => None,
    }));
    let ac = AssociationAC {
        protocol_version: 1,
        calling_ae_title: request.calling_ae_title.clone(),
        called_ae_title: request.called_ae_title.clone(),
        application_context_name: APPLICATION_CONTEXT.to_owned(),
        presentation_contexts: results,
        user_variables,
    };
    (ac, accepted)
}

/// The first proposed transfer syntax we can store unchanged; implicit and big endian only if nothing better is there.
fn choose(proposed: &[String], storage: bool) -> Option<&str> {
    let known = proposed.iter().filter_map(|uid| {
        let syntax = transfer_syntax(uid)?;
        let usable = if storage {
            // JPIP objects hold a link instead of pixels: nothing of use would be stored.
            syntax.codec != Codec::Referenced
        } else {
            syntax.uid == EXPLICIT_LE || syntax.uid == IMPLICIT_LE
        };
        usable.then_some(syntax)
    });
    known
        .min_by_key(|syntax| match (syntax.encoding.explicit, syntax.encoding.big_endian) {
            (true, false) => 0,
            (false, _) => 1,
            (true, true) => 2,
        })
        .map(|syntax| syntax.uid)
}

fn our_variables(max_pdu: u32) -> Vec<UserVariableItem> {
    vec![
        UserVariableItem::MaxLength(max_pdu),
        UserVariableItem::ImplementationClassUID(IMPLEMENTATION_CLASS_UID.to_owned()),
        UserVariableItem::ImplementationVersionName(IMPLEMENTATION_VERSION_NAME.to_owned()),
    ]
}

pub(super) fn request_pdu(config: &RequestorConfig) -> AssociationRQ {
    let presentation_contexts = config
        .contexts
        .iter()
        .zip((1..=255_u8).step_by(2))
        .map(|(context, id)| PresentationContextProposed {
            id,
            abstract_syntax: context.abstract_syntax.clone(),
            transfer_syntaxes: context.transfer_syntaxes.clone(),
        })
        .collect();
    let mut user_variables = our_variables(config.max_pdu);
    let mut roles: Vec<&str> = config
        .contexts
        .iter()
        .filter(|context| context.as_provider)
        .map(|context| context.abstract_syntax.as_str())
        .collect();
    roles.sort_unstable();
    roles.dedup();
    user_variables.extend(roles.into_iter().map(|class| {
        UserVariableItem::ScuScpRoleSelectionSubItem(class.to_owned(), RequestorRoles { scu: true, scp: true })
    }));
    user_variables.extend(config.extended.iter().map(|asked| {
        UserVariableItem::SopClassExtendedNegotiationSubItem(asked.sop_class.clone(), asked.options.clone())
    }));
    AssociationRQ {
        protocol_version: 1,
        calling_ae_title: config.calling_ae_title.clone(),
        called_ae_title: config.called_ae_title.clone(),
        application_context_name: APPLICATION_CONTEXT.to_owned(),
        presentation_contexts,
        user_variables,
    }
}

/// The answer to our request.
#[derive(Debug, Default)]
pub(super) struct Agreed {
    pub contexts: Vec<AcceptedContext>,
    /// The longest PDU the peer takes.
    pub max_pdu: u32,
    /// Classes for which the peer agrees that we are provider.
    pub provided: Vec<String>,
    pub extended: Vec<ExtendedNegotiation>,
}

/// Reads the answer by hand: some peers leave the transfer syntax out of rejected contexts, which dicom-ul refuses.
pub(super) fn read_accept(body: &[u8], config: &RequestorConfig) -> Option<Agreed> {
    let mut agreed = Agreed::default();
    for (kind, item) in items(body.get(68..)?)? {
        match kind {
            0x21 => {
                let (id, reason) = (*item.first()?, *item.get(2)?);
                let proposed = config.contexts.get(usize::from(id / 2)).filter(|_| id % 2 == 1);
                let syntax = items(item.get(4..)?)?.into_iter().find(|(kind, _)| *kind == 0x40);
                if let (0, Some(proposed), Some((_, syntax))) = (reason, proposed, syntax) {
                    agreed.contexts.push(AcceptedContext {
                        id,
                        abstract_syntax: proposed.abstract_syntax.clone(),
                        transfer_syntax: trimmed(&String::from_utf8_lossy(syntax)),
                    });
                }
            }
            0x50 => {
                for (kind, item) in items(item)? {
                    match kind {
                        0x51 => agreed.max_pdu = u32::from_be_bytes(*item.first_chunk()?),
                        // Class, then the SCU and the SCP role; what does not fit says nothing.
                        0x54 => {
                            if let Some((class, [_, 1, ..])) = class_and_rest(item) {
                                agreed.provided.push(class);
                            }
                        }
                        0x56 => {
                            if let Some((sop_class, options)) = class_and_rest(item) {
                                agreed.extended.push(ExtendedNegotiation { sop_class, options: options.to_vec() });
                            }
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    Some(agreed)
}

/// A UID with its length before it, and what follows.
fn class_and_rest(item: &[u8]) -> Option<(String, &[u8])> {
    let (length, rest) = item.split_first_chunk::<2>()?;
    let (class, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    Some((trimmed(&String::from_utf8_lossy(class)), rest))
}

fn items(mut octets: &[u8]) -> Option<Vec<(u8, &[u8])>> {
    let mut found = Vec::new();
    while !octets.is_empty() {
        let length = usize::from(u16::from_be_bytes([*octets.get(2)?, *octets.get(3)?]));
        found.push((octets[0], octets.get(4..4 + length)?));
        octets = &octets[4 + length..];
    }
    Some(found)
}
