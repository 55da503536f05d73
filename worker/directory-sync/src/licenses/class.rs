//! Whether a licence counts: free, company-wide and never assigned ones are shown apart, and stay out of the totals.

/// What kind of licence it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LicenseClass {
    /// Bought for people: it counts.
    Paid,
    /// Free, a trial that people start themselves, or without a limit. Its seats would hide every real total.
    Free,
    /// For the tenant as a whole.
    Company,
    /// For servers or storage. Graph says `User`, and nobody can have it.
    NeverAssignable,
}

/// Free and self-service licences that hide real totals (Paessler's PRTG sensor for Microsoft 365, issue 6, 2024, and
/// CIPP, 2026).
const FREE: [&str; 24] = [
    "SMB_APPS",
    "FLOW_FREE",
    "TEAMS_FREE",
    "POWER_BI_STANDARD",
    "DYN365_AI_SERVICE_INSIGHTS",
    "FORMS_PRO",
    "DYN365_ENTERPRISE_P1_IW",
    "AX7_USER_TRIAL",
    "POWERAPPS_VIRAL",
    "MS_TEAMS_IW",
    "CCIBOTS_PRIVPREV_VIRAL",
    "STREAM",
    "WINDOWS_STORE",
    "TEAMS_EXPLORATORY",
    "RIGHTSMANAGEMENT_ADHOC",
    "RMSBASIC",
    "POWERAPPS_DEV",
    "PROJECT_MADEIRA_PREVIEW_IW_SKU",
    "Dynamics_365_Sales_Premium_Viral_Trial",
    "Power_Pages_vTrial_for_Makers",
    "D365_SALES_PRO_IW",
    "SPZA_IW",
    "POWERAPPS_INDIVIDUAL_USER",
    "MCOPSTNC",
];

/// Parts of the part numbers of licences that people start themselves.
const SELF_SERVICE: [&str; 6] = ["FREE", "VIRAL", "TRIAL", "ADHOC", "EXPLORATORY", "_IW"];
/// Nobody buys this many seats to the unit: Microsoft gives them with what is free. So many `STREAM` were seen.
const UNLIMITED: i64 = 1_000_000;
/// Given with some free licences; a tenant can also have bought them.
const PERHAPS_UNLIMITED: i64 = 10_000;

impl LicenseClass {
    /// The word in a row.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Paid => "paid",
            Self::Free => "free",
            Self::Company => "company",
            Self::NeverAssignable => "never_assignable",
        }
    }

    pub(crate) const WORDS: &'static [&'static str] = &["paid", "free", "company", "never_assignable"];

    /// The class, and why; a paid one needs no reason.
    pub(crate) fn of(
        part_number: &str,
        name: Option<&str>,
        applies_to: Option<&str>,
        enabled: Option<i64>,
        assigned: Option<i64>,
    ) -> (Self, Option<&'static str>) {
        let part = part_number.to_ascii_uppercase();
        let name = name.unwrap_or_default().to_ascii_lowercase();
        let is_used = assigned.is_some_and(|assigned| assigned > 0);
        if applies_to.is_some_and(|to| to.eq_ignore_ascii_case("Company")) {
            return (Self::Company, Some("it is for the tenant as a whole"));
        }
        let is_storage = ["CAPACITY", "STORAGE", "SERVER"].iter().any(|word| part.contains(word))
            || ["capacity", "storage"].iter().any(|word| name.contains(word));
        if is_storage && !is_used {
            return (Self::NeverAssignable, Some("it is for servers or storage, and nobody has it"));
        }
        if FREE.iter().any(|free| free.eq_ignore_ascii_case(part_number)) {
            return (Self::Free, Some("it is free or self-service"));
        }
        let is_self_service = SELF_SERVICE.iter().any(|word| part.contains(word));
        match enabled {
            Some(UNLIMITED) => (Self::Free, Some("it has the million seats of a free licence")),
            Some(PERHAPS_UNLIMITED) if is_self_service => {
                (Self::Free, Some("it is self-service by its part number, with its 10,000 seats"))
            }
            _ => (Self::Paid, None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hides_real_totals_is_apart() {
        let class = |part, name, to, enabled, used| LicenseClass::of(part, name, to, enabled, used).0;
        let user = Some("User");
        assert_eq!(class("SPE_E5", None, user, Some(10_000), Some(0)), LicenseClass::Paid);
        assert_eq!(class("stream", None, user, Some(5), Some(1)), LicenseClass::Free);
        assert_eq!(class("NEW", None, user, Some(1_000_000), Some(1)), LicenseClass::Free);
        assert_eq!(class("NEW_VIRAL", None, user, Some(10_000), Some(1)), LicenseClass::Free);
        assert_eq!(class("NEW_VIRAL", None, user, Some(9_999), Some(1)), LicenseClass::Paid);
        assert_eq!(class("ANY", None, Some("company"), Some(1), None), LicenseClass::Company);
        let server = |used| class("MDATP_Server", None, user, Some(3), used);
        assert_eq!(
            (server(Some(0)), server(None)),
            (LicenseClass::NeverAssignable, LicenseClass::NeverAssignable)
        );
        assert_eq!(server(Some(1)), LicenseClass::Paid, "somebody has it");
        let archive = Some("Exchange Online Archiving for Exchange Server");
        assert_eq!(class("EXCHANGEARCHIVE", archive, user, Some(3), Some(0)), LicenseClass::Paid);
        let pages = Some("Power Pages authenticated users T1 capacity pack");
        assert_eq!(class("PAGES_T1", pages, user, Some(3), Some(0)), LicenseClass::NeverAssignable);
    }
}
