"""What gives itself away by its form alone: addresses, card numbers, phone numbers, tokens.

Every pattern is anchored or bounded, so that a line of a megabyte costs time in proportion to its length.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from posdeck.redaction.keys import Category, is_identifier

_URL_PASSWORD = re.compile(r"(?<=://)([^\s/:@\"'<>\[]{0,128}):([^\s/\"'<>]{1,256})@(?=[\w\[])")
_JWT = re.compile(r"(?<![\w-])eyJ[\w-]{5,}\.[\w-]{5,}(?:\.[\w-]*){0,3}")
_BEARER = re.compile(
    r"\b(bearer)([ \t]{1,4}|%20|\+)(?=[A-Za-z._~+/-]{0,200}[0-9])[\w.~+/-]{8,}={0,3}(?![\w=])", re.IGNORECASE
)
_AUTHORIZED = re.compile(
    r"\b(authorization[\"'\\]{0,4}[ \t]{0,4}[:=][ \t]{0,4}[\"'\\]{0,4}"
    r"(?:basic|bearer|token|digest|negotiate|apikey))"
    r"[ \t]{1,4}[^\s\"'\\,;]{3,}",
    re.IGNORECASE,
)
_CURL_USER = re.compile(r"((?:^|[ ])(?:-u|--user)[ =][\"']?[^\s:\"']{1,128}):[^\s\"'\[]{1,256}")
_ISSUED = re.compile(
    r"(?<![\w-])(?:"
    r"A(?:KIA|SIA)[0-9A-Z]{16}"
    r"|gh[pousr]_[A-Za-z0-9]{30,255}|github_pat_\w{20,255}|glpat-[\w-]{20,255}"
    r"|xox[abeprs]-[\w-]{10,255}"
    r"|[spr]k_(?:live|test)_[A-Za-z0-9]{10,255}|whsec_[A-Za-z0-9+/=]{16,255}"
    r"|AIza[\w-]{35}|ya29\.[\w-]{20,255}"
    r"|SG\.[\w-]{16,64}\.[\w-]{16,128}"
    r"|hv[sbr]\.[\w-]{20,255}|dckr_pat_[\w-]{20,255}|npm_[A-Za-z0-9]{36}"
    r")(?![\w])"
)
_AT_DOMAIN = re.compile(r"(?:@|%40)(?:[^\W_](?:[\w-]{0,62})\.){1,8}[^\W\d_]{2,24}", re.IGNORECASE)
_LOCAL_PART = re.compile(r"\w[\w.!#$%'*+^~-]{0,63}$")
_NOT_MAILBOXES = frozenset({"git", "ssh"})
_CARD = re.compile(
    r"(?<![\w.+-])(?:\d{4}([ \u00a0-])\d{4}\1\d{4}\1\d{4}(?:\1\d{1,3})?|\d{4}([ -])\d{6}\2\d{4,5}|\d{12,19})"
    r"(?![\w-]|\.\d)"
)
_SSN = re.compile(r"(?<![\w.-])(?!000|666|9\d\d)\d{3}([- ])(?!00)\d{2}\1(?!0000)\d{4}(?![\w-]|\.\d)")
_PHONE = re.compile(
    r"(?<![\w.+:/-])(?:"
    r"\+\d{1,3}[ .-]?(?:\(\d{1,4}\)[ .-]?)?\d(?:[ .-]?\d){6,12}"
    r"|(?:\+?1[ .-])?(?:\([2-9]\d{2}\)[ ]?|[2-9]\d{2}[-.])[2-9]\d{2}[-.]\d{4}"
    r"|0(?:[35789]\d[ .-]?\d{3}[ .-]?\d{4}|[35789]\d{2}[ .-]?\d{3}[ .-]?\d{3})"
    r"|02\d{1,2}[ .-]\d{3,4}[ .-]?\d{4}"
    r"|\(0\d{1,3}\)[ ]?\d{3,4}[ .-]?\d{3,4}"
    r")(?![\w-]|\.\d)"
)
_TITLED = re.compile(
    r"\b(Mr|Mrs|Ms|Miss|Mdm|Dr)(\.? )[^\W\d_a-z][^\W\d_]{1,30}(?: [^\W\d_a-z][^\W\d_]{0,30}){0,4}"
)
_HL7 = re.compile(
    r"(?:(?<![A-Za-z0-9])|(?<=\\[rn]))(PID|NK1|GT1|IN1|IN2)\|(?=\d{0,4}\|)(?:(?!\\[rn])[^\r\n\"])*"
)
_KEY_BEFORE = re.compile(r"([^\W\d][\w.-]{0,60})[\"'\\]{0,4}[ \t]{0,2}[:=#][ \t]{0,2}[\"'\\#]{0,4}$")
_WORD_BEFORE = re.compile(r"([^\W\d_]{2,20})(?:[ ](?:id|no|nr|number)\.?)?[ ]#?$|#$|\} $", re.IGNORECASE)
_UNIT_AFTER = re.compile(r" ?(?:[KMGT]?i?B|bytes?|[num]?s|rows|records|messages|items|requests)\b")
_LOOK_BACK = 80


def redact_shapes(line: str) -> str:
    """The line without what its form betrays. Names and dates have no form: see ``fields``."""
    if "@" in line or "%40" in line:
        line = _without_emails(line)
    if any(each.isdigit() for each in line):
        line = _without_numbers(line)
    if "M" in line or "Dr" in line:
        line = _TITLED.sub(rf"\1\2{Category.NAME.mark}", line)
    return line


def redact_secrets(line: str) -> str:
    """The line without tokens and passwords that show by their form or place; done before keys are looked
    at."""
    if "://" in line and "@" in line:
        line = _URL_PASSWORD.sub(rf"\1:{Category.PASSWORD.mark}@", line)
    if "eyJ" in line:
        line = _JWT.sub(Category.TOKEN.mark, line)
    if "|" in line:
        line = _HL7.sub(rf"\1|{Category.PATIENT.mark}", line)
    lowered = line.lower()
    if "authorization" in lowered:
        line = _AUTHORIZED.sub(rf"\1 {Category.TOKEN.mark}", line)
    if "bearer" in lowered:
        line = _BEARER.sub(rf"\1\2{Category.TOKEN.mark}", line)
    if "-u" in line:
        line = _CURL_USER.sub(rf"\1:{Category.PASSWORD.mark}", line)
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
        if not mailbox or mailbox.lower() in _NOT_MAILBOXES or not any(each.isalpha() for each in labels):
            continue
        parts += [line[done : match.start() - len(mailbox)], Category.EMAIL.mark]
        done = match.end()
    return "".join([*parts, line[done:]])


def _without_numbers(line: str) -> str:
    line = _replace(line, _CARD, Category.CARD, _is_card)
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
