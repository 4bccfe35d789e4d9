//! The ports of Metagov's plugins, each with a stand-in of its platform. The tables of `host/docs/compatibility.md` name
//! these tests.

mod discord;
mod discourse;
mod github;
mod loomio;
mod one_driver;
mod revshare;
mod slack;
mod sourcecred;
