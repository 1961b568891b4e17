"""The closed list of reason codes: stable names, the same on host and device, in logs and over the wire.

A program may compare these; the sentences for people are elsewhere and may change. New reasons are a new version.
"""

# A scan: the answers of a verdict, in the order of the checks.
OK = "ok"
STALE_TRUST = "stale_trust"
NOT_A_CARD = "not_a_card"
NOT_A_VOUCHER = "not_a_voucher"
UNKNOWN_KEY = "unknown_key"
BAD_SIGNATURE = "bad_signature"
EXPIRED = "expired"
REVOKED = "revoked"
ALREADY_USED = "already_used"
DAILY_CAP = "daily_cap"

CARD_REASONS = (
    OK,
    STALE_TRUST,
    NOT_A_CARD,
    UNKNOWN_KEY,
    BAD_SIGNATURE,
    EXPIRED,
    REVOKED,
    ALREADY_USED,
    DAILY_CAP,
)

# A voucher: what its campaign adds, offline.
UNKNOWN_CAMPAIGN = "unknown_campaign"
NOT_YET_VALID = "not_yet_valid"
CAMPAIGN_CLOSED = "campaign_closed"

VOUCHER_REASONS = (
    OK,
    STALE_TRUST,
    NOT_A_VOUCHER,
    UNKNOWN_KEY,
    BAD_SIGNATURE,
    UNKNOWN_CAMPAIGN,
    NOT_YET_VALID,
    CAMPAIGN_CLOSED,
    EXPIRED,
    REVOKED,
    ALREADY_USED,
)

# A redemption: what the ledger adds to the voucher's own reasons.
NOT_ACTIVE = "not_active"
WRONG_MERCHANT = "wrong_merchant"
WRONG_CURRENCY = "wrong_currency"
BAD_AMOUNT = "bad_amount"
AMOUNT_TOO_HIGH = "amount_too_high"
RESERVED = "reserved"
RESERVATION_LAPSED = "reservation_lapsed"
UNKNOWN_REDEMPTION = "unknown_redemption"
NOT_REFUNDABLE = "not_refundable"
KEY_REUSED = "key_reused"
OFFLINE_CAP = "offline_cap"
WINDOW_CLOSED = "window_closed"
DAY_CLOSED = "day_closed"
UNKNOWN_TILL = "unknown_till"
NOT_ALLOWED = "not_allowed"
BAD_REQUEST = "bad_request"
TOO_MANY_TRIES = "too_many_tries"
UNAVAILABLE = "unavailable"

LEDGER_REASONS = (
    NOT_ACTIVE,
    WRONG_MERCHANT,
    WRONG_CURRENCY,
    BAD_AMOUNT,
    AMOUNT_TOO_HIGH,
    RESERVED,
    RESERVATION_LAPSED,
    UNKNOWN_REDEMPTION,
    NOT_REFUNDABLE,
    KEY_REUSED,
    OFFLINE_CAP,
    WINDOW_CLOSED,
    DAY_CLOSED,
    UNKNOWN_TILL,
    NOT_ALLOWED,
    BAD_REQUEST,
    TOO_MANY_TRIES,
    UNAVAILABLE,
)

# A signed document that is offered for installation: why `TrustError` refuses it.
NOT_A_ROOT = "not_a_root"
NOT_A_BUNDLE = "not_a_bundle"
NOT_A_STATUS_LIST = "not_a_status_list"
NOT_AN_APPLICATION = "not_an_application"
TOO_LARGE = "too_large"
WRONG_CITY = "wrong_city"
TEST_CITY = "test_city"
WRONG_FINGERPRINT = "wrong_fingerprint"
TOO_FEW_SIGNATURES = "too_few_signatures"
ROOT_SKIPPED = "root_skipped"
ROOT_EXPIRED = "root_expired"
FROM_THE_FUTURE = "from_the_future"
OLDER_ROOT = "older_root"
OLDER_BUNDLE = "older_bundle"
OLDER_THAN_ROOT = "older_than_root"
LIST_MISSING = "list_missing"
LIST_UNKNOWN = "list_unknown"
LIST_CHANGED = "list_changed"
WRONG_BOARD = "wrong_board"
OLDER_APPLICATION = "older_application"

TRUST_REASONS = (
    NOT_A_ROOT,
    NOT_A_BUNDLE,
    NOT_A_STATUS_LIST,
    NOT_AN_APPLICATION,
    TOO_LARGE,
    WRONG_CITY,
    TEST_CITY,
    WRONG_FINGERPRINT,
    TOO_FEW_SIGNATURES,
    ROOT_SKIPPED,
    ROOT_EXPIRED,
    FROM_THE_FUTURE,
    OLDER_ROOT,
    OLDER_BUNDLE,
    OLDER_THAN_ROOT,
    LIST_MISSING,
    LIST_UNKNOWN,
    LIST_CHANGED,
    WRONG_BOARD,
    OLDER_APPLICATION,
)
