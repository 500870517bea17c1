-- What stands in a schema, or in the database but for the views' schema, one line a thing, so that two lists can be held
-- against each other: who owns it, what it does, who may use it. Nothing here is a setting that an operator may turn (fill
-- factors, time-outs), and nothing that differs from one version of the server to the next (what an owner may do to what is
-- its own; whose the schema public is) or goes with a copy's name (whose a copied database is, and which of those who may enter it do).
WITH place AS (
  SELECT n.oid, n.nspname, n.nspowner, n.nspacl FROM pg_namespace n
  WHERE CASE WHEN %(schema)s::text IS NULL THEN n.nspname NOT IN ('proj', 'information_schema') AND NOT starts_with(n.nspname, 'pg_')
    ELSE n.nspname = %(schema)s END
), relation AS (
  SELECT c.oid, c.relkind, c.relowner, c.relacl, c.relpersistence, c.relrowsecurity, c.relforcerowsecurity,
    c.reloptions,
    p.nspname || '.' || c.relname AS name
  FROM pg_class c JOIN place p ON p.oid = c.relnamespace WHERE c.relkind IN ('r', 'v', 'm', 'f', 'p', 'S', 'c')
), routine AS (
  SELECT f.*, format('%%s.%%s(%%s)', p.nspname, f.proname, pg_get_function_identity_arguments(f.oid)) AS name
  FROM pg_proc f JOIN place p ON p.oid = f.pronamespace
), role AS (
  SELECT r.* FROM pg_roles r WHERE starts_with(r.rolname, %(slug)s || '_')
), acl (object, part, owner, items) AS (
  SELECT 'schema ' || p.nspname, NULL, p.nspowner, coalesce(p.nspacl, acldefault('n', p.nspowner)) FROM place p
  UNION ALL SELECT r.name, NULL, r.relowner,
    coalesce(r.relacl, acldefault(CASE r.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", r.relowner))
    FROM relation r WHERE r.relkind <> 'c'
  UNION ALL SELECT r.name, a.attname, r.relowner, a.attacl
    FROM relation r JOIN pg_attribute a ON a.attrelid = r.oid WHERE a.attacl IS NOT NULL AND NOT a.attisdropped
  UNION ALL SELECT 'function ' || f.name, NULL, f.proowner, coalesce(f.proacl, acldefault('f', f.proowner)) FROM routine f
)
SELECT format('schema %%s owner %%s', p.nspname, pg_get_userbyid(p.nspowner)) AS line FROM place p WHERE p.nspname <> 'public'
UNION ALL
SELECT format('grant %%s%%s on %%s to %%s%%s', i.privilege_type,
    coalesce(' (' || string_agg(a.part, ', ' ORDER BY a.part COLLATE "C") || ')', ''), a.object,
    CASE i.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(i.grantee) END,
    CASE WHEN i.is_grantable THEN ' with grant option' ELSE '' END)
  FROM acl a, aclexplode(a.items) i WHERE i.grantee <> a.owner
  GROUP BY a.object, i.privilege_type, i.grantee, i.is_grantable, a.part IS NULL
UNION ALL
SELECT format('default for %%s in %%s by %%s %%s', d.defaclobjtype,
    CASE d.defaclnamespace WHEN 0 THEN 'any schema' ELSE d.defaclnamespace::regnamespace::text END,
    pg_get_userbyid(d.defaclrole), d.defaclacl)
  FROM pg_default_acl d JOIN role r ON r.oid = d.defaclrole WHERE %(schema)s::text IS NULL
UNION ALL
SELECT format('relation %%s kind %%s persistence %%s owner %%s row security %%s forced %%s%%s', r.name, r.relkind,
    r.relpersistence, pg_get_userbyid(r.relowner), r.relrowsecurity, r.relforcerowsecurity,
    CASE r.relkind WHEN 'v' THEN ' set ' || coalesce(r.reloptions::text, '') ELSE '' END) FROM relation r
UNION ALL
SELECT format('column %%s.%%s %%s%%s%%s%%s%%s', r.name, a.attname, format_type(a.atttypid, a.atttypmod),
    CASE WHEN a.attnotnull THEN ' not null' ELSE '' END,
    CASE WHEN a.attgenerated <> '' OR a.attidentity <> '' THEN ' made ' || a.attgenerated::text || a.attidentity::text ELSE '' END,
    CASE WHEN a.attcollation NOT IN (0, y.typcollation) THEN ' collation ' || a.attcollation::regcollation::text ELSE '' END,
    coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), ''))
  FROM relation r JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_type y ON y.oid = a.atttypid LEFT JOIN pg_attrdef d ON d.adrelid = r.oid AND d.adnum = a.attnum
  WHERE r.relkind <> 'S'
UNION ALL
SELECT format('constraint %%s %%s %%s', r.name, c.conname, pg_get_constraintdef(c.oid))
  FROM pg_constraint c JOIN relation r ON r.oid = c.conrelid WHERE c.contype NOT IN ('n', 't')
UNION ALL
SELECT format('index %%s%%s', pg_get_indexdef(i.indexrelid),
    CASE WHEN i.indisvalid AND i.indisready AND i.indislive THEN '' ELSE ' not in use' END)
  FROM pg_index i JOIN relation r ON r.oid = i.indrelid
UNION ALL
SELECT format('trigger %%s%%s', CASE WHEN t.tgisinternal THEN r.name ELSE pg_get_triggerdef(t.oid) END,
    CASE t.tgenabled WHEN 'O' THEN '' ELSE ' enabled ' || t.tgenabled::text END)
  FROM pg_trigger t JOIN relation r ON r.oid = t.tgrelid WHERE NOT t.tgisinternal OR t.tgenabled <> 'O'
UNION ALL
SELECT format('policy %%s on %%s permissive %%s for %%s to %%s using %%s check %%s', w.polname, r.name, w.polpermissive,
    w.polcmd, (SELECT string_agg(CASE o WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(o) END, ', '
      ORDER BY CASE o WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(o) END COLLATE "C") FROM unnest(w.polroles) o),
    regexp_replace(pg_get_expr(w.polqual, w.polrelid), '\s+', ' ', 'g'),  -- one line, whatever is asked in it
    regexp_replace(pg_get_expr(w.polwithcheck, w.polrelid), '\s+', ' ', 'g'))
  FROM pg_policy w JOIN relation r ON r.oid = w.polrelid
UNION ALL
SELECT format('rule %%s on %%s %%s', w.rulename, r.name, regexp_replace(pg_get_ruledef(w.oid), '\s+', ' ', 'g'))
  FROM pg_rewrite w JOIN relation r ON r.oid = w.ev_class
UNION ALL
SELECT format('%%s inherits from %%s', h.inhrelid::regclass, h.inhparent::regclass)
  FROM pg_inherits h JOIN relation r ON r.oid IN (h.inhrelid, h.inhparent)
UNION ALL
SELECT format('function %%s returns %%s kind %%s language %%s owner %%s security definer %%s leakproof %%s strict %%s volatile %%s set %%s body %%s',
    f.name, pg_get_function_result(f.oid), f.prokind, l.lanname, pg_get_userbyid(f.proowner), f.prosecdef, f.proleakproof,
    f.proisstrict, f.provolatile, f.proconfig,
    encode(sha256(convert_to(f.prosrc || coalesce(pg_get_function_sqlbody(f.oid), ''), 'UTF8')), 'hex'))
  FROM routine f JOIN pg_language l ON l.oid = f.prolang
UNION ALL
SELECT format('type %%s.%%s kind %%s owner %%s', p.nspname, y.typname, y.typtype, pg_get_userbyid(y.typowner))
  FROM pg_type y JOIN place p ON p.oid = y.typnamespace WHERE y.typtype NOT IN ('b', 'c') OR y.typelem = 0 AND y.typtype = 'b'
UNION ALL
SELECT format('event trigger %%s on %%s calls %%s enabled %%s', e.evtname, e.evtevent, e.evtfoid::regprocedure, e.evtenabled)
  FROM pg_event_trigger e WHERE %(schema)s::text IS NULL
UNION ALL
SELECT format('role %%s login %%s super %%s inherit %%s creates roles %%s creates databases %%s replicates %%s bypasses row security %%s',
    r.rolname, r.rolcanlogin, r.rolsuper, r.rolinherit, r.rolcreaterole, r.rolcreatedb, r.rolreplication, r.rolbypassrls)
  FROM role r WHERE %(schema)s::text IS NULL
UNION ALL
SELECT format('role %%s is in %%s', pg_get_userbyid(m.member), pg_get_userbyid(m.roleid))
  FROM pg_auth_members m WHERE %(schema)s::text IS NULL AND EXISTS (SELECT FROM role r WHERE r.oid IN (m.member, m.roleid))
    AND NOT EXISTS (SELECT FROM pg_roles r WHERE r.oid = m.member AND r.rolsuper)
    -- whoever made a role may administer it from 16 on: the server says so itself (its first superuser), and nobody else can
    AND NOT (m.grantor = 10 AND m.admin_option AND m.member NOT IN (SELECT r.oid FROM role r)
      AND to_jsonb(m)->>'set_option' = 'false' AND to_jsonb(m)->>'inherit_option' = 'false'
      AND EXISTS (SELECT FROM pg_roles r WHERE r.oid = m.member AND r.rolcreaterole))
UNION ALL
SELECT format('role %%s set %%s', r.rolname, c)
  FROM role r JOIN pg_db_role_setting s ON s.setrole = r.oid, unnest(s.setconfig) c
  WHERE %(schema)s::text IS NULL AND split_part(c, '=', 1) NOT LIKE '%%\_timeout'
    AND split_part(c, '=', 1) <> 'temp_file_limit'  -- which a superuser alone may set: an installation warns where none did
UNION ALL  -- what whoever enters begins with, where names are looked up too, and who may put something there
SELECT format('database set %%s', c)
  FROM pg_db_role_setting s JOIN pg_database b ON b.oid = s.setdatabase, unnest(s.setconfig) c
  WHERE %(schema)s::text IS NULL AND b.datname = current_database() AND s.setrole = 0 AND split_part(c, '=', 1) NOT LIKE '%%\_timeout'
UNION ALL
SELECT format('grant %%s on the database to %%s', i.privilege_type, CASE i.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(i.grantee) END)
  FROM pg_database b, aclexplode(b.datacl) i
  WHERE %(schema)s::text IS NULL AND b.datname = current_database() AND i.grantee <> b.datdba
    AND NOT (i.privilege_type = 'CONNECT' AND (i.grantee = to_regrole('pg_monitor')
      OR i.grantee IN (SELECT r.oid FROM role r WHERE r.rolname <> %(slug)s || '_archiver')))
UNION ALL  -- whatever else somebody made: operators, casts, publications, extensions; the server's own have smaller numbers
SELECT DISTINCT format('%%s %%s', o.type, o.identity)
  FROM pg_depend d, pg_identify_object(d.classid, d.objid, 0) o
  WHERE d.objid >= 16384 AND d.classid NOT IN ('pg_class'::regclass, 'pg_proc'::regclass, 'pg_type'::regclass,
      'pg_constraint'::regclass, 'pg_attrdef'::regclass, 'pg_trigger'::regclass, 'pg_policy'::regclass, 'pg_rewrite'::regclass,
      'pg_namespace'::regclass, 'pg_default_acl'::regclass, 'pg_event_trigger'::regclass)
    AND (o.schema IN (SELECT p.nspname FROM place p) OR o.schema IS NULL AND %(schema)s::text IS NULL)
