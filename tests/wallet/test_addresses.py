"""Addresses: the published vectors of BIP 173, BIP 350 and EIP-55, and what a slip of the hand makes of them."""

import pytest

from openbourse.wallet.addresses import is_address, keccak256

BITCOIN = (
    "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
    "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2",
    "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy",
    "1111111111111111111114oLvT2",
    "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4",
    "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq",
    "bc1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3qccfmv3",
    "bc1pw508d6qejxtdg4y5r3zarvary0c5xw7kw508d6qejxtdg4y5r3zarvary0c5xw7kt5nd6y",
    "BC1SW50QGDZ25J",
    "bc1zw508d6qejxtdg4y5r3zarvaryvaxxpcs",
    "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
)
NOT_BITCOIN = (
    "zzzzzzzz",
    "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb",
    "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfN",
    "11A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
    "1A1zP1eP5QGefi2DMPTfTL5SLmv7Divf0a",
    "mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn",
    "5HueCGU8rMjxEXxiPuD5BDku4MkFqeZyd4dZ1jvhTVqvbTLvyTJ",
    "1" * 128,
    "----",
    "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx",
    "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdz",
    "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8F3t4",
    "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd",
    "BC1S0XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ54WELL",
    "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kemeawh",
    "bc1p38j9r5y49hruaue7wxjce0updqjuyyx0kh56v8s25huc6995vvpql3jow4",
    "BC130XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ7ZWS8R",
    "bc1pw5dgrnzv",
    "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7v8n0nx0muaewav253zgeav",
    "BC1QR508D6QEJXTDG4Y5R3ZARVARYV98GJ9P",
    "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7v07qwwzcrf",
    "bc1gmk9yu",
)
ETHEREUM = (
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
    "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
    "0x52908400098527886E0F7030069857D2E4169EE7",
    "0xde709f2102306220921060314715629080e2fb77",
)
NOT_ETHEREUM = (
    "zzzzzzzz",
    "0x5aaeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD",
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAe",
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed0",
    "5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "0X5aaeb6053f3e94c9b9a09f33669435e7ef1beaed",
    "0x5gaeb6053f3e94c9b9a09f33669435e7ef1beaed",
)
TRON = "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"


@pytest.mark.parametrize("address", BITCOIN)
def test_bitcoins_addresses_are_taken(address: str) -> None:
    assert is_address("BTC", address)
    assert not is_address("ETH", address)


@pytest.mark.parametrize("address", NOT_BITCOIN)
def test_what_bitcoin_cannot_pay_to_is_refused(address: str) -> None:
    assert not is_address("BTC", address)


@pytest.mark.parametrize("address", ETHEREUM)
def test_ethereums_addresses_are_taken(address: str) -> None:
    assert all(is_address(coin, address) for coin in ("ETH", "BNB", "USDT"))
    assert not is_address("BTC", address)


@pytest.mark.parametrize("address", NOT_ETHEREUM)
def test_what_ethereum_cannot_pay_to_is_refused(address: str) -> None:
    assert not any(is_address(coin, address) for coin in ("ETH", "BNB", "USDT"))


def test_tether_is_on_tron_too() -> None:
    assert is_address("USDT", TRON)
    assert not is_address("USDT", TRON[:-1] + "u")
    assert not is_address("ETH", TRON)


@pytest.mark.parametrize(("address", "is_taken"), [("DE89-3704-0044", True), ("abc", False), ("two words", False)])
def test_of_other_coins_nothing_is_known(address: str, is_taken: bool) -> None:
    assert is_address("EUR", address) is is_taken


@pytest.mark.parametrize(
    ("data", "digest"),
    [
        (b"", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"),
        (b"abc", "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"),
    ],
)
def test_keccak_is_that_of_ethereum(data: bytes, digest: str) -> None:
    assert keccak256(data).hex() == digest
