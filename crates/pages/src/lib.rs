//! Pages of portal and console: templates, one stylesheet, small scripts, texts per language. Model values and plain data go in, HTML
//! comes out; fetching, rules and wire formats are elsewhere. Source: ui.md.
//!
//! Start at [`TimelinePage`], [`ReportPage`], [`StudyPage`], [`PatientsPage`], [`ErrorPage`] and [`console::ConsolePage`]; each is built by its `of`
//! and rendered by askama. [`Texts`] are the words, [`Reader`] is who reads, [`assets`] are the files beside the pages.
#![forbid(unsafe_code)]

pub mod assets;
pub mod console;
mod dates;
pub mod episodes;
mod error;
mod identity;
pub mod narrative;
#[cfg(test)]
mod page_tests;
mod patients;
mod report;
mod study;
#[cfg(test)]
mod testing;
mod texts;
mod timeline;
pub mod urls;
mod words;

pub use askama::Template;
pub use dates::{Reader, When};
pub use error::{ErrorPage, Problem};
pub use identity::{Demographics, Difference, IdentityBand, differences};
pub use jiff::tz::TimeZone;
pub use patients::{PatientRow, PatientsPage};
pub use report::{Body, Header, ReportPage};
pub use study::{SeriesTile, StudyPage, date as study_date, frames, has_pictures, series_title};
pub use texts::Texts;
pub use timeline::{Choice, Filter, Line, ReportLink, Silent, StudyLink, TimelineInput, TimelinePage, Version, Year};
pub use words::{Badge, Fact, FactGroup, modality_family};

/// What surrounds every page.
#[derive(Clone, Debug)]
pub struct Frame {
    pub texts: Texts,
    /// Where the pages are: `/portal` or `/console`.
    pub base: String,
    /// The patient's name in addresses; empty where there is none.
    pub patient: String,
    /// Who runs this node, as the reader knows it.
    pub node: String,
    /// This page without its language.
    pub here: String,
}

impl Frame {
    /// Address of an asset by its place in [`assets::names`].
    fn asset(&self, at: usize) -> String {
        format!("{}/assets/{}", self.base, assets::names()[at])
    }

    fn styles(&self) -> String {
        self.asset(0)
    }

    fn theme_script(&self) -> String {
        self.asset(1)
    }

    fn portal_script(&self) -> String {
        self.asset(2)
    }

    fn viewer_script(&self) -> String {
        self.asset(3)
    }

    fn console_styles(&self) -> String {
        self.asset(5)
    }

    fn console_script(&self) -> String {
        self.asset(6)
    }

    fn icon(&self) -> String {
        self.asset(4)
    }

    /// Other languages: tag, name, address.
    fn languages(&self) -> Vec<(&'static str, &'static str, String)> {
        let own = self.texts.tag();
        let join = if self.here.contains('?') { '&' } else { '?' };
        let others = Texts::all().filter(|(tag, _)| *tag != own);
        others.map(|(tag, name)| (tag, name, format!("{}{join}lang={tag}", self.here))).collect()
    }
}
