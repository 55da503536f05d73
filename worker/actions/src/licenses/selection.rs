//! Which of a person's licences to remove.

use msgraph::SubscribedSku;

use crate::Error;
use crate::licenses::subscriptions as licenses;

/// The ids of the licences to keep and to remove.
pub struct Selection<'a> {
    keep: Vec<&'a str>,
    only: Option<Vec<&'a str>>,
}

impl<'a> Selection<'a> {
    /// Finds them among the licences that the tenant has bought.
    ///
    /// # Errors
    ///
    /// `license_not_found`.
    pub fn of(keep: &[String], only: Option<&[String]>, skus: &'a [SubscribedSku]) -> Result<Self, Error> {
        let ids = |references: &[String]| {
            let found = references.iter().map(|reference| licenses::find(reference, skus));
            found.map(|sku| Ok(sku?.sku_id.as_str())).collect::<Result<Vec<_>, Error>>()
        };
        let keep = ids(keep).map_err(|error| error.about(&["keep"]))?;
        Ok(Self { keep, only: only.map(ids).transpose()? })
    }

    /// Whether only licences that are named are to be removed.
    pub fn is_named(&self) -> bool {
        self.only.is_some()
    }

    /// Whether this licence is to be removed.
    pub fn includes(&self, sku: &str) -> bool {
        self.names(sku) && !self.keep.contains(&sku)
    }

    /// Whether the licence is named, or no licence is.
    pub fn names(&self, sku: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(&sku))
    }
}
