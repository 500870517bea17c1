-- Who asks, and by what order alone, for less (access.md §3, ADR 58): nothing is shown otherwise than by the functions of 0002,
-- which these take the place of.
--
-- Who asks · by which order or opening

-- == Who asks ======================================================================================================

-- As in 0002. What has ended and is not folded is of hardly anybody, and to hold each membership against a list costs most of the
-- rest: so it is asked first whether there is any.
CREATE OR REPLACE FUNCTION sec.asked(OUT officer uuid, OUT kid text, OUT gen smallint, OUT at timestamptz, OUT whos uuid[],
  OUT shut_out uuid[])
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  said text[] := sec.ticket();
  ended text[];
BEGIN
  IF said IS NULL THEN RETURN; END IF;
  officer := said[1];
  kid := said[2];
  gen := sec.gen();
  at := sec.clock();
  ended := ARRAY(SELECT e.what FROM sec.ended e WHERE e.officer = asked.officer);
  -- said so that neither `since` nor `gen = 0` is looked up in an index: to skip there costs more than to look
  whos := ARRAY(SELECT m.who FROM sec.members m WHERE m.gen = asked.gen AND m.officer = asked.officer
    AND NOT asked.at < m.since AND asked.at < m.until
    AND (cardinality(ended) = 0 OR NOT ended && ARRAY['*', asked.kid, m.via]));
  shut_out := ARRAY(SELECT x.comp FROM sec.excluded x
    WHERE x.officer = asked.officer AND (x.gen = 0 OR x.gen = asked.gen) AND asked.at < x.until);
END $$;

-- == By which order or opening =====================================================================================

-- As in 0002. Nearly everybody reads by none, and is asked no more than that: who they are, and whether anybody knows who takes
-- part, which `asked` says for twice as much.
CREATE OR REPLACE FUNCTION sec.read_under(_comps uuid[]) RETURNS TABLE (comp uuid, via uuid, rule text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  nil CONSTANT uuid := '00000000-0000-0000-0000-000000000000';
  opening CONSTANT text[] := ARRAY['A9', 'A19'];
  said text[] := sec.ticket();
  reader uuid := said[1];
  read smallint := CASE WHEN reader IS NOT NULL THEN sec.gen() END;
  asked record;
BEGIN
  IF read IS NOT NULL THEN
    IF NOT EXISTS (SELECT FROM sec.members m WHERE m.gen = read AND m.officer = reader AND m.rule = ANY (opening)) THEN RETURN; END IF;
    SELECT * INTO asked FROM sec.asked();
    read := asked.gen;
  END IF;
  IF read IS NULL THEN
    RETURN QUERY SELECT NULL::uuid, NULL::uuid, NULL::text;
    RETURN;
  END IF;
  RETURN QUERY
    WITH shown AS MATERIALIZED (
      SELECT a.comp, a.act, m.via, m.rule FROM sec.members m JOIN sec.audience a ON a.gen = asked.gen AND a.who = m.who
      WHERE m.gen = asked.gen AND m.officer = asked.officer AND m.since <= asked.at AND asked.at < m.until
        AND NOT EXISTS (SELECT FROM sec.ended e WHERE e.officer = m.officer AND e.what IN ('*', asked.kid, m.via))
        AND a.comp = ANY (_comps) AND asked.at < a.until AND a.comp <> ALL (asked.shut_out))
    SELECT DISTINCT ON (s.comp) s.comp, s.via::uuid, s.rule FROM shown s
    WHERE s.rule = ANY (opening) AND NOT EXISTS (
      SELECT FROM shown o WHERE o.comp = s.comp AND o.rule <> ALL (opening) AND o.act IN (nil, s.act))
    ORDER BY s.comp, s.act = nil DESC, array_position(opening, s.rule), s.via;
END $$;
