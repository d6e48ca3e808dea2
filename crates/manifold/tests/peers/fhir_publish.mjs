// fhir-kit-client as a Document Source: provides documents of Comprehensive metadata by ITI-65, finds them again page by
// page, reads them and fetches their octets. MANIFOLD_PEERS names the folder that holds node_modules.
//
//     fhir_publish.mjs BASE DOMAIN PATIENT    the patient is known there; DOMAIN is an OID
import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const module = join(process.env.MANIFOLD_PEERS, 'node_modules/fhir-kit-client/dist/index.js');
const { Client } = await import(pathToFileURL(module));

const [baseUrl, domain, patient] = process.argv.slice(2);
const DOCUMENTS = 3;
const MHD = 'https://profiles.ihe.net/ITI/MHD/StructureDefinition/';
const SUBJECT = { identifier: { system: `urn:oid:${domain}`, value: patient } };

const concept = (system, code) => ({ coding: [{ system, code }] });
const uid = () => `urn:oid:2.25.${BigInt(`0x${randomUUID().replaceAll('-', '')}`)}`;
const uri = (value) => ({ system: 'urn:ietf:rfc:3986', value });
const created = (resource) => ({
  fullUrl: `urn:uuid:${randomUUID()}`,
  resource,
  request: { method: 'POST', url: resource.resourceType },
});

function document(number, octets, url) {
  return {
    resourceType: 'DocumentReference',
    meta: { profile: [`${MHD}IHE.MHD.Comprehensive.DocumentReference`] },
    contained: [{ resourceType: 'Patient', id: 'source', identifier: [SUBJECT.identifier], gender: 'unknown' }],
    masterIdentifier: uri(uid()),
    status: 'current',
    type: concept('http://loinc.org', '85430-7'),
    category: [concept('urn:oid:1.3.6.1.4.1.19376.1.2.6.1', 'REPORTS')],
    subject: SUBJECT,
    date: new Date().toISOString(),
    securityLabel: [concept('http://terminology.hl7.org/CodeSystem/v3-Confidentiality', 'N')],
    content: [
      {
        attachment: {
          contentType: 'text/plain',
          language: 'fr',
          url,
          size: octets.length,
          hash: createHash('sha1').update(octets).digest('base64'),
          title: `Résultat ${number}`,
          creation: new Date().toISOString(),
        },
        format: {
          system: 'http://ihe.net/fhir/ihe.formatcode.fhir/CodeSystem/formatcode',
          code: 'urn:ihe:rad:TEXT',
        },
      },
    ],
    context: {
      facilityType: concept('http://snomed.info/sct', '22232009'),
      practiceSetting: concept('http://snomed.info/sct', '394914008'),
      sourcePatientInfo: { reference: '#source' },
    },
  };
}

function submission(contents) {
  const binaries = contents.map((octets) =>
    created({ resourceType: 'Binary', contentType: 'text/plain', data: octets.toString('base64') }),
  );
  const documents = contents.map((octets, n) => created(document(n, octets, binaries[n].fullUrl)));
  const list = created({
    resourceType: 'List',
    meta: { profile: [`${MHD}IHE.MHD.Comprehensive.SubmissionSet`] },
    extension: [
      { url: `${MHD}ihe-designationType`, valueCodeableConcept: concept('http://loinc.org', '18748-4') },
      { url: `${MHD}ihe-sourceId`, valueIdentifier: uri('urn:oid:2.999.4.2') },
    ],
    identifier: [{ use: 'usual', ...uri(uid()) }],
    status: 'current',
    mode: 'working',
    title: 'Provided by fhir-kit-client',
    code: concept('https://profiles.ihe.net/ITI/MHD/CodeSystem/MHDlistTypes', 'submissionset'),
    subject: SUBJECT,
    date: new Date().toISOString(),
    entry: documents.map((entry) => ({ item: { reference: entry.fullUrl } })),
  });
  return {
    resourceType: 'Bundle',
    meta: { profile: [`${MHD}IHE.MHD.Comprehensive.ProvideBundle`] },
    type: 'transaction',
    entry: [list, ...documents, ...binaries],
  };
}

const client = new Client({ baseUrl });
const contents = [...Array(DOCUMENTS).keys()].map((n) => Buffer.from(`Résultat numéro ${n}\n`, 'utf8'));
const body = submission(contents);
const answer = await client.transaction({ body });
assert.equal(answer.type, 'transaction-response');
assert.equal(answer.entry.length, body.entry.length);
for (const entry of answer.entry) assert.equal(entry.response.status, '201 Created');

const at = (n) => answer.entry[n].response.location.split('/').pop();
const list = await client.read({ resourceType: 'List', id: at(0) });
assert.equal(list.title, 'Provided by fhir-kit-client');
assert.deepEqual(
  list.entry.map((entry) => entry.item.reference).sort(),
  contents.map((_, n) => `DocumentReference/${at(n + 1)}`).sort(),
);

const searchParams = { 'patient.identifier': `urn:oid:${domain}|${patient}`, status: 'current', _count: 2 };
const found = new Map();
let pages = 0;
let bundle = await client.search({ resourceType: 'DocumentReference', searchParams });
for (; bundle; bundle = await client.nextPage({ bundle }), pages += 1) {
  for (const { resource } of bundle.entry) found.set(resource.masterIdentifier.value, resource);
}
assert.ok(pages > 1, 'more than one page');
for (const [n, octets] of contents.entries()) {
  const sent = body.entry[n + 1].resource;
  const reference = found.get(sent.masterIdentifier.value);
  assert.ok(reference, `document ${n} is found`);
  assert.deepEqual(await client.read({ resourceType: 'DocumentReference', id: at(n + 1) }), reference);
  const { attachment } = reference.content[0];
  const { url, creation, ...kept } = attachment;
  const { url: sentUrl, creation: sentCreation, ...wanted } = sent.content[0].attachment;
  assert.deepEqual(kept, wanted);
  assert.equal(Math.trunc(Date.parse(creation) / 1000), Math.trunc(Date.parse(sentCreation) / 1000));
  for (const element of ['type', 'category', 'securityLabel']) {
    const codes = (value) => JSON.stringify([value].flat().map((one) => [one.coding[0].system, one.coding[0].code]));
    assert.equal(codes(reference[element]), codes(sent[element]), element);
  }
  const response = await fetch(url);
  assert.equal(response.status, 200);
  assert.deepEqual(Buffer.from(await response.arrayBuffer()), octets);
}
const refused = submission([Buffer.from('refused')]);
refused.entry[1].resource.category[0].coding[0].code = 'none-of-the-value-set';
await assert.rejects(
  client.transaction({ body: refused }),
  (error) => error.response.status === 422 && error.response.data.resourceType === 'OperationOutcome',
);
console.log(`fhir-kit-client provided, found, read and retrieved ${DOCUMENTS} documents`);
