-- Version 4 of the store; its views are in views.sql. Times are UTC. docs/reference/store.md documents every table; a change here is a new version and a step in open.rs.
CREATE TABLE meta (version INTEGER NOT NULL, created TIMESTAMP NOT NULL);

CREATE TABLE environments (
    environment VARCHAR PRIMARY KEY,
    assay VARCHAR, worker_digest VARCHAR, system VARCHAR, kernel VARCHAR, machine VARCHAR, cpu VARCHAR, cpus UBIGINT, cpu_features VARCHAR,
    memory_bytes UBIGINT, python VARCHAR, torch VARCHAR, transformers VARCHAR, packages VARCHAR, preloads VARCHAR
);
CREATE TABLE subjects (subject INTEGER PRIMARY KEY, name VARCHAR UNIQUE NOT NULL, kind VARCHAR NOT NULL, architecture VARCHAR, auto_class VARCHAR, family VARCHAR);
CREATE TABLE platforms (platform INTEGER PRIMARY KEY, name VARCHAR UNIQUE NOT NULL);
CREATE TABLE checks (check_id INTEGER PRIMARY KEY, name VARCHAR UNIQUE NOT NULL, check_group VARCHAR NOT NULL);

CREATE TABLE runs (
    run INTEGER PRIMARY KEY,
    name VARCHAR UNIQUE NOT NULL,
    log VARCHAR NOT NULL, log_bytes UBIGINT NOT NULL, log_modified BIGINT NOT NULL, log_head VARCHAR NOT NULL,
    started TIMESTAMP, state VARCHAR NOT NULL, exit_code INTEGER NOT NULL, environment VARCHAR NOT NULL,
    seed UBIGINT, command VARCHAR, profile VARCHAR, filter VARCHAR, git_commit VARCHAR, part VARCHAR,
    planned UBIGINT, recorded UBIGINT, passed UBIGINT, failed UBIGINT, flaky UBIGINT, skipped UBIGINT, crashed UBIGINT, timed_out UBIGINT,
    out_of_memory UBIGINT, not_run UBIGINT, errored UBIGINT, "real" UBIGINT, mock UBIGINT, known_issues UBIGINT,
    wall_seconds DOUBLE, cpu_seconds DOUBLE, damages INTEGER NOT NULL
);
CREATE TABLE cases (
    run INTEGER NOT NULL, subject INTEGER NOT NULL, platform INTEGER NOT NULL, check_id INTEGER NOT NULL,
    outcome VARCHAR NOT NULL, reason VARCHAR, detail VARCHAR, provenance VARCHAR, flaky BOOLEAN NOT NULL, known_issue VARCHAR,
    attempts INTEGER NOT NULL, seconds DOUBLE NOT NULL
);
CREATE TABLE attempts (
    run INTEGER NOT NULL, subject INTEGER NOT NULL, platform INTEGER NOT NULL, check_id INTEGER NOT NULL,
    number INTEGER NOT NULL, outcome VARCHAR NOT NULL, reason VARCHAR, detail VARCHAR, seconds DOUBLE NOT NULL
);
CREATE TABLE samples (
    run INTEGER NOT NULL, subject INTEGER NOT NULL, platform INTEGER NOT NULL, metric VARCHAR NOT NULL, value DOUBLE NOT NULL, unit VARCHAR NOT NULL
);
CREATE TABLE compatibility (
    run INTEGER NOT NULL, subject INTEGER NOT NULL, platform INTEGER NOT NULL,
    works BOOLEAN NOT NULL, stage VARCHAR, error_kind VARCHAR, detail VARCHAR, mend VARCHAR, state VARCHAR
);
