//! What the book is told in and answers in.

/// Which way an order trades.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Side {
    /// Bids: the highest price is the best.
    Buy = 0,
    /// Asks: the lowest price is the best.
    Sell = 1,
}

impl Side {
    /// Both sides.
    pub const BOTH: [Side; 2] = [Side::Buy, Side::Sell];

    /// The side that this one trades with.
    #[inline]
    #[must_use]
    pub const fn opposite(self) -> Side {
        match self {
            Side::Buy => Side::Sell,
            Side::Sell => Side::Buy,
        }
    }

    /// What turns a price into its key and back. Keys ascend from the best price on either side, so that the rest of
    /// the book is written once: a flipped sign bit orders signed numbers as unsigned ones, and flipping the other
    /// bits too reverses them.
    const fn mask(self) -> u64 {
        match self {
            Side::Buy => !(1 << 63),
            Side::Sell => 1 << 63,
        }
    }

    /// The key of a price: the better the price, the lower.
    #[inline]
    #[must_use]
    pub const fn key(self, price: i64) -> u64 {
        price.cast_unsigned() ^ self.mask()
    }

    /// The price of a key.
    #[inline]
    #[must_use]
    pub const fn price(self, key: u64) -> i64 {
        (key ^ self.mask()).cast_signed()
    }
}

/// Where an order rests. It stays the same while the order rests, and may be another order's afterwards.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(transparent)]
pub struct Slot(pub(crate) u32);

/// Which level of the book. It stays the same while the level has orders, and may be another level's afterwards.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(transparent)]
pub struct LevelId(pub(crate) u32);

/// No slot, level or branch.
pub(crate) const NIL: u32 = u32::MAX;

/// `at` unless it is [`NIL`].
#[inline]
pub(crate) fn some(at: u32) -> Option<u32> {
    (at != NIL).then_some(at)
}

impl Slot {
    /// The slot of a number that [`Slot::index`] gave.
    #[inline]
    #[must_use]
    pub const fn new(index: u32) -> Self {
        Self(index)
    }

    /// The slot as a number, for arrays beside the book.
    #[inline]
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl Slot {
    /// The slot of a number, for an index that leads into an array of the caller's.
    #[inline]
    #[must_use]
    pub const fn numbered(number: u32) -> Self {
        Self(number)
    }

    /// The slot as a number of 32 bits.
    #[inline]
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }
}

impl LevelId {
    /// The level as a number, for arrays beside the book.
    #[inline]
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A type that holds the sum of a level's quantities.
///
/// Choose [`i128`] when quantities may be anything; [`u64`] when what rests in a level is known to fit.
pub trait Total: Copy + Default + PartialEq + std::fmt::Debug {
    /// Add a quantity, which is never negative.
    fn grow(&mut self, quantity: i64);
    /// Take off a quantity, which is never negative.
    fn shrink(&mut self, quantity: i64);
}

impl Total for i128 {
    #[inline]
    fn grow(&mut self, quantity: i64) {
        *self += i128::from(quantity);
    }

    #[inline]
    fn shrink(&mut self, quantity: i64) {
        *self -= i128::from(quantity);
    }
}

impl Total for u64 {
    #[inline]
    fn grow(&mut self, quantity: i64) {
        *self += quantity.cast_unsigned();
    }

    #[inline]
    fn shrink(&mut self, quantity: i64) {
        *self -= quantity.cast_unsigned();
    }
}
