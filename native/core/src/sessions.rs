//! The identities of commands: each is answered once, and a resend gets the first answer's place (section 2).

use std::collections::VecDeque;

use crate::commands::Header;
use crate::slot_table::{SlotTable, mixed};
use crate::words::Reason;

const IDLE_MAX_US: i64 = 3_600_000_000;
pub const IN_FLIGHT_MAX: usize = 65_536;

#[derive(Clone, Default, Debug)]
pub struct Session {
    pub low_water: u64,
    pub last_time: i64,
    /// Recorded counters, ascending, each with the sequence of its command.
    pub recorded: VecDeque<(u64, u64)>,
}

pub enum Identity {
    /// Not seen before; recorded now.
    Fresh,
    /// Seen before, at this sequence.
    Duplicate(u64),
    Refused(Reason),
}

#[derive(Clone, Default)]
pub struct Sessions {
    /// By id ascending.
    list: Vec<(u64, Session)>,
    /// Where each one stands in the list.
    places: SlotTable,
}

impl Sessions {
    /// The sessions of a list that ascends by id.
    pub fn new(list: Vec<(u64, Session)>) -> Self {
        let mut places = SlotTable::default();
        for ((id, _), place) in list.iter().zip(0..) {
            places.insert(mixed(*id), place);
        }
        Self { list, places }
    }

    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// The sessions by id.
    pub fn iter(&self) -> impl Iterator<Item = &(u64, Session)> {
        self.list.iter()
    }

    /// Find out whether a command with a counter is new, and record it when it is.
    pub fn identify(&mut self, header: &Header, sequence: u64, time_us: i64) -> Identity {
        let is_meant = |place: u32| self.list[place as usize].0 == header.session;
        let place = match self.places.find(mixed(header.session), is_meant) {
            Some(place) => place as usize,
            None => self.begin(header.session, time_us),
        };
        let session = &mut self.list[place].1;
        session.last_time = time_us;
        session.identify(header, sequence)
    }

    /// Begin a session, and forget those that were idle for long; answers its place.
    #[cold]
    fn begin(&mut self, id: u64, time_us: i64) -> usize {
        let mut list = std::mem::take(&mut self.list);
        list.retain(|(_, session)| session.last_time >= time_us - IDLE_MAX_US);
        let place = list.partition_point(|(known, _)| *known < id);
        list.insert(place, (id, Session::default()));
        *self = Self::new(list);
        place
    }
}

impl Session {
    fn identify(&mut self, header: &Header, sequence: u64) -> Identity {
        if header.counter < self.low_water {
            return Identity::Refused(Reason::IdentityExpired);
        }
        if let Ok(place) = self.place_of(header.counter) {
            return Identity::Duplicate(self.recorded[place].1);
        }
        if header.low_water > self.low_water {
            self.low_water = header.low_water;
            while self.recorded.front().is_some_and(|(counter, _)| *counter < header.low_water) {
                self.recorded.pop_front();
            }
        }
        if header.counter < self.low_water {
            return Identity::Refused(Reason::IdentityExpired);
        }
        if self.recorded.len() >= IN_FLIGHT_MAX {
            return Identity::Refused(Reason::TooManyInFlight);
        }
        // The place may have moved when counters were forgotten.
        match self.place_of(header.counter) {
            Err(place) if place < self.recorded.len() => self.recorded.insert(place, (header.counter, sequence)),
            _ => self.recorded.push_back((header.counter, sequence)),
        }
        Identity::Fresh
    }

    /// Where a counter is, or would be: nearly always past the end, since gateways count up.
    #[inline]
    fn place_of(&self, counter: u64) -> Result<usize, usize> {
        match self.recorded.back() {
            Some((last, _)) if *last >= counter => self.recorded.binary_search_by_key(&counter, |entry| entry.0),
            _ => Err(self.recorded.len()),
        }
    }
}
