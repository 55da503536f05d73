//! Which app a person used on which platform, in one number.

/// An app of Microsoft 365.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum App {
    /// Outlook.
    Outlook,
    /// Word.
    Word,
    /// Excel.
    Excel,
    /// PowerPoint.
    PowerPoint,
    /// OneNote.
    OneNote,
    /// Teams, which is no part of the suite.
    Teams,
}

/// Where an app was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Platform {
    Windows,
    Mac,
    Mobile,
    Web,
    /// The report says that the app was used, and of no platform.
    Unknown,
}

impl App {
    /// Every app.
    pub const ALL: [Self; 6] =
        [Self::Outlook, Self::Word, Self::Excel, Self::PowerPoint, Self::OneNote, Self::Teams];

    /// The name in reports, and as people know it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Outlook => "Outlook",
            Self::Word => "Word",
            Self::Excel => "Excel",
            Self::PowerPoint => "PowerPoint",
            Self::OneNote => "OneNote",
            Self::Teams => "Teams",
        }
    }
}

impl Platform {
    pub(crate) const ALL: [Self; 5] = [Self::Windows, Self::Mac, Self::Mobile, Self::Web, Self::Unknown];
    /// Those that have columns.
    pub(crate) const NAMED: [Self; 4] = [Self::Windows, Self::Mac, Self::Mobile, Self::Web];

    /// The name in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Windows => "Windows",
            Self::Mac => "Mac",
            Self::Mobile => "Mobile",
            Self::Web => "Web",
            Self::Unknown => "Unknown",
        }
    }
}

/// The apps and platforms that somebody used: a bit for each pair, 30 in all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Use(u32);

const APPS: u32 = App::ALL.len() as u32;
/// One bit for each app.
const ALL_APPS: u32 = (1 << APPS) - 1;
const TEAMS: u32 = 1 << App::Teams as u32;

impl Use {
    pub(crate) fn of(app: App, platform: Platform) -> Self {
        Self(1 << (platform as u32 * APPS + app as u32))
    }

    pub(crate) fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The apps used on a platform, a bit for each.
    fn on(self, platform: Platform) -> u32 {
        (self.0 >> (platform as u32 * APPS)) & ALL_APPS
    }

    /// The apps used anywhere, a bit for each.
    fn anywhere(self) -> u32 {
        Platform::ALL.into_iter().fold(0, |all, platform| all | self.on(platform))
    }

    pub(crate) fn has(self, app: App) -> bool {
        self.anywhere() & (1 << app as u32) != 0
    }

    /// Whether any app of the suite was used. Teams is none of it.
    pub(crate) fn has_suite(self) -> bool {
        self.anywhere() & !TEAMS != 0
    }

    /// The platforms on which an app was used, as words.
    pub(crate) fn platforms(self, app: App) -> &'static [&'static str] {
        const WORDS: [&[&str]; 32] = words();
        let bits = Platform::ALL
            .into_iter()
            .fold(0, |bits, platform| bits | (((self.on(platform) >> app as u32) & 1) << platform as u32));
        WORDS.get(bits as usize).copied().unwrap_or_default()
    }

    /// Everything that counts this use: a bit for each [`Facet`].
    pub(crate) fn facets(self) -> u64 {
        let on = Platform::ALL.map(|platform| self.on(platform));
        let [windows, mac, mobile, web, unknown] = on;
        let anywhere = windows | mac | mobile | web | unknown;
        let mut facets = 0;
        for (place, apps) in
            [anywhere, windows | mac, windows, mac, mobile, web, unknown].into_iter().enumerate()
        {
            let suite = u32::from(apps & !TEAMS != 0) << Facet::SUITE;
            let any = u32::from(apps != 0) << Facet::ANY;
            facets |= u64::from(apps | suite | any) << (place as u32 * Facet::GROUPS);
        }
        facets
    }
}

/// Every set of platforms as words, by its bits.
const fn words() -> [&'static [&'static str]; 32] {
    [
        &[],
        &["windows"],
        &["mac"],
        &["windows", "mac"],
        &["mobile"],
        &["windows", "mobile"],
        &["mac", "mobile"],
        &["windows", "mac", "mobile"],
        &["web"],
        &["windows", "web"],
        &["mac", "web"],
        &["windows", "mac", "web"],
        &["mobile", "web"],
        &["windows", "mobile", "web"],
        &["mac", "mobile", "web"],
        &["windows", "mac", "mobile", "web"],
        &["unknown"],
        &["windows", "unknown"],
        &["mac", "unknown"],
        &["windows", "mac", "unknown"],
        &["mobile", "unknown"],
        &["windows", "mobile", "unknown"],
        &["mac", "mobile", "unknown"],
        &["windows", "mac", "mobile", "unknown"],
        &["web", "unknown"],
        &["windows", "web", "unknown"],
        &["mac", "web", "unknown"],
        &["windows", "mac", "web", "unknown"],
        &["mobile", "web", "unknown"],
        &["windows", "mobile", "web", "unknown"],
        &["mac", "mobile", "web", "unknown"],
        &["windows", "mac", "mobile", "web", "unknown"],
    ]
}

/// What is counted: an app, the suite or any app, anywhere or in one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facet {
    group: u32,
    place: u32,
}

impl Facet {
    /// Six apps, the suite, and any app.
    const GROUPS: u32 = 8;
    const SUITE: u32 = 6;
    const ANY: u32 = 7;
    const PLACES: u32 = 7;
    pub(crate) const COUNT: usize = (Self::GROUPS * Self::PLACES) as usize;

    const GROUP_WORDS: &'static [&'static str] =
        &["outlook", "word", "excel", "powerpoint", "onenote", "teams", "suite", "any"];
    const PLACE_WORDS: &'static [&'static str] =
        &["any", "desktop", "windows", "mac", "mobile", "web", "unknown"];

    /// An app, on any platform.
    pub fn of(app: App) -> Self {
        Self { group: app as u32, place: 0 }
    }

    /// Outlook, Word, Excel, PowerPoint or OneNote.
    pub fn suite() -> Self {
        Self { group: Self::SUITE, place: 0 }
    }

    /// Any app, Teams among them.
    pub fn anything() -> Self {
        Self { group: Self::ANY, place: 0 }
    }

    /// The same in one place: `any`, `desktop`, `windows`, `mac`, `mobile`, `web` or `unknown`.
    #[must_use]
    pub fn at(self, place: &str) -> Self {
        let found = Self::PLACE_WORDS.iter().position(|word| *word == place).unwrap_or_default();
        Self { place: found as u32, ..self }
    }

    /// Everything that is counted, apps first.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (0..Self::GROUPS).flat_map(|group| (0..Self::PLACES).map(move |place| Self { group, place }))
    }

    pub(crate) fn app_word(self) -> &'static str {
        Self::GROUP_WORDS.get(self.group as usize).copied().unwrap_or_default()
    }

    pub(crate) fn place_word(self) -> &'static str {
        Self::PLACE_WORDS.get(self.place as usize).copied().unwrap_or_default()
    }

    /// Words for `app` in a row.
    pub(crate) const APPS: &'static [&'static str] = Self::GROUP_WORDS;
    /// Words for `platform` in a row.
    pub(crate) const PLATFORMS: &'static [&'static str] = Self::PLACE_WORDS;

    fn index(self) -> usize {
        (self.place * Self::GROUPS + self.group) as usize
    }
}

/// A number for each [`Facet`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counts([u64; Facet::COUNT]);

impl Default for Counts {
    fn default() -> Self {
        Self([0; Facet::COUNT])
    }
}

impl Counts {
    /// Counts one use.
    pub(crate) fn add(&mut self, one: Use) {
        let mut facets = one.facets();
        while facets != 0 {
            if let Some(count) = self.0.get_mut(facets.trailing_zeros() as usize) {
                *count += 1;
            }
            facets &= facets - 1;
        }
    }

    /// Adds other numbers to these.
    pub(crate) fn join(&mut self, other: &Self) {
        for (count, other) in self.0.iter_mut().zip(other.0) {
            *count = count.saturating_add(other);
        }
    }

    /// The number of a facet.
    pub fn get(&self, facet: Facet) -> u64 {
        self.0.get(facet.index()).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_suite_is_the_union_of_five_apps_and_teams_stands_alone() {
        let teams = Use::of(App::Teams, Platform::Web);
        let word = Use::of(App::Word, Platform::Mac).and(Use::of(App::Excel, Platform::Unknown));
        assert!(!teams.has_suite() && teams.has(App::Teams) && word.has_suite() && !word.has(App::Teams));
        let mut counts = Counts::default();
        counts.add(teams);
        counts.add(word);
        counts.add(word.and(teams));
        let count = |facet: Facet, place| counts.get(facet.at(place));
        assert_eq!((count(Facet::suite(), "any"), count(Facet::anything(), "any")), (2, 3));
        assert_eq!((count(Facet::of(App::Teams), "web"), count(Facet::suite(), "web")), (2, 0));
        assert_eq!((count(Facet::suite(), "mac"), count(Facet::suite(), "desktop")), (2, 2));
        assert_eq!(
            (count(Facet::of(App::Excel), "unknown"), count(Facet::of(App::Excel), "desktop")),
            (2, 0)
        );
    }

    #[test]
    fn every_set_of_platforms_has_its_words() {
        for bits in 0..32_u32 {
            let named = Platform::ALL.into_iter().filter(|platform| bits & (1 << *platform as u32) != 0);
            let used =
                named.clone().fold(Use::default(), |all, platform| all.and(Use::of(App::Word, platform)));
            let words: Vec<_> = named.map(|platform| platform.name().to_lowercase()).collect();
            assert_eq!(used.platforms(App::Word), words);
            assert!(used.platforms(App::Excel).is_empty());
        }
    }

    #[test]
    fn every_facet_has_a_number_of_its_own() {
        let mut numbers: Vec<_> = Facet::all().map(Facet::index).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (0..Facet::COUNT).collect::<Vec<_>>());
        let words: std::collections::BTreeSet<_> =
            Facet::all().map(|facet| (facet.app_word(), facet.place_word())).collect();
        assert_eq!(words.len(), Facet::COUNT);
    }
}
