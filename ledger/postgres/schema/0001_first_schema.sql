-- The first schema of an enclave's database: its log, its files, what signing in needs, and who may what.
--
-- Records · the append · tiles and checkpoints · files · sign-in · append-only · row policies · grants

-- == Records =======================================================================================================

-- The records of one log and their wraps (architecture.md §4). `unit` is the nil uuid in streams that are not a case's, else
-- what access is granted by: in ordinary the case's own id; `author` marks the first statement of a payload; `registry` the
-- statement by which an act changed the registry, so that a process can catch up on the registry without reading every case.

CREATE TABLE log.streams (
  stream_id uuid PRIMARY KEY,
  -- not unique: an id follows from its name, and whoever puts a name under another id must not keep out its owner
  name text NOT NULL CHECK (octet_length(name) BETWEEN 1 AND 128)
);
-- Guards ask for the reports of every programme: few names among those of all cases.
CREATE INDEX streams_programmes ON log.streams (name) WHERE starts_with(name, 'programme/');

CREATE TABLE log.records (
  index bigint PRIMARY KEY CHECK (index >= 0),
  seq bigint NOT NULL CHECK (seq >= 1),
  recorded_at timestamptz NOT NULL CHECK (isfinite(recorded_at)),
  stream_id uuid NOT NULL,
  unit uuid NOT NULL,
  act_id uuid NOT NULL,
  author boolean NOT NULL,
  registry boolean NOT NULL,
  topic text NOT NULL CHECK (topic ~ '^[a-z0-9.]+$'),
  entry bytea NOT NULL CHECK (octet_length(entry) = 32),
  state bytea NOT NULL,
  CONSTRAINT records_stream_seq UNIQUE (stream_id, seq)
) WITH (toast_tuple_target = 8160);
-- A sealed state does not compress, and most are shorter than a page: keep them in the row.
ALTER TABLE log.records ALTER COLUMN state SET STORAGE EXTERNAL;
CREATE UNIQUE INDEX records_act ON log.records (act_id) WHERE author;
CREATE INDEX records_registry ON log.records (index) WHERE registry;

CREATE TABLE log.wraps (
  index bigint NOT NULL,
  kek_id bytea NOT NULL CHECK (octet_length(kek_id) = 16),
  stream_id uuid NOT NULL,
  unit uuid NOT NULL,
  wrap bytea NOT NULL,
  PRIMARY KEY (index, kek_id)
);
ALTER TABLE log.wraps ALTER COLUMN wrap SET STORAGE MAIN;

-- The one row that every append locks: size, time of the last record, index of the last registry record. Only an
-- empty log has no time: without one, a record of any time would be taken.
CREATE TABLE log.log_head (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  size bigint NOT NULL CHECK (size >= 0),
  recorded_at timestamptz CHECK (isfinite(recorded_at)),
  registry_index bigint NOT NULL,
  CONSTRAINT log_head_time CHECK ((recorded_at IS NULL) = (size = 0)),
  CONSTRAINT log_head_registry CHECK (registry_index BETWEEN -1 AND size - 1)
) WITH (fillfactor = 10);
INSERT INTO log.log_head VALUES (true, 0, NULL, -1);

-- In which stream a sealed token stands, so that each stays in one case: written by `log.append` alone, with the record that
-- names it first, and so true of every record at once. A record that names one which its stream has not by then is against
-- the rules for whoever judges it: no later row changes that. A tag is SHA-256("socai/token/1\0" || origin || "\0" ||
-- token): a token is random, so that nobody guesses one from its tag, and what an erasure leaves here says nothing.
CREATE TABLE log.tokens (
  tag bytea PRIMARY KEY CHECK (octet_length(tag) = 32),
  stream_id uuid NOT NULL,
  index bigint NOT NULL
);

-- Whether this is a rehearsal, whose senders set the time, and of which level; written once, by whoever founds or migrates.
CREATE TABLE log.enclave (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  rehearsal boolean NOT NULL,
  level text NOT NULL CHECK (level IN ('ordinary', 'mat', 'toi-mat', 'tuyet-mat'))
);

-- == The append ====================================================================================================

-- The append: one call, one transaction, durable at COMMIT (architecture.md §3.4). The group is taken item by item,
-- so that one stale submitter never fails its neighbours. Statuses: `ok` with the index it got; `unfit`, no honest
-- writer asks for it; `stale`, another statement has this place of the stream; `taken`, the act id names another act;
-- `judge_again`, what the item was judged by has moved: the registry, another stream that was asked, the one place of a
-- token; `late`, it was sealed with a time before the last record's; `apart`, outside a rehearsal its time is more than five
-- minutes from this machine's: one far ahead would stop the log, whose time never goes back, and one of the past would say
-- that it was signed before its key was found stolen.

-- Whether a record of a case may be of this unit, where the one before it is of another (access.md §1): above ordinary of the
-- case's own or of one that an act names by a random id, and which of them is for whoever judges it. Asked only where the two
-- differ, so an ordinary enclave never asks: there all of a case is of one unit.
CREATE FUNCTION log.is_unit_of(_unit uuid, _stream uuid, _before uuid) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT _before <> '00000000-0000-0000-0000-000000000000'::uuid AND (_unit = _stream OR substr(_unit::text, 15, 1) = '4')
    AND EXISTS (SELECT FROM log.enclave e WHERE e.level <> 'ordinary')
$$;

-- What can be seen of a sealed record without a key (formats.md §2-§5). It stops nobody who holds the writer's login from
-- writing junk; it keeps the junk in the form of a record, in a stream of its own kind, for the audit to name.
CREATE FUNCTION log.fits(
  _stream uuid, _name text, _seq bigint, _unit uuid, _act uuid, _author boolean, _registry boolean, _topic text,
  _at timestamptz, _entry bytea, _state bytea, _kek bytea, _wrap bytea
) RETURNS boolean LANGUAGE sql STABLE RETURN (
  _seq >= 1
  -- a stream begins with its author's statement, under a name of its kind and the id of that name
  AND (_seq > 1 OR (
    _author
    AND substr(_stream::text, 15, 1) = '5'
    AND _name ~ ('^(?:case/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}'
      || '|agency/[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?'
      || '|officer/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}'
      || '|programme/[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?'
      || '|ledger)$')
    AND (_unit = CASE WHEN starts_with(_name, 'case/') THEN _stream ELSE '00000000-0000-0000-0000-000000000000' END
      OR (starts_with(_name, 'case/') AND log.is_unit_of(_unit, _stream, _stream)))))
  AND substr(_act::text, 15, 1) = '4'
  AND _registry IS NOT NULL
  AND _topic = 'socai.statement.v1'
  AND isfinite(_at) AND date_trunc('milliseconds', _at) = _at
  AND octet_length(_entry) = 32
  -- a version byte, a nonce, a tag, and between them an envelope, which the last step of the padding holds, or a step
  AND CASE substring(_state FROM 1 FOR 1)
    WHEN '\x01' THEN octet_length(_state) BETWEEN 512 AND 29 + 262140
    WHEN '\x02' THEN octet_length(_state) - 29 IN (1024, 4096, 16384, 65536, 262144)
    ELSE false END
  AND octet_length(_kek) = 16
  AND octet_length(_wrap) = 77 AND substring(_wrap FROM 1 FOR 17) = '\x01'::bytea || _kek
);

-- `_of`, `_read`, `_upto`: item number `_of` was judged by the stream `_read` as it stood after its seq `_upto` (0: no such
-- stream), or, where `_read` is the nil uuid, by every programme's stream as of the record `_upto`.
-- `_names_of`, `_tags`: item number `_names_of` names the token of this tag, which was judged as one that stands in no
-- other stream.
CREATE FUNCTION log.append(
  _streams uuid[], _names text[], _seqs bigint[], _units uuid[], _acts uuid[], _author boolean[],
  _registry boolean[], _judged bigint[], _topics text[], _at timestamptz[],
  _entries bytea[], _states bytea[], _kek bytea, _wraps bytea[],
  _of bigint[], _read uuid[], _upto bigint[], _names_of bigint[], _tags bytea[]
) RETURNS TABLE (item int, status text, place bigint, head_size bigint, head_at timestamptz, head_registry bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  n bigint; t timestamptz; r bigint; first bigint;
  earliest timestamptz;
  latest timestamptz;
  items int := cardinality(_streams);
  plain boolean;
  fit int;
BEGIN
  IF (items > 0 AND items = ALL (ARRAY[cardinality(_names), cardinality(_seqs), cardinality(_units), cardinality(_acts),
        cardinality(_author), cardinality(_registry), cardinality(_judged), cardinality(_topics), cardinality(_at),
        cardinality(_entries), cardinality(_states), cardinality(_wraps)])
      AND cardinality(_of) = ALL (ARRAY[cardinality(_read), cardinality(_upto)])
      AND cardinality(_names_of) = cardinality(_tags)) IS NOT TRUE THEN
    RAISE EXCEPTION 'the columns of a group are of one length' USING ERRCODE = 'data_exception';
  END IF;

  SELECT h.size, h.recorded_at, h.registry_index INTO STRICT n, t, r FROM log.log_head h FOR UPDATE;  -- writers queue here
  first := n;
  earliest := clock_timestamp() - interval '5 minutes';
  latest := clock_timestamp() + interval '5 minutes';
  IF (earliest > ANY (_at) OR latest < ANY (_at)) AND EXISTS (SELECT FROM log.enclave e WHERE e.rehearsal) THEN
    earliest := '-infinity';
    latest := 'infinity';
  END IF;

  -- Most groups are sound as they stand: what needs no table is looked at here, the rest is left to the unique indexes,
  -- and three inserts take all. `_registry` only as the last item, since whatever follows it was judged by an older one.
  -- A group of which an item was judged by more than its stream and the registry goes item by item.
  plain := r = ALL (_judged) AND (t IS NULL OR _at[1] >= t) AND earliest <= ALL (_at) AND latest >= ALL (_at)
    AND cardinality(_of) = 0;
  FOR i IN 1 .. items LOOP
    EXIT WHEN plain IS NOT TRUE;
    plain := (i = items OR (NOT _registry[i] AND _at[i] <= _at[i + 1]))
      AND (_seqs[i] = 1 OR EXISTS (
        SELECT FROM log.records x WHERE x.stream_id = _streams[i] AND x.seq = _seqs[i] - 1
          AND (x.unit = _units[i] OR log.is_unit_of(_units[i], _streams[i], x.unit))))
      AND (_author[i] OR EXISTS (
        SELECT FROM log.records x WHERE x.act_id = _acts[i] AND x.author AND x.stream_id = _streams[i]
          AND x.unit = _units[i]));
  END LOOP;
  IF plain THEN
    BEGIN
      INSERT INTO log.records (index, seq, recorded_at, stream_id, unit, act_id, author, registry, topic, entry, state)
        SELECT n + z.o - 1, z.seq, z.taken_at, z.stream_id, z.unit, z.act_id, z.author, z.registry, z.topic, z.entry, z.state
        FROM unnest(_streams, _names, _seqs, _units, _acts, _author, _registry, _topics, _at, _entries, _states, _wraps)
          WITH ORDINALITY AS z (stream_id, name, seq, unit, act_id, author, registry, topic, taken_at, entry, state, wrap, o)
        WHERE log.fits(z.stream_id, z.name, z.seq, z.unit, z.act_id, z.author, z.registry, z.topic, z.taken_at, z.entry,
          z.state, _kek, z.wrap);
      GET DIAGNOSTICS fit = ROW_COUNT;
      IF fit < items THEN
        RAISE check_violation;
      END IF;
      INSERT INTO log.streams (stream_id, name)
        SELECT z.stream_id, z.name FROM unnest(_streams, _names, _seqs) AS z (stream_id, name, seq) WHERE z.seq = 1;
      INSERT INTO log.wraps (index, kek_id, stream_id, unit, wrap)
        SELECT n + z.o - 1, _kek, z.stream_id, z.unit, z.wrap
        FROM unnest(_streams, _units, _wraps) WITH ORDINALITY AS z (stream_id, unit, wrap, o);
      IF cardinality(_tags) > 0 THEN
        -- a tag that another stream has, here or in this group, is not left out and so breaks the key
        INSERT INTO log.tokens (tag, stream_id, index)
          SELECT z.tag, _streams[z.o], min(n + z.o - 1) FROM unnest(_names_of, _tags) AS z (o, tag)
          WHERE NOT EXISTS (SELECT FROM log.tokens k WHERE k.tag = z.tag AND k.stream_id = _streams[z.o])
          GROUP BY 1, 2;
      END IF;
    EXCEPTION WHEN unique_violation OR check_violation THEN
      plain := false;  -- somebody is stale, taken or unfit: the loop below finds out who
    END;
  END IF;
  IF plain THEN
    n := n + items;
    t := _at[items];
    IF _registry[items] THEN r := n - 1; END IF;
    UPDATE log.log_head SET size = n, recorded_at = t, registry_index = r;
    RETURN QUERY SELECT i, 'ok'::text, first + i - 1, n, t, r FROM generate_series(1, items) AS i;
    RETURN;
  END IF;

  FOR i IN 1 .. items LOOP
    item := i;
    place := NULL;
    IF log.fits(_streams[i], _names[i], _seqs[i], _units[i], _acts[i], _author[i], _registry[i], _topics[i], _at[i],
        _entries[i], _states[i], _kek, _wraps[i]) IS NOT TRUE THEN
      status := 'unfit';
    ELSIF EXISTS (SELECT FROM log.records x WHERE x.stream_id = _streams[i] AND x.seq = _seqs[i])
       OR (_seqs[i] > 1
           AND NOT EXISTS (SELECT FROM log.records x WHERE x.stream_id = _streams[i] AND x.seq = _seqs[i] - 1)) THEN
      status := 'stale';
    ELSIF _author[i] AND EXISTS (SELECT FROM log.records x WHERE x.act_id = _acts[i] AND x.author) THEN
      status := 'taken';
    ELSIF (_seqs[i] > 1 AND NOT EXISTS (
          SELECT FROM log.records x WHERE x.stream_id = _streams[i] AND x.seq = _seqs[i] - 1
          AND (x.unit = _units[i] OR log.is_unit_of(_units[i], _streams[i], x.unit))))
       OR (NOT _author[i] AND NOT EXISTS (
          SELECT FROM log.records x WHERE x.act_id = _acts[i] AND x.author AND x.stream_id = _streams[i]
          AND x.unit = _units[i])) THEN
      status := 'unfit';
    ELSIF (_judged[i] = r) IS NOT TRUE
       OR EXISTS (
          SELECT FROM unnest(_of, _read, _upto) AS z (o, stream_id, upto)
          WHERE z.o = i AND CASE z.stream_id WHEN '00000000-0000-0000-0000-000000000000' THEN EXISTS (
              SELECT FROM log.records x JOIN log.streams s ON s.stream_id = x.stream_id
              WHERE x.index > z.upto AND starts_with(s.name, 'programme/'))
            ELSE EXISTS (SELECT FROM log.records x WHERE x.stream_id = z.stream_id AND x.seq > z.upto) END)
       OR EXISTS (
          SELECT FROM unnest(_names_of, _tags) AS z (o, tag) JOIN log.tokens k ON k.tag = z.tag
          WHERE z.o = i AND k.stream_id <> _streams[i]) THEN
      status := 'judge_again';
    ELSIF _at[i] < t THEN
      status := 'late';
    ELSIF _at[i] NOT BETWEEN earliest AND latest THEN
      status := 'apart';
    ELSE
      status := 'ok';
      place := n;
      IF _seqs[i] = 1 THEN
        INSERT INTO log.streams (stream_id, name) VALUES (_streams[i], _names[i]);
      END IF;
      INSERT INTO log.records (index, seq, recorded_at, stream_id, unit, act_id, author, registry, topic, entry, state)
        VALUES (n, _seqs[i], _at[i], _streams[i], _units[i], _acts[i], _author[i], _registry[i], _topics[i], _entries[i], _states[i]);
      INSERT INTO log.wraps (index, kek_id, stream_id, unit, wrap) VALUES (n, _kek, _streams[i], _units[i], _wraps[i]);
      INSERT INTO log.tokens (tag, stream_id, index)
        SELECT z.tag, _streams[i], n FROM unnest(_names_of, _tags) AS z (o, tag) WHERE z.o = i ON CONFLICT DO NOTHING;
      t := _at[i];
      IF _registry[i] THEN r := n; END IF;
      n := n + 1;
    END IF;
    head_size := n; head_at := t; head_registry := r;
    RETURN NEXT;
  END LOOP;
  IF n > first THEN
    UPDATE log.log_head SET size = n, recorded_at = t, registry_index = r;
  END IF;
END $$;

-- == Tiles and checkpoints =========================================================================================

-- Tiles and checkpoints (formats.md §7): written by one function, by compare-and-swap on the last size. A tile of a
-- width never changes; a wider one is another row.

CREATE TABLE log.tiles (
  n bigint NOT NULL CHECK (n >= 0),
  level smallint NOT NULL CHECK (level BETWEEN 0 AND 7),
  width smallint NOT NULL CHECK (width BETWEEN 1 AND 256),
  data bytea NOT NULL CHECK (octet_length(data) = 32 * width),
  PRIMARY KEY (level, n, width)
) WITH (toast_tuple_target = 8160);
ALTER TABLE log.tiles ALTER COLUMN data SET STORAGE EXTERNAL;  -- hashes do not compress

CREATE TABLE log.checkpoints (
  size bigint PRIMARY KEY CHECK (size >= 1),
  root bytea NOT NULL CHECK (octet_length(root) = 32),
  note bytea NOT NULL CHECK (octet_length(note) BETWEEN 1 AND 16384)  -- the log's two signatures take 4 KiB
) WITH (toast_tuple_target = 8160);
ALTER TABLE log.checkpoints ALTER COLUMN note SET STORAGE EXTERNAL;

CREATE TABLE log.cosignatures (
  size bigint NOT NULL CHECK (size >= 1),
  witness text NOT NULL CHECK (octet_length(witness) BETWEEN 1 AND 256),
  signature bytea NOT NULL CHECK (octet_length(signature) BETWEEN 1 AND 4096),
  taken_at timestamptz NOT NULL CHECK (isfinite(taken_at)),
  PRIMARY KEY (size, witness)
);

-- True where the newest checkpoint was still `_old` (null: none) and the new one with its tiles is stored. Tiles are
-- those that grow from `_old` to `_size` and no others, so that nobody who seals can plant one where the tree will
-- come by. One that somebody else has planted is in the way only where it has other bytes.
CREATE FUNCTION log.checkpoint(
  _old bigint, _size bigint, _root bytea, _note bytea,
  _levels smallint[], _ns bigint[], _widths smallint[], _data bytea[]
) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  last bigint;
  planted text;
BEGIN
  PERFORM FROM log.enclave FOR UPDATE;  -- one checkpointer at a time: by a row that no login may lock
  SELECT max(c.size) INTO last FROM log.checkpoints c;
  IF last IS DISTINCT FROM _old OR _size <= coalesce(_old, 0) THEN
    RETURN false;
  END IF;
  IF _size > (SELECT h.size FROM log.log_head h) THEN
    RAISE EXCEPTION 'a checkpoint of % covers records that are not there', _size USING ERRCODE = 'data_exception';
  END IF;
  IF EXISTS (
    SELECT FROM unnest(_levels, _ns, _widths) AS z (level, n, width)
    WHERE (z.n * 256 + z.width BETWEEN (coalesce(_old, 0) >> (8 * z.level)) + 1 AND _size >> (8 * z.level)) IS NOT TRUE
  ) THEN
    RAISE EXCEPTION 'a tile is not of the growth from % to %', _old, _size USING ERRCODE = 'data_exception';
  END IF;
  SELECT format('%s/%s of width %s', t.level, t.n, t.width) INTO planted
    FROM unnest(_levels, _ns, _widths, _data) AS z (level, n, width, data) JOIN log.tiles t USING (level, n, width)
    WHERE t.data <> z.data LIMIT 1;
  IF planted IS NOT NULL THEN
    RAISE EXCEPTION 'tile % stands there already with other bytes', planted USING ERRCODE = 'unique_violation';
  END IF;
  INSERT INTO log.tiles (level, n, width, data)
    SELECT z.level, z.n, z.width, z.data FROM unnest(_levels, _ns, _widths, _data) AS z (level, n, width, data)
    ON CONFLICT DO NOTHING;
  INSERT INTO log.checkpoints (size, root, note) VALUES (_size, _root, _note);
  RETURN true;
END $$;

-- == Files of acts =================================================================================================

-- Files of acts (formats.md §5, access.md L16). The bytes lie in a blob store under a random name, one an upload; here
-- stands how an upload is found and what became of it. A tag is keyed, so that nobody who reads this table can ask
-- whether a known file is among them or whose it is (L9); digest, size, officer and time are inside the sealed events.

CREATE TABLE log.files (
  name uuid PRIMARY KEY,
  tag bytea NOT NULL CHECK (octet_length(tag) = 32)
);
CREATE INDEX files_tag ON log.files (tag);

-- The history of each file: who added, read and exported it. Dense from 1; each event names the one before it.
-- `place` counts the events of all files from 0, so that "the first n" is what the log's anchors speak of.
CREATE TABLE log.custody (
  place bigint PRIMARY KEY CHECK (place >= 0),
  name uuid NOT NULL,
  seq bigint NOT NULL CHECK (seq >= 1),
  entry bytea NOT NULL CHECK (octet_length(entry) = 32),
  state bytea NOT NULL,
  CONSTRAINT custody_name_seq UNIQUE (name, seq)
);

-- The one row that every event locks: how many there are.
CREATE TABLE log.custody_head (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  size bigint NOT NULL
) WITH (fillfactor = 10);
INSERT INTO log.custody_head VALUES (true, 0);

-- `seq` 0 is the file's own key, from 1 on those of its events: erasing deletes here, as in log.wraps.
CREATE TABLE log.file_wraps (
  name uuid NOT NULL,
  seq bigint NOT NULL CHECK (seq >= 0),
  kek_id bytea NOT NULL CHECK (octet_length(kek_id) = 16),
  wrap bytea NOT NULL,
  PRIMARY KEY (name, seq, kek_id),
  CONSTRAINT file_wraps_length CHECK (octet_length(wrap) = 77)
);

-- The one key of all tags, wrapped; made when the log is founded, so that nobody else comes first.
CREATE TABLE log.file_key (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  wrap bytea NOT NULL,
  CONSTRAINT file_key_length CHECK (octet_length(wrap) = 77)
);

CREATE FUNCTION log.keep_file_key(_wrap bytea) RETURNS bytea
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  INSERT INTO log.file_key (wrap) VALUES (_wrap) ON CONFLICT DO NOTHING;
  SELECT k.wrap FROM log.file_key k;
$$;

-- What can be seen of a sealed event without a key (formats.md §5), as `log.fits` of a record: what is kept stays for ever.
CREATE FUNCTION log.require_event(_entry bytea, _state bytea, _wrap bytea) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF (octet_length(_entry) = 32
      AND CASE substring(_state FROM 1 FOR 1)
        WHEN '\x01' THEN octet_length(_state) BETWEEN 256 AND 29 + 4092
        WHEN '\x02' THEN octet_length(_state) - 29 IN (1024, 4096)
        ELSE false END
      AND octet_length(_wrap) = 77 AND substring(_wrap FROM 1 FOR 1) = '\x01') IS NOT TRUE THEN
    RAISE EXCEPTION 'this is no event of custody' USING ERRCODE = 'check_violation';
  END IF;
END $$;

CREATE FUNCTION log.keep_file(_name uuid, _tag bytea, _wrap bytea, _entry bytea, _state bytea, _event_wrap bytea)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  n bigint;
BEGIN
  PERFORM log.require_event(_entry, _state, _event_wrap);
  SELECT h.size INTO STRICT n FROM log.custody_head h FOR UPDATE;  -- whoever notes anything queues here
  INSERT INTO log.files (name, tag) VALUES (_name, _tag);
  INSERT INTO log.custody (place, name, seq, entry, state) VALUES (n, _name, 1, _entry, _state);
  INSERT INTO log.file_wraps (name, seq, kek_id, wrap) VALUES
    (_name, 0, substring(_wrap FROM 2 FOR 16), _wrap), (_name, 1, substring(_event_wrap FROM 2 FOR 16), _event_wrap);
  UPDATE log.custody_head SET size = n + 1;
END $$;

-- False where the place is taken or not reached: whoever lost the race reads the history again. A lock on the row of
-- all files is not for a login that only reads: it could hold it, and nobody would read or add a file.
CREATE FUNCTION log.note_custody(_name uuid, _seq bigint, _entry bytea, _state bytea, _wrap bytea) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  n bigint;
BEGIN
  PERFORM log.require_event(_entry, _state, _wrap);
  SELECT h.size INTO STRICT n FROM log.custody_head h FOR UPDATE;
  INSERT INTO log.custody (place, name, seq, entry, state)
    SELECT n, _name, _seq, _entry, _state
    WHERE _seq > 1 AND EXISTS (SELECT FROM log.custody c WHERE c.name = _name AND c.seq = _seq - 1)
    ON CONFLICT (name, seq) DO NOTHING;
  IF NOT FOUND THEN RETURN false; END IF;
  INSERT INTO log.file_wraps (name, seq, kek_id, wrap) VALUES (_name, _seq, substring(_wrap FROM 2 FOR 16), _wrap);
  UPDATE log.custody_head SET size = n + 1;
  RETURN true;
END $$;

-- == Sign-in =======================================================================================================

-- Sign-in challenges, taken once, and counted attempts (http.md §2), shared by all workers; reached by functions only.

CREATE TABLE sec.challenges (
  challenge text PRIMARY KEY CHECK (octet_length(challenge) BETWEEN 16 AND 256),
  kid text NOT NULL CHECK (octet_length(kid) BETWEEN 1 AND 128),
  expires_at timestamptz NOT NULL CHECK (isfinite(expires_at))
);
CREATE INDEX challenges_expiry ON sec.challenges (expires_at);

CREATE TABLE sec.attempts (
  subject text PRIMARY KEY CHECK (octet_length(subject) BETWEEN 1 AND 256),
  since timestamptz NOT NULL CHECK (isfinite(since)),
  counted int NOT NULL CHECK (counted >= 1)
);
CREATE INDEX attempts_since ON sec.attempts (since);

-- The time is the server's own and lives are bounded: whoever calls with a time of its own would end every challenge,
-- forget what was used once, or begin a window that never ends.
CREATE FUNCTION sec.challenge_put(_challenge text, _kid text, _life_s int) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  DELETE FROM sec.challenges c WHERE c.expires_at < clock_timestamp() - interval '1 hour';
  INSERT INTO sec.challenges (challenge, kid, expires_at)
    VALUES (_challenge, _kid, clock_timestamp() + make_interval(secs => least(_life_s, 600)));
$$;

CREATE FUNCTION sec.challenge_take(_challenge text) RETURNS text
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  WITH gone AS (DELETE FROM sec.challenges c WHERE c.challenge = _challenge RETURNING c.kid, c.expires_at)
  SELECT g.kid FROM gone g WHERE clock_timestamp() < g.expires_at;
$$;

-- No window is longer than rows are kept.
CREATE FUNCTION sec.attempt(_subject text, _window_s int, _limit int) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  DELETE FROM sec.attempts a WHERE a.since < clock_timestamp() - interval '1 day';
  INSERT INTO sec.attempts AS a (subject, since, counted) VALUES (_subject, clock_timestamp(), 1)
    ON CONFLICT (subject) DO UPDATE SET
      counted = CASE WHEN a.since <= clock_timestamp() - make_interval(secs => _window_s) THEN 1 ELSE a.counted + 1 END,
      since = CASE WHEN a.since <= clock_timestamp() - make_interval(secs => _window_s) THEN clock_timestamp() ELSE a.since END
    RETURNING a.counted <= _limit;
$$;

-- == Append-only ===================================================================================================

-- The second lock (architecture.md §4): what grants refuse to every login, these triggers refuse to the owner too.
-- Neither binds a superuser; the tree and the witnesses do (access.md PF7).

CREATE FUNCTION log.refuse() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RAISE EXCEPTION '%.% is append-only: % refused', TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP
    USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log.streams EXECUTE FUNCTION log.refuse();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log.records EXECUTE FUNCTION log.refuse();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log.wraps EXECUTE FUNCTION log.refuse();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log.tiles EXECUTE FUNCTION log.refuse();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log.checkpoints EXECUTE FUNCTION log.refuse();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log.cosignatures EXECUTE FUNCTION log.refuse();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log.migrations EXECUTE FUNCTION log.refuse();
CREATE TRIGGER stays BEFORE DELETE OR TRUNCATE ON log.log_head EXECUTE FUNCTION log.refuse();
CREATE TRIGGER grows BEFORE UPDATE ON log.log_head FOR EACH ROW
  WHEN (NEW.size < OLD.size OR NEW.recorded_at < OLD.recorded_at OR NEW.registry_index < OLD.registry_index)
  EXECUTE FUNCTION log.refuse();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log.tokens EXECUTE FUNCTION log.refuse();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log.enclave EXECUTE FUNCTION log.refuse();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log.files EXECUTE FUNCTION log.refuse();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log.custody EXECUTE FUNCTION log.refuse();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log.file_wraps EXECUTE FUNCTION log.refuse();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log.file_key EXECUTE FUNCTION log.refuse();
CREATE TRIGGER stays BEFORE DELETE OR TRUNCATE ON log.custody_head EXECUTE FUNCTION log.refuse();
CREATE TRIGGER grows BEFORE UPDATE ON log.custody_head FOR EACH ROW WHEN (NEW.size < OLD.size) EXECUTE FUNCTION log.refuse();

-- == Row policies ==================================================================================================

ALTER TABLE log.streams ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE log.records ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE log.wraps ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON log.streams TO {slug}_owner USING (true) WITH CHECK (true);
CREATE POLICY own ON log.records TO {slug}_owner USING (true) WITH CHECK (true);
CREATE POLICY own ON log.wraps TO {slug}_owner USING (true) WITH CHECK (true);
-- Until participation is recorded, every signed-in officer of the enclave sees every stream.
CREATE POLICY every ON log.streams FOR SELECT USING (true);
CREATE POLICY every ON log.records FOR SELECT USING (true);
CREATE POLICY every ON log.wraps FOR SELECT USING (true);

-- == Grants ========================================================================================================

-- Who may what (access.md §3, G1-G11), by column where a role must not see all of a row.

GRANT USAGE ON SCHEMA log TO {slug}_migrator, {slug}_writer, {slug}_checkpointer, {slug}_projector, {slug}_reader, {slug}_auditor;
GRANT USAGE ON SCHEMA sec TO {slug}_reader;

GRANT SELECT (stream_id, name) ON log.streams TO {slug}_writer, {slug}_projector, {slug}_reader, {slug}_auditor;
GRANT SELECT (index, seq, recorded_at, stream_id, unit, act_id, author, registry, topic, entry, state)
  ON log.records TO {slug}_writer, {slug}_projector, {slug}_reader;
GRANT SELECT (index, seq, recorded_at, stream_id, unit, act_id, author, registry, topic, entry) ON log.records TO {slug}_auditor;
GRANT SELECT (index, entry) ON log.records TO {slug}_checkpointer;
GRANT SELECT (index, kek_id, stream_id, unit, wrap) ON log.wraps TO {slug}_writer, {slug}_projector, {slug}_reader;
GRANT SELECT (index, kek_id) ON log.wraps TO {slug}_auditor;
GRANT SELECT (one, size, recorded_at, registry_index) ON log.log_head
  TO {slug}_writer, {slug}_checkpointer, {slug}_projector, {slug}_reader, {slug}_auditor;
GRANT SELECT (level, n, width, data) ON log.tiles TO {slug}_checkpointer, {slug}_projector, {slug}_reader, {slug}_auditor;
GRANT SELECT (size, root, note) ON log.checkpoints TO {slug}_checkpointer, {slug}_projector, {slug}_reader, {slug}_auditor;
GRANT SELECT (size, witness, signature, taken_at) ON log.cosignatures TO {slug}_checkpointer, {slug}_projector, {slug}_reader, {slug}_auditor;
GRANT SELECT (number, name, sha256, applied_at) ON log.migrations
  TO {slug}_migrator, {slug}_writer, {slug}_checkpointer, {slug}_projector, {slug}_reader, {slug}_auditor;

GRANT EXECUTE ON FUNCTION log.append(uuid[], text[], bigint[], uuid[], uuid[], boolean[], boolean[], bigint[], text[],
  timestamptz[], bytea[], bytea[], bytea, bytea[], bigint[], uuid[], bigint[], bigint[], bytea[]) TO {slug}_writer;
GRANT EXECUTE ON FUNCTION log.checkpoint(bigint, bigint, bytea, bytea, smallint[], bigint[], smallint[], bytea[]) TO {slug}_checkpointer;
GRANT EXECUTE ON FUNCTION sec.challenge_put(text, text, int), sec.challenge_take(text), sec.attempt(text, int, int) TO {slug}_reader;

GRANT SELECT (tag, stream_id, index) ON log.tokens TO {slug}_writer, {slug}_projector, {slug}_auditor;
GRANT SELECT (one, rehearsal, level) ON log.enclave
  TO {slug}_migrator, {slug}_writer, {slug}_checkpointer, {slug}_projector, {slug}_reader, {slug}_auditor;

-- A file is reached through a record alone, and the record has its own policies; no row here says which act it is of.
GRANT SELECT (name, tag) ON log.files TO {slug}_writer, {slug}_reader;
GRANT SELECT (place, name, seq, entry, state) ON log.custody TO {slug}_writer, {slug}_reader;
GRANT SELECT (one, size) ON log.custody_head TO {slug}_writer, {slug}_reader, {slug}_auditor;
GRANT SELECT (name, seq, kek_id, wrap) ON log.file_wraps TO {slug}_writer, {slug}_reader;
GRANT SELECT (one, wrap) ON log.file_key TO {slug}_writer, {slug}_reader;
GRANT SELECT (name) ON log.files TO {slug}_auditor;
GRANT SELECT (place, name, seq, entry) ON log.custody TO {slug}_auditor;
GRANT SELECT (name, seq, kek_id) ON log.file_wraps TO {slug}_auditor;
GRANT SELECT (one) ON log.file_key TO {slug}_auditor;
GRANT EXECUTE ON FUNCTION log.keep_file_key(bytea), log.keep_file(uuid, bytea, bytea, bytea, bytea, bytea),
  log.note_custody(uuid, bigint, bytea, bytea, bytea) TO {slug}_writer;
