-- What goes with a case that is told in one statement, for less (access.md §3, U2, ADR 89): nothing is told otherwise than by
-- `sec.read_under` of 0010 and `sec.answers` of 0002.

-- Asked last by `proj.file_now` and `proj.sight_now`, in the statement that brings the ticket: whether it can be told at all, and
-- by which order or opening alone the case is seen. Of what is shown (`_shown`) a policy has verified the ticket in this very
-- statement, and nearly everybody reads by no order: so it is asked no more than whether the officer that the ticket names reads by
-- any, and whether it is known still who takes part. To verify it once more costs as much as both. Whoever says that something was
-- shown, and it was not, learns of an officer whether they read by some order or opening, which stands in the streams that
-- everybody reads (N6, A9, A19), and nothing of a case.
CREATE FUNCTION sec.told_by(_ticket text, _comp uuid, _shown boolean, OUT timely boolean, OUT via uuid, OUT rule text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  read smallint;
  under record;
BEGIN
  IF _shown THEN
    read := sec.gen();
    timely := read IS NOT NULL AND NOT EXISTS (SELECT FROM sec.members m
      WHERE m.gen = read AND m.officer = split_part(_ticket, '|', 3)::uuid AND m.rule IN ('A9', 'A19'));
    IF timely THEN RETURN; END IF;
  END IF;
  SELECT u.comp, u.via, u.rule INTO under FROM sec.read_under(ARRAY[_comp]) u;
  IF FOUND AND under.comp IS NULL THEN
    timely := CASE WHEN sec.answers() IS NOT NULL THEN false END;
    RETURN;
  END IF;
  timely := true;
  via := under.via;
  rule := under.rule;
END $$;

GRANT EXECUTE ON FUNCTION sec.told_by(text, uuid, boolean) TO {slug}_reader;
