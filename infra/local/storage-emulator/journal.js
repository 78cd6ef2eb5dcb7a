"use strict";
/*
 * Makes Azurite's data survive a kill.
 *
 * Azurite keeps tables and queues in LokiJS databases in memory and writes each to its file every five
 * seconds, so a killed Azurite loses writes that it had confirmed. Real storage loses nothing, and code that
 * relies on that can only be tested on storage that behaves so. Loaded before Azurite (node --require), this
 * file appends every change of a database to a journal beside it before the change is confirmed, and plays
 * the journal back when the database is loaded. A journal ends with the save that makes it superfluous.
 *
 * The append is a plain write: it survives the death of the process, which is what happens in development,
 * not a power cut.
 */

const fs = require("fs");
const path = require("path");

const Loki = require(path.join(__dirname, "node_modules", "lokijs"));
const Collection = Loki.Collection;

/** What is kept for each database: the journal being written, and the one that a running save replaces. */
const journals = new WeakMap();
/** Which database a collection belongs to; LokiJS itself doesn't keep that. */
const owners = new WeakMap();
/** Databases that are being loaded: what they hold is no change. */
const loading = new WeakSet();

function journalOf(db) {
  let journal = journals.get(db);
  if (!journal) {
    journal = { current: db.filename + ".journal", old: db.filename + ".journal.old", handle: null };
    journals.set(db, journal);
  }
  return journal;
}

function record(collection, kind, content) {
  const db = owners.get(collection);
  if (!db || loading.has(db) || db.options.persistenceMethod !== "fs") {
    return;
  }
  const journal = journalOf(db);
  if (journal.handle === null) {
    journal.handle = fs.openSync(journal.current, "a", 0o600);
  }
  fs.writeSync(journal.handle, JSON.stringify([kind, collection.name, content], Loki.prototype.serializeReplacer) + "\n");
}

/* Changes of documents. `insert`, `findAndRemove` and the like all come down to these. */

const insertOne = Collection.prototype.insertOne;
Collection.prototype.insertOne = function (doc, bulk) {
  const inserted = insertOne.call(this, doc, bulk);
  if (inserted) {
    // The stored object is the given one, which has its $loki by now.
    record(this, "put", doc);
  }
  return inserted;
};

const update = Collection.prototype.update;
Collection.prototype.update = function (doc) {
  const updated = update.call(this, doc);
  if (!Array.isArray(doc)) {
    record(this, "put", updated || doc);
  }
  return updated;
};

const remove = Collection.prototype.remove;
Collection.prototype.remove = function (doc) {
  const target = typeof doc === "number" ? this.get(doc) : doc;
  const id = target && !Array.isArray(target) ? target.$loki : undefined;
  const removed = remove.call(this, doc);
  if (id !== undefined) {
    record(this, "drop", id);
  }
  return removed;
};

const removeBatchByPositions = Collection.prototype.removeBatchByPositions;
Collection.prototype.removeBatchByPositions = function (positions) {
  const ids = positions.map((position) => this.data[position].$loki);
  const removed = removeBatchByPositions.call(this, positions);
  ids.forEach((id) => record(this, "drop", id));
  return removed;
};

/* Changes of collections. */

const addCollection = Loki.prototype.addCollection;
Loki.prototype.addCollection = function (name, options) {
  const known = this.getCollection(name) !== null;
  const collection = addCollection.call(this, name, options);
  owners.set(collection, this);
  if (!known) {
    record(collection, "collection", { ...collection, data: [] });
  }
  return collection;
};

const removeCollection = Loki.prototype.removeCollection;
Loki.prototype.removeCollection = function (name) {
  const collection = this.getCollection(name);
  if (collection) {
    record(collection, "discard", null);
  }
  return removeCollection.call(this, name);
};

/*
 * Each save writes the whole database. With the journal nothing depends on it; it only keeps the journal short.
 */

const BETWEEN_SAVES = 60_000; // milliseconds

const autosaveEnable = Loki.prototype.autosaveEnable;
Loki.prototype.autosaveEnable = function (...more) {
  this.autosaveInterval = BETWEEN_SAVES;
  return autosaveEnable.apply(this, more);
};

/* A save takes the journal so far with it: what comes during the save goes to a new one. */

const saveDatabaseInternal = Loki.prototype.saveDatabaseInternal;
Loki.prototype.saveDatabaseInternal = function (callback) {
  if (this.options.persistenceMethod !== "fs") {
    return saveDatabaseInternal.call(this, callback);
  }
  const journal = journalOf(this);
  if (journal.handle !== null) {
    fs.closeSync(journal.handle);
    journal.handle = null;
  }
  if (fs.existsSync(journal.current)) {
    // An old one is still there when the last save failed; then both are needed.
    if (fs.existsSync(journal.old)) {
      fs.appendFileSync(journal.old, fs.readFileSync(journal.current));
      fs.unlinkSync(journal.current);
    } else {
      fs.renameSync(journal.current, journal.old);
    }
  }
  return saveDatabaseInternal.call(this, (error) => {
    if (!error) {
      fs.rmSync(journal.old, { force: true });
    }
    if (callback) {
      callback(error);
    } else if (error) {
      throw error;
    }
  });
};

/* A load plays the journals back on what the file holds, before LokiJS builds its indices from that. */

const loadDatabaseInternal = Loki.prototype.loadDatabaseInternal;
Loki.prototype.loadDatabaseInternal = function (options, callback) {
  if (this.options.persistenceMethod !== "fs") {
    return loadDatabaseInternal.call(this, options, callback);
  }
  const adapter = this.persistenceAdapter;
  this.persistenceAdapter = Object.create(adapter);
  this.persistenceAdapter.loadDatabase = (name, loaded) =>
    adapter.loadDatabase(name, (text) =>
      loaded(typeof text === "string" ? playBack(JSON.parse(text), journalOf(this)) : text)
    );
  loading.add(this);
  return loadDatabaseInternal.call(this, options, (error, ...rest) => {
    this.persistenceAdapter = adapter;
    loading.delete(this);
    // LokiJS trusts stored indices; these may be of before the journal.
    this.collections.forEach((collection) => collection.ensureAllIndexes(true));
    callback(error, ...rest);
  });
};

function playBack(database, journal) {
  const collections = new Map(
    database.collections.map((stored) => [
      stored.name,
      { stored, documents: new Map(stored.data.map((document) => [document.$loki, document])) },
    ])
  );
  for (const file of [journal.old, journal.current]) {
    if (fs.existsSync(file)) {
      const lines = fs.readFileSync(file, "utf8").split("\n");
      lines.pop(); // What follows the last line's end was cut off by the kill, and never confirmed.
      lines.forEach((line) => apply(collections, ...JSON.parse(line)));
    }
  }
  database.collections = [...collections.values()].map(settle);
  return database;
}

function apply(collections, kind, name, content) {
  if (kind === "collection" && !collections.has(name)) {
    collections.set(name, { stored: content, documents: new Map() });
  } else if (kind === "discard") {
    collections.delete(name);
  } else if (kind === "put") {
    collections.get(name)?.documents.set(content.$loki, content);
  } else if (kind === "drop") {
    collections.get(name)?.documents.delete(content);
  }
}

/** A collection as LokiJS stores it: documents by id. */
function settle({ stored, documents }) {
  const data = [...documents.values()].sort((one, other) => one.$loki - other.$loki);
  const last = data.length ? data[data.length - 1].$loki : 0;
  return { ...stored, data, maxId: Math.max(stored.maxId || 0, last) };
}
