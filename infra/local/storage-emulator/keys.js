"use strict";
/*
 * Makes Azurite's queries of tables cheap.
 *
 * Azurite interprets the whole filter for each row of the table, so a query of one partition becomes slower
 * with every row in all others. Loaded before Azurite (node --require), this file compares the keys first, as
 * strings, and has the filter interpreted only for the rows whose keys match. The results are the same.
 */

const path = require("path");

const generator = require(
  path.join(__dirname, "node_modules", "azurite", "dist", "src", "table", "persistence", "LokiTableStoreQueryGenerator"),
).default;

const COMPARED = {
  eq: (key, value) => key === value,
  ge: (key, value) => key >= value,
  gt: (key, value) => key > value,
  le: (key, value) => key <= value,
  lt: (key, value) => key < value,
};

/** The comparisons of keys at the beginning of a filter that all have to be true. */
function comparisons(filter) {
  const found = [];
  if (/\b(or|not)\b/i.test(filter.replace(/'(?:[^']|'')*'/g, "''"))) {
    return found;
  }
  const next = /(PartitionKey|RowKey) (eq|ge|gt|le|lt) '((?:[^']|'')*)'(?: and |$)/y;
  for (let match = next.exec(filter); match; match = next.exec(filter)) {
    found.push({ key: match[1], compare: COMPARED[match[2]], value: match[3].replace(/''/g, "'") });
  }
  return found;
}

const generate = generator.generateQueryForPersistenceLayer;
generator.generateQueryForPersistenceLayer = function (options, context) {
  const interpreted = generate.call(this, options, context);
  const keys = comparisons(options.filter || "");
  return (row) => keys.every(({ key, compare, value }) => compare(row[key], value)) && interpreted(row);
};
