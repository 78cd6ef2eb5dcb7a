// What tools of other languages find in the descriptions of the API: Spectral, Redocly and Ajv.
// Usage: node check.mjs FILE. Prints one line for each finding; exit code 1 if there are any. Ajv reads only the schemas
// of OpenAPI 3.1, which are JSON Schema.

import { readFileSync } from "node:fs";
import { createConfig, lintFromString } from "@redocly/openapi-core";
import spectralCore from "@stoplight/spectral-core";
import spectralParsers from "@stoplight/spectral-parsers";
import spectralRulesets from "@stoplight/spectral-rulesets";
import addFormats from "ajv-formats";
import Ajv2020 from "ajv/dist/2020.js";

const file = process.argv[2];
const findings = [];

async function lint(file) {
  const text = readFileSync(file, "utf8");
  const spectral = new spectralCore.Spectral();
  spectral.setRuleset({
    extends: [[spectralRulesets.oas, "all"]],
    rules: {
      "contact-properties": "off", // the operators of a deployment are the contact; the project has no address of theirs
    },
  });
  for (const found of await spectral.run(new spectralCore.Document(text, spectralParsers.Json, file))) {
    findings.push(`${file}: spectral ${found.code} at ${found.path.join("/")}: ${found.message}`);
  }
  const config = await createConfig({ extends: ["recommended"] });
  for (const found of await lintFromString({ source: text, absoluteRef: file, config })) {
    findings.push(`${file}: redocly ${found.ruleId} at ${found.location[0]?.pointer}: ${found.message}`);
  }
}

// Ajv reads references within one schema, so the components get an address of their own.
const moved = (value) => JSON.parse(JSON.stringify(value).replaceAll("#/components/schemas/", "api#/$defs/"));

function compile(document) {
  const ajv = new Ajv2020.default({ strict: true, allErrors: true, unicodeRegExp: true });
  addFormats.default(ajv);
  ajv.addVocabulary(["discriminator"]); // OpenAPI's, beside oneOf; Ajv's own reads no mapping
  ajv.addSchema({ $id: "api", $defs: moved(document.components.schemas) });
  const known = new Map();
  const compiled = (schema, where) => {
    const key = JSON.stringify(schema);
    try {
      if (!known.has(key)) known.set(key, ajv.compile(moved(schema)));
    } catch (error) {
      findings.push(`ajv at ${where}: ${error.message}`);
      known.set(key, () => true);
    }
    return known.get(key);
  };
  for (const name of Object.keys(document.components.schemas)) {
    compiled({ $ref: `#/components/schemas/${name}` }, name);
  }
  let examples = 0;
  for (const [path, methods] of Object.entries({ ...document.paths, ...document.webhooks })) {
    for (const [method, operation] of Object.entries(methods)) {
      for (const parameter of operation.parameters ?? []) compiled(parameter.schema, `${path} ${parameter.name}`);
      const contents = [operation.requestBody, ...Object.values(operation.responses)].map((part) => part?.content ?? {});
      for (const [mediaType, content] of contents.flatMap(Object.entries)) {
        const valid = compiled(content.schema, `${method} ${path} ${mediaType}`);
        for (const [name, example] of Object.entries(content.examples ?? {})) {
          examples += 1;
          if (!valid(example.value)) findings.push(`ajv: example ${name} of ${path}: ${ajv.errorsText(valid.errors)}`);
        }
      }
    }
  }
  if (examples === 0) findings.push("ajv: there are no examples");
}

await lint(file);
const document = JSON.parse(readFileSync(file, "utf8"));
if (document.openapi.startsWith("3.1.")) compile(document);
console.log(findings.join("\n"));
process.exit(findings.length > 0 ? 1 : 0);
