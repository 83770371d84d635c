//! The identities of commands: each is answered once, and a resend gets the first answer's place (section 2).

use std::collections::VecDeque;

use crate::commands::Header;
use crate::slot_table::{SlotTable, mixed};
use crate::words::Reason;

const IDLE_MAX_US: i64 = 3_600_000_000;
pub const IN_FLIGHT_MAX: usize = 65_536;
const BUSY: usize = 64;

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

#[derive(Clone)]
pub struct Sessions {
    /// By id ascending.
    list: Vec<(u64, Session)>,
    /// Where each one stands in the list.
    places: SlotTable,
    /// Where those that were busy last stand, by the last bits of their ids; looked at first.
    busy: [u32; BUSY],
}

impl Default for Sessions {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

impl Sessions {
    /// The sessions of a list that ascends by id.
    pub fn new(list: Vec<(u64, Session)>) -> Self {
        let mut places = SlotTable::default();
        for ((id, _), place) in list.iter().zip(0..) {
            places.insert(mixed(*id), place);
        }
        Self { list, places, busy: [0; BUSY] }
    }

    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// The sessions by id.
    pub fn iter(&self) -> impl Iterator<Item = &(u64, Session)> {
        self.list.iter()
    }

    /// Find out whether a command with a counter is new, and record it when it is.
    #[inline]
    pub fn identify(&mut self, header: &Header, sequence: u64, time_us: i64) -> Identity {
        let busy = header.session as usize % BUSY;
        let mut place = self.busy[busy] as usize;
        if self.list.get(place).is_none_or(|(id, _)| *id != header.session) {
            place = self.look_up(header.session, time_us);
            self.busy[busy] = place as u32;
        }
        let session = &mut self.list[place].1;
        session.last_time = time_us;
        session.identify(header, sequence)
    }

    /// Find a session, or begin it; answers its place.
    #[cold]
    fn look_up(&mut self, id: u64, time_us: i64) -> usize {
        let found = self.places.find(mixed(id), |place| self.list[place as usize].0 == id);
        found.map_or_else(|| self.begin(id, time_us), |place| place as usize)
    }

    /// Begin a session, and forget those that were idle for long; answers its place.
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
    #[inline(always)]
    fn identify(&mut self, header: &Header, sequence: u64) -> Identity {
        if header.counter < self.low_water {
            return Identity::Refused(Reason::IdentityExpired);
        }
        // Nearly always it is past the end, since gateways count up.
        let is_newest = self.recorded.back().is_none_or(|(last, _)| *last < header.counter);
        if !is_newest && let Ok(place) = self.place_of(header.counter) {
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
        if is_newest {
            self.recorded.push_back((header.counter, sequence));
        } else if let Err(place) = self.place_of(header.counter) {
            // Its place may have moved when counters were forgotten.
            self.recorded.insert(place, (header.counter, sequence));
        }
        Identity::Fresh
    }

    /// Where a counter is, or would be.
    #[cold]
    fn place_of(&self, counter: u64) -> Result<usize, usize> {
        self.recorded.binary_search_by_key(&counter, |entry| entry.0)
    }
}
