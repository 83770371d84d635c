//! Looking ahead in a batch: what the next commands will need of the memory is asked for while others run.
//!
//! Where a command's account, orders and levels lie is found in steps, each from what the one before brought in, some
//! commands apart so that it has arrived. What is found may be out of date when the command runs: these are hints, and
//! nothing that is decided depends on them.
//!
//! Looking costs instructions, so it is left out while all accounts and orders fit a processor's caches, and where
//! few commands come together.

use openbourse_book as ladder;

use crate::commands::{CANCEL_ORDER, CANCEL_REPLACE, Header, PLACE_ORDER, split_frame};
use crate::engine::Engine;
use crate::listings::Listing;
use crate::open::{NIL, of_account, text_hash};
use crate::words::Side;

const AMEND_ORDER: u16 = 18;

/// How many commands before its turn each step is taken for a command; the first splits its frame off.
const DISTANCES: [usize; 5] = [24, 18, 12, 7, 3];
/// More than the first distance, so that no command's notes are overwritten before its turn.
const RING: usize = 32;

/// From how many bytes of frames on it pays to look ahead: about as many commands as the steps take.
const BYTES_MIN: usize = 2_048;
/// From how many accounts and open orders on: together some megabytes.
const STATE_MIN: usize = 10_000;

/// A frame's header and body; `None` when it is no frame.
pub type Frame<'a> = Option<(Header, &'a [u8])>;

/// Where the command in hand likely finds its account and the open order that it names.
#[derive(Clone, Copy)]
pub struct Hint {
    pub account_slot: u32,
    pub order: u32,
}

impl Hint {
    pub const NONE: Self = Self { account_slot: NIL, order: NIL };
}

/// What an order command names, as far as it is readable, and what has been found out about it.
#[derive(Clone, Copy)]
struct Glance<'a> {
    frame: Frame<'a>,
    account: u64,
    /// The order that it looks for by id, or 0.
    order: u64,
    /// The hash of the client id that it looks for, or 0.
    client_hash: u64,
    /// The hash of its new order's client id.
    new_hash: u64,
    price: i64,
    /// Of the new order, if one would begin.
    side: Option<Side>,
    /// Where its instrument's listing is; [`NIL`]: nothing is looked for.
    listing: u32,
    hint: Hint,
    /// Where the order that it looks for stands.
    place: Option<ladder::Slot>,
    /// The level that its new order would join, or else the order that it would trade with.
    level: Option<ladder::LevelId>,
    maker: u32,
}

/// The commands of a batch, one after the other.
pub struct Ahead<'a> {
    rest: &'a [u8],
    glances: [Glance<'a>; RING],
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

impl<'a> Glance<'a> {
    const NOTHING: Self = Self {
        frame: None,
        account: 0,
        order: 0,
        client_hash: 0,
        new_hash: 0,
        price: 0,
        side: None,
        listing: NIL,
        hint: Hint::NONE,
        place: None,
        level: None,
        maker: NIL,
    };

    /// Look at a command without decoding it.
    #[inline(always)]
    fn look(&mut self, kind: u16, body: &[u8]) -> Option<u32> {
        match kind {
            PLACE_ORDER => self.look_at_order(body),
            CANCEL_ORDER | AMEND_ORDER => {
                self.account = u64::from_le_bytes(number(body, 0)?);
                self.order = u64::from_le_bytes(number(body, 12)?);
                self.client_hash = text_hash(text(body, if kind == CANCEL_ORDER { 21 } else { 28 })?);
                Some(u32::from_le_bytes(number(body, 8)?))
            }
            CANCEL_REPLACE => {
                self.order = u64::from_le_bytes(number(body, 1)?);
                let client_id = text(body, 10)?;
                self.client_hash = text_hash(client_id);
                let after = 11 + client_id.len();
                self.look_at_order(body.get(after + 1 + usize::from(*body.get(after)?)..)?)
            }
            _ => None,
        }
    }

    #[inline(always)]
    fn look_at_order(&mut self, body: &[u8]) -> Option<u32> {
        let fixed = body.first_chunk::<61>()?;
        self.account = u64::from_le_bytes(number(fixed, 0)?);
        self.side = Side::from_code(fixed[12]);
        self.price = i64::from_le_bytes(number(fixed, 17)?);
        self.new_hash = text_hash(text(body, 61)?);
        Some(u32::from_le_bytes(number(fixed, 8)?))
    }
}

impl<'a> Ahead<'a> {
    /// Look ahead in a batch, if it pays.
    #[inline]
    pub fn new(frames: &'a [u8], engine: &Engine) -> Option<Self> {
        let pays = frames.len() >= BYTES_MIN && engine.accounts.len() + engine.accounts.open_orders() >= STATE_MIN;
        if pays { Some(Self { rest: frames, glances: [Glance::NOTHING; RING], split: 0, begun: 0 }) } else { None }
    }

    /// The next command's frame, and where it likely finds what it names.
    #[inline(always)]
    pub fn next(&mut self, engine: &Engine) -> Option<(Frame<'a>, Hint)> {
        while self.split <= self.begun + DISTANCES[0] && !self.rest.is_empty() {
            self.split_one(engine);
        }
        if self.begun == self.split {
            return None;
        }
        if self.begun == 0 {
            self.begin(engine);
        }
        self.step::<1>(self.begun + DISTANCES[1], engine);
        self.step::<2>(self.begun + DISTANCES[2], engine);
        self.step::<3>(self.begun + DISTANCES[3], engine);
        self.step::<4>(self.begun + DISTANCES[4], engine);
        let glance = &self.glances[self.begun % RING];
        self.begun += 1;
        Some((glance.frame, glance.hint))
    }

    #[inline(always)]
    fn split_one(&mut self, engine: &Engine) {
        let glance = &mut self.glances[self.split % RING];
        *glance = Glance::NOTHING;
        glance.frame = split_frame(&mut self.rest);
        self.split += 1;
        let Some((header, body)) = glance.frame else { return };
        if let Some(instrument) = glance.look(header.kind, body)
            && let Some(listing) = engine.listings.prefetch(instrument)
        {
            glance.listing = listing;
            engine.accounts.prefetch_slot(glance.account);
        }
    }

    /// Take every step for the first commands.
    #[cold]
    fn begin(&mut self, engine: &Engine) {
        (0..DISTANCES[1]).for_each(|number| self.step::<1>(number, engine));
        (0..DISTANCES[2]).for_each(|number| self.step::<2>(number, engine));
        (0..DISTANCES[3]).for_each(|number| self.step::<3>(number, engine));
        (0..DISTANCES[4]).for_each(|number| self.step::<4>(number, engine));
    }

    #[inline(always)]
    fn step<const STEP: usize>(&mut self, number: usize, engine: &Engine) {
        if number >= self.split {
            return;
        }
        let glance = &mut self.glances[number % RING];
        let Some(listing) = engine.listings.at(glance.listing) else { return };
        match STEP {
            1 => glance.find_account(listing, engine),
            2 => glance.find_orders(listing),
            3 => glance.find_places(listing),
            _ => glance.find_neighbours(listing, engine),
        }
    }
}

impl Glance<'_> {
    #[inline]
    fn find_account(&mut self, listing: &Listing, engine: &Engine) {
        let Some(slot) = engine.accounts.prefetch_account(self.account) else {
            self.listing = NIL;
            return;
        };
        self.hint.account_slot = slot;
        listing.open.prefetch_owner_cell(slot);
        if self.order != 0 {
            listing.open.prefetch_id(self.order);
        } else if self.client_hash != 0 {
            self.client_hash = of_account(slot, self.client_hash);
            listing.open.prefetch_client_cell(self.client_hash);
        }
        if self.side.is_some() {
            listing.open.prefetch_client_cell(of_account(slot, self.new_hash));
        }
    }

    #[inline]
    fn find_orders(&mut self, listing: &Listing) {
        let (open, book) = (&listing.open, &listing.book);
        open.prefetch_owner(self.hint.account_slot);
        if self.order != 0 {
            self.hint.order = open.prefetch_named(self.order).unwrap_or(NIL);
        } else if self.client_hash != 0 {
            self.hint.order = open.prefetch_order(self.client_hash).unwrap_or(NIL);
        }
        if let Some(side) = self.side {
            if book.would_trade(side, self.price) {
                book.prefetch_best(side.opposite());
            } else {
                self.level = book.prefetch_level(side, self.price);
            }
        }
    }

    #[inline]
    fn find_places(&mut self, listing: &Listing) {
        let (open, book) = (&listing.open, &listing.book);
        if self.hint.order != NIL {
            self.place = open.place_hint(self.hint.order);
            if let Some(place) = self.place {
                book.prefetch(place);
            }
        }
        if self.level.is_none()
            && let Some(side) = self.side
            && book.would_trade(side, self.price)
            && let Some(maker) = book.best(side.opposite())
        {
            self.maker = maker;
            open.prefetch_slot(maker);
        }
    }

    #[inline]
    fn find_neighbours(&mut self, listing: &Listing, engine: &Engine) {
        if let Some(place) = self.place {
            listing.book.prefetch_near(place);
        }
        if let Some(level) = self.level {
            listing.book.prefetch_tail(level);
        }
        if self.maker != NIL {
            listing.open.prefetch_ways_to(self.maker, |account_slot| engine.accounts.prefetch_at(account_slot));
        }
    }
}
