//! The adapter to the public matching-engine benchmark (bench/referee/README.md).
//!
//! In:    the benchmark's messages, through its C interface.
//! Out:   its reports, over a ring of our own; answers on the book, from the book.
//! Never: looks past the message in hand, works after it has returned or before the clock runs, keeps a second book.

mod ids;
mod matcher;
mod ring;
mod words;

use std::cell::UnsafeCell;
use std::ffi::c_void;

use openbourse_book::Side;

use matcher::{Matcher, Outlet};
use ring::Ring;
use words::{Cancel, Message, Modify, NewOrder, Report, TRADE, Transport};

/// Our ring, which the harness made through [`TRANSPORT`].
struct Ours(*const Ring);

impl Outlet for Ours {
    #[inline(always)]
    fn report(&mut self, kind: u8, side: u8, sequence: u64, order_id: u64, price: i64, quantity: u32) {
        // SAFETY: the ring lives until `destroy`, and the harness calls the engine from one thread.
        unsafe { (*self.0).report(kind, side, sequence, order_id, price, quantity) };
    }

    #[inline]
    fn trade(&mut self, sequence: u64, maker: u64, taker: u64, price: i64, quantity: u32) {
        // SAFETY: as above.
        unsafe { (*self.0).trade(sequence, maker, taker, price, quantity) };
    }
}

/// Another transport that the harness chose.
struct Theirs(*const Transport, *mut c_void);

impl Theirs {
    fn push(&self, report: &Report) {
        // SAFETY: the harness keeps what it handed to `engine_init` until after `engine_shutdown`.
        while unsafe { ((*self.0).push)(self.1, report) } == 0 {
            std::hint::spin_loop();
        }
    }
}

impl Outlet for Theirs {
    fn report(&mut self, kind: u8, side: u8, sequence: u64, order_id: u64, price: i64, quantity: u32) {
        self.push(&Report { kind, side, sequence, order_id, price, quantity, ..Report::default() });
    }

    fn trade(&mut self, sequence: u64, maker: u64, taker: u64, price: i64, quantity: u32) {
        self.push(&Report {
            kind: TRADE,
            sequence,
            order_id: maker,
            price,
            quantity,
            maker_order_id: maker,
            taker_order_id: taker,
            ..Report::default()
        });
    }
}

enum Sink {
    Ours(Ours),
    Theirs(Theirs),
}

struct Engine {
    matcher: Matcher,
    sink: Sink,
}

struct Place(UnsafeCell<Option<Engine>>);

// SAFETY: the interface promises one calling thread for all functions but the transport's `drain`, which does not
// come here.
unsafe impl Sync for Place {}

static ENGINE: Place = Place(UnsafeCell::new(None));

#[inline]
fn engine() -> &'static mut Engine {
    // SAFETY: one thread calls, and no function here calls another, so nobody else has the engine now.
    unsafe { (*ENGINE.0.get()).as_mut() }.expect("engine_init comes first")
}

#[unsafe(no_mangle)]
pub extern "C" fn engine_init(_seed: u64, transport: *const Transport, sink: *mut c_void) {
    let sink = if std::ptr::eq(transport, &TRANSPORT) {
        Sink::Ours(Ours(sink.cast_const().cast()))
    } else {
        Sink::Theirs(Theirs(transport, sink))
    };
    // SAFETY: as in `engine`.
    unsafe { *ENGINE.0.get() = Some(Engine { matcher: Matcher::new(), sink }) };
}

#[unsafe(no_mangle)]
pub extern "C" fn engine_shutdown() {
    // SAFETY: as in `engine`.
    unsafe { *ENGINE.0.get() = None };
}

/// # Safety
/// `order` points to an order; so do the pointers of the other functions to what their names say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn engine_on_new_order(order: *const NewOrder) {
    let Engine { matcher, sink } = engine();
    // SAFETY: the caller's promise.
    let order = unsafe { &*order };
    match sink {
        Sink::Ours(outlet) => matcher.new_order(order, outlet),
        Sink::Theirs(outlet) => matcher.new_order(order, outlet),
    }
}

/// # Safety
/// As for [`engine_on_new_order`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn engine_on_cancel(cancel: *const Cancel) {
    let Engine { matcher, sink } = engine();
    // SAFETY: the caller's promise.
    let cancel = unsafe { &*cancel };
    match sink {
        Sink::Ours(outlet) => matcher.cancel(cancel, outlet),
        Sink::Theirs(outlet) => matcher.cancel(cancel, outlet),
    }
}

/// # Safety
/// As for [`engine_on_new_order`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn engine_on_modify(modify: *const Modify) {
    let Engine { matcher, sink } = engine();
    // SAFETY: the caller's promise.
    let modify = unsafe { &*modify };
    match sink {
        Sink::Ours(outlet) => matcher.modify(modify, outlet),
        Sink::Theirs(outlet) => matcher.modify(modify, outlet),
    }
}

/// # Safety
/// `messages` points to `count` messages.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn engine_on_batch(messages: *const Message, count: u32) {
    let Engine { matcher, sink } = engine();
    // SAFETY: the caller's promise.
    let messages = unsafe { std::slice::from_raw_parts(messages, count as usize) };
    match sink {
        Sink::Ours(outlet) => run(matcher, messages, outlet),
        Sink::Theirs(outlet) => run(matcher, messages, outlet),
    }
}

/// One message after the other, none looked at before its turn.
#[inline]
fn run(matcher: &mut Matcher, messages: &[Message], outlet: &mut impl Outlet) {
    for message in messages {
        // SAFETY: the kind says which body the message has.
        unsafe {
            match message.kind {
                0 => matcher.new_order(&message.body.new_order, outlet),
                1 => matcher.cancel(&message.body.cancel, outlet),
                _ => matcher.modify(&message.body.modify, outlet),
            }
        }
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn engine_flush() {
    if let Sink::Ours(Ours(ring)) = engine().sink {
        // SAFETY: as in `Ours::report`.
        unsafe { (*ring).flush() };
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn engine_query_best_bid() -> i64 {
    engine().matcher.best_price(Side::Buy).unwrap_or(i64::MIN)
}

#[unsafe(no_mangle)]
pub extern "C" fn engine_query_best_ask() -> i64 {
    engine().matcher.best_price(Side::Sell).unwrap_or(i64::MAX)
}

#[unsafe(no_mangle)]
pub extern "C" fn engine_query_depth_at(price: i64, side: u8) -> u64 {
    engine().matcher.total_at(side, price)
}

#[unsafe(no_mangle)]
pub extern "C" fn engine_get_transport() -> *const Transport {
    &raw const TRANSPORT
}

static TRANSPORT: Transport = Transport { create, push, drain, flush, destroy };

extern "C" fn create(capacity: u32) -> *mut c_void {
    Box::into_raw(Box::new(Ring::new(capacity))).cast()
}

unsafe extern "C" fn push(ring: *mut c_void, report: *const Report) -> i32 {
    // SAFETY: `create` made the ring, and one thread pushes.
    unsafe {
        let (ring, report) = (&*ring.cast::<Ring>(), &*report);
        if !ring.is_open() {
            return 0;
        }
        if report.kind == TRADE {
            ring.trade(report.sequence, report.maker_order_id, report.taker_order_id, report.price, report.quantity);
        } else {
            ring.report(report.kind, report.side, report.sequence, report.order_id, report.price, report.quantity);
        }
    }
    1
}

unsafe extern "C" fn drain(ring: *mut c_void, out: *mut Report, most: u32) -> u32 {
    // SAFETY: `create` made the ring, one thread drains, and `out` has room for `most` reports.
    unsafe { (*ring.cast::<Ring>()).drain(std::slice::from_raw_parts_mut(out, most as usize)) }
}

unsafe extern "C" fn flush(ring: *mut c_void) {
    // SAFETY: `create` made the ring, and the thread that pushes flushes.
    unsafe { (*ring.cast::<Ring>()).flush() };
}

unsafe extern "C" fn destroy(ring: *mut c_void) {
    // SAFETY: `create` made the ring, and nobody uses it any more.
    drop(unsafe { Box::from_raw(ring.cast::<Ring>()) });
}
