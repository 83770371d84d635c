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

codes!(TimeInForce: u8 { GoodTillCanceled = 1, ImmediateOrCancel = 2, FillOrKill = 3 });

codes!(
    /// Self-trade prevention: what happens when an order meets one of its own account or group.
    Prevention: u8 { None = 0, ExpireMaker = 1, ExpireTaker = 2, ExpireBoth = 3, Decrement = 4 }
);

codes!(InstrumentStatus: u8 { Trading = 1, Halt = 2, Break = 3, CancelOnly = 4 });

codes!(Restriction: u8 { None = 0, OnlyNew = 1, OnlyPartiallyFilled = 2 });

codes!(ReplaceMode: u8 { StopOnFailure = 1, AllowFailure = 2 });

codes!(OrderStatus: u8 { New = 1, PartiallyFilled = 2, Filled = 3, Canceled = 4, Expired = 5, ExpiredInMatch = 6 });

codes!(ExecutionKind: u8 { New = 1, Canceled = 2, Trade = 3, Expired = 4, TradePrevention = 5 });

codes!(Expiry: u8 { None = 0, UnfilledIoc = 1, UnfilledFok = 2, InsufficientLiquidity = 3 });

codes!(ReplaceResult: u8 { Success = 1, Failure = 2, NotAttempted = 3 });

codes!(EventKind: u16 {
    CommandRejected = 1, CommandDuplicate = 2, AssetCreated = 3, InstrumentDefined = 4, InstrumentStatusChanged = 5,
    AccountDefined = 6, FeeSet = 7, DepositCredited = 8, WithdrawalHeld = 9, WithdrawalSettled = 10,
    WithdrawalReleased = 11, OrderUpdated = 12, Traded = 13, OrderTested = 14, CancelReplaced = 15, LevelChanged = 16,
    BalanceChanged = 17, TimeAdvanced = 18, RulesSet = 19,
});

codes!(
    /// Why the engine said no (section 4). The lowest that applies is reported.
    Reason: u16 {
        Malformed = 1, IdentityExpired = 2, TooManyInFlight = 3, UnknownAccount = 4, UnknownAsset = 5,
        UnknownInstrument = 6, AlreadyExists = 7, InvalidDefinition = 8, InstrumentHasOrders = 9, InvalidAmount = 10,
        SupplyExceeded = 11, DuplicateDeposit = 12, DuplicateWithdrawal = 13, UnknownWithdrawal = 14,
        AccountMayNotTrade = 15, AccountMayNotWithdraw = 16, AccountMayNotDeposit = 17, InstrumentNotTrading = 18,
        TypeNotSupported = 19, PreventionNotAllowed = 20, InvalidCombination = 21, PriceFilter = 22,
        PercentPriceBySide = 23, LotSize = 24, MarketLotSize = 25, Notional = 26, MaxNumOrders = 27,
        DuplicateClientId = 28, WouldTake = 29, LiquidityTooLow = 30, InsufficientBalance = 31, UnknownOrder = 32,
        ClientIdMismatch = 33, CancelRestricted = 34, UnknownRules = 35, InvalidRate = 36,
    }
);

/// What an account may do; a new account may do all of it.
pub mod permission {
    pub const TRADE: u8 = 1;
    pub const WITHDRAW: u8 = 2;
    pub const DEPOSIT: u8 = 4;
    pub const ALL: u8 = 7;
}
