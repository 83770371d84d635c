//! The hashes by which open orders are found: of accounts, and of client ids of accounts.
//!
//! They live in memory only; a snapshot has none of them.

use crate::codec::ClientId;

/// By what a client id of an account is found: the half of its hash that tables look at.
#[inline]
pub fn client_key(account_slot: u32, client_id: &ClientId) -> u32 {
    key_of(of_account(account_slot, text_hash(client_id.as_bytes())))
}

#[inline]
pub fn key_of(hash: u64) -> u32 {
    (hash >> 32) as u32
}

#[inline]
pub fn hash_of(client_key: u32) -> u64 {
    u64::from(client_key) << 32
}

/// Odd numbers without a pattern.
const SALTS: [u64; 4] = [0x9E37_79B9_7F4A_7C15, 0xBF58_476D_1CE4_E5B9, 0x94D0_49BB_1331_11EB, 0xA076_1D64_78BD_642F];

/// Both halves of a product: every bit of either number changes about half of its bits.
#[inline(always)]
fn folded(one: u64, other: u64) -> u64 {
    let product = u128::from(one) * u128::from(other);
    (product >> 64) as u64 ^ product as u64
}

#[inline(always)]
fn folded_words(text: &[u8; 16], salts: [u64; 2]) -> u64 {
    let words = u128::from_le_bytes(*text);
    folded(words as u64 ^ salts[0], (words >> 64) as u64 ^ salts[1])
}

/// The hash of a client id of an account, from that of the text.
#[inline]
pub fn of_account(account_slot: u32, hash: u64) -> u64 {
    folded(hash ^ u64::from(account_slot) << 32, SALTS[2])
}

/// The hash of a text; 0 of an empty one.
#[inline]
pub fn text_hash(text: &[u8]) -> u64 {
    // Nearly all texts are of 16 to 32 characters: two looks, which may overlap, take in one of them.
    let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) else {
        return short_hash(text);
    };
    let ends = folded_words(first, [SALTS[0], SALTS[1]]) ^ folded_words(last, [SALTS[2], SALTS[3]]);
    let middle = if text.len() <= 32 { 0 } else { middle_hash(text) };
    ends ^ middle ^ text.len() as u64
}

/// The hash of what a text has between its first and its last 16 characters.
#[inline(never)]
fn middle_hash(text: &[u8]) -> u64 {
    text[16..].as_chunks().0.iter().fold(0, |hash, part| folded_words(part, [hash ^ SALTS[3], SALTS[0]]))
}

#[inline(never)]
fn short_hash(text: &[u8]) -> u64 {
    let mut whole = [0; 16];
    whole[..text.len()].copy_from_slice(text);
    if text.is_empty() { 0 } else { folded_words(&whole, [SALTS[1], SALTS[0]]) }
}

#[inline]
pub fn account_hash(account_slot: u32) -> u64 {
    folded(u64::from(account_slot) ^ SALTS[1], SALTS[0])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn texts_that_differ_anywhere_have_other_hashes() {
        let mut seen = BTreeSet::from([text_hash(&[])]);
        assert_eq!(text_hash(&[]), 0);
        for length in 1..=36 {
            let text: Vec<u8> = (b'0'..).take(length).collect();
            assert!(seen.insert(text_hash(&text)), "{length}");
            for place in 0..length {
                let mut other = text.clone();
                other[place] += 1;
                assert!(seen.insert(text_hash(&other)), "{place} of {length}");
            }
        }
    }

    #[test]
    fn the_keys_of_accounts_that_follow_each_other_are_spread() {
        let keys: BTreeSet<u32> = (0..100_000).map(|slot| key_of(account_hash(slot * 100))).collect();
        assert!(keys.len() > 99_990);
        let homes: BTreeSet<u32> = keys.iter().map(|key| key >> 16).collect();
        assert!(homes.len() > 45_000);
    }
}
