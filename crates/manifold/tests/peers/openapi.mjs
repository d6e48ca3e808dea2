// @seriousme/openapi-schema-validator on one OpenAPI document. MANIFOLD_PEERS names the folder that holds node_modules.
//
//     openapi.mjs FILE
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const module = join(process.env.MANIFOLD_PEERS, 'node_modules/@seriousme/openapi-schema-validator/index.js');
const { Validator } = await import(pathToFileURL(module));

const text = readFileSync(process.argv[2], 'utf8');
const validator = new Validator();
const { valid, errors } = await validator.validate(JSON.parse(text));
assert.ok(valid, JSON.stringify(errors, null, 2));
assert.equal(validator.version, '3.1');
const broken = JSON.parse(text);
delete broken.info.title;
assert.ok(!(await new Validator().validate(broken)).valid, 'a document without a title is found');
console.log(`OpenAPI ${validator.version}: ${Object.keys(JSON.parse(text).paths).length} paths`);
