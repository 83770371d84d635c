//! The closed sets of the protocol: sides, types, statuses and reject reasons, with their codes.

macro_rules! codes {
    ($(#[$note:meta])* $name:ident: $repr:ty { $($variant:ident = $code:literal),+ $(,)? }) => {
        $(#[$note])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr($repr)]
        pub enum $name { $($variant = $code),+ }

        impl $name {
            #[inline]
            #[allow(dead_code)]
            pub fn from_code(code: $repr) -> Option<Self> {
                match code {
                    $($code => Some(Self::$variant),)+
                    _ => None,
                }
            }

            #[inline]
            #[allow(dead_code)]
            pub fn code(self) -> $repr {
                self as $repr
            }
        }
    };
}

codes!(Side: u8 { Buy = 1, Sell = 2 });

impl Side {
    #[inline]
    pub fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }
}

codes!(OrderType: u8 {
    Limit = 1, Market = 2, LimitMaker = 3, StopLoss = 4, StopLossLimit = 5, TakeProfit = 6, TakeProfitLimit = 7,
});

impl OrderType {
    /// Whether it waits for a trigger before it works.
    #[inline]
    pub fn is_stop(self) -> bool {
        self >= Self::StopLoss
    }

    /// Whether it works as MARKET; every other type works at a limit price.
    #[inline]
    pub fn is_market(self) -> bool {
        matches!(self, Self::Market | Self::StopLoss | Self::TakeProfit)
    }

    /// Whether a stop type fires at prices from its stop price upwards; it fires downwards else.
    pub fn is_rising(self, side: Side) -> bool {
        let is_stop_loss = matches!(self, Self::StopLoss | Self::StopLossLimit);
        is_stop_loss == (side == Side::Buy)
    }
}

codes!(TimeInForce: u8 { GoodTillCanceled = 1, ImmediateOrCancel = 2, FillOrKill = 3 });

codes!(
    /// Self-trade prevention: what happens when an order meets one of its own account or group.
    Prevention: u8 { None = 0, ExpireMaker = 1, ExpireTaker = 2, ExpireBoth = 3, Decrement = 4, Transfer = 5 }
);

codes!(InstrumentStatus: u8 { Trading = 1, Halt = 2, Break = 3, CancelOnly = 4, Auction = 5 });

codes!(Restriction: u8 { None = 0, OnlyNew = 1, OnlyPartiallyFilled = 2 });

codes!(ReplaceMode: u8 { StopOnFailure = 1, AllowFailure = 2 });

codes!(OrderStatus: u8 {
    New = 1, PartiallyFilled = 2, Filled = 3, Canceled = 4, Expired = 5, ExpiredInMatch = 6, PendingNew = 7,
});

codes!(ExecutionKind: u8 {
    New = 1, Canceled = 2, Trade = 3, Expired = 4, TradePrevention = 5, Triggered = 6, Replaced = 7,
});

codes!(Expiry: u8 {
    None = 0, UnfilledIoc = 1, UnfilledFok = 2, InsufficientLiquidity = 3, Rejected = 4, ExchangeCanceled = 5,
    OcoTrigger = 6, OtoPhaseOneExpired = 7, PriceRangeExceeded = 8, GoodTill = 9,
});

codes!(
    /// Which side's level a pegged order takes its price from.
    PegType: u8 { Primary = 1, Market = 2 }
);

codes!(ListForm: u8 { Oco = 1, Oto = 2, Otoco = 3, Opo = 4, Opoco = 5 });

impl ListForm {
    pub fn legs(self) -> usize {
        if matches!(self, Self::Otoco | Self::Opoco) { 3 } else { 2 }
    }

    /// Where its OCO pair begins, if it has one.
    pub fn pair_at(self) -> Option<usize> {
        match self {
            Self::Oco => Some(0),
            Self::Otoco | Self::Opoco => Some(1),
            Self::Oto | Self::Opo => None,
        }
    }

    /// Whether its first leg works while the others wait for it to fill.
    pub fn has_working(self) -> bool {
        self != Self::Oco
    }

    /// Whether its pending legs sell what its working leg bought.
    pub fn pays_on(self) -> bool {
        matches!(self, Self::Opo | Self::Opoco)
    }
}

codes!(ListStatus: u8 { ExecStarted = 1, Updated = 2, AllDone = 3 });

codes!(ReplaceResult: u8 { Success = 1, Failure = 2, NotAttempted = 3 });

codes!(EventKind: u16 {
    CommandRejected = 1, CommandDuplicate = 2, AssetCreated = 3, InstrumentDefined = 4, InstrumentStatusChanged = 5,
    AccountDefined = 6, FeeSet = 7, DepositCredited = 8, WithdrawalHeld = 9, WithdrawalSettled = 10,
    WithdrawalReleased = 11, OrderUpdated = 12, Traded = 13, OrderTested = 14, CancelReplaced = 15, LevelChanged = 16,
    BalanceChanged = 17, TimeAdvanced = 18, RulesSet = 19, ListUpdated = 20, InstrumentRulesSet = 21, KillSwitchSet = 22,
    HeartbeatSet = 23, HeartbeatMissed = 24, TierDefined = 25, TierAssigned = 26, DiscountSet = 27,
    DiscountPriceSet = 28, DiscountUsed = 29, VenueRulesSet = 30, AssetLimitSet = 31, AuctionIndicated = 32,
});

codes!(
    /// Why the engine said no (section 4 of both pages).
    Reason: u16 {
        Malformed = 1, IdentityExpired = 2, TooManyInFlight = 3, UnknownAccount = 4, UnknownAsset = 5,
        UnknownInstrument = 6, AlreadyExists = 7, InvalidDefinition = 8, InstrumentHasOrders = 9, InvalidAmount = 10,
        SupplyExceeded = 11, DuplicateDeposit = 12, DuplicateWithdrawal = 13, UnknownWithdrawal = 14,
        AccountMayNotTrade = 15, AccountMayNotWithdraw = 16, AccountMayNotDeposit = 17, InstrumentNotTrading = 18,
        TypeNotSupported = 19, PreventionNotAllowed = 20, InvalidCombination = 21, PriceFilter = 22,
        PercentPriceBySide = 23, LotSize = 24, MarketLotSize = 25, Notional = 26, MaxNumOrders = 27,
        DuplicateClientId = 28, WouldTake = 29, LiquidityTooLow = 30, InsufficientBalance = 31, UnknownOrder = 32,
        ClientIdMismatch = 33, CancelRestricted = 34, UnknownRules = 35, InvalidRate = 36, AccountDisabled = 37,
        IcebergNotSupported = 38, TrailingNotSupported = 39, PegNotSupported = 40, ListNotSupported = 41,
        AmendNotSupported = 42, ReplaceNotSupported = 43, QuoteMarketNotSupported = 44, PhaseType = 45,
        PhaseTimeInForce = 46, PercentPrice = 47, IcebergExceeds = 48, IcebergParts = 49, TrailingDelta = 50,
        MaxAsset = 51, MaxNumAlgoOrders = 52, MaxNumIcebergOrders = 53, ExchangeMaxNumOrders = 54,
        ExchangeMaxNumAlgoOrders = 55, ExchangeMaxNumIcebergOrders = 56, MaxPosition = 57, WouldTrigger = 58,
        PegLiquidity = 59, NoMarketPrice = 60, InvalidList = 61, BadPrices = 62, MaxNumOrderLists = 63,
        ExchangeMaxNumOrderLists = 64, UnknownList = 65, NoChange = 66, AmendIncrease = 67, AmendTooSmall = 68,
        AmendPending = 69, MaxNumOrderAmends = 70, UnknownTier = 71, GoodTillPassed = 72,
    }
);

/// What an account may do; a new account may do all of it.
pub mod permission {
    pub const TRADE: u8 = 1;
    pub const WITHDRAW: u8 = 2;
    pub const DEPOSIT: u8 = 4;
    pub const ALL: u8 = 7;
}

/// What an instrument offers, as bits of its rules image.
pub mod feature {
    pub const ICEBERG: u16 = 1;
    pub const TRAILING: u16 = 2;
    pub const OCO: u16 = 4;
    pub const OTO: u16 = 8;
    pub const OPO: u16 = 16;
    pub const PEG: u16 = 32;
    pub const AMEND: u16 = 64;
    pub const GOOD_TILL: u16 = 128;
    pub const DISCOUNT: u16 = 256;
    pub const NO_CANCEL_REPLACE: u16 = 512;
    pub const NO_QUOTE_MARKET: u16 = 1024;
    pub const ALL: u16 = 2047;
}
