"""The level that a log line speaks of: a field that says so counts more than a word, and prose counts little.

``no error found`` is no error, and neither is ``{"level":"info","error":null}``.
"""

from __future__ import annotations

import re

_WORDS = {
    "error": "fatal critical crit panic emergency emerg alert severe error err exception traceback",
    "warning": "warn warning",
    "info": "info information informational notice",
    "debug": "debug trace verbose finest finer fine",
}
_LEVEL = {word: level for level, words in _WORDS.items() for word in words.split()}
_ANY = "|".join(sorted(_LEVEL, key=len, reverse=True))
_LOOKED_AT = 600
# {"level":"warn"}, level=warn, severity: WARN, "levelname": "ERROR", "@l":"Error", "log.level":"error"
_FIELD = re.compile(
    rf"[\"']?\b(?:log\.?)?(?:level|lvl|severity|levelname|severity_?text|loglevel|@l)[\"']?\s*[=:]\s*[\"']?({_ANY})\b",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\"level\"\s*:\s*(\d{2})\b")  # pino and bunyan: 10 trace … 60 fatal
_NUMBERS = {1: "debug", 2: "debug", 3: "info", 4: "warning", 5: "error", 6: "error"}
_KLOG = re.compile(r"([IWEF])\d{4} \d\d:\d\d:\d\d")
_KLOG_LEVELS = {"I": "info", "W": "warning", "E": "error", "F": "error"}
_CAPITALS = re.compile(rf"(?<![\w-])({_ANY.upper()})(?![\w-])")
_BRACKETED = re.compile(rf"[\[<(|]\s*({_ANY})\s*[\]>)|]", re.IGNORECASE)
_BEGINS = re.compile(rf"[\d\s:.,TZ+/\-]*({_ANY})(?:\s*[:|]|\s+-\s)", re.IGNORECASE)
_RAISED = re.compile(r"Traceback \(most recent call last\)|^\s*(?:[\w.$]+(?:Exception|Error))\b(?::|$)")
_RULES = ((_FIELD, ("level", "lvl", "severity", "@l")), (_BRACKETED, tuple("[<(|")), (_CAPITALS, ("",)))


def level_of(text: str) -> str:
    """The level: error, warning, info, debug, or "" when the line tells none."""
    head = text[:_LOOKED_AT]
    if (klog := _KLOG.match(head)) is not None:
        return _KLOG_LEVELS[klog[1]]
    if (number := _NUMBER.search(head)) is not None:
        return _NUMBERS.get(int(number[1]) // 10, "")
    lowered = head.lower()
    for rule, signs in _RULES:
        # what a rule cannot do without is looked for first, at a tenth of its cost: most lines have none of it
        if any(sign in lowered for sign in signs) and (found := rule.search(head)) is not None:
            return _LEVEL[found[1].lower()]
        if rule is _FIELD and head.lstrip().startswith("{"):
            return ""  # structured, and it does not say: its words are values
    if (found := _BEGINS.match(head)) is not None:
        return _LEVEL[found[1].lower()]
    return "error" if _RAISED.search(head) else ""
