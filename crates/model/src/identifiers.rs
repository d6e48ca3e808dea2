//! Identifiers: OIDs, DICOM UIDs, entryUUIDs and symbolic ids, document uniqueIds, home communities.
//! Source: ITI TF-3 4.2.3.1 (OID, UUID), PS3.5 9.1 (UI), spec section 13.

use crate::Invalid;
use std::fmt;

/// An ISO object identifier without prefix, at most 64 characters, no leading zeros in a component. A first arc above 2
/// does not exist, yet installed products and the field's own test data use such numbers, so it is read (see
/// [`Oid::is_strict`]).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Oid(String);

impl Oid {
    /// Errors: not numbers joined by dots, at least two, or longer than 64 characters.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let mut count = 0;
        let well_formed = text.split('.').all(|c| {
            count += 1;
            !c.is_empty() && c.bytes().all(|b| b.is_ascii_digit()) && (c == "0" || !c.starts_with('0'))
        });
        if well_formed && count > 1 && text.len() <= 64 {
            Ok(Oid(text.to_owned()))
        } else {
            Err(Invalid::new("", "must be an OID such as 2.999.1 of at most 64 characters, without prefix", text))
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True when the first arc is 0, 1 or 2, as ISO 9834 has it.
    pub fn is_strict(&self) -> bool {
        matches!(self.0.split('.').next(), Some("0" | "1" | "2"))
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A DICOM UID as it came, trailing NUL and space removed. Leading zeros in a component are kept: peers write them, and
/// such objects must stay reachable under exactly that name (PS3.5 9.1 forbids them; see [`Uid::is_strict`]).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Uid(String);

impl Uid {
    /// Errors: empty, longer than 64, an empty component, or anything but digits and dots.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let trimmed = text.trim_end_matches(['\0', ' ']);
        let ok = !trimmed.is_empty()
            && trimmed.len() <= 64
            && trimmed.split('.').all(|c| !c.is_empty() && c.bytes().all(|b| b.is_ascii_digit()));
        if ok {
            Ok(Uid(trimmed.to_owned()))
        } else {
            Err(Invalid::new(
                "",
                "must be a DICOM UID: digits and dots, no empty component, at most 64 characters",
                text,
            ))
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True when PS3.5 9.1 is met to the letter.
    pub fn is_strict(&self) -> bool {
        self.0.split('.').all(|c| c == "0" || !c.starts_with('0'))
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! uid_types {
    ($($(#[$doc:meta])* $name:ident, $field:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Uid);

        impl $name {
            /// Errors: as [`Uid::parse`], naming this field.
            pub fn parse(text: &str) -> Result<Self, Invalid> {
                Uid::parse(text).map($name).map_err(|e| e.within($field))
            }
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }
            pub fn uid(&self) -> &Uid {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

uid_types! {
    /// (0020,000D).
    StudyInstanceUid, "StudyInstanceUID";
    /// (0020,000E).
    SeriesInstanceUid, "SeriesInstanceUID";
    /// (0008,0018).
    SopInstanceUid, "SOPInstanceUID";
    /// (0008,0016).
    SopClassUid, "SOPClassUID";
    /// (0002,0010).
    TransferSyntaxUid, "TransferSyntaxUID";
    /// (0040,E011): the place where instances can be fetched.
    RetrieveLocationUid, "RetrieveLocationUID";
}

/// An entryUUID (`urn:uuid:...`, lower case) or, in a submission, a symbolic id.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectId(String);

impl ObjectId {
    /// Text that starts with `urn:uuid:` must be a well-formed UUID and is lower-cased; anything else is symbolic.
    /// Errors: empty, longer than 256, or `urn:uuid:` with something that is no UUID.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let lower = text.to_ascii_lowercase();
        if let Some(hex) = lower.strip_prefix("urn:uuid:") {
            let ok = hex.len() == 36
                && hex.bytes().enumerate().all(|(i, b)| match i {
                    8 | 13 | 18 | 23 => b == b'-',
                    _ => b.is_ascii_hexdigit(),
                });
            return if ok {
                Ok(ObjectId(lower))
            } else {
                Err(Invalid::new("entryUUID", "must be urn:uuid: and 8-4-4-4-12 hexadecimal digits", text))
            };
        }
        if text.is_empty() || text.len() > 256 {
            return Err(Invalid::new("id", "must have 1 to 256 characters", text));
        }
        Ok(ObjectId(text.to_owned()))
    }

    /// An entryUUID from the 16 bytes of a UUID.
    pub fn from_uuid_bytes(bytes: [u8; 16]) -> Self {
        let mut text = String::with_capacity(45);
        text.push_str("urn:uuid:");
        for (i, byte) in bytes.iter().enumerate() {
            if matches!(i, 4 | 6 | 8 | 10) {
                text.push('-');
            }
            text.push_str(&format!("{byte:02x}"));
        }
        ObjectId(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn is_uuid(&self) -> bool {
        self.0.starts_with("urn:uuid:")
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// uniqueId of a document, submission set or folder: opaque, compared byte for byte.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UniqueId(String);

impl UniqueId {
    /// Errors: empty, longer than 256 characters, or with white space or control characters at either end.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if text.is_empty() || text.chars().count() > 256 || text.trim() != text || text.chars().any(char::is_control) {
            return Err(Invalid::new("uniqueId", "must have 1 to 256 printable characters without outer spaces", text));
        }
        Ok(UniqueId(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UniqueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&SopInstanceUid> for UniqueId {
    fn from(uid: &SopInstanceUid) -> Self {
        UniqueId(uid.as_str().to_owned())
    }
}

/// `urn:oid:` and an OID.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HomeCommunityId(Oid);

impl HomeCommunityId {
    /// Errors: not `urn:oid:` followed by an OID.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        text.strip_prefix("urn:oid:")
            .and_then(|oid| Oid::parse(oid).ok())
            .map(HomeCommunityId)
            .ok_or_else(|| Invalid::new("homeCommunityId", "must be urn:oid: followed by an OID", text))
    }

    pub fn oid(&self) -> &Oid {
        &self.0
    }
}

impl fmt::Display for HomeCommunityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "urn:oid:{}", self.0)
    }
}
