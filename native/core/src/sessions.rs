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
    /// The newest counter, or 0.
    newest: u64,
    /// Counters, ascending, each with the sequence of its command. What is below the low water is forgotten, and lies
    /// here until its room is needed.
    kept: VecDeque<(u64, u64)>,
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
    /// A session with its recorded counters, which ascend from the low water on.
    pub fn new(low_water: u64, last_time: i64, recorded: Vec<(u64, u64)>) -> Self {
        let newest = recorded.last().map_or(0, |entry| entry.0);
        Self { low_water, last_time, newest, kept: VecDeque::from(recorded) }
    }

    /// Recorded counters, ascending, each with the sequence of its command.
    pub fn recorded(&self) -> impl ExactSizeIterator<Item = &(u64, u64)> {
        self.kept.range(self.forgotten()..)
    }

    #[inline(always)]
    fn identify(&mut self, header: &Header, sequence: u64) -> Identity {
        if header.counter < self.low_water {
            return Identity::Refused(Reason::IdentityExpired);
        }
        // Nearly always it is past the end, since gateways count up.
        let is_newest = self.newest < header.counter;
        if !is_newest && let Ok(place) = self.place_of(header.counter) {
            return Identity::Duplicate(self.kept[place].1);
        }
        self.low_water = self.low_water.max(header.low_water);
        if header.counter < self.low_water {
            return Identity::Refused(Reason::IdentityExpired);
        }
        if self.kept.len() >= self.kept.capacity().min(IN_FLIGHT_MAX) && !self.make_room() {
            return Identity::Refused(Reason::TooManyInFlight);
        }
        if is_newest {
            self.newest = header.counter;
            self.kept.push_back((header.counter, sequence));
        } else if let Err(place) = self.place_of(header.counter) {
            // Its place may have moved when room was made.
            self.kept.insert(place, (header.counter, sequence));
        }
        Identity::Fresh
    }

    /// How many counters that are kept are forgotten.
    fn forgotten(&self) -> usize {
        self.kept.partition_point(|(counter, _)| *counter < self.low_water)
    }

    /// Drop what is forgotten, and grow when that was little; answers whether one more may be recorded.
    #[cold]
    fn make_room(&mut self) -> bool {
        self.kept.drain(..self.forgotten());
        let recorded = self.kept.len();
        if recorded * 2 >= self.kept.capacity() {
            self.kept.reserve(recorded.max(1));
        }
        recorded < IN_FLIGHT_MAX
    }

    /// Where a counter is, or would be.
    #[cold]
    fn place_of(&self, counter: u64) -> Result<usize, usize> {
        self.kept.binary_search_by_key(&counter, |entry| entry.0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn header(counter: u64, low_water: u64) -> Header {
        Header { kind: 0, version: 1, session: 1, counter, low_water }
    }

    proptest! {
        #[test]
        fn a_session_remembers_from_its_low_water_on(steps in prop::collection::vec((0..60_u64, 0..70_u64), 1..400)) {
            let mut session = Session::default();
            let (mut model, mut low_water) = (BTreeMap::new(), 0);
            for (number, (back, below)) in steps.into_iter().enumerate() {
                let sequence = number as u64 + 1;
                let counter = (sequence + 50).saturating_sub(back).max(1);
                let header = header(counter, counter.saturating_sub(below));
                let known = model.get(&counter).copied();
                match session.identify(&header, sequence) {
                    Identity::Duplicate(first) => prop_assert!(counter >= low_water && known == Some(first)),
                    Identity::Refused(_) => prop_assert!(counter < low_water),
                    Identity::Fresh => {
                        prop_assert!(counter >= low_water && known.is_none());
                        low_water = low_water.max(header.low_water);
                        model.insert(counter, sequence);
                    }
                }
                model.retain(|counter, _| *counter >= low_water);
                prop_assert!(session.recorded().copied().eq(model.iter().map(|(counter, first)| (*counter, *first))));
            }
        }
    }

    #[test]
    fn a_session_has_so_many_in_flight_and_no_more() {
        let mut session = Session::default();
        for counter in 1..=IN_FLIGHT_MAX as u64 {
            assert!(matches!(session.identify(&header(counter, 0), counter), Identity::Fresh));
        }
        let counter = IN_FLIGHT_MAX as u64 + 1;
        assert!(matches!(session.identify(&header(counter, 1), 1), Identity::Refused(Reason::TooManyInFlight)));
        assert!(matches!(session.identify(&header(counter, 2), 1), Identity::Fresh));
        assert_eq!(session.recorded().len(), IN_FLIGHT_MAX);
    }
}
