"""Makes the documents that the other modules read: for the city's tools and the tests; device builds leave it out.

Signatures are made elsewhere: each function returns the bytes, or takes them with the signatures already made.
"""

from . import application, cbor, cose, keys, manifest, root, status, token

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def token_protected(kid: int) -> bytes:
    """Return the protected header of a card or voucher."""
    return cbor.encode({cose.ALG: cose.ED25519, cose.KID: bytes((kid,))})


def card_payload(exp: int, index: int, age_class: int = token.NO_AGE_CLASS, until_year: int = 0) -> bytes:
    """Return the claims of a card. The caller has checked `exp` and age class; `sign1` of nonsense is `not_a_card`."""
    claim = [index]
    if age_class:
        claim.append(age_class)
    if until_year:
        claim.append(until_year)
    return cbor.encode({token.CLAIM_EXP: exp, token.CLAIM_CARD: claim})


def voucher_payload(exp: int, campaign: int, index: int, value: int) -> bytes:
    """Return the claims of a voucher; ``value`` is in cents."""
    return cbor.encode({token.CLAIM_EXP: exp, token.CLAIM_VOUCHER: [campaign, index, value]})


def sign1(protected: bytes, payload: bytes, signature: bytes) -> bytes:
    """Return a COSE_Sign1; the signature is over `cose.sign1_message`."""
    return cose.SIGN1_TAG + cbor.encode([protected, {}, payload, signature])


def sign(typ: str, payload: bytes, signatures: "list[tuple[bytes, bytes]]") -> bytes:
    """Return a COSE_Sign; each (kid, signature) is over `cose.sign_message(sign_body(typ), kid, payload)`."""
    signers = [
        [cbor.encode({cose.ALG: cose.ED25519, cose.KID: kid}), {}, signature] for kid, signature in sorted(signatures)
    ]
    return cose.SIGN_TAG + cbor.encode([sign_body(typ), {}, payload, signers])


def sign_body(typ: str) -> bytes:
    """Return the protected header of a COSE_Sign of the media type ``typ``."""
    return cbor.encode({cose.TYP: typ})


def status_list_protected(kid: bytes) -> bytes:
    """Return the protected header of a status list."""
    return cbor.encode({cose.ALG: cose.ED25519, cose.KID: kid, cose.TYP: status.TYP_STATUS_LIST})


def status_list_payload(uri: str, iat: int, exp: int, ttl_s: int, lst: bytes) -> bytes:
    """Return the claims of a status list; ``lst`` is zlib with a window of at most 4 KB."""
    return cbor.encode(
        {
            status.SUB: uri,
            status.EXP: exp,
            status.IAT: iat,
            status.STATUS_LIST: {"bits": 1, "lst": lst},
            status.TTL: ttl_s,
        }
    )


def root_payload(value: "root.Root") -> bytes:
    """Return the payload of a root."""
    roles = {}
    for number, role in value.roles.items():
        roles[number] = [role.threshold, sorted(role.keys)]
    return cbor.encode(
        {
            root.CITY: value.city,
            root.EXP: value.exp,
            root.IAT: value.iat,
            root.VERSION: value.version,
            root.ROLES: roles,
        }
    )


def manifest_payload(value: "manifest.Manifest") -> bytes:
    """Return the payload of a manifest."""
    return cbor.encode(
        {
            manifest.CITY: value.city,
            manifest.EXP: value.exp,
            manifest.IAT: value.iat,
            manifest.VERSION: value.version,
            manifest.KEYS: key_set(value.keys),
            manifest.CAMPAIGNS: [_campaign(value.campaigns[number]) for number in sorted(value.campaigns)],
            manifest.POLICY: {
                manifest.REFRESH_AFTER: value.refresh_after_s,
                manifest.MAX_GRACE: value.max_grace_s,
            },
            manifest.LISTS: [[entry.uri, entry.length, entry.sha256] for entry in value.lists],
            manifest.ROOT_VERSION: value.root_version,
        }
    )


def application_payload(value: "application.Application") -> bytes:
    """Return the payload of an application manifest."""
    return cbor.encode(
        {
            application.CITY: value.city,
            application.IAT: value.iat,
            application.VERSION: value.version,
            application.BOARD: value.board,
            application.SIZE: value.size,
            application.PARTS: [[part.path, part.length, part.sha256] for part in value.parts],
        }
    )


def key_set(value: "keys.KeySet") -> "list[dict[int, Any]]":
    """Return the COSE_KeySet of a manifest, its keys in order."""
    items = []
    for token_key in value.tokens.values():
        kid = bytes((token_key.kid,))
        item = _key(kid, token_key.public_key, token_key.use)
        item[keys.LATEST_EXP] = token_key.latest_exp
        item[keys.LIST_URI] = token_key.list_uri
        item[keys.ENTRIES] = token_key.entries
        items.append((cbor.encode(kid), item))
    for status_key in value.status:
        item = _key(status_key.kid, status_key.public_key, keys.USE_STATUS)
        item[keys.LIST_URIS] = sorted(status_key.list_uris)
        items.append((cbor.encode(status_key.kid), item))
    return [item for _, item in sorted(items, key=_encoded_kid)]


def _encoded_kid(item: "tuple[bytes, Any]") -> bytes:
    return item[0]


def _key(kid: bytes, public_key: bytes, use: int) -> "dict[int, Any]":
    return {
        keys.KTY: keys.KTY_OKP,
        keys.KID: kid,
        keys.ALG: cose.ED25519,
        keys.CRV: keys.CRV_ED25519,
        keys.X: public_key,
        keys.USE: use,
    }


def _campaign(value: "manifest.Campaign") -> "dict[int, Any]":
    return {
        1: value.campaign,
        2: value.name,
        3: value.currency,
        4: sorted(value.values),
        5: value.start,
        6: value.end,
        7: 1 if value.partial else 0,
        8: value.bearer,
        9: sorted(value.merchants),
        10: list(value.offline),
        11: value.kid,
    }
