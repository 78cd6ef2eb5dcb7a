"use strict";
/*
 * Makes Azurite start in two thirds of the time.
 *
 * Azurite loads its telemetry and its SQL driver whether or not they are used. Telemetry is switched off here
 * (--disableTelemetry), and metadata is kept in LokiJS. Loaded before Azurite (node --require), this file puts
 * something in their place that does nothing.
 */

const Module = require("module");

const UNUSED = new Set(["applicationinsights", "sequelize"]);

/** Any name of an unused module is a class that does nothing, so that others can be derived from it. */
const nothing = new Proxy({}, { get: () => class {} });

const load = Module._load;
Module._load = function (request, ...more) {
  return UNUSED.has(request) ? nothing : load.call(this, request, ...more);
};
