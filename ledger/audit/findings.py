"""The kinds of damage an audit can name, and a finding: where, which kind, what was found instead.

A kind is stable text: it stands in reports, tests and on pages. How damage is detected is not known
here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from ledger.message import Text


class Damage(StrEnum):
    """Kinds of damage, by what they are about."""

    # genesis
    GENESIS_REPLACED = "genesis_replaced"
    GENESIS_MALFORMED = "genesis_malformed"
    GENESIS_KEYS = "genesis_keys_differ"
    # the row and its place
    RECORD_MISSING = "record_missing"
    INDEX_DUPLICATED = "index_duplicated"
    TAIL_MISSING = "tail_missing"
    RECORD_UNDECLARED = "record_undeclared"
    HEAD_WRONG = "head_wrong"
    HEAD_REGISTRY = "head_registry_wrong"
    ENCLAVE_WRONG = "enclave_wrong"
    # sealing
    WRAP_MISSING = "wrap_missing"
    WRAP_OTHER_RECORD = "wrap_of_other_record"
    WRAP_OTHER_KEK = "wrap_under_other_kek"
    WRAP_MALFORMED = "wrap_malformed"
    WRAP_STRAY = "wrap_stray"
    WRAP_RESTORED = "wrap_restored"
    STATE_UNREADABLE = "state_edited"
    STATES_SWAPPED = "states_swapped"
    ROWS_SWAPPED = "rows_swapped"
    ENTRY_WRONG = "entry_wrong"
    RECORD_REPLACED = "record_replaced"
    # the row's columns against the envelope
    COLUMN_STREAM = "column_stream_wrong"
    COLUMN_SEQ = "column_seq_wrong"
    COLUMN_ACT = "column_act_id_wrong"
    COLUMN_AUTHOR = "column_author_wrong"
    COLUMN_UNIT = "column_unit_wrong"
    COLUMN_RECORDED = "column_recorded_at_wrong"
    COLUMN_TOPIC = "column_topic_wrong"
    COLUMN_REGISTRY = "column_registry_wrong"
    STREAM_NAME = "stream_name_wrong"
    STREAM_UNUSED = "stream_unused"
    TOKEN_MISSING = "token_missing"  # noqa: S105 - a kind of damage
    TOKEN_STRAY = "token_stray"  # noqa: S105 - a kind of damage
    # envelope and statement
    ENVELOPE_MALFORMED = "envelope_malformed"
    OTHER_LOG = "other_log"
    STATEMENT_MALFORMED = "statement_malformed"
    ACT_MALFORMED = "act_malformed"
    TIME_BACKWARDS = "recorded_at_backwards"
    # the chain
    SEQ_GAP = "seq_gap"
    PREV_BROKEN = "prev_broken"
    ACT_ID_REUSED = "act_id_reused"
    ACT_BYTES_DIFFER = "act_bytes_differ"
    SIGNER_ORDER = "signer_order_broken"
    # signatures and keys
    SIGNATURE_INVALID = "signature_invalid"
    KEY_UNKNOWN = "key_unknown"
    KEY_REVOKED = "key_revoked"
    WRONG_SIGNER = "wrong_signer"
    REGISTRY_ACT = "registry_act_impossible"
    # the rules, asked again
    AGAINST_THE_RULES = "against_the_rules"
    # tiles
    TILE_MISSING = "tile_missing"
    TILE_TRUNCATED = "tile_truncated"
    TILE_OLD = "tile_old"
    TILE_WRONG = "tile_wrong"
    TILE_STRAY = "tile_stray"
    # checkpoints
    CHECKPOINT_MISSING = "checkpoint_missing"
    CHECKPOINT_ROLLED_BACK = "checkpoint_rolled_back"
    CHECKPOINT_MALFORMED = "checkpoint_malformed"
    CHECKPOINT_SIGNATURE = "checkpoint_signature_invalid"
    CHECKPOINT_KEY = "checkpoint_key_ended"
    CHECKPOINT_NAME = "checkpoint_of_other_log"
    CHECKPOINT_PQ_MISSING = "checkpoint_pq_missing"
    CHECKPOINT_PQ_SIGNATURE = "checkpoint_pq_invalid"
    CHECKPOINT_SIZE = "checkpoint_size_wrong"
    CHECKPOINT_ROOT = "checkpoint_root_wrong"
    CHECKPOINT_FORKED = "checkpoint_forked"
    COSIGNATURE_UNKNOWN = "cosignature_unknown"
    # files, their custody and its anchors
    FILE_KEY_WRONG = "file_key_wrong"
    FILE_MISSING = "file_missing"
    CUSTODY_TAIL_MISSING = "custody_tail_missing"
    CUSTODY_MISSING = "custody_event_missing"
    CUSTODY_ORDER = "custody_order_broken"
    CUSTODY_EDITED = "custody_event_edited"
    CUSTODY_ANCHOR = "custody_anchor_differs"
    CUSTODY_HEAD = "custody_head_wrong"
    FILE_DOUBLED = "file_doubled"
    FILE_TAG_WRONG = "file_tag_wrong"
    FILE_WRAP_MISSING = "file_wrap_missing"
    FILE_WRAP_WRONG = "file_wrap_wrong"
    FILE_BYTES_MISSING = "file_bytes_missing"
    FILE_BYTES_WRONG = "file_bytes_wrong"
    # what rows of the log of reads are found by
    READ_TAG = "read_tag_wrong"
    # what only the schema's own rules tell
    ROW_MALFORMED = "row_malformed"
    # recoveries
    RECOVERY_ROOT = "recovery_root_wrong"
    RECOVERY_KEYS = "recovery_keys_wrong"


#: Damage to files and their custody: what the log says, and what it has signed, holds all the same.
OF_FILES: Final = frozenset(
    {
        Damage.FILE_KEY_WRONG,
        Damage.FILE_MISSING,
        Damage.CUSTODY_TAIL_MISSING,
        Damage.CUSTODY_MISSING,
        Damage.CUSTODY_ORDER,
        Damage.CUSTODY_EDITED,
        Damage.CUSTODY_ANCHOR,
        Damage.CUSTODY_HEAD,
        Damage.FILE_DOUBLED,
        Damage.FILE_TAG_WRONG,
        Damage.FILE_WRAP_MISSING,
        Damage.FILE_WRAP_WRONG,
        Damage.FILE_BYTES_MISSING,
        Damage.FILE_BYTES_WRONG,
    }
)

#: What is stored in the checkpointer's place; `log discard` takes away what the log never signed.
IN_THE_CHECKPOINTERS_PLACE: Final = frozenset(
    {
        Damage.TILE_WRONG,
        Damage.TILE_STRAY,
        Damage.CHECKPOINT_MALFORMED,
        Damage.CHECKPOINT_SIGNATURE,
        Damage.CHECKPOINT_KEY,
        Damage.CHECKPOINT_NAME,
        Damage.CHECKPOINT_PQ_MISSING,
        Damage.CHECKPOINT_PQ_SIGNATURE,
        Damage.CHECKPOINT_SIZE,
        Damage.CHECKPOINT_ROOT,
    }
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong.

    Attributes:
        index: First leaf index it touches; a checkpoint touches the last leaf it covers.
        kind: Which damage.
        message: What was expected and what was found, in plain words.
        text: The same for the reader, where the rules have a sentence for it.
    """

    index: int
    kind: Damage
    message: str
    text: Text | None = None

    def as_dict(self) -> dict[str, Any]:
        """For reports in JSON."""
        return {
            "index": self.index,
            "kind": str(self.kind),
            "message": self.message,
        }
