//! The instruments' listings by id.

use std::ops::Index;

use crate::listings::Listing;

/// Ids below this are found by one look.
const NEAR: usize = 1 << 16;
const NONE: u32 = u32::MAX;

/// Every listing, found by id fast and gone over by id ascending.
#[derive(Clone, Default)]
pub struct Listings {
    list: Vec<Listing>,
    /// Ids with the listings' places, ascending.
    ordered: Vec<(u32, u32)>,
    /// Places by id, for small ids.
    near: Vec<u32>,
}

impl Listings {
    #[inline]
    fn place(&self, instrument: u32) -> Option<usize> {
        let at = instrument as usize;
        if at < NEAR {
            return self.near.get(at).filter(|place| **place != NONE).map(|place| *place as usize);
        }
        let at = self.ordered.binary_search_by_key(&instrument, |(id, _)| *id).ok()?;
        Some(self.ordered[at].1 as usize)
    }

    #[inline]
    pub fn get(&self, instrument: &u32) -> Option<&Listing> {
        self.place(*instrument).map(|place| &self.list[place])
    }

    /// The listing at a place, if there is one.
    #[inline]
    pub fn at(&self, place: u32) -> Option<&Listing> {
        self.list.get(place as usize)
    }

    /// Where an instrument's listing is.
    #[inline]
    pub fn place_of(&self, instrument: u32) -> Option<u32> {
        u32::try_from(self.place(instrument)?).ok()
    }

    #[inline]
    pub fn get_mut(&mut self, instrument: &u32) -> Option<&mut Listing> {
        self.place(*instrument).map(|place| &mut self.list[place])
    }

    pub fn contains_key(&self, instrument: &u32) -> bool {
        self.place(*instrument).is_some()
    }

    /// Add a listing whose id is not taken.
    pub fn insert(&mut self, instrument: u32, listing: Listing) -> &mut Listing {
        let place = u32::try_from(self.list.len()).expect("instruments have ids of 32 bits");
        let at = self.ordered.partition_point(|(id, _)| *id < instrument);
        self.ordered.insert(at, (instrument, place));
        let near = instrument as usize;
        if near < NEAR {
            if self.near.len() <= near {
                self.near.resize(near + 1, NONE);
            }
            self.near[near] = place;
        }
        self.list.push(listing);
        &mut self.list[place as usize]
    }

    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// The ids, ascending.
    pub fn keys(&self) -> impl Iterator<Item = &u32> {
        self.ordered.iter().map(|(id, _)| id)
    }

    /// The listings by id.
    pub fn values(&self) -> impl Iterator<Item = &Listing> {
        self.ordered.iter().map(|(_, place)| &self.list[*place as usize])
    }

    /// Ids and listings, by id.
    pub fn iter(&self) -> impl Iterator<Item = (&u32, &Listing)> {
        self.keys().zip(self.values())
    }
}

impl Index<&u32> for Listings {
    type Output = Listing;

    fn index(&self, instrument: &u32) -> &Listing {
        self.get(instrument).expect("a listing that was found before")
    }
}

impl FromIterator<(u32, Listing)> for Listings {
    fn from_iter<I: IntoIterator<Item = (u32, Listing)>>(listings: I) -> Self {
        let mut all = Self::default();
        for (instrument, listing) in listings {
            all.insert(instrument, listing);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Reader;
    use crate::instruments::Definition;

    fn listing(id: u32) -> Listing {
        let mut image = id.to_le_bytes().to_vec();
        image.extend([1, b'S', 1, 0, 0, 0, 2, 0, 0, 0, 1]);
        image.resize(400, 0);
        Listing::new(Definition::read(&mut Reader::new(&image)).expect("an image of zeros has the right form"))
    }

    #[test]
    fn listings_are_found_by_any_id_and_gone_over_in_order() {
        let ids = [70_000, 3, u32::MAX, 1, 65_535, 65_536];
        let mut listings = Listings::default();
        for id in ids {
            listings.insert(id, listing(id));
        }
        for id in ids {
            assert_eq!(listings[&id].definition.instrument, id);
            assert!(!listings.contains_key(&(id - 1)) || ids.contains(&(id - 1)));
        }
        assert!(listings.get(&2).is_none() && listings.get(&100_000).is_none());
        let told: Vec<u32> = listings.values().map(|listing| listing.definition.instrument).collect();
        assert_eq!(told, [1, 3, 65_535, 65_536, 70_000, u32::MAX]);
    }
}
