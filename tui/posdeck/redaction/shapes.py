"""What gives itself away by its form alone: addresses, card numbers, phone numbers, tokens.

Every pattern is anchored or bounded, so that a line of a megabyte costs time in proportion to its length.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from posdeck.redaction.keys import Category, has_digit, is_identifier

_URL_PASSWORD = re.compile(r"(?<=://)([^\s/:@\"'<>\[]{0,128}):([^\s/\"'<>]{1,256})@(?=[\w\[])")
_JWT = re.compile(r"(?<![\w-])eyJ[\w-]{5,}\.[\w-]{5,}(?:\.[\w-]*){0,3}")
_BEARER = re.compile(
    r"\b(bearer)([ \t]{1,4}|%20|\+)(?=[A-Za-z._~+/-]{0,200}[0-9])[\w.~+/-]{8,}={0,3}(?![\w=])", re.IGNORECASE
)
_AUTHORIZED = re.compile(
    r"\b(authorization[\"'\\]{0,4}[ \t]{0,4}[:=][ \t]{0,4}[\"'\\]{0,4}"
    r"(?:basic|bearer|token|negotiate|apikey|digest(?=[ \t]{1,4}\w+=)))"
    r"[ \t]{1,4}(?:(?<=digest )\w[^\r\n]{3,2000}|[^\s\"'\\,;]{3,})",
    re.IGNORECASE,
)
_CURL_USER = re.compile(r"((?:^|[ ])(?:-u|--user)[ =][\"']?[^\s:\"']{1,128}):[^\s\"'\[]{1,256}")
_SSHPASS = re.compile(r"(\bsshpass\b[^|;]{0,40}? -p[ ]?)[^\s-]\S*")
_SPOKEN = re.compile(  # "with password Bind#42": a word with a digit and a sign is no prose
    r"(\b(?:password|passwd|passphrase)[ ])(?=\S{0,64}\d)(?=\S{0,64}[#!@$%^&*])[^\s\[=:]\S{4,63}(?=[\s,;]|$)",
    re.IGNORECASE,
)
_ONE_TIME = re.compile(
    r"\b((?:otp|pin|2fa|verification|two[- ]factor|one[- ]time|login|confirmation|security|authentication)"
    r"[ ](?:code|password|passcode)(?:[ ](?:is|was))?[ :=]{1,3}[\"']?)\d{4,8}\b",
    re.IGNORECASE,
)
_ISSUED = re.compile(
    r"(?<![\w-])(?:"
    r"A(?:KIA|SIA)[0-9A-Z]{16}"
    r"|gh[pousr]_[A-Za-z0-9]{30,255}|github_pat_\w{20,255}|glpat-[\w-]{20,255}"
    r"|xox[abeprs]-[\w-]{10,255}"
    r"|[spr]k_(?:live|test)_[A-Za-z0-9]{10,255}|whsec_[A-Za-z0-9+/=]{16,255}"
    r"|AIza[\w-]{35}|ya29\.[\w-]{20,255}"
    r"|SG\.[\w-]{16,64}\.[\w-]{16,128}"
    r"|(?:SB-)?Mid-(?:server|client)-[\w-]{10,255}|xnd_(?:production|development|public_\w{1,20})_\w{10,255}"
    r"|t=\d{10},v\d=[0-9a-f]{8,128}"
    r"|hv[sbr]\.[\w-]{20,255}|dckr_pat_[\w-]{20,255}|npm_[A-Za-z0-9]{36}"
    r")(?![\w])"
)
_HASHED = re.compile(
    r"\$2[abxy]\$\d\d\$[./A-Za-z0-9]{53}|\$argon2id?\$v=\d+\$[\w=,]{5,60}\$[\w+/]{10,90}\$[\w+/]{10,200}"
)
_HOOK = re.compile(r"(?<=hooks\.slack\.com/services/)[\w/-]{10,200}")
_SQL_PASSWORD = re.compile(r"(\bpassword[ ]{1,3})'(?!(?:yes|no|is|was)\b)[^'\s\[]{3,200}'", re.IGNORECASE)
_CLIENT_PASSWORD = re.compile(
    r"(\bmysql(?:dump|admin)?\b[^|;\n]{0,120}?[ ]-p|\bmariadb\b[^|;\n]{0,120}?[ ]-p|\bredis-cli\b[^|;\n]{0,120}?[ ]-a[ ])"
    r"[^\s\[-]\S{0,200}"
)
_DISPLAYED = re.compile(  # "Dewi Lestari" <…@…>, once the address is gone
    r"(\"?)(?<![\w.])[^\W\d_a-z][^\W\d_]{1,20}(?:[ ][^\W\d_a-z][^\W\d_.]{0,20}){1,4}(\"?[ ]?<)(?=\[email\]>)"
)
_STREET = re.compile(
    r"\b(?:Jl|Jln|Jalan)\b\.?(?:[ ]|%20|\+)[^\W\d_a-z][\w.]{0,30}"
    r"(?:[ ](?![\w.-]{1,40}[=:])(?:[^\W_a-z][\w./-]{0,20}|No\.?)){0,6}"
)
_ON_BEHALF = re.compile(r"(\ba\.n\.?[ ])[^\W\d_a-z][^\W\d_]{1,20}(?:[ ][^\W\d_a-z][^\W\d_]{0,20}){0,4}")
_CARETS = re.compile(
    r"(\bPID[-. ]?5\b[^\n^]{0,24}?)\b[A-Z][A-Z'-]{0,30}[A-Z](?:\^[A-Z](?:[A-Z'-]{0,30}[A-Z])?){1,4}(?![\w^])"
)
_PIPED = re.compile(r"(\becho[ ](?:-n[ ])?)[^\s\[|]{1,200}(?=[ ]?\|[^|\n]{0,80}--password-stdin)")
_NIK = re.compile(  # Indonesia's: province, district, day (40 more for women), month, year, serial number
    r"(?<![\w.+-])(?:1[1-9]|21|3[1-6]|5[1-3]|6[1-5]|7[1-6]|8[12]|9[1-6])\d{4}"
    r"(?:0[1-9]|[12]\d|3[01]|4[1-9]|[56]\d|7[01])(?:0[1-9]|1[0-2])\d{2}(?!0000)\d{4}(?![\w-]|\.\d)"
)
_SIXTEEN = re.compile(r"\d{16}")
_NPWP = re.compile(r"(?<![\w.])\d{2}\.\d{3}\.\d{3}\.\d-\d{3}\.\d{3}(?![\w.])")
_INSURED = re.compile(r"(\b(?:BPJS|peserta|kartu)\b[^\d\n]{1,20})\d{13}(?!\d)", re.IGNORECASE)
_AT_DOMAIN = re.compile(r"(?:@|%40|\\u0040)(?:[^\W_](?:[\w-]{0,62})\.){1,8}[^\W\d_]{2,24}", re.IGNORECASE)
_LOCAL_PART = re.compile(r"\w[\w.!#$%'*+^~-]{0,63}$")
_LOGIN = re.compile(r"\b(?:sftp|ssh|scp)(?:://|[ ])$")
_NOT_MAILBOXES = frozenset({"git", "ssh"})
_CARD = re.compile(
    r"(?<![^\W_])(?<![.+-])(?:\d{4}([ \u00a0._/-]|[ ]{2})\d{4}\1\d{4}\1\d{4}(?:\1\d{1,3})?"
    r"|\d{4}([ -])\d{6}\2\d{4,5}|\d{12,19}(?=_)|(?<!_)\d{12,19})"
    r"(?![\w-]|\.\d)"
)
_TRACK = re.compile(r"(?<![\w.+-])(\d{13,19})[D=]\d{7,30}\??")  # what a magnetic stripe says (ISO/IEC 7813)
_IBAN = re.compile(r"(?<![\w-])[A-Z]{2}\d{2}(?:[ ]?[A-Z0-9]{4}){2,7}(?:[ ]?[A-Z0-9]{1,3})?(?![\w-])")
_INDIAN_PAN = re.compile(
    r"(\bPAN\b(?:[ ](?:card|no\.?|number))?[ :=#]{1,3})[A-Z]{3}[ABCFGHJLPT][A-Z]\d{4}[A-Z]\b"
)
_SSN = re.compile(r"(?<![\w.-])(?!000|666|9\d\d)\d{3}([- ])(?!00)\d{2}\1(?!0000)\d{4}(?![\w-]|\.\d)")
_PHONE = re.compile(
    r"(?<![\w.+:/-])(?:"
    r"\+\d{1,3}[ .-]?(?:\(\d{1,4}\)[ .-]?)?\d(?:[ .-]?\d){6,12}"
    r"|(?:\(\+?84\)[ ]?|84[ .-])[35789]\d[ .-]?\d{3}[ .-]?\d{4}"
    r"|(?:\(\+?84\)[ ]?|84[ .-])[35789]\d{2}[ .-]?\d{3}[ .-]?\d{3}"
    r"|1-8(?:00|33|44|55|66|77|88)-\d{3}-\d{4}"
    r"|0[6-9]\d{4}[ -]\d{5}"
    r"|(?:\+?1[ .-])?(?:\([2-9]\d{2}\)[ ]?|[2-9]\d{2}[-.])[2-9]\d{2}[-.]\d{4}"
    r"|0(?:[35789]\d[ .-]?\d{3}[ .-]?\d{4}|[35789]\d{2}[ .-]?\d{3}[ .-]?\d{3})"
    r"|08[1-9]\d[ .-]?\d{3,4}[ .-]?\d{3,5}|628[1-9]\d{7,10}"
    r"|02\d{1,2}[ .-]\d{3,4}[ .-]?\d{4}"
    r"|\(0\d{1,3}\)[ ]?\d{3,4}[ .-]?\d{3,4}"
    r")(?![\w-]|\.\d)"
)
_TITLED = re.compile(
    r"\b(Mr|Mrs|Ms|Miss|Mdm|Dr)(\.? )[^\W\d_a-z][^\W\d_]{1,30}(?: [^\W\d_a-z][^\W\d_]{0,30}){0,4}"
)
_NAMED = re.compile(  # "patient Hoang Van Thu"; a capital "Patient" begins the names of services as well
    r"((?:\b(?:patient|guardian|customer|khách hàng|KH)|\b[Bb]ệnh nhân|\bBN)[ ])"
    r"([^\W\d_a-z][^\W\d_]{0,20}(?:[ ][^\W\d_a-z][^\W\d_]{0,20}){1,4})(?![\w=:-])"
)
_NAMED_BY = re.compile(r"atient |uardian |ustomer |h hàng |KH |h nhân |BN ")
_NO_PERSONS = frozenset(
    """sync service worker import export data record records queue consumer api job batch index table controller
    update upload history portal module id ids name lookup search report rate card details info list status type
    not found error failed exception""".split()  # noqa: SIM905 - a word list
)
_KEY_BEFORE = re.compile(r"([^\W\d][\w.-]{0,60})[\"'\\]{0,4}[ \t]{0,2}[:=#][ \t]{0,2}[\"'\\#]{0,4}$")
_WORD_BEFORE = re.compile(r"([^\W\d_]{2,20})(?:[ ](?:id|no|nr|number)\.?)?[ ]#?$|#$|\} $", re.IGNORECASE)
_LONG = re.compile(r"\d(?:[ \u00a0()._/-]{0,3}[0-9A-Z]){3}[ \u00a0()._/-]{0,3}\d")
_UNIT_AFTER = re.compile(r" ?(?:[KMGT]?i?B|bytes?|[num]?s|rows|records|messages|items|requests)\b")
_LOOK_BACK = 80


def redact_shapes(line: str) -> str:
    """The line without what its form betrays. Names and dates have no form: see ``fields``."""
    if "@" in line or "%40" in line or "u0040" in line:
        line = _without_emails(line)
    if "<[email]>" in line:
        line = _DISPLAYED.sub(rf"\1{Category.NAME.mark}\2", line)
    if "Jl" in line or "Jalan" in line:
        line = _STREET.sub(Category.ADDRESS.mark, line)
    if "a.n" in line:
        line = _ON_BEHALF.sub(rf"\1{Category.NAME.mark}", line)
    if "^" in line:
        line = _CARETS.sub(rf"\1{Category.NAME.mark}", line)
    if has_digit(line):
        line = _without_numbers(line)
    if "M" in line or "Dr" in line:
        line = _TITLED.sub(rf"\1\2{Category.NAME.mark}", line)
    return _NAMED.sub(_without_person, line) if _NAMED_BY.search(line) else line


def redact_secrets(line: str) -> str:
    """The line without tokens and passwords that show by their form or place; done before keys are looked
    at."""
    if "://" in line and "@" in line:
        line = _URL_PASSWORD.sub(rf"\1:{Category.PASSWORD.mark}@", line)
    if "eyJ" in line:
        line = _JWT.sub(Category.TOKEN.mark, line)
    lowered = line.lower()
    if "authorization" in lowered:
        line = _AUTHORIZED.sub(rf"\1 {Category.TOKEN.mark}", line)
    if "bearer" in lowered:
        line = _BEARER.sub(rf"\1\2{Category.TOKEN.mark}", line)
    if "-u" in line:
        line = _CURL_USER.sub(rf"\1:{Category.PASSWORD.mark}", line)
    if "sshpass" in line:
        line = _SSHPASS.sub(rf"\1{Category.PASSWORD.mark}", line)
    if "pass" in lowered:
        line = _SPOKEN.sub(rf"\1{Category.PASSWORD.mark}", line)
    if " code" in lowered or " pass" in lowered:
        line = _ONE_TIME.sub(rf"\1{Category.TOKEN.mark}", line)
    if "pass" in lowered or "-p" in line or "-a " in line:
        line = _PIPED.sub(rf"\1{Category.PASSWORD.mark}", line)
        line = _SQL_PASSWORD.sub(rf"\1'{Category.PASSWORD.mark}'", line)
        line = _CLIENT_PASSWORD.sub(rf"\1{Category.PASSWORD.mark}", line)
    if "$" in line:
        line = _HASHED.sub(Category.PASSWORD.mark, line)
    if "hooks." in line:
        line = _HOOK.sub(Category.TOKEN.mark, line)
    return _ISSUED.sub(Category.TOKEN.mark, line)


def _without_emails(line: str) -> str:
    """From each @ with a domain after it back over the mailbox: a pattern that began with the mailbox would
    try every character of a long line."""
    parts, done = [], 0
    for match in _AT_DOMAIN.finditer(line):
        before = line[max(done, match.start() - 64) : match.start()]
        local = _LOCAL_PART.search(before)
        mailbox = local[0] if local else ""
        labels = match[0].rpartition(".")[0][1:]  # "left-pad@1.3.beta" is a version
        if (
            not mailbox
            or mailbox.lower() in _NOT_MAILBOXES
            or _LOGIN.search(before[: -len(mailbox)])
            or not any(each.isalpha() for each in labels)
        ):
            continue
        parts += [line[done : match.start() - len(mailbox)], Category.EMAIL.mark]
        done = match.end()
    return "".join([*parts, line[done:]])


def _without_numbers(line: str) -> str:
    if "PAN" in line:
        line = _INDIAN_PAN.sub(rf"\1{Category.NATIONAL_ID.mark}", line)
    if _LONG.search(line) is None:
        return line  # most lines end here: no eight digits in a row or in groups
    line = _TRACK.sub(_without_track, line)
    line = _replace(line, _CARD, Category.CARD, _is_card)
    line = _IBAN.sub(_without_iban, line)
    if _SIXTEEN.search(line):
        line = _replace(line, _NIK, Category.NATIONAL_ID, _is_any)
    if "." in line and "-" in line:
        line = _NPWP.sub(Category.NATIONAL_ID.mark, line)
    lowered = line.lower()
    if "bpjs" in lowered or "peserta" in lowered or "kartu" in lowered:
        line = _INSURED.sub(rf"\1{Category.NATIONAL_ID.mark}", line)
    line = _replace(line, _SSN, Category.NATIONAL_ID, _is_any)
    return _replace(line, _PHONE, Category.PHONE, _is_phone)


def _replace(line: str, pattern: re.Pattern[str], category: Category, accept: Callable[[str], bool]) -> str:
    parts, done, position = [], 0, 0
    while match := pattern.search(line, position):
        if accept(match[0]) and not (match[0].isdigit() and _is_identified(line, match)):
            parts += [line[done : match.start()], category.mark]
            done = position = match.end()
        else:  # what begins at the next group may still be one: "5000 4111 1111 1111 1111"
            position = _next_group(match)
    return "".join([*parts, line[done:]])


def _without_person(match: re.Match[str]) -> str:
    service = any(word.lower() in _NO_PERSONS for word in match[2].split())
    return match[0] if service else f"{match[1]}{Category.NAME.mark}"


def _without_track(match: re.Match[str]) -> str:
    return Category.CARD.mark if looks_like_card(match[1]) else match[0]


def _without_iban(match: re.Match[str]) -> str:
    """The check of ISO 13616: letters as numbers, the first four characters last, a remainder of 1."""
    bare = match[0].replace(" ", "")
    number = "".join(str(int(each, 36)) for each in bare[4:] + bare[:4])
    return Category.ACCOUNT.mark if 15 <= len(bare) <= 34 and int(number) % 97 == 1 else match[0]


def _next_group(match: re.Match[str]) -> int:
    gap = re.search(r"\D", match[0][1:])
    return match.start() + 1 + gap.end() if gap else match.end()


def _is_identified(line: str, number: re.Match[str]) -> bool:
    """Whether a plain number is an identifier or a measure, by the key, the word before or the unit after."""
    if _UNIT_AFTER.match(line, number.end()):
        return True
    before = line[max(0, number.start() - _LOOK_BACK) : number.start()]
    key = _KEY_BEFORE.search(before)
    if key:
        return is_identifier(key[1])
    word = _WORD_BEFORE.search(before)
    return word is not None and (word[1] is None or is_identifier(word[1]))


def _is_any(_: str) -> bool:
    return True


def _is_phone(text: str) -> bool:
    return 8 <= sum(each.isdigit() for each in text) <= 15


def _is_card(text: str) -> bool:
    digits = "".join(each for each in text if each.isdigit())
    return looks_like_card(digits)


def looks_like_card(digits: str) -> bool:
    """Whether the digits have the length and the first digits of a card network and the right check digit
    (ISO/IEC 7812)."""
    return _is_issued(digits) and luhn(digits) and len(set(digits)) > 1


def _is_issued(digits: str) -> bool:
    length, two, four = len(digits), int(digits[:2]), int(digits[:4])
    return (
        (digits[0] == "4" and length in {13, 16, 19})
        or (length == 16 and (51 <= two <= 55 or 2221 <= four <= 2720))
        or (length == 15 and two in {34, 37})
        or (length in {14, 16} and (two in {36, 38, 39} or 3000 <= four <= 3059))
        or (
            16 <= length <= 19 and (four == 6011 or 6440 <= four <= 6599 or two == 62 or 3528 <= four <= 3589)
        )
        or (length in {16, 19} and four == 9704)  # NAPAS
    )


def luhn(digits: str) -> bool:
    """The check digit of ISO/IEC 7812, annex B."""
    total = 0
    for place, each in enumerate(reversed(digits)):
        number = int(each) * (2 if place % 2 else 1)
        total += number - 9 if number > 9 else number
    return total % 10 == 0
