"""Finds keys and their values in text of any make: JSON (escaped in JSON as well), logfmt, YAML, headers,
queries, XML, command lines, sentences such as "Patient name: …".

One pass from left to right: a key that says nothing is stepped over, its value is searched for further keys.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from posdeck.redaction.keys import (
    SECRETS,
    Category,
    category_of,
    has_digit,
    is_card,
    is_person,
    may_end_phrase,
    words_of,
)

_KEY_HERE = re.compile(
    r"(-{0,2}|\.)([^\W\d](?:[\w.-]|\[\d{1,6}\]){0,199})"  # the key, perhaps an option or a path
    r"(\\{0,7}[\"'])?"  # the end of its quotes
    r"(?:\]?[ \t]{0,8}(?:=>|:=|[:=])[ \t]{0,60}|;(?=s:\d)|(?<=[\w.])[ \t]{1,4}(?=[^\s=:-])|[ \t]{0,8}$)"
)
_KEY = re.compile(rf"(?<![\w.-]){_KEY_HERE.pattern}")
_OPEN_QUOTE = re.compile(r"\\{0,7}[\"'`]")
_XML = re.compile(
    r"<([^\W\d][\w:.-]{0,80})(?:[ \t][^<>]{0,200})?>(?:<!\[CDATA\[)?([^<>\n\]]{1,300})(?=(?:\]\]>)?</)"
)
_MARK = re.compile(rf"\[(?:{'|'.join(each.value for each in Category)})\]")
_BARE = re.compile(r"[^\s&\"'<>`]+")
_HEADER = re.compile(r"[^\"'\\]+")
_SCHEME = re.compile(r"[A-Za-z0-9-]{3,20} \[token\]")
_CUT = re.compile(r"[;,](?=[^\W\d][\w.-]{0,60}[\"']?[=:])")
_WORDS_BEFORE = re.compile(r"(?:[^\W\d_]{1,20}(?:'s)?[ ]){1,4}$")
_NAME_WORD = re.compile(r"[^\W\d_][^\W\d_.'’-]*(?:[.'’-][^\W\d_.'’-]*)*")
_NAME_GAP = re.compile(r"[ ^+]|%20")
_A_KEY = re.compile(r"[^\W\d][\w.-]{0,60}[\"']?[=:]")
_KEY_GOES_ON = re.compile(r"[=:_]|\.\w")
_DATE = re.compile(
    r"\d{8}(?!\d)|\d{1,4}(?:[ ./-](?:\d{1,4}|[^\W\d_]{3,9}),?){0,2}"
    r"(?:[T ]\d{2}:\d{2}(?::\d{2})?[\d.+:Z-]{0,16})?"
    r"|[^\W\d_]{3,9}[. ]{1,2}\d{1,2},? \d{4}|datetime\.date(?:time)?\([\d, ]{6,40}\)"
)
_ID = re.compile(  # in groups, as people write them; else up to the next space
    r"[A-Z]{2}[ -]?\d[ -]?\d{2}[ -]?\d{10}(?!\w)|\d{2,4}(?:[ -]\d{3,4}){2,3}(?:-\d{3})?(?![\w-])|"
    + _BARE.pattern
)
_SAID = re.compile(  # what stands between a key and its quoted value in messages, in Python and in PHP
    r"(?:(?:input|value|got|was)[ :=]{1,3}|b|u|string\(\d{1,6}\)[ ]|s:\d{1,6}:)(?=[\"'])", re.IGNORECASE
)
_TAX_CARD = re.compile(r"[A-Z]{5}\d{4}[A-Z]")  # the Indian tax number, called PAN as a card's number is
_DIGITS = re.compile(r"(?:%2B|[+(]){0,2}\d(?:[ ().-]{0,2}\d)*")
_ADDRESS_END = re.compile(r"[;|&\"'<>\n}]|[,\s][^\W\d][\w.-]{0,60}[=:]|[ ]\[[\w.-]{1,60}\][ ]?=>")
_NOTHING = frozenset(
    """null none nil undefined true false yes no n/a na unknown empty missing required invalid incorrect
    expired expires mismatch wrong is was were are be must cannot can could should not too has have had
    contains does did failed failure field length expected already and or for from in of the a an to on at
    with by format column value string header policy reset changed rotated revoked refreshed validation
    verification auth authentication type""".split()  # noqa: SIM905 - a word list
)
_NO_NAMES = frozenset(
    """null none nil undefined true false n/a na unknown empty missing required invalid is was were must
    cannot can could should not too has have had contains does did failed failure field length expected
    already validation created updated synced saved found received sent""".split()  # noqa: SIM905 - a word list
)
_KEY_AHEAD = re.compile(r", ?(?:[^\W\d_]{1,20}[ ]){0,4}[^\W\d_][\w.-]{0,40}[\"']?[ ]?[:=]")
_HUMAN_XML = re.compile(r"</(?:\w{1,20}:)?(?:family|given)>", re.IGNORECASE)
_TEMPLATE = re.compile(r"\$[({]|\$[A-Z_]+$|%[(sdv]|\{|\*{3,}|x{4,}$|<|\.{3}")
_NUMBERED = {  # how many digits tell a value from a count
    Category.BIRTH_DATE: 4,
    Category.NATIONAL_ID: 6,
    Category.RECORD_NUMBER: 5,
    Category.CARD: 12,
    Category.CARD_CODE: 3,
    Category.ACCOUNT: 6,
    Category.PHONE: 8,
}
_BLOCK_SIGNS = frozenset({"|", ">", "|-", ">-", "|+", ">+"})
_PAIR = re.compile(r"\(([\"'])([\w .-]{1,60})\1, ([\"'])([^\"'\\\n]{1,300})\3")
_PERSONAL = re.compile(r"\[(?:phone|email|national-id|birth-date|card)\]")
_BLOCK = re.compile(r" *(?:- )?([^\W\d][\w-]{1,60}):[ ]*")
_MADE = re.compile(r"(?<![\w])([^\W\d]\w{2,60})[({](?=[ ]?\w{1,40}[:=])")
_OBJECT_NAME = re.compile(r"[a-z]+(?:-[a-z]+)+")
_SPOKEN_OF = frozenset({"token", "jwt", "secret", "secrets", "credential", "credentials"})
_SENTENCE = re.compile(r"[ ][a-z]{2,20}(?:[ ,.:]|$)")
_BRACE = re.compile(r"[{}]")
_PERSON_WORDS = frozenset({("patient",), ("guardian",), ("benh", "nhan")})
_ARRAY_LIMIT = 4000


@dataclass
class FieldState:
    """What is carried from one line to the next: in YAML a variable's name stands on the line before its
    value."""

    pending: Category | None = None
    block: Category | None = None  # a YAML block of several lines that is to go
    block_under: int = -1
    person_under: int = -1  # in YAML, how far the key is indented under which a person is described

    def kept(self) -> tuple[Category | None, Category | None, int, int]:
        """What ``restore`` takes."""
        return self.pending, self.block, self.block_under, self.person_under

    def restore(self, kept: tuple[Category | None, Category | None, int, int]) -> None:
        """Carry what was carried then."""
        self.pending, self.block, self.block_under, self.person_under = kept


@dataclass
class _Line:
    text: str
    state: FieldState
    parts: list[str]
    done: int = 0
    person_until: int = 0
    card_until: int = 0
    human_name: bool = False  # FHIR's HumanName: family and given side by side
    about_person: bool = False  # something that only people have was found before

    def put(self, start: int, end: int, mark: str) -> None:
        self.parts += [self.text[self.done : start], mark]
        self.done = end

    def result(self) -> str:
        return "".join([*self.parts, self.text[self.done :]]) if self.parts else self.text


def redact_fields(text: str, state: FieldState) -> str:
    """The line with the values of telling keys replaced."""
    if state.block is not None and (gone := _within_block(text, state)) is not None:
        return gone
    if "', '" in text or '", "' in text:
        text = _PAIR.sub(_without_second, text)
    if "</" in text:
        human = _HUMAN_XML.search(text) is not None
        text = _XML.sub(lambda match: _xml_element(match, human), text)
    line = _Line(text, state, [], human_name='family"' in text and 'given"' in text)
    line.about_person = _PERSONAL.search(text) is not None
    _enter_block(line)
    position = 0
    # right behind a value that was taken out, a key may begin in the middle of a word
    while match := (line.done == position and _KEY_HERE.match(text, position)) or _KEY.search(text, position):
        position = _one_key(line, match)
    return line.result()


def _xml_element(match: re.Match[str], human: bool) -> str:
    category = category_of(match[1].rpartition(":")[2], in_person=human)
    if category is None or not convincing(match[2].strip(), category):
        return match[0]
    return f"{match[0][: match.start(2) - match.start()]}{category.mark}"


def _one_key(line: _Line, match: re.Match[str]) -> int:
    """Deal with one key; returns where to look on."""
    key, at = match[2], match.end()
    separated = match[0].rstrip(" \t")[-1:] in {":", "=", ">", ";"}
    if not separated and not (match[1] == "--" and at < len(line.text)):
        return _number_after(line, match, at) or match.end(2)
    in_person = match.start() < line.person_until or (line.human_name and key in {"family", "given"})
    in_card = match.start() < line.card_until
    category = category_of(key, in_person=in_person, in_card=in_card) or _by_phrase(
        line.text, match.start(), key
    )
    if category is None:
        category = _paired(line, key, at)
    if category is None and line.about_person and _is_plain_name(line.text, match, at):
        category = Category.NAME
    if category is None and _stands_for_person(line.text, match.start(), key):
        return _maybe_person(line, match, at)
    if category is None:
        if at < len(line.text) and line.text[at] == "{":
            _enter_object(line, key, at, in_person)
        return at
    return _take(line, match, at, category)


def _indentation(text: str) -> int:
    return len(text) - len(text.lstrip(" "))


def _within_block(text: str, state: FieldState) -> str | None:
    """A line of a block under a telling key; None for the first that is not of it."""
    indented = _indentation(text)
    if text.strip() and indented <= state.block_under:
        state.block = None
        return None
    if not text.strip() or state.block is None:
        return text
    return f"{text[:indented]}{state.block.mark}"


def _enter_block(line: _Line) -> None:
    """What the lines before say of a whole line: YAML's ``patient:`` with the person below it, and what stands
    between the brackets of ``Patient(…)``."""
    text, state = line.text, line.state
    indented = _indentation(text)
    if text.strip():
        if state.person_under >= 0 and indented <= state.person_under:
            state.person_under = -1
        if (block := _BLOCK.fullmatch(text)) and is_person(block[1]):
            state.person_under = indented
        elif state.person_under >= 0:
            line.person_until = len(text)
    for made in _MADE.finditer(text) if "(" in text or "{" in text else ():
        words = words_of(made[1])
        if any(is_person(word) for word in words):
            closing = ")" if made[0].endswith("(") else "}"
            end = text.find(closing, made.end())
            line.person_until = max(line.person_until, end if end > 0 else len(text))


def _is_plain_name(text: str, match: re.Match[str], at: int) -> bool:
    """``name: Hendra Setiawan`` beside a telephone number; ``name: consumer-lis`` is nobody's."""
    if words_of(match[2]) != ("name",):
        return False
    quoted = _OPEN_QUOTE.match(text, at)
    start = quoted.end() if quoted else at
    word = _NAME_WORD.match(text, start)
    if not word or not word[0][0].isupper() or len(word[0]) < 2:
        return False
    end = _end_of_quoted(text, start, quoted[0]) if quoted else _end_of_name(text, start)
    if text[start:end] == word[0] and word[0].isupper():
        return False  # "POS"
    words = re.split(r"[ +^]|%20", text[start:end])
    return len(words) <= 6 and all(_NAME_WORD.fullmatch(each) for each in words if each)


def _without_second(match: re.Match[str]) -> str:
    """``('NIK', '3201…')``: a pair of Python, the first of which says what the second is."""
    category = category_of(match[2])
    if category is None or not convincing(match[4], category):
        return match[0]
    return f"({match[1]}{match[2]}{match[1]}, {match[3]}{category.mark}{match[3]}"


def _enter_object(line: _Line, key: str, at: int, in_person: bool) -> None:
    """Within ``"patient": {…}`` and ``"card": {…}`` plain keys mean more."""
    if not in_person and is_person(key):
        line.person_until = _closing(line.text, at)
    if at >= line.card_until and is_card(key):
        line.card_until = _closing(line.text, at)


def _number_after(line: _Line, match: re.Match[str], at: int) -> int:
    """``dob 1980-02-01``, ``CCCD 079090001234``: without a sign between, only what is plainly a number
    counts. Returns the end of what was replaced, else 0."""
    if match[3] or not has_digit(line.text[at : at + 4]):
        return 0
    category = category_of(match[2]) or _by_phrase(line.text, match.start(), match[2])
    if category not in _NUMBERED:
        return 0
    quoted = _OPEN_QUOTE.match(line.text, at)
    start = quoted.end() if quoted else at
    end = _end_of_bare(line.text, start, category)
    value = line.text[start:end]
    if sum(each.isdigit() for each in value) < _NUMBERED[category] or not convincing(value, category):
        return 0
    line.put(start, end, category.mark)
    return end


def _by_phrase(text: str, start: int, key: str) -> Category | None:
    """The words before the key belong to it in a sentence: "Date of birth: …"."""
    if not may_end_phrase(key):
        return None
    before = _WORDS_BEFORE.search(text, max(0, start - 60), start)
    return category_of(f"{before[0].replace(chr(39) + 's', '')}{key}") if before else None


def _stands_for_person(text: str, start: int, key: str) -> bool:
    words = words_of(key)
    return words in _PERSON_WORDS or (
        words == ("nhan",) and text[max(0, start - 5) : start].lower() == "bệnh "
    )


def _paired(line: _Line, key: str, at: int) -> Category | None:
    """``name: DB_PASSWORD`` and then ``value: …``, as environments are written in manifests."""
    if key in {"name", "key"}:
        quoted = _OPEN_QUOTE.match(line.text, at)
        named = _BARE.match(line.text, quoted.end() if quoted else at)
        category = category_of(named[0].rstrip(",\\")) if named else None
        line.state.pending = category if category in SECRETS else None
        return None
    pending, line.state.pending = line.state.pending, None
    return pending if key == "value" else None


def _maybe_person(line: _Line, match: re.Match[str], at: int) -> int:
    """``patient: Nguyen Van A`` is a name; ``patient=sync`` and ``patient: {…}`` are not."""
    if line.text[at : at + 1] == "{":
        if at >= line.person_until:
            line.person_until = _closing(line.text, at)
        return at
    quoted = _OPEN_QUOTE.match(line.text, at)
    start = quoted.end() if quoted else at
    words: list[re.Match[str]] = []
    position = start
    while (word := _NAME_WORD.match(line.text, position)) and word[0][0].isupper() and len(words) < 6:
        words.append(word)
        position = word.end() + 1
    if len(words) < 2:
        return at
    line.put(start, words[-1].end(), Category.NAME.mark)
    return words[-1].end()


def _closing(text: str, start: int) -> int:
    """The place of the brace that closes the one at ``start``; the end of the text when there is none."""
    depth = 0
    for found in _BRACE.finditer(text, start):
        depth += 1 if found[0] == "{" else -1
        if depth == 0:
            return found.start()
    return len(text)


def _take(line: _Line, match: re.Match[str], at: int, category: Category) -> int:
    text = line.text
    if text[at:].strip() in _BLOCK_SIGNS and text[: match.start()].strip() in {"", "-"}:
        line.state.block, line.state.block_under = category, match.start()
        return len(text)
    if said := _SAID.match(text, at):
        at = said.end()
    quoted = _OPEN_QUOTE.match(text, at)
    if quoted:
        end = _end_of_quoted(text, quoted.end(), quoted[0])
        value = text[quoted.end() : end]
        if category is Category.CARD and _TAX_CARD.fullmatch(value):
            category = Category.NATIONAL_ID
        if convincing(value, category):
            line.put(quoted.end(), end, category.mark)
        return end
    if text[at : at + 1] == "[" and not _MARK.match(text, at):
        return _take_list(line, at, category)
    if text[at : at + 1] == "{" and category is Category.ADDRESS:
        line.person_until = max(line.person_until, _closing(text, at))
    if text[at : at + 1] in {"{", ""}:
        return _take_cookies(line, at) if match[2].lower().endswith("cookies") else at
    end = _end_of_bare(text, at, category)
    if (
        end == at
        or not convincing(text[at:end], category)
        or _is_prose(match, text[at:end], text[end : end + 24])
    ):
        return max(at, end if _MARK.match(text, at) else at)
    # JSON stays JSON: a number becomes a string.
    quote = match[3] if match[3] and match[3].endswith('"') else ""
    line.put(at, end, f"{quote}{category.mark}{quote}")
    return end


def _is_prose(match: re.Match[str], value: str, after: str) -> bool:
    """``unexpected token: INDENT`` is a parser's message, ``jwt: token is expired`` and ``v1.Secret: secrets is
    forbidden`` begin sentences, ``secret: pos-db-credentials`` names an object, ``pass=12`` counts tests."""
    key = words_of(match[2])[-1:]
    if key == ("pass",):
        return value.isdigit()
    spoken = bool(key) and key[0] in _SPOKEN_OF and value.isalpha() and match[0].endswith(": ")
    if spoken and (key == ("token",) or (value.islower() and _SENTENCE.match(after))):
        return True
    return key == ("secret",) and _OBJECT_NAME.fullmatch(value) is not None


def _take_list(line: _Line, at: int, category: Category) -> int:
    """``"given":["An","Binh"]``: each string of a flat list."""
    end = line.text.find("]", at, at + _ARRAY_LIMIT)
    inside = line.text[at:end] if end > 0 else ""
    if not inside or "{" in inside:
        return at + 1
    redacted = re.sub(r"(\\{0,7}([\"']))([^\"'\\]{1,200})(\\{0,7}\2)", rf"\1{category.mark}\4", inside)
    line.put(at, end, redacted)
    return end


def _take_cookies(line: _Line, at: int) -> int:
    """``"cookies":{"sid":"…"}``: each value of a flat object."""
    end = line.text.find("}", at, at + _ARRAY_LIMIT)
    inside = line.text[at + 1 : end] if end > 0 else ""
    if not inside or "{" in inside:
        return at
    mark = Category.TOKEN.mark
    line.put(at + 1, end, re.sub(r"(:[ ]?\\{0,7}[\"'])[^\"'\\]{1,4000}", rf"\1{mark}", inside))
    return end


def _end_of_quoted(text: str, start: int, quote: str) -> int:
    """Where the value that ``quote`` opened ends: at the same quote under as many backslashes."""
    depth = len(quote) - 1
    position = start
    while (found := text.find(quote[-1], position)) >= 0:
        backslashes = 0
        while found - backslashes > start and text[found - backslashes - 1] == "\\":
            backslashes += 1
        if backslashes == depth or (depth == 0 and backslashes % 2 == 0):
            return found - backslashes if depth else found
        position = found + 1
    return len(text)


def _end_of_bare(text: str, start: int, category: Category) -> int:
    if _MARK.match(text, start) or _SCHEME.match(text, start):
        return start
    match category:
        case Category.NAME:
            return _end_of_name(text, start)
        case Category.BIRTH_DATE:
            return _end_of(_DATE, text, start)
        case Category.PHONE | Category.CARD:
            return _end_of(_DIGITS, text, start)
        case Category.NATIONAL_ID | Category.ACCOUNT:
            return _end_of(_ID, text, start)
        case Category.ADDRESS:
            found = _ADDRESS_END.search(text, start)
            return found.start() if found else len(text)
        case Category.PASSWORD | Category.TOKEN | Category.PRIVATE_KEY:
            return _end_of_secret(text, start, category)
        case _:
            return _end_of(_BARE, text, start)


def _end_of(pattern: re.Pattern[str], text: str, start: int) -> int:
    found = pattern.match(text, start)
    if not found:
        return start
    cut = _CUT.search(text, start, found.end())
    end = cut.start() if cut else found.end()
    while end > start and text[end - 1] in ",;.)}]|\\" and not _ends_a_mark(text, start, end):
        end -= 1
    return end


def _ends_a_mark(text: str, start: int, end: int) -> bool:
    """Whether what was redacted before ends here: its bracket belongs to it."""
    opened = text.rfind("[", start, end)
    return opened >= 0 and _MARK.fullmatch(text, opened, end) is not None


def _end_of_secret(text: str, start: int, category: Category) -> int:
    """A header's secret is the rest of the line; any other ends at a space or before the next key."""
    before = text[:start].rstrip(" \t:=\"'").lower()
    if category is Category.TOKEN and before.endswith(("cookie", "authorization")):
        return _end_of(_HEADER, text, start)
    return _end_of(_BARE, text, start)


def _end_of_name(text: str, start: int) -> int:
    """Capitalised words while they last; a name in small letters may be up to six words, none of them a
    key."""
    first = _NAME_WORD.match(text, start)
    if not first:
        return _end_of(_BARE, text, start)
    capital = first[0][0].isupper()
    end = first.end()
    for _ in range(5):
        position = end
        if capital and end == first.end() and text[end : end + 2] == ", " and not _KEY_AHEAD.match(text, end):
            position += 1  # SMITH, JOHN
        gap = _NAME_GAP.match(text, position)
        if not gap:
            break
        word = _NAME_WORD.match(text, gap.end())
        if not word or _KEY_GOES_ON.match(text, word.end()) or _A_KEY.match(text, gap.end()):
            break
        if (not word[0][0].isupper()) if capital else word[0].lower() in _NO_NAMES:
            break
        end = word.end()
    return end


def convincing(value: str, category: Category) -> bool:
    """Whether the value can be what its key says; "password: required" and "phone=null" are no data."""
    bare = _MARK.sub("", value).strip(" \t.,;!?)}]|\\'\"`")
    nothing = _NO_NAMES if category is Category.NAME else _NOTHING
    if not bare or bare == "-" or bare.partition(" ")[0].lower() in nothing:
        return False
    match category:
        case Category.PHONE:
            return sum(each.isdigit() for each in bare) >= 6
        case Category.CARD:
            return sum(each.isdigit() for each in bare) >= 12
        case Category.CARD_CODE:
            return bare.isdigit() and 3 <= len(bare) <= 8
        case Category.EMAIL:
            return "@" in bare
        case Category.ACCOUNT:
            return sum(each.isdigit() for each in bare) >= 6
        case Category.NATIONAL_ID | Category.RECORD_NUMBER | Category.BIRTH_DATE:
            return any(each.isdigit() for each in bare)
        case Category.NAME:
            return any(each.isalpha() for each in bare) and not _TEMPLATE.match(bare)
        case _:
            return not _TEMPLATE.match(bare)
