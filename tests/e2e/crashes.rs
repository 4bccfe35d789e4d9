//! crashes: to be filled.
