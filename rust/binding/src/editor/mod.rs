//! The Sockets tab in the debugger of the editor.
//!
//! [`plugin`] has the classes, which Godot registers at the editor's level: Godot makes an object
//! of the plugin when the editor starts. A game that the editor runs has the classes too, and does
//! not use them; an exported game does not have them. [`table`] is the tab; [`rates`] and [`dump`]
//! are pure.

mod dump;
mod plugin;
mod rates;
mod table;
