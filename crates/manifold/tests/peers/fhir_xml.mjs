// npm `fhir` turns the same resources into the other form. MANIFOLD_PEERS names the folder that holds node_modules.
//
//     fhir_xml.mjs FOLDER    NAME.json and NAME.xml are ours; writes NAME.theirs.json and NAME.theirs.xml beside them
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const require = createRequire(join(process.env.MANIFOLD_PEERS, 'package.json'));
const { Fhir } = require('fhir');
const fhir = new Fhir();
const [folder] = process.argv.slice(2);
const names = readdirSync(folder).filter((name) => name.endsWith('.xml')).map((name) => name.slice(0, -4));
for (const name of names) {
  const read = (ending) => readFileSync(join(folder, `${name}.${ending}`), 'utf8');
  writeFileSync(join(folder, `${name}.theirs.json`), fhir.xmlToJson(read('xml')));
  writeFileSync(join(folder, `${name}.theirs.xml`), fhir.jsonToXml(read('json')));
}
console.log(`${names.length} resources converted by npm fhir`);
