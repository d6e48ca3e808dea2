//! Who an arriving object is, from the first octets of its file. PS3.10 section 7.

use model::{SopInstanceUid, TransferSyntaxUid};

/// Longest preamble and file meta group that is waited for.
pub(crate) const MOST_OCTETS: usize = 64 * 1024;

/// What the first octets say so far.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum FileMeta {
    Known {
        sop_instance: SopInstanceUid,
        transfer_syntax: TransferSyntaxUid,
    },
    /// The group goes on after these octets.
    More,
    /// Not a DICOM file, or one that does not say.
    None,
}

/// Reads the file meta group, which is Explicit VR Little Endian whatever follows it. Its stated length is not trusted:
/// the group ends where another begins.
pub(crate) fn file_meta(octets: &[u8]) -> FileMeta {
    let Some(prefix) = octets.get(128..132) else { return FileMeta::More };
    if prefix != b"DICM" {
        return FileMeta::None;
    }
    let (mut sop_instance, mut transfer_syntax): (Option<String>, Option<String>) = (None, None);
    let mut rest = &octets[132..];
    loop {
        if let (Some(sop_instance), Some(transfer_syntax)) = (&sop_instance, &transfer_syntax) {
            let known = (SopInstanceUid::parse(sop_instance), TransferSyntaxUid::parse(transfer_syntax));
            return match known {
                (Ok(sop_instance), Ok(transfer_syntax)) => FileMeta::Known { sop_instance, transfer_syntax },
                _ => FileMeta::None,
            };
        }
        let Some(head) = rest.get(..8) else { return FileMeta::More };
        if head[..2] != [2, 0] {
            return FileMeta::None;
        }
        let long = matches!(&head[4..6], b"OB" | b"OW" | b"UN" | b"UT" | b"SQ");
        let (start, length) = if long {
            let Some(length) = rest.get(8..12) else { return FileMeta::More };
            (12, u32::from_le_bytes([length[0], length[1], length[2], length[3]]) as usize)
        } else {
            (8, usize::from(u16::from_le_bytes([head[6], head[7]])))
        };
        let Some(value) = rest.get(start..).and_then(|r| r.get(..length)) else {
            return if length > MOST_OCTETS { FileMeta::None } else { FileMeta::More };
        };
        let text = || std::str::from_utf8(value).ok().map(str::to_owned);
        match (head[2], head[3]) {
            (0x03, 0) => sop_instance = text(),
            (0x10, 0) => transfer_syntax = text(),
            _ => {}
        }
        rest = &rest[start + length..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> Vec<u8> {
        dicom::part10::file_meta("1.2.840.10008.5.1.4.1.1.2", "2.25.1", "1.2.840.10008.1.2.1", None)
    }

    #[test]
    fn every_beginning_of_a_file_asks_for_more_until_both_uids_are_there() {
        let file = file();
        let known = file_meta(&file);
        assert!(matches!(&known, FileMeta::Known { sop_instance, .. } if sop_instance.as_str() == "2.25.1"));
        let enough = (0..=file.len()).find(|end| file_meta(&file[..*end]) != FileMeta::More).unwrap();
        assert!(enough < file.len());
        assert!((enough..=file.len()).all(|end| file_meta(&file[..end]) == known));
    }

    #[test]
    fn what_is_no_file_meta_group_is_told_at_once() {
        let mut no_prefix = file();
        no_prefix[128] = b'X';
        let mut other_group = file();
        other_group[132] = 8;
        let mut huge = file();
        huge.truncate(132);
        huge.extend_from_slice(&[2, 0, 1, 0, b'O', b'B', 0, 0, 0xFF, 0xFF, 0xFF, 0xFF]);
        for octets in [no_prefix, other_group, huge] {
            assert_eq!(file_meta(&octets), FileMeta::None);
        }
    }
}
