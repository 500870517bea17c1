-- What is counted (view `statistics`): one row a case, one row a mark on an act. Neither names a person, and no row is
-- published as it stands: tables are aggregates with small cells hidden.
--
-- Rows · need-to-know · figures · totals

CREATE TABLE proj.counted (
  gen smallint NOT NULL,
  stream text NOT NULL,
  comp uuid NOT NULL,
  opened_on date,
  channel text,
  agency text,
  state text,
  outcome text,
  result_on date,
  closed_on date,
  acts int NOT NULL,
  PRIMARY KEY (gen, stream)
) WITH (fillfactor = 85);
CREATE INDEX counted_opened ON proj.counted (gen, opened_on);

CREATE TABLE proj.marks (
  gen smallint NOT NULL,
  stream text NOT NULL,
  comp uuid NOT NULL,
  n int NOT NULL,
  code text NOT NULL,
  act_id uuid NOT NULL,
  on_day date NOT NULL,
  agency text,
  basis text,
  until timestamptz,
  holds boolean NOT NULL DEFAULT false,
  PRIMARY KEY (gen, stream, n)
) WITH (fillfactor = 85);
CREATE INDEX marks_code ON proj.marks (gen, code, on_day);

-- Need-to-know (access.md G14), by look-up or by set (`sec.has_few`): these speak of the whole case.
ALTER TABLE proj.counted ENABLE ROW LEVEL SECURITY;
CREATE POLICY folds ON proj.counted TO {slug}_projector USING (true) WITH CHECK (true);
CREATE POLICY ntk ON proj.counted FOR SELECT TO {slug}_reader USING (
  NOT starts_with(stream, 'case/')
  OR CASE WHEN (SELECT current_setting('app.by_set', true)) = 'on'
    THEN comp IN (SELECT a.comp FROM sec.shown a WHERE a.whole)
    ELSE (SELECT true FROM sec.shown a WHERE a.comp = counted.comp AND a.whole LIMIT 1) END);

-- Need-to-know (access.md G14), by look-up or by set (`sec.has_few`): these speak of the whole case.
ALTER TABLE proj.marks ENABLE ROW LEVEL SECURITY;
CREATE POLICY folds ON proj.marks TO {slug}_projector USING (true) WITH CHECK (true);
CREATE POLICY ntk ON proj.marks FOR SELECT TO {slug}_reader USING (
  NOT starts_with(stream, 'case/')
  OR CASE WHEN (SELECT current_setting('app.by_set', true)) = 'on'
    THEN comp IN (SELECT a.comp FROM sec.shown a WHERE a.whole)
    ELSE (SELECT true FROM sec.shown a WHERE a.comp = marks.comp AND a.whole LIMIT 1) END);

-- == Figures =======================================================================================================

-- functions do not go with the tables that they ask
DROP FUNCTION IF EXISTS proj.figures, proj.totals;

-- Everything that is counted of the rows that the caller sees, from a day to a day: of each agency, and of all where `agency`
-- is null. `part` is `acts` (marks, by indicator, and cases open since before `_old`), `basis`, `came`, `period`, `channel`,
-- `outcome`, or `days`: the median from intake to the result. Marks that one indicator adds up are counted under its first,
-- so that a case with two is one; a mark with an end counts from it on, one of what still is (`holds`) until it.
-- `disclosed`, `withdrawn` and `erased` are acts by their month, of no agency.
CREATE FUNCTION proj.figures(_start date, _end date, _at timestamptz, _old date)
RETURNS TABLE (part text, key text, agency text, n bigint, cases bigint, days int) LANGUAGE sql STABLE AS $$
  WITH marked AS MATERIALIZED ( -- once each, since every row asks the policy
    SELECT CASE code WHEN 'REFERRAL_RETURNED' THEN 'REFERRAL_NOT_ACCEPTED' ELSE code END AS code,
      coalesce(agency, '') AS agency, coalesce(basis, '') AS basis, until, holds, comp
    FROM proj.marks WHERE gen = (SELECT gen FROM proj.views WHERE view = 'statistics' AND state = 'live')
      AND on_day BETWEEN _start AND _end
  ), cases AS MATERIALIZED (
    SELECT CASE WHEN opened_on BETWEEN _start AND _end THEN date_trunc('month', opened_on::timestamp) END AS month,
      opened_on < _old AND state IS NOT NULL AND state NOT IN ('CLOSED', 'ARCHIVED') AS old, coalesce(agency, '') AS agency,
      coalesce(channel, '') AS channel, outcome, result_on - opened_on AS days
    FROM proj.counted WHERE gen = (SELECT gen FROM proj.views WHERE view = 'statistics' AND state = 'live')
      AND (opened_on BETWEEN _start AND _end OR opened_on < _old)
  ), tallied AS MATERIALIZED ( -- what is asked of it nine times over is asked of fewer rows
    SELECT month, old, agency, channel, outcome, count(*)::int AS n FROM cases GROUP BY month, old, agency, channel, outcome
  )
  SELECT 'acts', code, agency, count(*), count(DISTINCT comp), NULL::int
  FROM marked WHERE until IS NULL OR (until < _at) <> holds
  GROUP BY GROUPING SETS ((code), (code, agency))
  UNION ALL
  SELECT 'acts', 'OLD', t.agency, coalesce(sum(t.n), 0), coalesce(sum(t.n), 0), NULL
  FROM tallied t WHERE old GROUP BY GROUPING SETS ((), (t.agency))
  UNION ALL
  SELECT 'basis', basis, agency, count(*), count(*), NULL
  FROM marked WHERE code = 'OVERTURNED'
  GROUP BY GROUPING SETS ((basis), (basis, agency))
  UNION ALL
  SELECT CASE grouping(c.period, c.channel, c.outcome) WHEN 3 THEN 'period' WHEN 5 THEN 'channel' WHEN 6 THEN 'outcome'
    ELSE 'came' END, coalesce(c.period, c.channel, c.outcome, ''), c.agency, coalesce(sum(c.n), 0),
    coalesce(sum(c.n), 0), NULL
  FROM (SELECT to_char(month, 'YYYY-MM') AS period, agency, channel, coalesce(outcome, '') AS outcome, n FROM tallied
    WHERE month IS NOT NULL) c
  GROUP BY GROUPING SETS ((), (c.agency), (c.period), (c.period, c.agency), (c.channel), (c.channel, c.agency), (c.outcome),
    (c.outcome, c.agency))
  UNION ALL
  SELECT 'days', outcome, agency, count(*), count(*), percentile_disc(0.5) WITHIN GROUP (ORDER BY days)
  FROM cases WHERE month IS NOT NULL AND outcome IS NOT NULL AND days IS NOT NULL
  GROUP BY GROUPING SETS ((outcome), (outcome, agency))
  UNION ALL
  SELECT CASE act WHEN 'ReporterIdentityDisclosed' THEN 'disclosed' WHEN 'ContentWithdrawn' THEN 'withdrawn' ELSE 'erased' END,
    to_char(occurred_at AT TIME ZONE 'UTC' + interval '7 hours', 'YYYY-MM'), NULL, count(*), count(*), NULL
  FROM proj.acts WHERE gen = (SELECT gen FROM proj.views WHERE view = 'acts' AND state = 'live')
    AND effect AND act IN ('ReporterIdentityDisclosed', 'ContentWithdrawn', 'RecordErased')
    AND (occurred_at AT TIME ZONE 'UTC' + interval '7 hours')::date BETWEEN _start AND _end
  GROUP BY 1, 2
$$;

-- == Totals ========================================================================================================

-- The same of all cases of one calendar year, for whoever is told totals (the Max UUID; access.md A27): no row at all for
-- anybody else, and for nobody the row of a case. Cells below five are hidden here, since whoever has the reader's login and a
-- ticket asks here; with them the next smallest, with all that are as small (`view.suppress`, held against this by test). A
-- year and nothing else is asked for: two spans that overlap, or figures of one agency, would tell a cell by their
-- difference. Runs as who owns the tables, so the policies above are passed by.
CREATE FUNCTION proj.totals(_year int) RETURNS TABLE (part text, key text, n bigint, cases bigint, days int)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  WITH counted AS MATERIALIZED (
    SELECT f.* FROM sec.asked() a, proj.figures(make_date(_year, 1, 1), make_date(_year, 12, 31), a.at,
      (a.at AT TIME ZONE 'UTC' - interval '90 days')::date) f
    WHERE 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid = ANY (a.whos)
  ), tabled AS (
    SELECT f.part, f.key, f.n FROM counted f
    WHERE f.part IN ('basis', 'period', 'channel', 'outcome', 'disclosed', 'withdrawn', 'erased') AND f.agency IS NULL
    UNION ALL SELECT 'agency', f.agency, f.n FROM counted f WHERE f.part = 'came' AND f.agency IS NOT NULL
  ), weighed AS (
    SELECT t.*, count(*) FILTER (WHERE t.n < 5) OVER w AS small, min(t.n) FILTER (WHERE t.n >= 5) OVER w AS least,
      sum(t.n) OVER w AS total
    FROM tabled t WINDOW w AS (PARTITION BY t.part)
  ), cells AS (
    SELECT w.part, w.key, CASE WHEN w.n >= 5 AND (w.small = 0 OR w.n > w.least) THEN w.n END AS n FROM weighed w
    WHERE NOT (w.least IS NULL AND w.small = w.total AND w.small >= 4)
  )
  SELECT f.part, f.key, CASE WHEN f.n NOT BETWEEN 1 AND 4 THEN f.n END, CASE WHEN f.cases NOT BETWEEN 1 AND 4 THEN f.cases END,
    NULL::int
  FROM counted f WHERE f.part IN ('acts', 'came') AND f.agency IS NULL
  UNION ALL SELECT c.part, c.key, c.n, NULL, NULL FROM cells c
  UNION ALL SELECT f.part, f.key, NULL, NULL, f.days
  FROM counted f JOIN cells c ON c.part = 'outcome' AND c.key = f.key AND c.n IS NOT NULL
  WHERE f.part = 'days' AND f.agency IS NULL AND f.n >= 5
$$;

GRANT EXECUTE ON FUNCTION proj.figures(date, date, timestamptz, date) TO {slug}_reader, {slug}_projector;
GRANT EXECUTE ON FUNCTION proj.totals(int) TO {slug}_reader;
