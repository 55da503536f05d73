//! What Graph's error codes and messages mean where the status says too little. A code decides, or a fragment of the
//! message where Graph uses one code for a dozen errors.
//!
//! Codes are compared on every level of the error, ignoring case: services spell them differently
//! (`itemNotFound`, `ItemNotFound`). The texts were seen in Microsoft's documentation and in clients' code and
//! support threads, 2021 to 2026.

use crate::error::Error;

/// How an error is recognised: one of these statuses, together with any one of the codes or fragments.
struct Signs {
    statuses: &'static [u16],
    codes: &'static [&'static str],
    fragments: &'static [&'static str],
}

/// The object to create exists already.
const ALREADY_THERE: Signs = Signs {
    statuses: &[400, 409],
    codes: &[
        "ObjectConflict",
        "nameAlreadyExists",
        "Request_MultipleObjectsWithSameKeyValue",
        "RoleAssignmentExists",
    ],
    fragments: &[
        "another object with the same value",
        "added object references already exist",
        "permission being assigned already exists",
        // Of assignments to applications, too (microsoftgraph/msgraph-bicep-types issue 161, 2024).
        "entitlementgrant entry already exists",
        "extension already exists with given id",
    ],
};

/// The object to remove does not exist, in an answer other than 404.
const ALREADY_GONE: Signs = Signs {
    statuses: &[400],
    codes: &["RoleAssignmentDoesNotExist"],
    fragments: &["removed object references do not exist", "does not have a corresponding license"],
};

/// Teams answers 404 when a service behind it fails. It does not mean that the object is absent.
const BACKEND_FAILED: Signs =
    Signs { statuses: &[404], codes: &[], fragments: &["failed to execute skype backend request"] };

/// 404 in Graph's own words.
const MISSING: Signs = Signs {
    statuses: &[404],
    codes: &["Request_ResourceNotFound", "ResourceNotFound", "itemNotFound", "NotFound", "ErrorItemNotFound"],
    fragments: &[],
};

const RESYNC: Signs = Signs {
    statuses: &[400, 404, 409, 410],
    codes: &[
        "syncStateNotFound",
        "syncStateInvalid",
        "resyncRequired",
        "resyncChangesApplyDifferences",
        "resyncChangesUploadDifferences",
    ],
    fragments: &[],
};

const LISTING_EXPIRED: Signs =
    Signs { statuses: &[400], codes: &["Directory_ExpiredPageToken"], fragments: &[] };

const NO_MAILBOX: Signs = Signs {
    statuses: &[400, 404],
    codes: &["MailboxNotEnabledForRESTAPI", "ErrorNonExistentMailbox", "ErrorInvalidUser"],
    fragments: &[],
};

const NO_DRIVE: Signs = Signs {
    statuses: &[400, 404],
    codes: &[],
    fragments: &["mysite not found", "unable to retrieve user's mysite"],
};

const NOT_BOUGHT: Signs = Signs {
    statuses: &[400, 403],
    codes: &["Authentication_RequestFromNonPremiumTenantOrB2CTenant", "AadPremiumLicenseRequired"],
    fragments: &["tenant does not have a spo license", "request not applicable to target tenant"],
};

const NO_SEAT: Signs =
    Signs { statuses: &[400], codes: &[], fragments: &["does not have any available licenses"] };

/// A usage location that was set a moment ago is not known everywhere yet, or a group began to assign the licence.
const LICENSES_MOVED: Signs = Signs {
    statuses: &[400],
    codes: &[],
    fragments: &["invalid usage location", "inherited from a group membership"],
};

/// The first fragment is older wording, the second is of group licensing, the third is in audit logs since 2024.
const LICENSES_CLASH: Signs = Signs {
    statuses: &[400],
    codes: &["mutuallyExclusiveServicePlans"],
    fragments: &[
        "depends on the service plan",
        "are mutually exclusive",
        "licensed service plans that conflict",
    ],
};

const LIMIT: Signs = Signs {
    statuses: &[400, 403, 507],
    codes: &["Directory_QuotaExceeded", "quotaLimitReached"],
    fragments: &["operations cannot be performed on files larger than"],
};

/// The last is of a temporary access pass; its status is not documented (MicrosoftDocs/azure-docs issue 111778, 2023).
const POLICY: Signs = Signs {
    statuses: &[400, 403],
    codes: &["sharingDisabled"],
    fragments: &["access to odata is disabled", "credentialpolicy does not allow"],
};

const SYNCED: Signs = Signs {
    statuses: &[400, 403],
    codes: &[],
    fragments: &["on-premises mastered", "originated within an external service"],
};

const UNPREPARED: Signs = Signs {
    statuses: &[400],
    codes: &[],
    fragments: &[
        "must have at least one owner",
        "is not empty",
        "cannot delete default method with other methods",
        "until the default authentication method is changed",
    ],
};

/// The property that another object has. Groups and contacts have addresses and aliases, too.
const ADDRESS_TAKEN: Signs = Signs {
    statuses: &[400, 409],
    codes: &[],
    fragments: &["same value for property proxyaddresses", "same value for property mailnickname"],
};

/// A day for which Microsoft keeps no report: too old, or too recent (microsoft-graph-docs issue 8946, 2020).
const NO_REPORT_OF_DAY: Signs =
    Signs { statuses: &[400], codes: &[], fragments: &["invalid date value specified"] };

/// Entra answers the same for its own rule and for a tenant's list of banned passwords.
const PASSWORD: Signs =
    Signs { statuses: &[400], codes: &[], fragments: &["password complexity requirements"] };

const MALFORMED: Signs = Signs {
    statuses: &[400],
    codes: &[
        "Request_UnsupportedQuery",
        "RequestBodyRead",
        "ErrorInvalidIdMalformed",
        "ErrorMimeContentInvalidBase64String",
    ],
    fragments: &[
        "$count is not currently supported",
        "invalid batch payload format",
        "cannot copy the root folder",
        "childrenonly",
    ],
};

/// An id that Outlook cannot read, or one of another mailbox (EWS response codes, 2025; Graph passes them on).
const NO_ITEM_ID: Signs = Signs {
    statuses: &[400],
    codes: &[
        "ErrorInvalidIdMalformed",
        "ErrorInvalidIdEmpty",
        "ErrorInvalidIdNotAnItemAttachmentId",
        "ErrorInvalidMailboxItemId",
    ],
    fragments: &[],
};

impl Signs {
    fn are_on(&self, error: &Error) -> bool {
        self.statuses.iter().any(|status| error.graph_status() == Some(*status))
            && (error.has_code(self.codes) || self.fragments.iter().any(|text| error.mentions(text)))
    }
}

/// What Graph means.
impl Error {
    /// The object to create exists already; a new observation shows it.
    pub fn is_already_exists(&self) -> bool {
        ALREADY_THERE.are_on(self)
    }

    /// Another object has the e-mail address or alias.
    pub fn is_address_taken(&self) -> bool {
        ADDRESS_TAKEN.are_on(self)
    }

    /// Graph itself says that the object to remove does not exist: the removal is done.
    pub fn is_already_gone(&self) -> bool {
        self.says_missing() || ALREADY_GONE.are_on(self)
    }

    /// A delta cannot resume from its token; everything has to be read again.
    pub fn is_resync_required(&self) -> bool {
        self.graph_status() == Some(410) || RESYNC.are_on(self)
    }

    /// The link to the next page has expired; the listing has to start again.
    pub fn is_listing_expired(&self) -> bool {
        LISTING_EXPIRED.are_on(self)
    }

    /// The person has no reachable mailbox, or not yet.
    pub fn is_mailbox_missing(&self) -> bool {
        NO_MAILBOX.are_on(self)
    }

    /// The person has no OneDrive, or not yet.
    pub fn is_drive_missing(&self) -> bool {
        NO_DRIVE.are_on(self)
    }

    /// The tenant has not bought the service, or the edition of it, that the request needs.
    pub fn is_not_bought(&self) -> bool {
        NOT_BOUGHT.are_on(self)
    }

    /// No seat of a licence is free.
    pub fn is_seat_missing(&self) -> bool {
        NO_SEAT.are_on(self)
    }

    /// The person's licences changed since they were read, or a change has not arrived yet; a new observation shows it.
    pub fn is_license_stale(&self) -> bool {
        LICENSES_MOVED.are_on(self)
    }

    /// The licences contain service plans that exclude or need each other.
    pub fn is_license_conflict(&self) -> bool {
        LICENSES_CLASH.are_on(self)
    }

    /// A limit is reached that waiting does not lift: a full drive, too many owners, too large a file.
    pub fn is_limit_reached(&self) -> bool {
        self.graph_status() == Some(507) || LIMIT.are_on(self)
    }

    /// A policy of the tenant forbids the request; no permission helps.
    pub fn is_against_policy(&self) -> bool {
        POLICY.are_on(self)
    }

    /// The object is mastered in an on-premises directory and has to be changed there.
    pub fn is_synced(&self) -> bool {
        SYNCED.are_on(self)
    }

    /// Something else has to be done first: name another owner, empty a calendar group, remove the other sign-in
    /// methods.
    pub fn is_unprepared(&self) -> bool {
        UNPREPARED.are_on(self)
    }

    /// No item or folder of the mailbox has the id.
    pub(crate) fn is_id_of_nothing(&self) -> bool {
        NO_ITEM_ID.are_on(self)
    }

    /// The object is locked by another user or process.
    pub fn is_locked(&self) -> bool {
        self.graph_status() == Some(423)
            || (self.graph_status().is_some() && self.has_code(&["resourceLocked"]))
    }

    /// There is no usage report of this day, because it is too old or too recent.
    pub fn is_day_without_report(&self) -> bool {
        NO_REPORT_OF_DAY.are_on(self)
    }

    /// The password does not meet the tenant's policy.
    pub fn is_password_refused(&self) -> bool {
        PASSWORD.are_on(self)
    }

    /// The request itself is wrong; this client has a bug.
    pub fn is_malformed(&self) -> bool {
        MALFORMED.are_on(self)
    }

    /// Graph itself says that the object does not exist. Unlike [`is_not_found`](Self::is_not_found) this does not
    /// trust a bare 404: a proxy's error page must not make every person of a tenant look absent.
    pub(crate) fn says_missing(&self) -> bool {
        MISSING.are_on(self) && !self.is_backend_failure()
    }

    /// A 404 that reports a failure behind Graph.
    pub(crate) fn is_backend_failure(&self) -> bool {
        BACKEND_FAILED.are_on(self)
    }

    /// 409 `Directory_ConcurrencyViolation`: "Please wait briefly and retry".
    pub(crate) fn is_concurrency(&self) -> bool {
        self.graph_status() == Some(409) && self.has_code(&["Directory_ConcurrencyViolation"])
    }
}
