//! Entries, submission sets, folders, associations.

use super::{read, write};
use crate::samples::*;
use model::*;
use store::{Counts, MetadataStore, ObjectKind, Select, StoreError, StoreExt};

pub fn an_object_is_found_by_id_unique_id_patient_and_logical_id(store: &dyn MetadataStore) {
    let dice = &mut Dice(1);
    let first = DocumentEntry { logical_id: None, patient_id: patient_id("P1"), ..entry(dice) };
    let first = DocumentEntry { logical_id: Some(first.id.clone()), ..first };
    let second = DocumentEntry { id: uuid(2), ..first.clone() };
    let other = DocumentEntry { patient_id: patient_id("P2"), logical_id: None, ..entry(dice) };
    let set = SubmissionSet { patient_id: patient_id("P1"), ..submission_set(dice) };
    let folder = Folder { patient_id: patient_id("P1"), ..folder(dice) };
    let (one, two, three, four, five) = (first.clone(), second.clone(), other.clone(), set.clone(), folder.clone());
    write(store, move |tx| {
        tx.put_entry(&one)?;
        tx.put_entry(&two)?;
        tx.put_entry(&three)?;
        tx.put_submission_set(&four)?;
        tx.put_folder(&five)
    });
    read(store, |tx| {
        let ids = [other.id.clone(), uuid(99), first.id.clone(), other.id.clone()];
        assert_eq!(tx.entries_by_ids(&ids)?, [other.clone(), first.clone()]);
        assert_eq!(tx.entry(&second.id)?, Some(second.clone()));
        assert_eq!(tx.entry(&set.id)?, None);
        assert_eq!(tx.entries_with_unique_id(&first.unique_id)?, [first.clone(), second.clone()]);
        assert_eq!(tx.entries(Select::LogicalId(&first.id))?, [second.clone(), first.clone()]);
        assert_eq!(tx.entries(Select::LogicalId(&second.id))?, []);
        let patient = patient_id("P1");
        assert_eq!(tx.entries(Select::Patient(&patient))?, [second.clone(), first.clone()]);
        assert_eq!(tx.submission_sets(Select::Patient(&patient))?, [set.clone()]);
        assert_eq!(tx.submission_sets(Select::UniqueIds(std::slice::from_ref(&set.unique_id)))?, [set.clone()]);
        assert_eq!(tx.folders(Select::Ids(std::slice::from_ref(&folder.id)))?, [folder.clone()]);
        assert_eq!(tx.folders(Select::Patient(&patient_id("P2")))?, []);
        assert_eq!(tx.unique_id_uses(&first.unique_id)?, [ObjectKind::DocumentEntry]);
        assert_eq!(tx.unique_id_uses(&set.unique_id)?, [ObjectKind::SubmissionSet]);
        assert_eq!(tx.unique_id_uses(&unique("2.25.99"))?, []);
        assert_eq!(tx.object_kind(&folder.id)?, Some(ObjectKind::Folder));
        assert_eq!(tx.object_kind(&uuid(99))?, None);
        let counts = tx.counts()?;
        assert_eq!((counts.entries, counts.submission_sets, counts.folders), (3, 1, 1));
        // Documents alone make no patient known.
        assert_eq!(counts.patients, 0);
        Ok(())
    });
}

pub fn an_id_is_taken_once_whatever_the_kind(store: &dyn MetadataStore) {
    let dice = &mut Dice(2);
    let entry = entry(dice);
    let again = entry.clone();
    write(store, move |tx| tx.put_entry(&again));
    let set = SubmissionSet { id: entry.id.clone(), ..submission_set(dice) };
    let folder = Folder { id: entry.id.clone(), ..folder(dice) };
    let association = Association { id: entry.id.clone(), ..association(dice) };
    for attempt in 0..4 {
        let (entry, set, folder, association) = (entry.clone(), set.clone(), folder.clone(), association.clone());
        let refused = store.write_blocking(move |tx| match attempt {
            0 => tx.put_entry(&entry),
            1 => tx.put_submission_set(&set),
            2 => tx.put_folder(&folder),
            _ => tx.put_association(&association),
        });
        assert!(matches!(refused, Err(StoreError::Conflict { .. })), "{attempt}: {refused:?}");
    }
    read(store, |tx| {
        assert_eq!(tx.entry(&entry.id)?, Some(entry.clone()));
        assert_eq!(tx.associations_of(std::slice::from_ref(&association.source))?, []);
        Ok(())
    });
}

pub fn a_status_is_set_on_every_kind(store: &dyn MetadataStore) {
    let dice = &mut Dice(3);
    let approved = AvailabilityStatus::Approved;
    let entry = DocumentEntry { availability_status: approved, ..entry(dice) };
    let folder = Folder { availability_status: approved, ..folder(dice) };
    let association = Association { availability_status: approved, ..association(dice) };
    let set = submission_set(dice);
    let ids = [entry.id.clone(), set.id.clone(), folder.id.clone(), association.id.clone()];
    let all = ids.clone();
    write(store, move |tx| {
        tx.put_entry(&entry)?;
        tx.put_folder(&folder)?;
        tx.put_association(&association)?;
        tx.put_submission_set(&set)?;
        all.iter().try_for_each(|id| tx.set_status(id, AvailabilityStatus::Deprecated))
    });
    read(store, |tx| {
        let deprecated = AvailabilityStatus::Deprecated;
        assert_eq!(tx.entries(Select::Ids(&ids))?[0].availability_status, deprecated);
        assert_eq!(tx.submission_sets(Select::Ids(&ids))?[0].availability_status, deprecated);
        assert_eq!(tx.folders(Select::Ids(&ids))?[0].availability_status, deprecated);
        assert_eq!(tx.associations(&ids)?[0].availability_status, deprecated);
        Ok(())
    });
    let missing = store.write_blocking(|tx| tx.set_status(&uuid(99), AvailabilityStatus::Approved));
    assert!(matches!(missing, Err(StoreError::Missing { .. })));
}

fn link(number: u128, kind: AssociationType, source: &ObjectId, target: &ObjectId) -> Association {
    Association {
        id: uuid(number),
        kind,
        source: source.clone(),
        target: target.clone(),
        availability_status: AvailabilityStatus::Approved,
        home_community_id: None,
        submission_set_status: None,
        documentation: None,
        extra: Vec::new(),
    }
}

pub fn associations_are_found_from_both_ends(store: &dyn MetadataStore) {
    let links = [
        link(101, AssociationType::Rplc, &uuid(1), &uuid(2)),
        link(102, AssociationType::Apnd, &uuid(3), &uuid(1)),
        link(103, AssociationType::HasMember, &uuid(4), &uuid(5)),
    ];
    let all = links.clone();
    write(store, move |tx| all.iter().try_for_each(|association| tx.put_association(association)));
    read(store, |tx| {
        assert_eq!(tx.associations_of(&[uuid(1)])?, links[..2]);
        // Both ends asked for, each association once.
        assert_eq!(tx.associations_of(&[uuid(2), uuid(1), uuid(1)])?, links[..2]);
        assert_eq!(tx.associations_of(&[uuid(9)])?, []);
        assert_eq!(tx.associations(&[uuid(103), uuid(9), uuid(101)])?, [links[2].clone(), links[0].clone()]);
        Ok(())
    });
}

pub fn folders_are_found_from_the_documents_in_them(store: &dyn MetadataStore) {
    let dice = &mut Dice(4);
    let (folder, set) = (folder(dice), submission_set(dice));
    let member = link(101, AssociationType::HasMember, &folder.id, &uuid(1));
    let others = [
        link(102, AssociationType::HasMember, &set.id, &uuid(1)),
        link(103, AssociationType::Rplc, &folder.id, &uuid(1)),
        link(104, AssociationType::HasMember, &folder.id, &uuid(2)),
    ];
    let (f, m) = (folder.clone(), member.clone());
    write(store, move |tx| {
        tx.put_folder(&f)?;
        tx.put_submission_set(&set)?;
        tx.put_association(&m)?;
        others.iter().try_for_each(|association| tx.put_association(association))
    });
    read(store, |tx| {
        assert_eq!(tx.folders_containing(&uuid(1))?, [(folder.clone(), member.clone())]);
        assert_eq!(tx.folders_containing(&uuid(9))?, []);
        Ok(())
    });
}

pub fn a_removed_object_leaves_nothing(store: &dyn MetadataStore) {
    let dice = &mut Dice(5);
    let reference = ReferenceId::parse("A1^^^&2.999.8&ISO^urn:ihe:iti:xds:2013:accession").unwrap();
    let entry = DocumentEntry { reference_id_list: vec![reference.clone()], ..entry(dice) };
    let folder = folder(dice);
    let association = association(dice);
    let (e, f, a) = (entry.clone(), folder.clone(), association.clone());
    write(store, move |tx| {
        tx.put_entry(&e)?;
        tx.put_folder(&f)?;
        tx.put_association(&a)
    });
    let ids = [entry.id.clone(), folder.id.clone(), association.id.clone()];
    let all = ids.clone();
    write(store, move |tx| all.iter().try_for_each(|id| tx.remove_object(id)));
    read(store, |tx| {
        for id in &ids {
            assert_eq!(tx.object_kind(id)?, None);
        }
        assert_eq!(tx.unique_id_uses(&entry.unique_id)?, []);
        assert_eq!(tx.unique_id_uses(&folder.unique_id)?, []);
        let by_reference =
            DocumentQuery { reference_ids: vec![vec![ReferenceTerm::Exact(reference.clone())]], ..Default::default() };
        assert_eq!(tx.find(&by_reference)?.entries, []);
        assert_eq!(tx.associations_of(std::slice::from_ref(&association.source))?, []);
        assert_eq!(tx.counts()?, Counts::default());
        Ok(())
    });
    // The ids are free again.
    let (e, f, a) = (entry.clone(), folder.clone(), association.clone());
    write(store, move |tx| {
        tx.put_entry(&e)?;
        tx.put_folder(&f)?;
        tx.put_association(&a)
    });
    let missing = store.write_blocking(|tx| tx.remove_object(&uuid(99)));
    assert!(matches!(missing, Err(StoreError::Missing { .. })));
}

pub fn an_update_keeps_patient_and_unique_id(store: &dyn MetadataStore) {
    let dice = &mut Dice(6);
    let before = entry(dice);
    let put = before.clone();
    write(store, move |tx| tx.put_entry(&put));
    for attempt in 0..2 {
        let mut changed = before.clone();
        match attempt {
            0 => changed.patient_id = patient_id("P77"),
            _ => changed.unique_id = unique("2.25.77"),
        }
        let refused = store.write_blocking(move |tx| tx.update_entry(&changed));
        assert!(matches!(refused, Err(StoreError::Refused(_))), "{refused:?}");
    }
    let after = DocumentEntry { size_octets: Some(5), logical_id: Some(uuid(7)), ..before.clone() };
    let changed = after.clone();
    write(store, move |tx| tx.update_entry(&changed));
    read(store, |tx| {
        assert_eq!(tx.entry(&before.id)?, Some(after.clone()));
        assert_eq!(tx.entries(Select::LogicalId(&uuid(7)))?, [after.clone()]);
        Ok(())
    });
}

pub fn what_would_not_be_readable_is_refused(store: &dyn MetadataStore) {
    let mut entry = entry(&mut Dice(7));
    // Built around the rule that a person has an identifier or a name.
    entry.legal_authenticator = Some(Xcn::from_name("", ""));
    let id = entry.id.clone();
    let refused = store.write_blocking(move |tx| tx.put_entry(&entry));
    assert!(matches!(refused, Err(StoreError::Refused(_))), "{refused:?}");
    assert_eq!(read(store, |tx| tx.entry(&id)), None);
}

pub fn a_query_without_a_page_has_a_limit(store: &dyn MetadataStore) {
    let dice = &mut Dice(8);
    let entries: Vec<DocumentEntry> = (0..30)
        .map(|_| DocumentEntry { patient_id: patient_id("P1"), document_type: DocumentType::Stable, ..entry(dice) })
        .collect();
    write(store, move |tx| entries.iter().try_for_each(|entry| tx.put_entry(entry)));
    // The test opens its stores with a limit of 25.
    let query = DocumentQuery::of_patient(patient_id("P1"));
    assert_eq!(store.read_blocking(|tx| tx.find(&query)), Err(StoreError::TooMany { limit: 25 }));
    let paged = DocumentQuery { page: Some(Page { size: 1000, after: None }), ..query };
    let page = read(store, |tx| tx.find(&paged));
    assert_eq!((page.entries.len(), page.total), (25, None));
    assert!(page.next.is_some());
}
