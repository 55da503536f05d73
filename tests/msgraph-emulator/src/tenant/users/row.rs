//! One user of a crowd: all that follows from the seed and the number, computed when it is asked for.

use std::sync::LazyLock;

use jiff::civil::{Date, date};
use uuid::Uuid;

use super::crowd::{COUNTRIES, Crowd, DEPARTMENTS};
use super::sign_ins::NEVER;
use crate::random::Numbers;

/// The domain guests come from.
pub(super) const PARTNER: &str = "fabrikam.example";
/// How many people a manager has.
const SPAN_OF_CONTROL: u64 = 7;

const GIVEN_NAMES: [&str; 16] = [
    "Ada", "Grace", "Edsger", "Zoë", "Łukasz", "Jürgen", "Noémie", "Søren", "Mary", "Alan", "Barbara", "Ken",
    "Radia", "Donald", "Frances", "Tony",
];
const SURNAMES: [&str; 16] = [
    "Lovelace",
    "Hopper",
    "Dijkstra",
    "Müller",
    "Kowalczyk",
    "Ångström",
    "Lefèvre",
    "Østergård",
    "Shelley",
    "Turing",
    "Liskov",
    "Thompson",
    "Perlman",
    "Knuth",
    "Allen",
    "Hoare",
];
const TITLES: [&str; 8] =
    ["Engineer", "Analyst", "Accountant", "Counsel", "Manager", "Assistant", "Researcher", "Representative"];
const OFFICES: [&str; 8] = ["1/101", "1/102", "1/203", "2/110", "2/205", "3/001", "3/302", "4/400"];
/// City and name of each country.
const PLACES: [(&str, &str); COUNTRIES.len()] = [
    ("Berlin", "Germany"),
    ("Lyon", "France"),
    ("London", "United Kingdom"),
    ("Utrecht", "Netherlands"),
    ("Uppsala", "Sweden"),
    ("Boston", "United States"),
];

/// The days from 2015 on, as they are written.
static DAYS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let first = date(2015, 1, 1);
    first.series(jiff::Span::new().days(1)).take(8_192).map(|day| day.to_string()).collect()
});
/// Accounts were made in the first of these days.
const DAYS_OF_CREATION: u64 = 3_072;

/// The number of a day from 2015 on.
pub(super) fn day_number(day: Date) -> u64 {
    let days = day.since(date(2015, 1, 1)).map(|span| span.get_days()).unwrap_or_default();
    u64::try_from(days).unwrap_or_default()
}

fn day(number: u64) -> &'static str {
    let number = usize::try_from(number).unwrap_or_default();
    DAYS.get(number).map_or("2015-01-01", String::as_str)
}

/// How a user of the crowd has a licence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum License {
    None,
    /// `trimmed` if the first plan is switched off.
    Direct {
        trimmed: bool,
    },
    Group,
    Both,
    /// By a group that had no seat left.
    Failed,
}

/// A moment of the reports on sign-ins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    Unknown,
    Never,
    Day(u64),
}

impl Moment {
    /// Writes the moment; returns whether there is one.
    pub(super) fn put(self, out: &mut Vec<u8>) -> bool {
        match self {
            Self::Unknown => return false,
            Self::Never => out.extend_from_slice(NEVER.as_bytes()),
            Self::Day(number) => {
                out.extend_from_slice(day(number).as_bytes());
                out.extend_from_slice(b"T09:30:00Z");
            }
        }
        true
    }

    pub(super) fn text(self) -> Option<String> {
        let mut bytes = Vec::new();
        self.put(&mut bytes).then(|| String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// One user of a crowd.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row<'a> {
    pub(super) crowd: &'a Crowd,
    pub(super) number: u64,
    department: u64,
    country: u64,
    /// Bits that decide the rest.
    kind: u64,
    licenses: u64,
    sign_ins: u64,
}

impl<'a> Row<'a> {
    pub(super) fn new(crowd: &'a Crowd, number: u64) -> Self {
        let mut numbers = Numbers::new(crowd.seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        Self {
            crowd,
            number,
            department: numbers.next(),
            country: numbers.next(),
            kind: numbers.next(),
            licenses: numbers.next(),
            sign_ins: numbers.next(),
        }
    }

    pub(crate) fn id(&self) -> Uuid {
        self.crowd.id(self.number)
    }

    /// One of these, by bits from this one on.
    fn pick<const N: usize>(&self, from: &'static [&'static str; N], bit: u32) -> &'static str {
        pick(from, self.kind >> bit)
    }

    /// Whether this user is one of so many, by bits from this one on; nobody is in a plain crowd.
    fn is_one_of(&self, many: u64, bit: u32) -> bool {
        self.crowd.lifelike && (self.kind >> bit).is_multiple_of(many)
    }

    pub(super) fn is_guest(&self) -> bool {
        self.is_one_of(16, 0)
    }

    pub(super) fn is_enabled(&self) -> bool {
        !self.is_one_of(16, 4)
    }

    pub(super) fn is_synced(&self) -> bool {
        self.is_one_of(2, 8) && !self.is_guest()
    }

    pub(super) fn department(&self) -> &'static str {
        pick(&DEPARTMENTS, self.department)
    }

    /// The number of the manager.
    pub(super) fn manager(&self) -> Option<u64> {
        let has_one = self.crowd.lifelike && self.number > 1 && !self.is_guest() && !self.is_one_of(64, 35);
        has_one.then(|| (self.number - 2) / SPAN_OF_CONTROL + 1)
    }

    /// How this user has the licence offered at this place: half as many have each as the one before.
    pub(super) fn license(&self, offer: usize) -> License {
        if !self.crowd.lifelike {
            return License::Direct { trimmed: false };
        }
        let share = self.licenses >> (5 * offer) & 31;
        let below = |most: u64| share < most >> offer;
        match () {
            () if self.is_guest() && (share > 0 || offer > 0) => License::None,
            () if below(12) => License::Direct { trimmed: (self.licenses >> (32 + offer)) & 7 == 0 },
            () if below(20) => License::Group,
            () if below(22) => License::Both,
            () if below(23) => License::Failed,
            () => License::None,
        }
    }

    /// The last interactive, other and successful sign-ins; nothing for a user who never tried.
    pub(super) fn sign_ins(&self) -> Option<[Moment; 3]> {
        let today = self.crowd.today;
        let last = today.saturating_sub(1 + (self.sign_ins >> 4) % 200);
        let silent = today.saturating_sub(1 + (self.sign_ins >> 12) % 30);
        match self.sign_ins % 16 {
            _ if !self.crowd.lifelike => None,
            0 | 1 => None,
            2 => Some([Moment::Never; 3]),
            // Only attempts: somebody tries passwords.
            3 => Some([Moment::Day(today - 1), Moment::Unknown, Moment::Unknown]),
            4 => Some([Moment::Day(today - 1), Moment::Unknown, Moment::Day(last.saturating_sub(100))]),
            _ => Some([Moment::Day(last), Moment::Day(silent), Moment::Day(last.max(silent))]),
        }
    }

    fn created_on(&self) -> u64 {
        (self.kind >> 23) % DAYS_OF_CREATION
    }

    /// Writes the name before the `@` of the first domain.
    fn put_local(&self, out: &mut Vec<u8>) -> bool {
        self.put_nickname(out)
            && (!self.is_guest() || push(out, "_") && push(out, PARTNER) && push(out, "#EXT#"))
    }

    fn put_nickname(&self, out: &mut Vec<u8>) -> bool {
        push(out, "person-") && self.put_number(out)
    }

    fn put_upn(&self, out: &mut Vec<u8>) -> bool {
        self.put_local(out) && push(out, "@") && push(out, &self.crowd.domain)
    }

    fn put_number(&self, out: &mut Vec<u8>) -> bool {
        let mut digits = *b"0000000";
        let mut rest = self.number;
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + u8::try_from(rest % 10).unwrap_or_default();
            rest /= 10;
        }
        out.extend_from_slice(&digits);
        true
    }

    fn put_name(&self, out: &mut Vec<u8>) -> bool {
        if !self.crowd.lifelike {
            return push(out, "Person ") && push(out, &self.number.to_string());
        }
        push(out, self.pick(&GIVEN_NAMES, 9)) && push(out, " ") && push(out, self.pick(&SURNAMES, 13))
    }

    fn put_created(&self, out: &mut Vec<u8>) -> bool {
        if !self.crowd.lifelike {
            return push(out, crate::clock::CREATED);
        }
        push(out, day(self.created_on())) && push(out, "T08:00:00Z")
    }

    /// Whether this user is employed, and differs from others.
    fn is_employee(&self) -> bool {
        self.crowd.lifelike && !self.is_guest()
    }

    /// City and name of the country.
    fn place(&self) -> (&'static str, &'static str) {
        let at = usize::try_from(self.country % COUNTRIES.len() as u64).unwrap_or_default();
        PLACES.get(at).copied().unwrap_or_default()
    }

    /// A text property's value.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let mut bytes = Vec::new();
        text_of(name)(self, &mut bytes).then(|| String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// Writes one property of a user of the crowd; returns whether it has a value.
pub(super) type Put = fn(&Row<'_>, &mut Vec<u8>) -> bool;

/// What writes a text property, found once for a whole list. No value of it needs an escape in JSON.
pub(super) fn text_of(name: &str) -> Put {
    match name {
        "department" => |row, out| push(out, row.department()),
        "usageLocation" => |row, out| push(out, pick(&COUNTRIES, row.country)),
        "userType" => |row, out| push(out, if row.is_guest() { "Guest" } else { "Member" }),
        "employeeId" => |row, out| !row.is_guest() && push(out, "P") && row.put_number(out),
        "mail" => |row, out| match row.is_guest() {
            true => row.put_nickname(out) && push(out, "@") && push(out, PARTNER),
            false => row.put_upn(out),
        },
        "userPrincipalName" => |row, out| row.put_upn(out),
        "mailNickname" => |row, out| row.put_local(out),
        "displayName" => |row, out| row.put_name(out),
        "createdDateTime" => |row, out| row.put_created(out),
        "givenName" => |row, out| row.crowd.lifelike && push(out, row.pick(&GIVEN_NAMES, 9)),
        "surname" => |row, out| row.crowd.lifelike && push(out, row.pick(&SURNAMES, 13)),
        "jobTitle" => |row, out| row.crowd.lifelike && push(out, row.pick(&TITLES, 17)),
        "officeLocation" => |row, out| row.crowd.lifelike && push(out, row.pick(&OFFICES, 20)),
        "companyName" => {
            |row, out| row.crowd.lifelike && push(out, if row.is_guest() { "Fabrikam" } else { "Contoso" })
        }
        "city" => |row, out| row.crowd.lifelike && push(out, row.place().0),
        "country" => |row, out| row.crowd.lifelike && push(out, row.place().1),
        "mobilePhone" => |row, out| {
            row.crowd.lifelike && !row.is_one_of(4, 50) && push(out, "+1 555 ") && row.put_number(out)
        },
        "externalUserState" => |row, out| {
            row.is_guest() && push(out, if row.is_one_of(4, 52) { "PendingAcceptance" } else { "Accepted" })
        },
        "employeeType" => |row, out| {
            row.is_employee() && push(out, if row.is_one_of(8, 47) { "Contractor" } else { "Employee" })
        },
        "employeeHireDate" => {
            |row, out| row.is_employee() && push(out, day(row.created_on())) && push(out, "T00:00:00Z")
        }
        "employeeLeaveDateTime" => |row, out| {
            row.is_employee()
                && row.is_one_of(64, 41)
                && push(out, day(row.created_on() + 1_500))
                && push(out, "T17:00:00Z")
        },
        "onPremisesSamAccountName" => |row, out| row.is_synced() && push(out, "p") && row.put_number(out),
        "onPremisesImmutableId" => |row, out| row.is_synced() && row.put_number(out) && push(out, "Zk9QeA=="),
        "onPremisesLastSyncDateTime" => {
            |row, out| row.is_synced() && push(out, day(row.crowd.today)) && push(out, "T00:00:00Z")
        }
        _ => |_, _| false,
    }
}

/// Writes a text. It is always there, so that steps can follow each other.
pub(super) fn push(out: &mut Vec<u8>, text: &str) -> bool {
    out.extend_from_slice(text.as_bytes());
    true
}

/// The numbers of the people a manager of the crowd may have.
pub(super) fn reports_of(manager: u64) -> std::ops::Range<u64> {
    let first = (manager - 1) * SPAN_OF_CONTROL + 2;
    first..first + SPAN_OF_CONTROL
}

fn pick<const N: usize>(from: &'static [&'static str; N], dice: u64) -> &'static str {
    let at = usize::try_from(dice % N as u64).unwrap_or_default();
    from.get(at).copied().unwrap_or_default()
}
