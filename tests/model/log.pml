/* One log from append to checkpoint, and what can happen to it: processes killed at any step, two
 * checkpoint signers, the database replaced by an older copy or by a replica that lags, the home's
 * memory lost, a recovery under a new key.
 *
 *   the database   records, and the newest stored checkpoint (log.checkpoint: one transaction)
 *   the home       the note last signed, kept and fsynced before log.checkpoint (SeenCheckpoint)
 *   the operator   the newest checkpoint that was ever published: what --checkpoint is given
 *
 * A record holds 1 or 2, by the number of restores before it, or LOG_RECOVERED; the root of a tree is its
 * records read as a number of base 4. Replacing the database ends every connection (generation).
 * Ghosts (g_...) are what no process sees; they are only asserted.
 *
 * Safeguards can be switched off, and with each a violation must be found (tests/soak/test_model.py):
 *   LATE_MEMORY    the note is kept after log.checkpoint and not before
 *   NO_COMPARISON  memory and database are not compared
 *   SIGN_ANEW      a note that is kept and not stored is signed anew, not submitted again
 *   BLIND_START    a home without a memory takes what the database says
 *   OLD_KEY        a recovery goes on under the key that it has
 *   UNCONDITIONAL  log.checkpoint does not compare the last size
 *   SECOND_HOME    the second signer has a memory of its own: the limit that is told in
 *                  docs/threat-model.md
 */

#ifndef RECORDS
#define RECORDS 3
#endif
#ifndef KILLS
#define KILLS 2
#endif
#ifndef RESTORES
#define RESTORES 1
#endif
#ifndef LOSSES
#define LOSSES 0
#endif
#define KEYS 2
#define EMPTY 0
#define LOG_RECOVERED 3
#define PLACE(key, n) ((key) * (RECORDS + 1) + (n))
#ifdef SECOND_HOME
#define HOMES 2
#define HOME(me) (me)
#else
#define HOMES 1
#define HOME(me) 0
#endif

/* -- the database -- */
byte leaf[RECORDS], size, stored_size, stored_root;
byte generation;

/* -- the home -- */
byte seen_size[HOMES], seen_root[HOMES];
bool forgot[HOMES];             /* the memory is lost */
bool doubt;                    /* the mark that outlives a restart */
byte key;                      /* the key that the home signs with */

/* -- outside -- */
byte known_size, known_root;
byte killed;                   /* who dies before the next step, from 1 */
byte kills, restores, losses;

/* -- ghosts -- */
byte g_signed[KEYS * (RECORDS + 1)], g_published[KEYS * (RECORDS + 1)];
byte g_common = 255;           /* the size up to which the first key may sign */

/* -- a trace of the real code, told step by step: accepted where its last step is reached -- */
#define APPEND 1
#define KEEP 2
#define STORE 3
#define DOUBT 4
#ifdef TRACE
byte told_what[LENGTH], told_size[LENGTH], told;
bool strayed;
#define FOLLOWS !strayed
inline tell(what, n) {
  if
  :: !strayed && told < LENGTH && told_what[told] == what && told_size[told] == n ->
     told++;
     assert(told < LENGTH)
  :: else -> strayed = true
  fi
}
#else
#define FOLLOWS true
inline tell(what, n) { skip }
#endif

inline root_of(r, n, from, before) {   /* r: root of the first n records over a tree of `from` */
  r = before;
  i = from;
  do
  :: i < n -> r = r + leaf[i] * (i == 0 -> 1 : (i == 1 -> 4 : (i == 2 -> 16 : 64))); i++
  :: else -> break
  od;
  i = 0
}

inline sign(k, n, r) {
  /* No two roots for one size; where the memory was lost, none that anybody has seen. */
  assert(losses > 0 || g_signed[PLACE(k, n)] == EMPTY || g_signed[PLACE(k, n)] == r);
  /* The key that a recovery has ended signs nothing more. */
  assert(k > 0 || n <= g_common);
  g_signed[PLACE(k, n)] = r
}

inline publish(k, n, r) {
  assert(n > stored_size);               /* what readers have seen does not shrink */
  assert(g_published[PLACE(k, n)] == EMPTY || g_published[PLACE(k, n)] == r);
  g_published[PLACE(k, n)] = r;
  known_size = n;
  known_root = r
}

active proctype api() {
  byte i, r;
end:
  do
  :: atomic {
       FOLLOWS && size < RECORDS && !doubt && !forgot[0] ->
       root_of(r, seen_size[0], 0, EMPTY);
       if
#ifndef NO_COMPARISON
       :: size < seen_size[0] || r != seen_root[0] -> doubt = true; tell(DOUBT, 0)
#endif
       :: else ->
          /* Nothing is taken on a log that lacks what was published of it. */
          root_of(r, known_size, 0, EMPTY);
          assert(losses > 0 || (size >= known_size && r == known_root));
          leaf[size] = 1 + restores % 2;
          size++;
          tell(APPEND, size)
       fi;
       r = 0
     }
  od
}

#define LOST (mine != generation)     /* the database was replaced: the connection is gone */

/* Three steps, between which everything else may happen: what is read over one connection and
 * compared; the signature with the memory, alone with its lock; the transaction of log.checkpoint. */
proctype checkpointer(byte me) {
  byte mine, i, r;
  byte stand_size, stand_root;          /* what it has read to be stored */
  byte last_size, last_root;            /* what it has read to be remembered */
  byte n, mykey;
  do
  :: {
       skip;
end_wait:
       d_step { !doubt && !forgot[HOME(me)] -> mine = generation; mykey = key };
       do
       :: d_step {                       /* -- read and compare -- */
            FOLLOWS && !LOST && !doubt ->
            stand_size = stored_size; stand_root = stored_root;
            last_size = seen_size[HOME(me)]; last_root = seen_root[HOME(me)];
            n = 0;
#ifndef NO_COMPARISON
            root_of(r, stand_size, 0, EMPTY);
            if
            :: r != stand_root -> doubt = true
            :: else
            fi;
            if
            :: size < last_size || size < stand_size -> doubt = true; r = 0
            :: else -> root_of(r, last_size, 0, EMPTY)
            fi;
            if
            :: r != last_root -> doubt = true
            :: !doubt && r == last_root && last_size < stand_size ->      /* another home's */
               seen_size[HOME(me)] = stand_size; seen_root[HOME(me)] = stand_root;
               last_size = stand_size; last_root = stand_root
            :: else
            fi;
#endif
            if
            :: doubt -> tell(DOUBT, 0)
            :: !doubt && last_size > stand_size -> n = last_size; r = last_root
            :: else -> n = size; root_of(r, n, 0, EMPTY)
            fi
          };
          if
          :: doubt -> break
          :: !doubt && n == stand_size ->                              /* nothing new yet */
             d_step { n = 0; r = 0; stand_size = 0; stand_root = 0; last_size = 0; last_root = 0 };
end_idle:
             size > stored_size || LOST || doubt || forgot[HOME(me)];
             if
             :: LOST || doubt || forgot[HOME(me)] -> break
             :: else -> skip; goto next
             fi
#ifndef SIGN_ANEW
          :: !doubt && n != stand_size && last_size > stand_size -> skip    /* the same bytes */
#endif
          :: else ->                     /* -- sign and remember -- */
#ifdef LATE_MEMORY
             d_step { sign(mykey, n, r) }
#else
             d_step {
               if
#ifndef NO_COMPARISON
#ifndef SIGN_ANEW
               :: doubt || forgot[HOME(me)] || mykey != key || seen_size[HOME(me)] != last_size || seen_root[HOME(me)] != last_root ->
                  n = 0
#endif
#endif
               :: else ->
                  sign(mykey, n, r);
                  seen_size[HOME(me)] = n; seen_root[HOME(me)] = r;
                  tell(KEEP, n)
               fi
             };
             if
             :: n == 0 -> break
             :: else
             fi
#endif
          fi;
          skip; d_step {                 /* -- store -- */
            if
            :: LOST -> n = 0
#ifdef UNCONDITIONAL
            :: !LOST && n <= size ->
#else
            :: !LOST && stored_size == stand_size && n > stand_size && n <= size ->
#endif
               publish(mykey, n, r);
               stored_size = n; stored_root = r;
#ifdef LATE_MEMORY
               seen_size[HOME(me)] = n; seen_root[HOME(me)] = r;
#endif
               tell(STORE, n)
            :: else -> n = 0
            fi
          };
          if
          :: n == 0 -> break
          :: else
          fi;
next:     skip; d_step { n = 0; r = 0; stand_size = 0; stand_root = 0; last_size = 0; last_root = 0 }
       :: LOST || doubt -> break
       od
     } unless { atomic { killed == me + 1 -> killed = 0 } };
     skip; d_step { mine = 0; mykey = 0; n = 0; r = 0; stand_size = 0; stand_root = 0; last_size = 0; last_root = 0 }
  od
}

/* Everything that is done to the log by others than its own processes. */
active proctype world() {
  byte i, r;
end:
  do
  :: atomic { kills < KILLS && killed == 0 -> kills++;
       if
       :: killed = 1
       :: killed = 2
       fi
     }
  :: atomic { restores < RESTORES && size > 0 -> restores++;
       /* An earlier state takes the database's place: a backup, or a replica that lags. Within one
        * database every earlier state is a beginning of the present one. */
       do
       :: size > 0 -> size--; leaf[size] = 0
       :: break
       od;
       do
       :: stored_size > 0 -> stored_size--
       :: stored_size <= size -> break
       od;
       root_of(stored_root, stored_size, 0, EMPTY);
       generation++
     }
  :: d_step { losses < LOSSES -> losses++; forgot[0] = true; generation++ }      /* the machine is lost */
#ifdef BLIND_START
  :: d_step { forgot[0] -> seen_size[0] = stored_size; seen_root[0] = stored_root; forgot[0] = false }
#else
  :: d_step { forgot[0] -> seen_size[0] = known_size; seen_root[0] = known_root; forgot[0] = false }
#endif
  :: d_step { doubt && key == 0 && size < RECORDS && !forgot[0] ->   /* socai log recover */
       g_common = size;
       leaf[size] = LOG_RECOVERED;
       size++;
#ifndef OLD_KEY
       key = 1;
#endif
       root_of(r, size, 0, EMPTY);
       sign(key, size, r);                         /* the first checkpoint covers the recovery */
       seen_size[0] = size; seen_root[0] = r;
       known_size = 0;                             /* what was lost is known to be lost */
       publish(key, size, r);
       stored_size = size; stored_root = r;
       generation++;                               /* it runs alone: every connection is new */
       doubt = false;
       r = 0
     }
  od
}

init {
  atomic {
#ifdef TRACE
    SCRIPT
#endif
    run checkpointer(0);
    run checkpointer(1)
  }
}
