//! Text with a language, as titles, comments and display names carry it (ebRIM InternationalString).

/// One rendering of a text. `lang` is absent when the submitter gave none.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LocalizedString {
    pub value: String,
    pub lang: Option<String>,
    pub charset: Option<String>,
}

/// A text in zero or more languages; empty means absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Text(pub Vec<LocalizedString>);

impl Text {
    pub fn plain(value: impl Into<String>) -> Self {
        Text(vec![LocalizedString { value: value.into(), lang: None, charset: None }])
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first rendering.
    pub fn value(&self) -> Option<&str> {
        self.0.first().map(|s| s.value.as_str())
    }
}
