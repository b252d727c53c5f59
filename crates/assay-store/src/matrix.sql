-- What is shown of each subject on each platform (`shown_units`), or what run ?1 says.
WITH newest AS (
    SELECT c.*, r.name AS run_name, r.started FROM compatibility c JOIN runs r USING (run)
    WHERE CASE WHEN ?1 IS NULL THEN (c.run, c.subject, c.platform) IN (SELECT (run, subject, platform) FROM shown_units) ELSE run = ?1 END),
figures AS (
    SELECT run, subject, platform, max(value) FILTER (metric = 'error_ratio') AS "error_ratio",
        max(value) FILTER (metric = 'relative_error') AS "relative_error",
        max(value) FILTER (metric = 'latency_ratio') AS "latency_ratio",
        max(value) FILTER (metric = 'latency_ratio_low') AS "latency_ratio_low",
        max(value) FILTER (metric = 'latency_ratio_high') AS "latency_ratio_high",
        max(value) FILTER (metric = 'forward_milliseconds') AS "forward_milliseconds",
        max(value) FILTER (metric = 'eager_milliseconds') AS "eager_milliseconds",
        max(value) FILTER (metric = 'rows') AS "rows",
        max(value) FILTER (metric = 'parameters') AS "parameters",
        max(value) FILTER (metric = 'values') AS "values",
        -- Not that of preparing: an export that is kept has none.
        max(value) FILTER (metric IN ('load_peak_bytes', 'run_peak_bytes')) AS peak_bytes
    FROM samples JOIN newest USING (run, subject, platform) GROUP BY ALL),
counted AS (
    SELECT run, subject, platform, count(*) AS cases, count(*) FILTER (outcome = 'passed') AS passed,
        coalesce(max(provenance) FILTER (provenance = 'mock'), max(provenance)) AS provenance, bool_and(outcome IN ('skipped', 'not_run')) AS nothing_ran
    FROM cases JOIN newest USING (run, subject, platform) GROUP BY ALL)
SELECT s.name, s.architecture, s.family, p.name, n.run_name, strftime(n.started, '%Y-%m-%dT%H:%M:%SZ'), n.state, n.stage,
    n.error_kind, n.detail, n.mend,
    -- What was seen of the model on the reference is no word of another platform, where nothing ran.
    CASE WHEN c.nothing_ran AND p.name <> 'cpu' THEN NULL ELSE c.provenance END, c.cases, c.passed,
    f.error_ratio, f.relative_error, f.latency_ratio, f.latency_ratio_low, f.latency_ratio_high, f.forward_milliseconds, f.eager_milliseconds, f."rows",
    f.peak_bytes, f.parameters, f."values"
FROM newest n JOIN subjects s USING (subject) JOIN platforms p USING (platform) JOIN counted c USING (run, subject, platform)
    LEFT JOIN figures f USING (run, subject, platform)
ORDER BY s.family NULLS LAST, s.name, p.platform
