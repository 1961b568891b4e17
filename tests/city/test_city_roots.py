"""The root ceremony: who must sign, what travels, and what no partner would follow."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from pathlib import Path

import msgspec
import pytest
from city_desk import NOW_S, found
from city_partner import DAY_S, Partner, no_passphrase
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ardente._ed25519 import verify
from ardente.core import cose, encode, reasons
from ardente.core.errors import TrustError
from ardente.core.root import ROLE_BUNDLE, ROLE_ROOT
from ardente.core.trust import open_root
from ardente.issuing import SigningKey
from ardente_tools.city import _keys
from ardente_tools.city._errors import CeremonyError, CityError, PublishError
from ardente_tools.city._folder import City, Config, Lists
from ardente_tools.city._founding import FirstPassphrases, found_city
from ardente_tools.city._keys import BUNDLE, CARD, FIRMWARE, ROOT, PublicKey
from ardente_tools.city._publish import publish
from ardente_tools.city._roots import (
    Proposal,
    Signature,
    assemble,
    describe,
    propose,
    read_document,
    sign,
    warning,
    write_document,
)

CONFIG = Config("liege", "Liège", Lists("https://liege.example/status", entries=1024, decoys_per_day=4))


@dataclasses.dataclass
class Ceremony:
    """A city without a root, and key holders on machines of their own."""

    city: City
    holders: list[SigningKey]
    firmware: SigningKey

    def publics(self, count: int = 3) -> list[PublicKey]:
        roots = [PublicKey(ROOT, key.public_key) for key in self.holders[:count]]
        return [*roots, PublicKey(FIRMWARE, self.firmware.public_key)]

    def proposal(self) -> Proposal:
        return propose(self.city, self.publics(), {}, NOW_S)

    def first_root(self) -> Path:
        proposal = self.proposal()
        return assemble(self.city, proposal, [sign(proposal, key) for key in self.holders[:2]])


@pytest.fixture
def ceremony(tmp_path: Path) -> Ceremony:
    city = found_city(tmp_path / "city", CONFIG, FirstPassphrases(None, None), NOW_S)
    return Ceremony(city, [SigningKey(bytes([number]) * 32) for number in range(1, 7)], SigningKey(bytes([9]) * 32))


def test_two_of_three_make_the_first_root_and_partners_follow_it(ceremony: Ceremony) -> None:
    path = ceremony.first_root()
    assert path.name == "1.cbor"
    root = open_root(path.read_bytes(), verify).root
    assert root.roles[ROLE_ROOT].threshold == 2
    assert sorted(key.public_key for key in ceremony.holders[:3]) == root.roles[ROLE_ROOT].keys
    assert [key.public_key for key in ceremony.city.public_keys(BUNDLE)] == root.roles[ROLE_BUNDLE].keys
    publish(ceremony.city, no_passphrase, NOW_S)
    assert Partner(ceremony.city).install(NOW_S).manifest.version == 1


def test_one_signature_or_one_key_twice_is_too_few(ceremony: Ceremony) -> None:
    proposal = ceremony.proposal()
    signature = sign(proposal, ceremony.holders[0])
    with pytest.raises(CeremonyError, match=r"2 root keys of the proposed root must sign, and 1 did\."):
        assemble(ceremony.city, proposal, [signature, signature])
    with pytest.raises(CeremonyError, match="and 0 did"):
        assemble(ceremony.city, proposal, [])
    assert ceremony.city.roots() == []


def test_a_key_without_a_say_does_not_sign(ceremony: Ceremony) -> None:
    for key in (ceremony.holders[3], ceremony.firmware):
        with pytest.raises(CeremonyError, match="neither of the proposed root nor of the one before"):
            sign(ceremony.proposal(), key)


def test_a_signature_on_another_proposal_is_refused(ceremony: Ceremony) -> None:
    proposal = ceremony.proposal()
    later = propose(ceremony.city, ceremony.publics(), {}, NOW_S + 1)
    with pytest.raises(CeremonyError, match="on another proposal"):
        assemble(ceremony.city, proposal, [sign(proposal, ceremony.holders[0]), sign(later, ceremony.holders[1])])


def test_a_strangers_signature_does_not_count(ceremony: Ceremony) -> None:
    proposal, stranger = ceremony.proposal(), ceremony.holders[4]
    message = cose.sign_message(encode.sign_body(cose.TYP_ROOT), stranger.key_id, proposal.payload)
    digest = hashlib.sha256(proposal.payload).digest()
    forged = Signature(digest, stranger.public_key, stranger.sign(message))
    with pytest.raises(CeremonyError, match="and 1 did"):
        assemble(ceremony.city, proposal, [sign(proposal, ceremony.holders[0]), forged])


def test_a_damaged_signature_is_named_by_its_key(ceremony: Ceremony) -> None:
    proposal = ceremony.proposal()
    good = sign(proposal, ceremony.holders[0])
    damaged = msgspec.structs.replace(good, signature=bytes(64))
    with pytest.raises(CeremonyError, match=ceremony.holders[0].key_id.hex()):
        assemble(ceremony.city, proposal, [damaged, sign(proposal, ceremony.holders[1])])


def rotate(ceremony: Ceremony, new: list[SigningKey]) -> Proposal:
    ceremony.first_root()
    return propose(ceremony.city, [PublicKey(ROOT, key.public_key) for key in new], {}, NOW_S + DAY_S)


def test_old_and_new_root_keys_sign_a_rotation_and_partners_walk_the_chain(ceremony: Ceremony) -> None:
    old, new = ceremony.holders[:3], ceremony.holders[3:]
    proposal = rotate(ceremony, new)
    partner = Partner(ceremony.city)
    assemble(ceremony.city, proposal, [sign(proposal, key) for key in (*old[1:], *new[:2])])
    publish(ceremony.city, no_passphrase, NOW_S + DAY_S)
    assert partner.install(NOW_S + DAY_S).installed.root.version == 2


@pytest.mark.parametrize(
    ("signers", "whose"),
    [([3, 4, 5], "root 1"), ([0, 1, 2], "the proposed root"), ([0, 3, 4], "root 1"), ([0, 1, 3], "the proposed root")],
)
def test_a_rotation_needs_both_thresholds(ceremony: Ceremony, signers: list[int], whose: str) -> None:
    proposal = rotate(ceremony, ceremony.holders[3:])
    with pytest.raises(CeremonyError, match=f"keys of {whose} must sign"):
        assemble(ceremony.city, proposal, [sign(proposal, ceremony.holders[number]) for number in signers])
    assert len(ceremony.city.roots()) == 1


def test_a_key_in_both_roots_counts_for_both(ceremony: Ceremony) -> None:
    proposal = rotate(ceremony, [*ceremony.holders[1:3], ceremony.holders[5]])
    assemble(ceremony.city, proposal, [sign(proposal, key) for key in ceremony.holders[1:3]])
    assert len(ceremony.city.roots()) == 2


def test_without_keys_a_root_is_only_prolonged(ceremony: Ceremony) -> None:
    before = open_root(ceremony.first_root().read_bytes(), verify).root
    renewed = propose(ceremony.city, [], {}, NOW_S + DAY_S).root
    assert renewed.version == 2
    assert renewed.exp == before.exp + DAY_S
    assert {n: (r.threshold, r.keys) for n, r in renewed.roles.items()} == {
        n: (r.threshold, r.keys) for n, r in before.roles.items()
    }


def test_a_proposal_that_was_overtaken_is_refused(ceremony: Ceremony) -> None:
    late = ceremony.proposal()
    ceremony.first_root()
    with pytest.raises(CeremonyError, match="propose again"):
        assemble(ceremony.city, late, [sign(late, key) for key in ceremony.holders[:2]])
    renewal = propose(ceremony.city, [], {}, NOW_S + 1)
    other = propose(ceremony.city, [], {}, NOW_S + 2)
    assemble(ceremony.city, renewal, [sign(renewal, key) for key in ceremony.holders[:2]])
    with pytest.raises(CeremonyError, match="this city's newest is 2; propose again"):
        assemble(ceremony.city, other, [sign(other, key) for key in ceremony.holders[:2]])
    assert len(ceremony.city.roots()) == 2


def test_another_citys_proposal_is_refused(ceremony: Ceremony, tmp_path: Path) -> None:
    config = msgspec.structs.replace(CONFIG, id="namur")
    namur = found_city(tmp_path / "namur", config, FirstPassphrases(None, None), NOW_S)
    proposal = propose(namur, ceremony.publics(), {}, NOW_S)
    with pytest.raises(CeremonyError, match="for namur, and this is liege"):
        assemble(ceremony.city, proposal, [sign(proposal, key) for key in ceremony.holders[:2]])


@pytest.mark.parametrize(
    ("count", "thresholds", "said"),
    [
        (3, {}, None),
        (2, {}, "With 2 of 2, one lost key ends the city's root"),
        (2, {"root": 1}, "With 1 of 2, one stolen key"),
        (1, {"root": 1}, "With 1 of 1, one lost key ends the city's root, .*; one stolen key"),
    ],
)
def test_fewer_than_three_root_keys_are_warned_of(
    ceremony: Ceremony, count: int, thresholds: dict[str, int], said: str | None
) -> None:
    sentence = warning(propose(ceremony.city, ceremony.publics(count), thresholds, NOW_S))
    assert re.search(said, sentence) if said else sentence == ""


def test_the_threshold_is_a_majority_and_one_key_alone_must_be_asked_for(ceremony: Ceremony) -> None:
    def threshold(count: int, **thresholds: int) -> int:
        return propose(ceremony.city, ceremony.publics(count), thresholds, NOW_S).root.roles[ROLE_ROOT].threshold

    assert [threshold(count) for count in (2, 3, 4, 5)] == [2, 2, 3, 3]
    assert threshold(3, root=3) == 3
    assert threshold(1, root=1) == 1
    with pytest.raises(CeremonyError, match="One root key alone"):
        threshold(1)
    with pytest.raises(CeremonyError, match="The proposal is no root"):
        threshold(3, root=4)


def test_a_first_root_without_firmware_key_or_with_a_card_key_is_refused(ceremony: Ceremony) -> None:
    with pytest.raises(CeremonyError, match="needs a firmware key"):
        propose(ceremony.city, ceremony.publics()[:3], {}, NOW_S)
    card = ceremony.city.public_keys(CARD)
    with pytest.raises(CeremonyError, match="A root has no card keys"):
        propose(ceremony.city, [*ceremony.publics(), *card], {}, NOW_S)


def test_one_key_has_one_role(ceremony: Ceremony) -> None:
    doubled = PublicKey(FIRMWARE, ceremony.holders[0].public_key)
    with pytest.raises(CeremonyError, match="two roles"):
        propose(ceremony.city, [*ceremony.publics()[:3], doubled], {}, NOW_S)


def test_what_is_signed_is_said_in_plain_words(ceremony: Ceremony) -> None:
    proposal = rotate(ceremony, ceremony.holders[1:4])
    text = "\n".join(describe(proposal))
    ids = [key.key_id.hex() for key in ceremony.holders]
    assert "Root 2 of liege, from 2026-11-24 to 2028-11-23." in text
    assert "root: 2 of 3 keys must sign" in text
    assert f"{ids[0]}  leaves" in text
    assert f"{ids[3]}  new" in text
    assert f"{ids[1]}\n" in text


def test_a_bundle_key_that_is_replaced_no_longer_publishes(ceremony: Ceremony) -> None:
    ceremony.first_root()
    city = ceremony.city
    publish(city, no_passphrase, NOW_S)
    partner = Partner(city)
    partner.install(NOW_S)
    stolen = city.public_keys(BUNDLE)[0]
    new = _keys.create_key_in(city.keys_path, BUNDLE, None)
    proposal = propose(city, [new], {}, NOW_S + DAY_S)
    assemble(city, proposal, [sign(proposal, key) for key in ceremony.holders[:2]])
    publish(city, no_passphrase, NOW_S + DAY_S)
    assert partner.install(NOW_S + DAY_S).recovered
    city.remove_key(new)
    assert city.has_key(stolen)
    with pytest.raises(PublishError, match="asks for 1 of its bundle keys"):
        publish(city, no_passphrase, NOW_S + 2 * DAY_S)


def test_a_chain_with_a_gap_or_a_foreign_file_is_said(ceremony: Ceremony) -> None:
    first = ceremony.first_root()
    (first.parent / "3.cbor").write_bytes(first.read_bytes())
    with pytest.raises(CityError, match=r"lacks 2\.cbor"):
        ceremony.city.roots()
    (first.parent / "3.cbor").unlink()
    first.write_bytes(b"noise")
    with pytest.raises(CityError, match=r"1\.cbor is no root"):
        publish(ceremony.city, no_passphrase, NOW_S)


def test_a_root_that_was_swapped_on_the_disk_is_not_published(tmp_path: Path) -> None:
    city, other = found(tmp_path / "city", 1024), found(tmp_path / "other", 1024)
    publish(city, no_passphrase, NOW_S)
    (city.roots_path / "1.cbor").write_bytes((other.roots_path / "1.cbor").read_bytes())
    with pytest.raises(PublishError, match="asks for 1 of its bundle keys"):
        publish(city, no_passphrase, NOW_S + DAY_S)


def test_documents_travel_as_files_and_a_wrong_one_is_named(ceremony: Ceremony, tmp_path: Path) -> None:
    proposal = ceremony.proposal()
    signature = sign(proposal, ceremony.holders[0])
    write_document(tmp_path / "root.proposal", proposal)
    write_document(tmp_path / "ann.signature", signature)
    assert read_document(tmp_path / "root.proposal", Proposal) == proposal
    assert read_document(tmp_path / "ann.signature", Signature) == signature
    with pytest.raises(CeremonyError, match=r"ann\.signature is no proposal of a root"):
        read_document(tmp_path / "ann.signature", Proposal)
    with pytest.raises(CeremonyError, match=r"root\.proposal is no signature on a root"):
        read_document(tmp_path / "root.proposal", Signature)
    with pytest.raises(CeremonyError, match="cannot be read"):
        read_document(tmp_path / "none", Signature)
    with pytest.raises(CeremonyError, match="exists already"):
        write_document(tmp_path / "root.proposal", proposal)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(payload=st.binary(max_size=300), previous=st.binary(max_size=60))
def test_no_proposal_of_noise_is_signed(ceremony: Ceremony, payload: bytes, previous: bytes) -> None:
    for proposal in (Proposal(payload, previous), Proposal(ceremony.proposal().payload, previous or b"x")):
        with pytest.raises(CityError):
            sign(proposal, ceremony.holders[0])
        with pytest.raises(CityError):
            describe(proposal)


def test_a_partner_who_skipped_nothing_refuses_a_chain_cut_short(ceremony: Ceremony) -> None:
    proposal = rotate(ceremony, ceremony.holders[:3])
    publish(ceremony.city, no_passphrase, NOW_S)
    old = ceremony.city.bundle_path.read_bytes()
    assemble(ceremony.city, proposal, [sign(proposal, key) for key in ceremony.holders[:2]])
    publish(ceremony.city, no_passphrase, NOW_S + DAY_S)
    partner = Partner(ceremony.city)
    partner.install(NOW_S + DAY_S)
    ceremony.city.bundle_path.write_bytes(old)
    with pytest.raises(TrustError) as refused:
        partner.install(NOW_S + DAY_S)
    assert refused.value.reason == reasons.OLDER_ROOT
