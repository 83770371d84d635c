//! Looking ahead in a batch: what the next commands will need of the memory is asked for while others run.
//!
//! Where a command's account, orders and levels lie is found in steps, each from what the one before brought in, some
//! commands apart so that it has arrived. What is found may be out of date when the command runs: these are hints, and
//! nothing that is decided depends on them.
//!
//! Looking costs instructions, so it is left out while all accounts and orders fit a processor's caches. Where few
//! commands come together each is looked at by itself, right before its turn: its chains of loads are walked side by side
//! instead of one after the other.

use openbourse_book as ladder;

use crate::book::side_of;
use crate::commands::{CANCEL_ORDER, CANCEL_REPLACE, Header, PLACE_ORDER, split_frame};
use crate::engine::Engine;
use crate::hashes::{of_account, text_hash};
use crate::listings::Listing;
use crate::open::NIL;
use crate::words::Side;

const AMEND_ORDER: u16 = 18;

/// So many commands are looked at together, by one step at a time: what a command runs and all the steps together
/// are more code than a processor's cache for it holds, so a step's code, once there, is used for some commands.
const GROUP: usize = 4;

/// More than the commands that are known at a time, so that no command's notes are overwritten before its turn.
const RING: usize = 32;

/// How far behind a frame that is split off bytes are asked for, and how many: a frame is seldom longer.
const FURTHER: usize = 1_024;
const FURTHER_BYTES: usize = 192;

/// From how many bytes of frames on it pays to look ahead: about as many commands as the steps take. A debug build does so
/// from two commands on, so that tests go every way.
const BYTES_MIN: usize = if cfg!(debug_assertions) { 256 } else { 2_048 };
/// From how many accounts and open orders on: together some megabytes.
const STATE_MIN: usize = 10_000;

/// A frame's header and body; `None` when it is no frame.
pub type Frame<'a> = Option<(Header, &'a [u8])>;

/// Where the command in hand likely finds its account and the open order that it names, and a hash that it needs.
#[derive(Clone, Copy)]
pub struct Hint {
    pub account_slot: u32,
    /// Where the account stands among the instrument's owners.
    pub owner: u32,
    pub order: u32,
    /// The hash of the new order's client id if its account is there; 0: not known.
    pub new_hash: u64,
}

impl Hint {
    pub const NONE: Self = Self { account_slot: NIL, owner: NIL, order: NIL, new_hash: 0 };
}

/// What an order command names, as far as it is readable.
#[derive(Clone, Copy)]
struct Names {
    account: u64,
    instrument: u32,
    /// The order that it looks for by id, or 0.
    order: u64,
    /// The hash of the client id that it looks for, or 0.
    client_hash: u64,
    /// Of the new order, if one would begin.
    side: Option<Side>,
    price: i64,
    /// The hash of the new order's client id.
    new_hash: u64,
}

/// A command, what it names, and what has been found out about that.
#[derive(Clone, Copy)]
struct Glance<'a> {
    frame: Frame<'a>,
    names: Names,
    hint: Hint,
    /// Where its instrument's listing is; [`NIL`]: nothing is looked for.
    listing: u32,
    /// Where the order that it looks for stands, or [`NIL`].
    place: u32,
    /// The way to the level that its new order would join.
    way: ladder::Way,
    /// Where the orders stand that it would trade with, and which they are, each or [`NIL`].
    meets: [u32; 2],
    makers: [u32; 2],
}

/// The commands of a batch, one after the other.
pub struct Ahead<'a> {
    rest: &'a [u8],
    glances: [Glance<'a>; RING],
    /// How many commands have been split off, and how many have had their turn.
    split: usize,
    begun: usize,
}

#[inline(always)]
fn number<const N: usize>(body: &[u8], at: usize) -> Option<[u8; N]> {
    body.get(at..)?.first_chunk().copied()
}

#[inline(always)]
fn text(body: &[u8], at: usize) -> Option<&[u8]> {
    let (length, rest) = body.get(at..)?.split_first()?;
    rest.get(..usize::from(*length))
}

impl Names {
    const NONE: Self = Self { account: 0, instrument: 0, order: 0, client_hash: 0, side: None, price: 0, new_hash: 0 };

    /// Look at a command without decoding it.
    #[inline(always)]
    fn of(kind: u16, body: &[u8]) -> Option<Self> {
        match kind {
            PLACE_ORDER => Self::of_order(body),
            CANCEL_ORDER | AMEND_ORDER => {
                let fixed = body.first_chunk::<20>()?;
                let client_id = text(body, if kind == CANCEL_ORDER { 21 } else { 28 })?;
                Some(Self {
                    account: u64::from_le_bytes(number(fixed, 0)?),
                    instrument: u32::from_le_bytes(number(fixed, 8)?),
                    ..Self::of_old(u64::from_le_bytes(number(fixed, 12)?), client_id)
                })
            }
            CANCEL_REPLACE => {
                let client_id = text(body, 10)?;
                let old = Self::of_old(u64::from_le_bytes(number(body, 1)?), client_id);
                let after = 11 + client_id.len();
                let new = Self::of_order(body.get(after + 1 + usize::from(*body.get(after)?)..)?)?;
                Some(Self { order: old.order, client_hash: old.client_hash, ..new })
            }
            _ => None,
        }
    }

    /// An order that is looked for by its id, or else its client id.
    #[inline(always)]
    fn of_old(order: u64, client_id: &[u8]) -> Self {
        Self { order, client_hash: if order == 0 { text_hash(client_id) } else { 0 }, ..Self::NONE }
    }

    #[inline(always)]
    fn of_order(body: &[u8]) -> Option<Self> {
        let fixed = body.first_chunk::<61>()?;
        Some(Self {
            account: u64::from_le_bytes(number(fixed, 0)?),
            instrument: u32::from_le_bytes(number(fixed, 8)?),
            side: Side::from_code(fixed[12]),
            price: i64::from_le_bytes(number(fixed, 17)?),
            new_hash: text_hash(text(body, 61)?),
            ..Self::NONE
        })
    }
}

impl<'a> Glance<'a> {
    const NOTHING: Self = Self::at(None, Names::NONE);

    #[inline(always)]
    const fn at(frame: Frame<'a>, names: Names) -> Self {
        Self {
            frame,
            names,
            hint: Hint::NONE,
            listing: NIL,
            place: NIL,
            way: ladder::Way::NOWHERE,
            meets: [NIL; 2],
            makers: [NIL; 2],
        }
    }
}

/// Whether accounts and orders are so many that looking for them ahead pays; a debug build always looks.
#[inline]
pub fn pays(engine: &Engine) -> bool {
    cfg!(debug_assertions) || engine.accounts.len() + engine.accounts.open_orders() >= STATE_MIN
}

/// Take every step for a command whose turn is next.
#[inline(never)]
pub fn alone(frame: Frame<'_>, engine: &Engine) -> Hint {
    let names = frame.and_then(|(header, body)| Names::of(header.kind, body));
    let Some(names) = names else { return Hint::NONE };
    let Some(listing) = engine.listings.get(&names.instrument) else { return Hint::NONE };
    let mut glance = Glance::at(None, names);
    glance.find_account(listing, engine);
    if glance.hint.account_slot == NIL {
        return Hint::NONE;
    }
    glance.find_orders(listing);
    glance.find_places(listing);
    glance.find_neighbours(listing, engine);
    glance.hint
}

impl<'a> Ahead<'a> {
    /// Look ahead in a batch, if it is long enough for it.
    #[inline]
    pub fn new(frames: &'a [u8]) -> Option<Self> {
        if frames.len() < BYTES_MIN {
            return None;
        }
        Some(Self { rest: frames, glances: [Glance::NOTHING; RING], split: 0, begun: 0 })
    }

    /// The next command's frame, and where it likely finds what it names; before that, the step that is due.
    #[inline(always)]
    pub fn next(&mut self, engine: &Engine) -> Option<(Frame<'a>, Hint)> {
        if self.begun == 0 {
            self.begin(engine);
        }
        let group = self.begun / GROUP;
        match self.begun % GROUP {
            0 => {
                self.split_group(engine);
                self.step::<4>(group + 1, engine);
            }
            1 => self.step::<1>(group + 4, engine),
            2 => {
                self.step::<2>(group + 3, engine);
                self.step::<5>(group + 1, engine);
            }
            _ => self.step::<3>(group + 2, engine),
        }
        if self.begun == self.split {
            return None;
        }
        let glance = &self.glances[self.begun % RING];
        self.begun += 1;
        Some((glance.frame, glance.hint))
    }

    /// Split off the next group.
    #[inline(never)]
    fn split_group(&mut self, engine: &Engine) {
        for _ in 0..GROUP {
            if self.rest.is_empty() {
                break;
            }
            self.split_one(engine);
        }
    }

    #[inline(always)]
    fn split_one(&mut self, engine: &Engine) {
        let further = self.rest.get(FURTHER..).and_then(<[u8]>::first_chunk::<FURTHER_BYTES>);
        if let Some(further) = further {
            ladder::prefetch_whole(further);
        }
        let frame = split_frame(&mut self.rest);
        let names = frame.and_then(|(header, body)| Names::of(header.kind, body));
        let glance = &mut self.glances[self.split % RING];
        *glance = Glance::at(frame, names.unwrap_or(Names::NONE));
        self.split += 1;
        if let Some(names) = names
            && let Some(place) = engine.listings.place_of(names.instrument)
        {
            glance.listing = place;
            engine.accounts.prefetch_slot(names.account);
        }
    }

    /// Take every step for the first groups that those to come will not be taken for.
    #[cold]
    fn begin(&mut self, engine: &Engine) {
        (0..4).for_each(|_| self.split_group(engine));
        (0..4).for_each(|group| self.step::<1>(group, engine));
        (0..3).for_each(|group| self.step::<2>(group, engine));
        (0..2).for_each(|group| self.step::<3>(group, engine));
        self.step::<4>(0, engine);
        self.step::<5>(0, engine);
    }

    /// Take a step for the commands of a group.
    #[inline(never)]
    fn step<const STEP: usize>(&mut self, group: usize, engine: &Engine) {
        let end = ((group + 1) * GROUP).min(self.split);
        for number in group * GROUP..end {
            let glance = &mut self.glances[number % RING];
            if STEP == 5 && glance.makers[1] == NIL {
                continue;
            }
            let Some(listing) = engine.listings.at(glance.listing) else { continue };
            match STEP {
                1 => glance.find_account(listing, engine),
                2 => glance.find_orders(listing),
                3 => glance.find_places(listing),
                4 => glance.find_neighbours(listing, engine),
                _ => glance.find_rest(listing, engine),
            }
        }
    }
}

impl Glance<'_> {
    #[inline(always)]
    fn find_account(&mut self, listing: &Listing, engine: &Engine) {
        let Some(slot) = engine.accounts.prefetch_account(self.names.account) else {
            self.listing = NIL;
            return;
        };
        let open = &listing.open;
        self.hint.account_slot = slot;
        open.prefetch_owner_cell(slot);
        if self.names.order != 0 {
            open.prefetch_id(self.names.order);
        } else if self.names.client_hash != 0 {
            self.names.client_hash = of_account(slot, self.names.client_hash);
            open.prefetch_client_cell(self.names.client_hash);
        }
        if let Some(side) = self.names.side {
            self.hint.new_hash = of_account(slot, self.names.new_hash);
            open.prefetch_client_cell(self.hint.new_hash);
            self.way = listing.book.ladder.set_out(side_of(side));
        }
    }

    #[inline(always)]
    fn find_orders(&mut self, listing: &Listing) {
        let (open, ladder) = (&listing.open, &listing.book.ladder);
        let Names { order, client_hash, side, price, .. } = self.names;
        self.hint.owner = open.prefetch_owner(self.hint.account_slot);
        if order != 0 {
            self.hint.order = open.prefetch_named(order);
        } else if client_hash != 0 {
            self.hint.order = open.prefetch_order(client_hash);
        }
        let Some(side) = side else { return };
        if listing.book.would_trade(side, price) {
            let place = ladder.best(side_of(side.opposite()));
            self.meets[0] = place.map_or(NIL, ladder::Slot::number);
            ladder.prefetch(ladder::Slot::numbered(self.meets[0]));
        } else {
            self.way = ladder.go_on(self.way, side_of(side), price);
        }
    }

    #[inline(always)]
    fn find_places(&mut self, listing: &Listing) {
        let (open, ladder) = (&listing.open, &listing.book.ladder);
        self.place = open.place_hint(self.hint.order);
        ladder.prefetch(ladder::Slot::numbered(self.place));
        let Some(side) = self.names.side else { return };
        open.prefetch_newest(self.hint.owner);
        if self.meets[0] == NIL {
            self.way = ladder.go_on(self.way, side_of(side), self.names.price);
            return;
        }
        let place = ladder::Slot::numbered(self.meets[0]);
        self.makers[0] = maker_at(listing, place);
        open.prefetch_slot(self.makers[0]);
        if let Some(place) = ladder.behind(place) {
            self.meets[1] = place.number();
            ladder.prefetch(place);
        }
    }

    #[inline(always)]
    fn find_neighbours(&mut self, listing: &Listing, engine: &Engine) {
        let (open, ladder) = (&listing.open, &listing.book.ladder);
        ladder.prefetch_near(ladder::Slot::numbered(self.place));
        if self.names.side.is_none() {
            return;
        }
        if self.place == NIL {
            open.prefetch_room(listing.counters.order + 1);
            ladder.prefetch_room();
        }
        if self.makers[0] == NIL {
            ladder.prefetch_end(self.way);
            return;
        }
        open.prefetch_ways_to(self.makers[0], |account_slot| engine.accounts.prefetch_at(account_slot));
        if self.meets[1] != NIL {
            self.makers[1] = maker_at(listing, ladder::Slot::numbered(self.meets[1]));
            open.prefetch_slot(self.makers[1]);
        }
    }

    #[inline(always)]
    fn find_rest(&mut self, listing: &Listing, engine: &Engine) {
        listing.open.prefetch_ways_to(self.makers[1], |account_slot| engine.accounts.prefetch_at(account_slot));
    }
}

#[inline]
fn maker_at(listing: &Listing, place: ladder::Slot) -> u32 {
    listing.book.ladder.payload_if(place).copied().unwrap_or(NIL)
}
