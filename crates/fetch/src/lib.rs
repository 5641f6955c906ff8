//! Gets published models: chooses one of the manifest, downloads it, verifies it, puts it in place.
//!
//! ```text
//! Manifest ─ choose(Request) ─► Asset ─ one Download per file ─► Client::fetch ─► the file in place
//!    places in turn ─ resume ─► NAME.part ─ unzip? ─ sha256, header ─► record, rename
//! ```
//!
//! What is in place already and was not fetched by this crate is never replaced unless the caller
//! says so. Nothing is printed: [`Client::fetch`] reports [`Event`]s. User names and passwords in
//! URLs are taken out when a [`Place`] is made, and are in no error and no file.

mod archive;
mod choice;
mod client;
mod download;
mod installed;
mod library;
mod manifest;
mod part;
mod place;
mod sum;
mod verify;

pub use choice::{Asset, ChoiceError, Platform, Request};
pub use client::{Client, Download, FetchError, Fetched, Outcome};
pub use download::{Event, PlaceError};
pub use library::{VersionError, ZooChoice};
pub use manifest::{HefEntry, Manifest, ManifestError, OnnxEntry, OnnxFile};
pub use place::{NotAPlace, Place};
pub use sum::{NotASum, Sum};
pub use verify::{Kind, Rejection};
