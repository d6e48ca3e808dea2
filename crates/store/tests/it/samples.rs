//! Invented objects: whole ones to store, and random ones from small pools, so that random queries meet random entries.
#![allow(dead_code)] // Two test programs include this file and each uses a part.

use model::*;

/// A stream of choices that is the same for the same seed.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self) -> u64 {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.roll() % n as u64) as usize
    }

    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub fn pick<T: Clone>(&mut self, pool: &[T]) -> T {
        pool[self.below(pool.len())].clone()
    }

    pub fn some<T>(&mut self, max: usize, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let count = self.below(max + 1);
        (0..count).map(|_| make(self)).collect()
    }

    pub fn maybe<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.one_in(2) { Some(make(self)) } else { None }
    }

    fn uuid(&mut self) -> ObjectId {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.roll().to_be_bytes());
        bytes[8..].copy_from_slice(&self.roll().to_be_bytes());
        ObjectId::from_uuid_bytes(bytes)
    }
}

pub fn oid(text: &str) -> Oid {
    Oid::parse(text).unwrap()
}

pub fn patient_id(id: &str) -> PatientId {
    PatientId::new(id, oid("2.999.7"))
}

pub fn unique(text: &str) -> UniqueId {
    UniqueId::parse(text).unwrap()
}

pub fn study(text: &str) -> StudyInstanceUid {
    StudyInstanceUid::parse(text).unwrap()
}

pub fn series(text: &str) -> SeriesInstanceUid {
    SeriesInstanceUid::parse(text).unwrap()
}

pub fn sop(text: &str) -> SopInstanceUid {
    SopInstanceUid::parse(text).unwrap()
}

pub fn uuid(number: u128) -> ObjectId {
    ObjectId::from_uuid_bytes(number.to_be_bytes())
}

fn text(dice: &mut Dice) -> Text {
    let values = ["CT Thorax", "Röntgenbild", "", "胸部", "a\0b", "O'Brien \\T\\ & ^~|"];
    Text(dice.some(2, |d| LocalizedString {
        value: d.pick(&values).to_owned(),
        lang: d.maybe(|d| d.pick(&["en", "de-CH", "x-unknown"]).to_owned()),
        charset: if d.one_in(4) { Some("UTF-8".to_owned()) } else { None },
    }))
}

pub fn code(dice: &mut Dice) -> Code {
    let codes = ["CT", "MR", "51185008", "IMAGES", "REPORTS", "N", "local-1"];
    let all = [schemes::DCM, schemes::SNOMED_CT, schemes::IHE_CLASS, "2.999.30.1"];
    Code { code: dice.pick(&codes).to_owned(), scheme: dice.pick(&all).to_owned(), display: text(dice) }
}

fn dtm(dice: &mut Dice) -> Dtm {
    let times = ["2019", "201902", "20190228", "2020022912", "202103141530", "20210314153059", "20250101000000"];
    Dtm::parse(dice.pick(&times)).unwrap()
}

pub fn reference(dice: &mut Dice) -> ReferenceId {
    let texts = [
        "2.25.1^^^^urn:ihe:iti:xds:2016:studyInstanceUID",
        "2.25.1^^^&2.999.1&ISO^urn:ihe:iti:xds:2016:studyInstanceUID",
        "2.25.2^^^^urn:ihe:iti:xds:2016:studyInstanceUID",
        "A1^^^&2.999.8&ISO^urn:ihe:iti:xds:2013:accession",
        "A1^^^&2.999.9&ISO^urn:ihe:iti:xds:2013:accession",
        "A1^^^&2.999.8&ISO^urn:ihe:iti:xds:2013:order",
        "A10^^^&2.999.8&ISO^urn:ihe:iti:xds:2013:accession",
        "A\\S\\1^^^RIS^urn:ihe:iti:xds:2013:accession^urn:oid:2.999.1",
        "X^^^^urn:example:type",
    ];
    ReferenceId::parse(dice.pick(&texts)).unwrap()
}

fn author(dice: &mut Dice) -> Author {
    let persons = ["^Roe^Richard^^^Dr", "12^Moe^Mary^^^^^^&2.999.4&ISO", "^O\\T\\Brien^Pat", "77^^^^^^^^&2.999.4&ISO"];
    let places = ["North Hospital^^^^^&2.999.1.2&ISO^^^^1", "South Clinic^^^^^^^^^2.999.3.1", "Praxis"];
    Author {
        person: dice.maybe(|d| Xcn::parse(d.pick(&persons)).unwrap()),
        institutions: dice.some(2, |d| Xon::parse(d.pick(&places)).unwrap()),
        roles: dice.some(1, |_| "radiologist".to_owned()),
        specialties: dice.some(1, |_| "RAD^^^&2.999.5&ISO".to_owned()),
        telecommunications: dice.some(1, |_| Xtn::parse("^PRN^Internet^a@example.org").unwrap()),
    }
}

fn slots(dice: &mut Dice) -> Vec<ExtraSlot> {
    dice.some(1, |d| ExtraSlot { name: "urn:example:colour".to_owned(), values: d.some(2, |_| "red".to_owned()) })
}

pub fn patient_of(dice: &mut Dice) -> PatientId {
    dice.pick(&[patient_id("P1"), patient_id("P2"), PatientId::new("P1", oid("2.999.77")), patient_id("Ö^3")])
}

/// Any entry a registry may hold, and some that it would not.
pub fn entry(dice: &mut Dice) -> DocumentEntry {
    let id = dice.uuid();
    DocumentEntry {
        logical_id: dice.maybe(|d| if d.one_in(2) { id.clone() } else { uuid(u128::from(d.roll() % 5)) }),
        id,
        version: dice.maybe(|d| d.roll() as u32),
        availability_status: dice.pick(&[AvailabilityStatus::Approved, AvailabilityStatus::Deprecated]),
        document_type: dice.pick(&[DocumentType::Stable, DocumentType::Stable, DocumentType::OnDemand]),
        mime_type: dice.pick(&["application/dicom", "application/pdf", "image/x-odd"]).to_owned(),
        home_community_id: dice.maybe(|_| HomeCommunityId::parse("urn:oid:2.999.1").unwrap()),
        title: text(dice),
        comments: text(dice),
        authors: dice.some(2, author),
        class_code: code(dice),
        type_code: code(dice),
        format_code: code(dice),
        healthcare_facility_type_code: code(dice),
        practice_setting_code: code(dice),
        confidentiality_codes: dice.some(2, code),
        event_code_list: dice.some(3, code),
        patient_id: patient_of(dice),
        unique_id: unique(&format!("2.25.{}", 1000 + dice.below(40))),
        creation_time: dice.maybe(dtm),
        hash: dice.maybe(|d| Sha1Hash::from_bytes([d.roll() as u8; 20])),
        size_octets: dice.maybe(|d| d.roll() >> d.below(64)),
        language_code: dice.pick(&["en", "de-CH", "rm"]).to_owned(),
        legal_authenticator: dice.maybe(|_| Xcn::parse("^Roe^Richard").unwrap()),
        repository_unique_id: dice.maybe(|_| oid("2.999.1.1")),
        service_start_time: dice.maybe(dtm),
        service_stop_time: dice.maybe(dtm),
        source_patient_id: dice.maybe(patient_of),
        source_patient_info: SourcePatientInfo(dice.some(2, |_| "PID-5|Doe^Jane".to_owned())),
        uri: dice.maybe(|_| "document.pdf".to_owned()),
        reference_id_list: dice.some(3, reference),
        document_availability: dice.maybe(|_| "urn:ihe:iti:2010:DocumentAvailability:Online".to_owned()),
        submission_time: dice.maybe(dtm),
        extra: slots(dice),
    }
}

pub fn submission_set(dice: &mut Dice) -> SubmissionSet {
    SubmissionSet {
        id: dice.uuid(),
        availability_status: AvailabilityStatus::Approved,
        home_community_id: dice.maybe(|_| HomeCommunityId::parse("urn:oid:2.999.1").unwrap()),
        title: text(dice),
        comments: text(dice),
        authors: dice.some(2, author),
        content_type_code: code(dice),
        patient_id: patient_of(dice),
        source_id: oid("2.999.20.1"),
        unique_id: unique(&format!("2.25.{}", dice.roll())),
        submission_time: dtm(dice),
        intended_recipients: dice.some(2, |_| "North^^^^^^^^^2.999.3.1|^Roe^Richard|".to_owned()),
        extra: slots(dice),
    }
}

pub fn folder(dice: &mut Dice) -> Folder {
    Folder {
        id: dice.uuid(),
        logical_id: dice.maybe(Dice::uuid),
        version: dice.maybe(|d| d.roll() as u32),
        availability_status: dice.pick(&[AvailabilityStatus::Approved, AvailabilityStatus::Deprecated]),
        home_community_id: None,
        title: text(dice),
        comments: text(dice),
        code_list: dice.some(2, code),
        patient_id: patient_of(dice),
        unique_id: unique(&format!("2.25.{}", dice.roll())),
        last_update_time: dice.maybe(dtm),
        extra: slots(dice),
    }
}

pub fn association(dice: &mut Dice) -> Association {
    let statuses = [None, Some(SubmissionSetStatus::Original), Some(SubmissionSetStatus::Reference)];
    Association {
        id: dice.uuid(),
        kind: dice.pick(&AssociationType::ALL),
        source: dice.uuid(),
        target: if dice.one_in(3) { ObjectId::parse("Document01").unwrap() } else { dice.uuid() },
        availability_status: dice.pick(&[AvailabilityStatus::Approved, AvailabilityStatus::Deprecated]),
        home_community_id: dice.maybe(|_| HomeCommunityId::parse("urn:oid:2.999.1").unwrap()),
        submission_set_status: dice.pick(&statuses),
        documentation: dice.maybe(code),
        extra: slots(dice),
    }
}

pub fn patient(dice: &mut Dice) -> Patient {
    Patient {
        id: patient_of(dice),
        other_ids: dice.some(2, |d| PatientId::new(d.pick(&["M1", "M2"]), oid("2.999.8"))),
        name: PersonName::from_dicom(dice.pick(&["Muster^Anna^M^Dr", "Müller^Jean", ""])),
        birth_date: dice.maybe(|_| Dtm::parse("19610412").unwrap()),
        sex: dice.maybe(|d| d.pick(&[Sex::Male, Sex::Female, Sex::Other, Sex::Unknown])),
        details: Default::default(),
    }
}

fn term(dice: &mut Dice) -> CodeTerm {
    let code = code(dice);
    CodeTerm {
        code: if dice.one_in(5) { None } else { Some(code.code) },
        scheme: if dice.one_in(3) { None } else { Some(code.scheme) },
    }
}

fn reference_term(dice: &mut Dice) -> ReferenceTerm {
    let reference = reference(dice);
    match dice.below(4) {
        0 | 1 => ReferenceTerm::Exact(reference),
        2 => ReferenceTerm::Like(dice.pick(&["A1%", "%accession", "2.25._^^^%", "%"]).to_owned()),
        _ => ReferenceTerm::Parts {
            id: if dice.one_in(4) { None } else { Some(reference.id) },
            authority: dice.maybe(|d| d.pick(&["", "2.999.8", "2.999.9"]).to_owned()),
            kind: dice.maybe(|_| reference.kind.clone()),
        },
    }
}

fn range(dice: &mut Dice) -> DtmRange {
    DtmRange { from: dice.maybe(|d| dtm(d).start()), to: dice.maybe(|d| dtm(d).end()) }
}

/// Any query, most of them anchored. `known` gives ids that exist.
pub fn query(dice: &mut Dice, known: &[DocumentEntry]) -> DocumentQuery {
    let mut q = DocumentQuery::default();
    if !dice.one_in(3) {
        q.patient_id = Some(patient_of(dice));
    }
    if !known.is_empty() && dice.one_in(5) {
        q.entry_ids = dice.some(4, |d| if d.one_in(5) { uuid(1) } else { d.pick(known).id });
    }
    if dice.one_in(5) {
        q.unique_ids = dice.some(4, |d| unique(&format!("2.25.{}", 1000 + d.below(45))));
    }
    if dice.one_in(3) {
        q.reference_ids = dice.some(2, |d| d.some(2, reference_term));
    }
    if dice.one_in(2) {
        q.statuses = dice.some(2, |d| d.pick(&[AvailabilityStatus::Approved, AvailabilityStatus::Deprecated]));
    }
    if dice.one_in(3) {
        q.document_types = dice.some(2, |d| d.pick(&[DocumentType::Stable, DocumentType::OnDemand]));
    }
    let lists = [
        &mut q.class_codes,
        &mut q.type_codes,
        &mut q.format_codes,
        &mut q.practice_setting_codes,
        &mut q.healthcare_facility_type_codes,
    ];
    for list in lists {
        if dice.one_in(6) {
            *list = dice.some(3, term);
        }
    }
    for list in [&mut q.event_code_list, &mut q.confidentiality_codes] {
        if dice.one_in(5) {
            *list = dice.some(2, |d| d.some(2, term));
        }
    }
    for range_of in [&mut q.creation_time, &mut q.service_start_time, &mut q.service_stop_time] {
        if dice.one_in(5) {
            *range_of = range(dice);
        }
    }
    for periods in [&mut q.periods, &mut q.submission_time] {
        if dice.one_in(6) {
            *periods = dice.some(2, |d| PeriodMatch {
                start_at_least: d.maybe(|d| dtm(d).start()),
                start_at_most: d.maybe(|d| dtm(d).end()),
                stop_at_least: d.maybe(|d| dtm(d).start()),
                stop_at_most: d.maybe(|d| dtm(d).end()),
                negate: d.one_in(3),
            });
        }
    }
    if dice.one_in(6) {
        q.author_person = dice.some(2, |d| d.pick(&["%Roe%", "12^Moe%", "nobody"]).to_owned());
    }
    if dice.one_in(6) {
        q.author_family = dice.some(2, |d| d.pick(&["ro", "O&br", "moe"]).to_owned());
    }
    if dice.one_in(6) {
        q.author_given = dice.some(2, |d| d.pick(&["RI", "mary"]).to_owned());
    }
    q
}

/// A patient whose record has everything, from small pools.
pub fn detailed_patient(dice: &mut Dice) -> Patient {
    let telecom = |dice: &mut Dice| Telecom {
        system: dice.pick(&[TelecomSystem::Phone, TelecomSystem::Fax, TelecomSystem::Email, TelecomSystem::Url]),
        usage: dice.maybe(|d| d.pick(&[TelecomUse::Home, TelecomUse::Work, TelecomUse::Mobile])),
        value: dice.pick(&["+41 31 555 01 02", "0315550102", "a.muster@example.org"]).to_owned(),
    };
    let address = |dice: &mut Dice| Address {
        lines: dice.some(2, |d| d.pick(&["Hauptstraße 1", "c/o Zorn"]).to_owned()),
        city: dice.pick(&["Bern", "Genève", ""]).to_owned(),
        state: dice.pick(&["BE", ""]).to_owned(),
        postal_code: dice.pick(&["3000", "3012", ""]).to_owned(),
        country: dice.pick(&["CH", ""]).to_owned(),
    };
    Patient {
        name: PersonName::from_dicom(dice.pick(&["Muster^Anna^M^Dr", "MÜLLER^Jean", "de la Cruz^José", ""])),
        birth_date: dice.maybe(|d| Dtm::parse(d.pick(&["19610412", "196104", "1961", "20010203"])).unwrap()),
        details: PatientDetails {
            addresses: dice.some(2, address),
            telecoms: dice.some(2, telecom),
            mothers_maiden_name: dice.pick(&["", "Ünal", "Cruz"]).to_owned(),
        },
        ..patient(dice)
    }
}

/// A search for patients with up to three criteria.
pub fn patient_query(dice: &mut Dice) -> PatientQuery {
    fn text(dice: &mut Dice) -> Vec<Vec<TextTerm>> {
        let texts =
            ["m", "mu", "MULL", "cruz", "la c", "Anna", "jose", "be", "gene", "30", "ü", "dr", "Muster", "unal", "1"];
        let modes = [TextMode::Start, TextMode::Start, TextMode::Exact, TextMode::Contains];
        vec![(0..=dice.below(2)).map(|_| TextTerm::new(dice.pick(&modes), dice.pick(&texts))).collect()]
    }
    fn date(dice: &mut Dice) -> BirthDateTerm {
        let year = dice.pick(&[19_600_000_000_000, 19_610_101_000_000, 19_610_412_000_000, 20_000_101_000_000]);
        let to = year + dice.pick(&[1_000_000, 10_000_000_000]);
        let terms = [
            BirthDateTerm::Within(year, to),
            BirthDateTerm::NotWithin(year, to),
            BirthDateTerm::Before(year),
            BirthDateTerm::From(year),
            BirthDateTerm::AllBefore(year),
            BirthDateTerm::AllFrom(year),
            BirthDateTerm::Overlaps(year, to),
        ];
        dice.pick(&terms)
    }
    let mut q = PatientQuery::default();
    for _ in 0..dice.below(4) {
        match dice.below(11) {
            0 => {
                let terms = [
                    PatientIdTerm::Exact(patient_of(dice)),
                    PatientIdTerm::Exact(PatientId::new("M1", oid("2.999.8"))),
                    PatientIdTerm::AnyDomain("M2".to_owned()),
                    PatientIdTerm::AnyDomain("P1".to_owned()),
                    PatientIdTerm::Domain(oid("2.999.8")),
                    PatientIdTerm::Own(patient_of(dice)),
                ];
                q.ids.push((0..=dice.below(2)).map(|_| dice.pick(&terms)).collect());
            }
            1 => q.family = text(dice),
            2 => q.given = text(dice),
            3 => q.name = text(dice),
            4 => q.mothers_maiden_name = text(dice),
            5 => q.city = text(dice),
            6 => q.postal_code = text(dice),
            7 => q.address = text(dice),
            8 => {
                let value =
                    dice.maybe(|d| d.pick(&["+41315550102", "031 555 01 02", "A.MUSTER@example.org"]).to_owned());
                let system = dice.maybe(|d| d.pick(&[TelecomSystem::Phone, TelecomSystem::Email]));
                q.telecom = vec![vec![TelecomTerm { system, value }]];
            }
            9 => q.birth_date.push((0..=dice.below(2)).map(|_| date(dice)).collect()),
            _ => q.sex = vec![vec![dice.pick(&[Sex::Male, Sex::Female])]],
        }
    }
    q
}
