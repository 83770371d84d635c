//! The identities of commands: each is answered once, and a resend gets the first answer's place (section 2).

use std::collections::{BTreeMap, VecDeque};

use crate::commands::Header;
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
    pub by_id: BTreeMap<u64, Session>,
}

impl Sessions {
    /// Find out whether a command with a counter is new, and record it when it is.
    pub fn identify(&mut self, header: &Header, sequence: u64, time_us: i64) -> Identity {
        if let Some(session) = self.by_id.get_mut(&header.session) {
            session.last_time = time_us;
            return session.identify(header, sequence);
        }
        self.by_id.retain(|_, session| session.last_time >= time_us - IDLE_MAX_US);
        let session = self.by_id.entry(header.session).or_default();
        session.last_time = time_us;
        session.identify(header, sequence)
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
        let place = self.place_of(header.counter).unwrap_or_else(|place| place);
        self.recorded.insert(place, (header.counter, sequence));
        Identity::Fresh
    }

    /// Where a counter is, or would be: nearly always past the end, since gateways count up.
    fn place_of(&self, counter: u64) -> Result<usize, usize> {
        match self.recorded.back() {
            Some((last, _)) if *last >= counter => self.recorded.binary_search_by_key(&counter, |entry| entry.0),
            _ => Err(self.recorded.len()),
        }
    }
}
