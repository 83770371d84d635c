//! Looking ahead in a batch: what the next commands will need of the memory is asked for while others run.
//!
//! Where a command's account, orders and levels lie is found in steps, each from what the one before brought in, some
//! commands apart so that it has arrived. What is found may be out of date when the command runs: these are hints, and
//! nothing that is decided depends on them.

use openbourse_book as ladder;

use crate::commands::{Header, split_frame};
use crate::engine::Engine;
use crate::open::{of_account, text_hash};
use crate::words::Side;

const PLACE_ORDER: u16 = 12;
const CANCEL_ORDER: u16 = 13;
const CANCEL_REPLACE: u16 = 15;
const AMEND_ORDER: u16 = 18;

/// How many commands before its turn each step is taken for a command; the first splits its frame off.
const DISTANCES: [usize; 5] = [24, 18, 12, 7, 3];
/// More than the first distance, so that no command's notes are overwritten before its turn.
const RING: usize = 32;

/// A frame's header and body; `None` when it is no frame.
pub type Frame<'a> = Option<(Header, &'a [u8])>;

/// What an order command names, as far as it is readable.
#[derive(Clone, Copy)]
struct Sight {
    account: u64,
    instrument: u32,
    /// The order that it looks for by id, or 0.
    order: u64,
    /// The hash of the client id that it looks for.
    client_hash: u64,
    begins: Option<Beginning>,
}

/// An order that would begin.
#[derive(Clone, Copy)]
struct Beginning {
    side: Side,
    price: i64,
    client_hash: u64,
}

/// What has been found out about a command.
#[derive(Clone, Copy)]
struct Glance<'a> {
    frame: Frame<'a>,
    sight: Option<Sight>,
    account_slot: Option<u32>,
    /// The open order that it looks for, and where that stands.
    order: Option<u32>,
    place: Option<ladder::Slot>,
    /// The level that its new order would join, or else the order that it would trade with.
    level: Option<ladder::LevelId>,
    maker: Option<u32>,
}

impl<'a> Glance<'a> {
    const fn new(frame: Frame<'a>, sight: Option<Sight>) -> Self {
        Self { frame, sight, account_slot: None, order: None, place: None, level: None, maker: None }
    }
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

impl Sight {
    /// Look at a command without decoding it.
    #[inline]
    fn of(kind: u16, body: &[u8]) -> Option<Self> {
        match kind {
            PLACE_ORDER => Self::of_order(body, 0, 0),
            CANCEL_ORDER | AMEND_ORDER => Some(Self {
                account: u64::from_le_bytes(number(body, 0)?),
                instrument: u32::from_le_bytes(number(body, 8)?),
                order: u64::from_le_bytes(number(body, 12)?),
                client_hash: text_hash(text(body, if kind == CANCEL_ORDER { 21 } else { 28 })?),
                begins: None,
            }),
            CANCEL_REPLACE => {
                let client_id = text(body, 10)?;
                let after = 11 + client_id.len();
                let order = body.get(after + 1 + usize::from(*body.get(after)?)..)?;
                Self::of_order(order, u64::from_le_bytes(number(body, 1)?), text_hash(client_id))
            }
            _ => None,
        }
    }

    #[inline]
    fn of_order(body: &[u8], order: u64, client_hash: u64) -> Option<Self> {
        let begins = Beginning {
            side: Side::from_code(*body.get(12)?)?,
            price: i64::from_le_bytes(number(body, 17)?),
            client_hash: text_hash(text(body, 61)?),
        };
        Some(Self {
            account: u64::from_le_bytes(number(body, 0)?),
            instrument: u32::from_le_bytes(number(body, 8)?),
            order,
            client_hash,
            begins: Some(begins),
        })
    }
}

impl<'a> Ahead<'a> {
    pub fn new(frames: &'a [u8]) -> Self {
        Self { rest: frames, glances: [Glance::new(None, None); RING], split: 0, begun: 0 }
    }

    /// The next command's frame, and the slot where its account is expected.
    #[inline]
    pub fn next(&mut self, engine: &Engine) -> Option<(Frame<'a>, Option<u32>)> {
        while self.split <= self.begun + DISTANCES[0] && !self.rest.is_empty() {
            self.split_one(engine);
        }
        if self.begun == self.split {
            return None;
        }
        if self.begun == 0 && self.split > 1 {
            self.begin(engine);
        }
        self.step::<1>(self.begun + DISTANCES[1], engine);
        self.step::<2>(self.begun + DISTANCES[2], engine);
        self.step::<3>(self.begun + DISTANCES[3], engine);
        self.step::<4>(self.begun + DISTANCES[4], engine);
        let glance = &self.glances[self.begun % RING];
        self.begun += 1;
        Some((glance.frame, glance.account_slot))
    }

    #[inline]
    fn split_one(&mut self, engine: &Engine) {
        let frame = split_frame(&mut self.rest);
        let sight = frame.and_then(|(header, body)| Sight::of(header.kind, body));
        if let Some(sight) = &sight {
            engine.accounts.prefetch_slot(sight.account);
            engine.listings.prefetch(sight.instrument);
        }
        self.glances[self.split % RING] = Glance::new(frame, sight);
        self.split += 1;
    }

    /// Take every step for the first commands; a lone one needs its memory at once and takes none.
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
        let Some(sight) = glance.sight else { return };
        match STEP {
            1 => glance.find_account(&sight, engine),
            2 => glance.find_orders(&sight, engine),
            3 => glance.find_places(&sight, engine),
            _ => glance.find_neighbours(&sight, engine),
        }
    }
}

impl Glance<'_> {
    #[inline]
    fn find_account(&mut self, sight: &Sight, engine: &Engine) {
        self.account_slot = engine.accounts.prefetch_account(sight.account);
        let Some(slot) = self.account_slot else { return };
        let Some(listing) = engine.listings.get(&sight.instrument) else { return };
        listing.open.prefetch_owner_cell(slot);
        if sight.order != 0 {
            listing.open.prefetch_id(sight.order);
        } else if sight.client_hash != 0 {
            listing.open.prefetch_client_cell(of_account(slot, sight.client_hash));
        }
        if let Some(begins) = &sight.begins {
            listing.open.prefetch_client_cell(of_account(slot, begins.client_hash));
        }
    }

    #[inline]
    fn find_orders(&mut self, sight: &Sight, engine: &Engine) {
        let Some(slot) = self.account_slot else { return };
        let Some(listing) = engine.listings.get(&sight.instrument) else { return };
        let (open, book) = (&listing.open, &listing.book);
        open.prefetch_owner(slot);
        if sight.order != 0 {
            self.order = open.prefetch_named(sight.order);
        } else if sight.client_hash != 0 {
            self.order = open.prefetch_order(of_account(slot, sight.client_hash));
        }
        if let Some(begins) = &sight.begins {
            if book.would_trade(begins.side, begins.price) {
                book.prefetch_best(begins.side.opposite());
            } else {
                self.level = book.prefetch_level(begins.side, begins.price);
            }
        }
    }

    #[inline]
    fn find_places(&mut self, sight: &Sight, engine: &Engine) {
        let Some(listing) = engine.listings.get(&sight.instrument) else { return };
        let (open, book) = (&listing.open, &listing.book);
        if let Some(order) = self.order {
            self.place = open.place_hint(order);
            if let Some(place) = self.place {
                book.prefetch(place);
            }
        }
        if self.level.is_none()
            && let Some(begins) = &sight.begins
            && book.would_trade(begins.side, begins.price)
        {
            self.maker = book.best(begins.side.opposite());
            if let Some(maker) = self.maker {
                open.prefetch_slot(maker);
            }
        }
    }

    #[inline]
    fn find_neighbours(&mut self, sight: &Sight, engine: &Engine) {
        let Some(listing) = engine.listings.get(&sight.instrument) else { return };
        if let Some(place) = self.place {
            listing.book.prefetch_near(place);
        }
        if let Some(level) = self.level {
            listing.book.prefetch_tail(level);
        }
        if let Some(maker) = self.maker {
            listing.open.prefetch_ways_to(maker, |account_slot| engine.accounts.prefetch_at(account_slot));
        }
    }
}
