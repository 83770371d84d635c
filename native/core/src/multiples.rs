//! What is on an instrument's grid of prices or quantities, found out without a division.

/// Tells what is a multiple of a number without a division, of which one takes as long as ten other steps.
///
/// Of an odd number `d` the multiples, and only they, times its inverse modulo 2^64 are their quotients, which are at
/// most 2^64 / `d`; factors of two show as bits that turn up at the top.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Multiples {
    inverse: u64,
    twos: u32,
    quotient_max: u64,
}

impl Multiples {
    /// Those of a number; of one that is not positive, all.
    pub fn of(number: i64) -> Self {
        let number = u64::try_from(number).unwrap_or(0);
        let Some(quotient_max) = u64::MAX.checked_div(number) else {
            return Self { inverse: 0, twos: 0, quotient_max: 0 };
        };
        let twos = number.trailing_zeros();
        let odd = number >> twos;
        // Newton: each step doubles how many of the last bits are right, from the three that are so in the beginning.
        let inverse =
            (0..5).fold(odd, |inverse, _| inverse.wrapping_mul(2_u64.wrapping_sub(odd.wrapping_mul(inverse))));
        Self { inverse, twos, quotient_max }
    }

    /// Whether a number that is not negative is one of them.
    #[inline(always)]
    pub fn contain(&self, number: i64) -> bool {
        number.cast_unsigned().wrapping_mul(self.inverse).rotate_right(self.twos) <= self.quotient_max
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn numbers() -> impl Strategy<Value = i64> {
        (1..=i64::MAX, 0..63_u32, 0..63_u32)
            .prop_map(|(number, right, left)| (number >> right << left & i64::MAX).max(1))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn multiples_are_those_that_leave_nothing_over(divisor in numbers(), number in numbers(), near in 0..3_i64) {
            let multiples = Multiples::of(divisor);
            for number in [number, number / divisor * divisor, number.saturating_add(near), 0, divisor, i64::MAX] {
                prop_assert_eq!(multiples.contain(number), number % divisor == 0, "{} of {}", number, divisor);
            }
        }
    }

    #[test]
    fn small_and_decimal_numbers_have_their_multiples() {
        for divisor in (1..200).chain((0..18).map(|power| 10_i64.pow(power))) {
            let multiples = Multiples::of(divisor);
            for number in (0..1_000).chain((0..1_000).map(|times| i64::MAX / 1_000 * times)) {
                assert_eq!(multiples.contain(number), number % divisor == 0, "{number} of {divisor}");
            }
        }
        assert!(Multiples::of(0).contain(7) && Multiples::of(-3).contain(7));
    }
}
