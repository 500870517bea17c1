-- A prune stands in no signature's way (docs/operate/retention.md, ADR 91): nothing else goes than by 0009, and nothing sooner.
--
-- By 0009 it held the row for which checkpointers wait until it was through with two tiles, up to a thousand rows: whoever waited for a
-- proof waited for that as well. All that it takes lies below the newest checkpoint, and all that a checkpoint stores above it; so the two
-- may go side by side. `log discard` takes newest checkpoints away, and lets neither go on meanwhile.

-- As in 0001: a lock that others of its kind wait for, and who prunes does not.
DO $$
DECLARE
  one regproc;
BEGIN
  FOREACH one IN ARRAY ARRAY['log.checkpoint', 'access.checkpoint']::regproc[] LOOP
    EXECUTE replace(pg_get_functiondef(one), 'FOR UPDATE;', 'FOR NO KEY UPDATE;');
  END LOOP;
END $$;

-- As in 0009, where what is kept is counted behind what goes, and not asked for once more.
CREATE OR REPLACE FUNCTION log.prune(_most int) RETURNS TABLE (upto bigint, more boolean, apart boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
  newest bigint;
  reach bigint;
BEGIN
  PERFORM FROM log.enclave FOR KEY SHARE;  -- nobody takes a checkpoint away meanwhile; others may be stored
  SELECT p.upto INTO STRICT upto FROM log.pruned p FOR UPDATE;  -- one prune at a time
  SELECT coalesce(max(c.size), 0) INTO newest FROM log.checkpoints c;
  apart := false;
  FOR step IN 1 .. least(_most, 256) LOOP
    reach := upto + 256;
    EXIT WHEN reach >= newest;
    apart := NOT log.stands(reach);
    EXIT WHEN apart;
    UPDATE log.pruned p SET upto = reach;
    FOR lv IN 0 .. 7 LOOP
      EXIT WHEN reach % (1::bigint << (8 * lv)) <> 0;
      DELETE FROM log.tiles t WHERE t.level = lv AND t.n = ((reach >> (8 * lv)) - 1) / 256 AND t.width < 256
        AND t.n * 256 + t.width < reach >> (8 * lv);
    END LOOP;
    DELETE FROM log.checkpoints c WHERE c.size > upto AND c.size <= reach AND log.is_said_again(c.size);
    UPDATE log.pruned p SET kept = p.kept + (SELECT count(*) FROM log.checkpoints c WHERE c.size > upto AND c.size <= reach);
    upto := reach;
  END LOOP;
  more := NOT apart AND upto + 256 < newest;
  RETURN NEXT;
END $$;

DO $$
BEGIN
  EXECUTE replace(replace(pg_get_functiondef('log.prune'::regproc), 'log.enclave', 'access.gate'), 'log.', 'access.');
END $$;
