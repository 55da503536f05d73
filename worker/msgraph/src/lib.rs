//! Microsoft Graph over HTTP; the only user of reqwest and backoff.
