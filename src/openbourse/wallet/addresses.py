"""Addresses outside the venue: their forms and checksums, so that a slip of the hand costs nothing.

A coin that the venue lists by itself has the forms of its networks; of any other coin nothing is known, and any ordinary text is taken.
"""

import hashlib
import re
from collections.abc import Callable
from typing import Final

ORDINARY: Final = re.compile(r"[A-Za-z0-9:._\-]{4,128}", re.ASCII)

_BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BASE58_TEXT: Final = re.compile(f"[{_BASE58}]{{25,36}}", re.ASCII)
_BASE58_BYTES: Final = 25
_BITCOIN_VERSIONS: Final = (0x00, 0x05)
_TRON_VERSIONS: Final = (0x41,)

_BECH32: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BECH32_TEXT: Final = re.compile(f"bc1[{_BECH32}]{{11,87}}", re.ASCII)
_BECH32_GENERATOR: Final = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_BECH32_CHECK: Final = 1
_BECH32M_CHECK: Final = 0x2BC830A3

_HEXADECIMAL: Final = re.compile(r"0x[0-9a-fA-F]{40}", re.ASCII)
_WORD: Final = (1 << 64) - 1
_KECCAK_RATE: Final = 136


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
    if _BASE58_TEXT.fullmatch(address) is None:
        return False
    number = 0
    for character in address:
        number = number * 58 + _BASE58.index(character)
    zeros = len(address) - len(address.lstrip("1"))
    if number.bit_length() > 8 * _BASE58_BYTES or zeros + (number.bit_length() + 7) // 8 != _BASE58_BYTES:
        return False
    raw = number.to_bytes(_BASE58_BYTES, "big")
    check = hashlib.sha256(hashlib.sha256(raw[:-4]).digest()).digest()[:4]
    return raw[0] in versions and raw[-4:] == check


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
    padded = bytearray(data + bytes(_KECCAK_RATE - len(data) % _KECCAK_RATE))
    padded[len(data)] ^= 0x01
    padded[-1] ^= 0x80
    state = [[0] * 5 for _ in range(5)]
    for start in range(0, len(padded), _KECCAK_RATE):
        for lane in range(_KECCAK_RATE // 8):
            at = start + 8 * lane
            state[lane % 5][lane // 5] ^= int.from_bytes(padded[at : at + 8], "little")
        state = _keccak_permute(state)
    return b"".join(state[lane][0].to_bytes(8, "little") for lane in range(4))


def _keccak_permute(state: list[list[int]]) -> list[list[int]]:
    register = 1
    for _ in range(24):
        columns = [row[0] ^ row[1] ^ row[2] ^ row[3] ^ row[4] for row in state]
        mixed = [columns[(x + 4) % 5] ^ _rotated(columns[(x + 1) % 5], 1) for x in range(5)]
        state = [[lane ^ mixed[x] for lane in state[x]] for x in range(5)]
        x, y, current = 1, 0, state[1][0]
        for step in range(24):
            x, y = y, (2 * x + 3 * y) % 5
            current, state[x][y] = state[x][y], _rotated(current, (step + 1) * (step + 2) // 2)
        state = [
            [state[x][y] ^ (~state[(x + 1) % 5][y] & _WORD & state[(x + 2) % 5][y]) for y in range(5)] for x in range(5)
        ]
        for bit in range(7):
            register = (register << 1) ^ ((register >> 7) * 0x71) & 0xFF
            register &= 0xFF
            if register & 2:
                state[0][0] ^= 1 << ((1 << bit) - 1)
    return state


def _rotated(word: int, bits: int) -> int:
    bits %= 64
    return (word << bits | word >> (64 - bits)) & _WORD
