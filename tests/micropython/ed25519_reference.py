"""Ed25519 verification in big integers, for tests on any interpreter: plain, slow, easy to compare with RFC 8032.

The acceptance rule is libsodium's: S < L; a public key that is not canonical, not on the curve or of small order is
refused; R of small order is refused; the equation has no cofactor, and R is compared as bytes.
Not for a device and not for secrets: nothing here is constant in time.
"""

import hashlib

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)
BASE_Y = 4 * pow(5, P - 2, P) % P


def verify(public_key, signature, message):
    """Whether `signature` (64 bytes) is one of `message` under `public_key` (32 bytes)."""
    if len(public_key) != 32 or len(signature) != 64:
        return False
    r_bytes = bytes(signature[:32])
    s = _number(signature[32:])
    if s >= L or _has_small_order(r_bytes) or _has_small_order(public_key):
        return False
    a = _decompress(public_key)
    if a is None:
        return False
    k = _number(sha512(r_bytes + bytes(public_key) + bytes(message))) % L
    minus_a = (P - a[0], a[1], 1, (P - a[0]) * a[1] % P)
    return _compress(_add(_multiply(s, BASE), _multiply(k, minus_a))) == r_bytes


def _number(octets):
    return int.from_bytes(bytes(octets), "little")


def _recover_x(y, sign):
    """The x of a point with this y (RFC 8032 §5.1.3), or None where there is none."""
    u = (y * y - 1) % P
    v = (D * y * y + 1) % P
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    if (v * x * x - u) % P != 0:
        x = x * SQRT_M1 % P
        if (v * x * x - u) % P != 0:
            return None
    if x == 0 and sign:
        return None
    return P - x if x & 1 != sign else x


def _decompress(octets):
    number = _number(octets)
    y = number & ((1 << 255) - 1)
    if y >= P:
        return None
    x = _recover_x(y, number >> 255)
    return None if x is None else (x, y)


def _has_small_order(octets):
    """Whether these bytes encode one of the eight points of small order, non-canonical encodings included.

    Like libsodium, by y alone, the sign ignored.
    """
    return _number(octets) & ((1 << 255) - 1) in SMALL_ORDER_Y


# Points are (X, Y, Z, T) with x = X/Z, y = Y/Z, x·y = T/Z; formulas of RFC 8032 §5.1.4.
def _add(p, q):
    a = (p[1] - p[0]) * (q[1] - q[0]) % P
    b = (p[1] + p[0]) * (q[1] + q[0]) % P
    c = 2 * p[3] * q[3] * D % P
    d = 2 * p[2] * q[2] % P
    e = b - a
    f = d - c
    g = d + c
    h = b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def _multiply(scalar, point):
    result = (0, 1, 1, 0)
    while scalar > 0:
        if scalar & 1:
            result = _add(result, point)
        point = _add(point, point)
        scalar >>= 1
    return result


def _compress(point):
    inverse = pow(point[2], P - 2, P)
    x = point[0] * inverse % P
    y = point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _order_eight_y():
    """The two y of the points of order 8: d·y⁴ + 2·y² − 1 = 0, from doubling onto y = 0."""
    root = _square_root((1 + D) % P)
    for candidate in (root, P - root):
        y = _square_root((candidate - 1) * pow(D, P - 2, P) % P)
        if y is not None:
            return y, P - y


def _square_root(number):
    root = pow(number, (P + 3) // 8, P)
    if root * root % P != number:
        root = root * SQRT_M1 % P
    return root if root * root % P == number else None


BASE = (_recover_x(BASE_Y, 0), BASE_Y, 1, _recover_x(BASE_Y, 0) * BASE_Y % P)
# y = 1 and −1 (orders 1 and 2), 0 (order 4), two of order 8; P and P + 1 encode 0 and 1 a second time.
SMALL_ORDER_Y = (0, 1, P - 1, P, P + 1) + _order_eight_y()


def _primes(count):
    found = []
    candidate = 2
    while len(found) < count:
        if all(candidate % prime for prime in found):
            found.append(candidate)
        candidate += 1
    return found


def _integer_root(number, degree):
    low = 0
    high = 1 << 68
    while low < high:
        middle = (low + high + 1) // 2
        if middle**degree <= number:
            low = middle
        else:
            high = middle - 1
    return low


MASK64 = (1 << 64) - 1
# FIPS 180-4 §4.2.3 and §5.3.5: the first 64 bits of the fractional parts of cube and square roots of the primes.
ROUND_CONSTANTS = [_integer_root(prime << 192, 3) & MASK64 for prime in _primes(80)]
INITIAL_STATE = [_integer_root(prime << 128, 2) & MASK64 for prime in _primes(8)]


def _rotate(word, bits):
    return (word >> bits | word << (64 - bits)) & MASK64


def own_sha512(message):
    """SHA-512 (FIPS 180-4 §6.4)."""
    length = len(message)
    padded = bytes(message) + b"\x80" + bytes((111 - length) % 128) + (8 * length).to_bytes(16, "big")
    state = list(INITIAL_STATE)
    for start in range(0, len(padded), 128):
        w = [int.from_bytes(padded[at : at + 8], "big") for at in range(start, start + 128, 8)]
        for t in range(16, 80):
            s0 = _rotate(w[t - 15], 1) ^ _rotate(w[t - 15], 8) ^ w[t - 15] >> 7
            s1 = _rotate(w[t - 2], 19) ^ _rotate(w[t - 2], 61) ^ w[t - 2] >> 6
            w.append((w[t - 16] + s0 + w[t - 7] + s1) & MASK64)
        a, b, c, d, e, f, g, h = state
        for t in range(80):
            s1 = _rotate(e, 14) ^ _rotate(e, 18) ^ _rotate(e, 41)
            t1 = h + s1 + (e & f ^ (e ^ MASK64) & g) + ROUND_CONSTANTS[t] + w[t]
            s0 = _rotate(a, 28) ^ _rotate(a, 34) ^ _rotate(a, 39)
            t2 = s0 + (a & b ^ a & c ^ b & c)
            a, b, c, d, e, f, g, h = (t1 + t2) & MASK64, a, b, c, (d + t1) & MASK64, e, f, g
        state = [(old + new) & MASK64 for old, new in zip(state, (a, b, c, d, e, f, g, h))]
    return b"".join([word.to_bytes(8, "big") for word in state])


def _hashlib_sha512(message):
    return hashlib.sha512(message).digest()


sha512 = _hashlib_sha512 if hasattr(hashlib, "sha512") else own_sha512
