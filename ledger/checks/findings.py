"""The kinds of damage an audit can name, and a finding: where, which kind, what was found instead.

A kind is stable text: it stands in reports, tests and on pages. How damage is detected is not known
here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final


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
    # sealing
    WRAP_MISSING = "wrap_missing"
    WRAP_OTHER_RECORD = "wrap_of_other_record"
    WRAP_OTHER_KEK = "wrap_under_other_kek"
    WRAP_MALFORMED = "wrap_malformed"
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
    # tiles
    TILE_MISSING = "tile_missing"
    TILE_TRUNCATED = "tile_truncated"
    TILE_OLD = "tile_old"
    TILE_WRONG = "tile_wrong"
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
    # recoveries
    RECOVERY_ROOT = "recovery_root_wrong"
    RECOVERY_KEYS = "recovery_keys_wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong.

    Attributes:
        index: First leaf index it touches; a checkpoint touches the last leaf it covers.
        kind: Which damage.
        message: What was expected and what was found, in plain words.
    """

    index: int
    kind: Damage
    message: str

    def as_dict(self) -> dict[str, Any]:
        """For reports in JSON."""
        return {"index": self.index, "kind": str(self.kind), "message": self.message}


#: What each kind says to the reader, in Vietnamese; the message gives the particulars.
IN_VIETNAMESE: Final[Mapping[Damage, str]] = MappingProxyType(
    {
        Damage.RECORD_MISSING: "thiếu bản ghi",
        Damage.INDEX_DUPLICATED: "hai bản ghi cùng một vị trí",
        Damage.TAIL_MISSING: "mất phần cuối của sổ",
        Damage.RECORD_UNDECLARED: "có bản ghi ngoài số đã khai",
        Damage.HEAD_WRONG: "dòng đầu sổ không khớp bản ghi",
        Damage.HEAD_REGISTRY: "dòng đầu sổ chỉ sai bản ghi danh bạ cuối",
        Damage.WRAP_MISSING: "mất khóa nội dung mà không có quyết định xóa",
        Damage.WRAP_OTHER_RECORD: "khóa nội dung là của bản ghi khác",
        Damage.WRAP_OTHER_KEK: "khóa nội dung bọc bằng khóa chủ khác",
        Damage.WRAP_MALFORMED: "khóa nội dung sai khuôn dạng",
        Damage.STATE_UNREADABLE: "nội dung niêm phong bị sửa",
        Damage.STATES_SWAPPED: "nội dung hai bản ghi bị tráo",
        Damage.ROWS_SWAPPED: "hai bản ghi bị tráo vị trí",
        Damage.ENTRY_WRONG: "mã mục bị sửa",
        Damage.RECORD_REPLACED: "bản ghi bị thay bằng bản khác",
        Damage.COLUMN_STREAM: "cột dòng không khớp nội dung",
        Damage.COLUMN_SEQ: "cột thứ tự không khớp nội dung",
        Damage.COLUMN_ACT: "cột mã diễn biến không khớp nội dung",
        Damage.COLUMN_AUTHOR: "cột người trình không khớp nội dung",
        Damage.COLUMN_UNIT: "cột đơn vị truy cập không khớp nội dung",
        Damage.COLUMN_RECORDED: "cột thời điểm ghi không khớp nội dung",
        Damage.COLUMN_TOPIC: "cột loại sự kiện không đúng",
        Damage.COLUMN_REGISTRY: "cột danh bạ không khớp diễn biến",
        Damage.STREAM_NAME: "tên dòng không khớp nội dung",
        Damage.ENVELOPE_MALFORMED: "phong bì sai khuôn dạng",
        Damage.OTHER_LOG: "bản ghi của sổ khác",
        Damage.STATEMENT_MALFORMED: "chữ ký sai khuôn dạng",
        Damage.ACT_MALFORMED: "diễn biến sai khuôn dạng",
        Damage.TIME_BACKWARDS: "thời điểm ghi đi lùi",
        Damage.SEQ_GAP: "đứt thứ tự của dòng",
        Damage.PREV_BROKEN: "đứt chuỗi với lần ký trước",
        Damage.ACT_ID_REUSED: "mã diễn biến dùng lại",
        Damage.ACT_BYTES_DIFFER: "người ký sau ký nội dung khác",
        Damage.SIGNER_ORDER: "ký sai lượt",
        Damage.SIGNATURE_INVALID: "chữ ký không khớp nội dung",
        Damage.KEY_UNKNOWN: "khóa chưa đăng ký hoặc ngoài thời hạn",
        Damage.KEY_REVOKED: "khóa đã bị thu hồi",
        Damage.WRONG_SIGNER: "không đúng người phải ký",
        Damage.REGISTRY_ACT: "việc ghi danh bạ không thể có hiệu lực",
        Damage.GENESIS_REPLACED: "bản ghi mở sổ bị thay",
        Damage.GENESIS_MALFORMED: "bản ghi mở sổ sai khuôn dạng",
        Damage.GENESIS_KEYS: "khóa của sổ không khớp bản ghi mở sổ",
        Damage.TILE_MISSING: "thiếu ô băm",
        Damage.TILE_TRUNCATED: "ô băm bị cắt cụt",
        Damage.TILE_OLD: "ô băm cũ bị đặt lại",
        Damage.TILE_WRONG: "ô băm sai",
        Damage.CHECKPOINT_MISSING: "thiếu điểm kiểm tra",
        Damage.CHECKPOINT_ROLLED_BACK: "điểm kiểm tra bị đưa lùi",
        Damage.CHECKPOINT_MALFORMED: "điểm kiểm tra sai khuôn dạng",
        Damage.CHECKPOINT_SIGNATURE: "chữ ký điểm kiểm tra không hợp lệ",
        Damage.CHECKPOINT_KEY: "điểm kiểm tra ký bằng khóa không dùng cho số bản ghi đó",
        Damage.CHECKPOINT_NAME: "điểm kiểm tra của sổ khác",
        Damage.CHECKPOINT_PQ_MISSING: "điểm kiểm tra thiếu chữ ký hậu lượng tử",
        Damage.CHECKPOINT_PQ_SIGNATURE: "chữ ký hậu lượng tử của điểm kiểm tra không hợp lệ",
        Damage.CHECKPOINT_SIZE: "kích thước điểm kiểm tra không khớp",
        Damage.CHECKPOINT_ROOT: "mã băm gốc của điểm kiểm tra không khớp",
        Damage.CHECKPOINT_FORKED: "điểm kiểm tra ký trên một sổ khác",
        Damage.RECOVERY_ROOT: "biên bản khôi phục nêu sai phần còn lại",
        Damage.RECOVERY_KEYS: "biên bản khôi phục không nối được khóa của sổ",
    }
)
