//! Reads several objects, each by itself: if Graph refuses one, the others are still read.

use std::fmt::Display;

use futures_util::future::join_all;
use outcome::{Left, Needs};

use super::error::Error;

/// The objects that could be read, and a note about each that could not.
pub type Looks<T> = (Vec<T>, Vec<Left>);

/// Reads each of these objects. A name stands for the object in the notes.
///
/// # Errors
///
/// If the service fails, or refuses all of them.
pub async fn at_each<T, N: Display>(
    looks: impl IntoIterator<Item = (N, impl Future<Output = Result<T, Error>>)>,
) -> Result<Looks<T>, Error> {
    let looks = looks.into_iter().map(async |(name, look)| (name, look.await));
    let (mut seen, mut refused) = (Vec::new(), Vec::new());
    for (name, look) in join_all(looks).await {
        match look {
            Ok(object) => seen.push(object),
            Err(error) if error.is_of_one_object() => refused.push((name, error)),
            Err(error) => return Err(error),
        }
    }
    if seen.is_empty() {
        Error::all(refused.into_iter().map(|(_, error)| error))?;
        return Ok((seen, Vec::new()));
    }
    let left = refused.into_iter().map(|(name, error)| {
        let detail =
            format!("Graph refuses to show {name}, so it stays as it is; look at it by hand: {error}");
        Left { code: "unreadable_object".to_owned(), detail, needs: Needs::Operator }
    });
    Ok((seen, left.collect()))
}
