//! Exchange: mailboxes, mail and calendars.

use crate::sample::{Call, Sample, sample};

pub fn samples() -> Vec<Sample> {
    [mailboxes(), settings(), mail_and_calendars()].into_iter().flatten().collect()
}

fn mailboxes() -> Vec<Sample> {
    let no_mailbox = |sample: Sample| sample.blocked("mailbox_missing", "mailbox_missing not_found");
    let denied = |name, message| {
        let answer = sample(name, Call::Patch, 403, "ErrorAccessDenied", message);
        (answer, "forbidden")
    };
    let (access, forbidden) =
        denied("mailbox-access-denied", "Access is denied. Check credentials and try again.");
    let (policy, _) = denied("mailbox-app-access-policy", "Access to OData is disabled.");
    vec![
        no_mailbox(sample(
            "mailbox-not-enabled",
            Call::Get,
            404,
            "MailboxNotEnabledForRESTAPI",
            "The mailbox is either inactive, soft-deleted, or is hosted on-premise.",
        )),
        no_mailbox(sample(
            "mailbox-nonexistent",
            Call::Get,
            404,
            "ErrorNonExistentMailbox",
            "The SMTP address has no mailbox associated with it.",
        )),
        no_mailbox(sample(
            "mailbox-invalid-user",
            Call::Get,
            404,
            "ErrorInvalidUser",
            "The requested user '1' is invalid.",
        )),
        sample(
            "mailbox-item-not-found",
            Call::Delete,
            404,
            "ErrorItemNotFound",
            "The specified object was not found in the store.",
        ),
        access.blocked("permission_missing", forbidden),
        policy.blocked("policy_forbids", "against_policy forbidden"),
        sample(
            "mailbox-concurrency",
            Call::Patch,
            429,
            "ApplicationThrottled",
            "Application is over its MailboxConcurrency limit.",
        )
        .with_header("Retry-After", "1")
        .retry("graph_throttled", "throttled transient"),
        sample("mailbox-concurrency, without a wait", Call::Post, 429, "ApplicationThrottled", "")
            .retry("graph_throttled", "throttled transient"),
    ]
}

fn settings() -> Vec<Sample> {
    vec![
        sample(
            "mailbox-settings-bad-body",
            Call::Patch,
            400,
            "RequestBodyRead",
            "A property is not expected.",
        )
        .fault("graph_unexpected", "malformed"),
        sample(
            "mailbox-oof-times",
            Call::Patch,
            400,
            "ErrorInvalidTimeSettings",
            "Start Time should occur before End Time.",
        )
        .blocked("graph_refused", ""),
        sample("mailbox-bad-timezone", Call::Patch, 400, "InvalidTimeZone", "The time zone is not known.")
            .blocked("graph_refused", ""),
        sample("mailbox-malformed-id", Call::Get, 400, "ErrorInvalidIdMalformed", "Id is malformed.")
            .fault("graph_unexpected", "malformed"),
    ]
}

fn mail_and_calendars() -> Vec<Sample> {
    vec![
        sample(
            "sendmail-mime",
            Call::Post,
            400,
            "ErrorMimeContentInvalidBase64String",
            "Invalid base64 string for MIME content.",
        )
        .fault("graph_unexpected", "malformed"),
        sample(
            "sendmail-sendas",
            Call::Post,
            403,
            "ErrorSendAsDenied",
            "The user account which was used to submit this request does not have the right to send mail on \
             behalf of the specified sending account. Cannot submit message.",
        )
        .blocked("permission_missing", "forbidden"),
        sample(
            "event-cancel-not-organizer",
            Call::Post,
            400,
            "ErrorInvalidRequest",
            "Your request can't be completed. You need to be an organizer to cancel a meeting.",
        )
        .blocked("graph_refused", ""),
        sample("calendar-delete-503", Call::Delete, 503, "UnknownError", "")
            .retry("graph_unavailable", "transient"),
        sample(
            "calendar-delete-500",
            Call::Delete,
            500,
            "ErrorInternalServerError",
            "An internal server error occurred. The operation failed.",
        )
        .retry("graph_unavailable", "transient"),
        sample(
            "calendar-group-not-empty",
            Call::Delete,
            400,
            "ErrorInvalidRequest",
            "Your request can't be completed. The calendar group 'Old' is not empty.",
        )
        .blocked("not_prepared", "unprepared"),
    ]
}
