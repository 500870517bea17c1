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

#: What is stored in the sealer's place; `log discard` takes away what the log never signed.
IN_THE_SEALERS_PLACE: Final = frozenset(
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
        message_vi: The same in Vietnamese, where the rules have a sentence for it.
    """

    index: int
    kind: Damage
    message: str
    message_vi: str = ""

    @property
    def said_vi(self) -> str:
        """What it says to the reader, in Vietnamese."""
        kind = IN_VIETNAMESE[self.kind]
        return f"{kind}: {self.message_vi}" if self.message_vi else kind

    def as_dict(self) -> dict[str, Any]:
        """For reports in JSON."""
        return {
            "index": self.index,
            "kind": str(self.kind),
            "message": self.message,
            "message_vi": self.said_vi,
        }


#: What each kind says to the reader, in Vietnamese; the message gives the particulars.
IN_VIETNAMESE: Final[Mapping[Damage, str]] = MappingProxyType(
    {
        Damage.RECORD_MISSING: "thiếu bản ghi",
        Damage.INDEX_DUPLICATED: "hai bản ghi cùng một vị trí",
        Damage.TAIL_MISSING: "mất phần cuối của sổ",
        Damage.RECORD_UNDECLARED: "có bản ghi ngoài số đã khai",
        Damage.HEAD_WRONG: "dòng đầu sổ không khớp bản ghi",
        Damage.HEAD_REGISTRY: "dòng đầu sổ chỉ sai bản ghi danh bạ cuối",
        Damage.ENCLAVE_WRONG: "sổ khai sai là thật hay diễn tập",
        Damage.WRAP_MISSING: "mất khóa nội dung mà không có quyết định xóa",
        Damage.WRAP_OTHER_RECORD: "khóa nội dung là của bản ghi khác",
        Damage.WRAP_OTHER_KEK: "khóa nội dung bọc bằng khóa chủ khác",
        Damage.WRAP_MALFORMED: "khóa nội dung sai khuôn dạng",
        Damage.WRAP_STRAY: "khóa nội dung không của bản ghi nào",
        Damage.WRAP_RESTORED: "khóa của bản ghi đã xóa vẫn còn hoặc bị đưa trở lại",
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
        Damage.STREAM_UNUSED: "tên dòng thừa, không có bản ghi",
        Damage.TOKEN_MISSING: "mất dòng tra mã thay tên người phản ánh mà hồ sơ đã nêu",
        Damage.TOKEN_STRAY: "dòng tra mã thay tên người phản ánh không do bản ghi nào nêu",
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
        Damage.AGAINST_THE_RULES: "ghi trái quy định",
        Damage.GENESIS_REPLACED: "bản ghi mở sổ bị thay",
        Damage.GENESIS_MALFORMED: "bản ghi mở sổ sai khuôn dạng",
        Damage.GENESIS_KEYS: "khóa của sổ không khớp bản ghi mở sổ",
        Damage.TILE_MISSING: "thiếu ô băm",
        Damage.TILE_TRUNCATED: "ô băm bị cắt cụt",
        Damage.TILE_OLD: "ô băm cũ bị đặt lại",
        Damage.TILE_WRONG: "ô băm sai",
        Damage.TILE_STRAY: "ô băm không do điểm kiểm tra nào sinh ra",
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
        Damage.COSIGNATURE_UNKNOWN: "chữ ký đồng xác nhận của nhân chứng lạ",
        Damage.ROW_MALFORMED: "dòng dữ liệu trái quy tắc của bảng",
        Damage.FILE_KEY_WRONG: "khóa chung của các tệp bị mất hoặc không mở được",
        Damage.FILE_MISSING: "mất tệp mà diễn biến đã nêu",
        Damage.FILE_DOUBLED: "dòng về tệp bị lặp",
        Damage.FILE_TAG_WRONG: "nhãn tra tệp không khớp lần tải lên",
        Damage.FILE_WRAP_MISSING: "mất khóa của tệp mà không có quyết định xóa",
        Damage.FILE_WRAP_WRONG: "khóa của tệp bị thay",
        Damage.FILE_BYTES_MISSING: "mất nội dung tệp trong kho",
        Damage.FILE_BYTES_WRONG: "nội dung tệp trong kho bị sửa",
        Damage.CUSTODY_MISSING: "mất sự kiện lưu giữ tệp",
        Damage.CUSTODY_ORDER: "thứ tự lưu giữ tệp bị đảo",
        Damage.CUSTODY_EDITED: "sự kiện lưu giữ tệp bị sửa",
        Damage.CUSTODY_TAIL_MISSING: "mất phần cuối lịch sử lưu giữ tệp",
        Damage.CUSTODY_HEAD: "số đếm sự kiện lưu giữ tệp không khớp",
        Damage.CUSTODY_ANCHOR: "lịch sử lưu giữ tệp không khớp bản neo trong sổ",
        Damage.RECOVERY_ROOT: "biên bản khôi phục nêu sai phần còn lại",
        Damage.RECOVERY_KEYS: "biên bản khôi phục không nối được khóa của sổ",
    }
)
