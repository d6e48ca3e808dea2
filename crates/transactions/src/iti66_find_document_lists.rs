//! ITI-66 Find Document Lists: submission sets and folders. MHD 2:3.66; spec/fhir.md sections 2, 8.

use crate::edge::Edge;
use crate::edge::audit::{Facts, Outcome};
use crate::edge::fhir_server::{Format, Refused, prefer, read_resource, resource, search_query, with_manners};
use crate::edge::operation_outcome;
use crate::edge::page_token::{PageKey, Position, bad_token};
use crate::{Access, Binding, Transaction};
use actors::{Cx, Registry, SilentParty};
use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request};
use axum::response::Response;
use axum::routing::{get, post};
use fhir::bundle::{Links, list_searchset};
use fhir::identifier::resource_id;
use fhir::list::{ListEncodeContext, encode_folder, encode_submission_set};
use fhir::search::lists::{ListSearch, decode};
use fhir::search::{Handling, Parameters, SearchOptions};
use http::StatusCode;
use model::{
    AssociationType, DocumentQuery, DocumentType, Folder, FolderQuery, HomeCommunityId, ObjectId, ObjectNames, Oid,
    PatientId, RegistryQuery, StoredQuery, SubmissionSet, SubmissionSetQuery,
};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

pub static TRANSACTION: Transaction = Transaction {
    id: "ITI-66",
    name: "Find Document Lists",
    section: "MHD 2:3.66",
    binding: Binding::Http { method: "GET", path: "/fhir/List" },
    access: Access::Query,
};

/// Members looked up at once.
const CHUNK: usize = 1000;

/// Answers a consumer.
#[derive(Clone)]
pub struct Server {
    pub registry: Arc<dyn Registry>,
    /// Public address of `/fhir`, without a slash at the end.
    pub fhir_base: String,
    /// The community of objects that name none.
    pub home: Option<HomeCommunityId>,
    /// Completes `patient.identifier=value` without a system.
    pub patient_domain: Option<Oid>,
    pub page_key: PageKey,
    /// Lists per page when the caller does not say, and at most.
    pub default_count: usize,
    pub max_count: usize,
    pub edge: Edge,
}

/// One list that was found.
enum Listed {
    Set(SubmissionSet),
    Folder(Folder),
}

impl Listed {
    fn id(&self) -> &ObjectId {
        match self {
            Listed::Set(set) => &set.id,
            Listed::Folder(folder) => &folder.id,
        }
    }

    fn patient(&self) -> &PatientId {
        match self {
            Listed::Set(set) => &set.patient_id,
            Listed::Folder(folder) => &folder.patient_id,
        }
    }

    fn version(&self) -> u32 {
        match self {
            Listed::Set(_) => 1,
            Listed::Folder(folder) => folder.version.unwrap_or(1),
        }
    }

    fn unique_id(&self) -> String {
        match self {
            Listed::Set(set) => set.unique_id.to_string(),
            Listed::Folder(folder) => folder.unique_id.to_string(),
        }
    }

    /// Place in the order by date; a folder without its time comes last.
    fn key(&self) -> (u64, &str) {
        let time = match self {
            Listed::Set(set) => set.submission_time.start(),
            Listed::Folder(folder) => folder.last_update_time.as_ref().map_or(0, |time| time.start()),
        };
        (time, self.id().as_str())
    }

    fn encode(&self, cx: &ListEncodeContext<'_>) -> Vec<u8> {
        match self {
            Listed::Set(set) => encode_submission_set(set, cx),
            Listed::Folder(folder) => encode_folder(folder, cx),
        }
    }
}

impl Server {
    pub fn router(self) -> Router {
        let edge = self.edge.clone();
        let server = Arc::new(self);
        let (searched, posted, read) = (server.clone(), server.clone(), server);
        let search = move |request: Request| {
            let server = searched.clone();
            async move { server.search(request).await }
        };
        let post_search = move |request: Request| {
            let server = posted.clone();
            async move { server.search(request).await }
        };
        let read_one = move |id: Result<Path<String>, PathRejection>, request: Request| {
            let server = read.clone();
            async move { server.read(id.ok().map(|p| p.0), request).await }
        };
        let router = Router::new()
            .route("/fhir/List", get(search))
            .route("/fhir/List/_search", post(post_search))
            .route("/fhir/List/{id}", get(read_one));
        with_manners(router, &edge)
    }

    async fn search(&self, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let cx = self.edge.cx(&parts);
        let mut facts = Facts::default();
        let answered = async {
            let query = search_query(&parts, body).await?;
            facts.query = Some(query.clone());
            self.answer(&query, &parts.headers, &mut facts, &cx).await
        }
        .await;
        let outcome = answered.as_ref().map_or_else(Refused::audit_outcome, |_| Outcome::Success);
        let response = match answered {
            Ok((format, body)) => resource(StatusCode::OK, format, body),
            Err(refused) => refused.respond_to(facts.query.as_deref().unwrap_or(""), &cx),
        };
        self.edge.audit(&TRANSACTION, outcome, facts, &cx);
        response
    }

    async fn answer(
        &self,
        query: &str,
        headers: &http::HeaderMap,
        facts: &mut Facts,
        cx: &Cx,
    ) -> Result<(Format, Vec<u8>), Refused> {
        let options = SearchOptions {
            handling: Handling::from_prefer(&prefer(headers)),
            patient_domain: self.patient_domain.clone(),
            fhir_base: Some(self.fhir_base.clone()),
            default_count: self.default_count,
            max_count: self.max_count,
            ..SearchOptions::default()
        };
        let mut search = decode(query, &options)?;
        let format = Format::negotiate(headers, search.format.as_deref())?;
        let mut position = None;
        if let Some(token) = search.page_token.take() {
            let opened = self.page_key.open(&token, cx).map_err(bad_token)?;
            search = decode(&opened.query, &options)?;
            position = Some(opened);
        }
        facts.patient = search.patient_id.clone();
        let mut outcomes = operation_outcome::remarks(
            &search.ignored,
            search.patient_reference.is_some(),
            &search.target_communities,
            self.home.as_ref(),
        );
        let elsewhere = !search.target_communities.is_empty()
            && self.home.as_ref().is_some_and(|home| !search.target_communities.contains(home));
        search.nothing |= elsewhere || search.patient_reference.is_some();
        let mut silent = Vec::new();
        let mut found = self.find(&search, &mut silent, cx).await?;
        let total = position.as_ref().map_or(found.len() as u64, |p| p.total);
        found.sort_by(|a, b| if search.ascending { a.key().cmp(&b.key()) } else { b.key().cmp(&a.key()) });
        if let Some(position) = &position {
            let (time, id) = position.after.split_once(' ').unwrap_or(("", ""));
            let after = (time.parse().unwrap_or(0), id);
            found.retain(|list| if search.ascending { list.key() > after } else { list.key() < after });
        }
        let size = if search.count_only { 0 } else { search.page_size };
        let more = found.len() > size && size > 0;
        found.truncate(size);
        let self_query = search.understood.query();
        let self_url = format!("{}/List?{self_query}", self.fhir_base);
        let next_url = found.last().filter(|_| more).map(|last| {
            let (time, id) = last.key();
            let position = Position { query: self_query, total, after: format!("{time} {id}") };
            format!("{}/List?_page={}", self.fhir_base, self.page_key.seal(&position, cx))
        });
        let lists = self.encode(&found, &mut silent, cx).await?;
        outcomes.extend(silent.iter().map(operation_outcome::silent));
        let links = Links { self_url: &self_url, next: next_url.as_deref(), previous: None };
        Ok((format, list_searchset(lists, &self.fhir_base, total, &links, &outcomes)))
    }

    /// Every list that meets the search, in any order.
    async fn find(&self, search: &ListSearch, silent: &mut Vec<SilentParty>, cx: &Cx) -> Result<Vec<Listed>, Refused> {
        let mut found = Vec::new();
        if search.nothing {
            return Ok(found);
        }
        let mut queries = Vec::new();
        match &search.patient_id {
            Some(patient) => {
                if search.submission_sets {
                    queries.push(StoredQuery::FindSubmissionSets(SubmissionSetQuery {
                        patient_id: patient.clone(),
                        source_ids: Vec::new(),
                        submission_time: Default::default(),
                        author_person: Vec::new(),
                        content_type_codes: Vec::new(),
                        statuses: search.statuses.clone(),
                    }));
                }
                if search.folders {
                    let (patient_id, statuses) = (Some(patient.clone()), search.statuses.clone());
                    queries.push(StoredQuery::FindFolders(FolderQuery { patient_id, statuses, ..Default::default() }));
                }
            }
            None => {
                let (mut ids, unique_ids) = search.identifiers.clone().unwrap_or_default();
                ids.extend(search.ids.iter().flatten().cloned());
                for names in [ObjectNames::Ids(ids), ObjectNames::UniqueIds(unique_ids)] {
                    if !matches!(&names, ObjectNames::Ids(ids) if ids.is_empty())
                        && !matches!(&names, ObjectNames::UniqueIds(ids) if ids.is_empty())
                    {
                        queries.extend(self.by_name(names, search));
                    }
                }
            }
        }
        let mut seen = HashSet::new();
        for query in queries {
            let answered = self.registry.query(&RegistryQuery::from(query), cx).await?;
            silent.extend(answered.silent);
            let sets = answered.objects.submission_sets.into_iter().filter(|set| search.matches_set(set));
            let folders = answered.objects.folders.into_iter().filter(|folder| search.matches_folder(folder));
            let lists = sets.map(Listed::Set).chain(folders.map(Listed::Folder)).filter(|list| match list {
                Listed::Set(_) => search.submission_sets,
                Listed::Folder(_) => search.folders,
            });
            found.extend(lists.filter(|list| seen.insert(list.id().clone())));
        }
        Ok(found)
    }

    fn by_name(&self, names: ObjectNames, search: &ListSearch) -> Vec<StoredQuery> {
        let mut queries = Vec::new();
        if search.submission_sets {
            // No document has this availability: the set alone is wanted.
            let documents =
                DocumentQuery { document_availabilities: vec!["urn:none".to_owned()], ..DocumentQuery::default() };
            queries.push(StoredQuery::GetSubmissionSetAndContents { submission_set: names.clone(), documents });
        }
        if search.folders {
            queries.push(StoredQuery::GetFolders(names));
        }
        queries
    }

    /// Lists with their members, which three calls find for the whole page.
    async fn encode(
        &self,
        lists: &[Listed],
        silent: &mut Vec<SilentParty>,
        cx: &Cx,
    ) -> Result<Vec<(String, Vec<u8>)>, Refused> {
        if lists.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<ObjectId> = lists.iter().map(|list| list.id().clone()).collect();
        let links = self.registry.associations(&ids, cx).await?;
        silent.extend(links.silent);
        let mut members: HashMap<&ObjectId, Vec<&ObjectId>> = HashMap::new();
        for link in links.items.iter().filter(|a| a.kind == AssociationType::HasMember) {
            members.entry(&link.source).or_default().push(&link.target);
        }
        let targets: Vec<ObjectId> =
            ids.iter().filter_map(|id| members.get(id)).flatten().map(|id| (*id).clone()).collect();
        // A set lists documents and folders; the memberships of old folders, which it lists in XDS too, FHIR does not.
        let mut kinds: HashMap<ObjectId, &str> = HashMap::new();
        for chunk in targets.chunks(CHUNK) {
            let document_types = vec![DocumentType::Stable, DocumentType::OnDemand];
            let query = DocumentQuery { entry_ids: chunk.to_vec(), document_types, ..DocumentQuery::default() };
            let entries = self.registry.find(&query, cx).await?;
            kinds.extend(entries.items.into_iter().map(|e| (e.id, "DocumentReference")));
            let query = StoredQuery::GetFolders(ObjectNames::Ids(chunk.to_vec()));
            let folders = self.registry.query(&RegistryQuery::from(query), cx).await?;
            kinds.extend(folders.objects.folders.into_iter().map(|f| (f.id, "List")));
        }
        let encoded = lists.iter().map(|list| {
            let members = members.get(list.id()).into_iter().flatten();
            let reference = |id: &&ObjectId| Some(format!("{}/{}", kinds.get(*id)?, resource_id(id)));
            let members: Vec<String> = members.filter_map(reference).collect();
            let patient =
                fhir::patient::resource_id(list.patient()).map(|id| format!("{}/Patient/{id}", self.fhir_base));
            let context = ListEncodeContext {
                members: &members,
                home_community_id: self.home.as_ref(),
                patient_reference: patient.as_deref(),
            };
            (resource_id(list.id()).to_owned(), list.encode(&context))
        });
        Ok(encoded.collect())
    }

    async fn read(&self, id: Option<String>, request: Request) -> Response {
        let (parts, _) = request.into_parts();
        let cx = self.edge.cx(&parts);
        let mut facts = Facts { query: id.clone(), ..Facts::default() };
        let read = self.read_one(id.as_deref(), &parts, &mut facts, &cx).await;
        let outcome = read.as_ref().map_or_else(Refused::audit_outcome, |_| Outcome::Success);
        self.edge.audit(&TRANSACTION, outcome, facts, &cx);
        match read {
            Ok((format, version, body)) => read_resource(format, body, version, None),
            Err(refused) => refused.respond(&cx),
        }
    }

    async fn read_one(
        &self,
        id: Option<&str>,
        parts: &http::request::Parts,
        facts: &mut Facts,
        cx: &Cx,
    ) -> Result<(Format, u32, Vec<u8>), Refused> {
        let parameters = Parameters::decode(parts.uri.query().unwrap_or(""))?;
        let format = Format::negotiate(&parts.headers, parameters.first("_format"))?;
        let unknown = || Refused::not_found("a List of this id");
        let id = id.and_then(fhir::identifier::object_id).ok_or_else(unknown)?;
        let search = ListSearch::of_id(id);
        let mut silent = Vec::new();
        let found = self.find(&search, &mut silent, cx).await?;
        if let Some(list) = found.first() {
            *facts = Facts { patient: Some(list.patient().clone()), objects: vec![list.unique_id()], query: None };
        }
        let encoded = self.encode(&found[..found.len().min(1)], &mut silent, cx).await?;
        match (encoded.into_iter().next(), silent.into_iter().next()) {
            (Some((_, body)), _) => Ok((format, found.first().map_or(1, Listed::version), body)),
            // Absence is only claimed when everybody has answered.
            (None, Some(party)) => Err(actors::Refusal::from(party.fault).into()),
            (None, None) => Err(unknown()),
        }
    }
}
