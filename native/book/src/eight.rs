//! Eight numbers compared at once.

/// How many words hold the eight numbers, the lower half of a word first.
const WORDS: usize = 4;

/// The places of those of eight numbers that equal one, as bits.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
#[allow(unsafe_code)]
#[must_use]
pub fn equal_among(words: &[u64; WORDS], number: u32) -> u32 {
    // SAFETY: these only compute, on values; the SSE2 that they need is part of every x86_64.
    unsafe {
        use std::arch::x86_64::{_mm_castsi128_ps, _mm_cmpeq_epi32, _mm_movemask_ps, _mm_set_epi64x, _mm_set1_epi32};
        let wanted = _mm_set1_epi32(number.cast_signed());
        let low = _mm_set_epi64x(words[1].cast_signed(), words[0].cast_signed());
        let high = _mm_set_epi64x(words[3].cast_signed(), words[2].cast_signed());
        let low = _mm_movemask_ps(_mm_castsi128_ps(_mm_cmpeq_epi32(low, wanted)));
        let high = _mm_movemask_ps(_mm_castsi128_ps(_mm_cmpeq_epi32(high, wanted)));
        (low | high << WORDS).cast_unsigned()
    }
}

/// The places of those of eight numbers that equal one, as bits.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
#[must_use]
pub fn equal_among(words: &[u64; WORDS], number: u32) -> u32 {
    plain(words, number)
}

#[cfg(any(test, not(target_arch = "x86_64")))]
fn plain(words: &[u64; WORDS], number: u32) -> u32 {
    let is_equal = |place: usize| (words[place / 2] >> (place % 2 * 32)) as u32 == number;
    (0..2 * WORDS).fold(0, |places, place| places | u32::from(is_equal(place)) << place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_numbers_are_found_where_they_are() {
        let numbers = [0, 1, 7, u32::MAX, 1 << 31];
        for step in 0..1_000_u64 {
            let draw = |place: u64| numbers[(step * (place + 3) / 5 + place * place) as usize % numbers.len()];
            let words = [0, 2, 4, 6].map(|place| u64::from(draw(place)) | u64::from(draw(place + 1)) << 32);
            for number in numbers {
                assert_eq!(equal_among(&words, number), plain(&words, number));
                let places = (0..8).filter(|place| draw(*place) == number).fold(0, |places, place| places | 1 << place);
                assert_eq!(plain(&words, number), places);
            }
        }
    }
}
