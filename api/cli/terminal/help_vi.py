"""Help in Vietnamese: one entry for every text that `--help` prints in English.

The English stands where the command does; a test holds that none is missing here. Not: what a
command says when it runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

import click

_EXTRA: Final = re.compile(r"(?:^|  )\[[^\]]*\]$")
"""What click adds behind an option's text: its default, its range, whether it is needed."""
_SECTIONS: Final = {"Options": "Tùy chọn", "Commands": "Lệnh"}
_EXTRAS: Final = {"default: ": "mặc định: ", "required": "bắt buộc"}

MANUAL: Final[dict[str, str]] = {
    "Socai (sổ cái): the ledger of what agencies did, signed by the officers who did it.": (
        "Socai (sổ cái): sổ ghi việc các cơ quan đã làm, do chính cán bộ làm việc đó ký."
    ),
    "vi or en; by locale where left out.": "vi hoặc en; bỏ trống thì theo máy.",
    "vi or en.": "vi hoặc en.",
    "Answer in JSON.": "Trả lời bằng JSON.",
    "Show the version and exit.": "Hiện phiên bản rồi thoát.",
    "Show this message and exit.": "Hiện phần hướng dẫn này rồi thoát.",
    # operator
    "Make an enclave in SOCAI_HOME: schema, roles, keys, record 0. Prints the genesis digest.\n\n"
    "Passphrases come from SOCAI_PASSPHRASE_FILE; a rehearsal makes its own and keeps it in the"
    " home.\nWith SOCAI_DATABASE_URL, its administrator's password is in --database-password, else"
    " in\nsecrets/postgres.password.": (
        "Lập sổ mới trong SOCAI_HOME: lược đồ, tài khoản, khóa, bản ghi 0. In ra mã gốc.\n\n"
        "Mật khẩu khóa lấy từ SOCAI_PASSPHRASE_FILE; sổ diễn tập tự tạo và giữ trong thư mục sổ. Có"
        " SOCAI_DATABASE_URL thì mật khẩu quản trị nằm ở --database-password, nếu không thì ở"
        " secrets/postgres.password."
    ),
    "First part of the log's origin, e.g. bacninh.example.": (
        "Phần đầu tên sổ, ví dụ bacninh.example."
    ),
    "Record 0 says so for ever; clients may set the clock.": (
        "Bản ghi 0 nói rõ điều đó mãi mãi; phía gửi được đặt giờ."
    ),
    "When a rehearsal is opened; 2023-03-21T08:00:00+07:00 if left out.": (
        "Lúc mở sổ diễn tập; bỏ trống là 2023-03-21T08:00:00+07:00."
    ),
    "An enclave that is there already is brought up to date.": "Sổ đã có thì được cập nhật.",
    "File with the password of the administrator of SOCAI_DATABASE_URL.": (
        "Tệp chứa mật khẩu quản trị của SOCAI_DATABASE_URL."
    ),
    "Run the enclave: api, sealer and projector as child processes, started again when killed.": (
        "Chạy sổ: api, sealer và projector là các tiến trình con, bị tắt thì khởi động lại."
    ),
    "Default SOCAI_PORT, else 8000.": "Mặc định SOCAI_PORT, không có thì 8000.",
    "A loop that stops on doubt stays, doing nothing, to be looked at.": (
        "Tiến trình dừng vì nghi ngờ vẫn ở lại, không làm gì, để được xem xét."
    ),
    "The log's last known checkpoint, on a machine that has seen none; the log must hold it.": (
        "Điểm kiểm tra cuối cùng đã biết của sổ, cho máy chưa thấy điểm nào; sổ phải dẫn tới nó."
    ),
    "Bring the schema of the enclave's database up to date; an edited migration is refused.": (
        "Cập nhật lược đồ cơ sở dữ liệu của sổ; bước cập nhật bị sửa thì từ chối."
    ),
    "Whether a process of the enclave does its work; exit 1 where it does not.": (
        "Một tiến trình của sổ có làm việc không; không thì thoát với mã 1."
    ),
    "The process asked about.": "Tiến trình được hỏi.",
    "The views: how far each has come, and building one anew.": (
        "Các khung nhìn: mỗi khung đã đến đâu, và dựng lại một khung."
    ),
    "Build a view anew (all of them where none is named) beside the old one, then switch.": (
        "Dựng lại một khung nhìn (không nêu tên là tất cả) bên cạnh khung cũ, rồi chuyển sang."
    ),
    "How far each view has come, in records and seconds.": (
        "Mỗi khung nhìn đã đến đâu, tính bằng bản ghi và giây."
    ),
    # officer
    "Signing keys in files sealed by a passphrase (.socaikey).": (
        "Khóa ký trong tệp niêm phong bằng mật khẩu (.socaikey)."
    ),
    "Make a key in FILE; its passphrase comes from SOCAI_PASSPHRASE_FILE or is asked for.": (
        "Tạo khóa trong FILE; mật khẩu lấy từ SOCAI_PASSPHRASE_FILE hoặc được hỏi."
    ),
    "The public part of a key file: what the registrar enrols.": (
        "Phần công khai của tệp khóa: phần mà cán bộ quản lý danh bạ đăng ký."
    ),
    "Acts: signed here, sent as signed.": "Diễn biến: ký tại đây, gửi đúng như đã ký.",
    "Sign an act: FILE holds its members (/spec/formats#s2); `-` reads standard input.\n\nPrints"
    " the statement (a flattened JWS) to be sent by `socai act submit`. `act_id` is made where\n"
    "FILE has none. What is signed is shown first, on standard error.": (
        "Ký một diễn biến: FILE chứa các trường (/spec/formats#s2); `-` đọc từ đầu vào chuẩn.\n\nIn"
        " ra bản ký (JWS dạng phẳng) để gửi bằng `socai act submit`. FILE không có `act_id` thì tạo"
        " mới. Nội dung được ký hiện ra trước, ở luồng lỗi chuẩn."
    ),
    "Sign this pending act's own bytes.": "Ký đúng các byte của diễn biến đang chờ này.",
    "AUTHOR, or APPROVER to countersign.": "AUTHOR, hoặc APPROVER khi ký tiếp.",
    "Sign without the characters that nobody sees.": "Ký bản không có các ký tự không nhìn thấy.",
    "When it is signed; now if left out.": "Thời điểm ký; bỏ trống là bây giờ.",
    "One of the cast in SOCAI_HOME.": "Một vai trong dàn vai của SOCAI_HOME.",
    "A key file.": "Tệp khóa.",
    "The API; that of SOCAI_HOME if left out.": "Địa chỉ API; bỏ trống là của SOCAI_HOME.",
    "The log it must be of; that of SOCAI_HOME if left out.": (
        "Sổ mà máy chủ phải là; nếu bỏ qua: sổ của SOCAI_HOME."
    ),
    "Send a signed statement and check the proof that comes back. Sending it again is safe.": (
        "Gửi một bản ký và kiểm tra chứng minh nhận về. Gửi lại là an toàn."
    ),
    "The ledger's time of this request; rehearsals only.": (
        "Giờ của sổ cho lần gửi này; chỉ ở sổ diễn tập."
    ),
    "Return when durable, before the proof.": "Trả về khi đã ghi bền, chưa chờ chứng minh.",
    "Sign in as one of the cast; prints the bearer token alone on its line.": (
        "Đăng nhập bằng một vai; chỉ in ra mã phiên trên một dòng."
    ),
    "Files of acts: add, get, custody.": "Tệp kèm diễn biến: tải lên, lấy về, lịch sử lưu giữ.",
    "Send FILE; prints what the act lists of it, for its `attachments`.\n\nAn act of the same"
    " officer may list it afterwards. Sending it again is safe.": (
        "Tải FILE lên; in ra phần mà diễn biến nêu trong `attachments`.\n\nSau đó diễn biến của"
        " chính cán bộ ấy nêu được tệp. Gửi lại là an toàn."
    ),
    "E.g. application/pdf; by its name.": "Ví dụ application/pdf; bỏ trống là theo tên tệp.",
    "Who added, attached, read and exported the file, and when.": (
        "Ai đã tải lên, kèm vào diễn biến, đọc, xuất tệp, và khi nào."
    ),
    "Get a file that ACT_ID lists; FILE appears only once all of it is checked.\n\nThat it was read"
    " stands in its custody history.": (
        "Lấy tệp mà diễn biến ACT_ID nêu; FILE chỉ xuất hiện khi toàn bộ đã được kiểm.\n\nViệc đọc"
        " được ghi vào lịch sử lưu giữ."
    ),
    "Where it goes; nothing is written over.": "Nơi ghi tệp; không ghi đè.",
    # reader
    "Cases: what they are, how they came to be, and whether every signature holds.": (
        "Hồ sơ: nội dung, diễn biến, và mọi chữ ký có đúng không."
    ),
    "The case file as it stood: by when acts were recorded, or by when they happened.": (
        "Hồ sơ tại một thời điểm: theo lúc ghi sổ, hoặc theo lúc xảy ra."
    ),
    "What changed between two moments (TIME, DAY or INDEX), and which acts changed it.": (
        "Điều gì thay đổi giữa hai thời điểm (TIME, DAY hoặc INDEX), và do diễn biến nào."
    ),
    "Every act with its statements: both clocks, who signed, the verdict, the effect.": (
        "Mọi diễn biến và bản ký: cả hai mốc giờ, ai ký, chữ ký có hợp lệ, hiệu lực."
    ),
    "Cases by filter, newest first.": "Hồ sơ theo bộ lọc, mới nhất trước.",
    "Agency that holds the case.": "Cơ quan đang giữ hồ sơ.",
    "Has an effective act of this type.": "Có diễn biến loại này đã có hiệu lực.",
    "opened_at, due, last_act, case_number; - turns it round.": (
        "opened_at, due, last_act, case_number; thêm - để đảo chiều."
    ),
    "Every page, one snapshot.": "Mọi trang, cùng một thời điểm của sổ.",
    "The case file. CASE is a uuid or a case number.": ("Hồ sơ vụ việc. CASE là mã hoặc số hồ sơ."),
    "Every statement's verdict, and every proof checked here. Exit 1 unless VALID.": (
        "Kết luận từng bản ký, và kiểm mọi chứng minh tại đây. Không hợp lệ thì thoát với mã 1."
    ),
    "The log's key as published; that of SOCAI_HOME, else the server's word.": (
        "Khóa của sổ như đã công bố; bỏ trống là của SOCAI_HOME, không có nữa thì tin lời máy chủ."
    ),
    "Why a field has its value: the acts and signers. FIELD is e.g. state, handler/agency.": (
        "Vì sao trường có giá trị đó: diễn biến và người ký. FIELD ví dụ state, handler/agency."
    ),
    "What waits for the caller: to sign, due, overdue, with the clock and its source.": (
        "Việc đang chờ bạn: chờ ký, đến hạn, quá hạn, kèm thời hạn và căn cứ."
    ),
    "The whole agency's, for its supervisors.": "Việc của cả đơn vị, cho lãnh đạo phụ trách.",
    'Search cases: tones, case and đ make no difference ("ho so" finds "hồ sơ").': (
        'Tìm hồ sơ: không phân biệt dấu, chữ hoa và đ ("ho so" tìm thấy "hồ sơ").'
    ),
    "Figures of a period and the oversight indicators; cells too small to tell are left out.": (
        "Số liệu một kỳ và chỉ báo giám sát; ô quá nhỏ để công bố thì che."
    ),
    "Agencies, officers, keys or instruments, now or as of a moment.": (
        "Cơ quan, cán bộ, khóa hoặc văn bản, bây giờ hoặc tại một thời điểm."
    ),
    "Agencies that hold this function, e.g. LEAD.": "Cơ quan giữ chức năng này, ví dụ LEAD.",
    "One officer's line or keys.": "Chỉ một cán bộ hoặc khóa của cán bộ đó.",
    "Also agencies that do not exist at the moment.": (
        "Cả cơ quan chưa có hoặc không còn vào thời điểm đó."
    ),
    # auditor
    "The log: how it stands, whether every stored byte holds, going on after a loss.": (
        "Sổ: hiện ra sao, từng byte đã lưu có đúng không, và đi tiếp sau khi mất dữ liệu."
    ),
    "Say what the log has lost; with the registrars' keys, go on from what is left.\n\n"
    "The service is stopped, and an older copy of its database stands in the place of what was"
    " lost.\nWhat is lost shows by what the home has seen and by checkpoints and receipts that are"
    " given:\nwithout a key they are reported, exit 1 where anything is lost. The first registrar"
    " gives\n--reason and the key; the second one runs the same command with the other key, or both"
    " are given\nat once. Then the old key of the log is ended and set aside, and a new one signs"
    " from there on.": (
        "Cho biết sổ đã mất gì; có khóa của người giữ sổ đăng ký thì đi tiếp từ phần còn lại.\n\n"
        "Dịch vụ đã dừng, và một bản sao cũ của cơ sở dữ liệu đang thay chỗ bản đã mất. Phần mất"
        " hiện ra nhờ những gì thư mục sổ đã thấy và nhờ điểm kiểm tra, biên nhận được nêu: không"
        " nêu khóa thì chỉ báo cáo, có mất thì mã 1. Người thứ nhất nêu --reason và khóa; người"
        " thứ hai chạy lại lệnh này với khóa của mình, hoặc nêu cả hai khóa một lần. Sau đó khóa"
        " cũ của sổ chấm dứt và được cất riêng, khóa mới ký từ đó."
    ),
    "A checkpoint kept elsewhere.": "Điểm kiểm tra giữ ở nơi khác.",
    "A receipt, as JSON.": "Biên nhận, dạng JSON.",
    "A registrar of the cast, who signs.": "Người giữ sổ đăng ký trong dàn vai, sẽ ký.",
    "The key file of a registrar who signs.": "Tệp khóa của người giữ sổ đăng ký, sẽ ký.",
    "Who countersigns, where it could be more.": "Ai ký thứ hai, khi có nhiều người ký được.",
    "Why it is recovered; stands in the log for ever.": "Vì sao khôi phục; nằm mãi trong sổ.",
    "Recompute records, tree, checkpoints, signatures, order and views. Exit 1 at damage."
    "\n\nFunctions, triggers, policies and grants are held against those that this program ships."
    "\nThe log is also held to what this home has seen of it; a copy (--database) only to"
    " --checkpoint.": (
        "Tính lại bản ghi, cây, điểm kiểm tra, chữ ký, thứ tự và khung nhìn. Hư hại thì mã 1.\n\n"
        "Hàm, trigger, chính sách và quyền được đối chiếu với bản phát hành.\nSổ còn được đối chiếu"
        " với điều máy này đã thấy; bản sao (--database) chỉ với --checkpoint."
    ),
    "Rows only: a copy that was restored under other owners.": (
        "Chỉ xét các dòng: bản sao phục hồi dưới chủ sở hữu khác."
    ),
    "auditor: without content, and says so.": "auditor: không xem nội dung, và nói rõ điều đó.",
    "A copy or a restored dump on the same server.": (
        "Bản sao hoặc bản sao lưu đã phục hồi trên cùng máy chủ."
    ),
    "A checkpoint kept elsewhere; the log must lead to it.": (
        "Điểm kiểm tra giữ ở nơi khác; sổ phải dẫn tới nó."
    ),
    "Take away checkpoints that the log did not sign, so that the sealer can go on.\n\n"
    "They are stored by whoever has the sealer's login: give it another password first "
    "(a new\nsealer.password in the secrets, then socai migrate). Each is set aside in "
    "the sealer's memory\nfolder as evidence. Tiles behind the newest checkpoint that is "
    "signed go with them; the sealer\nmakes them again.": (
        "Bỏ các điểm kiểm tra mà sổ không ký, để bộ ký chạy tiếp được.\n\nChúng do kẻ có tài "
        "khoản của bộ ký đặt vào: hãy đổi mật khẩu ấy trước (ghi sealer.password mới vào thư "
        "mục bí mật, rồi socai migrate). Mỗi điểm kiểm tra bị bỏ được cất làm chứng cứ trong "
        "thư mục ghi nhớ của bộ ký. Các mảnh cây phía sau điểm kiểm tra có chữ ký mới nhất "
        "cũng bị bỏ; bộ ký sẽ tạo lại."
    ),
    "Let processes go on that stopped on doubt: only if the whole log is sound again.\n\n"
    "What this home has seen is held against the log first, whether a process left a "
    "mark or not. The\naudit also holds the log to every checkpoint that is named. Exit "
    "1 where it finds damage to\nrecords, tree or checkpoints: the marks stay, and "
    "nothing is signed. Damage to files and their\ncustody is shown, and keeps nobody "
    "from going on.": (
        "Cho các tiến trình đã dừng vì nghi ngờ chạy tiếp: chỉ khi toàn bộ sổ đã đúng "
        "lại.\n\nTrước hết sổ được đối chiếu với điều máy này đã thấy, dù có dấu nghi ngờ "
        "hay không. Việc kiểm toán còn đối chiếu với mọi điểm kiểm tra được nêu. Bản ghi, "
        "cây hoặc điểm kiểm tra hư hại thì mã 1: dấu nghi ngờ còn nguyên, không ký gì. Hư "
        "hại về tệp và lịch sử lưu giữ tệp vẫn được nêu, và không cản ai chạy tiếp."
    ),
    "Tell this home its log's last known checkpoint; the log must hold it. Starts "
    "nothing.\n\nFor a new machine, and where what a process has seen is lost or "
    "damaged: that is set aside, not\ndeleted. Told are the processes whose password of "
    "the database is here. FILE is a checkpoint\nkept elsewhere; - reads standard input.": (
        "Cho máy này biết điểm kiểm tra cuối cùng đã biết của sổ; sổ phải có đủ. Không chạy "
        "gì.\n\nDùng cho máy mới, và khi điều một tiến trình đã thấy bị mất hoặc hỏng: bản "
        "hỏng được cất riêng, không xóa. Chỉ báo cho các tiến trình có mật khẩu cơ sở dữ "
        "liệu ở máy này. FILE là điểm kiểm tra giữ ở nơi khác; - thì đọc đầu vào chuẩn."
    ),
    "Print the newest signed checkpoint, to be kept elsewhere; held against what was seen before."
    "\n\nKeep it apart from the database: socai log audit --checkpoint FILE holds a log to"
    " it, and\nsocai log remember FILE tells it to a new machine.": (
        "In điểm kiểm tra mới nhất đã ký, để giữ ở nơi khác; đã đối chiếu với điều từng thấy.\n\n"
        "Giữ tách khỏi cơ sở dữ liệu: socai log audit --checkpoint TỆP buộc sổ phải dẫn tới nó,"
        " socai log remember TỆP cho máy mới biết."
    ),
    "A checkpoint kept elsewhere; the log must lead to it too.": (
        "Điểm kiểm tra giữ ở nơi khác; sổ cũng phải dẫn tới nó."
    ),
    "The log's keys as published; those of the home if left out.": (
        "Khóa của sổ như đã công bố; bỏ trống là của thư mục sổ."
    ),
    "Processes; as many as cores if left out.": "Số tiến trình; bỏ trống là bằng số nhân.",
    "The log only.": "Chỉ kiểm sổ.",
    "What is asked of the files of acts: nothing, that each is there, or every byte.": (
        "Kiểm tệp kèm đến đâu: không kiểm, có đủ và đúng độ dài, hay từng byte."
    ),
    "Origin, size, genesis digest, keys and the ledger's time, as the server says.": (
        "Tên sổ, kích thước, mã gốc, khóa và giờ của sổ, theo lời máy chủ."
    ),
    "Sign RecordVoided for records that are set aside; they stay in the log and move nothing."
    "\n\nThe records must be of one stream. What is signed is shown first, on standard error; the"
    "\nstatement is printed, to be sent by `socai act submit -`. The second registrar then signs by"
    "\n`socai act sign --countersign ACT_ID`.": (
        "Ký RecordVoided cho các bản ghi trái quy định; chúng vẫn ở trong sổ và không có hiệu lực."
        "\n\nCác bản ghi phải thuộc một dòng. Nội dung được ký hiện ra trước, ở luồng lỗi; bản ký"
        " được in ra để gửi bằng `socai act submit -`. Người giữ sổ đăng ký thứ hai ký tiếp bằng"
        " `socai act sign --countersign ACT_ID`."
    ),
    "Why; everybody who sees the stream reads it.": "Lý do; ai xem được dòng ghi cũng đọc được.",
    "The second registrar (uuid); the only other one if left out.": (
        "Người giữ sổ đăng ký thứ hai (uuid); bỏ trống là người duy nhất còn lại."
    ),
    "List a KIND of the rulebook, explain one CODE of it, or print a whole page.": (
        "Liệt kê một KIND của bộ quy tắc, giải thích một CODE, hoặc in cả trang."
    ),
    # rehearsals
    "Play scenario and negative FILES, in the order of their dates, and check every answer.\n\nKeys"
    " are made for the cast and enrolled by the registrar; each step is signed here and sent"
    " over\nHTTP. Without --server each file gets a fresh rehearsal enclave that is thrown away"
    " (--keep DIR:\nkept, as DIR itself where there is one file, else as DIR/<id>).": (
        "Diễn các tệp tình huống theo thứ tự ngày và kiểm mọi câu trả lời.\n\nKhóa của dàn vai được"
        " tạo và đăng ký; từng bước được ký tại đây và gửi qua HTTP. Không có --server thì mỗi tệp"
        " có một sổ diễn tập mới rồi bỏ đi (--keep DIR: giữ lại, là chính DIR nếu có một tệp, nếu"
        " không thì DIR/<mã>)."
    ),
    "Play against this API; a fresh rehearsal otherwise.": (
        "Diễn trên API này; bỏ trống là một sổ diễn tập mới."
    ),
    "Its key file; the home's if left out.": "Tệp khóa của người quản lý; bỏ trống là của sổ.",
    "Keep the fresh enclave in DIR.": "Giữ sổ mới lập trong DIR.",
    "Open a rehearsal, play two cases over HTTP, prove them, catch every forgery.": (
        "Mở sổ diễn tập, diễn hai hồ sơ qua HTTP, chứng minh, bắt mọi lần giả mạo."
    ),
    "Set an earlier rehearsal of this home aside first.": (
        "Trước hết cất sổ diễn tập cũ của thư mục này sang bên."
    ),
}


class Vietnamese(click.HelpFormatter):
    """Click's help page with every text looked up."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """The first line."""
        super().write_usage(prog, args, prefix or "Cách dùng: ")

    def write_text(self, text: str) -> None:
        """What a command does."""
        super().write_text(said(text))

    def write_dl(
        self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2
    ) -> None:
        """Options or commands."""
        super().write_dl([(name, said(text)) for name, text in rows], col_max, col_spacing)

    @contextmanager
    def section(self, name: str) -> Iterator[None]:
        """A heading."""
        with super().section(_SECTIONS.get(name, name)):
            yield


def said(text: str) -> str:
    """The Vietnamese of a help text, or of its first sentence; the text itself where none is."""
    found = _EXTRA.search(text)
    told, extra = (text[: found.start()], found[0]) if found else (text, "")
    for word, vi in _EXTRAS.items():
        extra = extra.replace(word, vi)
    return f"{MANUAL.get(told) or _first(told)}{extra}"


def _first(text: str) -> str:
    """A list of commands shows the first sentence, cut short where it is long."""
    begins = text.removesuffix("...").rstrip()
    found = next((vi for en, vi in MANUAL.items() if begins and en.startswith(begins)), None)
    return text if found is None else found.partition("\n\n")[0].partition(". ")[0].rstrip(".")
