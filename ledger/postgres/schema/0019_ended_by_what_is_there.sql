-- What ends at once ends by a record that is there (access.md G18).
--
-- Whoever had the writer's login could say that an officer's rights end by a record to come, as far off as they liked: nobody folds
-- that, so the officer was shut out of everything for good, also once the login had another password. By a record that is there it
-- is over when that is folded, within a second.

CREATE OR REPLACE FUNCTION sec.end(_officer uuid, _what text, _index bigint) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  INSERT INTO sec.ended AS e (officer, what, index) SELECT _officer, _what, _index
    WHERE _index < (SELECT h.size FROM log.log_head h) AND NOT sec.is_folded(_index)
    ON CONFLICT (officer, what) DO UPDATE SET index = greatest(e.index, EXCLUDED.index);
$$;

CREATE OR REPLACE FUNCTION sec.exclude(_comp uuid, _officer uuid, _via uuid, _until timestamptz, _index bigint) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  INSERT INTO sec.excluded AS x (gen, comp, officer, via, until, index)
    SELECT 0, _comp, _officer, _via, _until, _index
    WHERE _index < (SELECT h.size FROM log.log_head h) AND NOT sec.is_folded(_index)
    ON CONFLICT (gen, comp, officer, via) DO UPDATE SET until = EXCLUDED.until, index = greatest(x.index, EXCLUDED.index);
$$;
