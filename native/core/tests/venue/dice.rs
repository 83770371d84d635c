//! Chance that repeats itself.

/// A seeded source of numbers (splitmix64): the same run every time.
pub struct Dice(pub u64);

impl Dice {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }
    pub fn code(&mut self, first: u8, count: usize) -> u8 {
        first + u8::try_from(self.below(count)).unwrap()
    }
    /// One of these.
    pub fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
    /// Whether one throw in `many` hits.
    pub fn hits(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }
}
