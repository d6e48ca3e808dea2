//! The FHIR R4 data types that our resources use, reduced to the elements that are mapped. Elements in the order of the
//! specification; what is not listed is not kept. Source: http://hl7.org/fhir/R4/datatypes.html.

use std::borrow::Cow;

/// Text of a wire struct: borrowed from the model when encoding, owned when decoding.
pub type Str<'a> = Cow<'a, str>;

/// Absent elements are not written: FHIR forbids null, empty strings and empty arrays.
pub(crate) trait Absent {
    fn is_absent(&self) -> bool;
}

impl<T> Absent for Option<T> {
    fn is_absent(&self) -> bool {
        self.is_none()
    }
}

impl<T> Absent for Vec<T> {
    fn is_absent(&self) -> bool {
        self.is_empty()
    }
}

// Every element of every struct needs the same three attributes; without the macro they hide the elements.
macro_rules! elements {
    ($($(#[$doc:meta])* $name:ident<$lt:lifetime> { $($(#[$fdoc:meta])* $field:ident: $type:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(default, rename_all = "camelCase")]
        pub struct $name<$lt> {
            $($(#[$fdoc])* #[serde(skip_serializing_if = "crate::datatypes::Absent::is_absent")] pub $field: $type,)*
        }
    )*};
}
pub(crate) use elements;

elements! {
    Coding<'a> { system: Option<Str<'a>>, code: Option<Str<'a>>, display: Option<Str<'a>>, }
    CodeableConcept<'a> { coding: Vec<Coding<'a>>, text: Option<Str<'a>>, }
    Identifier<'a> {
        r#use: Option<Str<'a>>,
        r#type: Option<CodeableConcept<'a>>,
        system: Option<Str<'a>>,
        value: Option<Str<'a>>,
        assigner: Option<Box<Reference<'a>>>,
    }
    Reference<'a> {
        extension: Vec<Extension<'a>>,
        reference: Option<Str<'a>>,
        r#type: Option<Str<'a>>,
        identifier: Option<Box<Identifier<'a>>>,
        display: Option<Str<'a>>,
    }
    HumanName<'a> {
        r#use: Option<Str<'a>>,
        text: Option<Str<'a>>,
        family: Option<Str<'a>>,
        given: Vec<Str<'a>>,
        prefix: Vec<Str<'a>>,
        suffix: Vec<Str<'a>>,
    }
    ContactPoint<'a> { system: Option<Str<'a>>, value: Option<Str<'a>>, r#use: Option<Str<'a>>, }
    Address<'a> {
        r#use: Option<Str<'a>>,
        text: Option<Str<'a>>,
        line: Vec<Str<'a>>,
        city: Option<Str<'a>>,
        district: Option<Str<'a>>,
        state: Option<Str<'a>>,
        postal_code: Option<Str<'a>>,
        country: Option<Str<'a>>,
    }
    Period<'a> { start: Option<Str<'a>>, end: Option<Str<'a>>, }
    Attachment<'a> {
        content_type: Option<Str<'a>>,
        language: Option<Str<'a>>,
        data: Option<Str<'a>>,
        url: Option<Str<'a>>,
        size: Option<u64>,
        hash: Option<Str<'a>>,
        title: Option<Str<'a>>,
        creation: Option<Str<'a>>,
    }
    Meta<'a> {
        version_id: Option<Str<'a>>,
        last_updated: Option<Str<'a>>,
        profile: Vec<Str<'a>>,
        tag: Vec<Coding<'a>>,
    }
    Annotation<'a> { text: Option<Str<'a>>, }
    /// An extension with the value types that our extensions have.
    Extension<'a> {
        extension: Vec<Extension<'a>>,
        url: Option<Str<'a>>,
        value_codeable_concept: Option<CodeableConcept<'a>>,
        value_identifier: Option<Identifier<'a>>,
        value_oid: Option<Str<'a>>,
        value_reference: Option<Reference<'a>>,
        value_string: Option<Str<'a>>,
        value_uri: Option<Str<'a>>,
    }
}

impl<'a> Reference<'a> {
    pub(crate) fn to(reference: impl Into<Str<'a>>) -> Self {
        Reference { reference: Some(reference.into()), ..Reference::default() }
    }
}
