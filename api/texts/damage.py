"""Each kind of damage that an audit can name, in words; the finding gives the particulars."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from api.texts.catalogue import in_each, translate
from api.texts.lang import Lang
from ledger.audit.findings import Damage, Finding
from ledger.message import Message, Text, meaning

KINDS: Final[Mapping[Damage, Message]] = {
    Damage.RECORD_MISSING: Message("a record is missing"),
    Damage.INDEX_DUPLICATED: Message("two records in one place"),
    Damage.TAIL_MISSING: Message("the end of the log is lost"),
    Damage.RECORD_UNDECLARED: Message("a record beyond the number declared"),
    Damage.HEAD_WRONG: Message("the head of the log does not fit its records"),
    Damage.HEAD_REGISTRY: Message(
        "the head of the log names the wrong last record of the registry"
    ),
    Damage.ENCLAVE_WRONG: Message("the log is declared wrongly to be real or a rehearsal"),
    Damage.WRAP_MISSING: Message("the key of a content is gone without a decision to erase it"),
    Damage.WRAP_OTHER_RECORD: Message("the key of a content is another record's"),
    Damage.WRAP_OTHER_KEK: Message("the key of a content is wrapped under another master key"),
    Damage.WRAP_MALFORMED: Message("the key of a content is malformed"),
    Damage.WRAP_STRAY: Message("the key of a content belongs to no record"),
    Damage.WRAP_RESTORED: Message("the key of an erased record is still there, or was put back"),
    Damage.STATE_UNREADABLE: Message("sealed content was edited"),
    Damage.STATES_SWAPPED: Message("the contents of two records were swapped"),
    Damage.ROWS_SWAPPED: Message("two records changed places"),
    Damage.ENTRY_WRONG: Message("an entry was edited"),
    Damage.RECORD_REPLACED: Message("a record was replaced by another"),
    Damage.COLUMN_STREAM: Message("the column of the stream does not fit the content"),
    Damage.COLUMN_SEQ: Message("the column of the order does not fit the content"),
    Damage.COLUMN_ACT: Message("the column of the act id does not fit the content"),
    Damage.COLUMN_AUTHOR: Message("the column of the author does not fit the content"),
    Damage.COLUMN_UNIT: Message("the column of the access unit does not fit the content"),
    Damage.COLUMN_RECORDED: Message("the column of the recording time does not fit the content"),
    Damage.COLUMN_TOPIC: Message("the column of the event type is wrong"),
    Damage.COLUMN_REGISTRY: Message("the column of the registry does not fit the act"),
    Damage.STREAM_NAME: Message("the name of a stream does not fit the content"),
    Damage.STREAM_UNUSED: Message("the name of a stream without a record"),
    Damage.TOKEN_MISSING: Message("the row of a reporter's token that a case names is gone"),
    Damage.TOKEN_STRAY: Message("the row of a reporter's token that no record names"),
    Damage.ENVELOPE_MALFORMED: Message("an envelope is malformed"),
    Damage.OTHER_LOG: Message("a record of another log"),
    Damage.STATEMENT_MALFORMED: Message("a signed statement is malformed"),
    Damage.ACT_MALFORMED: Message("an act is malformed"),
    Damage.TIME_BACKWARDS: Message("the recording time goes back"),
    Damage.SEQ_GAP: Message("the order of a stream is broken"),
    Damage.PREV_BROKEN: Message("the chain to the signature before is broken"),
    Damage.ACT_ID_REUSED: Message("an act id is used again"),
    Damage.ACT_BYTES_DIFFER: Message("a later signer signed another content"),
    Damage.SIGNER_ORDER: Message("signed out of turn"),
    Damage.SIGNATURE_INVALID: Message("a signature does not fit its content"),
    Damage.KEY_UNKNOWN: Message("a key that is not enrolled, or not valid then"),
    Damage.KEY_REVOKED: Message("a key that was revoked"),
    Damage.WRONG_SIGNER: Message("not the officer who had to sign"),
    Damage.REGISTRY_ACT: Message("a registry act that cannot take effect"),
    Damage.AGAINST_THE_RULES: meaning("damage", "recorded against the rules"),
    Damage.GENESIS_REPLACED: Message("the record that opened the log was replaced"),
    Damage.GENESIS_MALFORMED: Message("the record that opened the log is malformed"),
    Damage.GENESIS_KEYS: Message("the log's keys do not fit the record that opened it"),
    Damage.TILE_MISSING: Message("a tile is missing"),
    Damage.TILE_TRUNCATED: Message("a tile is cut short"),
    Damage.TILE_OLD: Message("an old tile was put back"),
    Damage.TILE_WRONG: Message("a tile is wrong"),
    Damage.TILE_STRAY: Message("a tile that no checkpoint brought about"),
    Damage.CHECKPOINT_MISSING: Message("a checkpoint is missing"),
    Damage.CHECKPOINT_ROLLED_BACK: Message("the checkpoint was rolled back"),
    Damage.CHECKPOINT_MALFORMED: Message("a checkpoint is malformed"),
    Damage.CHECKPOINT_SIGNATURE: Message("the signature of a checkpoint is not valid"),
    Damage.CHECKPOINT_KEY: Message(
        "a checkpoint signed by a key that is not for that number of records"
    ),
    Damage.CHECKPOINT_NAME: Message("a checkpoint of another log"),
    Damage.CHECKPOINT_PQ_MISSING: Message("a checkpoint lacks its post-quantum signature"),
    Damage.CHECKPOINT_PQ_SIGNATURE: Message(
        "the post-quantum signature of a checkpoint is not valid"
    ),
    Damage.CHECKPOINT_SIZE: Message("the size of a checkpoint does not fit"),
    Damage.CHECKPOINT_ROOT: Message("the root of a checkpoint does not fit"),
    Damage.CHECKPOINT_FORKED: Message("a checkpoint signed over another log"),
    Damage.COSIGNATURE_UNKNOWN: Message("a cosignature of an unknown witness"),
    Damage.ROW_MALFORMED: Message("a row against the rules of its table"),
    Damage.FILE_KEY_WRONG: Message("the common key of the files is lost or does not open"),
    Damage.FILE_MISSING: Message("a file that an act names is gone"),
    Damage.FILE_DOUBLED: Message("the row of a file is there twice"),
    Damage.FILE_TAG_WRONG: Message("the tag of a file does not fit its upload"),
    Damage.FILE_WRAP_MISSING: Message("the key of a file is gone without a decision to erase it"),
    Damage.FILE_WRAP_WRONG: Message("the key of a file was replaced"),
    Damage.FILE_BYTES_MISSING: Message("the bytes of a file are gone from the store"),
    Damage.FILE_BYTES_WRONG: Message("the bytes of a file in the store were edited"),
    Damage.CUSTODY_MISSING: Message("a custody event of a file is gone"),
    Damage.CUSTODY_ORDER: Message("the order of a file's custody was changed"),
    Damage.CUSTODY_EDITED: Message("a custody event of a file was edited"),
    Damage.CUSTODY_TAIL_MISSING: Message("the end of a file's custody is lost"),
    Damage.CUSTODY_HEAD: Message("the count of custody events does not fit"),
    Damage.CUSTODY_ANCHOR: Message("the custody of a file does not fit its anchor in the log"),
    Damage.READ_TAG: Message("a read is not found by what it says"),
    Damage.RECOVERY_ROOT: Message("a recovery names another remainder"),
    Damage.RECOVERY_KEYS: Message("a recovery does not join the log's keys"),
}


def finding(found: Finding) -> Text:
    """What is wrong, to a person: in English what was found, else the kind in words and a rule."""

    def say(lang: Lang) -> str:
        if lang == "en":
            return found.message
        kind = translate(KINDS[found.kind], lang)
        return kind if found.text is None else f"{kind}: {translate(found.text, lang)}"

    return in_each(say)


def as_dict(found: Finding) -> dict[str, Any]:
    """A finding for programs, in both languages."""
    return {**found.as_dict(), "message_vi": translate(finding(found), "vi")}
