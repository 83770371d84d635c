"""Addresses outside the venue: their forms and checksums, so that a slip of the hand costs nothing.

A coin that the venue lists by itself has the forms of its networks; of any other coin nothing is known, and any ordinary text is taken.
Bech32 is written out here: of the packages for it `bech32` knows no bech32m, and `bech32m` builds on `ByteString`, which Python gives up.
"""

import re
from collections.abc import Callable
from typing import Final

import base58
from Crypto.Hash import keccak

ORDINARY: Final = re.compile(r"[A-Za-z0-9:._\-]{4,128}", re.ASCII)

_BASE58_LENGTH_MAX: Final = 36
_BASE58_BYTES: Final = 21
"""The version and the hash; four of its checksum follow them."""
_BITCOIN_VERSIONS: Final = (0x00, 0x05)
_TRON_VERSIONS: Final = (0x41,)

_BECH32: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BECH32_TEXT: Final = re.compile(f"bc1[{_BECH32}]{{11,87}}", re.ASCII)
_BECH32_GENERATOR: Final = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_BECH32_CHECK: Final = 1
_BECH32M_CHECK: Final = 0x2BC830A3

_HEXADECIMAL: Final = re.compile(r"0x[0-9a-fA-F]{40}", re.ASCII)


def is_address(coin: str, address: str) -> bool:
    """Tell whether a text can be an address of a coin."""
    forms = _FORMS.get(coin)
    return ORDINARY.fullmatch(address) is not None and (forms is None or any(form(address) for form in forms))


def is_bitcoin(address: str) -> bool:
    """Tell whether it is an address of Bitcoin's main network: base58check, bech32 or bech32m."""
    return _is_base58check(address, _BITCOIN_VERSIONS) or _is_segwit(address)


def is_ethereum(address: str) -> bool:
    """Tell whether it is 0x and 40 hexadecimal digits; in mixed case they carry EIP-55's checksum."""
    if _HEXADECIMAL.fullmatch(address) is None:
        return False
    digits = address[2:]
    if digits in (digits.lower(), digits.upper()):
        return True
    digest = keccak256(digits.lower().encode()).hex()
    return all(
        not digit.isalpha() or digit.isupper() == (int(check, 16) >= 8)
        for digit, check in zip(digits, digest, strict=False)
    )


def is_tron(address: str) -> bool:
    """Tell whether it is an address of Tron: base58check that begins with T."""
    return _is_base58check(address, _TRON_VERSIONS)


_FORMS: Final[dict[str, tuple[Callable[[str], bool], ...]]] = {
    "BTC": (is_bitcoin,),
    "ETH": (is_ethereum,),
    "BNB": (is_ethereum,),
    "USDT": (is_ethereum, is_tron),
}


def _is_base58check(address: str, versions: tuple[int, ...]) -> bool:
    # Decoding takes time that grows with the square of the length.
    if len(address) > _BASE58_LENGTH_MAX:
        return False
    try:
        raw = base58.b58decode_check(address)
    except ValueError:
        return False
    return len(raw) == _BASE58_BYTES and raw[0] in versions


def _is_segwit(address: str) -> bool:
    """Tell by BIP 173 and BIP 350: one case, checksum of the witness's version, a program of 2 to 40 bytes."""
    if len(address) > 90 or address not in (address.lower(), address.upper()):
        return False
    text = address.lower()
    if _BECH32_TEXT.fullmatch(text) is None:
        return False
    values = [_BECH32.index(character) for character in text[3:]]
    version, program = values[0], values[1:-6]
    check = _bech32_check([3, 3, 0, 2, 3, *values])  # "bc", high and low bits apart
    if version > 16 or check != (_BECH32M_CHECK if version else _BECH32_CHECK):
        return False
    size, left = divmod(len(program) * 5, 8)
    if left > 4 or (program and program[-1] & ((1 << left) - 1)):
        return False
    return size in (20, 32) if version == 0 else 2 <= size <= 40


def _bech32_check(values: list[int]) -> int:
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_BECH32_GENERATOR):
            if top >> bit & 1:
                check ^= generator
    return check


def keccak256(data: bytes) -> bytes:
    """Return Keccak-256 as Ethereum uses it: SHA-3 before its padding was changed, which hashlib does not have."""
    return keccak.new(digest_bits=256, data=data).digest()
