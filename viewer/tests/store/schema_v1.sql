-- The tables of version 1, as released. Not to be changed: files like this exist.
CREATE TABLE vaquero_meta (
    key VARCHAR,
    value VARCHAR
);
CREATE TABLE resources (
    resource_id UBIGINT,
    service_name VARCHAR,
    attributes VARCHAR,
    schema_url VARCHAR
);
CREATE TABLE scopes (
    scope_id UBIGINT,
    name VARCHAR,
    version VARCHAR,
    attributes VARCHAR,
    schema_url VARCHAR
);
CREATE TABLE spans (
    trace_id UUID,
    span_id UBIGINT,
    parent_span_id UBIGINT,
    trace_state VARCHAR,
    flags UINTEGER,
    name VARCHAR,
    kind UTINYINT,
    start_ns BIGINT,
    end_ns BIGINT,
    duration_ns BIGINT,
    status_code UTINYINT,
    status_message VARCHAR,
    service_name VARCHAR,
    resource_id UBIGINT,
    scope_id UBIGINT,
    attributes VARCHAR,
    events VARCHAR,
    links VARCHAR,
    dropped_attributes UINTEGER,
    dropped_events UINTEGER,
    dropped_links UINTEGER,
    received_ns BIGINT
);
CREATE TABLE metric_series (
    series_id UBIGINT,
    resource_id UBIGINT,
    scope_id UBIGINT,
    name VARCHAR,
    unit VARCHAR,
    kind VARCHAR,
    temporality UTINYINT,
    monotonic BOOLEAN,
    description VARCHAR,
    service_name VARCHAR,
    attributes VARCHAR,
    received_ns BIGINT
);
CREATE TABLE metric_points (
    series_id UBIGINT,
    time_ns BIGINT,
    start_ns BIGINT,
    value DOUBLE,
    value_int BIGINT,
    count UBIGINT,
    sum DOUBLE,
    min DOUBLE,
    max DOUBLE,
    detail VARCHAR,
    exemplars VARCHAR,
    flags UINTEGER,
    received_ns BIGINT
);
CREATE TABLE logs (
    time_ns BIGINT,
    observed_ns BIGINT,
    severity_number INTEGER,
    severity_text VARCHAR,
    body VARCHAR,
    attributes VARCHAR,
    trace_id UUID,
    span_id UBIGINT,
    event_name VARCHAR,
    flags UINTEGER,
    service_name VARCHAR,
    resource_id UBIGINT,
    scope_id UBIGINT,
    identity UBIGINT,
    received_ns BIGINT
);
INSERT INTO vaquero_meta VALUES ('version', '1');
