//! The error page: what happened, who caused it, what to do now, and a reference that can be copied. ui.md, principle 7.

use crate::{Frame, Texts};
use askama::Template;

/// An error in words. None of the texts holds patient data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub what: String,
    pub who: String,
    pub advice: String,
    /// Finds the log line.
    pub reference: String,
    /// Trying again may help.
    pub again: bool,
}

/// The page.
#[derive(Template)]
#[template(path = "error.html")]
pub struct ErrorPage {
    pub frame: Frame,
    pub problem: Problem,
    /// Where to go on.
    pub back: String,
    pub back_words: String,
    /// The address that failed.
    pub here: String,
}

impl ErrorPage {
    /// `here` is the address that failed; an empty `patient` of the frame leads back to the search.
    pub fn of(problem: Problem, here: &str, frame: Frame) -> ErrorPage {
        let (back, key) = match frame.patient.is_empty() {
            true => (frame.base.clone(), "error.back.search"),
            false => (crate::urls::patient(&frame.base, &frame.patient), "error.back.timeline"),
        };
        let back_words = frame.texts.find(key).unwrap_or_default().to_owned();
        ErrorPage { problem, back, back_words, here: here.to_owned(), frame }
    }

    fn t(&self) -> Texts {
        self.frame.texts
    }
}
