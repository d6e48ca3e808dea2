//! The actors over the real store: what a registry, a repository, an archive, an identity manager and an imaging source
//! do, with a clock that stands still and identifiers that count.

mod archive;
mod bench;
mod fakes;
mod find;
mod flows;
mod identity;
mod pacs_notices;
mod pacs_proxy;
mod pacs_retrieval;
mod publish;
mod publish_random;
mod reconciliation;
mod register;
mod register_associations;
mod repository;
mod repository_remote;
mod samples;
mod search_directory;
mod stored_queries;
mod updates;
