//! The Sockets tab of the editor's debugger. Its classes are the editor's: Godot makes an object of the plugin by itself, when
//! the editor starts, and a game never gets here.

mod dump;
mod plugin;
mod rates;
mod table;
