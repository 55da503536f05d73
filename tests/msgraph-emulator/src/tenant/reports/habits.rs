//! Who uses what on which day: computed from a person's id, so that every report says the same and none is held.
//!
//! Most people work on weekdays, some hardly, a few never; each is away in one week of sixteen. People have a computer
//! with Windows, one from Apple, both or none, and two of three a telephone. Outlook and Teams are used on most days, OneNote
//! by few.

use uuid::Uuid;

use super::day::is_weekend;

/// The apps, in the order of the columns.
pub(crate) const APPS: [&str; 6] = ["Outlook", "Word", "Excel", "PowerPoint", "OneNote", "Teams"];
/// The platforms, in the order of the columns.
pub(crate) const PLATFORMS: [&str; 4] = ["Windows", "Mac", "Mobile", "Web"];

/// Of 16 people, how many have an app.
const HAVE: [u64; APPS.len()] = [15, 12, 11, 8, 4, 14];
/// Of 256 days at work, on how many such a person uses it.
const USE: [u64; APPS.len()] = [244, 110, 100, 60, 90, 220];
/// Which apps are at home on a telephone.
const IS_MOBILE: [bool; APPS.len()] = [true, false, false, false, false, true];

const WINDOWS: u32 = 0;
const MAC: u32 = 1;
const MOBILE: u32 = 2;
const WEB: u32 = 3;
/// Stands for a platform that the report does not tell: the app's column is Yes, and none of its platforms is.
const UNKNOWN: u32 = 4;

/// The last day a person may have used something, counted back from a day.
const LOOK_BACK: u32 = 60;

/// What a person used: a bit for each app on each platform.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Used(pub(crate) u32);

impl Used {
    pub(crate) const NOTHING: Self = Self(0);

    /// An app on a platform, by their places.
    pub(crate) const fn on(app: u32, platform: u32) -> Self {
        Self(1 << (platform * 6 + app))
    }

    /// An app on any platform.
    pub(crate) const fn app(app: u32) -> Self {
        Self((1 | 1 << 6 | 1 << 12 | 1 << 18 | 1 << 24) << app)
    }

    /// Any app on a platform.
    pub(crate) const fn platform(platform: u32) -> Self {
        Self(0b11_1111 << (platform * 6))
    }

    /// An app on a platform that the report does not tell.
    pub(crate) const fn unknown(app: u32) -> Self {
        Self::on(app, UNKNOWN)
    }

    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether any of these was used.
    pub(crate) fn any_of(self, these: Self) -> bool {
        self.0 & these.0 != 0
    }
}

/// One person's habits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Habits {
    key: u64,
    /// Bits that decide what does not change from day to day.
    traits: u64,
}

impl Habits {
    pub(crate) fn of(person: Uuid) -> Self {
        let (high, low) = person.as_u64_pair();
        let key = mix(high ^ mix(low));
        Self { key, traits: mix(key ^ 0x75_7361_6765) }
    }

    /// A number below this one, the same whenever it is asked for by this name.
    pub(crate) fn figure(&self, name: u64, below: u64) -> u64 {
        mix(self.key ^ mix(name)).checked_rem(below).unwrap_or_default()
    }

    /// Two numbers that stand for the person in place of a name.
    pub(crate) fn pseudonym(&self, of: u64) -> (u64, u64) {
        let first = mix(self.key ^ mix(of ^ 0x636f_6e63));
        (first, mix(first ^ self.traits))
    }

    /// What the person used on a day. `restated` adds what was late.
    pub(crate) fn on(&self, day: u32, restated: bool) -> Used {
        let dice = mix(self.key.wrapping_add(u64::from(day).wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        let is_late = dice >> 58 == 0;
        if dice & 0xff >= self.days_of_256(day) || (is_late && !restated) {
            return Used::NOTHING;
        }
        let places = mix(dice);
        let mut used = Used::NOTHING;
        for (app, (have, uses)) in (0..).zip(HAVE.into_iter().zip(USE)) {
            let has_it = (self.traits >> (16 + 4 * app)) & 15 < have;
            if has_it && (dice >> (8 + 8 * app)) & 0xff < uses {
                used = used.and(self.places(app, (places >> (8 * app)) & 0xff));
            }
        }
        used
    }

    /// What the person used on any of these days.
    pub(crate) fn within(&self, days: impl Iterator<Item = (u32, bool)>) -> Used {
        days.fold(Used::NOTHING, |used, (day, restated)| used.and(self.on(day, restated)))
    }

    /// The last day up to this one on which the person used any of these.
    pub(crate) fn last(&self, these: Used, until: u32) -> Option<u32> {
        (until.saturating_sub(LOOK_BACK)..=until).rev().find(|day| self.on(*day, true).any_of(these))
    }

    /// The number of days since the apps were installed, if ever: who is idle has them, too.
    pub(crate) fn installed(&self) -> Option<u32> {
        let days = u32::try_from(self.figure(1, 500)).ok()?;
        (self.has_windows() || self.has_mac()).then_some(days)
    }

    pub(crate) fn has_windows(&self) -> bool {
        (self.traits >> 5) & 15 < 12 || self.has_both()
    }

    pub(crate) fn has_mac(&self) -> bool {
        matches!((self.traits >> 5) & 15, 12 | 13) || self.has_both()
    }

    fn has_both(&self) -> bool {
        (self.traits >> 5) & 15 == 14
    }

    pub(crate) fn has_telephone(&self) -> bool {
        (self.traits >> 9) & 7 < 5
    }

    /// The chance that the person works on a day.
    fn days_of_256(&self, day: u32) -> u64 {
        let rhythm = self.traits & 31;
        let is_away = u64::from(day / 7) % 16 == (self.traits >> 12) & 15;
        match rhythm {
            0..3 => 0,
            3..6 if !is_weekend(day) => 30,
            // Works the first three days of a week.
            6..9 if day % 7 < 3 => 230,
            9.. if is_away => 4,
            9.. if is_weekend(day) => 14,
            9.. => 226,
            _ => 3,
        }
    }

    /// On which platforms an app is used on one day.
    fn places(&self, app: u32, dice: u64) -> Used {
        if dice == 0xa5 {
            return Used::unknown(app);
        }
        let at = |platform: u32, whether: bool| if whether { Used::on(app, platform) } else { Used::NOTHING };
        let is_mobile = IS_MOBILE.get(app as usize).copied().unwrap_or_default();
        let often = if is_mobile { 5 } else { 1 };
        let at_desk = dice & 7 != 0;
        let has_mac_today = self.has_mac() && (!self.has_windows() || dice & 64 != 0);
        let used = at(WINDOWS, at_desk && self.has_windows() && !has_mac_today)
            .and(at(MAC, at_desk && has_mac_today))
            .and(at(MOBILE, self.has_telephone() && (dice >> 3) & 7 < often))
            .and(at(WEB, (dice >> 5) & 7 == 0));
        if used == Used::NOTHING { Used::on(app, WEB) } else { used }
    }
}

/// Spreads the bits of a number: the last step of SplitMix64.
fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crowd() -> impl Iterator<Item = Habits> {
        (1..=4_000_u64).map(|number| Habits::of(Uuid::from_u64_pair(7, (1 << 63) | number)))
    }

    /// Of the crowd, who used any of these on a day.
    fn share(these: Used, day: u32) -> f64 {
        crowd().filter(|habits| habits.on(day, true).any_of(these)).count() as f64 / 4_000.0
    }

    #[test]
    fn people_use_the_apps_as_people_do() {
        let everything = (0..6).fold(Used::NOTHING, |all, app| all.and(Used::app(app)));
        let (monday, sunday) = (9_450, 9_456);
        assert_eq!(monday % 7, 0);
        assert!((0.6..0.9).contains(&share(everything, monday)), "{}", share(everything, monday));
        assert!(share(everything, sunday) < 0.15, "{}", share(everything, sunday));
        let [outlook, one_note] = [0, 4].map(|app| share(Used::app(app), monday));
        assert!(outlook > 4.0 * one_note && one_note > 0.0, "{outlook} {one_note}");
        let platforms = [WINDOWS, MAC, MOBILE, WEB].map(|at| share(Used::platform(at), monday));
        assert!(platforms.iter().all(|share| *share > 0.05), "{platforms:?}");
        let month = |habits: &Habits| habits.within((monday..monday + 28).map(|day| (day, true)));
        let idle = crowd().filter(|habits| month(habits) == Used::NOTHING);
        assert!((200..900).contains(&idle.count()), "some use nothing");
    }

    #[test]
    fn what_is_late_comes_when_a_day_is_restated() {
        let day = 9_450;
        let early = crowd().filter(|habits| habits.on(day, false) != Used::NOTHING).count();
        let all = crowd().filter(|habits| habits.on(day, true) != Used::NOTHING).count();
        assert!(early < all && all < early + early / 10, "{early} {all}");
    }

    #[test]
    fn an_app_is_the_union_of_its_platforms() {
        for app in 0..6 {
            let platforms = (0..5).fold(Used::NOTHING, |all, platform| all.and(Used::on(app, platform)));
            assert_eq!(Used::app(app), platforms);
        }
        let all = (0..4).fold(Used::NOTHING, |all, platform| all.and(Used::platform(platform)));
        assert!(!all.any_of(Used::unknown(3)));
        let tells_no_platform = crowd().filter(|habits| habits.on(9_450, true).any_of(Used::unknown(0)));
        assert!(tells_no_platform.count() > 0);
    }
}
