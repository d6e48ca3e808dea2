//! Records come back as they were, and damaged ones are refused without a panic.

use super::samples::{self, Dice};
use super::*;
use crate::StoreError;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_object_survives_being_written_and_read(seed: u64) {
        let mut dice = Dice(seed);
        let entry = samples::entry(&mut dice);
        let record = encode_entry(&entry);
        prop_assert_eq!(peek_entry(&record), Ok((entry.availability_status, entry.document_type)));
        prop_assert_eq!(decode_entry(&record, &mut Memo::default()), Ok(entry));
        let set = samples::submission_set(&mut dice);
        prop_assert_eq!(decode_submission_set(&encode_submission_set(&set)), Ok(set));
        let folder = samples::folder(&mut dice);
        prop_assert_eq!(decode_folder(&encode_folder(&folder)), Ok(folder));
        let association = samples::association(&mut dice);
        prop_assert_eq!(decode_association(&encode_association(&association)), Ok(association));
        let patient = samples::detailed_patient(&mut dice);
        prop_assert_eq!(decode_patient(&encode_patient(&patient)), Ok(patient));
    }

    #[test]
    fn a_damaged_record_is_an_error_or_another_object_but_never_a_panic(seed: u64) {
        let mut dice = Dice(seed);
        let mut record = encode_entry(&samples::entry(&mut dice));
        for _ in 0..40 {
            match dice.below(3) {
                0 => record.truncate(dice.below(record.len() + 1)),
                1 => record.push(dice.roll() as u8),
                _ if record.is_empty() => {}
                _ => {
                    let at = dice.below(record.len());
                    record[at] = dice.roll() as u8;
                }
            }
            let _ = (decode_entry(&record, &mut Memo::default()), peek_entry(&record), decode_submission_set(&record));
            let _ = (decode_folder(&record), decode_association(&record), decode_patient(&record));
        }
    }
}

#[test]
fn a_length_beyond_the_record_allocates_nothing() {
    // Version 1, 29 octets of fields, no flags, a UUID, then a word of 2^62 octets.
    let mut record = vec![1, 29, 0, 1];
    record.extend([0; 16]);
    record.extend([0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0x00, 0x00]);
    assert!(matches!(decode_entry(&record, &mut Memo::default()), Err(StoreError::Corrupt { .. })));
    // A list of 2^62 authors.
    record.truncate(20);
    record.extend([1, 0, 0, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]);
    assert!(matches!(decode_entry(&record, &mut Memo::default()), Err(StoreError::Corrupt { .. })));
    // Fields longer than the record.
    assert!(decode_entry(&[1, 0xff, 0xff, 0xff, 0x7f], &mut Memo::default()).is_err());
}
