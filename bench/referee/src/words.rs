//! The benchmark's C structures, byte for byte.

use std::ffi::c_void;

#[derive(Clone, Copy)]
#[repr(C)]
pub struct NewOrder {
    pub order_id: u64,
    pub sequence: u64,
    pub price: i64,
    pub quantity: u32,
    pub side: u8,
    pub ioc: u8,
    pub reserved: [u8; 2],
}

#[derive(Clone, Copy)]
#[repr(C)]
pub struct Cancel {
    pub order_id: u64,
    pub sequence: u64,
}

#[derive(Clone, Copy)]
#[repr(C)]
pub struct Modify {
    pub order_id: u64,
    pub sequence: u64,
    pub price: i64,
    pub quantity: u32,
    pub side: u8,
    pub reserved: [u8; 3],
}

#[derive(Clone, Copy)]
#[repr(C)]
pub union Body {
    pub new_order: NewOrder,
    pub cancel: Cancel,
    pub modify: Modify,
}

#[derive(Clone, Copy)]
#[repr(C)]
pub struct Message {
    pub kind: u8,
    pub reserved: [u8; 7],
    pub body: Body,
}

pub const ORDER_ACK: u8 = 0;
pub const TRADE: u8 = 1;
pub const CANCEL_ACK: u8 = 2;
pub const MODIFY_ACK: u8 = 3;
pub const CANCEL_REJECT: u8 = 4;
pub const MODIFY_REJECT: u8 = 5;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(C)]
pub struct Report {
    pub kind: u8,
    pub side: u8,
    pub reserved: [u8; 6],
    pub sequence: u64,
    pub order_id: u64,
    pub price: i64,
    pub quantity: u32,
    pub reserved2: u32,
    pub maker_order_id: u64,
    pub taker_order_id: u64,
    pub reserved3: u64,
}

#[repr(C)]
pub struct Transport {
    pub create: extern "C" fn(u32) -> *mut c_void,
    pub push: unsafe extern "C" fn(*mut c_void, *const Report) -> i32,
    pub drain: unsafe extern "C" fn(*mut c_void, *mut Report, u32) -> u32,
    pub flush: unsafe extern "C" fn(*mut c_void),
    pub destroy: unsafe extern "C" fn(*mut c_void),
}

const _: () = assert!(size_of::<NewOrder>() == 32 && size_of::<Cancel>() == 16 && size_of::<Modify>() == 32);
const _: () = assert!(size_of::<Message>() == 40 && size_of::<Report>() == 64);
