// FHIR clients and validators from npm. MANIFOLD_PEERS names the folder that holds node_modules.
//
//     fhir.mjs validate FILE...              each with npm `fhir`; JSON must become XML and come back
//     fhir.mjs client BASE DOMAIN PATIENT    fhir-kit-client as a Document Consumer
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';

const require = createRequire(join(process.env.MANIFOLD_PEERS, 'package.json'));

// Read from XML, its decimals are strings, which its own rules then refuse.
const DECIMAL_OF_XML = /^Bundle\.entry\[\d+\]\.search\.score$/;

function validate(files) {
  const { Fhir } = require('fhir');
  const fhir = new Fhir();
  for (const file of files) {
    const text = readFileSync(file, 'utf8');
    const resource = text.startsWith('<') ? fhir.xmlToObj(text) : JSON.parse(text);
    for (const message of fhir.validate(resource, { errorOnUnexpected: true }).messages) {
      if (text.startsWith('<') && DECIMAL_OF_XML.test(message.location)) continue;
      console.log([message.severity, basename(file), message.location, message.message].join(' | '));
    }
    if (!text.startsWith('<')) {
      assert.deepEqual(JSON.parse(fhir.xmlToJson(fhir.objToXml(resource))), resource, `${file} by way of XML`);
    }
  }
  console.log(`${files.length} resources validated by npm fhir`);
}

async function client(baseUrl, domain, patient) {
  const module = join(process.env.MANIFOLD_PEERS, 'node_modules/fhir-kit-client/dist/index.js');
  const { Client } = await import(pathToFileURL(module));
  const client = new Client({ baseUrl });
  const statement = await client.capabilityStatement();
  assert.equal(statement.fhirVersion, '4.0.1');
  const searchParams = { 'patient.identifier': `urn:oid:${domain}|${patient}`, status: 'current', _count: 2 };
  const get = await everything(client, await client.search({ resourceType: 'DocumentReference', searchParams }));
  const options = { postSearch: true };
  const post = await everything(
    client,
    await client.search({ resourceType: 'DocumentReference', searchParams, options }),
  );
  assert.deepEqual(post.map((resource) => resource.id), get.map((resource) => resource.id));
  let octets = 0;
  for (const found of get) {
    const read = await client.read({ resourceType: 'DocumentReference', id: found.id });
    assert.deepEqual(read.content, found.content);
    octets += await retrieve(client, found.content[0].attachment);
  }
  await refused(client);
  console.log(`fhir-kit-client found, read and retrieved ${get.length} documents, ${octets} octets`);
}

// All pages, forward by `next` and one step back.
async function everything(client, first) {
  const found = [];
  let pages = 0;
  for (let bundle = first; bundle; bundle = await client.nextPage({ bundle })) {
    assert.equal(bundle.total, first.total);
    found.push(...bundle.entry.map((entry) => entry.resource));
    pages += 1;
    if (pages === 2) {
      const back = await client.prevPage({ bundle });
      if (back) assert.deepEqual(back.entry, first.entry);
    }
  }
  assert.equal(found.length, first.total);
  assert.equal(new Set(found.map((resource) => resource.id)).size, found.length);
  assert.ok(pages > 1, 'more than one page');
  return found;
}

async function retrieve(client, attachment) {
  const response = await fetch(attachment.url);
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('content-type'), attachment.contentType);
  const octets = Buffer.from(await response.arrayBuffer());
  assert.equal(octets.length, attachment.size);
  assert.equal(createHash('sha1').update(octets).digest('base64'), attachment.hash);
  return octets.length;
}

async function refused(client) {
  await assert.rejects(
    client.search({ resourceType: 'DocumentReference', searchParams: { status: 'current' } }),
    (error) => error.response.status === 400 && error.response.data.resourceType === 'OperationOutcome',
  );
  await assert.rejects(
    client.read({ resourceType: 'DocumentReference', id: '1b4e28ba-2fa1-11d2-883f-0016d3cca427' }),
    (error) => error.response.status === 404 && error.response.data.issue[0].code === 'not-found',
  );
}

const [command, ...rest] = process.argv.slice(2);
await { validate: () => validate(rest), client: () => client(...rest) }[command]();
