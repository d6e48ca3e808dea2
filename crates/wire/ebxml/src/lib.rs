//! ebxml
