"""Which keys announce patient or payment data: ``patientName``, ``DATE_OF_BIRTH``, ``Tên bệnh nhân``,
``db-password``.

A key is read as its words, and the longest known ending decides; so ``guardian.first_name`` is a name while
``pod_name`` and ``queue_name`` are not.
"""

from __future__ import annotations

import re
import unicodedata
from enum import StrEnum
from functools import lru_cache


class Category(StrEnum):
    """What is taken out; the value is the word that is left in its place."""

    NAME = "name"
    EMAIL = "email"
    PHONE = "phone"
    CARD = "card"
    CARD_CODE = "card-code"
    ACCOUNT = "bank-account"
    NATIONAL_ID = "national-id"
    BIRTH_DATE = "birth-date"
    RECORD_NUMBER = "record-number"
    ADDRESS = "address"
    PATIENT = "patient"
    PASSWORD = "password"  # noqa: S105 - a label
    TOKEN = "token"  # noqa: S105 - a label
    PRIVATE_KEY = "private-key"
    OWN = "redacted"

    @property
    def mark(self) -> str:
        """The replacement."""
        return f"[{self.value}]"


SECRETS = frozenset({Category.PASSWORD, Category.TOKEN, Category.PRIVATE_KEY})

_ENDINGS: dict[Category, str] = {
    Category.NAME: """
        first name, last name, middle name, full name, family name, given name, maiden name, sur name,
        surname, firstname, lastname, middlename, fullname, familyname, givenname, patient name, patientname,
        patients name, customer name, customername, guardian name, guardianname, name of guardian,
        name of patient, name of customer, person name, contact name, emergency contact, next of kin,
        cardholder name, cardholder, card holder, card holder name, name on card, holder name,
        account holder, mother name, father name, parent name, spouse name, relative name, child name,
        doctor name, physician name, nurse name, recipient name, receiver name, sender name, buyer name,
        billing name, shipping name, payer name, payee name, beneficiary name, insured name,
        subscriber name, member name, employee name, legal name, ho ten, hoten, ho va ten, hovaten,
        ten benh nhan, tenbenhnhan, ten khach hang, tenkhachhang, ten nguoi giam ho, nguoi giam ho,
        ten chu the, pid 5, pid 6, pid 9, nk 1 2, gt 1 3, in 1 16,
        nama, pid name, nama lengkap, namalengkap, nama pasien, namapasien, nama pelanggan, namapelanggan, nama ibu,
        nama ibu kandung, nama ayah, nama wali, nama dokter, nama pemegang kartu, nama penerima, atas nama,
        penanggung jawab, contact person, patient full name""",
    Category.EMAIL: "email, e mail, mail address, email address, emailaddress, thu dien tu",
    Category.PHONE: """
        phone, mobile, telephone, tel, phone number, phonenumber, phone no, mobile number, mobilenumber,
        mobile no, mobile phone, msisdn, cell, cellphone, cell phone, fax, fax number, contact number, callback number,
        so dien thoai, sdt, dien thoai, dienthoai, sodienthoai, zalo, whatsapp, pid 13, pid 14, nk 1 5,
        hp, no hp, nohp, nomor hp, nomorhp, no telp, notelp, no telepon, nomor telepon, nomortelepon,
        telepon, telp, handphone, no handphone, no wa, nomor wa""",
    Category.CARD: """
        card number, cardnumber, card no, cardno, card num, cc number, ccnumber, cc num, credit card,
        creditcard, credit card number, debit card, debit card number, pan, pan number, primary account number, so the,
        sothe""",
    Category.CARD_CODE: """
        cvv, cvc, cvv2, cvc2, cvv 2, cvc 2, cvn, csc, card security code, card code, card pin, cvvcode,
        cvv code, pin""",
    Category.ACCOUNT: """
        iban, account number, accountnumber, account no, bank account, bankaccount, bank account number,
        bank account no, so tai khoan, sotaikhoan, stk,
        no rekening, nomor rekening, norekening, nomorrekening, va number, virtual account, virtual account
        number""",
    Category.NATIONAL_ID: """
        ssn, social security, social security number, social security no, socialsecuritynumber, cccd,
        so cccd, cmnd, so cmnd, can cuoc, can cuoc cong dan, so can cuoc, national id, nationalid,
        national id number, national identity, national identifier, citizen id, citizenid,
        citizen id number, identity card, identity card number, identity number, identitynumber, id card,
        idcard, id card number, personal id, personal id number, personal identification number, passport,
        passport number, passportnumber, passport no, nric, aadhaar, aadhaar no, aadhaar number,
        aadhaarnumber, aadhar, aadhar number, abha, abha number, nhs number, nhs no, nhsnumber, medicare,
        medicare number, medicarenumber, npi, tax id, taxid, taxpayer id, tin, ma so thue, mst, pid 19,
        bhyt, so bhyt,
        health insurance number, insurance number, insurance no, insurance id, insurance card, driver license,
        driver licence, drivers license, driver license number, ho chieu, so ho chieu,
        nik, no nik, ktp, no ktp, noktp, nomor ktp, nomor identitas, no identitas, npwp, no npwp, bpjs, no
        bpjs, nobpjs, nomor bpjs, no kartu, nokartu, nomor kartu, nomorkartu, paspor, no paspor, nomor
        paspor, no kk, nomor kk, policy number, policynumber, policy no, insurance member id""",
    Category.BIRTH_DATE: """
        date of birth, dateofbirth, dob, birth date, birthdate, birthday, birth day, birth year,
        year of birth, yob, ngay sinh, ngaysinh, nam sinh, namsinh, pid 7,
        tgl lahir, tgllahir, tanggal lahir, tanggallahir""",
    Category.RECORD_NUMBER: """
        mrn, medical record number, medicalrecordnumber, medical record no, so benh an, pid 2, pid 3, pid 4,
        pid 3 1, pid 18,
        no rm, nomor rm, no rekam medis, nomor rekam medis""",
    Category.ADDRESS: """
        home address, homeaddress, street address, streetaddress, patient address, customer address,
        billing address, billingaddress, shipping address, shippingaddress, delivery address,
        postal address, mailing address, residential address, address line, address line 1,
        address line 2, dia chi, diachi, pid 11, nk 1 4,
        alamat, alamat rumah, alamat pasien, alamat pengiriman""",
    Category.PASSWORD: """
        password, passwd, pwd, passphrase, passcode, mat khau, matkhau, secret,
        client secret, clientsecret, secret key, secretkey, credential, credentials, userpassword,
        dbpassword, pgpassword, password hash,
        passwordhash,
        kata sandi, katasandi, requirepass""",
    Category.TOKEN: """
        token, access token, accesstoken, refresh token, refreshtoken, auth token, authtoken, id token,
        session token, api key, apikey, x api key, xapikey, access key, accesskey, access key id,
        account key, accountkey, shared access key, sharedaccesskey, signing key, encryption key,
        authorization, proxy authorization, cookie, cookies, set cookie, session cookie, otp, one time password,
        webhook secret, sig, signature, jwt,
        server key, serverkey, app key, appkey, license key, signature key, dockerconfigjson""",
    Category.PRIVATE_KEY: "private key, privatekey, ssh key, client key data, client key",
}

# Within an object under one of these keys, a plain ``name`` is a person's.
_PERSONS = """
    patient, guardian, customer, cardholder, card holder, subscriber, insured, beneficiary, person,
    next of kin, emergency contact, contact person, doctor, physician, recipient, buyer, payer, payee,
    relative, mother, father, spouse, applicant, benh nhan, khach hang, nguoi giam ho, patients, customers,
    guardians, pasien, pelanggan, wali, dokter, peserta"""
_IN_PERSON: dict[str, Category] = {
    "name": Category.NAME,
    "names": Category.NAME,
    "first": Category.NAME,
    "last": Category.NAME,
    "middle": Category.NAME,
    "given": Category.NAME,
    "family": Category.NAME,
    "ten": Category.NAME,
    "address": Category.ADDRESS,
    "street": Category.ADDRESS,
    "born": Category.BIRTH_DATE,
    "number": Category.PHONE,
}

# "CCCD no." and the like: the word before says it.
_NUMBER_WORDS = frozenset({"no", "nr", "num", "number", "so"})
_NUMBERED = frozenset({Category.NATIONAL_ID, Category.RECORD_NUMBER, Category.ACCOUNT})

# Within an object under one of these keys, a ``number`` is a card's; and an id number alone is a person's.
_CARDS = frozenset({"card", "cards", "creditcard", "debitcard"})
_IN_CARD = {"number": Category.CARD, "num": Category.CARD, "no": Category.CARD, "holder": Category.NAME}
_WHOLE = dict.fromkeys((("id", "number"), ("id", "no"), ("idnumber",)), Category.NATIONAL_ID)

# A number under one of these is an identifier or a measure, also where it happens to look like a card or a
# phone.
_IDENTIFIERS = frozenset(
    """id ids uid uuid guid ref reference trace span request correlation sequence seq offset timestamp ts time
    epoch version generation revision digest sha sha256 hash checksum nonce port count total size bytes length
    duration elapsed latency ms us ns tag number no num code key index partition pid tid order orders invoice
    batch job message event session sku barcode sample specimen accession amount price value_ms image commit
    build cursor resourceversion orderid traceid spanid requestid
    limit max min avg sum used usage free capacity bucket quantity qty delivery
    channel""".split()  # noqa: SIM905 - a word list
)

# ``SMTP_PASS`` holds a password, ``tests_pass`` a count.
_PASS_OF = frozenset(
    """db user smtp mail default admin root redis rabbitmq mq amqp sftp ftp http proxy ldap keystore
    truststore mysql postgres pg api basic auth app service svc login pos""".split()  # noqa: SIM905 - a word list
)

_WORD = re.compile(r"[A-Z]{2,}(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
_LONGEST = 5


def _table() -> dict[tuple[str, ...], Category]:
    return {
        tuple(phrase.split()): category
        for category, phrases in _ENDINGS.items()
        for phrase in " ".join(phrases.split()).split(", ")
    }


_BY_ENDING = _table()
_PERSON_ENDINGS = frozenset(tuple(phrase.split()) for phrase in " ".join(_PERSONS.split()).split(", "))
_LAST_WORDS = frozenset(ending[-1] for ending in _BY_ENDING if len(ending) > 1)


@lru_cache(maxsize=4096)
def words_of(key: str) -> tuple[str, ...]:
    """The key's words, lower case and without accents: ``patientFirst_Name`` is patient, first, name."""
    if not key.isascii():
        decomposed = unicodedata.normalize("NFD", key.replace("đ", "d").replace("Đ", "D"))
        key = "".join(each for each in decomposed if not unicodedata.combining(each))
    return tuple(word.lower() for word in _WORD.findall(key))


@lru_cache(maxsize=4096)
def category_of(key: str, *, in_person: bool = False, in_card: bool = False) -> Category | None:
    """What a value under this key is, or None; ``in_person``: the key lies in an object that is about a
    person, ``in_card``: about a card."""
    words = words_of(key)
    if words in _WHOLE:
        return _WHOLE[words]
    if in_card and len(words) == 1 and words[0] in _IN_CARD:
        return _IN_CARD[words[0]]
    for length in range(min(_LONGEST, len(words)), 0, -1):
        found = _BY_ENDING.get(words[-length:])
        if found is not None:
            return found
    if len(words) > 1 and words[-1] in _NUMBER_WORDS:
        found = _BY_ENDING.get(words[-2:-1])
        if found in _NUMBERED:
            return found
    if words[-1:] == ("pass",) and (len(words) == 1 or words[-2] in _PASS_OF):
        return Category.PASSWORD
    if in_person and words:
        return _IN_PERSON.get(words[-1]) if len(words) == 1 else None
    return None


@lru_cache(maxsize=4096)
def is_person(key: str) -> bool:
    """Whether an object under this key is about a person."""
    words = words_of(key)
    return any(words[-length:] in _PERSON_ENDINGS for length in (1, 2, 3) if length <= len(words))


@lru_cache(maxsize=4096)
def is_card(key: str) -> bool:
    """Whether an object under this key is about a card."""
    return words_of(key)[-1:] != () and words_of(key)[-1] in _CARDS


@lru_cache(maxsize=4096)
def is_identifier(key: str) -> bool:
    """Whether a number under this key is an identifier or a measure."""
    words = words_of(key)
    return bool(words) and words[-1] in _IDENTIFIERS


@lru_cache(maxsize=4096)
def may_end_phrase(key: str) -> bool:
    """Whether the words before this one in a sentence matter: ``name`` in "Patient name: …"."""
    words = words_of(key)
    return bool(words) and (words[-1] in _LAST_WORDS or words[-1] in _NUMBER_WORDS)


def has_digit(text: str) -> bool:
    """Whether any character is a digit, also one of another script; most text is plain, and asked for each word."""
    return _DIGIT.search(text) is not None or (not text.isascii() and any(each.isdigit() for each in text))


_DIGIT = re.compile(r"[0-9]")
