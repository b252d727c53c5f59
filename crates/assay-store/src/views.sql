-- The unit of which run is shown of each subject and platform. A run stays as long as it is the newest that asked some check of the
-- unit, in the environment of the unit's newest run; of those that stay the newest failure comes first, then what asked most, then the newest.
CREATE OR REPLACE VIEW shown_units AS
WITH dated AS (SELECT c.run, c.subject, c.platform, c.state, r.started, r.environment FROM compatibility c JOIN runs r USING (run)
    QUALIFY r.environment = first_value(r.environment) OVER (PARTITION BY c.subject, c.platform ORDER BY r.started DESC, c.run DESC)),
asked AS (
    SELECT run, subject, platform, d.state, d.started,
        row_number() OVER (PARTITION BY subject, platform, check_id ORDER BY d.started DESC, run DESC) = 1 AS newest
    FROM dated d JOIN cases USING (run, subject, platform) WHERE outcome <> 'not_run'),
units AS (
    SELECT run, subject, platform, any_value(state) AS state, any_value(started) AS started, count(*) AS asked
    FROM asked GROUP BY run, subject, platform HAVING bool_or(newest))
SELECT run, subject, platform FROM units
QUALIFY row_number() OVER (PARTITION BY subject, platform ORDER BY state IN ('fails', 'mock') DESC,
    CASE WHEN state NOT IN ('fails', 'mock') THEN asked END DESC, started DESC, run DESC) = 1;

-- For people: names instead of numbers.
CREATE OR REPLACE VIEW case_history AS
SELECT r.name AS run, r.started, s.name AS subject, p.name AS platform, k.name AS "check", c.outcome, c.reason, c.detail, c.provenance, c.flaky,
    c.known_issue, c.attempts, c.seconds
FROM cases c JOIN runs r USING (run) JOIN subjects s USING (subject) JOIN platforms p USING (platform) JOIN checks k USING (check_id);

CREATE OR REPLACE VIEW compatibility_history AS
SELECT r.name AS run, r.started, s.name AS subject, p.name AS platform, c.works, c.stage, c.error_kind, c.detail, c.mend, c.state
FROM compatibility c JOIN runs r USING (run) JOIN subjects s USING (subject) JOIN platforms p USING (platform);

CREATE OR REPLACE VIEW compatibility_matrix AS
SELECT r.name AS run, r.started, s.name AS subject, p.name AS platform, c.works, c.stage, c.error_kind, c.detail, c.mend, c.state
FROM compatibility c JOIN shown_units USING (run, subject, platform) JOIN runs r USING (run) JOIN subjects s USING (subject)
    JOIN platforms p USING (platform);

CREATE OR REPLACE VIEW performance_history AS
SELECT r.name AS run, r.started, r.environment, s.name AS subject, p.name AS platform, m.metric, m.value, m.unit
FROM samples m JOIN runs r USING (run) JOIN subjects s USING (subject) JOIN platforms p USING (platform);
