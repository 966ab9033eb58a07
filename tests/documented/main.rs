//! What the pages tell people to type: every command is read from them, understood by the program,
//! and run against a service wherever that needs no cluster and no network.

mod asked;
mod commands;
mod exports;
mod pages;
mod run;
