"""What the redactor promises apart from the corpus: values, streams, teams' patterns, hostile input."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posdeck.errors import ConfigurationError
from posdeck.redaction.keys import Category, category_of, is_person, words_of
from posdeck.redaction.redactor import Redactor
from posdeck.redaction.shapes import looks_like_card, luhn

PRIVATE_KEY = """before
-----BEGIN RSA PRIVATE KEY-----
Proc-Type: 4,ENCRYPTED
MIIEpAIBAAKCAQEAx0
abc+/=
-----END RSA PRIVATE KEY-----
after order=12"""


@pytest.fixture(scope="module")
def redactor() -> Redactor:
    return Redactor()


class TestText:
    def test_a_private_key_goes_with_all_its_lines_and_the_line_count_stays(self, redactor: Redactor) -> None:
        result = redactor.text(PRIVATE_KEY)
        assert "MIIE" not in result
        assert "abc+" not in result
        assert "Proc-Type" not in result
        assert result.split("\n") == ["before", "[private-key]", "", "", "", "", "after order=12"]

    def test_a_private_key_that_is_cut_short_does_not_swallow_the_log(self, redactor: Redactor) -> None:
        text = "-----BEGIN PRIVATE KEY-----\nMIIE0\n2026-01-05 order 12 done: all well\nnext"
        assert redactor.text(text) == "[private-key]\n\n2026-01-05 order 12 done: all well\nnext"

    def test_a_private_key_within_json_on_one_line(self, redactor: Redactor) -> None:
        text = r'{"k":"-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n","order":"O-1"}'
        assert redactor.text(text) == r'{"k":"[private-key]\n","order":"O-1"}'

    def test_a_stream_redacts_as_the_whole_text_does(self, redactor: Redactor) -> None:
        stream = redactor.stream()
        assert "\n".join(stream.line(line) for line in PRIVATE_KEY.split("\n")) == redactor.text(PRIVATE_KEY)

    def test_a_variable_named_on_the_line_before_its_value(self, redactor: Redactor) -> None:
        text = "- name: DB_PASSWORD\n  value: hunter2\n- name: DB_HOST\n  value: db-1"
        assert (
            redactor.text(text) == "- name: DB_PASSWORD\n  value: [password]\n- name: DB_HOST\n  value: db-1"
        )

    def test_colours_do_not_part_a_key_from_its_value(self, redactor: Redactor) -> None:
        coloured = "\x1b[32minfo\x1b[0m \x1b[1mpatient_name\x1b[0m=\x1b[36mAn Binh\x1b[0m password=\x1b[33mab12cd\x1b[0m"
        assert redactor.text(coloured) == "info patient_name=[name] password=[password]"

    def test_a_person_and_a_secret_over_several_lines_of_yaml(self, redactor: Redactor) -> None:
        text = (
            "patient:\n  name: Bunga Sari\n  address: Jl. Kemang 12\norder:\n  name: blood-panel\n"
            "sftp:\n  password: >-\n    Multi_Line\n    Pw2\n  port: 22\n"
        )
        assert redactor.text(text) == (
            "patient:\n  name: [name]\n  address: [address]\norder:\n  name: blood-panel\n"
            "sftp:\n  password: >-\n    [password]\n    [password]\n  port: 22\n"
        )

    @pytest.mark.parametrize(
        ("line", "wanted"),
        [
            ("jwt: token is expired by 3m", "jwt: token is expired by 3m"),
            ("*v1.Secret: secrets is forbidden", "*v1.Secret: secrets is forbidden"),
            ("secret: database connection refused", "secret: database connection refused"),
            ("secret: hunter2", "secret: [password]"),
            ("tests pass=12 fail=0", "tests pass=12 fail=0"),
            ("sftp://lab@host.example.com/in", "sftp://lab@host.example.com/in"),
            ("name=Consumer email=a@example.com name=Budi", "name=[name] email=[email] name=[name]"),
            ("name=POS email=a@example.com", "name=POS email=[email]"),
        ],
    )
    def test_prose_and_logins_stay(self, redactor: Redactor, line: str, wanted: str) -> None:
        assert redactor.text(line) == wanted

    def test_redacted_json_is_still_json(self, redactor: Redactor) -> None:
        line = '{"phone": 912345678, "password": "a\\"b\\\\", "given": ["An"], "family": "X", "n": 1}'
        assert json.loads(redactor.text(line)) == {
            "phone": "[phone]",
            "password": "[password]",
            "given": ["[name]"],
            "family": "[name]",
            "n": 1,
        }

    def test_an_unfinished_string_is_redacted_to_its_end(self, redactor: Redactor) -> None:
        assert "Nguyen" not in redactor.text('{"patientName":"Tran Nguyen')
        assert "hunter" not in redactor.text('password="hunter 2')

    def test_line_ends_stay(self, redactor: Redactor) -> None:
        assert redactor.text("a\r\npassword=x1y2\r\n\n") == "a\r\npassword=[password]\r\n\n"

    def test_a_card_with_a_wrong_check_digit_stays(self, redactor: Redactor) -> None:
        assert redactor.text("got 4111111111111112") == "got 4111111111111112"

    def test_a_card_after_another_group_of_digits(self, redactor: Redactor) -> None:
        assert redactor.text("5000 4111 1111 1111 1111") == "5000 [card]"


class TestValue:
    def test_keys_decide_about_strings_numbers_and_lists(self, redactor: Redactor) -> None:
        value = {
            "patient_name": "an",
            "phones": ["x"],
            "phone": 912345678,
            "password": "p",
            "cvv": 123,
            "replicas": 3,
            "order_id": 4111111111111111,
            "number": None,
            "paid": True,
            "anything": 4111111111111111,
        }
        assert redactor.value(value) == {
            "patient_name": "[name]",
            "phones": ["x"],
            "phone": "[phone]",
            "password": "[password]",
            "cvv": "[card-code]",
            "replicas": 3,
            "order_id": 4111111111111111,
            "number": None,
            "paid": True,
            "anything": "[card]",
        }

    def test_a_plain_name_is_a_persons_only_within_a_person(self, redactor: Redactor) -> None:
        value = {"patient": {"name": "An", "ids": [1]}, "deployment": {"name": "consumer-order"}}
        assert redactor.value(value) == {
            "patient": {"name": "[name]", "ids": [1]},
            "deployment": {"name": "consumer-order"},
        }

    def test_fhir_says_by_its_neighbours_what_a_key_means(self, redactor: Redactor) -> None:
        patient = {
            "resourceType": "Patient",
            "id": "p-1",
            "name": [{"text": "Nguyen Van An"}],
            "telecom": [{"system": "phone", "value": "0912345", "use": "mobile"}],
            "identifier": [{"system": "http://h.example/mrn", "value": "A-1"}],
            "link": [{"other": {"reference": "Patient/p-2", "display": "Tran Thi Binh"}}],
        }
        assert redactor.value(patient) == {
            "resourceType": "Patient",
            "id": "p-1",
            "name": [{"text": "[name]"}],
            "telecom": [{"system": "phone", "value": "[phone]", "use": "mobile"}],
            "identifier": [{"system": "http://h.example/mrn", "value": "[record-number]"}],
            "link": [{"other": {"reference": "Patient/p-2", "display": "[name]"}}],
        }

    def test_a_number_within_a_card_is_the_cards(self, redactor: Redactor) -> None:
        value = {
            "card": {"number": "4111111111111111", "last4": "1111"},
            "order": {"number": "4111111111111111"},
        }
        assert redactor.value(value) == {
            "card": {"number": "[card]", "last4": "1111"},
            "order": {"number": "4111111111111111"},
        }

    def test_a_containers_environment(self, redactor: Redactor) -> None:
        env = [{"name": "PGPASSWORD", "value": "elephant7"}, {"name": "PGHOST", "value": "db"}]
        assert redactor.value(env) == [
            {"name": "PGPASSWORD", "value": "[password]"},
            {"name": "PGHOST", "value": "db"},
        ]

    def test_keys_are_redacted_and_none_is_lost(self, redactor: Redactor) -> None:
        value = {"a@example.com": 1, "b@example.com": 2}
        assert list(redactor.value(value).values()) == [1, 2]
        assert "example" not in json.dumps(redactor.value(value))

    def test_an_endless_nest_is_cut(self, redactor: Redactor) -> None:
        nest: list[object] = ["a@example.com"]
        for _ in range(500):
            nest = [nest]
        assert "example" not in json.dumps(redactor.value(nest))

    def test_the_input_is_not_changed(self, redactor: Redactor) -> None:
        value = {"password": "x1", "deep": [{"email": "a@example.com"}]}
        before = json.dumps(value)
        redactor.value(value)
        assert json.dumps(value) == before


class TestOwnPatterns:
    def test_a_match_goes_and_a_group_named_value_goes_alone(self) -> None:
        redactor = Redactor([r"EMP-\d{4}", r"badge (?P<value>\d+)"])
        assert redactor.text("EMP-1234 with badge 77 in") == "[redacted] with badge [redacted] in"

    def test_they_reach_into_values(self) -> None:
        assert Redactor([r"EMP-\d{4}"]).value({"by": ["EMP-1234"]}) == {"by": ["[redacted]"]}

    @pytest.mark.parametrize("pattern", ["(", "a*", ""])
    def test_a_pattern_that_cannot_work_is_refused_by_name(self, pattern: str) -> None:
        with pytest.raises(ConfigurationError) as caught:
            Redactor([pattern])
        assert repr(pattern) in caught.value.subject


class TestKeys:
    @pytest.mark.parametrize(
        ("key", "words"),
        [
            ("patientFirst_Name", ("patient", "first", "name")),
            ("DB_PASSWORD", ("db", "password")),
            ("HTTPToken", ("http", "token")),
            ("Họ và tên", ("ho", "va", "ten")),
            ("số_điện-thoại", ("so", "dien", "thoai")),
            ("x-api-key", ("x", "api", "key")),
        ],
    )
    def test_words(self, key: str, words: tuple[str, ...]) -> None:
        assert words_of(key) == words

    @pytest.mark.parametrize(
        "key",
        [
            "name",
            "pod_name",
            "queueName",
            "secretName",
            "tokenType",
            "max_tokens",
            "routing_key",
            "address",
            "id",
        ],
    )
    def test_keys_of_the_platform_say_nothing(self, key: str) -> None:
        assert category_of(key) is None

    def test_the_longest_ending_decides(self) -> None:
        assert category_of("card_security_code") is Category.CARD_CODE
        assert category_of("guardian.first_name") is Category.NAME
        assert is_person("order.patient")


class TestCards:
    @pytest.mark.parametrize("digits", ["4111111111111111", "378282246310005", "6011111111111117"])
    def test_published_test_numbers(self, digits: str) -> None:
        assert luhn(digits)
        assert looks_like_card(digits)

    @given(st.from_regex(r"4[0-9]{14}", fullmatch=True), st.integers(0, 9))
    def test_one_digit_in_ten_completes_a_number(self, start: str, digit: int) -> None:
        valid = [each for each in "0123456789" if luhn(start + each)]
        assert len(valid) == 1
        assert luhn(start + str(digit)) == (str(digit) in valid)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_redacted_once_and_for_all(text: str) -> None:
    redactor = Redactor()
    once = redactor.text(text)
    assert redactor.text(once) == once
    assert once.count("\n") == text.count("\n")


KEYED = st.lists(
    st.sampled_from(
        [
            *(
                '"',
                "'",
                "\\",
                '\\"',
                "=",
                ":",
                " ",
                ",",
                "{",
                "}",
                "[",
                "]",
                "\n",
                "--",
                "@",
                "<",
                ">",
                "</",
                "|",
            ),
            *(
                "patient",
                "name",
                "patientName",
                "password",
                "phone",
                "dob",
                "value",
                "cookie",
                "authorization",
            ),
            *(
                "An",
                "Nguyen",
                "0912345678",
                "4111111111111111",
                "a@example.com",
                "1980-01-02",
                "bearer",
                "[name]",
            ),
            *(
                "family",
                "given",
                "email",
                "-----BEGIN PRIVATE KEY-----",
                "-----END PRIVATE KEY-----",
                "hunter2",
            ),
        ]
    ),
    max_size=25,
).map("".join)


@settings(max_examples=600, deadline=None)
@given(KEYED)
def test_any_mixture_of_keys_quotes_and_values_is_stable(text: str) -> None:
    redactor = Redactor()
    once = redactor.text(text)
    assert redactor.text(once) == once
    assert "a@example.com" not in once


HOSTILE = {
    "one letter": "a",
    "digits": "1",
    "card groups": "4111 ",
    "mailboxes": "a.@",
    "domains": "@a.",
    "jwt starts": "eyJ",
    "keys": "password=",
    "quotes": '"password":"',
    "escapes": '\\"password\\":\\"a',
    "backslashes": "\\",
    "open objects": "patient:{",
    "open tags": "<patientName>",
    "urls": "://a:",
    "headers": "authorization: ",
    "cuts": "a;",
    "phrases": "patient name: ",
    "hl7": "PID|1|",
    "hl7 names": "12^Ab^Cd",
    "fhir systems": '"system":"phone","value":"',
    "fhir names": '"resourceType":"Patient","name":[{"text":"',
    "fhir queries": "/Patient?name=",
    "rows": "[phone],Ab Cd,",
    "spoken": "password a1#",
    "people": "patient Ab Cd ",
    "ibans": "DE89 3704 ",
    "one-time codes": "otp code ",
    "ssh": "sshpass -p",
}


@pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_line_of_a_megabyte_ends(piece: str, redactor: Redactor) -> None:
    """A rule that looked at every pair of places in the line would not return within any patience."""
    line = f"password={piece * (1_000_000 // len(piece))}"
    assert re.search(r"\[|\S", redactor.text(line))


def test_what_must_stay_is_not_touched_by_accident_of_digits(redactor: Redactor) -> None:
    """UUIDs, trace ids and digests made of decimal digits only."""
    line = "41111111-1111-1111-4111-111111111111 trace=41111111111111114111111111111111 sha256:" + "4" * 64
    assert redactor.text(line) == line
