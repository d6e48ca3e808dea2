//! atna
